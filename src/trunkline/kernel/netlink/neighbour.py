"""Static entries of bridges' forwarding databases: requests, and what a dump says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import U16, Message, attribute, attributes, message, u16

_NDMSG = struct.Struct("=BxxxiHBB")
"""Family, ifindex, state, flags, type."""
_ADD = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL


@dataclass(frozen=True, slots=True)
class Held:
    """A static entry of the bridge that the port *index* is in."""

    index: int
    mac: str
    vlan: int


def add(seq: int, entry: Held) -> bytes:
    return message(uapi.RTM_NEWNEIGH, _ADD, seq, *_parts(entry))


def delete(seq: int, entry: Held) -> bytes:
    return message(uapi.RTM_DELNEIGH, uapi.NLM_F_REQUEST, seq, *_parts(entry))


def _parts(entry: Held) -> tuple[bytes, ...]:
    # NUD_NOARP is `static`; NUD_PERMANENT would mean an address of the host itself.
    body = _NDMSG.pack(uapi.AF_BRIDGE, entry.index, uapi.NUD_NOARP, uapi.NTF_MASTER, 0)
    address = attribute(uapi.NDA_LLADDR, bytes.fromhex(entry.mac.replace(":", "")))
    vlan = u16(uapi.NDA_VLAN, entry.vlan) if entry.vlan else b""
    return body, address, vlan


def dump() -> bytes:
    body = _NDMSG.pack(uapi.AF_BRIDGE, 0, 0, 0, 0)
    flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
    return message(uapi.RTM_GETNEIGH, flags, 1, body)


def parse(answer: list[Message]) -> Iterator[Held]:
    """Yield the static entries; the many local, learned and multicast ones are skipped unread."""
    unpack = _NDMSG.unpack_from
    for _, buffer, start, end in answer:
        _, index, state, flags, _ = unpack(buffer, start)
        if state & uapi.NUD_NOARP and not flags & uapi.NTF_SELF:
            found = _held(index, buffer, start + _NDMSG.size, end)
            if found is not None:
                yield found


def _held(index: int, buffer: bytes, start: int, end: int) -> Held | None:
    address, vlan = b"", 0
    for kind, begin, stop in attributes(buffer, start, end):
        if kind == uapi.NDA_LLADDR:
            address = buffer[begin:stop]
        elif kind == uapi.NDA_VLAN:
            vlan = U16.unpack_from(buffer, begin)[0]
    if len(address) != 6 or address[0] & 1:
        return None
    return Held(index, address.hex(":"), vlan)
