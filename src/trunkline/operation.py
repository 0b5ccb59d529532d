"""An operation: one row of a host's state going from before to after.

Create, change and delete are None -> x, x -> y and x -> None; undo is the swap.
"""

from __future__ import annotations

from dataclasses import dataclass

from trunkline import commands
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

    def commands(self) -> tuple[str, ...]:
        """Return the shell lines that do the same, as a person would type them."""
        if self.after is None:
            return tuple(commands.delete(self.row))
        if self.before is None:
            return tuple(commands.create(self.after))
        return tuple(commands.change(self.before, self.after))

    def describe(self) -> str:
        """Return one line for people: the main command, without what only sets it up."""
        lines = [line.partition(" <<")[0] for line in self.commands()]
        made = self.before is None or self.after is None
        return commands.main(self.row, lines[:1] if made else lines)
