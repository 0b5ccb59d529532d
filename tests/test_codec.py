"""Rows to JSON and back."""

from __future__ import annotations

import json
from ipaddress import ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import planning_fixtures as make
from trunkline import codec
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Ipv6,
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
    host_state,
)
from trunkline.values import MacAddress

macs = st.integers(1, 2**40 - 1).map(lambda n: MacAddress(f"02:{n.to_bytes(5).hex(':')}"))
st.register_type_strategy(MacAddress, macs)

# The kernel takes escapes and bytes that are no UTF-8 in the name of a device.
devices = st.text("az.~é\x1b%\udcff", min_size=1, max_size=7).filter(
    lambda n: n not in (".", "..")
)
files = st.text("az.:é \x1b", min_size=1).filter(lambda n: n not in (".", ".."))
spaces = st.just("") | files
vlans = st.integers(1, 4094)
numbers = st.none() | st.integers(0, 2**32 - 1)
DEVICE = {"namespace": spaces, "name": devices, "mtu": numbers}
PORT = {"namespace": spaces, "port": devices}
ends = st.builds(VethEnd, namespace=spaces, name=devices)

rows: st.SearchStrategy[Row] = st.one_of(
    st.builds(Namespace, name=files),
    st.builds(Nic, **DEVICE, mac=st.none() | st.just("") | macs.map(str)),
    st.builds(Bridge, **DEVICE, default_pvid=st.none() | vlans, ageing=st.integers(0, 10**6)),
    st.builds(VlanDevice, **DEVICE, parent=devices, vlan=vlans),
    st.builds(Tap, **DEVICE),
    st.builds(Veth, first=ends, second=ends, mtu=numbers),
    st.builds(BridgePort, **PORT, bridge=devices),
    st.builds(PortVlan, **PORT, vlan=vlans),
    st.builds(FdbEntry, **PORT, mac=macs.map(str), vlan=st.integers(0, 4094)),
    st.builds(
        Address,
        namespace=spaces,
        device=devices,
        address=st.ip_addresses().map(lambda ip: ip_interface(ip).compressed),
    ),
    st.builds(
        Route,
        namespace=spaces,
        destination=st.ip_addresses().map(lambda ip: str(ip_network(ip))),
        gateway=st.none() | st.ip_addresses().map(str),
        device=st.none() | devices,
        metric=st.integers(0, 2**32 - 1),
        protocol=st.integers(0, 255),
    ),
    st.builds(
        Sysctl, namespace=spaces, name=st.just("net/ipv4/ip_forward"), value=st.sampled_from("01")
    ),
    st.builds(NftTable, namespace=spaces, name=st.just("trunkline"), rules=st.text("a{;}\n ")),
)


@given(rows)
def test_a_row_survives_json(row: Row) -> None:
    """Encoding, JSON and decoding give an equal row of equal types."""
    back = codec.decode(json.loads(json.dumps(codec.encode(row))))

    assert back == row
    assert repr(back) == repr(row)


@given(st.lists(rows))
def test_a_state_survives_its_dump(some: list[Row]) -> None:
    """A dump loads to an equal state, whatever the order of its rows was."""
    state = host_state(some)

    assert codec.load(codec.dump(state)) == state


def test_the_order_of_rows_does_not_change_the_dump() -> None:
    """Equal states have one text and one hash."""
    state = make.desired(make.one_host())
    turned = host_state(reversed(list(state.values())))

    assert codec.dump(turned) == codec.dump(state)
    assert codec.digest(turned) == codec.digest(state)


def test_a_changed_field_changes_the_hash() -> None:
    """Two states that differ in one field have two hashes."""
    one, other = (host_state([Bridge("", "br0", mtu=mtu)]) for mtu in (1500, 1501))

    assert codec.digest(one) != codec.digest(other)


def test_a_row_reads_well() -> None:
    """The kind comes first, then the fields in the order of the class."""
    assert codec.encode(VethEndPair) == {
        "row": "veth",
        "first": {"namespace": "", "name": "a", "mac": None, "up": True, "ipv6": "no-address"},
        "second": {"namespace": "x", "name": "b", "mac": None, "up": True, "ipv6": "on"},
        "owner": None,
        "mtu": None,
    }


VethEndPair = Veth(VethEnd("", "a"), VethEnd("x", "b", ipv6=Ipv6.ON))


def test_an_operation_survives() -> None:
    """Create, change and delete come back as they were."""
    one, other = Bridge("", "br0"), Bridge("", "br0", stp=True)

    for operation in (Operation(None, one), Operation(one, other), Operation(one, None)):
        assert codec.decode_operation(codec.encode_operation(operation)) == operation


def without(row: Row, field: str) -> dict[str, object]:
    return {name: value for name, value in codec.encode(row).items() if name != field}


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ({"row": "brdige"}, "'brdige' is not a kind of row"),
        (without(Namespace("a"), "owner"), "namespace: field 'owner' is missing or unknown"),
        ({**codec.encode(Namespace("a")), "name": 7}, "'7' is not a str"),
        (
            {**codec.encode(Bridge("", "b")), "mtu": True},
            "'True' is not a int",
        ),
        ({**codec.encode(Bridge("", "b")), "ipv6": "maybe"}, "'maybe' is not a valid Ipv6"),
        (
            {**codec.encode(NftTable("", "inet", "t", "")), "family": "osi"},
            "'osi' is none of ip, ip6, inet, arp, bridge, netdev",
        ),
    ],
)
def test_what_is_not_a_row_is_refused(encoded: dict[str, object], message: str) -> None:
    """Decoding checks every field; nothing half-right gets through."""
    with pytest.raises(ValueError, match="^" + message + "$"):
        codec.decode(encoded)


BRIDGE, ROUTE = Bridge("", "b"), Route("", "10.0.0.0/8", "10.0.0.1", "b")
ODD = [
    (BRIDGE, "name", "../b"),
    (BRIDGE, "name", ""),
    (BRIDGE, "name", "sixteen-letters-"),
    (BRIDGE, "name", "a b"),
    (BRIDGE, "name", "\ud800"),
    (BRIDGE, "namespace", "../../tmp/x"),
    (BRIDGE, "mac", "zz"),
    (BRIDGE, "mtu", -1),
    (BRIDGE, "mtu", 2**32),
    (BRIDGE, "ageing", 2**31),
    (BRIDGE, "default_pvid", 4095),
    (BRIDGE, "owner", "a\0b"),
    (Namespace("n"), "name", ".."),
    (BridgePort("", "p", "b"), "port", "a/b"),
    (PortVlan("", "p", 1), "vlan", 4095),
    (FdbEntry("", "p", "52:54:00:00:00:01"), "mac", "zz"),
    (FdbEntry("", "p", "52:54:00:00:00:01"), "mac", ""),
    (Address("", "b", "10.0.0.1/8"), "address", "zzz"),
    (Address("", "b", "10.0.0.1/8"), "address", "10.0.0.1"),
    (ROUTE, "destination", "10.0.0.1/8"),
    (ROUTE, "gateway", "10.0.0"),
    (ROUTE, "protocol", 256),
    (Sysctl("", "net/ipv4/ip_forward", "1"), "name", "net/../kernel/panic"),
    (Sysctl("", "net/ipv4/ip_forward", "1"), "name", "kernel/panic"),
    (Sysctl("", "net/ipv4/ip_forward", "1"), "value", "1\n"),
    (NftTable("", "inet", "t", ""), "name", "t { }; flush ruleset"),
]


@pytest.mark.parametrize(("row", "field", "value"), ODD)
def test_what_no_kernel_can_hold_is_refused(row: Row, field: str, value: object) -> None:
    """A file may have been edited; what comes out of it goes to the kernel or into a path."""
    assert codec.decode(codec.encode(row)) == row
    with pytest.raises(ValueError):  # noqa: PT011  # each says it in its own words
        codec.decode({**codec.encode(row), field: value})


@pytest.mark.parametrize("encoded", [None, 1, "x", [], [1], {"row": ["x"]}, {"row": None}])
def test_what_is_no_object_is_refused(encoded: object) -> None:
    for decode in (codec.decode, codec.decode_operation):
        with pytest.raises(ValueError, match="is not"):
            decode(encoded if decode is codec.decode else {"before": encoded, "after": 1})


def test_a_change_of_one_thing_into_another_is_refused() -> None:
    encoded = codec.encode_operation(Operation(BRIDGE, BRIDGE))
    with pytest.raises(ValueError, match="cannot become"):
        codec.decode_operation({**encoded, "after": codec.encode(Bridge("", "c"))})


def test_an_operation_on_nothing_is_refused() -> None:
    """An operation has a row on one side at least."""
    with pytest.raises(ValueError, match="a row before, after, or both"):
        codec.decode_operation({"before": None, "after": None})
