"""Netlink messages as bytes: builders for requests, and a reader that copies nothing.

Every message is a header (struct nlmsghdr), a fixed body of its kind, and attributes: a length,
a type, a value, all padded to four bytes. Numbers are in the machine's byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from trunkline.kernel.netlink.uapi import NLA_F_NESTED, NLA_TYPE_MASK

HEADER = struct.Struct("=IHHII")
"""Length, type, flags, sequence number, port."""
ATTRIBUTE = struct.Struct("=HH")
U16 = struct.Struct("=H")
U32 = struct.Struct("=I")

_U8_ATTRIBUTE = struct.Struct("=HHB3x")
_U16_ATTRIBUTE = struct.Struct("=HHH2x")
_U32_ATTRIBUTE = struct.Struct("=HHI")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

Buffer = bytes | bytearray
Message = tuple[int, bytes, int, int]
"""Type, buffer, and where in the buffer the body begins and the message ends."""


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute.

    >>> attribute(3, b"lo").hex(" ", 4)
    '06000300 6c6f0000'
    """
    return ATTRIBUTE.pack(4 + len(value), kind) + value + _PADDING[len(value) & 3]


def u8(kind: int, value: int) -> bytes:
    return _U8_ATTRIBUTE.pack(5, kind, value)


def u16(kind: int, value: int) -> bytes:
    return _U16_ATTRIBUTE.pack(6, kind, value)


def u32(kind: int, value: int) -> bytes:
    return _U32_ATTRIBUTE.pack(8, kind, value)


def text(kind: int, value: str) -> bytes:
    """Return a string attribute with its closing NUL."""
    return attribute(kind, value.encode() + b"\0")


def nested(kind: int, *parts: bytes) -> bytes:
    inner = b"".join(parts)
    return ATTRIBUTE.pack(4 + len(inner), kind | NLA_F_NESTED) + inner


def message(kind: int, flags: int, seq: int, body: bytes, *attributes: bytes) -> bytes:
    payload = body + b"".join(attributes)
    return HEADER.pack(16 + len(payload), kind, flags, seq, 0) + payload


def attributes(buffer: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (type, begin, end) of the value of every attribute between *start* and *end*.

    A length that does not fit ends the walk: it never reads past *end*.
    """
    unpack = ATTRIBUTE.unpack_from
    while start + 4 <= end:
        size, kind = unpack(buffer, start)
        if size < 4 or start + size > end:
            return
        yield kind & NLA_TYPE_MASK, start + 4, start + size
        start += (size + 3) & ~3


def values(buffer: Buffer, start: int, end: int) -> dict[int, bytes]:
    """Return the attributes between *start* and *end* by type; the last one of a type counts."""
    return {
        kind: bytes(buffer[begin:stop]) for kind, begin, stop in attributes(buffer, start, end)
    }


def string(buffer: Buffer, begin: int, end: int) -> str:
    """Return a string attribute's value without its closing NUL.

    Names and aliases are whatever bytes somebody chose, hence the surrogates.
    """
    return bytes(buffer[begin:end]).partition(b"\0")[0].decode("utf-8", "surrogateescape")
