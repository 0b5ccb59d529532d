"""Which number a namespace gives to another one: how the far end of a veth pair is found."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import Message, message, u32, values

_RTGEN = struct.Struct("=B3x")
_NSID = struct.Struct("=i")


def get(seq: int, descriptor: int) -> bytes:
    body = _RTGEN.pack(uapi.AF_UNSPEC)
    return message(
        uapi.RTM_GETNSID, uapi.NLM_F_REQUEST, seq, body, u32(uapi.NETNSA_FD, descriptor)
    )


def parse(answer: Sequence[Message]) -> list[int]:
    """Return the number in each answer; -1: the two namespaces have nothing in common."""
    found = []
    for _, buffer, start, end in answer:
        raw = values(buffer, start + _RTGEN.size, end).get(uapi.NETNSA_NSID)
        found.append(-1 if raw is None else int(_NSID.unpack(raw)[0]))
    return found
