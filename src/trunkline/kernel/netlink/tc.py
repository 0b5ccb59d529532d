"""Traffic control: the clsact qdisc and the eBPF filters at a device's hooks."""

from __future__ import annotations

import enum
import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import Self

from trunkline.errors import DeniedError, KernelError
from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import message, nested, string, text, u32, values
from trunkline.kernel.netlink.socket import NetlinkSocket

# linux/netlink.h, linux/rtnetlink.h, linux/pkt_cls.h
_NLM_F_ECHO = 0x8
_RTM_NEWQDISC, _RTM_DELQDISC, _RTM_GETQDISC = 36, 37, 38
_RTM_NEWTFILTER, _RTM_DELTFILTER, _RTM_GETTFILTER = 44, 45, 46
_TCA_KIND, _TCA_OPTIONS = 1, 2
_TCA_BPF_FD, _TCA_BPF_NAME, _TCA_BPF_FLAGS, _TCA_BPF_TAG, _TCA_BPF_ID = 6, 7, 8, 10, 11
_TCA_BPF_FLAG_ACT_DIRECT = 1

_CLSACT_HANDLE = 0xFFFF0000
_CLSACT_PARENT = 0xFFFFFFF1
_ETH_P_ALL = socket.htons(3)

_TCMSG = struct.Struct("=BxxxiIII")
"""Family, ifindex, handle, parent, and for filters preference << 16 | protocol."""
_SEQ = 1


class Hook(enum.IntEnum):
    """Where a filter sits: the parent that it names (TC_H_CLSACT with TC_H_MIN_*)."""

    INGRESS = 0xFFFFFFF2
    EGRESS = 0xFFFFFFF3


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter at a hook; name, tag and program only where it is an eBPF one."""

    preference: int
    protocol: int
    """In host byte order."""
    handle: int
    kind: str
    name: str = ""
    tag: bytes = b""
    """The kernel's hash of the program."""
    program: int = 0
    """The program's id."""


class TrafficControl:
    """Requests in the namespace that the calling thread is in when this is made."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hook_qdisc(self, device: int) -> str | None:
        """Return the kind of the qdisc at the device's hooks: clsact, ingress or None."""
        head = _TCMSG.pack(0, device, 0, _CLSACT_PARENT, 0)
        # The answer is a notification, which comes back only with ECHO (qdisc_get_notify).
        request = message(_RTM_GETQDISC, uapi.NLM_F_REQUEST | _NLM_F_ECHO, _SEQ, head)
        for _, buffer, start, end in self._socket.ask([request]):
            kind = values(buffer, start + _TCMSG.size, end).get(_TCA_KIND, b"")
            if kind in (b"clsact\0", b"ingress\0"):  # else the noop qdisc that a deleted one left
                return string(kind, 0, len(kind))
        return None

    def add_clsact(self, device: int) -> None:
        head = _TCMSG.pack(0, device, _CLSACT_HANDLE, _CLSACT_PARENT, 0)
        flags = uapi.NLM_F_CREATE | uapi.NLM_F_EXCL
        kind = text(_TCA_KIND, "clsact")
        self._change(f"tc qdisc add dev {_name(device)} clsact", _RTM_NEWQDISC, flags, head, kind)

    def delete_clsact(self, device: int) -> None:
        head = _TCMSG.pack(0, device, _CLSACT_HANDLE, _CLSACT_PARENT, 0)
        self._change(f"tc qdisc del dev {_name(device)} clsact", _RTM_DELQDISC, 0, head)

    def filters(self, device: int, hook: Hook) -> list[Filter]:
        """Return the filters at a hook, in the kernel's order; none where no qdisc is."""
        head = _TCMSG.pack(0, device, 0, hook, 0)
        flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
        try:
            answers = self._socket.dump(message(_RTM_GETTFILTER, flags, _SEQ, head))
        except KernelError as error:
            if error.errno == errno.ENODEV:
                return []
            raise
        rows = (_filter(buffer, start, end) for _, buffer, start, end in answers)
        return [row for row in rows if row is not None]

    def add_bpf(self, device: int, hook: Hook, preference: int, program: int, name: str) -> None:
        """Attach a loaded program; the kernel chooses the handle beside others' filters."""
        head = _TCMSG.pack(0, device, 0, hook, preference << 16 | _ETH_P_ALL)
        options = nested(
            _TCA_OPTIONS,
            u32(_TCA_BPF_FD, program),
            text(_TCA_BPF_NAME, name),
            u32(_TCA_BPF_FLAGS, _TCA_BPF_FLAG_ACT_DIRECT),
        )
        flags = uapi.NLM_F_CREATE | uapi.NLM_F_EXCL
        subject = f"tc filter add dev {_name(device)} {hook.name.lower()} pref {preference} bpf"
        self._change(subject, _RTM_NEWTFILTER, flags, head, text(_TCA_KIND, "bpf"), options)

    def delete_filter(self, device: int, hook: Hook, row: Filter) -> None:
        info = row.preference << 16 | socket.htons(row.protocol)
        head = _TCMSG.pack(0, device, row.handle, hook, info)
        where = f"dev {_name(device)} {hook.name.lower()} pref {row.preference}"
        subject = f"tc filter del {where} handle {row.handle:#x}"
        self._change(subject, _RTM_DELTFILTER, 0, head, text(_TCA_KIND, row.kind))

    def _change(self, subject: str, kind: int, flags: int, *parts: bytes) -> None:
        head, *rest = parts
        request = message(kind, flags | uapi.NLM_F_REQUEST, _SEQ, head, *rest)
        for refusal in self._socket.batch([request]):
            said = refusal.text or os.strerror(refusal.errno)
            if refusal.errno in (errno.EPERM, errno.EACCES):
                raise DeniedError(f"{subject}: {said}", hint="run as root")
            raise KernelError(subject, refusal.errno, said)


def _filter(buffer: bytes, start: int, end: int) -> Filter | None:
    """Return the filter in a message; None for the row that only announces a preference."""
    _, _, handle, _, info = _TCMSG.unpack_from(buffer, start)
    if handle == 0:
        return None
    found = values(buffer, start + _TCMSG.size, end)
    kind = found.get(_TCA_KIND, b"")
    body = found.get(_TCA_OPTIONS, b"") if kind == b"bpf\0" else b""
    options = values(body, 0, len(body))
    name = options.get(_TCA_BPF_NAME, b"")
    return Filter(
        preference=info >> 16,
        protocol=socket.ntohs(info & 0xFFFF),
        handle=handle,
        kind=string(kind, 0, len(kind)),
        name=string(name, 0, len(name)),
        tag=options.get(_TCA_BPF_TAG, b""),
        program=int.from_bytes(options.get(_TCA_BPF_ID, b""), "little"),
    )


def _name(device: int) -> str:
    try:
        return socket.if_indextoname(device)
    except OSError:
        return f"if{device}"
