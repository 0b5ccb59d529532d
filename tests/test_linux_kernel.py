"""LinuxKernel against the real kernel, with iproute2 and pyroute2 as second opinions."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import kernel_oracle
from tests.conftest import capabilities, delete_namespace, left_behind
from trunkline.errors import ConflictError, KernelError
from trunkline.kernel import ebpf, marks, namespaces
from trunkline.kernel.linux import LinuxKernel
from trunkline.kernel.netlink import link, links
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.kernel.rows import is_born
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
    VethEnd,
    VlanDevice,
    VlanMethod,
    completed,
    host_state,
    veth,
)
from trunkline.values import MacAddress

pytestmark = pytest.mark.kernel

OWNER = "site/thing"
MAC = MacAddress("02:00:00:00:00:01")

few = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Each example makes and reads a namespace with a dozen processes, so there are not many."""


class Host:
    """A host in namespaces of its own, and what a test does with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        namespaces.create(name)
        self.kernel = LinuxKernel(prefix=f"{name}.", root=str(namespaces.path(name)))

    def make(self, *rows: Row) -> None:
        self.kernel.apply([Operation(None, row) for row in rows])

    def remove(self, *rows: Row) -> None:
        self.kernel.apply([Operation(row, None) for row in rows])

    def change(self, before: Row, after: Row) -> None:
        self.kernel.apply([Operation(before, after)])

    def read(self, *wanted: Row) -> HostState:
        return self.kernel.read(host_state(wanted))

    def expect(self, *rows: Row) -> None:
        """Compare all that is there with *rows*, whose None fields do not matter."""
        seen = self.read(*rows)
        wanted = host_state(rows)
        assert dict(seen) == {key: completed(row, seen.get(key)) for key, row in wanted.items()}

    def run(self, *argv: str) -> str:
        done = namespaces.run(namespaces.path(self.name), argv)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def delete(self) -> None:
        for name in left_behind(self.name):
            delete_namespace(name)


@pytest.fixture
def host(unique: str) -> Iterator[Host]:
    found = Host(unique)
    yield found
    found.delete()


_numbers = count()


@contextlib.contextmanager
def another(host: Host) -> Iterator[Host]:
    """Yield a fresh host for one example of a property."""
    found = Host(f"{host.name}x{next(_numbers)}")
    try:
        yield found
    finally:
        found.delete()


BASIC: tuple[Row, ...] = (
    Namespace("c1", OWNER),
    Bridge("", "br0", OWNER, MAC, 1500),
    veth(
        VethEnd("", "v1"),
        VethEnd("c1", "eth0", MacAddress("52:54:00:00:00:01"), ipv6=Ipv6.ON),
        owner=OWNER,
        mtu=1400,
    ),
    Tap("", "tap0", OWNER, MacAddress("fe:00:00:00:00:02")),
    BridgePort("", "v1", "br0"),
    BridgePort("", "tap0", "br0", learning=False, flood=False, isolated=True, hairpin=True),
    FdbEntry("", "v1", "52:54:00:00:00:01"),
    Address("c1", "eth0", "192.0.2.1/24"),
    Address("c1", "eth0", "2001:db8::1/64"),
    Address("c1", "lo", "198.51.100.1/32"),
    Route("c1", "0.0.0.0/0", "192.0.2.254", "eth0"),
    Route("c1", "2001:db8:1::/48", "2001:db8::fe", "eth0"),
    Route("c1", "203.0.113.0/24", None, "eth0", metric=7),
    Sysctl("c1", "net/ipv4/ip_forward", "1"),
    Sysctl("c1", "net/ipv4/conf/eth0/arp_ignore", "1"),
)


# --- what is made reads back -----------------------------------------------------------------


def test_an_empty_host_has_no_rows(host: Host) -> None:
    assert host.read() == {}


def test_everything_reads_back_as_it_was_made_and_goes_without_a_trace(host: Host) -> None:
    host.make(*BASIC)

    host.expect(*BASIC)
    seen = host.read(*BASIC)
    assert host.read(*BASIC) == seen
    host.remove(*reversed([*seen.values()]))
    assert host.read() == {}
    assert left_behind(f"{host.name}.") == []


@pytest.mark.needs("nft")
def test_an_nft_table_reads_back_and_goes(host: Host) -> None:
    rules = "chain forward {\n\ttype filter hook forward priority filter; policy drop;\n}"
    table = NftTable("c1", "inet", "trunkline", rules)
    host.make(Namespace("c1", OWNER), table)

    host.expect(Namespace("c1", OWNER), table)
    host.remove(table)
    host.expect(Namespace("c1", OWNER))


@pytest.mark.needs("ebpf_vlan")
def test_an_ebpf_vlan_device_is_one_row(host: Host) -> None:
    nic = Nic("", "eno1", up=True, mtu=1500)
    host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "far")
    device = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.EBPF, OWNER, mtu=1500)
    host.make(nic, device)

    seen = host.read()
    assert seen[device.key] == completed(device, seen[device.key])
    assert set(seen) == {device.key, ("link", "", "eno1"), ("link", "", "far")}
    index = links_of(host)["eno1.10"].index
    with namespaces.entered(namespaces.path(host.name)):
        assert ebpf.read_vlans([index]) == {index: (links_of(host)["eno1"].index, 10)}
    host.remove(seen[device.key])
    assert set(host.read()) == {("link", "", "eno1"), ("link", "", "far")}
    assert "clsact" not in host.run("tc", "qdisc", "show")


@pytest.mark.needs("ebpf_vlan")
def test_a_vlan_device_that_lost_its_programs_is_a_pair_of_ours_not_a_vlan_device(
    host: Host,
) -> None:
    """Read what the kernel does, not what a name says; and stay able to take it away."""
    host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "far")
    device = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.EBPF, OWNER)
    host.make(device)
    host.run("tc", "qdisc", "del", "dev", "eno1.10", "clsact")

    seen = host.read()[device.key]
    assert isinstance(seen, Veth)
    assert (seen.owner, seen.second.name) == (OWNER, "~eno1.10")
    host.remove(seen)
    assert ("link", "", "eno1.10") not in host.read()


@pytest.mark.needs("vlan_devices")
def test_a_kernel_vlan_device_and_one_upon_it(host: Host) -> None:
    host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "far")
    method = VlanMethod.KERNEL
    outer = VlanDevice("", "eno1.10", "eno1", 10, method, OWNER, MAC, 1400)
    inner = VlanDevice("", "eno1.10.20", "eno1.10", 20, method, OWNER, mtu=1300)
    host.make(Nic("", "eno1", up=True), outer, inner)

    seen = host.read()
    assert seen[outer.key] == outer
    assert seen[inner.key] == completed(inner, seen[inner.key])
    host.change(outer, dataclasses.replace(outer, mtu=1350, up=False))
    assert host.read()[outer.key] == dataclasses.replace(outer, mtu=1350, up=False)
    host.remove(inner, outer)
    assert set(host.read()) == {("link", "", "eno1"), ("link", "", "far")}


@pytest.mark.needs("vlan_devices")
def test_a_vlan_wider_than_its_parent_is_an_error_that_says_so(host: Host) -> None:
    host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "far")
    device = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.KERNEL, OWNER, mtu=9000)

    with pytest.raises(KernelError) as caught:
        host.make(device)
    assert caught.value.text == "its MTU 9000 is larger than that of 'eno1'"
    narrow = dataclasses.replace(device, mtu=1500, up=False)
    host.make(narrow)
    with pytest.raises(KernelError) as caught:
        host.change(narrow, device)
    assert caught.value.text == "its MTU 9000 is larger than that of 'eno1'"


@pytest.mark.needs("vlan_filtering")
def test_vlans_of_ports_and_of_the_bridge_itself(host: Host) -> None:
    bridge = Bridge("", "br0", OWNER, MAC, vlan_filtering=True, default_pvid=0)
    pair = veth(VethEnd("", "a"), VethEnd("", "b"), owner=OWNER)
    wanted: tuple[Row, ...] = (
        bridge,
        pair,
        BridgePort("", "a", "br0"),
        *(PortVlan("", "a", vlan) for vlan in range(100, 110)),
        PortVlan("", "a", 10, pvid=True, untagged=True),
        PortVlan("", "br0", 10, pvid=False, untagged=False),
        FdbEntry("", "a", "52:54:00:00:00:01", 10),
    )
    host.make(*wanted)

    host.expect(*wanted)
    assert set(host.read().values()) >= kernel_oracle.rows(host.name) - nics(host)
    host.change(wanted[-3], PortVlan("", "a", 10))
    assert host.read()["port-vlan", "", "a", 10] == PortVlan("", "a", 10)
    host.remove(*wanted[3:13], PortVlan("", "br0", 10))
    assert {row for row in host.read().values() if isinstance(row, PortVlan)} == {
        PortVlan("", "a", 10)
    }


@pytest.mark.needs("vlan_filtering")
def test_a_new_bridge_has_the_kernels_default_vlan_unless_told_otherwise(host: Host) -> None:
    host.make(Bridge("", "br0", OWNER, vlan_filtering=True))
    host.make(Bridge("", "br1", OWNER, vlan_filtering=True, default_pvid=7))

    seen = host.read()
    pvids = [row.default_pvid for row in seen.values() if isinstance(row, Bridge)]
    assert pvids == [1, 7]
    assert seen["port-vlan", "", "br1", 7] == PortVlan("", "br1", 7, pvid=True, untagged=True)


# --- properties, with second opinions ----------------------------------------------------------

macs = st.integers(0, 0xFFFF).map(lambda n: MacAddress(f"fe:00:00:01:{n >> 8:02x}:{n & 255:02x}"))
modes = st.sampled_from(Ipv6)
bools = st.booleans()
mtus = st.none() | st.integers(1280, 9000)


def bridges(name: str) -> st.SearchStrategy[Bridge]:
    return st.builds(
        Bridge,
        namespace=st.just(""),
        name=st.just(name),
        owner=st.just(OWNER),
        mac=st.none() | macs,
        mtu=mtus,
        up=bools,
        ipv6=modes,
        stp=bools,
        ageing=st.integers(0, 100_000),
        snooping=bools,
        nf_call=bools if capabilities().br_netfilter else st.just(False),
    )


def ends(namespace: str, name: str) -> st.SearchStrategy[VethEnd]:
    return st.builds(
        VethEnd, namespace=st.just(namespace), name=st.just(name), up=bools, ipv6=modes, mac=macs
    )


def pairs(name: str, namespace: str = "") -> st.SearchStrategy[Veth]:
    first, second = ends("", name), ends(namespace, f"{name}p")
    return st.builds(lambda a, b, mtu: veth(a, b, owner=OWNER, mtu=mtu), first, second, mtus)


def ports(name: str) -> st.SearchStrategy[BridgePort]:
    return st.builds(
        BridgePort,
        namespace=st.just(""),
        port=st.just(name),
        bridge=st.sampled_from(("br0", "br1")),
        learning=bools,
        flood=bools,
        isolated=bools,
        hairpin=bools,
    )


@st.composite
def hosts(draw: st.DrawFn) -> list[Row]:
    """Two bridges, pairs in one and two namespaces, ports, and entries."""
    rows: list[Row] = [Namespace("c1", OWNER), draw(bridges("br0")), draw(bridges("br1"))]
    rows += [draw(pairs("v0")), draw(pairs("v1", "c1")), draw(pairs("v2", "c1"))]
    members = [draw(ports(name)) for name in ("v0", "v1") if draw(bools)]
    rows += members
    if members:
        rows.append(FdbEntry("", members[0].port, "52:54:00:00:00:09"))
    rows += [Address("", "v2", f"192.0.2.{draw(st.integers(1, 254))}/24")]
    return rows


def nics(host: Host) -> set[Row]:
    """Return what the oracle calls `Nic` and we call something better."""
    return {row for row in kernel_oracle.rows(host.name) if isinstance(row, Nic)}


@few
@given(wanted=hosts())
def test_any_host_reads_back_and_iproute2_agrees(host: Host, wanted: list[Row]) -> None:
    with another(host) as fresh:
        fresh.make(*wanted)
        seen = fresh.read()

        fresh.expect(*wanted)
        local = {row for row in seen.values() if not isinstance(row, Namespace | Veth)}
        assert local == kernel_oracle.rows(fresh.name) - nics(fresh)
        for row in seen.values():
            if isinstance(row, Veth):
                check_end(fresh, row, row.first)


def check_end(host: Host, row: Veth, end: VethEnd) -> None:
    (shown,) = kernel_oracle._json("ip", "-n", host.name, "-j", "-d", "link", "show", end.name)
    assert shown["address"] == end.mac
    assert ("UP" in shown["flags"]) is end.up
    assert kernel_oracle.ipv6(host.name, shown) is end.ipv6
    assert shown["mtu"] == row.mtu
    # Without CONFIG_RPS there are no receive queues to count.
    assert (shown["num_tx_queues"], shown.get("num_rx_queues", 1)) == (1, 1)
    assert shown["ifalias"] == f"trunkline:{OWNER}"


@few
@given(old=bridges("br0"), new=bridges("br0"), a=pairs("v0"), b=pairs("v0"), flags=ports("v0"))
def test_any_change_in_place_ends_as_wanted(
    host: Host, old: Bridge, new: Bridge, a: Veth, b: Veth, flags: BridgePort
) -> None:
    flags = dataclasses.replace(flags, bridge="br0")
    # Else it follows its ports (P-01), and rightly does not end as it was before.
    old = dataclasses.replace(old, mtu=old.mtu or 1500, mac=old.mac or MAC)
    plain = BridgePort("", "v0", "br0")
    # No MAC and no MTU means "as it is": what was there stays.
    with another(host) as fresh:
        fresh.make(old, a, plain)
        seen = fresh.read()
        wanted = [completed(row, seen[row.key]) for row in (new, b, flags)]
        fresh.kernel.apply([Operation(seen[row.key], row) for row in wanted])

        fresh.expect(*wanted)
        index = links_of(fresh)["br0"].index
        fresh.kernel.apply([Operation(row, seen[row.key]) for row in wanted])
        assert fresh.read() == seen
        assert links_of(fresh)["br0"].index == index, "it was made anew"


addresses4 = st.integers(1, 0xDFFFFFFE).map(
    lambda n: ".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))
)
addresses6 = st.integers(1, (1 << 61) - 1).map(
    lambda n: ":".join(
        f"{(0x2 << 124 | n << 56 | n) >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)
    )
)


@few
@given(
    st.lists(
        st.tuples(addresses4, st.integers(8, 32)), max_size=5, unique_by=lambda each: each[0]
    ),
    st.lists(
        st.tuples(addresses6, st.integers(8, 128)), max_size=5, unique_by=lambda each: each[0]
    ),
)
def test_any_addresses_read_back_in_canonical_form(
    host: Host, four: list[tuple[str, int]], six: list[tuple[str, int]]
) -> None:
    from trunkline.values import InterfaceAddress

    texts = [InterfaceAddress(f"{host_}/{length}") for host_, length in four + six]
    usable = [text for text in texts if not text.parsed.ip.is_loopback and text.ip[:4] != "0.0."]
    with another(host) as fresh:
        bridge = Bridge("", "br0", OWNER, MAC, ipv6=Ipv6.NO_ADDRESS)
        rows = [Address("", "br0", text) for text in dict.fromkeys(usable)]
        fresh.make(bridge, *rows)

        fresh.expect(bridge, *rows)
        assert kernel_oracle.rows(fresh.name) - nics(fresh) == set(fresh.read().values())


def links_of(host: Host) -> dict[str, links.Link]:
    with namespaces.entered(namespaces.path(host.name)), NetlinkSocket() as netlink:
        return {each.name: each for each in links.parse(netlink.dump(link.dump()))}


def test_pyroute2_reads_what_we_read(host: Host) -> None:
    pyroute2 = pytest.importorskip("pyroute2")
    host.make(*BASIC)
    host.run("ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789")
    ours = links_of(host)

    with pyroute2.NetNS(host.name) as netns:
        theirs = {each.get_attr("IFLA_IFNAME"): each for each in netns.get_links()}
    assert set(ours) == set(theirs)
    for name, mine in ours.items():
        if name != "lo" and is_born(mine):
            continue  # pyroute2 has a tunnel's four octets as six
        other = theirs[name]
        info = other.get_attr("IFLA_LINKINFO")
        inet6 = other.get_attr("IFLA_AF_SPEC").get_attr("AF_INET6")
        assert (
            mine.index,
            mine.flags,
            mine.mac,
            mine.mtu,
            mine.master,
            mine.peer,
            mine.alias,
            mine.group,
            mine.kind,
            mine.address_generation,
        ) == (
            other["index"],
            other["flags"],
            other.get_attr("IFLA_ADDRESS"),
            other.get_attr("IFLA_MTU"),
            other.get_attr("IFLA_MASTER") or 0,
            other.get_attr("IFLA_LINK") or 0,
            other.get_attr("IFLA_IFALIAS") or "",
            other.get_attr("IFLA_GROUP"),
            (info and info.get_attr("IFLA_INFO_KIND")) or "",
            inet6 and inet6.get_attr("IFLA_INET6_ADDR_GEN_MODE"),
        )


def test_what_pyroute2_made_is_foreign_and_read_in_full(host: Host) -> None:
    pyroute2 = pytest.importorskip("pyroute2")
    with pyroute2.NetNS(host.name) as netns:
        netns.link("add", ifname="brx", kind="bridge", br_ageing_time=4200, br_stp_state=1)
        bridge = netns.link_lookup(ifname="brx")[0]
        netns.link("add", ifname="vx", kind="veth", peer={"ifname": "vxp"})
        port = netns.link_lookup(ifname="vx")[0]
        netns.link("set", index=port, master=bridge, state="up")
        netns.brport("set", index=port, isolated=1, learning=0)
        netns.addr("add", index=bridge, address="198.51.100.9", prefixlen=25)
        netns.fdb("add", ifindex=port, lladdr="52:54:00:00:00:77", state=0x40)

    seen = host.read()
    found = seen["link", "", "brx"]
    assert isinstance(found, Bridge)
    assert (found.owner, found.ageing, found.stp) == (None, 42, True)
    assert isinstance(seen["link", "", "vx"], Nic)
    assert isinstance(seen["link", "", "vxp"], Nic)
    assert seen["port", "", "vx"] == BridgePort("", "vx", "brx", learning=False, isolated=True)
    assert ("address", "", "brx", "198.51.100.9/25") in seen
    assert ("fdb", "", "vx", "52:54:00:00:00:77", 0) in seen


# --- what is not state --------------------------------------------------------------------------


def test_what_the_kernel_makes_by_itself_is_not_state(host: Host) -> None:
    """Link-local addresses, connected and local routes, learned, local and multicast entries."""
    host.run("ip", "link", "set", "lo", "up")
    host.run("ip", "link", "add", "na", "type", "veth", "peer", "nb")
    host.run("ip", "link", "add", "brx", "type", "bridge")
    for name in ("na", "nb", "brx"):
        host.run("ip", "link", "set", name, "up")
    host.run("ip", "link", "set", "na", "master", "brx")
    host.run("ip", "address", "add", "192.0.2.9/24", "dev", "nb")
    host.run(
        "ip",
        "address",
        "add",
        "192.0.2.10/24",
        "dev",
        "nb",
        "valid_lft",
        "500",
        "preferred_lft",
        "500",
    )
    host.run("ip", "-6", "address", "add", "fe80::5/64", "dev", "nb")

    kinds = {type(row) for row in host.read().values()}
    texts = {row.address for row in host.read().values() if isinstance(row, Address)}
    assert kinds == {Nic, Bridge, BridgePort, Address}
    assert texts == {"192.0.2.9/24", "fe80::5/64"}


def test_other_peoples_routes_are_shown_with_their_protocol(host: Host) -> None:
    host.run("ip", "link", "add", "na", "type", "veth", "peer", "nb")
    for name in ("na", "nb"):
        host.run("ip", "link", "set", name, "up")
    host.run("ip", "address", "add", "192.0.2.9/24", "dev", "na")
    host.run("ip", "route", "add", "default", "via", "192.0.2.1", "proto", "static")
    host.run(
        "ip",
        "route",
        "add",
        "10.0.0.0/8",
        "nexthop",
        "via",
        "192.0.2.2",
        "nexthop",
        "via",
        "192.0.2.3",
    )
    host.run("ip", "route", "add", "blackhole", "10.9.0.0/16")
    host.run("ip", "route", "add", "10.7.0.0/16", "dev", "na", "table", "77")

    routes = {row for row in host.read().values() if isinstance(row, Route)}
    assert routes == {
        Route("", "0.0.0.0/0", "192.0.2.1", "na", 0, 4),
        Route("", "10.0.0.0/8", "192.0.2.2", "na", 0, 3),
    }


# --- namespaces ---------------------------------------------------------------------------------


def test_only_namespaces_with_our_mark_are_looked_into(host: Host) -> None:
    host.make(Namespace("c1", OWNER))
    subprocess.run(["ip", "netns", "add", f"{host.name}.theirs"], check=True)
    subprocess.run(
        ["ip", "-n", f"{host.name}.theirs", "link", "add", "x", "type", "bridge"], check=True
    )
    subprocess.run(["ip", "netns", "add", f"{host.name}.c1.inner"], check=True)

    assert host.read() == host_state([Namespace("c1", OWNER), Namespace("theirs", None)])


def test_a_namespace_that_a_killed_run_left_unmarked_is_taken_over(host: Host) -> None:
    namespaces.create(f"{host.name}.c1")
    assert host.read() == {}

    host.make(Namespace("c1", OWNER))
    host.expect(Namespace("c1", OWNER))


def test_a_namespace_of_somebody_else_is_not(host: Host) -> None:
    namespaces.create(f"{host.name}.c1")
    subprocess.run(["ip", "-n", f"{host.name}.c1", "link", "set", "lo", "up"], check=True)

    with pytest.raises(ConflictError, match="exists already"):
        host.make(Namespace("c1", OWNER))


def test_a_pair_with_its_far_end_out_of_sight_is_a_nic(
    host: Host, unique_names: Iterator[str]
) -> None:
    """So a host in a lab sees its cable as a NIC, and does not own it."""
    far = f"{next(unique_names)}far"
    subprocess.run(["ip", "netns", "add", far], check=True)
    try:
        host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "name", "p", "netns", far)
        host.run("ip", "link", "set", "eno1", "alias", "trunkline:lab/cable")

        (found,) = host.read().values()
        assert isinstance(found, Nic)
        assert (found.name, found.kind) == ("eno1", "veth")
    finally:
        delete_namespace(far)


def test_pairs_between_many_namespaces_find_each_other(host: Host) -> None:
    """Each of them knows the others by numbers of its own, and ifindexes repeat."""
    spaces = [f"c{n}" for n in range(8)]
    rows: list[Row] = [Namespace(name, OWNER) for name in spaces]
    for n, here in enumerate(spaces):
        for m, there in enumerate(spaces):
            if n < m:
                rows.append(veth(VethEnd(here, f"to{m}"), VethEnd(there, f"to{n}"), owner=OWNER))
    host.make(*rows)

    host.expect(*rows)


def test_without_a_root_namespace_only_the_named_ones_are_the_host(host: Host) -> None:
    fabric = LinuxKernel(prefix=f"{host.name}.", root=None)
    rows = (
        Namespace("h1", OWNER),
        Namespace("switch", OWNER),
        veth(VethEnd("h1", "eno1"), VethEnd("switch", "p1"), owner=OWNER),
    )
    fabric.apply([Operation(None, row) for row in rows])

    seen = fabric.read()
    assert set(seen) == {row.key for row in rows}
    fabric.apply([Operation(row, None) for row in reversed(rows)])
    assert fabric.read() == {}


# --- refusals -----------------------------------------------------------------------------------


def test_a_refusal_names_the_operation_and_what_the_kernel_said(host: Host) -> None:
    bridge = Bridge("", "br0", OWNER, MAC)
    host.make(bridge)

    with pytest.raises(KernelError) as caught:
        host.make(bridge)
    assert caught.value.errno == errno.EEXIST
    assert caught.value.subject == Operation(None, bridge).describe()
    assert caught.value.text


@pytest.mark.parametrize(
    ("row", "number"),
    [
        (BridgePort("", "v0", "br9"), errno.ENODEV),
        (BridgePort("", "br0", "br0"), errno.ELOOP),
        (Address("", "nobody", "192.0.2.1/24"), errno.ENODEV),
        (Route("", "10.0.0.0/8", "192.0.2.1"), errno.ENETUNREACH),
        (FdbEntry("", "v0", "52:54:00:00:00:01"), errno.EOPNOTSUPP),
        (Bridge("", "br1", OWNER, mtu=1), errno.EINVAL),
    ],
)
def test_refusals_say_why_even_where_the_kernel_does_not(
    host: Host, row: Row, number: int
) -> None:
    host.make(Bridge("", "br0", OWNER), veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER))

    with pytest.raises(KernelError) as caught:
        host.make(row)
    assert caught.value.errno == number
    assert caught.value.text not in ("", os.strerror(errno.EINVAL))


def test_after_a_refusal_what_is_there_can_be_read_and_removed(host: Host) -> None:
    good = veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER)
    with pytest.raises(KernelError):
        host.make(Bridge("", "br0", OWNER), good, BridgePort("", "v0", "br9"))
    seen = host.read()
    assert set(seen) <= {("link", "", "br0"), ("link", "", "v0")}

    host.remove(*seen.values())
    assert host.read() == {}


def test_a_kernel_without_the_feature_says_what_to_use_instead(host: Host) -> None:
    host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "far")
    device = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.KERNEL, OWNER)
    if capabilities().vlan_devices:
        pytest.skip("this kernel has 802.1Q devices")

    with pytest.raises(KernelError) as caught:
        host.make(device)
    assert "vlan_devices: ebpf" in caught.value.hint
    with pytest.raises(KernelError) as caught:
        host.make(Bridge("", "br0", OWNER, vlan_filtering=True))
    assert "bridge-per-network" in caught.value.hint


def test_removing_what_is_gone_already_succeeds(host: Host) -> None:
    host.make(*BASIC)
    seen = host.read(*BASIC)
    host.remove(*reversed([*seen.values()]))

    host.make(Namespace("c1", OWNER), Bridge("", "br0", OWNER, MAC))
    host.remove(*(row for row in reversed([*seen.values()]) if not isinstance(row, Namespace)))
    host.expect(Namespace("c1", OWNER))


# --- safety -------------------------------------------------------------------------------------


def test_deleting_many_never_touches_a_device_that_shares_the_group(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Group numbers are everybody's: whoever takes ours in between must not lose his device."""
    from trunkline.kernel import runner

    mine = [veth(VethEnd("", f"v{n}"), VethEnd("", f"w{n}"), owner=OWNER) for n in range(5)]
    host.make(*mine)
    host.run("ip", "link", "add", "theirs", "group", "777", "type", "bridge")
    monkeypatch.setattr(runner, "_unused", lambda _: 777)
    host.remove(*mine)

    assert set(host.read()) == {("link", "", "theirs")}


def test_deleting_many_is_one_request(host: Host) -> None:
    """One alone takes about 20 ms, nearly all of it an rcu_barrier; 60 of them over a second."""
    rows = [veth(VethEnd("", f"v{n}"), VethEnd("", f"w{n}"), owner=OWNER) for n in range(60)]
    host.make(*rows)
    start = time.monotonic()
    host.remove(rows[0])
    alone = time.monotonic() - start
    start = time.monotonic()
    host.remove(*rows[1:])
    together = time.monotonic() - start

    assert host.read() == {}
    assert together < 20 * alone


def test_a_run_that_is_killed_anywhere_leaves_only_what_we_recognise(host: Host) -> None:
    rows: list[Row] = [Namespace(f"c{n}", OWNER) for n in range(6)]
    rows += [Bridge("", "br0", OWNER, MAC)]
    rows += [Tap("", f"tap{n}", OWNER) for n in range(6)]
    rows += [veth(VethEnd("", f"v{n}"), VethEnd(f"c{n}", "eth0"), owner=OWNER) for n in range(6)]
    rows += [BridgePort("", f"v{n}", "br0") for n in range(6)]
    operations = [Operation(None, row) for row in rows]
    reached = set()
    start = time.monotonic()
    kill_during(host.kernel, operations, None)
    whole = time.monotonic() - start
    host.remove(*reversed([*host.read().values()]))
    for part in range(10):
        kill_during(host.kernel, operations, whole * part / 9)
        seen = host.read()
        reached.add(len(seen))
        assert [row for row in seen.values() if isinstance(row, Nic)] == []
        assert {row.key for row in seen.values()} <= {row.key for row in rows}
        host.remove(*reversed([*seen.values()]))
        assert host.read() == {}
        # What read() hides because nobody had marked it yet is taken over by the next run.
        host.make(*rows)
        host.expect(*rows)
        host.remove(*reversed([*host.read().values()]))
    assert len(reached) > 1, "no two runs were cut at different places"


def kill_during(kernel: LinuxKernel, operations: Sequence[Operation], delay: float | None) -> None:
    """Apply in a child process that is killed after *delay*, or runs to its end."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            kernel.apply(operations)
        os._exit(0)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_the_owner_of_everything_can_change_in_place(host: Host) -> None:
    host.make(*BASIC)
    seen = host.read()
    owned = [row for row in seen.values() if isinstance(row, Namespace | Bridge | Veth | Tap)]
    assert len(owned) == 4
    host.kernel.apply([Operation(row, dataclasses.replace(row, owner="other/x")) for row in owned])

    after: dict[Key, Row] = dict(host.read())
    assert {after[row.key] for row in owned} == {
        dataclasses.replace(row, owner="other/x") for row in owned
    }
    assert set(after) == set(seen)


def test_a_port_moves_from_bridge_to_bridge(host: Host) -> None:
    pair = veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER)
    old = BridgePort("", "v0", "br0", isolated=True)
    host.make(Bridge("", "br0", OWNER), Bridge("", "br1", OWNER), pair, old)
    new = BridgePort("", "v0", "br1", hairpin=True)
    host.change(old, new)

    assert host.read()[new.key] == new


def test_a_route_changes_its_gateway_in_place(host: Host) -> None:
    host.make(*BASIC)
    old = Route("c1", "0.0.0.0/0", "192.0.2.254", "eth0")
    host.change(old, dataclasses.replace(old, gateway="192.0.2.253"))

    assert host.read()[old.key] == dataclasses.replace(old, gateway="192.0.2.253")


def test_a_bridge_keeps_the_mtu_it_was_given(host: Host) -> None:
    """Unless set by hand a bridge's MTU follows its ports', also where it was created with it."""
    pair = veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER, mtu=1300)
    for mtu in (1500, 1400, 1280, 65535, 68):
        bridge = Bridge("", "br0", OWNER, MAC, mtu)
        host.make(bridge, pair, BridgePort("", "v0", "br0"))
        host.expect(bridge, pair, BridgePort("", "v0", "br0"))
        host.remove(pair, bridge)


def test_new_ifindexes_are_not_those_of_devices_that_just_went(host: Host) -> None:
    host.make(Bridge("", "br0", OWNER))
    old = links_of(host)["br0"].index
    host.remove(Bridge("", "br0", OWNER))
    time.sleep(1.1)
    host.make(Bridge("", "br0", OWNER))

    assert links_of(host)["br0"].index > old


def test_idle_names_fit_and_differ() -> None:
    long = ["eno16777736.409", "eno16777736.408"]

    assert len({marks.idle_name(name) for name in long}) == 2
    assert marks.idle_name("eno1.10") > "eno1.10"
