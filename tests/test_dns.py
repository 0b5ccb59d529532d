"""The lab's DNS: every name is the Internet."""

from __future__ import annotations

import struct

import pytest

from trunkline.lab import dns

V4, V6 = dns.INTERNET_V4.packed, dns.INTERNET_V6.packed


def query(name: str, kind: int, flags: int = 0x0100, family: int = 1) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    header = struct.pack("!6H", 0x1234, flags, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack("!2H", kind, family)


@pytest.mark.parametrize(("kind", "data"), [(dns.A, V4), (dns.AAAA, V6)])
def test_every_name_has_the_internets_address(kind: int, data: bytes) -> None:
    reply = dns.answer(query("www.example.org", kind))

    assert reply is not None
    assert reply[:2] == b"\x12\x34"
    assert struct.unpack("!3H", reply[6:12]) == (1, 0, 0)
    assert reply.endswith(struct.pack("!3HLH", 0xC00C, kind, 1, 60, len(data)) + data)


def test_other_types_have_no_record_and_no_error() -> None:
    reply = dns.answer(query("example.org", 15))

    assert reply is not None
    assert struct.unpack("!2H", reply[2:4] + reply[6:8]) == (0x8580, 0)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 11,
        query("example.org", dns.A)[:-1],
        query("example.org", dns.A)[:14],
        query("example.org", dns.A, flags=0x8180),  # a response
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\x01\0\x01",  # a compressed question
    ],
)
def test_what_is_no_query_gets_no_answer(message: bytes) -> None:
    assert dns.answer(message) is None
