"""An operation: one row of a host's state going from before to after.

Create, change and delete are None -> x, x -> y and x -> None; undo is the swap.
"""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.state import Key, Row


@dataclass(frozen=True, slots=True)
class Operation:
    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        row = self.after if self.after is not None else self.before
        assert row is not None, "an operation that changes nothing"
        return row

    @property
    def key(self) -> Key:
        return self.row.key

    def inverse(self) -> Operation:
        return Operation(before=self.after, after=self.before)
