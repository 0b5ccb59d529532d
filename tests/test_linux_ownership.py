"""What a real kernel tells of whose things are: leases, torn pairs, lost marks, foreign ports."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests import planning_fixtures as make
from tests import real_host
from tests.conftest import delete_namespace
from tests.linux_host import OWNER, Host, made
from trunkline import plan
from trunkline.errors import ConflictError
from trunkline.intent import Site
from trunkline.kernel import marks
from trunkline.kernel.linux import LinuxKernel
from trunkline.state import (
    Address,
    BridgePort,
    HostState,
    Ipv6,
    Namespace,
    Nic,
    Route,
    VlanDevice,
    VlanMethod,
    host_state,
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def host(unique: str) -> Iterator[Host]:
    with made(unique) as found:
        yield found


def desired(kernel: LinuxKernel, site: Site) -> HostState:
    return make.desired(site, capabilities=kernel.capabilities())


def carried_out(kernel: LinuxKernel, desired: HostState) -> plan.Plan:
    """Make *kernel* as desired, see that it is, and return what was done."""
    done = plan.diff(kernel.read(desired), desired, "walk")
    kernel.apply(done.operations)
    assert plan.diff(kernel.read(desired), desired, "walk").empty
    return done


# --- leases --------------------------------------------------------------------------------------


def untagged(kernel: LinuxKernel) -> HostState:
    host = make.host(make.uplink("eno1", "wan"), local=("wan",))
    return desired(kernel, make.site((host,)))


@pytest.mark.parametrize("address", ["192.168.1.50/24", "2001:db8::50/64"])
def test_a_nic_with_a_lease_is_not_enslaved(scratch_namespace: str, address: str) -> None:
    with real_host.host(scratch_namespace) as kernel:
        life = ("valid_lft", "3600", "preferred_lft", "3600")
        real_host.ip(scratch_namespace, "address", "add", address, "dev", "eno1", *life)

        assert kernel.read()["address", "", "eno1", address] == Address(
            "", "eno1", address, dynamic=True
        )
        with pytest.raises(ConflictError, match="would be deaf"):
            plan.diff(kernel.read(untagged(kernel)), untagged(kernel), "walk")


def test_a_nic_with_an_advertised_default_route_is_not_enslaved(scratch_namespace: str) -> None:
    with real_host.host(scratch_namespace) as kernel:
        for name in ("eno1", "far1"):
            real_host.ip(scratch_namespace, "link", "set", name, "up")
        way = ("default", "via", "fe80::1", "dev", "eno1", "proto", "ra", "expires", "600")
        real_host.ip(scratch_namespace, "-6", "route", "add", *way)

        assert kernel.read()["route", "", "::/0", 0] == Route("", "::/0", "fe80::1", "eno1", 0, 9)
        with pytest.raises(ConflictError, match="would end"):
            plan.diff(kernel.read(untagged(kernel)), untagged(kernel), "walk")


# --- VLAN devices --------------------------------------------------------------------------------


@pytest.mark.needs("ebpf_vlan")
def test_an_ebpf_vlan_device_is_up_if_both_its_ends_are(host: Host) -> None:
    host.run("ip", "link", "add", "eno1", "up", "type", "veth", "peer", "name", "far1")
    device = VlanDevice(
        "", "eno1.10", "eno1", 10, VlanMethod.EBPF, OWNER, mtu=1500, ipv6=Ipv6.NO_ADDRESS
    )
    host.make(device)
    seen = host.read()[device.key]
    assert isinstance(seen, VlanDevice)
    assert seen.up
    wanted = host_state([device])

    for end in (device.name, marks.idle_name(device.name)):
        host.run("ip", "link", "set", "dev", end, "down")
        (operation,) = plan.diff(host.read(device), wanted, OWNER.partition("/")[0]).operations
        assert operation.after == seen
        assert f"ip link set dev '{marks.idle_name(device.name)}' up" in operation.commands()
        host.kernel.apply([operation])
        assert host.read()[device.key] == seen
        assert "LOWER_UP" in host.run("ip", "link", "show", "dev", device.name)


# --- torn pairs and lost marks -------------------------------------------------------------------


def boxed() -> Site:
    return make.site((make.host(local=("red",)),), (make.container("box", make.access("red")),))


def inside(namespace: str, *words: str) -> None:
    """Do what the root user of the container may do."""
    real_host.ip(f"{namespace}.box", *words)


@pytest.fixture
def abroad(unique_names: Iterator[str]) -> Iterator[str]:
    """A namespace that is not the host's."""
    name = f"{next(unique_names)}abroad"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    delete_namespace(name)


def test_a_container_that_sends_its_nic_away_gets_another(
    scratch_namespace: str, abroad: str
) -> None:
    with real_host.host(scratch_namespace) as kernel:
        wanted = desired(kernel, boxed())
        carried_out(kernel, wanted)
        inside(scratch_namespace, "link", "set", "eth0", "netns", abroad)

        half = kernel.read()["link", "", "box-0"]
        assert isinstance(half, Nic)
        assert half.owner == "walk/container/box"
        carried_out(kernel, wanted)

        assert "eth0" not in real_host.ip(abroad, "link")


def test_destroying_takes_what_is_left_of_a_torn_pair(scratch_namespace: str, abroad: str) -> None:
    with real_host.host(scratch_namespace) as kernel:
        before = set(kernel.read())
        carried_out(kernel, desired(kernel, boxed()))
        inside(scratch_namespace, "link", "set", "eth0", "netns", abroad)

        carried_out(kernel, {})

        assert set(kernel.read()) == before
        assert "eth0" not in real_host.ip(abroad, "link")


@pytest.mark.parametrize("alias", ["", "trunkline:other/container/box", "mine"])
def test_a_container_cannot_disown_its_namespace(scratch_namespace: str, alias: str) -> None:
    with real_host.host(scratch_namespace) as kernel:
        wanted = desired(kernel, boxed())
        before = set(kernel.read())
        carried_out(kernel, wanted)
        inside(scratch_namespace, "link", "set", "lo", "alias", alias)

        seen = kernel.read(wanted)["namespace", "box"]
        assert seen == Namespace("box", "walk/container/box", marked=False)
        done = carried_out(kernel, wanted)
        assert [type(each.row) for each in done.operations] == [Namespace]

        inside(scratch_namespace, "link", "set", "lo", "alias", alias)
        carried_out(kernel, {})
        assert set(kernel.read()) == before


def test_a_foreign_namespace_that_got_one_of_our_ends_stays_foreign(
    scratch_namespace: str,
) -> None:
    """The pair says which object it is of, and this is another one."""
    with real_host.host(scratch_namespace) as kernel:
        carried_out(kernel, desired(kernel, boxed()))
        theirs = f"{scratch_namespace}.theirs"
        subprocess.run(["ip", "netns", "add", theirs], check=True)
        inside(scratch_namespace, "link", "set", "eth0", "netns", theirs)

        assert kernel.read()["namespace", "theirs"] == Namespace("theirs")
        carried_out(kernel, {})
        assert theirs in real_host.listed(scratch_namespace)


# --- ports ---------------------------------------------------------------------------------------


def test_a_foreign_device_in_our_bridge_stays_and_a_former_uplink_goes(
    scratch_namespace: str,
) -> None:
    both = make.host(make.uplink("eno1", "wan"), make.uplink("eno2", "wan"))
    one = make.host(make.uplink("eno1", "wan"))
    with real_host.host(scratch_namespace) as kernel:
        carried_out(kernel, desired(kernel, make.site((both,))))
        vxlan = ("vx0", "type", "vxlan", "id", "7", "dstport", "4789")
        real_host.ip(scratch_namespace, "link", "add", *vxlan)
        real_host.ip(scratch_namespace, "link", "set", "vx0", "master", "br-wan")

        done = carried_out(kernel, desired(kernel, make.site((one,))))

        moved = [each.describe() for each in done.operations if isinstance(each.row, BridgePort)]
        assert moved == ["ip link set dev eno2 nomaster"]
        ports = {row for row in kernel.read().values() if isinstance(row, BridgePort)}
        assert ports == {
            BridgePort("", "eno1", "br-wan", uplink=True),
            BridgePort("", "vx0", "br-wan"),
        }
        carried_out(kernel, {})
        assert "vx0" in real_host.ip(scratch_namespace, "link")
