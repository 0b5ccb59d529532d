"""Bridges and their ports in all detail: what spanning tree is at, and who is forwarded where."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable, Iterator

from trunkline.brctl.devices import Bridge, Device, Forwarding, Port
from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.link import IFINFO
from trunkline.kernel.netlink.message import (
    U32,
    Message,
    attribute,
    message,
    nested,
    string,
    text,
    u32,
    values,
)

# linux/if_link.h: IFLA_BR_*
FORWARD_DELAY, HELLO_TIME, MAX_AGE, AGEING_TIME, STP_STATE, PRIORITY = range(1, 7)
_ROOT_ID, _BRIDGE_ID, _ROOT_PORT, _ROOT_PATH_COST = range(10, 14)
_TOPOLOGY_CHANGE, _TOPOLOGY_CHANGE_DETECTED = 14, 15
_HELLO_TIMER, _TCN_TIMER, _TOPOLOGY_CHANGE_TIMER, _GC_TIMER = range(16, 20)
# linux/if_link.h: IFLA_BRPORT_*
_STATE, PORT_PRIORITY, PORT_COST, PORT_MODE = range(1, 5)
_PORT_ROOT_ID, _PORT_BRIDGE_ID, _DESIGNATED_PORT, _DESIGNATED_COST, _ID, _NO = range(13, 19)
_CHANGE_ACK, _CONFIG_PENDING = 19, 20
_MESSAGE_AGE_TIMER, _FORWARD_DELAY_TIMER, _HOLD_TIMER = 21, 22, 23
# linux/neighbour.h
_NDA_CACHEINFO = 3
_NDA_MASTER = 9
_NUD_STALE = 0x04
_NUD_PERMANENT = 0x80

_NDMSG = struct.Struct("=BxxxiHBB")
"""Family, ifindex, state, flags, type."""
_SINCE_UPDATE = 8
"""Where in struct nda_cacheinfo it is how long ago the entry was last confirmed."""
_ADD = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL


def named(seq: int, name: str) -> bytes:
    """Ask for the link that has *name*, be it an alternative one."""
    mask = u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_SKIP_STATS)
    body = IFINFO.pack(0, 0, 0, 0, 0)
    return message(uapi.RTM_GETLINK, uapi.NLM_F_REQUEST, seq, body, _name(name), mask)


def create(seq: int, name: str) -> bytes:
    info = nested(uapi.IFLA_LINKINFO, text(uapi.IFLA_INFO_KIND, "bridge"))
    return message(uapi.RTM_NEWLINK, _ADD, seq, IFINFO.pack(0, 0, 0, 0, 0), _name(name), info)


def _name(name: str) -> bytes:
    # Names are bytes: one from a command line need not be UTF-8.
    return attribute(uapi.IFLA_IFNAME, os.fsencode(name) + b"\0")


def parse(answer: Iterable[Message]) -> Iterator[Device]:
    for kind, buffer, start, end in answer:
        if kind == uapi.RTM_NEWLINK:
            _, _, index, flags, _ = IFINFO.unpack_from(buffer, start)
            found = values(buffer, start + IFINFO.size, end)
            yield _device(index, bool(flags & uapi.IFF_UP), found)


def _device(index: int, up: bool, found: dict[int, bytes]) -> Device:
    name = found[uapi.IFLA_IFNAME]
    info = _inside(found, uapi.IFLA_LINKINFO)
    own, above = (info.get(k) for k in (uapi.IFLA_INFO_KIND, uapi.IFLA_INFO_SLAVE_KIND))
    return Device(
        index,
        string(name, 0, len(name)),
        up,
        _number(found, uapi.IFLA_MASTER),
        _bridge(_inside(info, uapi.IFLA_INFO_DATA)) if own == b"bridge\0" else None,
        _port(_inside(info, uapi.IFLA_INFO_SLAVE_DATA)) if above == b"bridge\0" else None,
    )


def _inside(found: dict[int, bytes], kind: int) -> dict[int, bytes]:
    raw = found.get(kind, b"")
    return values(raw, 0, len(raw))


def _number(found: dict[int, bytes], kind: int) -> int:
    """Return a number of any width; 0 where the kernel does not say."""
    return int.from_bytes(found.get(kind, b""), sys.byteorder)


def _identity(found: dict[int, bytes], kind: int) -> str:
    """Return a bridge's identity (struct ifla_bridge_id), as `8000.020000000001`."""
    raw = found.get(kind, bytes(8)).hex()
    return f"{raw[:4]}.{raw[4:]}"


def _bridge(data: dict[int, bytes]) -> Bridge:
    return Bridge(
        identity=_identity(data, _BRIDGE_ID),
        root=_identity(data, _ROOT_ID),
        root_port=_number(data, _ROOT_PORT),
        root_path_cost=_number(data, _ROOT_PATH_COST),
        stp=bool(_number(data, STP_STATE)),
        topology_change=bool(_number(data, _TOPOLOGY_CHANGE)),
        topology_change_detected=bool(_number(data, _TOPOLOGY_CHANGE_DETECTED)),
        max_age=_number(data, MAX_AGE),
        hello_time=_number(data, HELLO_TIME),
        forward_delay=_number(data, FORWARD_DELAY),
        ageing_time=_number(data, AGEING_TIME),
        hello_timer=_number(data, _HELLO_TIMER),
        tcn_timer=_number(data, _TCN_TIMER),
        topology_change_timer=_number(data, _TOPOLOGY_CHANGE_TIMER),
        gc_timer=_number(data, _GC_TIMER),
    )


def _port(data: dict[int, bytes]) -> Port:
    return Port(
        number=_number(data, _NO),
        identity=_number(data, _ID),
        state=_number(data, _STATE),
        path_cost=_number(data, PORT_COST),
        root=_identity(data, _PORT_ROOT_ID),
        bridge=_identity(data, _PORT_BRIDGE_ID),
        designated_port=_number(data, _DESIGNATED_PORT),
        designated_cost=_number(data, _DESIGNATED_COST),
        hairpin=bool(_number(data, PORT_MODE)),
        change_acknowledged=bool(_number(data, _CHANGE_ACK)),
        config_pending=bool(_number(data, _CONFIG_PENDING)),
        message_age_timer=_number(data, _MESSAGE_AGE_TIMER),
        forward_delay_timer=_number(data, _FORWARD_DELAY_TIMER),
        hold_timer=_number(data, _HOLD_TIMER),
    )


def dump_forwarding(bridge: int) -> bytes:
    """Ask for the forwarding database of one bridge."""
    body = _NDMSG.pack(uapi.AF_BRIDGE, 0, 0, 0, 0)
    flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
    return message(uapi.RTM_GETNEIGH, flags, 1, body, u32(_NDA_MASTER, bridge))


def parse_forwarding(answer: Iterable[Message], bridge: int) -> Iterator[Forwarding]:
    """Yield the entries that lead to a port and have not aged out."""
    for _, buffer, start, end in answer:
        _, index, state, flags, _ = _NDMSG.unpack_from(buffer, start)
        found = values(buffer, start + _NDMSG.size, end)
        # Of the device itself (NTF_SELF), of the bridge itself, or left for the collector.
        if flags & uapi.NTF_SELF or index == bridge or state & _NUD_STALE:
            continue
        fixed = state & (_NUD_PERMANENT | uapi.NUD_NOARP)
        age = 0 if fixed else U32.unpack_from(found[_NDA_CACHEINFO], _SINCE_UPDATE)[0]
        mac = found[uapi.NDA_LLADDR].hex(":")
        yield Forwarding(index, mac, bool(state & _NUD_PERMANENT), age)
