"""What a plan takes from others: checked before anything is written.

Most of it is refused. A NIC's own addresses may move to the bridge above it where the site says
so: an address on a port is deaf, because the bridge takes every frame first (P-17).
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Collection, Iterator

from trunkline.errors import ConflictError, HostError
from trunkline.order import Target
from trunkline.ownership import Ownership, describe
from trunkline.state import (
    ROUTE_PROTOCOL,
    ROUTER_ADVERTISEMENT,
    Address,
    Bridge,
    BridgePort,
    HostState,
    Key,
    Namespace,
    Nic,
    Route,
    Row,
    Tap,
    Veth,
    VlanDevice,
    device_names,
)


def check(
    observed: HostState, desired: HostState, target: Target, ownership: Ownership
) -> dict[Key, Row | None]:
    """Return the rows that move with a NIC's addresses; raise for all that must not be taken."""
    moves: dict[Key, Row | None] = {}
    moving: set[tuple[str, str]] = set()
    for row in target.values():
        if isinstance(row, Nic):
            _check_nic(row, ownership)
        elif isinstance(row, BridgePort):
            _check_port(row, ownership)
            if row.uplink:
                moving.add((row.namespace, row.port))
                moves.update(_moved(row, observed, desired))
    for key, row in target.items():
        if isinstance(row, Route):
            _check_route(row, observed.get(key), moving)
        elif isinstance(row, Address):
            _check_lease(row, observed.get(key))
        elif row is not None:
            _check_place(row, observed, ownership)
    return moves


def _check_nic(row: Nic, ownership: Ownership) -> None:
    seen = ownership.device(row.namespace, row.name)
    if seen is None:
        raise HostError(
            f"uplink NIC '{row.name}' does not exist on this host",
            hint="`ip -br link` lists the devices; correct `device` in the site file",
        )
    if not isinstance(seen, Nic):
        raise ConflictError(
            f"uplink NIC '{row.name}' is {describe(seen)}",
            hint="name the NIC itself as the uplink's device",
        )
    if row.mac is not None and row.mac != seen.mac:
        raise ConflictError(
            f"uplink NIC '{row.name}' has MAC '{seen.mac}', the site says '{row.mac}'",
            hint="correct `mac` in the site file, or check which host this is",
        )


def _check_port(row: BridgePort, ownership: Ownership) -> None:
    seen = ownership.bridge_of(row.namespace, row.port)
    if seen is not None and seen != row.bridge and not ownership.has(row.namespace, seen):
        raise ConflictError(
            f"'{row.port}' is already a port of bridge '{seen}', which is not of this site",
            hint=f"take it out (ip link set dev {row.port} nomaster) if nothing needs it there",
        )


def _moved(
    row: BridgePort, observed: HostState, desired: HostState
) -> Iterator[tuple[Key, Row | None]]:
    """Yield what moves from a NIC to the bridge that it becomes a port of."""
    nic = (row.namespace, row.port)
    here = [each for each in observed.items() if _device_of(each[1]) == nic]
    for key, seen in here:
        if isinstance(seen, Address):
            _check_moves(row, seen, desired)
            yield key, None
    for key, seen in here:
        if isinstance(seen, Route):
            wanted = desired.get(key)
            if wanted is None:
                _check_goes_on(row, seen, desired)
                wanted = dataclasses.replace(seen, device=row.bridge)
            yield key, wanted


def _device_of(row: Row) -> tuple[str, str | None] | None:
    return (row.namespace, row.device) if isinstance(row, Address | Route) else None


def _check_moves(row: BridgePort, seen: Address, desired: HostState) -> None:
    deaf = f"would be deaf once the NIC is a port of bridge '{row.bridge}'"
    if seen.dynamic:
        raise ConflictError(
            f"NIC '{row.port}' has the address '{seen.address}' from DHCP or a router's "
            f"advertisements, which {deaf}",
            hint="its client would put it back on the NIC: give the host a permanent address "
            "there, declare that under the host's `ports`, and it moves to the bridge",
        )
    if Address(row.namespace, row.bridge, seen.address).key not in desired:
        raise ConflictError(
            f"NIC '{row.port}' has the host's address '{seen.address}', which {deaf}",
            hint="declare the address under the host's `ports` on that network, and it "
            "moves to the bridge",
        )


def _check_goes_on(row: BridgePort, seen: Route, desired: HostState) -> None:
    """Raise ConflictError for a route that leads nowhere once it is the bridge's."""
    if seen.protocol == ROUTER_ADVERTISEMENT:
        raise ConflictError(
            f"NIC '{row.port}' has the route '{seen.destination}' from a router's advertisements, "
            f"which would end once the NIC is a port of bridge '{row.bridge}'",
            hint="configure that route by hand, or set net.ipv6.conf.*.accept_ra to 0 and remove "
            "the route if nothing needs it",
        )
    addresses = [
        each.address
        for each in desired.values()
        if isinstance(each, Address)
        and (each.namespace, each.device) == (row.namespace, row.bridge)
    ]
    if not any(_leads(seen, address) for address in addresses):
        raise ConflictError(
            f"route '{seen.destination}' by way of '{seen.gateway or seen.device}' would end once "
            f"NIC '{row.port}' is a port of bridge '{row.bridge}'",
            hint="declare an address that reaches it under the host's `ports` on that network, "
            "or remove the route if nothing needs it",
        )


def _leads(route: Route, address: str) -> bool:
    """Return whether a device with *address* can carry *route*."""
    if (":" in route.destination) != (":" in address):
        return False
    if route.gateway is None:
        return True
    gateway = ipaddress.ip_address(route.gateway)
    return gateway.is_link_local or gateway in ipaddress.ip_interface(address).network


def _check_lease(row: Address, seen: Row | None) -> None:
    if isinstance(seen, Address) and seen.dynamic:
        raise ConflictError(
            f"'{row.device}' has the address '{row.address}' already, from DHCP or a router's "
            "advertisements",
            hint="stop the client that put it there, or declare another address",
        )


def _check_route(row: Route, seen: Row | None, moving: Collection[tuple[str, str]]) -> None:
    if not isinstance(seen, Route) or seen.protocol == ROUTE_PROTOCOL:
        return
    if (seen.namespace, seen.device) not in moving:
        raise ConflictError(
            f"route '{row.destination}' exists already, by way of '{seen.gateway or seen.device}'",
            hint="remove that route, or `default_route` of the host's port in the site file",
        )


def _check_place(row: Row, observed: HostState, ownership: Ownership) -> None:
    """Raise ConflictError where a foreign row has the name that *row* would have."""
    for name, holder in _holders(row, observed, ownership):
        if not ownership.owns(holder):
            raise ConflictError(
                f"{type(row).__name__.lower()} '{name}' cannot be made: the name belongs to "
                f"{describe(holder)}",
                hint="remove or rename that one, or choose another name in the site file",
            )


def _holders(row: Row, observed: HostState, ownership: Ownership) -> Iterator[tuple[str, Row]]:
    """Yield the names that *row* needs and who has them."""
    if isinstance(row, Namespace) and row.key in observed:
        yield row.name, observed[row.key]
    if isinstance(row, Bridge | VlanDevice | Tap | Veth):
        for namespace, name in device_names(row):
            holder = ownership.device(namespace, name)
            if holder is not None:
                yield name, holder
