"""Ethernet frames with their 802.1Q and 802.1ad tags."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

BROADCAST = "ff:ff:ff:ff:ff:ff"


class EtherType(enum.IntEnum):
    IPV4 = 0x0800
    ARP = 0x0806
    DOT1Q = 0x8100
    IPV6 = 0x86DD
    DOT1AD = 0x88A8
    EXPERIMENTAL = 0x88B5
    """IEEE 802 local experimental EtherType 1."""


_TAGS = (EtherType.DOT1Q, EtherType.DOT1AD)


@dataclass(frozen=True)
class Tag:
    vlan: int
    """0 is a priority tag."""
    priority: int = 0
    drop_eligible: bool = False
    protocol: int = EtherType.DOT1Q

    @property
    def control(self) -> int:
        """The 16-bit TCI, which PACKET_AUXDATA and skb->vlan_tci hold too."""
        return self.priority << 13 | self.drop_eligible << 12 | self.vlan

    @classmethod
    def from_control(cls, control: int, protocol: int = EtherType.DOT1Q) -> Tag:
        return cls(control & 0xFFF, control >> 13, bool(control & 0x1000), protocol)


@dataclass(frozen=True)
class Frame:
    destination: str
    source: str
    ethertype: int
    """What the payload is, behind all tags."""
    payload: bytes
    tags: tuple[Tag, ...] = ()
    """Outermost first."""

    def encode(self) -> bytes:
        tags = b"".join(struct.pack("!HH", tag.protocol, tag.control) for tag in self.tags)
        addresses = mac_bytes(self.destination) + mac_bytes(self.source)
        return addresses + tags + struct.pack("!H", self.ethertype) + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Frame | None:
        tags: list[Tag] = []
        at = 12
        while len(data) >= at + 2:
            (ethertype,) = struct.unpack_from("!H", data, at)
            if ethertype not in _TAGS:
                destination, source = mac_text(data[:6]), mac_text(data[6:12])
                return cls(destination, source, ethertype, data[at + 2 :], tuple(tags))
            if len(data) < at + 4:
                return None
            tags.append(Tag.from_control(struct.unpack_from("!H", data, at + 2)[0], ethertype))
            at += 4
        return None


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def mac_text(data: bytes) -> str:
    return data.hex(":")
