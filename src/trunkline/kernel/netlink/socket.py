"""One netlink socket: dumps that are complete, batches whose errors are told apart.

Rules, each from something the kernel does:
- A dump that changed while it ran carries NLM_F_DUMP_INTR and is read again.
- The receive buffer has its full size from the first call: the kernel remembers the largest
  one and sizes its datagrams by it; a later smaller buffer would be cut short silently.
- A batch asks for no acknowledgements. Errors come back unasked, with the sequence number of
  the request, and a NOOP at the end that asks for one closes the batch.
- The kernel works through a batch inside send(2): a kill -9 falls between two sends, never into
  the middle of one, so requests that belong together go in one piece.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from trunkline.errors import DeniedError, HostError, KernelError
from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import HEADER, Message, attributes, string

BATCH = 128 << 10
"""Bytes of one send."""
RECEIVE = 256 << 10
BARRIER = 0xFFFFFFFF
"""The sequence number of the NOOP that closes a batch."""

_DUMP_TRIES = 20
_ENDINGS = frozenset((uapi.NLMSG_DONE, uapi.NLMSG_ERROR))
"""What closes a dump."""
_CLOSING = HEADER.pack(16, uapi.NLMSG_NOOP, uapi.NLM_F_REQUEST | uapi.NLM_F_ACK, BARRIER, 0)
_ERRNO = struct.Struct("=i")
_ANSWER_TIMEOUT = struct.pack("ll", 30, 0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the kernel answered to a request that it did not carry out."""

    seq: int
    errno: int
    text: str
    """The kernel's own words (extended ack), or empty."""


class NetlinkSocket:
    """A socket in the namespace that the calling thread is in when it is made."""

    def __init__(
        self,
        protocol: int = uapi.NETLINK_ROUTE,
        *,
        receive_room: int = 4 << 20,
        send_room: int = 1 << 20,
    ) -> None:
        try:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
            self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        except OSError as error:
            raise _no_socket(error) from error
        try:
            self._configure(receive_room, send_room)
        except OSError as error:
            self._socket.close()
            raise _no_socket(error) from error
        self._buffer = bytearray(RECEIVE)
        self._view = memoryview(self._buffer)

    def _configure(self, receive_room: int, send_room: int) -> None:
        set_option = self._socket.setsockopt
        self._room(uapi.SO_RCVBUFFORCE, socket.SO_RCVBUF, receive_room)
        self._room(uapi.SO_SNDBUFFORCE, socket.SO_SNDBUF, send_room)
        set_option(uapi.SOL_NETLINK, uapi.NETLINK_EXT_ACK, 1)
        set_option(uapi.SOL_NETLINK, uapi.NETLINK_CAP_ACK, 1)
        set_option(uapi.SOL_NETLINK, uapi.NETLINK_GET_STRICT_CHK, 1)
        # A request whose answer never comes is an error to show, not a program that hangs.
        set_option(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _ANSWER_TIMEOUT)
        self._socket.bind((0, 0))

    def _room(self, forced: int, plain: int, size: int) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, forced, size)
        except PermissionError:  # without CAP_NET_ADMIN reading still works, in less room
            self._socket.setsockopt(socket.SOL_SOCKET, plain, size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def dump(self, request: bytes) -> list[Message]:
        """Return every message that answers *request*, as one consistent list."""
        for _ in range(_DUMP_TRIES):
            try:
                answer = self._dump_once(request)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # ENOBUFS: some of it is lost, so all again
                    raise _no_answer(error) from error
                self._drain()
                continue
            if answer is not None:
                return answer
        raise KernelError("netlink dump", errno.EINTR, "it changes faster than it can be read")

    def _dump_once(self, request: bytes) -> list[Message] | None:
        """Return the answer, or None when it was interrupted by a change."""
        self._socket.send(request)
        seq = HEADER.unpack_from(request)[3]
        found: list[Message] = []
        keep = found.append
        seen = 0
        while True:
            datagram = self._receive()
            for kind, flags, answered, start, end in _messages(datagram):
                if answered != seq:  # a left-over of an earlier, interrupted exchange
                    continue
                seen |= flags
                if kind in _ENDINGS:
                    _raise_for(datagram, start, end, flags, kind)
                    return None if seen & uapi.NLM_F_DUMP_INTR else found
                keep((kind, datagram, start, end))

    def ask(self, requests: Sequence[bytes]) -> list[Message]:
        """Return the answers to *requests* that have one each; a refused request has none."""
        found: list[Message] = []
        for chunk in _chunks(requests, 16 << 10):
            self._socket.send(chunk + _CLOSING)
            for kind, _, seq, datagram, start, end in self._until_barrier():
                if kind != uapi.NLMSG_ERROR and seq != BARRIER:
                    found.append((kind, datagram, start, end))
        return found

    def batch(self, requests: Iterable[bytes]) -> list[Refusal]:
        """Send *requests*, each one or more messages that are never sent apart.

        Returns what was refused, in the order of the requests; the kernel goes on after a
        refusal. The number in a refusal is the `seq` that the message was built with.
        """
        refusals: list[Refusal] = []
        for chunk in _chunks(requests, BATCH):
            refusals += self._send_chunk(chunk)
        return refusals

    def _send_chunk(self, chunk: bytes) -> list[Refusal]:
        try:
            self._socket.send(chunk + _CLOSING)
            return [
                refusal
                for kind, flags, seq, datagram, start, end in self._until_barrier()
                if kind == uapi.NLMSG_ERROR
                and (refusal := _refusal(datagram, start, end, flags, seq)) is not None
            ]
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise _no_answer(error) from error
            # Only refusals can overflow the buffer, so something was refused for certain.
            return [*self._drain(), Refusal(BARRIER, errno.ENOBUFS, "too many errors at once")]

    def _until_barrier(self) -> Iterator[tuple[int, int, int, bytes, int, int]]:
        while True:
            datagram = self._receive()
            for kind, flags, seq, start, end in _messages(datagram):
                yield kind, flags, seq, datagram, start, end
                if seq == BARRIER:
                    return

    def _drain(self) -> list[Refusal]:
        """Take what is queued, without waiting: the kernel answers before send(2) returns."""
        refusals: list[Refusal] = []
        while True:
            try:
                size = self._socket.recv_into(self._buffer, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return refusals
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise _no_answer(error) from error
                continue
            datagram = bytes(self._view[:size])
            for kind, flags, seq, start, end in _messages(datagram):
                if kind == uapi.NLMSG_ERROR:
                    refusal = _refusal(datagram, start, end, flags, seq)
                    refusals += [] if refusal is None else [refusal]

    def _receive(self) -> bytes:
        # With MSG_TRUNC the result is the real size, also where the buffer was too small.
        size = self._socket.recv_into(self._buffer, 0, socket.MSG_TRUNC)
        if size > RECEIVE:
            raise KernelError("netlink", errno.EMSGSIZE, f"an answer of {size} bytes was cut")
        return bytes(self._view[:size])


def _chunks(requests: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Join *requests* up to *limit* bytes; one request is never split."""
    part: list[bytes] = []
    size = 0
    for request in requests:
        if part and size + len(request) > limit:
            yield b"".join(part)
            part, size = [], 0
        part.append(request)
        size += len(request)
    if part:
        yield b"".join(part)


def _messages(datagram: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (type, flags, seq, begin of the body, end) of every message in a datagram."""
    unpack = HEADER.unpack_from
    offset, size = 0, len(datagram)
    while offset + 16 <= size:
        length, kind, flags, seq, _ = unpack(datagram, offset)
        if length < 16 or offset + length > size:
            return
        yield kind, flags, seq, offset + 16, offset + length
        offset += (length + 3) & ~3


def _refusal(datagram: bytes, start: int, end: int, flags: int, seq: int) -> Refusal | None:
    number = -_ERRNO.unpack_from(datagram, start)[0]
    if number == 0:
        return None
    return Refusal(seq, number, _said(datagram, start, end, flags))


def _said(datagram: bytes, start: int, end: int, flags: int) -> str:
    """Return the extended ack's sentence of an ERROR; it stands behind the echoed request."""
    echoed = 16
    if not flags & uapi.NLM_F_CAPPED:
        echoed = HEADER.unpack_from(datagram, start + 4)[0]
    return _sentence(datagram, start + 4 + ((echoed + 3) & ~3), end, flags)


def _sentence(datagram: bytes, start: int, end: int, flags: int) -> str:
    if flags & uapi.NLM_F_ACK_TLVS:
        for kind, begin, stop in attributes(datagram, start, end):
            if kind == uapi.NLMSGERR_ATTR_MSG:
                return string(datagram, begin, stop)
    return ""


def _raise_for(datagram: bytes, start: int, end: int, flags: int, kind: int) -> None:
    """Raise for the number that a DONE or an ERROR carries, if it is one."""
    number = -_ERRNO.unpack_from(datagram, start)[0] if end - start >= 4 else 0
    if number <= 0:
        return
    if kind == uapi.NLMSG_DONE:  # nothing is echoed there
        said = _sentence(datagram, start + 4, end, flags)
    else:
        said = _said(datagram, start, end, flags)
    raise KernelError("netlink dump", number, said or os.strerror(number))


def _no_socket(error: OSError) -> HostError:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HostError("netlink: too many open files", hint="raise `ulimit -n`")
    if error.errno in (errno.EPERM, errno.EACCES):
        return DeniedError("netlink: no permission", hint="run as root")
    return HostError(f"netlink: {error.strerror}")


def _no_answer(error: OSError) -> KernelError:
    waited = error.errno == errno.EAGAIN
    text = "no answer within 30 s" if waited else error.strerror or str(error)
    return KernelError("netlink", error.errno or 0, text)
