"""`plan --commands`: run by a shell, the lines give the state that an apply gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import planning_fixtures as make
from tests import real_host
from trunkline import plan
from trunkline.intent import HostPort, Site, Switching
from trunkline.kernel import probe
from trunkline.kernel.linux import LinuxKernel
from trunkline.realise import Seats
from trunkline.state import Bridge, Nic, Row, Sysctl, host_state
from trunkline.values import InterfaceAddress

pytestmark = pytest.mark.kernel


def renamed(site: Site, prefix: str) -> Site:
    """Return *site* under names of its own: in a shell a namespace's name is the machine's."""
    router = replace(site.routers["edge"], name=prefix + "e")
    machines = {}
    for index, machine in enumerate(site.machines.values()):
        machines[f"{prefix}{index}"] = replace(machine, name=f"{prefix}{index}")
    return replace(site, name=prefix, machines=machines, routers={router.name: router})


def untagged() -> Site:
    """A site without any VLAN: two local networks, machines, a router, a way out."""
    red, blue = replace(make.RED, vlan=None), replace(make.BLUE, vlan=None)
    host = make.host(make.uplink("eno2", "wan"), local=("red", "blue"))
    machines = (
        make.vm("a", make.access("red", "192.168.10.10/24", device="vnet1")),
        make.container("b", make.access("blue", "192.168.20.10/24")),
    )
    return make.site((host,), machines, (make.edge(),), (red, blue, make.WAN))


def check(site: Site, namespace: str, seats: Seats) -> None:
    """Run the script of a plan in a host's namespace, then of the plan that takes it away."""
    wanted = make.desired(site, seats, probe.capabilities())
    kernel = LinuxKernel(prefix="", root=f"/run/netns/{namespace}")
    with real_host.host(namespace):
        try:
            run(plan.diff(kernel.read(wanted), wanted, site.name), namespace)
            assert plan.diff(kernel.read(wanted), wanted, site.name).operations == ()
        finally:
            run(plan.diff(kernel.read(), {}, site.name), namespace)
        rows = host_state(row for row in kernel.read().values() if not isinstance(row, Nic))
        assert not [row for row in rows.values() if ours(row, site.name)]


def ours(row: Row, site: str) -> bool:
    owner = row.owner if isinstance(row, Bridge) else None
    return owner is not None and owner.startswith(f"{site}/")


def run(made: plan.Plan, namespace: str) -> None:
    assert made.operations
    lines = "\n".join(line for operation in made.operations for line in operation.commands())
    # Not `ip netns exec`: what it mounts, and so every namespace made in it, would be its own.
    real_host.run("nsenter", f"--net=/run/netns/{namespace}", "sh", "-e", stdin=lines)


@pytest.mark.parametrize("seats", Seats)
def test_without_vlans(scratch_namespace: str, seats: Seats) -> None:
    """Any kernel with bridges: the lines alone are enough."""
    check(renamed(untagged(), scratch_namespace[-4:]), scratch_namespace, seats)


@pytest.mark.needs("vlan_devices", "nft")
@pytest.mark.parametrize("seats", Seats)
def test_a_bridge_for_each_network(scratch_namespace: str, seats: Seats) -> None:
    """With the kernel's own VLAN devices."""
    check(renamed(make.one_host(), scratch_namespace[-4:]), scratch_namespace, seats)


@pytest.mark.needs("vlan_devices", "vlan_filtering", "nft")
@pytest.mark.parametrize("seats", Seats)
def test_one_bridge_for_all(scratch_namespace: str, seats: Seats) -> None:
    """With `bridge vlan`."""
    site = make.one_host(Switching.VLAN_AWARE)
    check(renamed(site, scratch_namespace[-4:]), scratch_namespace, seats)


def test_a_host_port_without_vlans(scratch_namespace: str) -> None:
    """Parameters of a device, IPv6 on a bridge, the host's own address."""
    site = renamed(untagged(), scratch_namespace[-4:])
    host = site.hosts["host1"]
    port = HostPort("red", (InterfaceAddress("192.168.10.5/24"),), default_route=True)
    site = replace(site, hosts={"host1": replace(host, ports=(port,))})

    wanted = make.desired(site)
    assert [row for row in wanted.values() if isinstance(row, Sysctl) and "accept_ra" in row.name]
    check(site, scratch_namespace, Seats.NAMESPACE)
