"""Requests about links: create, set, delete, and what bridges and their ports are set to."""

from __future__ import annotations

import socket
import struct

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import attribute, message, nested, text, u8, u16, u32

IFINFO = struct.Struct("=BxHiII")
"""Family, hardware type, ifindex, flags, mask of the flags to change."""

_CREATE = uapi.NLM_F_REQUEST | uapi.NLM_F_CREATE | uapi.NLM_F_EXCL
_REQUEST = uapi.NLM_F_REQUEST
_DUMP = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
_ONE_QUEUE = u32(uapi.IFLA_NUM_TX_QUEUES, 1) + u32(uapi.IFLA_NUM_RX_QUEUES, 1)
"""Without it each end of a veth pair waits for an RCU grace period (veth_init_queues)."""


def _info(index: int) -> bytes:
    return IFINFO.pack(0, 0, index, 0, 0)


def create(
    seq: int, index: int, name: str, kind: str, *attributes: bytes, data: bytes = b""
) -> bytes:
    """Create a link with this ifindex; EEXIST and EBUSY say that name or index is taken."""
    info = text(uapi.IFLA_INFO_KIND, kind) + (nested(uapi.IFLA_INFO_DATA, data) if data else b"")
    return message(
        uapi.RTM_NEWLINK,
        _CREATE,
        seq,
        _info(index),
        text(uapi.IFLA_IFNAME, name),
        *attributes,
        nested(uapi.IFLA_LINKINFO, info),
    )


def create_veth(
    seq: int,
    index: int,
    name: str,
    attributes: bytes,
    peer_index: int,
    peer_name: str,
    peer_attributes: bytes,
) -> bytes:
    """Create a pair; the peer's namespace is in its attributes, as `namespace` makes it."""
    peer = _info(peer_index) + text(uapi.IFLA_IFNAME, peer_name) + peer_attributes + _ONE_QUEUE
    data = nested(uapi.VETH_INFO_PEER, peer)
    return create(seq, index, name, "veth", attributes, _ONE_QUEUE, data=data)


def create_vlan(
    seq: int, index: int, name: str, parent: int, vlan: int, attributes: bytes
) -> bytes:
    data = u16(uapi.IFLA_VLAN_ID, vlan)
    return create(seq, index, name, "vlan", u32(uapi.IFLA_LINK, parent), attributes, data=data)


def create_vxlan(
    seq: int,
    index: int,
    name: str,
    vni: int,
    *attributes: bytes,
    local: str = "",
    group: str = "",
    port: int = 4789,
    device: int = 0,
    learning: bool = True,
) -> bytes:
    """Create a VXLAN device; *group* is the remote host or a multicast group."""
    data = u32(uapi.IFLA_VXLAN_ID, vni)
    data += attribute(uapi.IFLA_VXLAN_PORT, struct.pack("!H", port))  # big-endian on this wire
    data += u8(uapi.IFLA_VXLAN_LEARNING, learning)
    if local:
        data += _endpoint(uapi.IFLA_VXLAN_LOCAL, uapi.IFLA_VXLAN_LOCAL6, local)
    if group:
        data += _endpoint(uapi.IFLA_VXLAN_GROUP, uapi.IFLA_VXLAN_GROUP6, group)
    if device:
        data += u32(uapi.IFLA_VXLAN_LINK, device)
    return create(seq, index, name, "vxlan", *attributes, data=data)


def _endpoint(kind4: int, kind6: int, address: str) -> bytes:
    if ":" in address:
        return attribute(kind6, socket.inet_pton(socket.AF_INET6, address))
    return attribute(kind4, socket.inet_pton(socket.AF_INET, address))


def change(seq: int, index: int, *attributes: bytes) -> bytes:
    return message(uapi.RTM_SETLINK, _REQUEST, seq, _info(index), *attributes)


def change_kind(seq: int, index: int, kind: str, data: bytes) -> bytes:
    """Set attributes of the link's own kind; only RTM_NEWLINK looks at IFLA_LINKINFO."""
    info = nested(
        uapi.IFLA_LINKINFO, text(uapi.IFLA_INFO_KIND, kind), nested(uapi.IFLA_INFO_DATA, data)
    )
    return message(uapi.RTM_NEWLINK, _REQUEST, seq, _info(index), info)


def set_up(seq: int, index: int, *, up: bool) -> bytes:
    body = IFINFO.pack(0, 0, index, uapi.IFF_UP if up else 0, uapi.IFF_UP)
    return message(uapi.RTM_SETLINK, _REQUEST, seq, body)


def set_port(seq: int, index: int, data: bytes) -> bytes:
    """Set IFLA_BRPORT_* of a bridge port."""
    body = IFINFO.pack(uapi.AF_BRIDGE, 0, index, 0, 0)
    return message(uapi.RTM_SETLINK, _REQUEST, seq, body, nested(uapi.IFLA_PROTINFO, data))


def delete(seq: int, index: int) -> bytes:
    return message(uapi.RTM_DELLINK, _REQUEST, seq, _info(index))


def delete_group(seq: int, group: int) -> bytes:
    """Delete every link of a group, with one rcu_barrier for all instead of one for each."""
    return message(uapi.RTM_DELLINK, _REQUEST, seq, _info(0), u32(uapi.IFLA_GROUP, group))


def dump() -> bytes:
    mask = u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_SKIP_STATS)
    return message(uapi.RTM_GETLINK, _DUMP, 1, _info(0), mask)


def dump_bridges() -> bytes:
    kind = nested(uapi.IFLA_LINKINFO, text(uapi.IFLA_INFO_KIND, "bridge"))
    mask = u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_SKIP_STATS)
    return message(uapi.RTM_GETLINK, _DUMP, 1, _info(0), mask, kind)


def get(seq: int, index: int) -> bytes:
    mask = u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_SKIP_STATS)
    return message(uapi.RTM_GETLINK, _REQUEST, seq, _info(index), mask)


# --- attributes ------------------------------------------------------------------------------


def alias(value: str) -> bytes:
    """Return the alias attribute; creation ignores it, so it goes in a request of its own.

    The kernel takes an alias without its NUL (dev_set_alias); empty removes it.
    """
    return attribute(uapi.IFLA_IFALIAS, value.encode())


def mac(value: str) -> bytes:
    return attribute(uapi.IFLA_ADDRESS, bytes.fromhex(value.replace(":", "")))


def mtu(value: int) -> bytes:
    return u32(uapi.IFLA_MTU, value)


def master(index: int) -> bytes:
    """Return the attribute that puts a link into a bridge; 0 takes it out."""
    return u32(uapi.IFLA_MASTER, index)


def group(number: int) -> bytes:
    return u32(uapi.IFLA_GROUP, number)


def namespace(descriptor: int) -> bytes:
    return u32(uapi.IFLA_NET_NS_FD, descriptor)


def address_generation(mode: int) -> bytes:
    """Return addr_gen_mode; refused with EAFNOSUPPORT at creation and where IPv6 is absent."""
    inet6 = nested(uapi.AF_INET6, u8(uapi.IFLA_INET6_ADDR_GEN_MODE, mode))
    return nested(uapi.IFLA_AF_SPEC, inet6)


def bridge_data(
    *,
    stp: bool | None = None,
    ageing: int | None = None,
    snooping: bool | None = None,
    nf_call: bool | None = None,
    vlan_filtering: bool | None = None,
    default_pvid: int | None = None,
) -> bytes:
    """Return a bridge's own attributes; None leaves one out."""
    data = b""
    if ageing is not None:
        data += u32(uapi.IFLA_BR_AGEING_TIME, ageing * 100)  # clock_t: USER_HZ is 100 everywhere
    if stp is not None:
        data += u32(uapi.IFLA_BR_STP_STATE, stp)
    if vlan_filtering is not None:
        data += u8(uapi.IFLA_BR_VLAN_FILTERING, vlan_filtering)
    if default_pvid is not None:
        data += u16(uapi.IFLA_BR_VLAN_DEFAULT_PVID, default_pvid)
    if snooping is not None:
        data += u8(uapi.IFLA_BR_MCAST_SNOOPING, snooping)
    if nf_call is not None:
        for kind in _NF_CALL:
            data += u8(kind, nf_call)
    return data


_NF_CALL = (
    uapi.IFLA_BR_NF_CALL_IPTABLES,
    uapi.IFLA_BR_NF_CALL_IP6TABLES,
    uapi.IFLA_BR_NF_CALL_ARPTABLES,
)


def port_data(
    *,
    learning: bool | None = None,
    flood: bool | None = None,
    isolated: bool | None = None,
    hairpin: bool | None = None,
    cost: int | None = None,
) -> bytes:
    data = b"" if cost is None else u32(uapi.IFLA_BRPORT_COST, cost)
    for kind, value in (
        (uapi.IFLA_BRPORT_LEARNING, learning),
        (uapi.IFLA_BRPORT_UNICAST_FLOOD, flood),
        (uapi.IFLA_BRPORT_ISOLATED, isolated),
        (uapi.IFLA_BRPORT_MODE, hairpin),
    ):
        if value is not None:
            data += u8(kind, value)
    return data
