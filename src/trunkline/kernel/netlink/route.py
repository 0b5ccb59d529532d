"""Routes of the main table: requests, and what a dump says."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.address import host_text
from trunkline.kernel.netlink.message import U32, Message, attribute, message, u32, values

_RTMSG = struct.Struct("=BBBBBBBBI")
"""Family, prefix lengths of destination and source, TOS, table, protocol, scope, type, flags."""
_NEXTHOP = struct.Struct("=HBBi")
_ADD = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL
_REPLACE = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_REPLACE

_IPV6_METRIC = 1024
"""What the kernel makes of metric 0 in IPv6 (IP6_RT_PRIO_USER)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A unicast route as the kernel holds it; of several next hops, the first."""

    destination: str
    gateway: str | None
    index: int
    metric: int
    protocol: int


def add(seq: int, route: Held) -> bytes:
    """Add a route; index 0 lets the kernel find the device behind the gateway."""
    return message(uapi.RTM_NEWROUTE, _ADD, seq, *_parts(route))


def replace(seq: int, route: Held) -> bytes:
    """Put *route* in the place of the one with its destination and metric."""
    return message(uapi.RTM_NEWROUTE, _REPLACE, seq, *_parts(route))


def delete(seq: int, route: Held) -> bytes:
    return message(uapi.RTM_DELROUTE, uapi.NLM_F_REQUEST, seq, *_parts(route))


def _parts(route: Held) -> tuple[bytes, ...]:
    host, _, length = route.destination.partition("/")
    family = uapi.AF_INET6 if ":" in host else uapi.AF_INET
    direct = route.gateway is None and family == uapi.AF_INET
    scope = uapi.RT_SCOPE_LINK if direct else uapi.RT_SCOPE_UNIVERSE
    head = (family, int(length), 0, 0, uapi.RT_TABLE_MAIN, route.protocol, scope)
    parts = [_RTMSG.pack(*head, uapi.RTN_UNICAST, 0)]
    if int(length):
        parts.append(attribute(uapi.RTA_DST, socket.inet_pton(family, host)))
    if route.gateway is not None:
        parts.append(attribute(uapi.RTA_GATEWAY, socket.inet_pton(family, route.gateway)))
    if route.index:
        parts.append(u32(uapi.RTA_OIF, route.index))
    if route.metric:
        parts.append(u32(uapi.RTA_PRIORITY, route.metric))
    return tuple(parts)


def dump(family: int) -> bytes:
    """Ask for the main table of one family; strict checking lets the kernel filter it."""
    body = _RTMSG.pack(family, 0, 0, 0, uapi.RT_TABLE_MAIN, 0, 0, 0, 0)
    table = u32(uapi.RTA_TABLE, uapi.RT_TABLE_MAIN)
    flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
    return message(uapi.RTM_GETROUTE, flags, 1, body, table)


def parse(answer: list[Message]) -> Iterator[Held]:
    for kind, buffer, start, end in answer:
        if kind != uapi.RTM_NEWROUTE:
            continue
        family, length, _, _, table, protocol, _, type_, _ = _RTMSG.unpack_from(buffer, start)
        if type_ == uapi.RTN_UNICAST and table == uapi.RT_TABLE_MAIN:
            yield _held(family, length, protocol, values(buffer, start + 12, end))


def _held(family: int, length: int, protocol: int, found: dict[int, bytes]) -> Held:
    if uapi.RTA_MULTIPATH in found:
        found = _first_nexthop(found)
    empty = bytes(4 if family == uapi.AF_INET else 16)
    gateway = found.get(uapi.RTA_GATEWAY)
    metric = _number(found.get(uapi.RTA_PRIORITY))
    if family == uapi.AF_INET6 and metric == _IPV6_METRIC:
        metric = 0
    return Held(
        f"{host_text(family, found.get(uapi.RTA_DST, empty))}/{length}",
        None if gateway is None else host_text(family, gateway),
        _number(found.get(uapi.RTA_OIF)),
        metric,
        protocol,
    )


def _first_nexthop(found: dict[int, bytes]) -> dict[int, bytes]:
    raw = found[uapi.RTA_MULTIPATH]
    size, _, _, index = _NEXTHOP.unpack_from(raw)
    inner = values(raw, _NEXTHOP.size, min(size, len(raw)))
    return {**found, **inner, uapi.RTA_OIF: U32.pack(index)}


def _number(raw: bytes | None) -> int:
    return 0 if raw is None else int(U32.unpack(raw)[0])
