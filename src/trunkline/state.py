"""What a kernel holds: the rows of a host state, desired and observed alike.

Rules of this module:
- A row is a frozen value; its `key` says which object it is, the other fields how it is.
- A host state is all rows of one host, also those inside the namespaces of its routers and
  containers. `namespace` is "" (ROOT) for the host's own.
- In a *desired* row None means "as the kernel has it"; `completed` fills such fields from the
  observed row before the two are compared. An observed row has no None except where said.
- `owner` is what stands behind `trunkline:` in the device's alias: `SITE/OBJECT`. None is a
  foreign object, which is shown and never changed.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from trunkline.values import MacAddress

ROOT = ""
"""The host's own namespace."""

ALIAS = "trunkline:"
"""Starts the IFLA_IFALIAS of everything that is ours; the owner follows."""

ROUTE_PROTOCOL = 84
"""The mark of our routes and rules (rtnetlink(7): values above RTPROT_STATIC are free to use)."""

ROUTER_ADVERTISEMENT = 9
"""RTPROT_RA: a route that the kernel holds as long as a router says so."""

UPLINK_COST = 8484
"""The path cost of a NIC that a site made a port of its bridge: the mark that we put it there.

It means nothing without spanning tree, which our bridges never have, and goes when the NIC leaves.
"""

Key = tuple[str | int, ...]


class Ipv6(enum.Enum):
    """What a device does about IPv6 by itself."""

    ON = "on"
    """A link-local address is made when the device comes up."""
    NO_ADDRESS = "no-address"
    """addr_gen_mode none: no address of its own and so no noise; for bridge ports."""
    OFF = "off"
    """disable_ipv6: not even ff02::1 is answered; for bridges of networks."""


class VlanMethod(enum.Enum):
    """What a VLAN device is made of."""

    KERNEL = "kernel"
    """The kernel's 802.1Q device."""
    EBPF = "ebpf"
    """One end of an idle veth pair with our programs at its egress and the parent's ingress."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace other than the host's own; its loopback is up and carries the alias."""

    name: str
    owner: str | None = None
    marked: bool = True
    """False: the alias is gone, and a pair of its owner that leads inside says whose it is."""

    @property
    def key(self) -> Key:
        return ("namespace", self.name)


@dataclass(frozen=True, slots=True)
class Nic:
    """A device that is not ours to create: a physical NIC, a bond, somebody's tap or tunnel."""

    namespace: str
    name: str
    up: bool | None = None
    mtu: int | None = None
    mac: str | None = None
    kind: str | None = None
    """IFLA_INFO_KIND, empty for hardware."""
    owner: str | None = None
    """Who made it, where it is a piece of ours that is torn: its far end is out of sight."""

    @property
    def key(self) -> Key:
        return ("link", self.namespace, self.name)


HARDWARE = (None, "", "bond", "team")
"""The kinds of a Nic that ends in a cable; None is one that nobody has looked at yet."""


@dataclass(frozen=True, slots=True)
class Bridge:
    namespace: str
    name: str
    owner: str | None = None
    mac: MacAddress | None = None
    mtu: int | None = None
    up: bool = True
    ipv6: Ipv6 = Ipv6.OFF
    vlan_filtering: bool = False
    default_pvid: int | None = None
    """0 is none. None also when observed: this kernel cannot filter VLANs."""
    stp: bool = False
    ageing: int = 300
    """Seconds."""
    snooping: bool = False
    """IGMP and MLD snooping."""
    nf_call: bool = False
    """Whether br_netfilter hands this bridge's frames to ip, ip6 or arp tables."""

    @property
    def key(self) -> Key:
        return ("link", self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class VlanDevice:
    """Carries one VLAN of a parent, untagged on its own side."""

    namespace: str
    name: str
    parent: str
    vlan: int
    method: VlanMethod
    owner: str | None = None
    mac: MacAddress | None = None
    mtu: int | None = None
    up: bool = True
    ipv6: Ipv6 = Ipv6.NO_ADDRESS

    @property
    def key(self) -> Key:
        return ("link", self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Tap:
    """A persistent tap: the host's end of a virtual machine's NIC."""

    namespace: str
    name: str
    owner: str | None = None
    mac: MacAddress | None = None
    mtu: int | None = None
    up: bool = True
    ipv6: Ipv6 = Ipv6.NO_ADDRESS

    @property
    def key(self) -> Key:
        return ("link", self.namespace, self.name)


@dataclass(frozen=True, slots=True, order=True)
class VethEnd:
    namespace: str
    name: str
    mac: MacAddress | None = None
    up: bool = True
    ipv6: Ipv6 = Ipv6.NO_ADDRESS


@dataclass(frozen=True, slots=True)
class Veth:
    """A pair whose two ends both lie in this host's namespaces. Make it with `veth`."""

    first: VethEnd
    """The lower end by (namespace, name), so that a pair has one key only."""
    second: VethEnd
    owner: str | None = None
    mtu: int | None = None

    @property
    def key(self) -> Key:
        return ("link", self.first.namespace, self.first.name)

    @property
    def ends(self) -> tuple[VethEnd, VethEnd]:
        return (self.first, self.second)


def veth(a: VethEnd, b: VethEnd, *, owner: str | None = None, mtu: int | None = None) -> Veth:
    """Return the pair of *a* and *b* with its ends in the canonical order."""
    if (b.namespace, b.name) < (a.namespace, a.name):
        a, b = b, a
    return Veth(a, b, owner, mtu)


@dataclass(frozen=True, slots=True)
class BridgePort:
    """A device in a bridge, and how the bridge treats it (struct net_bridge_port flags)."""

    namespace: str
    port: str
    bridge: str
    learning: bool = True
    flood: bool = True
    """Unknown unicast goes out here."""
    isolated: bool = False
    hairpin: bool = False
    uplink: bool = False
    """A NIC that a site put there; the kernel keeps it as the path cost `UPLINK_COST`."""

    @property
    def key(self) -> Key:
        return ("port", self.namespace, self.port)


@dataclass(frozen=True, slots=True)
class PortVlan:
    """One VLAN on a port of a VLAN-aware bridge, or on the bridge itself."""

    namespace: str
    port: str
    vlan: int
    pvid: bool = False
    """Untagged frames that come in belong to this VLAN."""
    untagged: bool = False
    """Frames of this VLAN go out without a tag."""

    @property
    def key(self) -> Key:
        return ("port-vlan", self.namespace, self.port, self.vlan)


@dataclass(frozen=True, slots=True)
class FdbEntry:
    """A static entry of a bridge's forwarding database; learned ones are not state."""

    namespace: str
    port: str
    mac: str
    vlan: int = 0
    """0 on a bridge that does not filter VLANs."""

    @property
    def key(self) -> Key:
        return ("fdb", self.namespace, self.port, self.mac, self.vlan)


@dataclass(frozen=True, slots=True)
class Address:
    """An address; those that the kernel makes of a MAC or for its loopback are not state."""

    namespace: str
    device: str
    address: str
    """With its prefix length, canonical: values.InterfaceAddress."""
    dynamic: bool = False
    """It ends unless somebody renews it: DHCP, or a router's advertisements. Never ours."""

    @property
    def key(self) -> Key:
        return ("address", self.namespace, self.device, self.address)


@dataclass(frozen=True, slots=True)
class Route:
    """A unicast route of the main table; connected routes are not state."""

    namespace: str
    destination: str
    """Canonical prefix; `0.0.0.0/0` and `::/0` are the default routes."""
    gateway: str | None = None
    """None also when observed: the destination is on the device's link."""
    device: str | None = None
    metric: int = 0
    protocol: int = ROUTE_PROTOCOL

    @property
    def key(self) -> Key:
        return ("route", self.namespace, self.destination, self.metric)


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A kernel parameter below /proc/sys/net, read back only where it is desired."""

    namespace: str
    name: str
    """With slashes, as `net/ipv4/ip_forward`; dots occur in device names."""
    value: str

    @property
    def key(self) -> Key:
        return ("sysctl", self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class NftTable:
    """One nftables table, replaced as a whole in one transaction."""

    namespace: str
    family: Literal["ip", "ip6", "inet", "arp", "bridge", "netdev"]
    name: str
    rules: str
    """Chains and sets as `nft list table` prints them between the table's braces."""

    @property
    def key(self) -> Key:
        return ("nft", self.namespace, self.family, self.name)


Device = Nic | Bridge | VlanDevice | Tap | Veth
Row = (
    Namespace
    | Nic
    | Bridge
    | VlanDevice
    | Tap
    | Veth
    | BridgePort
    | PortVlan
    | FdbEntry
    | Address
    | Route
    | Sysctl
    | NftTable
)
HostState = Mapping[Key, Row]


def host_state(rows: Iterable[Row]) -> dict[Key, Row]:
    """Return *rows* by key, sorted by nothing: the order of the rows stays."""
    return {row.key: row for row in rows}


def completed(desired: Row, observed: Row | None) -> Row:
    """Return *desired* with every None filled from *observed*, if that is the same kind of row."""
    if observed is None or type(desired) is not type(observed):
        return desired
    if isinstance(desired, Veth) and isinstance(observed, Veth):
        first = _filled(desired.first, observed.first)
        second = _filled(desired.second, observed.second)
        desired = dataclasses.replace(desired, first=first, second=second)
    return _filled(desired, observed)


RowOrEnd = TypeVar("RowOrEnd", Row, VethEnd)


def _filled(desired: RowOrEnd, observed: RowOrEnd) -> RowOrEnd:
    """Return *desired* with the None fields that *observed* knows."""
    known = {
        field.name: getattr(observed, field.name)
        for field in dataclasses.fields(desired)
        if getattr(desired, field.name) is None and getattr(observed, field.name, None) is not None
    }
    return dataclasses.replace(desired, **known) if known else desired


def devices(state: HostState) -> Iterator[Device]:
    """Yield the device rows of *state*; a veth pair is one row."""
    for row in state.values():
        if isinstance(row, Device):
            yield row


def device_names(row: Device) -> tuple[tuple[str, str], ...]:
    """Return the (namespace, name) of every device that *row* stands for."""
    if isinstance(row, Veth):
        return ((row.first.namespace, row.first.name), (row.second.namespace, row.second.name))
    return ((row.namespace, row.name),)


def owner(row: Row) -> str | None:
    """Return whose *row* is; rows without an owner of their own belong to their device."""
    match row:
        case Namespace() | Nic() | Bridge() | VlanDevice() | Tap() | Veth():
            return row.owner
        case _:
            return None


def is_transient(row: Row) -> bool:
    """Return whether somebody else's clock decides how long *row* stays, so no plan holds it."""
    if isinstance(row, Route):
        return row.protocol == ROUTER_ADVERTISEMENT
    return isinstance(row, Address) and row.dynamic
