"""What the kernel of one host must hold for a site."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from tests import planning_fixtures as make
from trunkline.capabilities import Capabilities
from trunkline.errors import HostError, UsageError
from trunkline.intent import Allow, Attachment, HostPort, Port, Site, Switching, VlanDevices
from trunkline.realise import Seats, realise
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    HostState,
    Ipv6,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
)
from trunkline.values import InterfaceAddress


def of(state: HostState, kind: type[Row]) -> list[Row]:
    return [row for row in state.values() if type(row) is kind]


def simple(**changes: object) -> Site:
    host = make.host(make.uplink("eno1", "red", mac=make.NIC_MAC))
    machine = make.vm("vm1", make.access("red", "192.168.10.10/24", device="vnet1"))
    return make.site((replace(host, **changes),), (machine,))  # type: ignore[arg-type]  # fields


def test_an_access_port_of_a_vlan() -> None:
    """NIC, VLAN device, bridge and tap: the whole state of the smallest host."""
    (tap,) = of(make.desired(simple(), Seats.TAP), Tap)
    assert isinstance(tap, Tap)
    assert tap.mac is not None
    assert tap.mac.startswith("fe:")

    rules, *rows = make.desired(simple(), Seats.TAP).values()
    assert isinstance(rules, NftTable)
    assert rows == [
        Nic("", "eno1", up=True, mtu=1500, mac=make.NIC_MAC),
        Bridge(
            "", "brvlan-10", "walk/network/red", make.NIC_MAC, 1500, ipv6=Ipv6.OFF, default_pvid=0
        ),
        Sysctl("", "net/ipv4/conf/brvlan-10/arp_ignore", "1"),
        VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.KERNEL, "walk/network/red", mtu=1500),
        BridgePort("", "eno1.10", "brvlan-10"),
        Tap("", "vnet1", "walk/vm/vm1", tap.mac, 1500),
        BridgePort("", "vnet1", "brvlan-10"),
    ]


def test_a_machine_in_a_namespace() -> None:
    """In a lab a namespace plays the machine, with its MAC, address and default route."""
    state = make.desired(simple(), Seats.NAMESPACE)
    (pair,) = of(state, Veth)

    assert isinstance(pair, Veth)
    assert pair.first == VethEnd("", "vnet1", pair.first.mac)
    assert pair.second == VethEnd("vm1", "eth0", pair.second.mac, ipv6=Ipv6.ON)
    assert of(state, Namespace) == [Namespace("vm1", "walk/vm/vm1")]
    assert of(state, Address) == [Address("vm1", "eth0", "192.168.10.10/24")]
    assert of(state, Route) == [Route("vm1", "0.0.0.0/0", "192.168.10.1", "eth0")]
    assert Sysctl("vm1", "net/ipv6/conf/default/accept_dad", "0") in state.values()


def test_a_trunk_port_of_a_machine() -> None:
    """A tagged network is a VLAN device on both ends of the pair, each with its own job."""
    state = make.desired(make.one_host(), Seats.TAP)

    assert BridgePort("", "box-0", "brvlan-10") in state.values()
    assert BridgePort("", "box-0.20", "brvlan-20") in state.values()
    inside = state["link", "box", "eth0.20"]
    assert isinstance(inside, VlanDevice)
    assert (inside.parent, inside.ipv6, inside.owner) == ("eth0", Ipv6.ON, "walk/container/box")
    assert Address("box", "eth0.20", "192.168.20.30/24") in state.values()


def test_only_the_first_gateway_is_the_default_route() -> None:
    """A machine with two ports has one default route."""
    machine = make.vm(
        "vm1",
        make.access("green", "2001:db8:30::5/64"),
        make.access("red", "192.168.10.10/24"),
        make.access("blue", "192.168.20.10/24"),
    )
    site = make.site((make.host(local=("red", "blue", "green")),), (machine,))

    assert of(make.desired(site), Route) == [
        Route("vm1", "::/0", "2001:db8:30::1", "eth0"),
        Route("vm1", "0.0.0.0/0", "192.168.10.1", "eth1"),
    ]


def test_a_machine_that_is_the_gateway_has_no_default_route() -> None:
    """Nobody is his own gateway."""
    machine = make.vm("vm1", make.access("red", "192.168.10.1/24"))
    site = make.site((make.host(local=("red",)),), (machine,))

    assert of(make.desired(site), Route) == []


def test_a_vlan_aware_host() -> None:
    """One bridge; ports differ by their VLANs; the untagged network gets the highest number."""
    state = make.desired(make.one_host(Switching.VLAN_AWARE), Seats.TAP)

    (bridge,) = of(state, Bridge)
    assert isinstance(bridge, Bridge)
    assert (bridge.name, bridge.vlan_filtering, bridge.default_pvid) == ("brtrunk", True, 0)
    assert of(state, PortVlan) == [
        PortVlan("", "eno1", 10),
        PortVlan("", "eno1", 20),
        PortVlan("", "eno2", 4094, pvid=True, untagged=True),
        PortVlan("", "vnet1", 10, pvid=True, untagged=True),
        PortVlan("", "vm2-0", 20, pvid=True, untagged=True),
        PortVlan("", "box-0", 10, pvid=True, untagged=True),
        PortVlan("", "box-0", 20),
        PortVlan("", "edge-red", 10, pvid=True, untagged=True),
        PortVlan("", "edge-blue", 20, pvid=True, untagged=True),
        PortVlan("", "edge-wan", 4094, pvid=True, untagged=True),
    ]


@pytest.mark.parametrize(
    ("switching", "device"),
    [(Switching.BRIDGE_PER_NETWORK, "brvlan-10"), (Switching.VLAN_AWARE, "brtrunk.10")],
)
def test_the_host_has_a_seat(switching: Switching, device: str) -> None:
    """The host's address, silent against advertisements, and its default route."""
    port = HostPort("red", (InterfaceAddress("192.168.10.5/24"),), default_route=True)
    state = make.desired(simple(ports=(port,), switching=switching), Seats.TAP)

    seat = state["link", "", device]
    assert isinstance(seat, Bridge | VlanDevice)
    assert seat.ipv6 is Ipv6.ON
    assert of(state, Address) == [Address("", device, "192.168.10.5/24")]
    assert of(state, Route) == [Route("", "0.0.0.0/0", "192.168.10.1", device)]
    assert Sysctl("", f"net/ipv6/conf/{device}/accept_ra", "0") in state.values()
    own = PortVlan("", "brtrunk", 10) in state.values()
    assert own is (switching is Switching.VLAN_AWARE)


def test_a_router_is_closed_but_for_what_is_allowed() -> None:
    """The rules of a router, as nft lists them."""
    table = make.desired(make.one_host())["nft", "edge", "inet", "trunkline"]

    assert isinstance(table, NftTable)
    assert table.rules.replace("\t", "  ") == (
        "chain forward {\n"
        "  type filter hook forward priority filter; policy drop;\n"
        '  iifname "red" ip saddr != 192.168.10.0/24 drop\n'
        '  iifname "red" meta nfproto ipv6 drop\n'
        '  iifname "blue" ip saddr != 192.168.20.0/24 drop\n'
        '  iifname "blue" meta nfproto ipv6 drop\n'
        '  iifname "wan" meta nfproto ipv6 drop\n'
        '  iifname "wan" ip saddr 192.168.10.0/24 drop\n'
        '  iifname "wan" ip saddr 192.168.20.0/24 drop\n'
        "  ct state established,related accept\n"
        '  iifname "red" oifname "blue" accept\n'
        '  iifname "red" meta nfproto ipv4 oifname "wan" accept\n'
        '  iifname "blue" meta nfproto ipv4 oifname "wan" accept\n'
        '  iifname "red" reject with icmpx admin-prohibited\n'
        '  iifname "blue" reject with icmpx admin-prohibited\n'
        "}\n\n"
        "chain input {\n"
        "  type filter hook input priority filter; policy drop;\n"
        "  ct state established,related accept\n"
        '  iifname "red" ip daddr 192.168.10.1 icmp type echo-request accept\n'
        '  iifname "blue" ip daddr 192.168.20.1 icmp type echo-request accept\n'
        '  iifname "wan" ip daddr 192.168.1.109 icmp type echo-request accept\n'
        "  ip6 daddr fe80::/10 icmpv6 type echo-request accept\n"
        "  icmpv6 type { mld-listener-query, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
        "}\n\n"
        "chain postrouting {\n"
        "  type nat hook postrouting priority srcnat; policy accept;\n"
        '  ip saddr 192.168.10.0/24 oifname "wan" masquerade\n'
        '  ip saddr 192.168.20.0/24 oifname "wan" masquerade\n'
        "}"
    )


def test_a_router_without_a_way_out_has_no_nat() -> None:
    """No external network, no masquerading and no way into one."""
    router = replace(make.edge(Allow("red", "blue")), external=None)
    site = make.site((make.host(local=("red", "blue")),), routers=(router,))

    table = make.desired(site)["nft", "edge", "inet", "trunkline"]
    assert isinstance(table, NftTable)
    assert "postrouting" not in table.rules
    assert "wan" not in table.rules


def test_a_router_has_its_networks_gateways_and_forwards() -> None:
    """A leg in each network with the gateway's address, and the way out."""
    state = make.desired(make.one_host())

    inside = [row for row in of(state, Address) if isinstance(row, Address)]
    assert [row for row in inside if row.namespace == "edge"] == [
        Address("edge", "red", "192.168.10.1/24"),
        Address("edge", "blue", "192.168.20.1/24"),
        Address("edge", "wan", "192.168.1.109/24"),
    ]
    assert Route("edge", "0.0.0.0/0", "192.168.1.1", "wan") in state.values()
    assert Sysctl("edge", "net/ipv4/ip_forward", "1") in state.values()
    assert Sysctl("edge", "net/ipv6/conf/all/forwarding", "1") in state.values()
    assert not [row for row in of(state, Sysctl) if "forward" in row.key[2] and not row.key[1]]  # type: ignore[operator]  # a sysctl's key


def test_a_kernel_without_8021q_gets_ebpf_devices() -> None:
    """`auto` takes what the kernel has."""
    state = make.desired(simple(), Seats.TAP, Capabilities(vlan_devices=False))

    (device,) = of(state, VlanDevice)
    assert isinstance(device, VlanDevice)
    assert device.method is VlanMethod.EBPF


def test_ebpf_devices_can_be_asked_for() -> None:
    """Also where the kernel has its own."""
    (device,) = of(make.desired(simple(vlan_devices=VlanDevices.EBPF), Seats.TAP), VlanDevice)

    assert isinstance(device, VlanDevice)
    assert device.method is VlanMethod.EBPF


@pytest.mark.parametrize(
    ("changes", "capabilities", "message"),
    [
        (
            {"vlan_devices": VlanDevices.KERNEL},
            Capabilities("6.18", vlan_devices=False),
            "host 'host1': vlan_devices is 'kernel', and kernel '6.18' has no 802.1Q devices",
        ),
        (
            {},
            Capabilities("5.4", vlan_devices=False, ebpf_vlan=False),
            "host 'host1': kernel '5.4' has neither 802.1Q devices nor what eBPF VLAN devices "
            "need",
        ),
        (
            {"switching": Switching.VLAN_AWARE},
            Capabilities("6.18", vlan_filtering=False),
            "host 'host1': `switching: vlan-aware` needs 'vlan_filtering', which kernel '6.18' "
            "does not have",
        ),
    ],
)
def test_what_the_kernel_lacks_is_said(
    changes: dict[str, object], capabilities: Capabilities, message: str
) -> None:
    """The host, the kernel and a way out are named."""
    with pytest.raises(HostError) as raised:
        make.desired(simple(**changes), Seats.TAP, capabilities)

    assert raised.value.message == message
    assert raised.value.hint


def test_a_host_without_vlans_needs_no_vlan_devices() -> None:
    """What is not needed is not asked for."""
    site = make.site((make.host(make.uplink("eno2", "wan")),))
    capabilities = Capabilities(vlan_devices=False, ebpf_vlan=False)

    state = make.desired(site, Seats.TAP, capabilities)
    assert ("port", "", "eno2") in state


def test_a_host_that_the_site_does_not_have() -> None:
    """The message lists those that it has."""
    with pytest.raises(UsageError, match="there is no host 'host9'") as raised:
        realise(simple(), "host9", Capabilities())

    assert raised.value.hint == "hosts: host1"


def test_a_nic_is_as_wide_as_its_widest_network() -> None:
    """A VLAN device cannot be wider than its parent."""
    jumbo = replace(make.BLUE, mtu=9000)
    host = make.host(make.uplink("eno1", "red", "blue"))
    state = make.desired(make.site((host,), networks=(make.RED, jumbo)), Seats.TAP)

    assert of(state, Nic) == [Nic("", "eno1", up=True, mtu=9000)]
    assert [row.mtu for row in of(state, VlanDevice) if isinstance(row, VlanDevice)] == [
        1500,
        9000,
    ]


def test_names_and_macs_do_not_depend_on_the_run() -> None:
    """Two realisations are equal."""
    assert make.desired(make.one_host()) == make.desired(make.one_host())


def test_a_dual_stack_port_routes_both() -> None:
    """One default route for each version of IP."""
    both = replace(make.RED, subnets=(*make.RED.subnets, *make.GREEN.subnets))
    seat = Attachment(
        "red",
        addresses=(InterfaceAddress("192.168.10.5/24"), InterfaceAddress("2001:db8:30::5/64")),
    )
    host, machine = make.host(local=("red",)), make.vm("vm1", Port((seat,)))

    assert of(make.desired(make.site((host,), (machine,), networks=(both,))), Route) == [
        Route("vm1", "0.0.0.0/0", "192.168.10.1", "eth0"),
        Route("vm1", "::/0", "2001:db8:30::1", "eth0"),
    ]
    assert both.subnets[0].cidr == IPv4Network("192.168.10.0/24")
