"""The fabric of a lab: what its hosts, its switch and its outside stand on."""

from __future__ import annotations

import dataclasses

import pytest

from tests.lab_fixtures import ALLOWED, EXAMPLES, site, walkthrough
from trunkline.capabilities import Capabilities
from trunkline.errors import HostError, UsageError
from trunkline.intent import Host
from trunkline.lab.fabric import fabric, switch_ports
from trunkline.realise import Seats, realise
from trunkline.state import (
    Address,
    BridgePort,
    Namespace,
    NftTable,
    Route,
    Sysctl,
    Veth,
    VlanDevice,
    VlanMethod,
    owner,
)

EBPF = Capabilities(vlan_devices=False)


def test_every_host_the_switch_and_the_outside_are_namespaces() -> None:
    rows = fabric(walkthrough(), EBPF).values()

    names = [row.name for row in rows if isinstance(row, Namespace)]

    assert names == ["switch", "host1", "host2", "host3", "outside"]


def test_a_host_has_its_declared_nics_and_nothing_else() -> None:
    """Names and MACs as declared, and no address unless the uplink says so."""
    rows = fabric(walkthrough(), EBPF).values()

    ends = [end for row in rows if isinstance(row, Veth) for end in row.ends]
    nics = {(end.namespace, end.name): end.mac for end in ends if end.namespace.startswith("host")}
    addresses = [row for row in rows if isinstance(row, Address) and row.namespace != "outside"]

    assert nics["host1", "eno16777736"] == "00:0c:29:27:d5:3b"
    assert nics["host2", "eno16777736"] == "00:0c:29:12:dc:bc"
    assert sorted(nics) == [
        ("host1", "eno16777736"),
        ("host2", "eno16777736"),
        ("host3", "eno16777736"),
        ("host3", "eno33554960"),
    ]
    assert addresses == []


def test_the_switch_carries_exactly_the_declared_vlans() -> None:
    """Each port has a VLAN device for each of its tagged networks, in that network's bridge."""
    rows = fabric(walkthrough(), EBPF).values()

    carried = [(row.parent, row.vlan) for row in rows if isinstance(row, VlanDevice)]
    ports = {
        (row.port, row.bridge)
        for row in rows
        if isinstance(row, BridgePort) and row.namespace == "switch"
    }

    assert carried == [("p1", 10), ("p1", 20), ("p2", 10), ("p2", 20), ("p3", 10), ("p3", 20)]
    assert ports == {
        *((f"p{number}.10", "brvlan-10") for number in (1, 2, 3)),
        *((f"p{number}.20", "brvlan-20") for number in (1, 2, 3)),
        ("p4", "br-wan"),
        ("o1", "br-wan"),
    }


def test_an_untagged_port_drops_the_tags_that_it_does_not_carry() -> None:
    """Its bridge would forward them: one that filters no VLANs sees no tag."""
    text = """
    {site: s, networks: {a: {vlan: 7}, b: {vlan: 8}, c: {untagged: true}, d: {untagged: true}},
     hosts: {h: {uplinks: {u: {device: eth0, networks: [a, b, c]},
                           v: {device: eth1, networks: [d]},
                           w: {device: eth2}}},
             i: {uplinks: {u: {device: eth0, networks: [a, b]}}}}}"""
    row = fabric(site(text), EBPF)["nft", "switch", "bridge", "trunkline"]

    assert isinstance(row, NftTable)
    assert 'elements = { "p1", "p2", "p1.7", "p4.7", "p1.8", "p4.8" }' in row.rules


def test_switch_ports_are_numbered_in_the_order_of_the_file() -> None:
    assert switch_ports(walkthrough()) == {
        ("host1", "lan"): "p1",
        ("host2", "lan"): "p2",
        ("host3", "lan"): "p3",
        ("host3", "wan"): "p4",
    }


@pytest.mark.parametrize(
    ("capabilities", "method"),
    [(Capabilities(), VlanMethod.KERNEL), (EBPF, VlanMethod.EBPF)],
)
def test_vlan_devices_are_what_the_kernel_has(
    capabilities: Capabilities, method: VlanMethod
) -> None:
    rows = fabric(walkthrough(), capabilities).values()

    assert {row.method for row in rows if isinstance(row, VlanDevice)} == {method}


def test_a_kernel_without_any_vlan_device_is_refused() -> None:
    with pytest.raises(HostError, match=r"neither 802\.1Q devices nor"):
        fabric(walkthrough(), Capabilities(vlan_devices=False, ebpf_vlan=False))


def test_the_outside_has_the_gateways_and_a_piece_of_the_internet() -> None:
    rows = fabric(walkthrough(), EBPF).values()

    assert [row.address for row in rows if isinstance(row, Address)] == [
        "192.168.1.1/24",
        "8.8.8.8/32",
        "2001:4860:4860::8888/128",
    ]


def test_the_outside_forwards_nothing() -> None:
    rows = fabric(walkthrough(), EBPF)

    for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
        row = rows["sysctl", "outside", name]
        assert isinstance(row, Sysctl)
        assert row.value == "0"


def test_the_outside_can_send_to_networks_behind_a_router() -> None:
    """Otherwise "the outside does not get in" would be true without any router."""
    rows = fabric(walkthrough(), EBPF).values()

    routes = {row.destination: row.gateway for row in rows if isinstance(row, Route)}

    assert routes == {"192.168.10.0/24": "192.168.1.109", "192.168.20.0/24": "192.168.1.109"}


def test_a_site_without_an_external_network_has_no_outside() -> None:
    uplinks = "{u: {device: eth0, networks: [n]}}"
    text = f"{{site: s, networks: {{n: {{vlan: 7}}}}, hosts: {{h: {{uplinks: {uplinks}}}}}}}"

    assert ("namespace", "outside") not in fabric(site(text), EBPF)


def test_a_host_without_uplinks_comes_up_all_the_same() -> None:
    text = "{site: s, networks: {n: {vlan: 7}}, hosts: {h: {local: [n]}}}"

    rows = fabric(site(text), EBPF)

    assert ("namespace", "h") in rows
    assert not [row for row in rows.values() if isinstance(row, Veth)]


def test_an_uplinks_own_addresses_are_on_the_bare_nic() -> None:
    text = (
        "{site: s, networks: {n: {vlan: 7}}, hosts: {h: {uplinks: {u: "
        "{device: eth0, networks: [n], addresses: [192.168.3.21/24]}}}}}"
    )

    assert Address("h", "eth0", "192.168.3.21/24") in fabric(site(text), EBPF).values()


def test_owners_are_the_labs_and_never_the_sites() -> None:
    """So a host takes its NICs for foreign, as on real hardware."""
    owners = {owner(row) for row in fabric(walkthrough(), EBPF, "mine").values()} - {None}

    assert owners
    assert all(name is not None and name.startswith("lab-mine/") for name in owners)


def test_two_labs_of_one_site_differ_in_owners_and_macs_alone() -> None:
    one, two = (fabric(walkthrough(), EBPF, name).values() for name in ("one", "two"))

    assert [row.key for row in one] == [row.key for row in two]


def test_the_fabric_and_a_host_never_want_the_same_row() -> None:
    """Apart from the NIC itself, which the host only sets up."""
    wanted = fabric(site(ALLOWED), EBPF)
    host = realise(site(ALLOWED), "h1", EBPF, Seats.NAMESPACE)

    placed = {("h1", *key[2:]) for key in host if key[1:2] == ("",)}
    nics = {("h1", "eth0"), ("h1", "eth1")}

    assert {key[1:] for key in wanted} & placed <= nics


def test_a_host_cannot_be_called_switch() -> None:
    """The manifest refuses it too; a site may be made without one."""
    plain = walkthrough()
    hosts = {**plain.hosts, "switch": Host("switch")}

    with pytest.raises(UsageError, match="the lab's own switch"):
        fabric(dataclasses.replace(plain, hosts=hosts), EBPF)


@pytest.mark.parametrize("example", ["plain-bridge", "veth"])
def test_a_bare_nic_with_an_address_is_cabled_to_the_network_of_that_address(example: str) -> None:
    """Not to one of the host's own that has the same subnet and no cable."""
    declared = site((EXAMPLES / f"{example}.yaml").read_text())

    rows = fabric(declared, EBPF).values()

    ports = {row.port: row.bridge for row in rows if isinstance(row, BridgePort)}
    assert ports == {"p1": "br-lan", "o1": "br-lan"}


def test_an_address_on_a_trunk_is_untagged() -> None:
    text = """
site: bare
networks:
  red: {vlan: 10}
  lan: {untagged: true, external: true, subnets: [{cidr: 10.0.9.0/24, gateway: 10.0.9.1}]}
hosts:
  h1: {uplinks: {lan: {device: eth0, networks: [red], addresses: [10.0.9.5/24]}}}
  h2: {uplinks: {lan: {device: eth0, networks: [red]}}}
"""
    rows = fabric(site(text), EBPF).values()

    ports = {row.port: row.bridge for row in rows if isinstance(row, BridgePort)}
    plain = {port: bridge for port, bridge in ports.items() if "." not in port}
    assert plain == {"p1": "br-lan", "o1": "br-lan"}
