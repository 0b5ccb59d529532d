"""Rows to JSON and back."""

from __future__ import annotations

import json

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
by_type = {MacAddress: macs}
for kind, strategy in by_type.items():
    st.register_type_strategy(kind, strategy)

rows: st.SearchStrategy[Row] = st.one_of(
    *(
        st.builds(kind)
        for kind in (
            Namespace,
            Nic,
            Bridge,
            VlanDevice,
            Tap,
            Veth,
            BridgePort,
            PortVlan,
            FdbEntry,
            Address,
            Route,
            Sysctl,
            NftTable,
        )
    )
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


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ({"row": "brdige"}, "'brdige' is not a kind of row"),
        ({"row": "namespace", "name": "a"}, "namespace: field 'owner' is missing or unknown"),
        ({"row": "namespace", "name": 7, "owner": None}, "'7' is not a str"),
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


def test_an_operation_on_nothing_is_refused() -> None:
    """An operation has a row on one side at least."""
    with pytest.raises(ValueError, match="a row before, after, or both"):
        codec.decode_operation({"before": None, "after": None})
