"""Reads a host: a snapshot of each of its namespaces, then rows."""

from __future__ import annotations

import contextlib
import gc
from collections import defaultdict
from collections.abc import Iterator, Sequence

from trunkline.errors import HostError
from trunkline.kernel import marks, namespaces, rows, snapshot
from trunkline.kernel.doors import Doors
from trunkline.kernel.indexes import LOOPBACK
from trunkline.kernel.netlink import identity, link, links
from trunkline.kernel.netlink.links import Link
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.kernel.snapshot import Snapshot
from trunkline.state import ROOT, HostState, Key, Namespace, Row, Veth


def read(doors: Doors, wanted: HostState) -> dict[Key, Row]:
    with _no_collection():
        return _read(doors, wanted)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the cyclic collector away: tens of thousands of rows live, none is a cycle.

    Looking through them again and again is a quarter of the time of a large read.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(doors: Doors, wanted: HostState) -> dict[Key, Row]:
    by_namespace: dict[str, list[Row]] = defaultdict(list)
    for row in wanted.values():
        if not isinstance(row, Namespace | Veth):
            by_namespace[row.namespace].append(row)
    snapshots: list[Snapshot] = []
    foreign: list[str] = []
    if doors.has_root():
        with doors.entered(ROOT):
            snapshots.append(snapshot.take(ROOT, by_namespace[ROOT]))
    for name in doors.names():
        found = _inside(doors, name, by_namespace[name])
        if isinstance(found, Snapshot):
            snapshots.append(found)
        elif found:
            foreign.append(name)
    _resolve(doors, snapshots)
    for name in _led_into(doors, snapshots, foreign):
        with doors.entered(name):
            snapshots.append(snapshot.take(name, by_namespace[name]))
        foreign.remove(name)
    state = {row.key: row for row in rows.rows(snapshots)}
    state.update((row.key, row) for row in map(Namespace, foreign))
    return state


def _inside(doors: Doors, name: str, wanted: list[Row]) -> Snapshot | bool:
    """Return the snapshot of a namespace of ours; for others, whether there is something in it."""
    try:
        with doors.entered(name):
            with NetlinkSocket() as socket:
                owner = loopback_owner(socket)
                if owner is None:
                    return not is_pristine(socket)
            return snapshot.take(name, wanted)
    except HostError:
        if namespaces.is_namespace(doors.path(name) or ""):
            raise
        return False  # it was deleted since its name was listed


def loopback_owner(socket: NetlinkSocket) -> str | None:
    (found,) = links.parse(socket.ask([link.get(1, LOOPBACK)]))
    return marks.owner(found.alias)


def is_pristine(socket: NetlinkSocket) -> bool:
    """Return whether the namespace is as it was born, as a run leaves it that is killed then."""
    found = links.parse(socket.dump(link.dump()))
    return all(rows.is_born(each) and not each.up and not each.alias for each in found)


def _resolve(doors: Doors, snapshots: Sequence[Snapshot]) -> None:
    """Find out which namespaces the far ends of our pairs are in.

    A namespace knows others by numbers of its own. Asking is one request for each pair of
    namespaces, so we ask where most ends are first; that settles the others' ends too.
    """
    waiting = {s.namespace: dict(_far_ends(s)) for s in snapshots}
    by_name = {s.namespace: s for s in snapshots}
    for name in sorted(waiting, key=lambda name: -len(waiting[name])):
        if waiting[name]:
            here = by_name[name]
            here.far = _numbers(doors, name, [s.namespace for s in snapshots])
            for end in waiting[name].values():
                number = end.peer_namespace
                space = None if number is None else here.far.get(number)
                if space is not None:
                    waiting[space].pop(end.peer, None)


def _led_into(doors: Doors, snapshots: Sequence[Snapshot], foreign: Sequence[str]) -> list[str]:
    """Return those of *foreign* that a pair of ours of their object leads into, from the root.

    The root user of a container may take the mark from its loopback.
    """
    here = next((each for each in snapshots if each.namespace == ROOT), None)
    if here is None or not foreign:
        return []
    torn = [end for _, end in _far_ends(here) if end.peer_namespace not in here.far]
    leading = {rows.leads_into(end) for end in torn}
    asked = [name for name in foreign if name in leading]
    found = _numbers(doors, ROOT, asked) if asked else {}
    here.far.update(found)
    return list(found.values())


def _far_ends(found: Snapshot) -> Iterator[tuple[int, Link]]:
    for end in found.links:
        if end.kind == "veth" and end.peer_namespace is not None and marks.owner(end.alias):
            yield end.index, end


def _numbers(doors: Doors, namespace: str, others: Sequence[str]) -> dict[int, str]:
    """Return which of *others* the numbers of *namespace* stand for."""
    socket = doors.socket(namespace)
    found = {}
    for other in others:
        if other != namespace:
            for number in identity.parse(socket.ask([identity.get(1, doors.descriptor(other))])):
                found[number] = other
            doors.close(other)
    doors.close(namespace)
    found.pop(-1, None)
    return found
