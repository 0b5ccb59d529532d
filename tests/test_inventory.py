from __future__ import annotations

import dataclasses

import pytest

from tests import diagram_cases
from trunkline import inventory
from trunkline.capabilities import Capabilities
from trunkline.errors import UsageError
from trunkline.intent import Site, Switching
from trunkline.inventory import Record
from trunkline.realise import Seats, realise
from trunkline.state import (
    ROOT,
    Bridge,
    BridgePort,
    HostState,
    Nic,
    Tap,
    Veth,
    VlanDevice,
    VlanMethod,
    host_state,
)


def states(seats: Seats = Seats.NAMESPACE) -> dict[str, HostState]:
    return {host: diagram_cases.walkthrough_state(host, seats) for host in SITE.hosts}


SITE = diagram_cases.walkthrough()


def items(
    kind: str, state: dict[str, HostState] | None = None, site: Site | None = SITE
) -> tuple[Record, ...]:
    return inventory.listing(kind, states() if state is None else state, site).items


def by(records: tuple[Record, ...], *fields: str) -> list[tuple[object, ...]]:
    return [tuple(record[field] for field in fields) for record in records]


@pytest.mark.parametrize("kind", inventory.KINDS)
@pytest.mark.parametrize("site", [SITE, None])
def test_every_record_has_exactly_the_fields_of_its_list(kind: str, site: Site | None) -> None:
    listing = inventory.listing(kind, states(), site)
    for item in listing.items:
        assert tuple(item) == tuple(field.name for field in listing.fields)
    assert set(listing.names) <= {field.name for field in listing.fields}


def test_ports_of_the_walkthrough_are_access_uplink_and_trunk() -> None:
    """The NIC is the trunk; its VLAN devices and the machines' ports are in one VLAN each."""
    host1 = tuple(port for port in items("ports") if port["host"] == "host1")
    assert by(host1, "ifname", "master", "networks", "vlan", "tagged", "mode", "machine") == [
        ("eno16777736", None, ("red", "blue"), None, (10, 20), "trunk", None),
        ("eno16777736.10", "brvlan-10", ("red",), 10, (), "uplink", None),
        ("eno16777736.20", "brvlan-20", ("blue",), 20, (), "uplink", None),
        ("vnet0", "brvlan-20", ("blue",), 20, (), "access", "vm2"),
        ("vnet1", "brvlan-10", ("red",), 10, (), "access", "vm1"),
        ("vnet2", "brvlan-20", ("blue",), 20, (), "access", "vm3"),
    ]


def test_a_tap_is_joined_to_its_machine_by_the_site_and_shows_the_machines_mac() -> None:
    ports = items("ports", states(Seats.TAP))
    assert ("host1", "vnet1", "vm1", "52:54:00:d2:52:b3") in by(
        ports, "host", "ifname", "machine", "mac"
    )


def test_without_a_site_the_marks_of_the_devices_tell_networks_and_machines() -> None:
    for seats in Seats:
        known, bare = (items("ports", states(seats), site) for site in (SITE, None))
        fields = ("ifname", "networks", "vlan", "mode", "machine")
        assert by(bare, *fields) == by(known, *fields)


def test_the_vlan_aware_host_has_the_same_ports_in_the_same_networks() -> None:
    hosts = {
        name: dataclasses.replace(host, switching=Switching.VLAN_AWARE)
        for name, host in SITE.hosts.items()
    }
    site = dataclasses.replace(SITE, hosts=hosts)
    aware = {host: realise(site, host, Capabilities(), Seats.TAP) for host in hosts}
    machines = ("host", "ifname", "networks", "machine", "mode", "mac")
    wanted = [port for port in by(items("ports"), *machines) if port[3] is not None]
    found = [port for port in by(items("ports", aware, site), *machines) if port[3] is not None]
    assert [p[:5] for p in found] == [p[:5] for p in wanted]
    trunks = [p for p in items("ports", aware, site) if p["ifname"] == "eno33554960"]
    assert by(tuple(trunks), "master", "networks", "tagged", "mode") == [
        ("brtrunk", ("red", "blue"), (10, 20), "trunk")
    ]
    assert by(items("hosts", aware, site), "switching") == [("vlan-aware",)] * 3


def test_a_bridge_has_the_id_that_brctl_shows() -> None:
    first = items("bridges")[0]
    assert (first["ifname"], first["id"]) == ("brvlan-10", "8000.000c2927d53b")
    assert first["ports"] == ("eno16777736.10", "vnet1")


def test_networks_come_in_the_order_of_the_site_with_hosts_and_subnets() -> None:
    assert by(items("networks"), "network", "vlan", "subnets", "hosts", "bridges", "ports") == [
        ("red", 10, ("192.168.10.0/24",), ("host1", "host2", "host3"), ("brvlan-10",), 6),
        ("blue", 20, ("192.168.20.0/24",), ("host1", "host2", "host3"), ("brvlan-20",), 7),
        ("wan", None, ("192.168.1.0/24",), ("host3",), ("br-wan",), 2),
    ]


def test_a_declared_network_that_no_host_has_is_listed_too() -> None:
    assert by(items("networks", {}), "network", "hosts", "ports") == [
        ("red", (), 0),
        ("blue", (), 0),
        ("wan", (), 0),
    ]


def test_hosts_count_what_hangs_on_them() -> None:
    assert by(items("hosts"), "host", "uplinks", "bridges", "machines", "routers") == [
        ("host1", ("eno16777736",), 2, 3, 0),
        ("host2", ("eno16777736",), 2, 2, 0),
        ("host3", ("eno16777736", "eno33554960"), 3, 0, 1),
    ]


def test_hosts_tell_what_their_vlan_devices_are_made_of() -> None:
    capabilities = Capabilities(vlan_devices=False)
    state = {"host1": realise(SITE, "host1", capabilities, Seats.TAP)}
    assert items("hosts", state)[0]["vlan_devices"] == "ebpf"
    methods = {p["ifname"]: p["method"] for p in items("ports", state)}
    assert methods["eno16777736.10"] == "ebpf"
    assert methods["vnet0"] is None


def test_vms_have_live_addresses_where_a_namespace_plays_them_and_declared_ones_elsewhere() -> (
    None
):
    for seats in Seats:
        vms = by(items("vms", states(seats)), "name", "host", "state", "networks", "addresses")
        assert vms[0] == ("vm1", "host1", "up", ("red",), ("192.168.10.10/24",))
        assert [vm[0] for vm in vms] == ["vm1", "vm2", "vm3", "vm4", "vm5"]


def test_a_machine_without_its_port_is_missing_and_one_that_is_down_is_down() -> None:
    state = dict(diagram_cases.walkthrough_state("host1", Seats.TAP))
    del state["link", ROOT, "vnet1"]
    tap = state["link", ROOT, "vnet0"]
    assert isinstance(tap, Tap)
    state[tap.key] = dataclasses.replace(tap, up=False)
    assert by(items("vms", {"host1": state}), "name", "state") == [
        ("vm1", "missing"),
        ("vm2", "down"),
        ("vm3", "up"),
    ]


def test_foreign_bridges_are_listed_as_they_are() -> None:
    state = host_state(
        [
            Nic(ROOT, "eth0", up=True, mtu=1500, kind=""),
            Nic(ROOT, "vethX", up=False, kind="veth"),
            Bridge(ROOT, "br0", stp=True),
            BridgePort(ROOT, "eth0", "br0"),
            BridgePort(ROOT, "vethX", "br0"),
        ]
    )
    assert by(items("ports", {"h": state}, None), "ifname", "networks", "mode", "state") == [
        ("eth0", (), "uplink", "up"),
        ("vethX", (), "access", "down"),
    ]
    bridges = items("bridges", {"h": state}, None)
    assert by(bridges, "id", "network", "vlan", "stp") == [(None, None, None, True)]


def test_a_foreign_vlan_bridge_tells_its_vlan_but_no_network() -> None:
    state = host_state(
        [
            Nic(ROOT, "eth0", kind=""),
            VlanDevice(ROOT, "eth0.7", "eth0", 7, VlanMethod.KERNEL),
            Bridge(ROOT, "br7"),
            BridgePort(ROOT, "eth0.7", "br7"),
        ]
    )
    assert by(items("bridges", {"h": state}, None), "vlan", "network") == [(7, None)]
    assert items("networks", {"h": state}, None) == ()


def test_a_machines_trunk_port_and_its_vlan_devices() -> None:
    site = diagram_cases.parsed(
        """
        site: s
        networks: {red: {vlan: 10}, blue: {vlan: 20}}
        hosts: {h: {local: [red, blue]}}
        vms: {v: {host: h, ports: [{native: red, tagged: [blue], device: tap0}]}}
        """
    )
    state = {"h": realise(site, "h", Capabilities(), Seats.NAMESPACE)}
    assert any(isinstance(row, Veth) for row in state["h"].values())
    ports = items("ports", state, site)
    assert by(ports, "ifname", "master", "networks", "tagged", "mode", "machine") == [
        ("tap0", "brvlan-10", ("red", "blue"), (20,), "trunk", "v"),
        ("tap0.20", "brvlan-20", ("blue",), (), "access", "v"),
    ]
    assert by(items("vms", state, site), "ports", "networks") == [(("tap0",), ("red", "blue"))]


def test_an_unknown_list_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="there is no list 'vlans'") as caught:
        inventory.listing("vlans", {})
    assert "networks" in caught.value.hint
