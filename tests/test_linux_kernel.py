"""What LinuxKernel makes reads back as it was made, on the real kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from tests import kernel_oracle
from tests.conftest import left_behind
from tests.linux_host import BASIC, MAC, OWNER, Host, links_of, made, nics
from trunkline.errors import KernelError
from trunkline.kernel import ebpf, namespaces
from trunkline.state import (
    Bridge,
    BridgePort,
    FdbEntry,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Row,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
    completed,
    veth,
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def host(unique: str) -> Iterator[Host]:
    with made(unique) as found:
        yield found


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
