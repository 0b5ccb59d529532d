"""Sockets opened in the seats' namespaces, bound to the seats' devices, closed together.

A socket belongs to the namespace that its thread was in when it was made, for ever: so the
prober enters each namespace for a moment only, and one thread serves all of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import resource
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from trunkline.errors import DeniedError, HostError
from trunkline.kernel import namespaces
from trunkline.probe import Seat

_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_RECEIVE_ROOM = 1 << 20
"""Bytes: the answers of some thousand probes may come before the first is read."""
_SPARE_DESCRIPTORS = 4096
_CLOSERS = 32


class Sockets:
    """Opens sockets and closes all of them when it is left."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        # The usual soft limit of 1024 open files is too small for some hundred seats.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = soft + _SPARE_DESCRIPTORS
        wanted = room if hard == resource.RLIM_INFINITY else min(hard, room)
        if soft < min(wanted, _SPARE_DESCRIPTORS):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return self

    def __exit__(self, *_: object) -> None:
        # Closing a packet socket waits for an RCU grace period (packet_release, 10-30 ms); those
        # who wait at the same time wait for the same one.
        with ThreadPoolExecutor(_CLOSERS) as pool:
            list(pool.map(socket.socket.close, self._sockets))

    def packet(self, seat: Seat, ethertype: int) -> socket.socket:
        """Return an AF_PACKET socket for one EtherType at the seat's device."""
        with self._opening(seat):
            # Protocol 0 first: nothing from other devices gets in before bind names ours.
            opened = self._new(socket.AF_PACKET, socket.SOCK_RAW, 0)
            opened.bind((seat.device, ethertype))
        return opened

    def filter_half_word(self, opened: socket.socket, offset: int, value: int) -> None:
        """Keep only the frames that have the 16-bit *value* at *offset*."""
        program = (
            struct.pack("=HBBI", 0x28, 0, 0, offset)  # ldh [offset]
            + struct.pack("=HBBI", 0x15, 0, 1, value)  # jeq #value, next, the one after
            + struct.pack("=HBBI", 0x06, 0, 0, 0xFFFF)  # ret #65535
            + struct.pack("=HBBI", 0x06, 0, 0, 0)  # ret #0
        )
        buffer = ctypes.create_string_buffer(program, len(program))
        request = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
        opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, request)

    def internet(self, seat: Seat, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Return an AF_INET or AF_INET6 socket that uses the seat's device alone."""
        with self._opening(seat):
            opened = self._new(family, kind, protocol)
            device = seat.device.encode() + b"\0"
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        return opened

    def index(self, seat: Seat) -> int:
        """Return the ifindex of the seat's device."""
        with self._opening(seat):
            return socket.if_nametoindex(seat.device)

    def _new(self, family: int, kind: int, protocol: int) -> socket.socket:
        opened = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        self._sockets.append(opened)
        with contextlib.suppress(PermissionError):  # then the default room has to do
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_ROOM)
        return opened

    @contextlib.contextmanager
    def _opening(self, seat: Seat) -> Iterator[None]:
        try:
            with namespaces.entered(seat.namespace or None):
                yield
        except OSError as error:
            raise _explained(seat, error) from error


def _explained(seat: Seat, error: OSError) -> HostError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return DeniedError(f"seat '{seat.name}': no permission to send probes", hint="run as root")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HostError(f"seat '{seat.name}': too many open files", hint="raise `ulimit -n`")
    where = f"device '{seat.device}' in '{seat.namespace or 'the own namespace'}'"
    return HostError(f"seat '{seat.name}': {where}: {error.strerror or error}")
