"""Our packets, compared with scapy's: the same bytes out of the same values, and back."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers import inet, inet6, l2
from scapy.packet import Packet, Raw

from trunkline.kernel.packets.arp import Arp, ArpOperation
from trunkline.kernel.packets.ethernet import EtherType, Frame, Tag
from trunkline.kernel.packets.internet import Ipv4, Ipv6, Protocol, checksum, checksum_over
from trunkline.kernel.packets.transport import Echo, EchoType, Udp

macs = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
ipv4s = st.integers(0, 2**32 - 1).map(lambda number: str(IPv4Address(number)))
ipv6s = st.integers(0, 2**128 - 1).map(lambda number: str(IPv6Address(number)))
u16s = st.integers(0, 65535)
payloads = st.binary(max_size=100)
tags = st.builds(
    Tag,
    vlan=st.integers(0, 4095),
    priority=st.integers(0, 7),
    drop_eligible=st.booleans(),
    protocol=st.sampled_from([EtherType.DOT1Q, EtherType.DOT1AD]),
)


def stacked(packet: Packet, payload: bytes) -> bytes:
    return bytes(packet / Raw(payload)) if payload else bytes(packet)


@given(macs, macs, st.lists(tags, max_size=2), payloads)
def test_frames(destination: str, source: str, stack: list[Tag], payload: bytes) -> None:
    frame = Frame(destination, source, EtherType.EXPERIMENTAL, payload, tuple(stack))
    types = [tag.protocol for tag in stack] + [EtherType.EXPERIMENTAL]
    theirs: Packet = l2.Ether(dst=destination, src=source, type=types[0])
    for tag, follows in zip(stack, types[1:], strict=True):
        layer = l2.Dot1Q if tag.protocol == EtherType.DOT1Q else l2.Dot1AD
        theirs /= layer(vlan=tag.vlan, prio=tag.priority, dei=int(tag.drop_eligible), type=follows)
    assert frame.encode() == stacked(theirs, payload)
    assert Frame.decode(frame.encode()) == frame


@given(st.sampled_from(ArpOperation), macs, ipv4s, macs, ipv4s)
def test_arp(operation: ArpOperation, mac: str, sender: str, other: str, target: str) -> None:
    arp = Arp(operation, mac, sender, target, other)
    theirs = l2.ARP(op=operation, hwsrc=mac, psrc=sender, hwdst=other, pdst=target)
    assert arp.encode() == bytes(theirs)
    assert Arp.decode(arp.encode() + bytes(18)) == arp


@given(ipv4s, ipv4s, payloads, st.integers(1, 255), u16s, st.booleans())
def test_ipv4(
    source: str, target: str, payload: bytes, ttl: int, number: int, whole: bool
) -> None:
    packet = Ipv4(source, target, 253, payload, ttl, number, dont_fragment=whole)
    flags = "DF" if whole else 0
    theirs = inet.IP(src=source, dst=target, proto=253, ttl=ttl, id=number, flags=flags)
    assert packet.encode() == stacked(theirs, payload)
    assert Ipv4.decode(packet.encode() + b"padding") == packet


@given(ipv6s, ipv6s, payloads, st.integers(1, 255))
def test_ipv6(source: str, target: str, payload: bytes, hops: int) -> None:
    packet = Ipv6(source, target, 253, payload, hops)
    theirs = inet6.IPv6(src=source, dst=target, nh=253, hlim=hops)
    assert packet.encode() == stacked(theirs, payload)
    assert Ipv6.decode(packet.encode() + b"padding") == packet


@given(u16s, u16s, payloads, st.sampled_from(EchoType))
def test_icmp(identifier: int, sequence: int, payload: bytes, kind: EchoType) -> None:
    echo = Echo(kind, identifier, sequence, payload)
    theirs = inet.ICMP(type=kind.number(Protocol.ICMP), id=identifier, seq=sequence)
    assert echo.encode_icmp() == stacked(theirs, payload)
    assert Echo.decode(Protocol.ICMP, echo.encode_icmp()) == echo


@given(ipv6s, ipv6s, u16s, u16s, payloads)
def test_icmpv6(source: str, target: str, identifier: int, sequence: int, data: bytes) -> None:
    echo = Echo(EchoType.REQUEST, identifier, sequence, data)
    inner = inet6.ICMPv6EchoRequest(id=identifier, seq=sequence, data=data)
    theirs = bytes(inet6.IPv6(src=source, dst=target) / inner)
    message = echo.encode_icmpv6(source, target)
    assert Ipv6(source, target, Protocol.ICMPV6, message).encode() == theirs
    assert Echo.decode(Protocol.ICMPV6, message) == echo


@given(st.one_of(st.tuples(ipv4s, ipv4s), st.tuples(ipv6s, ipv6s)), u16s, u16s, payloads)
def test_udp(ends: tuple[str, str], source: int, target: int, payload: bytes) -> None:
    datagram = Udp(source, target, payload)
    layer = inet6.IPv6 if ":" in ends[0] else inet.IP
    theirs = layer(src=ends[0], dst=ends[1]) / inet.UDP(sport=source, dport=target) / Raw(payload)
    assert datagram.encode(*ends) == bytes(theirs)[40 if ":" in ends[0] else 20 :]
    assert Udp.decode(datagram.encode(*ends) + b"padding") == datagram


def test_extension_headers_are_stepped_over() -> None:
    """Hop-by-hop options stand before the ICMPv6 of every MLD report."""
    theirs = inet6.IPv6(src="fe80::1", dst="ff02::16") / inet6.IPv6ExtHdrHopByHop() / Raw(b"end")
    packet = Ipv6.decode(bytes(theirs))
    assert packet is not None
    assert (packet.protocol, packet.payload) == (59, b"end")


def test_a_fragment_is_known() -> None:
    theirs = inet.IP(src="10.0.0.1", dst="10.0.0.2", frag=185, proto=17) / Raw(b"rest")
    packet = Ipv4.decode(bytes(theirs))
    assert packet is not None
    assert packet.fragment


@given(st.binary(max_size=60))
def test_anything_can_come_from_a_wire(data: bytes) -> None:
    """No bytes make a decoder raise."""
    for decode in (Frame.decode, Arp.decode, Ipv4.decode, Ipv6.decode, Udp.decode):
        decode(data)
    for protocol in (Protocol.ICMP, Protocol.ICMPV6):
        Echo.decode(protocol, data)


@pytest.mark.parametrize("size", [0, 11, 13, 15])
def test_a_frame_that_is_cut_is_none(size: int) -> None:
    whole = Frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", EtherType.ARP, b"", (Tag(5),))
    assert Frame.decode(whole.encode()[:size]) is None


@given(st.binary(max_size=64))
def test_a_checksum_makes_the_sum_zero(data: bytes) -> None:
    even = data + bytes(len(data) % 2)
    assert checksum(even + checksum(even).to_bytes(2, "big")) in (0, 0xFFFF)


def test_the_pseudo_header_covers_the_addresses() -> None:
    one = checksum_over("fd00::1", "fd00::2", Protocol.UDP, b"x")
    assert one != checksum_over("fd00::1", "fd00::3", Protocol.UDP, b"x")
