"""Netlink messages: what is built can be read back, and nothing read can lead astray."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from trunkline.kernel.netlink import link, links, message, route, uapi
from trunkline.kernel.netlink.message import HEADER

KINDS = st.integers(1, 0x3FFF)


@given(st.dictionaries(KINDS, st.binary(max_size=40)))
def test_attributes_read_back_as_they_were_built(wanted: dict[int, bytes]) -> None:
    raw = b"".join(message.attribute(kind, value) for kind, value in wanted.items())

    assert len(raw) % 4 == 0
    assert message.values(raw, 0, len(raw)) == wanted


@given(st.binary(max_size=200), st.integers(0, 8))
def test_reading_any_bytes_ends_and_stays_inside(raw: bytes, start: int) -> None:
    places = list(message.attributes(raw, start, len(raw)))

    assert all(start < begin <= end <= len(raw) for _, begin, end in places)


@given(st.binary(max_size=80))
def test_a_link_message_of_any_bytes_is_read_or_refused_by_python_not_by_luck(raw: bytes) -> None:
    """Whatever follows the fixed body, `parse` returns one link and reads no other memory."""
    body = struct.pack("=BxHiII", 0, 1, 7, 1, 0)
    answer = [(uapi.RTM_NEWLINK, body + raw, 0, 16 + len(raw))]
    try:
        (found,) = links.parse(answer)
    except (struct.error, UnicodeDecodeError):
        return
    assert found.index == 7


def test_numbers_and_text() -> None:
    assert message.u8(1, 2) == bytes((5, 0, 1, 0, 2, 0, 0, 0))
    assert message.u16(1, 2)[4:] == struct.pack("=HH", 2, 0)
    assert message.u32(1, 2)[4:] == struct.pack("=I", 2)
    assert message.string(b"lo\0rest", 0, 7) == "lo"
    assert message.string(b"\xff", 0, 1) == "\udcff"


def test_a_message_states_its_length_and_number() -> None:
    raw = link.set_up(42, 3, up=True)

    assert HEADER.unpack_from(raw) == (len(raw), uapi.RTM_SETLINK, uapi.NLM_F_REQUEST, 42, 0)


def test_a_shape_is_told_from_another_one_of_the_same_length() -> None:
    """Two messages as long as each other, whose second attributes swap places."""
    body = struct.pack("=BxHiII", 0, 1, 7, 1, 0)
    name = message.text(uapi.IFLA_IFNAME, "abc")
    mtu, master = message.u32(uapi.IFLA_MTU, 1400), message.u32(uapi.IFLA_MASTER, 9)
    raw = [body + name + mtu + master, body + name + master + mtu, body + name + mtu + master]
    found = links.parse((uapi.RTM_NEWLINK, each, 0, len(each)) for each in raw)

    assert [(each.mtu, each.master) for each in found] == [(1400, 9)] * 3


def test_an_ipv6_route_without_a_metric_has_none() -> None:
    """The kernel says 1024 where nobody said anything."""
    raw = route.add(1, route.Held("2001:db8::/32", None, 3, 0, 84))
    told = message.u32(uapi.RTA_PRIORITY, 1024)
    answer = [(uapi.RTM_NEWROUTE, raw + told, 16, len(raw) + len(told))]

    assert list(route.parse(answer)) == [route.Held("2001:db8::/32", None, 3, 0, 84)]
