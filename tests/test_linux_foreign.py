"""What LinuxKernel makes of things that are not ours, or not state, or out of sight."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import delete_namespace
from tests.linux_host import BASIC, OWNER, Host, links_of, made
from trunkline.errors import ConflictError
from trunkline.kernel import namespaces
from trunkline.kernel.linux import LinuxKernel
from trunkline.kernel.rows import is_born
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    Namespace,
    Nic,
    Route,
    Row,
    VethEnd,
    host_state,
    veth,
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def host(unique: str) -> Iterator[Host]:
    with made(unique) as found:
        yield found


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


def test_what_the_kernel_makes_by_itself_is_not_state(host: Host) -> None:
    """Link-local addresses, connected and local routes, learned, local and multicast entries.

    An address that somebody leased is: it can be the host's.
    """
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
    found = {row for row in host.read().values() if isinstance(row, Address)}
    assert kinds == {Nic, Bridge, BridgePort, Address}
    assert found == {
        Address("", "nb", "192.0.2.9/24"),
        Address("", "nb", "192.0.2.10/24", dynamic=True),
        Address("", "nb", "fe80::5/64"),
    }


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
