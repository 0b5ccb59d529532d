"""What every kernel does, the one in memory and the real one: the same scenarios, one outcome."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from tests import planning_fixtures as make
from tests import real_host
from trunkline import codec, plan
from trunkline.capabilities import Capabilities
from trunkline.errors import KernelError, TrunklineError
from trunkline.intent import Allow, HostPort, Site, Subnet, Switching
from trunkline.kernel import Kernel, probe
from trunkline.kernel.fake import FakeKernel
from trunkline.operation import Operation
from trunkline.realise import Seats
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
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
    VethEnd,
    VlanDevice,
    VlanMethod,
    host_state,
    veth,
)
from trunkline.values import InterfaceAddress, MacAddress

BRIDGE = Bridge("", "br7", "walk/x", MacAddress("02:00:00:00:00:07"), 1500)
TAP = Tap("", "tap7", "walk/x", MacAddress("fe:00:00:00:00:07"), 1500)


def both(*features: str) -> pytest.MarkDecorator:
    """Run a test against the kernel in memory, and the real one if that has *features*."""
    marks = [pytest.mark.kernel, *([pytest.mark.needs(*features)] if features else [])]
    kernels = ["fake", pytest.param("linux", marks=marks)]
    return pytest.mark.parametrize("kernel", kernels, indirect=True)


@pytest.fixture(params=["fake", pytest.param("linux", marks=pytest.mark.kernel)])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """A host with NICs eno1 and eno2, in memory or in a namespace."""
    if request.param == "fake":
        yield FakeKernel(make.machine_nics("eno1", "eno2").values())
        return
    namespace = request.getfixturevalue("scratch_namespace")
    with real_host.host(namespace) as real:
        yield real


def capabilities(kernel: Kernel) -> Capabilities:
    return Capabilities() if isinstance(kernel, FakeKernel) else probe.capabilities()


def make_rows(kernel: Kernel, *rows: Row) -> None:
    kernel.apply([Operation(None, row) for row in rows])


def pvid_of(kernel: Kernel) -> int | None:
    return 0 if capabilities(kernel).vlan_filtering else None


def bring(kernel: Kernel, wanted: HostState) -> tuple[Operation, ...]:
    operations = plan.diff(kernel.read(wanted), wanted, "walk").operations
    kernel.apply(operations)
    assert plan.diff(kernel.read(wanted), wanted, "walk").operations == ()
    return operations


def jumbo(site: Site) -> Site:
    return replace(site, networks={n: replace(v, mtu=9000) for n, v in site.networks.items()})


def renumbered(site: Site) -> Site:
    """Return *site* with VLANs 10 and 20 swapped and red in other addresses."""
    red, blue = site.networks["red"], site.networks["blue"]
    subnet = Subnet(IPv4Network("10.10.0.0/16"), IPv4Network("10.10.0.0/16")[1])
    networks = {
        "red": replace(red, vlan=blue.vlan, subnets=(subnet,)),
        "blue": replace(blue, vlan=red.vlan),
    }
    return replace(site, networks={**site.networks, **networks})


def with_seat(site: Site) -> Site:
    seat = HostPort(
        "red", (InterfaceAddress("192.168.10.5/24"), InterfaceAddress("2001:db8:10::5/64"))
    )
    return replace(site, hosts={n: replace(h, ports=(seat,)) for n, h in site.hosts.items()})


def opened(site: Site) -> Site:
    router = replace(site.routers["edge"], allow=(Allow("blue", "red"), Allow("red", "blue")))
    return replace(site, routers={"edge": router})


def emptier(site: Site) -> Site:
    return replace(site, machines={}, routers={})


CHANGES: list[Callable[[Site], Site]] = [jumbo, renumbered, with_seat, opened, emptier]


@pytest.mark.parametrize("seats", Seats)
@pytest.mark.parametrize("change", CHANGES)
def test_a_site_and_its_change_and_back(
    kernel: Kernel, change: Callable[[Site], Site], seats: Seats
) -> None:
    """Apply, change, change back: each plan is exact, and the end is the beginning."""
    first = make.desired(make.one_host(), seats, capabilities(kernel))
    second = make.desired(change(make.one_host()), seats, capabilities(kernel))
    bring(kernel, first)
    before = codec.dump(managed(kernel, first))

    bring(kernel, second)
    bring(kernel, first)

    after = codec.dump(managed(kernel, first))
    if change is not jumbo:  # a NIC that was widened stays wide
        assert after == before


def managed(kernel: Kernel, wanted: HostState) -> HostState:
    """Return what a plan is about: the MACs that a kernel makes up are not."""
    rows = kernel.read(wanted).values()
    return host_state(replace(r, mac=None) if isinstance(r, VlanDevice) else r for r in rows)


@pytest.mark.parametrize("seats", Seats)
@both("vlan_filtering", "nft")
def test_a_vlan_aware_host(kernel: Kernel, seats: Seats) -> None:
    """Both ways to build a switch, one after the other and back."""
    aware = make.desired(make.one_host(Switching.VLAN_AWARE), seats, capabilities(kernel))
    plain = make.desired(make.one_host(), seats, capabilities(kernel))
    bring(kernel, plain)
    before = codec.dump(managed(kernel, plain))

    bring(kernel, aware)
    bring(kernel, plain)

    assert codec.dump(managed(kernel, plain)) == before


def test_what_is_made_reads_back(kernel: Kernel) -> None:
    """Every kind of row that this kernel can hold reads back as it was made."""
    edge = Namespace("edge", "walk/edge")
    pair = veth(
        VethEnd("", "v7", MacAddress("fe:00:00:00:00:08")),
        VethEnd("edge", "eth0", MacAddress("fe:00:00:00:00:09"), ipv6=Ipv6.ON),
        owner="walk/edge",
        mtu=1400,
    )
    rows: list[Row] = [
        edge,
        NftTable("edge", "inet", "trunkline", "chain x {\n\tdrop\n}"),
        Sysctl("edge", "net/ipv4/ip_forward", "1"),
        replace(BRIDGE, default_pvid=pvid_of(kernel)),
        TAP,
        pair,
        BridgePort("", "tap7", "br7", learning=False, isolated=True),
        BridgePort("", "v7", "br7", hairpin=True, flood=False),
        Address("edge", "eth0", "10.7.0.2/24"),
        Address("edge", "eth0", "2001:db8:7::2/64"),
        Route("edge", "0.0.0.0/0", "10.7.0.1", "eth0"),
        Route("edge", "::/0", "2001:db8:7::1", "eth0"),
        FdbEntry("", "tap7", "52:54:00:00:00:07"),
    ]
    make_rows(kernel, *rows)

    state = kernel.read(host_state(rows))
    assert [state.get(row.key) for row in rows] == rows


def test_parameters_are_read_where_they_are_wanted(kernel: Kernel) -> None:
    """And nowhere else; one of a device that is missing is not there."""
    there = Sysctl("", "net/ipv4/conf/eno1/arp_ignore", "")
    missing = Sysctl("", "net/ipv4/conf/eno9/arp_ignore", "")

    assert not [row for row in kernel.read().values() if isinstance(row, Sysctl)]
    state = kernel.read(host_state([there, missing]))
    assert [row for row in state.values() if isinstance(row, Sysctl)] == [
        replace(there, value="0")
    ]


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        ([TAP, TAP], errno.EBUSY),
        ([BRIDGE, replace(BRIDGE, owner="walk/y")], errno.EEXIST),
        ([BridgePort("", "eno1", "br9")], errno.ENODEV),
        ([BRIDGE, BridgePort("", "tap9", "br7")], errno.ENODEV),
        ([Address("", "tap9", "10.0.0.1/8")], errno.ENODEV),
        ([BRIDGE, Address("", "br7", "2001:db8::1/64")], errno.EACCES),
        ([Route("", "10.9.0.0/16", "10.255.0.1")], errno.ENETUNREACH),
        ([VlanDevice("", "v.7", "eno9", 7, VlanMethod.EBPF)], errno.ENODEV),
    ],
    ids=lambda each: str(each)[-40:],
)
def test_what_a_kernel_refuses(kernel: Kernel, rows: list[Row], number: int) -> None:
    """The last of the rows is refused, with the kernel's own number where it was asked at all."""
    make_rows(kernel, *rows[:-1])

    with pytest.raises(TrunklineError) as raised:
        make_rows(kernel, rows[-1])

    if isinstance(raised.value, KernelError) and raised.value.errno:
        assert raised.value.errno == number


@both("vlan_devices")
def test_kernel_vlan_devices(kernel: Kernel) -> None:
    """One device a VLAN, never wider than its parent; a parent that narrows takes it along."""
    device = VlanDevice("", "eno1.7", "eno1", 7, VlanMethod.KERNEL, "walk/x", mtu=1500)
    with pytest.raises(KernelError) as down:
        make_rows(kernel, device)
    assert down.value.errno == errno.ENETDOWN
    nic = kernel.read()["link", "", "eno1"]
    assert isinstance(nic, Nic)
    kernel.apply(
        [
            Operation(nic, replace(nic, up=True)),
            Operation(None, replace(device, vlan=9, name="eno1.9")),
        ]
    )
    kernel.apply([Operation(device, None)])
    make_rows(kernel, device)

    for refused, number in (
        (replace(device, name="other"), errno.EEXIST),
        (replace(device, name="wide", vlan=8, mtu=9000), errno.EINVAL),
    ):
        with pytest.raises(KernelError) as raised:
            make_rows(kernel, refused)
        assert raised.value.errno == number
    with pytest.raises(KernelError) as wider:
        kernel.apply([Operation(device, replace(device, mtu=9000))])
    assert wider.value.errno == errno.ERANGE
    kernel.apply([Operation(replace(nic, up=True), replace(nic, up=True, mtu=1400))])
    narrow = kernel.read()["link", "", "eno1.7"]
    assert isinstance(narrow, VlanDevice)
    assert narrow.mtu == 1400


@both("vlan_filtering")
def test_a_port_has_one_pvid(kernel: Kernel) -> None:
    """A second PVID takes it from the first VLAN."""
    ten = PortVlan("", "tap7", 10, pvid=True, untagged=True)
    twenty = PortVlan("", "tap7", 20, pvid=True, untagged=True)
    bridge = replace(BRIDGE, vlan_filtering=True, default_pvid=0)

    make_rows(kernel, bridge, TAP, BridgePort("", "tap7", "br7"), ten, twenty)

    vlans = [row for row in kernel.read().values() if isinstance(row, PortVlan)]
    assert sorted(vlans, key=str) == [replace(ten, pvid=False), twenty]


def test_what_stands_on_a_device_goes_with_it(kernel: Kernel) -> None:
    """A bridge takes its ports' membership along, a tap its port and address."""
    bridge = replace(BRIDGE, default_pvid=pvid_of(kernel))
    other = replace(bridge, name="br8", mac=MacAddress("02:00:00:00:00:08"))
    port, address = BridgePort("", "tap7", "br7"), Address("", "br8", "10.7.0.1/24")
    make_rows(kernel, bridge, other, TAP, port, address)

    kernel.apply([Operation(bridge, None), Operation(other, None)])

    state = kernel.read()
    assert TAP.key in state
    assert not {port.key, address.key, bridge.key, other.key} & set(state)


def test_what_is_in_a_namespace_goes_with_it(kernel: Kernel) -> None:
    """The other end of a pair too."""
    edge = Namespace("edge", "walk/edge")
    pair = veth(VethEnd("", "v7"), VethEnd("edge", "eth0"), owner="walk/edge")
    make_rows(kernel, edge, pair, Address("edge", "eth0", "10.7.0.2/24"))
    made = kernel.read()
    assert {edge.key, pair.key} <= set(made)

    kernel.apply([Operation(made[pair.key], None), Operation(made[edge.key], None)])

    assert not {key for key in kernel.read() if "edge" in key or "v7" in key}


def test_the_last_ipv4_address_takes_the_routes_along(kernel: Kernel) -> None:
    """A plan must know, because the kernel does not ask."""
    one, two = Address("", "br7", "10.7.0.1/24"), Address("", "br7", "10.8.0.1/24")
    route = Route("", "10.9.0.0/16", "10.7.0.9", "br7")
    make_rows(kernel, replace(BRIDGE, default_pvid=pvid_of(kernel)), one, two, route)

    kernel.apply([Operation(two, None)])
    assert route.key in kernel.read()
    kernel.apply([Operation(one, None)])
    assert route.key not in kernel.read()


def test_switching_ipv6_off_takes_the_addresses_along(kernel: Kernel) -> None:
    """Why a plan removes them first."""
    bridge = replace(BRIDGE, ipv6=Ipv6.ON, default_pvid=pvid_of(kernel))
    six = Address("", "br7", "2001:db8:7::1/64")
    make_rows(kernel, bridge, six)

    kernel.apply([Operation(bridge, replace(bridge, ipv6=Ipv6.OFF))])

    assert six.key not in kernel.read()


def test_what_is_gone_may_be_removed_again(kernel: Kernel) -> None:
    """Absence is what was asked for."""
    make_rows(kernel, TAP)
    kernel.apply([Operation(TAP, None)])
    kernel.apply([Operation(TAP, None), Operation(Address("", "eno1", "10.0.0.1/8"), None)])

    assert TAP.key not in kernel.read()
