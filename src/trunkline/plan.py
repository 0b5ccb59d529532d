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
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import get_args

from trunkline import order, seizure
from trunkline.operation import Operation
from trunkline.order import Target
from trunkline.ownership import Ownership
from trunkline.state import HostState, Key, Nic, Row, Sysctl, Veth, VethEnd, completed


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
        if seen is None or not (row == seen or agrees(row, seen)):
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


_FIELDS: dict[type[Row | VethEnd], attrgetter[tuple[object, ...]]] = {
    kind: attrgetter(*(field.name for field in dataclasses.fields(kind)))
    for kind in (*get_args(Row), VethEnd)
}
"""Every field of a row at once; a row has at least two, so the getter returns a tuple."""


def agrees(desired: Row, observed: Row) -> bool:
    """Return whether *observed* is as *desired*, where that says anything."""
    if type(desired) is not type(observed):
        return False
    if isinstance(desired, Nic) and isinstance(observed, Nic):
        wide = (observed.mtu or 0) >= (desired.mtu or 0)
        return wide and _agree(dataclasses.replace(desired, mtu=None), observed)
    return _agree(desired, observed)


def _agree(desired: Row | VethEnd, observed: Row | VethEnd) -> bool:
    fields = _FIELDS[type(desired)]
    if isinstance(desired, Veth) and isinstance(observed, Veth):
        ends = zip(desired.ends, observed.ends, strict=True)
        if not all(_agree(wish, seen) for wish, seen in ends):
            return False
        desired = dataclasses.replace(desired, first=observed.first, second=observed.second)
    pairs = zip(fields(desired), fields(observed), strict=True)
    return all(wish is None or wish == seen for wish, seen in pairs)


def before(operations: Iterable[Operation]) -> dict[Key, Row | None]:
    """Return what each row that *operations* touch was before the first of them."""
    rows: dict[Key, Row | None] = {}
    for operation in operations:
        rows.setdefault(operation.key, operation.before)
    return rows


def reversal(rows: Target, observed: HostState) -> tuple[Operation, ...]:
    """Return the operations that bring *rows* back from *observed* to what they were.

    It follows from what is really there, not from how far an apply came. A parameter that was
    absent went with its device or namespace, and so it does again.
    """
    target = {
        key: row
        for key, row in rows.items()
        if row is not None or not isinstance(observed.get(key), Sysctl)
    }
    return order.operations(observed, target)
