"""Sites and states for the tests of planning: the walkthrough, made without a file."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from trunkline.capabilities import Capabilities
from trunkline.intent import (
    Allow,
    Attachment,
    External,
    Host,
    HostPort,
    Machine,
    MachineKind,
    Network,
    Port,
    Router,
    Site,
    Subnet,
    Switching,
    Uplink,
)
from trunkline.realise import Seats, realise
from trunkline.state import ROOT, HostState, Nic, host_state
from trunkline.values import InterfaceAddress, InterfaceName, MacAddress, VlanId

NIC_MAC = MacAddress("00:0c:29:27:d5:3b")


def network(
    name: str,
    vlan: int | None,
    cidr: str,
    gateway: str,
    *,
    mtu: int = 1500,
    external: bool = False,
) -> Network:
    six = ":" in cidr
    subnet = Subnet(
        IPv6Network(cidr) if six else IPv4Network(cidr),
        IPv6Address(gateway) if six else IPv4Address(gateway),
    )
    number = None if vlan is None else VlanId(vlan)
    return Network(name, number, external=external, subnets=(subnet,), mtu=mtu)


RED = network("red", 10, "192.168.10.0/24", "192.168.10.1")
BLUE = network("blue", 20, "192.168.20.0/24", "192.168.20.1")
GREEN = network("green", 30, "2001:db8:30::/64", "2001:db8:30::1")
WAN = network("wan", None, "192.168.1.0/24", "192.168.1.1", external=True)


def uplink(device: str, *networks: str, mac: str | None = None) -> Uplink:
    return Uplink("lan", InterfaceName(device), networks, None if mac is None else MacAddress(mac))


def access(network: str, *addresses: str, device: str | None = None) -> Port:
    seat = Attachment(network, addresses=tuple(map(InterfaceAddress, addresses)))
    return Port((seat,), device=None if device is None else InterfaceName(device))


def vm(name: str, *ports: Port, host: str = "host1") -> Machine:
    return Machine(name, MachineKind.VM, host, ports)


def container(name: str, *ports: Port, host: str = "host1") -> Machine:
    return Machine(name, MachineKind.CONTAINER, host, ports)


def host(
    *uplinks: Uplink,
    name: str = "host1",
    local: tuple[str, ...] = (),
    ports: tuple[HostPort, ...] = (),
    switching: Switching = Switching.BRIDGE_PER_NETWORK,
) -> Host:
    return Host(name, uplinks, local, ports, switching)


def site(
    hosts: tuple[Host, ...],
    machines: tuple[Machine, ...] = (),
    routers: tuple[Router, ...] = (),
    networks: tuple[Network, ...] = (RED, BLUE, GREEN, WAN),
) -> Site:
    return Site(
        "walk",
        {each.name: each for each in networks},
        {each.name: each for each in hosts},
        {each.name: each for each in machines},
        {each.name: each for each in routers},
    )


def edge(
    *allow: Allow, host: str = "host1", networks: tuple[str, ...] = ("red", "blue")
) -> Router:
    way_out = External("wan", InterfaceAddress("192.168.1.109/24"), snat=True)
    return Router("edge", host, networks, way_out, allow)


def one_host(switching: Switching = Switching.BRIDGE_PER_NETWORK) -> Site:
    """One host with everything: two VLANs on a trunk, a way out, machines of each kind."""
    trunk = Port(
        (
            Attachment("red", addresses=(InterfaceAddress("192.168.10.30/24"),)),
            Attachment("blue", tagged=True, addresses=(InterfaceAddress("192.168.20.30/24"),)),
        )
    )
    return site(
        (
            host(
                uplink("eno1", "red", "blue", mac=NIC_MAC),
                uplink("eno2", "wan"),
                switching=switching,
            ),
        ),
        (
            vm("vm1", access("red", "192.168.10.10/24", device="vnet1")),
            vm("vm2", access("blue", "192.168.20.20/24")),
            container("box", trunk),
        ),
        (edge(Allow("red", "blue")),),
    )


def machine_nics(*names: str, mtu: int = 1500) -> HostState:
    """Return a host that has NICs and nothing else."""
    macs = {"eno1": NIC_MAC}
    rows = [
        Nic(ROOT, name, up=False, mtu=mtu, mac=macs.get(name, f"02:00:00:00:00:{i:02x}"), kind="")
        for i, name in enumerate(names)
    ]
    return host_state(rows)


def desired(
    wanted: Site, seats: Seats = Seats.NAMESPACE, capabilities: Capabilities | None = None
) -> HostState:
    return realise(wanted, "host1", capabilities or Capabilities(), seats)
