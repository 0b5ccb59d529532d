"""Addresses of devices: requests, and what a dump says."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import U32, Message, attribute, attributes, message

_IFADDR = struct.Struct("=BBBBI")
"""Family, prefix length, flags, scope, ifindex."""
_ADD = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL


@dataclass(frozen=True, slots=True)
class Held:
    """An address that a device holds."""

    index: int
    address: str
    """With its prefix length."""
    permanent: bool
    origin: int
    """IFA_PROTO: who made it; 0 where nobody said so, as before Linux 5.18."""


def add(seq: int, index: int, address: str) -> bytes:
    return message(uapi.RTM_NEWADDR, _ADD, seq, *_parts(index, address))


def delete(seq: int, index: int, address: str) -> bytes:
    return message(uapi.RTM_DELADDR, uapi.NLM_F_REQUEST, seq, *_parts(index, address))


def _parts(index: int, address: str) -> tuple[bytes, ...]:
    host, _, length = address.partition("/")
    family = uapi.AF_INET6 if ":" in host else uapi.AF_INET
    raw = socket.inet_pton(family, host)
    body = _IFADDR.pack(family, int(length), 0, 0, index)
    return body, attribute(uapi.IFA_LOCAL, raw), attribute(uapi.IFA_ADDRESS, raw)


def dump() -> bytes:
    body = _IFADDR.pack(uapi.AF_UNSPEC, 0, 0, 0, 0)
    return message(uapi.RTM_GETADDR, uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP, 1, body)


def parse(answer: list[Message]) -> Iterator[Held]:
    for kind, buffer, start, end in answer:
        if kind == uapi.RTM_NEWADDR:
            found = _held(buffer, start, end)
            if found is not None:
                yield found


def _held(buffer: bytes, start: int, end: int) -> Held | None:
    family, length, flags, _, index = _IFADDR.unpack_from(buffer, start)
    raw, origin = b"", 0
    for kind, begin, stop in attributes(buffer, start + 8, end):
        # With a peer IFA_ADDRESS is the other end's; IFA_LOCAL, where given, is always ours.
        if kind == uapi.IFA_LOCAL or (kind == uapi.IFA_ADDRESS and not raw):
            raw = buffer[begin:stop]
        elif kind == uapi.IFA_FLAGS:
            flags = U32.unpack_from(buffer, begin)[0]
        elif kind == uapi.IFA_PROTO:
            origin = buffer[begin]
    if family not in (uapi.AF_INET, uapi.AF_INET6):
        return None
    permanent = bool(flags & uapi.IFA_F_PERMANENT)
    return Held(index, f"{host_text(family, raw)}/{length}", permanent, origin)


def host_text(family: int, raw: bytes) -> str:
    """Return an address as `ipaddress` writes it, without its price where the two agree."""
    written = socket.inet_ntop(family, raw)
    if family == uapi.AF_INET6 and "." in written:  # ::ffff:1.2.3.4
        return ipaddress.IPv6Address(raw).compressed
    return written
