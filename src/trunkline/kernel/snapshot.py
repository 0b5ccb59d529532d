"""What one namespace holds, as the kernel lists it, before it becomes rows."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trunkline.errors import HostError, KernelError
from trunkline.kernel import ebpf, marks, nft, sysctl
from trunkline.kernel.netlink import (
    address,
    bridge_vlan,
    link,
    links,
    neighbour,
    route,
    tables,
    uapi,
)
from trunkline.kernel.netlink.links import Link
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.state import NftTable, Row, Sysctl


@dataclass(slots=True)
class Snapshot:
    namespace: str
    links: list[Link] = field(default_factory=list)
    addresses: list[address.Held] = field(default_factory=list)
    routes: list[route.Held] = field(default_factory=list)
    fdb: list[neighbour.Held] = field(default_factory=list)
    vlans: list[bridge_vlan.Held] = field(default_factory=list)
    ebpf: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Device -> (parent, VLAN) of the eBPF VLAN devices."""
    rows: list[Row] = field(default_factory=list)
    """Sysctls and nft tables, which are rows as they are read."""
    far: dict[int, str] = field(default_factory=dict)
    """What this namespace's numbers of other namespaces mean."""


def take(namespace: str, wanted: Iterable[Row]) -> Snapshot:
    """Read the namespace that the calling thread is in, which is called *namespace*."""
    wanted = list(wanted)
    with NetlinkSocket() as socket:
        found = Snapshot(namespace, links.parse(socket.dump(link.dump())))
        found.addresses = list(address.parse(socket.dump(address.dump())))
        found.routes = [*_routes(socket, uapi.AF_INET), *_routes(socket, uapi.AF_INET6)]
        bridges = [row for row in found.links if row.kind == "bridge"]
        if bridges:
            found.fdb = list(neighbour.parse(socket.dump(neighbour.dump())))
        if any(filters_vlans(row) for row in bridges):
            found.vlans = list(bridge_vlan.parse(socket.dump(bridge_vlan.dump())))
    candidates = _ebpf_candidates(found.links)
    if candidates:
        found.ebpf = ebpf.read_vlans(candidates)
    found.rows += _sysctls(wanted)
    found.rows += _tables(namespace, wanted)
    return found


def _routes(socket: NetlinkSocket, family: int) -> Iterator[route.Held]:
    try:
        yield from route.parse(socket.dump(route.dump(family)))
    except KernelError as error:
        # ENOENT: no main table yet in a new namespace. EOPNOTSUPP: a kernel without IPv6.
        if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP):
            raise


def filters_vlans(bridge: Link) -> bool:
    return bridge.info().get(uapi.IFLA_BR_VLAN_FILTERING) == b"\1"


def _ebpf_candidates(found: list[Link]) -> list[int]:
    """Return the devices whose far end is marked as idle, so that others cost nothing."""
    idle = {row.peer for row in found if row.kind == "veth" and row.alias.startswith(marks.IDLE)}
    return [row.index for row in found if row.index in idle and row.peer_namespace is None]


def _sysctls(wanted: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    for row in wanted:
        if isinstance(row, Sysctl) and sysctl.exists(row.name):
            try:
                found.append(Sysctl(row.namespace, row.name, sysctl.read(row.name)))
            except HostError:  # its device went away since we looked: there is no such row
                if sysctl.exists(row.name):
                    raise
    return found


def _tables(namespace: str, wanted: Iterable[Row]) -> list[Row]:
    mine = [row for row in wanted if isinstance(row, NftTable)]
    if not any(name.startswith(nft.PREFIX) for name in tables.names()):
        return []
    return list(nft.read(mine, namespace))
