"""ARP for IPv4 over Ethernet (RFC 826)."""

from __future__ import annotations

import enum
import socket
import struct
from dataclasses import dataclass

from trunkline.kernel.packets.ethernet import EtherType, mac_bytes, mac_text

UNKNOWN = "00:00:00:00:00:00"

_HEAD = struct.Struct("!HHBBH")
_FIXED = (1, int(EtherType.IPV4), 6, 4)
"""Ethernet, IPv4, and the lengths of their addresses."""
_SIZE = 28


class ArpOperation(enum.IntEnum):
    REQUEST = 1
    REPLY = 2


@dataclass(frozen=True)
class Arp:
    operation: int
    sender_mac: str
    sender: str
    """0.0.0.0 in a probe, which updates nobody's cache (RFC 5227)."""
    target: str
    target_mac: str = UNKNOWN

    def encode(self) -> bytes:
        return (
            _HEAD.pack(*_FIXED, self.operation)
            + mac_bytes(self.sender_mac)
            + socket.inet_aton(self.sender)
            + mac_bytes(self.target_mac)
            + socket.inet_aton(self.target)
        )

    @classmethod
    def decode(cls, data: bytes) -> Arp | None:
        if len(data) < _SIZE:
            return None
        *fixed, operation = _HEAD.unpack_from(data)
        if tuple(fixed) != _FIXED:
            return None
        return cls(
            operation=operation,
            sender_mac=mac_text(data[8:14]),
            sender=socket.inet_ntoa(data[14:18]),
            target_mac=mac_text(data[18:24]),
            target=socket.inet_ntoa(data[24:28]),
        )
