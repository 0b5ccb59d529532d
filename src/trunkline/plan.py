"""A plan: the operations that bring a host from what is observed to what is desired.

Rules of ownership:
- A namespace or device is ours when its alias says so. Everything in our namespaces that is
  marked as ours, and what sits on our devices, is ours with it.
- Foreign rows are never deleted and never changed, with three exceptions that a site asks for: an
  uplink's NIC is set up and widened, it becomes a port of our bridge, and its addresses move to
  the bridge where the site declares them there.
- A desired row whose place a foreign one holds is a conflict, found before anything is written.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import get_args

from trunkline import order, seizure
from trunkline.operation import Operation
from trunkline.order import Target
from trunkline.ownership import Ownership
from trunkline.state import (
    HostState,
    Key,
    Nic,
    Row,
    Sysctl,
    Veth,
    VethEnd,
    completed,
    device_names,
)


@dataclass(frozen=True)
class Summary:
    """How many rows a plan makes, changes, destroys, and makes anew."""

    add: int = 0
    change: int = 0
    destroy: int = 0
    replace: int = 0
    """Rows that are destroyed and made anew; counted in *add* and *destroy* too."""

    def __str__(self) -> str:
        return f"{self.add} to add, {self.change} to change, {self.destroy} to destroy"


@dataclass(frozen=True)
class Plan:
    site: str
    operations: tuple[Operation, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.operations

    @functools.cached_property
    def summary(self) -> Summary:
        made = {op.key for op in self.operations if op.before is None}
        gone = {op.key for op in self.operations if op.after is None}
        change = len(self.operations) - len(made) - len(gone)
        return Summary(len(made), change, len(gone), len(made & gone))


def diff(observed: HostState, desired: HostState, site: str) -> Plan:
    """Return the plan for *site*; raises where it must not or cannot be carried out.

    ConflictError: somebody else holds what it needs. HostError: a NIC is missing.
    """
    target: dict[Key, Row | None] = {}
    for key, row in desired.items():
        seen = observed.get(key)
        if seen is None or not agrees(row, seen):
            target[key] = row
    leaving = [key for key in observed if key not in desired]
    if not target and not leaving:
        return Plan(site)
    ownership = Ownership(observed, desired, site)
    moves = seizure.check(observed, desired, target, ownership)
    for key in leaving:
        if ownership.owns(observed[key]):
            target[key] = None
    ownership.check_guests(target)
    wanted = _wanted(observed, target)
    return Plan(site, order.operations(observed, {**wanted, **moves}, kept=desired))


def _wanted(observed: HostState, target: Target) -> Target:
    """Return *target* in full: every field known where the kernel already has the row."""
    return {
        key: None if row is None else _filled(row, observed.get(key))
        for key, row in target.items()
    }


def _filled(row: Row, seen: Row | None) -> Row:
    if isinstance(row, Nic) and isinstance(seen, Nic):
        # Others may need the NIC wider than this site does.
        row = dataclasses.replace(row, mtu=max(row.mtu or 0, seen.mtu or 0) or None)
    return completed(row, seen)


def _paths(kind: type[Row]) -> Iterator[str]:
    """Yield the name of every field, of a pair's ends as `first.name`."""
    ends = {"first", "second"} if kind is Veth else set()
    for field in dataclasses.fields(kind):
        if field.name in ends:
            yield from (f"{field.name}.{part.name}" for part in dataclasses.fields(VethEnd))
        else:
            yield field.name


_FIELDS: dict[type[Row], attrgetter[tuple[object, ...]]] = {
    kind: attrgetter(*_paths(kind)) for kind in get_args(Row)
}
"""Every field of a row at once, a pair's with its ends'. A row has at least two, so the getter
returns a tuple; tens of thousands are compared where there is nothing to do."""


def agrees(desired: Row, observed: Row) -> bool:
    """Return whether *observed* is as *desired*, where that says anything."""
    if type(desired) is not type(observed):
        return False
    if isinstance(desired, Nic) and isinstance(observed, Nic):
        wide = (observed.mtu or 0) >= (desired.mtu or 0)
        return wide and _agree(dataclasses.replace(desired, mtu=None), observed)
    return _agree(desired, observed)


def _agree(desired: Row, observed: Row) -> bool:
    fields = _FIELDS[type(desired)]
    wishes, seen = fields(desired), fields(observed)
    if wishes != seen:
        for wish, found in zip(wishes, seen, strict=True):
            if wish is not None and wish != found:
                return False
    return True


def before(operations: Iterable[Operation]) -> dict[Key, Row | None]:
    """Return what each row that *operations* touch was before the first of them."""
    rows: dict[Key, Row | None] = {}
    for operation in operations:
        rows.setdefault(operation.key, operation.before)
    return rows


def reversal(rows: Target, observed: HostState) -> tuple[Operation, ...]:
    """Return the operations that bring *rows* back from *observed* to what they were.

    It follows from what is really there, not from how far an apply came. A parameter that was
    absent went with its device or namespace, and so it does again. What is left of a torn pair
    cannot be made anew: in its place, the apply's work stays.
    """
    torn = {
        place
        for row in rows.values()
        if isinstance(row, Nic) and row.owner is not None
        for place in device_names(row)
    }
    target = {
        key: row for key, row in rows.items() if not _is_out_of_reach(row, observed.get(key), torn)
    }
    return order.operations(observed, target)


def _is_out_of_reach(row: Row | None, seen: Row | None, torn: Collection[tuple[str, str]]) -> bool:
    """Return whether no operation can bring *row* back where *seen* is now."""
    if row is None and isinstance(seen, Sysctl):
        return True
    there = seen if row is None else row
    return there is not None and bool(torn) and order.stands_on(there, torn)
