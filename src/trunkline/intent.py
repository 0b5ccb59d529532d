"""What people write: the site, its networks, hosts, machines, routers and expectations.

Nothing here knows a bridge or a VLAN device; `realise` is the only translator into `state`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from trunkline.values import InterfaceAddress, InterfaceName, MacAddress, VlanId

OUTSIDE = "outside"
"""The name of the world behind the external networks, in expectations and in a lab."""


class Switching(enum.Enum):
    """How a host builds its part of the virtual switch."""

    BRIDGE_PER_NETWORK = "bridge-per-network"
    VLAN_AWARE = "vlan-aware"


class VlanDevices(enum.Enum):
    """Which VLAN devices a host uses; auto takes the kernel's where it has them."""

    AUTO = "auto"
    KERNEL = "kernel"
    EBPF = "ebpf"


@dataclass(frozen=True)
class DhcpPool:
    first: IPv4Address | IPv6Address
    last: IPv4Address | IPv6Address


@dataclass(frozen=True)
class Subnet:
    cidr: IPv4Network | IPv6Network
    gateway: IPv4Address | IPv6Address | None = None
    dhcp: DhcpPool | None = None


@dataclass(frozen=True)
class Network:
    """One layer-2 network of the site."""

    name: str
    vlan: VlanId | None = None
    """The 802.1Q number on every trunk; None is untagged."""
    external: bool = False
    """The site does not own it: its gateway and the world behind it are someone else's."""
    subnets: tuple[Subnet, ...] = ()
    mtu: int = 1500
    bridge: InterfaceName | None = None
    """The bridge's name where the derived one is not wanted."""


@dataclass(frozen=True)
class Uplink:
    """A trunk NIC of a host and the networks that it carries."""

    name: str
    device: InterfaceName
    networks: tuple[str, ...]
    mac: MacAddress | None = None
    """The NIC's MAC where it is known; bridges over this uplink take it too."""
    addresses: tuple[InterfaceAddress, ...] = ()
    """What the host itself has on the bare NIC. Never changed; a lab gives them to its NIC."""


@dataclass(frozen=True)
class HostPort:
    """A host's own seat on a network."""

    network: str
    addresses: tuple[InterfaceAddress, ...]
    default_route: bool = False
    """Whether the host's default routes go through this network's gateways."""


@dataclass(frozen=True)
class Host:
    name: str
    uplinks: tuple[Uplink, ...] = ()
    local: tuple[str, ...] = ()
    """Networks that this host carries without any uplink."""
    ports: tuple[HostPort, ...] = ()
    switching: Switching = Switching.BRIDGE_PER_NETWORK
    vlan_devices: VlanDevices = VlanDevices.AUTO

    @property
    def networks(self) -> tuple[str, ...]:
        """Every network that this host carries, in the order of the file, each once."""
        names = [name for uplink in self.uplinks for name in uplink.networks]
        return tuple(dict.fromkeys([*names, *self.local]))


class MachineKind(enum.Enum):
    VM = "vm"
    CONTAINER = "container"


@dataclass(frozen=True)
class Attachment:
    """One network on a machine's port."""

    network: str
    tagged: bool = False
    """Whether the machine sees this network's frames with their 802.1Q tag."""
    addresses: tuple[InterfaceAddress, ...] = ()


@dataclass(frozen=True)
class Port:
    """A machine's NIC. One untagged network makes it an access port, tagged ones a trunk port."""

    attachments: tuple[Attachment, ...]
    """At most one of them untagged (the access or native network)."""
    mac: MacAddress | None = None
    device: InterfaceName | None = None
    """The host's end (tap or veth) where the derived name is not wanted."""

    @property
    def native(self) -> Attachment | None:
        return next((a for a in self.attachments if not a.tagged), None)

    @property
    def tagged(self) -> tuple[Attachment, ...]:
        return tuple(a for a in self.attachments if a.tagged)


@dataclass(frozen=True)
class Machine:
    """A virtual machine or a container."""

    name: str
    kind: MachineKind
    host: str
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class External:
    """A router's way out."""

    network: str
    address: InterfaceAddress
    snat: bool = False


@dataclass(frozen=True)
class Allow:
    """A pair of networks between which a router forwards new connections."""

    source: str
    target: str


@dataclass(frozen=True)
class Router:
    """Forwards between its networks only where `allow` says so, and to the outside."""

    name: str
    host: str
    networks: tuple[str, ...]
    external: External | None = None
    allow: tuple[Allow, ...] = ()


class Expect(enum.Enum):
    REACHABLE = "reachable"
    ISOLATED = "isolated"


@dataclass(frozen=True)
class Expectation:
    """Who may reach whom: names of machines, hosts, networks, an address, or OUTSIDE."""

    source: str
    target: str
    expect: Expect


@dataclass(frozen=True)
class Site:
    name: str
    networks: Mapping[str, Network] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)
    routers: Mapping[str, Router] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()

    def machines_on(self, host: str) -> Iterator[Machine]:
        return (machine for machine in self.machines.values() if machine.host == host)

    def routers_on(self, host: str) -> Iterator[Router]:
        return (router for router in self.routers.values() if router.host == host)
