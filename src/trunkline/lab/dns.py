"""Just enough DNS for a lab: every name has the address of the outside.

Pure: a query's bytes in, the answer's bytes out (RFC 1035 section 4).
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

INTERNET_V4 = IPv4Address("8.8.8.8")
INTERNET_V6 = IPv6Address("2001:4860:4860::8888")

A, AAAA, ANY = 1, 28, 255
_IN = 1

_HEADER = struct.Struct("!6H")
_QUESTION_END = struct.Struct("!2H")
_RECORD = struct.Struct("!3HLH")
_RESPONSE, _AUTHORITATIVE, _RECURSION = 0x8000, 0x0400, 0x0080
_NAME_OF_QUESTION = 0xC00C
"""A pointer to offset 12, where the question's name begins."""
_TTL = 60


def answer(query: bytes) -> bytes | None:
    """Return the response to *query*, or None where it is no query that can be answered."""
    if len(query) < _HEADER.size:
        return None
    number, flags, questions, _, _, _ = _HEADER.unpack_from(query)
    if flags & _RESPONSE or questions != 1:
        return None
    end = _name_end(query, _HEADER.size)
    if end is None or end + _QUESTION_END.size > len(query):
        return None
    kind, family = _QUESTION_END.unpack_from(query, end)
    question = query[_HEADER.size : end + _QUESTION_END.size]
    records = _records(kind) if family == _IN else []
    reply = _RESPONSE | _AUTHORITATIVE | _RECURSION | (flags & 0x7900)  # opcode and RD come back
    header = _HEADER.pack(number, reply, 1, len(records), 0, 0)
    return header + question + b"".join(records)


def _records(kind: int) -> list[bytes]:
    wanted = [(A, INTERNET_V4.packed), (AAAA, INTERNET_V6.packed)]
    return [
        _RECORD.pack(_NAME_OF_QUESTION, number, _IN, _TTL, len(data)) + data
        for number, data in wanted
        if kind in (number, ANY)
    ]


def _name_end(message: bytes, start: int) -> int | None:
    """Return the offset behind the name at *start*; a question's name is never compressed."""
    while start < len(message):
        size = message[start]
        if size > 63:
            return None
        start += 1 + size
        if size == 0:
            return start
    return None
