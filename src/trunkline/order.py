"""Operations in an order that a kernel accepts and that survives being cut anywhere.

- What is made or changed goes by rank: what others stand on first. A router's namespace gets its
  rules and parameters before its first device, so it is born closed.
- What goes away goes last, in the reverse order: add before delete, so that traffic that can go
  on does go on.
- Except what must go first: a row that holds what another one needs (a VLAN number of a parent,
  an interface name, an address), and a row that has to be made anew.
- A kernel takes away with a device everything that stands on it. All of that is an operation of
  its own here, so that an undo knows what to put back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from trunkline import sysctls
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    HostState,
    Ipv6,
    Key,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VlanDevice,
    device_names,
    is_transient,
)

Target = Mapping[Key, Row | None]
"""What a change wants of each row that it is about; None is absence."""

Claim = tuple[str | int, ...]

Children = Mapping[Key, Collection[Key]]
"""Which rows go with which row."""

_FIXED: dict[type[Row], tuple[str, ...]] = {
    VlanDevice: ("parent", "vlan", "method"),
    # Another bridge means leaving the first, which clears the port's flags and VLANs (P-68).
    BridgePort: ("bridge",),
}
"""Fields that a kernel cannot change in place."""


def operations(
    observed: HostState, target: Target, kept: HostState | None = None
) -> tuple[Operation, ...]:
    """Return the operations that bring *observed* to *target*, in order.

    What *kept* holds besides stays as it is: if it must go for a while, it comes back.
    """
    final = {key: row for key, row in target.items() if row != observed.get(key)}
    children = _children(observed) if _removes(observed, final) else {}
    doomed = _doomed(observed, final, children)
    for key in sorted(doomed, key=lambda key: _rank(observed[key])):
        if key in target or (kept is not None and key in kept):
            final.setdefault(key, observed[key])
        elif key not in final:
            final[key] = _unasked(observed, final, key, children)
    early = _early(observed, final, doomed, children)
    first = _sorted(observed[key] for key in doomed if key in early)
    last = _sorted(observed[key] for key in doomed if key not in early)
    makes = _sorted(row for row in final.values() if row is not None)
    return (
        *_deletes(first),
        *(Operation(_before(row, observed, doomed), row) for row in makes),
        *_deletes(last),
    )


def _deletes(rows: Sequence[Row]) -> Iterator[Operation]:
    """Yield the end of *rows*; a parameter has none, it goes with what it belongs to."""
    for row in reversed(rows):
        if not isinstance(row, Sysctl):
            yield Operation(row, None)


def _before(row: Row, observed: HostState, doomed: Collection[Key]) -> Row | None:
    """Return what *row* replaces. A parameter that is set again says what it was all the same."""
    if row.key in doomed and not isinstance(row, Sysctl):
        return None
    return observed.get(row.key)


def must_be_remade(observed: Row, wanted: Row) -> bool:
    """Return whether no change in place leads from *observed* to *wanted*."""
    if type(observed) is not type(wanted):
        return True
    if isinstance(observed, Veth) and isinstance(wanted, Veth):
        return _place(observed) != _place(wanted)
    fixed = _FIXED.get(type(wanted), ())
    return any(getattr(observed, name) != getattr(wanted, name) for name in fixed)


def _place(pair: Veth) -> tuple[str, str]:
    return (pair.second.namespace, pair.second.name)


def _removes(observed: HostState, final: Target) -> bool:
    return any(
        key in observed and (row is None or must_be_remade(observed[key], row))
        for key, row in final.items()
    )


def _doomed(observed: HostState, final: Target, children: Children) -> dict[Key, None]:
    """Return the keys that go away, for good or to be made anew."""
    doomed = {
        key: None
        for key, row in final.items()
        if key in observed and (row is None or must_be_remade(observed[key], row))
    }
    waiting = list(doomed)
    while waiting:
        parent = waiting.pop()
        for key in [*children.get(parent, ()), *_stranded(observed, doomed, parent)]:
            row = observed[key]
            # A NIC outlives what is built on it; of what ends by itself no plan speaks.
            if key not in doomed and not isinstance(row, Nic) and not is_transient(row):
                doomed[key] = None
                waiting.append(key)
    return doomed


def _unasked(observed: HostState, final: Target, key: Key, children: Children) -> Row | None:
    """Return what becomes of a row that nobody asked about: it stays if what it needs does."""
    row = observed[key]
    gone = any(
        final.get(parent, observed[parent]) is None
        for parent, those in children.items()
        if key in those and parent in observed
    )
    if isinstance(row, Route) and ":" not in row.destination:
        gone = gone or not _has_address(final, row)
    return None if gone else row


def _has_address(final: Target, route: Route) -> bool:
    return any(
        isinstance(row, Address)
        and (row.namespace, row.device) == (route.namespace, route.device)
        and ":" not in row.address
        for row in final.values()
    )


def _stranded(observed: HostState, doomed: Collection[Key], gone: Key) -> list[Key]:
    """Return the routes that the kernel drops with a device's last IPv4 address (P-18)."""
    row = observed[gone]
    if not isinstance(row, Address) or ":" in row.address:
        return []
    on_device = [
        (key, other)
        for key, other in observed.items()
        if isinstance(other, Address | Route)
        and (other.namespace, other.device) == (row.namespace, row.device)
    ]
    for key, other in on_device:
        if isinstance(other, Address) and ":" not in other.address and key not in doomed:
            return []
    routes = ((key, other) for key, other in on_device if isinstance(other, Route))
    return [key for key, route in routes if ":" not in route.destination]


def _children(observed: HostState) -> Children:
    """Return which rows go with each row."""
    links = {name: row.key for row in observed.values() for name in _names(row)}
    children: dict[Key, list[Key]] = defaultdict(list)
    for key, row in observed.items():
        for parent in _parents(row, links):
            children[parent].append(key)
    return children


def stands_on(row: Row, places: Collection[tuple[str, str]]) -> bool:
    """Return whether *row* is one of these devices, or cannot be without one of them."""
    return any(place in places for place in (*_names(row), *_stands_on(row)))


def _parents(row: Row, links: Mapping[tuple[str, str], Key]) -> Iterator[Key]:
    """Yield the keys of what *row* stands on."""
    for namespace in _namespaces(row):
        if namespace:
            yield ("namespace", namespace)
    for name in _stands_on(row):
        if name in links:
            yield links[name]
    if isinstance(row, PortVlan | FdbEntry):
        yield ("port", row.namespace, row.port)


def _namespaces(row: Row) -> tuple[str, ...]:
    match row:
        case Namespace():
            return ()
        case Veth():
            return (row.first.namespace, row.second.namespace)
        case _:
            return (row.namespace,)


def _stands_on(row: Row) -> Iterator[tuple[str, str]]:
    """Yield (namespace, name) of the devices without which *row* cannot be."""
    match row:
        case BridgePort():
            yield row.namespace, row.port
            yield row.namespace, row.bridge
        case PortVlan() | FdbEntry():
            yield row.namespace, row.port
        case VlanDevice():
            yield row.namespace, row.parent
        case Address():
            yield row.namespace, row.device
        case Route() if row.device is not None:
            yield row.namespace, row.device
        case Sysctl():
            device = sysctls.device(row.name)
            if device is not None:
                yield row.namespace, device
        case _:
            return


def _names(row: Row) -> tuple[tuple[str, str], ...]:
    return device_names(row) if isinstance(row, Nic | Bridge | VlanDevice | Tap | Veth) else ()


def _early(
    observed: HostState, final: Target, doomed: Collection[Key], children: Children
) -> set[Key]:
    """Return the keys of *doomed* that must go before anything is made."""
    needed: set[Claim] = set()
    for row in final.values():
        if row is not None:
            needed.update(_claims(row))
    early = {
        key
        for key in doomed
        if final[key] is not None or not needed.isdisjoint(_claims(observed[key]))
    }
    waiting = list(early)
    while waiting:
        for key in children.get(waiting.pop(), ()):
            if key in doomed and key not in early:
                early.add(key)
                waiting.append(key)
    return early


def _claims(row: Row) -> Iterator[Claim]:
    """Yield what only one row can have at a time."""
    for namespace, name in _names(row):
        yield ("name", namespace, name)
    match row:
        case VlanDevice():
            # The kernel answers EEXIST to a second one (P-49).
            yield ("vid", row.namespace, row.parent, row.vlan)
        case Bridge() if row.ipv6 is Ipv6.OFF:
            # disable_ipv6 takes the addresses away itself; removing them later would fail.
            yield ("ipv6", row.namespace, row.name)
        case Address():
            yield ("address", row.namespace, row.address)
            if ":" in row.address:
                yield ("ipv6", row.namespace, row.device)
        case _:
            return


def _sorted(rows: Iterable[Row]) -> list[Row]:
    rows = list(rows)
    stacked = {(row.namespace, row.name): row for row in rows if isinstance(row, VlanDevice)}
    return sorted(rows, key=lambda row: (_rank(row), _depth(row, stacked)))


def _depth(row: Row, stacked: Mapping[tuple[str, str], VlanDevice]) -> int:
    """Return on how many other VLAN devices a VLAN device stands."""
    depth = 0
    while isinstance(row, VlanDevice) and (row.namespace, row.parent) in stacked:
        row = stacked[row.namespace, row.parent]
        depth += 1
    return depth


def _rank(row: Row) -> int:
    match row:
        case Namespace():
            return 0
        case NftTable():
            return 1
        case Sysctl():
            return 2 if sysctls.device(row.name) is None else 6
        case Nic():
            return 3  # a VLAN device cannot be wider than its parent (P-56)
        case Bridge() | Tap() | Veth():
            return 4
        case VlanDevice():
            return 5
        case BridgePort():
            return 7
        case PortVlan():
            return 8
        case Address():
            return 9
        case Route():
            return 10
        case FdbEntry():
            return 11  # entries that are there before a port make adding it slow
        case _:
            assert_never(row)
