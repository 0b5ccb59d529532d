"""IPv4 and IPv6 headers, and the checksum of everything above them."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_DONT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF
"""More-fragments and the offset: any of them means that this is a fragment."""
_EXTENSIONS = {0: 8, 43: 8, 60: 8}
"""Hop-by-hop, routing and destination options, with the unit of their first eight octets."""


class Protocol(enum.IntEnum):
    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58


@dataclass(frozen=True)
class Ipv4:
    source: str
    destination: str
    protocol: int
    payload: bytes
    ttl: int = 64
    identification: int = 0
    dont_fragment: bool = False
    fragment: bool = False
    """A part of a packet that was cut: its payload may not start with a header."""

    def encode(self) -> bytes:
        head = _IPV4.pack(
            0x45,
            0,
            _IPV4.size + len(self.payload),
            self.identification,
            _DONT_FRAGMENT if self.dont_fragment else 0,
            self.ttl,
            self.protocol,
            0,
            IPv4Address(self.source).packed,
            IPv4Address(self.destination).packed,
        )
        return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Ipv4 | None:
        if len(data) < _IPV4.size:
            return None
        first, _, length, number, flags, ttl, protocol, _, source, target = _IPV4.unpack_from(data)
        size = (first & 0xF) * 4
        if first >> 4 != 4 or size < _IPV4.size or not size <= length <= len(data):
            return None
        return cls(
            source=str(IPv4Address(source)),
            destination=str(IPv4Address(target)),
            protocol=protocol,
            payload=data[size:length],
            ttl=ttl,
            identification=number,
            dont_fragment=bool(flags & _DONT_FRAGMENT),
            fragment=bool(flags & _FRAGMENT),
        )


@dataclass(frozen=True)
class Ipv6:
    source: str
    destination: str
    protocol: int
    """Behind the extension headers, which are not kept."""
    payload: bytes
    hop_limit: int = 64

    def encode(self) -> bytes:
        head = _IPV6.pack(
            6 << 28,
            len(self.payload),
            self.protocol,
            self.hop_limit,
            IPv6Address(self.source).packed,
            IPv6Address(self.destination).packed,
        )
        return head + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Ipv6 | None:
        if len(data) < _IPV6.size:
            return None
        first, length, protocol, hops, source, target = _IPV6.unpack_from(data)
        if first >> 28 != 6 or _IPV6.size + length > len(data):
            return None
        payload = data[_IPV6.size : _IPV6.size + length]
        while protocol in _EXTENSIONS and len(payload) >= 8:
            protocol, payload = payload[0], payload[8 + payload[1] * 8 :]
        return cls(str(IPv6Address(source)), str(IPv6Address(target)), protocol, payload, hops)


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071).

    >>> checksum(bytes.fromhex("00010203"))
    65019
    """
    even = data + bytes(len(data) % 2)
    # A sum of 16-bit words modulo 0xFFFF is the whole number modulo 0xFFFF.
    total = int.from_bytes(even, "big") % 0xFFFF
    if total == 0 and any(even):
        total = 0xFFFF
    return 0xFFFF - total


def checksum_over(source: str, destination: str, protocol: int, segment: bytes) -> int:
    """Return the checksum of *segment* with the pseudo-header of its IP version."""
    ends = ip_address(source).packed + ip_address(destination).packed
    if len(ends) == 8:
        pseudo = struct.pack("!xBH", protocol, len(segment))
    else:
        pseudo = struct.pack("!IxxxB", len(segment), protocol)
    return checksum(ends + pseudo + segment)
