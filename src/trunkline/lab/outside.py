"""The world behind a lab's external networks, as one process in the namespace `outside`.

TCP 80 says hello in HTTP, TCP 7 echoes, UDP 53 gives every name the Internet's addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from trunkline.lab import dns

ECHO, DNS, HTTP = 7, 53, 80

_IPV6_FREEBIND = 78
"""include/uapi/linux/in6.h; not in the socket module."""

_NO_REQUEST = (ConnectionError, EOFError, TimeoutError, asyncio.LimitOverrunError)
"""How a connection ends that brings no HTTP request."""

_PAGE = "You have reached the outside of lab '{lab}' at {own}. You come from {peer}.\n"


class _Resolver(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: asyncio's own class is not a DatagramTransport before Python 3.13.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        reply = dns.answer(data)
        if reply is not None:
            self._transport.sendto(reply, addr)


async def serve(lab: str, addresses: Sequence[str], ready: int) -> None:
    """Answer on *addresses* until told to end; say so on the descriptor *ready* once listening."""
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    for address in addresses:
        await asyncio.start_server(_hello(lab), sock=_listening(address, HTTP))
        await asyncio.start_server(_echo, sock=_listening(address, ECHO))
        # One socket an address: an answer must come from the address that was asked.
        datagrams = _bound(address, DNS, socket.SOCK_DGRAM)
        await loop.create_datagram_endpoint(_Resolver, sock=datagrams)
    os.write(ready, b"ready\n")
    os.close(ready)
    await end.wait()


def _hello(lab: str) -> Callable[[StreamReader, StreamWriter], Awaitable[None]]:
    async def hello(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, EOFError, TimeoutError, asyncio.LimitOverrunError
        ):
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)
            own, peer = (writer.get_extra_info(end)[0] for end in ("sockname", "peername"))
            page = _PAGE.format(lab=lab, own=own, peer=peer).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(page) + page
            )
            await writer.drain()
        writer.close()

    return hello


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # An IPv6 address cannot be bound while the kernel still looks for duplicates of it.
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    made.bind((address, port))
    made.setblocking(False)
    return made


def _listening(address: str, port: int) -> socket.socket:
    made = _bound(address, port, socket.SOCK_STREAM)
    made.listen(128)
    return made


if __name__ == "__main__":
    # LAB READY-DESCRIPTOR ADDRESS...
    asyncio.run(serve(sys.argv[1], sys.argv[3:], int(sys.argv[2])))
