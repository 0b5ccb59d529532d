"""What IP carries: echo requests and replies of ICMP and ICMPv6, and UDP."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from trunkline.kernel.packets.internet import Protocol, checksum, checksum_over

_ECHO = struct.Struct("!BBHHH")
_UDP = struct.Struct("!HHHH")


class EchoType(enum.Enum):
    """A direction, and its ICMP type in each protocol."""

    REQUEST = (8, 128)
    REPLY = (0, 129)

    def number(self, protocol: Protocol) -> int:
        return self.value[0 if protocol is Protocol.ICMP else 1]


@dataclass(frozen=True)
class Echo:
    type: EchoType
    identifier: int
    sequence: int
    payload: bytes = b""

    def encode_icmp(self) -> bytes:
        segment = self._encode(Protocol.ICMP, 0)
        return self._encode(Protocol.ICMP, checksum(segment))

    def encode_icmpv6(self, source: str, destination: str) -> bytes:
        """Return the message; its checksum also covers the addresses (RFC 4443 2.3)."""
        segment = self._encode(Protocol.ICMPV6, 0)
        total = checksum_over(source, destination, Protocol.ICMPV6, segment)
        return self._encode(Protocol.ICMPV6, total)

    def _encode(self, protocol: Protocol, total: int) -> bytes:
        kind = self.type.number(protocol)
        return _ECHO.pack(kind, 0, total, self.identifier, self.sequence) + self.payload

    @classmethod
    def decode(cls, protocol: Protocol, data: bytes) -> Echo | None:
        if len(data) < _ECHO.size:
            return None
        kind, code, _, identifier, sequence = _ECHO.unpack_from(data)
        for type_ in EchoType:
            if (kind, code) == (type_.number(protocol), 0):
                return cls(type_, identifier, sequence, data[_ECHO.size :])
        return None


@dataclass(frozen=True)
class Udp:
    source_port: int
    destination_port: int
    payload: bytes = b""

    def encode(self, source: str, destination: str) -> bytes:
        """Return the datagram; its checksum also covers the addresses."""
        total = checksum_over(source, destination, Protocol.UDP, self._encode(0))
        # 0 on the wire means "not computed", so a sum of 0 goes as its other form (RFC 768).
        return self._encode(total or 0xFFFF)

    def _encode(self, total: int) -> bytes:
        length = _UDP.size + len(self.payload)
        return _UDP.pack(self.source_port, self.destination_port, length, total) + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Udp | None:
        if len(data) < _UDP.size:
            return None
        source, destination, length, _ = _UDP.unpack_from(data)
        if not _UDP.size <= length <= len(data):
            return None
        return cls(source, destination, data[_UDP.size : length])
