"""Plans: what they hold, in which order, and what they refuse.

The cases are folders below tests/cases/plan: `site.yaml`, `observed.json` and `plan.txt`, which
UPDATE_CASES=1 writes anew.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests import planning_fixtures as make
from trunkline import codec, manifest, plan, render_plan
from trunkline.capabilities import Capabilities
from trunkline.errors import ConflictError, HostError, TrunklineError
from trunkline.intent import HostPort, Site
from trunkline.kernel.fake import FakeKernel
from trunkline.operation import Operation
from trunkline.realise import Seats, realise
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    HostState,
    Namespace,
    NftTable,
    Nic,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VethEnd,
    host_state,
    veth,
)
from trunkline.values import InterfaceAddress, InterfaceName

CASES = sorted(Path(__file__).parent.joinpath("cases", "plan").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    """The plan for the first host of the site, after what is observed, reads as in plan.txt."""
    site = manifest.parse((case / "site.yaml").read_bytes(), "site.yaml")
    observed = codec.load((case / "observed.json").read_text())
    try:
        desired = realise(site, next(iter(site.hosts)), Capabilities(), Seats.TAP)
        text = render_plan.text(plan.diff(observed, desired, site.name))
    except TrunklineError as error:
        text = f"{type(error).__name__}: {error.message}\nhint: {error.hint}\n"

    if os.environ.get("UPDATE_CASES"):
        (case / "plan.txt").write_text(text)
    assert text == (case / "plan.txt").read_text()


def host_with(*rows: Row) -> HostState:
    return {**make.machine_nics("eno1", "eno2"), **host_state(rows)}


def applied(site: Site, *rows: Row) -> FakeKernel:
    kernel = FakeKernel(host_with(*rows).values())
    wanted = make.desired(site)
    kernel.apply(plan.diff(kernel.read(wanted), wanted, "walk").operations)
    return kernel


def test_nothing_to_do() -> None:
    """A host that is as declared gets an empty plan."""
    kernel, wanted = applied(make.one_host()), make.desired(make.one_host())

    assert plan.diff(kernel.read(wanted), wanted, "walk") == plan.Plan("walk")


def test_destroying_leaves_what_is_not_ours() -> None:
    """With nothing desired all of ours goes, and nothing else."""
    foreign = (Bridge("", "docker0", None, mtu=1500), Address("", "docker0", "172.17.0.1/16"))
    kernel = applied(make.one_host(), *foreign)

    kernel.apply(plan.diff(kernel.read(), {}, "walk").operations)

    assert set(kernel.read()) == set(host_with(*foreign))
    assert kernel.missed == []


def test_a_router_is_born_closed() -> None:
    """Its rules and parameters come before its first device."""
    operations = plan.diff(host_with(), make.desired(make.one_host()), "walk").operations
    inside = [op.row for op in operations if place(op.row) == "edge"]
    first_device = next(i for i, row in enumerate(inside) if isinstance(row, Veth))

    assert isinstance(inside[0], Namespace)
    assert {type(row) for row in inside[1:first_device]} == {NftTable, Sysctl}
    assert not any(isinstance(row, NftTable | Sysctl) for row in inside[first_device:])


def place(row: Row) -> str:
    if isinstance(row, Namespace):
        return row.name
    return row.second.namespace if isinstance(row, Veth) else row.namespace


def test_a_row_that_holds_a_vlan_goes_first() -> None:
    """Two networks swap their VLANs: each number is given up before it is taken."""
    host = make.host(make.uplink("eno1", "red", "blue"))
    swapped = (replace(make.RED, vlan=make.BLUE.vlan), replace(make.BLUE, vlan=make.RED.vlan))
    names = [replace(net, bridge=InterfaceName("br" + net.name)) for net in (make.RED, make.BLUE)]
    others = [replace(net, bridge=InterfaceName("br" + net.name)) for net in swapped]
    kernel = applied(make.site((host,), networks=tuple(names)))
    wanted = make.desired(make.site((host,), networks=tuple(others)))

    kernel.apply(plan.diff(kernel.read(wanted), wanted, "walk").operations)

    assert plan.diff(kernel.read(wanted), wanted, "walk").empty
    assert kernel.missed == []


def test_add_before_delete() -> None:
    """A machine moves to another network's bridge last; the rest of the plan adds first."""
    old = make.site((make.host(local=("red",)),), networks=(make.RED, make.BLUE))
    new = make.site((make.host(local=("blue",)),), networks=(make.RED, make.BLUE))
    kernel, wanted = applied(old), make.desired(new)

    operations = plan.diff(kernel.read(wanted), wanted, "walk").operations

    assert [operation.describe() for operation in operations] == [
        f"ip link add name brvlan-20 address {bridge_mac(wanted)} type bridge",
        "echo 1 > /proc/sys/net/ipv4/conf/brvlan-20/arp_ignore",
        "ip link del dev brvlan-10",
    ]


def bridge_mac(state: HostState) -> str:
    return next(str(row.mac) for row in state.values() if isinstance(row, Bridge))


def test_what_stands_on_a_remade_device_comes_back() -> None:
    """A foreign route over our device is put back when the device has to be made anew."""
    kernel = FakeKernel(
        host_state(
            [
                veth(VethEnd("", "vnet1"), VethEnd("vm1", "eth0"), owner="walk/vm/vm1", mtu=1500),
                Address("", "vnet1", "10.0.0.1/8"),
                Route("", "10.9.0.0/16", "10.0.0.9", "vnet1", protocol=4),
                Namespace("vm1", "walk/vm/vm1"),
            ]
        ).values()
    )
    wanted = host_state([Tap("", "vnet1", "walk/vm/vm1"), Address("", "vnet1", "10.0.0.1/8")])

    kernel.apply(plan.diff(kernel.read(), wanted, "walk").operations)

    assert Route("", "10.9.0.0/16", "10.0.0.9", "vnet1", protocol=4) in kernel.read().values()
    assert isinstance(kernel.read()["link", "", "vnet1"], Tap)


def test_a_wider_nic_is_left_alone() -> None:
    """Others may need it: an MTU is raised, never lowered."""
    site = make.site((make.host(make.uplink("eno1", "red")),))
    kernel, wanted = FakeKernel(make.machine_nics("eno1", mtu=9000).values()), make.desired(site)

    nics = [op for op in plan.diff(kernel.read(), wanted, "walk").operations if is_nic(op)]

    (nic,) = (op.after for op in nics)
    assert isinstance(nic, Nic)
    assert (nic.up, nic.mtu) == (True, 9000)


def is_nic(operation: Operation) -> bool:
    return isinstance(operation.row, Nic)


def test_the_hosts_address_moves_to_the_bridge() -> None:
    """Declared on the host's port, the NIC's address and routes move with it, in one go."""
    seat = HostPort("wan", (InterfaceAddress("192.168.1.5/24"),))
    site = make.site((make.host(make.uplink("eno2", "wan"), ports=(seat,)),))
    kernel = FakeKernel(
        host_with(
            Address("", "eno2", "192.168.1.5/24"),
            Route("", "0.0.0.0/0", "192.168.1.1", "eno2", protocol=16),
        ).values()
    )
    before = codec.dump(kernel.read())
    wanted = make.desired(site)

    done = plan.diff(kernel.read(wanted), wanted, "walk").operations
    kernel.apply(done)

    state = kernel.read()
    assert Address("", "br-wan", "192.168.1.5/24") in state.values()
    assert Route("", "0.0.0.0/0", "192.168.1.1", "br-wan", protocol=16) in state.values()
    assert Address("", "eno2", "192.168.1.5/24") not in state.values()
    assert plan.diff(kernel.read(wanted), wanted, "walk").empty
    kernel.apply(plan.reversal(plan.before(done), kernel.read(wanted)))
    assert codec.dump(kernel.read()) == before


CONFLICTS: list[tuple[list[Row], type[TrunklineError], str]] = [
    (
        [Bridge("", "brvlan-10")],
        ConflictError,
        "bridge 'brvlan-10' cannot be made: the name belongs to a foreign bridge",
    ),
    (
        [Bridge("", "brvlan-10", "other/network/red")],
        ConflictError,
        "bridge 'brvlan-10' cannot be made: the name belongs to a bridge of 'other/network/red'",
    ),
    (
        [veth(VethEnd("", "a"), VethEnd("", "vnet1"))],
        ConflictError,
        "veth 'vnet1' cannot be made: the name belongs to a foreign veth",
    ),
    (
        [Namespace("edge")],
        ConflictError,
        "namespace 'edge' cannot be made: the name belongs to a foreign namespace",
    ),
    (
        [Bridge("", "br0"), BridgePort("", "eno2", "br0")],
        ConflictError,
        "'eno2' is already a port of bridge 'br0', which is not of this site",
    ),
    (
        [Address("", "eno2", "192.168.1.5/24")],
        ConflictError,
        "NIC 'eno2' has the host's address '192.168.1.5/24', which would be deaf once the NIC is "
        "a port of bridge 'br-wan'",
    ),
    (
        [Nic("", "eno1", up=True, mtu=1500, mac="00:0c:29:00:00:01", kind="")],
        ConflictError,
        "uplink NIC 'eno1' has MAC '00:0c:29:00:00:01', the site says '00:0c:29:27:d5:3b'",
    ),
    (
        [Bridge("", "eno1")],
        ConflictError,
        "uplink NIC 'eno1' is a foreign bridge",
    ),
]


@pytest.mark.parametrize(("rows", "kind", "message"), CONFLICTS, ids=lambda x: str(x)[:40])
def test_what_others_hold_is_refused(
    rows: list[Row], kind: type[TrunklineError], message: str
) -> None:
    """Before anything is written, with the holder and a way out."""
    with pytest.raises(kind) as raised:
        plan.diff(host_with(*rows), make.desired(make.one_host()), "walk")

    assert raised.value.message == message
    assert raised.value.hint


def test_a_missing_nic() -> None:
    """The host lacks an uplink."""
    with pytest.raises(HostError, match="uplink NIC 'eno2' does not exist on this host"):
        plan.diff(make.machine_nics("eno1"), make.desired(make.one_host()), "walk")


def test_a_foreign_default_route_is_not_replaced() -> None:
    """Another program's default route stays, or the site says something else."""
    port = HostPort("red", (InterfaceAddress("192.168.10.5/24"),), default_route=True)
    site = make.site((make.host(make.uplink("eno1", "red"), ports=(port,)),))
    dhcp = Route("", "0.0.0.0/0", "10.0.0.1", "eno2", protocol=16)

    with pytest.raises(ConflictError, match=r"route '0\.0\.0\.0/0' exists already"):
        plan.diff(host_with(dhcp), make.desired(site), "walk")


def test_a_machine_of_somebody_else_keeps_its_bridge() -> None:
    """A hypervisor's tap in our bridge stays in it, and holds the bridge."""
    site = make.site((make.host(local=("red",)),))
    tap = Nic("", "vnet7", up=True, mtu=1500, mac="fe:54:00:00:00:07", kind="tun")
    kernel = applied(site, tap)
    kernel.rows |= host_state([BridgePort("", "vnet7", "brvlan-10")])

    wanted = make.desired(site)
    assert plan.diff(kernel.read(wanted), wanted, "walk").operations == ()
    with pytest.raises(ConflictError, match="and 'vnet7' is still in it"):
        plan.diff(kernel.read(), {}, "walk")


def test_an_uplink_that_is_no_longer_declared_leaves_the_bridge() -> None:
    """Else two NICs in one bridge would be a loop."""
    one = make.site((make.host(make.uplink("eno1", "wan")),))
    other = make.site((make.host(make.uplink("eno2", "wan")),))
    kernel, wanted = applied(one), make.desired(other)

    kernel.apply(plan.diff(kernel.read(wanted), wanted, "walk").operations)

    ports = [row for row in kernel.read().values() if isinstance(row, BridgePort)]
    assert ports == [BridgePort("", "eno2", "br-wan", uplink=True)]


def test_ten_thousand_rows_that_agree_take_no_time() -> None:
    """A no-op diff of 10 000 rows stays below 60 ms."""
    taps = [Tap("", f"tap{n}", f"walk/vm/{n}", mtu=1500, up=True) for n in range(3_400)]
    seen = [replace(tap, mac=make.NIC_MAC) for tap in taps]
    rest = [
        row
        for tap in taps
        for row in (BridgePort("", tap.name, "br0"), Address("", tap.name, "10.0.0.1/8"))
    ]
    desired, observed = host_state([*taps, *rest]), host_state([*seen, *rest])
    assert len(observed) > 10_000

    def once() -> float:
        began = time.process_time()  # this process alone: the machine may be busy
        assert plan.diff(observed, desired, "walk").empty
        return time.process_time() - began

    assert min(once() for _ in range(5)) < 0.060
