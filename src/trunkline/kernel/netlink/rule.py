"""Rules of policy routing: requests, and what a dump says."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.address import host_text
from trunkline.kernel.netlink.message import (
    U32,
    Message,
    attribute,
    message,
    string,
    text,
    u8,
    u32,
    values,
)

_RULE = struct.Struct("=BBBBBBBBI")
"""Family, prefix lengths of destination and source, TOS, table, two unused, action, flags."""
_ADD = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL
_EVERYTHING = {uapi.AF_INET: "0.0.0.0/0", uapi.AF_INET6: "::/0"}
_HELD = frozenset(
    (
        uapi.FRA_DST,
        uapi.FRA_SRC,
        uapi.FRA_IIFNAME,
        uapi.FRA_PRIORITY,
        uapi.FRA_TABLE,
        uapi.FRA_PROTOCOL,
    )
)
_UNLIMITED = b"\xff\xff\xff\xff"
"""What FRA_SUPPRESS_PREFIXLEN says where nothing is suppressed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Packets from *source* to *destination* that come in at *iifname* are routed by *table*."""

    family: int
    """AF_INET or AF_INET6."""
    priority: int
    """The lowest is asked first."""
    table: int
    source: str
    """A canonical prefix; `0.0.0.0/0` and `::/0` are every address."""
    destination: str
    iifname: str | None = None
    protocol: int = 0
    """Who made it, of the numbers of routes (RTPROT_*)."""
    plain: bool = True
    """False: it has another action, or conditions besides these. Only an observed one can."""


def everything(family: int) -> str:
    """Return the prefix of every address.

    >>> everything(uapi.AF_INET6)
    '::/0'
    """
    return _EVERYTHING[family]


def add(seq: int, rule: Rule) -> bytes:
    return message(uapi.RTM_NEWRULE, _ADD, seq, *_parts(rule))


def delete(seq: int, rule: Rule) -> bytes:
    return message(uapi.RTM_DELRULE, uapi.NLM_F_REQUEST, seq, *_parts(rule))


def _parts(rule: Rule) -> tuple[bytes, ...]:
    to, to_length = _packed(rule.family, rule.destination)
    source, from_length = _packed(rule.family, rule.source)
    # The header's octet has no room for numbers above 255; FRA_TABLE counts before it.
    table = rule.table if rule.table < 256 else uapi.RT_TABLE_UNSPEC
    head = (rule.family, to_length, from_length, 0, table, 0, 0, uapi.FR_ACT_TO_TBL, 0)
    parts = [_RULE.pack(*head), u32(uapi.FRA_PRIORITY, rule.priority)]
    parts.append(u32(uapi.FRA_TABLE, rule.table))
    parts.append(u8(uapi.FRA_PROTOCOL, rule.protocol))
    if to_length:
        parts.append(attribute(uapi.FRA_DST, to))
    if from_length:
        parts.append(attribute(uapi.FRA_SRC, source))
    if rule.iifname is not None:
        parts.append(text(uapi.FRA_IIFNAME, rule.iifname))
    return tuple(parts)


def _packed(family: int, prefix: str) -> tuple[bytes, int]:
    host, _, length = prefix.partition("/")
    return socket.inet_pton(family, host), int(length)


def dump(family: int) -> bytes:
    body = _RULE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    return message(uapi.RTM_GETRULE, uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP, 1, body)


def parse(answer: list[Message]) -> Iterator[Rule]:
    for kind, buffer, start, end in answer:
        if kind == uapi.RTM_NEWRULE:
            rule = _rule(buffer, start, end)
            if rule is not None:
                yield rule


def _rule(buffer: bytes, start: int, end: int) -> Rule | None:
    family, to, source, tos, table, _, _, action, flags = _RULE.unpack_from(buffer, start)
    if family not in _EVERYTHING:
        return None
    found = values(buffer, start + _RULE.size, end)
    name = found.get(uapi.FRA_IIFNAME)
    if uapi.FRA_TABLE in found:
        table = U32.unpack(found[uapi.FRA_TABLE])[0]
    return Rule(
        family,
        U32.unpack(found.get(uapi.FRA_PRIORITY, bytes(4)))[0],
        table,
        _prefix(family, found.get(uapi.FRA_SRC), source),
        _prefix(family, found.get(uapi.FRA_DST), to),
        None if name is None else string(name, 0, len(name)),
        found.get(uapi.FRA_PROTOCOL, b"\0")[0],
        action == uapi.FR_ACT_TO_TBL and not tos and not _inverted(flags) and _is_plain(found),
    )


def _prefix(family: int, raw: bytes | None, length: int) -> str:
    return _EVERYTHING[family] if raw is None else f"{host_text(family, raw)}/{length}"


def _inverted(flags: int) -> bool:
    return bool(flags & uapi.FIB_RULE_INVERT)


def _is_plain(found: dict[int, bytes]) -> bool:
    others = {kind: value for kind, value in found.items() if kind not in _HELD}
    return others.pop(uapi.FRA_SUPPRESS_PREFIXLEN, _UNLIMITED) == _UNLIMITED and not any(
        any(value) for value in others.values()
    )
