"""Snapshots become rows. Pure: no namespace is entered and nothing is asked of the kernel here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trunkline.kernel import marks
from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.address import Held, host_text
from trunkline.kernel.netlink.links import Link
from trunkline.kernel.netlink.message import U16, U32
from trunkline.kernel.snapshot import Snapshot
from trunkline.state import (
    ROOT,
    UPLINK_COST,
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Ipv6,
    Namespace,
    Nic,
    PortVlan,
    Route,
    Row,
    Tap,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
)
from trunkline.values import MacAddress

_SILENT_PROTOCOLS = frozenset((uapi.RTPROT_KERNEL, uapi.RTPROT_REDIRECT))
"""Who makes routes that are not state: the kernel, for addresses and by a router's word."""
_MADE = frozenset(("veth", "vlan", "tun"))
"""The kinds that we make and that can be torn; an alias of ours on hardware makes it not ours."""
_8021Q = uapi.ETH_P_8021Q.to_bytes(2, "big")
_BORN = frozenset(
    (
        "erspan0",
        "gre0",
        "gretap0",
        "ip6_vti0",
        "ip6gre0",
        "ip6tnl0",
        "ip_vti0",
        "sit0",
        "tunl0",
    )
)
"""Some kernels make them wherever nobody has set net.core.fb_tunnels_only_for_init_net."""

Place = tuple[str, int]
"""A device: its namespace and ifindex."""
Host = dict[str, dict[int, Link]]
"""The devices of each namespace by ifindex."""


def rows(snapshots: Sequence[Snapshot]) -> Iterator[Row]:
    """Yield the rows of a whole host; a pair of devices in two namespaces is one row."""
    host = {s.namespace: {link.index: link for link in s.links} for s in snapshots}
    far = _far_ends(snapshots, host)
    led = _led_into(host, far)
    for snapshot in snapshots:
        if snapshot.namespace != ROOT:
            yield _namespace(snapshot, led.get(snapshot.namespace))
    for snapshot in snapshots:
        yield from _devices(snapshot, host, far)
    for snapshot in snapshots:
        yield from _contents(snapshot, host[snapshot.namespace])


def _namespace(snapshot: Snapshot, led: str | None) -> Namespace:
    """Return the row; who pairs with a namespace from outside is believed before its own mark.

    Inside a container its root user may write any alias.
    """
    own = next((marks.owner(link.alias) for link in snapshot.links if link.loopback), None)
    if led is None or led == own:
        return Namespace(snapshot.namespace, own)
    return Namespace(snapshot.namespace, led, marked=False)


def leads_into(link: Link) -> str | None:
    """Return the name of the namespace that is of the same object as this end of a pair."""
    owner = marks.owner(link.alias)
    return None if owner is None else owner.rpartition("/")[2]


def _led_into(host: Host, far: dict[Place, Place]) -> dict[str, str]:
    """Return whose each namespace is by the pairs that lead into it from the host's own."""
    found: dict[str, str] = {}
    for (space, index), (there, _) in far.items():
        if space == ROOT:
            end = host[space][index]
            owner = marks.owner(end.alias)
            if owner is not None and leads_into(end) == there:
                found[there] = owner
    return found


def _contents(snapshot: Snapshot, by_index: dict[int, Link]) -> Iterator[Row]:
    yield from _ports(snapshot, by_index)
    yield from _port_vlans(snapshot, by_index)
    yield from _fdb(snapshot, by_index)
    yield from _addresses(snapshot, by_index)
    yield from _routes(snapshot, by_index)
    yield from snapshot.rows


def is_born(link: Link) -> bool:
    """Return whether the kernel itself puts such a device into every new namespace."""
    return link.loopback or (link.name in _BORN and not link.up and not link.master)


# --- devices ---------------------------------------------------------------------------------


def _devices(snapshot: Snapshot, host: Host, far: dict[Place, Place]) -> Iterator[Row]:
    namespace = snapshot.namespace
    here = host[namespace]
    for link in snapshot.links:
        if is_born(link):
            continue
        if link.kind == "veth":
            row = _veth_or_vlan(snapshot, link, host, far)
            if row is not None:
                yield row
        elif link.kind == "bridge":
            yield _bridge(namespace, link)
        elif link.kind == "vlan":
            yield _vlan(namespace, link, here)
        elif link.kind == "tun":
            yield _tap(namespace, link)
        else:
            yield _nic(namespace, link)


def _nic(namespace: str, link: Link) -> Nic:
    owner = None
    if link.kind in _MADE:
        owner = marks.owner(link.alias) or marks.idle_owner(link.alias)
    return Nic(namespace, link.name, link.up, link.mtu, link.mac, link.kind, owner)


def _bridge(namespace: str, link: Link) -> Bridge:
    info = link.info()
    pvid = info.get(uapi.IFLA_BR_VLAN_DEFAULT_PVID)
    return Bridge(
        namespace,
        link.name,
        marks.owner(link.alias),
        _mac(link),
        link.mtu,
        link.up,
        ipv6(link),
        _flag(info, uapi.IFLA_BR_VLAN_FILTERING),
        None if pvid is None else U16.unpack(pvid)[0],
        _flag(info, uapi.IFLA_BR_STP_STATE),
        U32.unpack(info.get(uapi.IFLA_BR_AGEING_TIME, bytes(4)))[0] // 100,
        _flag(info, uapi.IFLA_BR_MCAST_SNOOPING),
        any(_flag(info, kind) for kind in _NF_CALL),
    )


_NF_CALL = (
    uapi.IFLA_BR_NF_CALL_IPTABLES,
    uapi.IFLA_BR_NF_CALL_IP6TABLES,
    uapi.IFLA_BR_NF_CALL_ARPTABLES,
)


def _vlan(namespace: str, link: Link, here: dict[int, Link]) -> Row:
    info = link.info()
    parent = here.get(link.peer)
    if (
        parent is None
        or link.peer_namespace is not None
        or info.get(uapi.IFLA_VLAN_PROTOCOL, _8021Q) != _8021Q
    ):
        return _nic(namespace, link)  # a parent in another namespace, or 802.1ad: somebody else's
    vlan = U16.unpack(info[uapi.IFLA_VLAN_ID])[0]
    return _vlan_device(namespace, link, parent, vlan, VlanMethod.KERNEL)


def _vlan_device(
    namespace: str,
    link: Link,
    parent: Link,
    vlan: int,
    method: VlanMethod,
    idle: Link | None = None,
) -> VlanDevice:
    return VlanDevice(
        namespace,
        link.name,
        parent.name,
        vlan,
        method,
        marks.owner(link.alias),
        _mac(link),
        link.mtu,
        link.up if idle is None else link.up and idle.up,
        ipv6(link),
    )


def _tap(namespace: str, link: Link) -> Row:
    owner = marks.owner(link.alias)
    if owner is None or link.info().get(uapi.IFLA_TUN_TYPE) != bytes((uapi.IFF_TAP,)):
        return _nic(namespace, link)
    return Tap(namespace, link.name, owner, _mac(link), link.mtu, link.up, ipv6(link))


def _veth_or_vlan(
    snapshot: Snapshot, link: Link, host: Host, far: dict[Place, Place]
) -> Row | None:
    """Return the row of a veth device; None for the end whose pair is another end's row."""
    namespace = snapshot.namespace
    here = host[namespace]
    if link.index in snapshot.ebpf:
        parent, vlan = snapshot.ebpf[link.index]
        if parent in here:
            ends = (here[parent], vlan, VlanMethod.EBPF, here[link.peer])
            return _vlan_device(namespace, link, *ends)
    if link.peer in snapshot.ebpf and link.alias.startswith(marks.IDLE):
        return None
    if link.peer_namespace is None:
        space, other = namespace, here.get(link.peer)
    else:
        space, index = far.get((namespace, link.index), (namespace, 0))
        other = host[space].get(index)
    if other is None:
        return _nic(namespace, link)
    if (space, other.name) < (namespace, link.name):
        # The lower end speaks for both, if it is ours; a foreign pair is two foreign NICs.
        return None if _pair_owner(other, link) else _nic(namespace, link)
    owner = _pair_owner(link, other)
    if owner is None:
        return _nic(namespace, link)
    lower = link.mtu if link.mtu < other.mtu else other.mtu
    return Veth(_end(namespace, link), _end(space, other), owner, lower)


def _pair_owner(first: Link, second: Link) -> str | None:
    owner = marks.owner(first.alias)
    return marks.owner(second.alias) if owner is None else owner


def _end(namespace: str, link: Link) -> VethEnd:
    return VethEnd(namespace, link.name, _mac(link), link.up, ipv6(link))


def _far_ends(snapshots: Sequence[Snapshot], host: Host) -> dict[Place, Place]:
    """Return the far end of each end of the pairs that lie in two namespaces of this host.

    It is enough to know from one of the two namespaces which the other one is.
    """
    found: dict[Place, Place] = {}
    for snapshot in snapshots:
        for link in snapshot.links:
            if link.peer_namespace is None or link.kind != "veth":
                continue
            space = snapshot.far.get(link.peer_namespace)
            other = None if space is None else host[space].get(link.peer)
            # The far end must name this one in turn: a number may have been given out anew.
            if space is not None and other is not None and other.peer == link.index:
                found[snapshot.namespace, link.index] = (space, other.index)
                found[space, other.index] = (snapshot.namespace, link.index)
    return found


def ipv6(link: Link) -> Ipv6:
    """Return what the device does about IPv6; below 1280 octets of MTU it has none."""
    if link.ipv6_disabled or link.address_generation is None:
        return Ipv6.OFF
    if link.address_generation == uapi.IN6_ADDR_GEN_MODE_NONE:
        return Ipv6.NO_ADDRESS
    return Ipv6.ON


def _mac(link: Link) -> MacAddress | None:
    # The kernel's word is not checked again: a tunnel's four octets are as true as a bridge's
    # zeros, and validating 10,000 of them costs more than reading them.
    return None if link.mac is None else str.__new__(MacAddress, link.mac)


def _flag(info: dict[int, bytes], kind: int) -> bool:
    return any(info.get(kind, b""))


# --- what is on devices ----------------------------------------------------------------------


def _ports(snapshot: Snapshot, by_index: dict[int, Link]) -> Iterator[BridgePort]:
    for link in snapshot.links:
        if link.master and link.port_kind == "bridge" and link.master in by_index:
            bridge = by_index[link.master].name
            flags = (link.learning, link.flood, link.isolated, link.hairpin)
            uplink = link.cost == UPLINK_COST
            yield BridgePort(snapshot.namespace, link.name, bridge, *flags, uplink)


def _port_vlans(snapshot: Snapshot, by_index: dict[int, Link]) -> Iterator[PortVlan]:
    # A bridge that does not filter lists VLAN 1 on every port, which means nothing (P-44).
    if not snapshot.vlans:
        return
    filtering = _filtering(snapshot)
    for held in snapshot.vlans:
        link = by_index.get(held.index)
        if link is not None and (link.index in filtering or link.master in filtering):
            name = link.name
            yield PortVlan(snapshot.namespace, name, held.vlan, held.pvid, held.untagged)


def _fdb(snapshot: Snapshot, by_index: dict[int, Link]) -> Iterator[FdbEntry]:
    if not snapshot.fdb:
        return
    filtering = _filtering(snapshot)
    for entry in snapshot.fdb:
        link = by_index.get(entry.index)
        # To an entry without a VLAN the kernel adds one for each VLAN that the port has, also
        # where the bridge does not filter; those go with it (br_fdb_delete).
        if link is not None and (entry.vlan == 0 or link.master in filtering):
            yield FdbEntry(snapshot.namespace, link.name, entry.mac, entry.vlan)


def _filtering(snapshot: Snapshot) -> set[int]:
    """Return the bridges that filter VLANs."""
    return {
        link.index
        for link in snapshot.links
        if link.kind == "bridge" and _flag(link.info(), uapi.IFLA_BR_VLAN_FILTERING)
    }


def _addresses(snapshot: Snapshot, by_index: dict[int, Link]) -> Iterator[Address]:
    for held in snapshot.addresses:
        link = by_index.get(held.index)
        if link is not None and not _is_made_by_kernel(held, link):
            yield Address(snapshot.namespace, link.name, held.address, not held.permanent)


def _is_made_by_kernel(held: Held, link: Link) -> bool:
    if not held.permanent:
        return held.address.startswith("fe80:")
    if held.origin in (uapi.IFAPROT_KERNEL_LO, uapi.IFAPROT_KERNEL_LL):
        return True
    # Before Linux 5.18 nobody says who made an address; then its form has to do.
    if link.loopback:
        return held.address in ("127.0.0.1/8", "::1/128")
    return held.address == _eui64(link.mac)


def _eui64(mac: str | None) -> str | None:
    """Return the link-local address that the kernel makes of a MAC (RFC 4291, appendix A)."""
    if mac is None or len(mac) != 17:
        return None
    octets = bytes.fromhex(mac.replace(":", ""))
    middle = bytes((octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return host_text(uapi.AF_INET6, b"\xfe\x80" + bytes(6) + middle) + "/64"


def _routes(snapshot: Snapshot, by_index: dict[int, Link]) -> Iterator[Route]:
    # Of two with one key the later one is the row: a router's word never stands before ours.
    for held in sorted(snapshot.routes, key=lambda held: held.protocol != uapi.RTPROT_RA):
        if held.protocol in _SILENT_PROTOCOLS:
            continue
        device = by_index[held.index].name if held.index in by_index else None
        yield Route(
            snapshot.namespace,
            held.destination,
            held.gateway,
            device,
            held.metric,
            held.protocol,
        )


def state(
    snapshots: Sequence[Snapshot], foreign: Iterable[str]
) -> dict[tuple[str | int, ...], Row]:
    """Return the rows by key, with the namespaces that are there and not ours."""
    found = {row.key: row for row in rows(snapshots)}
    for name in foreign:
        row = Namespace(name)
        found[row.key] = row
    return found
