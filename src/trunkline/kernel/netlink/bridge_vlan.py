"""VLANs of ports of VLAN-aware bridges, and of the bridges themselves."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.link import IFINFO
from trunkline.kernel.netlink.message import (
    Message,
    attribute,
    attributes,
    message,
    nested,
    u16,
    u32,
)

_INFO = struct.Struct("=HH")
"""Flags, VLAN."""


@dataclass(frozen=True, slots=True)
class Held:
    index: int
    vlan: int
    pvid: bool
    untagged: bool


def add(seq: int, vlan: Held, *, on_bridge: bool = False) -> bytes:
    """Put *vlan* on its port, or set its flags where it is there already."""
    flags = uapi.BRIDGE_VLAN_INFO_PVID if vlan.pvid else 0
    flags |= uapi.BRIDGE_VLAN_INFO_UNTAGGED if vlan.untagged else 0
    return _request(uapi.RTM_SETLINK, seq, vlan, flags, on_bridge=on_bridge)


def delete(seq: int, vlan: Held, *, on_bridge: bool = False) -> bytes:
    """Take *vlan* away; the kernel says nothing where it was not there."""
    return _request(uapi.RTM_DELLINK, seq, vlan, 0, on_bridge=on_bridge)


def _request(kind: int, seq: int, vlan: Held, flags: int, *, on_bridge: bool) -> bytes:
    """Return a request for one VLAN: one with several fails half-done (reliability)."""
    body = IFINFO.pack(uapi.AF_BRIDGE, 0, vlan.index, 0, 0)
    # `self`: the bridge device's own membership, not that of a port in a bridge above it.
    target = u16(uapi.IFLA_BRIDGE_FLAGS, uapi.BRIDGE_FLAGS_SELF) if on_bridge else b""
    info = attribute(uapi.IFLA_BRIDGE_VLAN_INFO, _INFO.pack(flags, vlan.vlan))
    spec = nested(uapi.IFLA_AF_SPEC, target, info)
    return message(kind, uapi.NLM_F_REQUEST, seq, body, spec)


def dump() -> bytes:
    body = IFINFO.pack(uapi.AF_BRIDGE, 0, 0, 0, 0)
    mask = u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_BRVLAN_COMPRESSED)
    flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
    return message(uapi.RTM_GETLINK, flags, 1, body, mask)


def parse(answer: list[Message]) -> Iterator[Held]:
    """Yield every VLAN of every port and bridge, ranges taken apart."""
    for _, buffer, start, end in answer:
        index = IFINFO.unpack_from(buffer, start)[2]
        for kind, begin, stop in attributes(buffer, start + IFINFO.size, end):
            if kind == uapi.IFLA_AF_SPEC:
                yield from _ranges(index, buffer, begin, stop)


def _ranges(index: int, buffer: bytes, start: int, end: int) -> Iterator[Held]:
    first = 0
    for kind, begin, _ in attributes(buffer, start, end):
        if kind != uapi.IFLA_BRIDGE_VLAN_INFO:
            continue
        flags, vlan = _INFO.unpack_from(buffer, begin)
        if flags & uapi.BRIDGE_VLAN_INFO_RANGE_BEGIN:
            first = vlan
            continue
        lowest = first if flags & uapi.BRIDGE_VLAN_INFO_RANGE_END else vlan
        pvid = bool(flags & uapi.BRIDGE_VLAN_INFO_PVID)
        untagged = bool(flags & uapi.BRIDGE_VLAN_INFO_UNTAGGED)
        for number in range(lowest, vlan + 1):
            yield Held(index, number, pvid, untagged)
