"""What is somebody else's, what is ours though it is torn, and what stays out of a plan."""

from __future__ import annotations

import pytest

from tests import planning_fixtures as make
from tests.test_plan import applied, host_with
from trunkline import codec, order, plan
from trunkline.errors import ConflictError, KernelError
from trunkline.intent import HostPort, Site
from trunkline.kernel.fake import FakeKernel
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    HostState,
    Namespace,
    Nic,
    Route,
    Row,
    Veth,
    host_state,
)
from trunkline.values import InterfaceAddress

LEASE = Address("", "eno2", "192.168.1.5/24", dynamic=True)


def on_wan(*ports: HostPort, uplinks: tuple[str, ...] = ("eno2",)) -> Site:
    host = make.host(*(make.uplink(name, "wan") for name in uplinks), ports=ports, local=("wan",))
    return make.site((host,))


def refusal(site: Site, *rows: Row) -> str:
    with pytest.raises(ConflictError) as raised:
        plan.diff(host_with(*rows), make.desired(site), "walk")
    assert raised.value.hint
    return raised.value.message


@pytest.mark.parametrize("address", ["192.168.1.5/24", "2001:db8::5/64"])
def test_a_leased_address_keeps_its_nic_out_of_a_bridge(address: str) -> None:
    """DHCP and router advertisements: the host would be deaf, declared or not."""
    seat = HostPort("wan", (InterfaceAddress(address),))
    lease = Address("", "eno2", address, dynamic=True)

    for site in (on_wan(), on_wan(seat)):
        message = refusal(site, lease)
        assert f"'{address}' from DHCP" in message
        assert "would be deaf" in message


def test_a_leased_address_is_in_nobodys_way_under_tagged_networks() -> None:
    site = make.site((make.host(make.uplink("eno2", "red")),))

    operations = plan.diff(host_with(LEASE), make.desired(site), "walk").operations

    assert operations
    assert not any(isinstance(each.row, Address) for each in operations)


def test_a_leased_address_on_our_bridge_is_not_ours_to_declare_or_remove() -> None:
    seat = HostPort("wan", (InterfaceAddress("192.168.1.5/24"),))
    lease = Address("", "br-wan", "192.168.1.5/24", dynamic=True)
    kernel = applied(on_wan(), lease)
    wanted = make.desired(on_wan())

    assert plan.diff(kernel.read(wanted), wanted, "walk").empty
    gone = plan.diff(kernel.read(), {}, "walk").operations
    assert not any(isinstance(each.row, Address) for each in gone)
    with pytest.raises(ConflictError, match=r"'br-wan' has the address '192\.168\.1\.5/24'"):
        plan.diff(kernel.read(), make.desired(on_wan(seat)), "walk")


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (
            Route("", "::/0", "fe80::1", "eno2", protocol=9),
            "'::/0' from a router's advertisements, which would end",
        ),
        (
            Route("", "0.0.0.0/0", "172.31.1.1", "eno2", protocol=16),
            "'0.0.0.0/0' by way of '172.31.1.1' would end",
        ),
    ],
)
def test_a_route_that_would_end_with_its_nic_is_refused(route: Route, words: str) -> None:
    """Also where the NIC itself has no address: a host reaches the world by it."""
    seat = HostPort("wan", (InterfaceAddress("192.168.1.5/24"),))
    for site in (on_wan(), on_wan(seat)):
        assert words in refusal(site, route)


def foreign(kind: str) -> Nic:
    return Nic("", "thing0", up=True, mtu=1500, mac="02:00:00:00:99:01", kind=kind)


@pytest.mark.parametrize("kind", ["vxlan", "gretap", "", "veth", "bond"])
def test_what_somebody_else_plugged_into_our_bridge_stays(kind: str) -> None:
    """Of whatever kind it is: a NIC too, if this site did not put it there."""
    kernel, wanted = applied(on_wan(), foreign(kind)), make.desired(on_wan())
    port = BridgePort("", "thing0", "br-wan")
    kernel.rows |= host_state([port])

    assert plan.diff(kernel.read(wanted), wanted, "walk").empty
    kernel.apply(plan.diff(kernel.read(), {}, "walk").operations)

    assert foreign(kind) in kernel.read().values()
    assert port not in kernel.read().values()  # the bridge is gone


def test_an_uplink_that_leaves_the_site_leaves_the_bridge() -> None:
    """The kernel remembers that we put it there, so nothing else has to."""
    kernel = applied(on_wan(uplinks=("eno1", "eno2")))
    wanted = make.desired(on_wan())

    kernel.apply(plan.diff(kernel.read(wanted), wanted, "walk").operations)

    ports = [row for row in kernel.read().values() if isinstance(row, BridgePort)]
    assert [row.port for row in ports] == ["eno2"]


def test_an_uplink_that_was_plugged_in_by_hand_becomes_ours() -> None:
    kernel, wanted = applied(on_wan()), make.desired(on_wan())
    kernel.rows |= host_state([BridgePort("", "eno2", "br-wan")])

    (operation,) = plan.diff(kernel.read(wanted), wanted, "walk").operations

    assert operation.commands() == ("bridge link set dev eno2 cost 8484",)


# --- torn pairs ----------------------------------------------------------------------------------


def boxed() -> Site:
    return make.site((make.host(local=("red",)),), (make.container("box", make.access("red")),))


def torn() -> tuple[FakeKernel, HostState]:
    """Return a host whose container has sent its NIC away, with all that was on it."""
    kernel, wanted = applied(boxed()), make.desired(boxed())
    pair = next(row for row in kernel.rows.values() if isinstance(row, Veth))
    end = pair.first
    kernel.rows[pair.key] = Nic("", end.name, True, 1500, end.mac, "veth", pair.owner)
    return kernel, wanted


def test_a_torn_pair_is_made_anew() -> None:
    kernel, wanted = torn()

    kernel.apply(plan.diff(kernel.read(wanted), wanted, "walk").operations)

    assert plan.diff(kernel.read(wanted), wanted, "walk").empty
    assert kernel.missed == []


def test_destroying_takes_what_is_left_of_a_torn_pair() -> None:
    kernel, _ = torn()

    operations = plan.diff(kernel.read(), {}, "walk").operations
    kernel.apply(operations)

    assert set(kernel.read()) == set(host_with())
    assert "ip link del dev box-0" in [each.describe() for each in operations]


def test_a_torn_pair_of_another_owner_is_foreign() -> None:
    """A host in a lab has such a cable: the lab's, and the site's uplink."""
    kernel, _ = torn()

    assert plan.diff(kernel.read(), {}, "other").empty


def test_undoing_leaves_the_new_pair_where_the_torn_one_cannot_come_back() -> None:
    kernel, wanted = torn()
    operations = plan.diff(kernel.read(wanted), wanted, "walk").operations
    kernel.apply(operations)
    after = codec.dump(kernel.read(wanted))

    assert plan.reversal(plan.before(operations), kernel.read(wanted)) == ()
    assert codec.dump(kernel.read(wanted)) == after


def test_undoing_ends_where_the_new_pair_was_never_made() -> None:
    kernel, wanted = torn()
    operations = plan.diff(kernel.read(wanted), wanted, "walk").operations
    done = next(n for n, each in enumerate(operations) if isinstance(each.after, Veth))
    kernel.apply(operations[:done])

    kernel.apply(plan.reversal(plan.before(operations), kernel.read(wanted)))

    assert plan.reversal(plan.before(operations), kernel.read(wanted)) == ()
    assert isinstance(kernel.read()["link", "", "brvlan-10"], Bridge)


def test_a_namespace_without_its_mark_gets_it_back() -> None:
    kernel, wanted = applied(boxed()), make.desired(boxed())
    seen = kernel.rows["namespace", "box"]
    assert isinstance(seen, Namespace)
    kernel.rows[seen.key] = Namespace(seen.name, seen.owner, marked=False)

    (operation,) = plan.diff(kernel.read(wanted), wanted, "walk").operations

    assert operation.commands() == (f"ip -n box link set dev lo alias trunkline:{seen.owner}",)
    kernel.apply([operation])
    assert plan.diff(kernel.read(wanted), wanted, "walk").empty


def test_hardware_cannot_be_deleted() -> None:
    with pytest.raises(KernelError):
        FakeKernel(host_with().values()).apply(
            order.operations(host_with(), {("link", "", "eno1"): None})
        )
