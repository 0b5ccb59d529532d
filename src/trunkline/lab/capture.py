"""Frames as they pass a NIC of a lab's host, with the tags that they have on the wire."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from trunkline.kernel import namespaces
from trunkline.kernel.packets.ethernet import Frame, Tag

_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_AUXDATA = 8
_AUXDATA = struct.Struct("=IIIHHHH")
"""struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid."""
_STATUS_VLAN_VALID = 1 << 4
_LONGEST = 65536
_ROOM = 4 << 20


@dataclass(frozen=True)
class Captured:
    frame: Frame
    outgoing: bool
    """Whether the host sent it."""

    @property
    def vlan(self) -> int:
        """Return the outermost VLAN; 0 is no tag."""
        return self.frame.tags[0].vlan if self.frame.tags else 0


class Capture:
    """Listens on a device of a namespace from `with` on."""

    def __init__(self, namespace: Path, device: str) -> None:
        self._namespace = namespace
        self._device = device

    def __enter__(self) -> Self:
        with namespaces.entered(self._namespace):
            # Protocol 0 first: nothing of other devices gets in before bind names ours.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            # The kernel takes a tag off the frame and keeps it beside; this brings it along.
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
            self._socket.bind((self._device, _ETH_P_ALL))
        self._socket.setblocking(False)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def frames(self, settle: float = 0.0) -> list[Captured]:
        """Return what passed since the last call; wait *settle* seconds for what is under way."""
        time.sleep(settle)
        return list(self._waiting())

    def _waiting(self) -> Iterator[Captured]:
        size = socket.CMSG_SPACE(_AUXDATA.size)
        while True:
            try:
                data, notes, _, address = self._socket.recvmsg(_LONGEST, size)
            except BlockingIOError:
                return
            frame = Frame.decode(data)
            if frame is not None:
                yield Captured(_with_tag(frame, notes), address[2] == socket.PACKET_OUTGOING)


def _with_tag(frame: Frame, notes: list[tuple[int, int, bytes]]) -> Frame:
    """Return *frame* with the tag that the kernel keeps beside it, if there is one."""
    for level, kind, data in notes:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(data) >= _AUXDATA.size:
            status, _, _, _, _, control, protocol = _AUXDATA.unpack_from(data)
            if status & _STATUS_VLAN_VALID:
                return replace(frame, tags=(Tag.from_control(control, protocol), *frame.tags))
    return frame
