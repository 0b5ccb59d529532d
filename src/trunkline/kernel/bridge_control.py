"""Bridges one request at a time, whoever made them: what brctl needs of the kernel.

All of it is netlink. brctl itself reads and writes sysfs, which shows the namespace of whoever
mounted it and not the one that the process is in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Self

from trunkline.brctl.devices import BridgeSetting, Device, Forwarding, PortSetting
from trunkline.errors import KernelError
from trunkline.kernel.netlink import bridge as wire
from trunkline.kernel.netlink import link
from trunkline.kernel.netlink.message import u8, u16, u32
from trunkline.kernel.netlink.socket import NetlinkSocket

_LOOPBACK = 1
"""The ifindex of `lo` in every namespace."""
_SEQ = 1

_Pack = Callable[[int], bytes]
_BRIDGE: dict[BridgeSetting, _Pack] = {
    BridgeSetting.AGEING_TIME: lambda value: u32(wire.AGEING_TIME, value),
    BridgeSetting.PRIORITY: lambda value: u16(wire.PRIORITY, value),
    BridgeSetting.FORWARD_DELAY: lambda value: u32(wire.FORWARD_DELAY, value),
    BridgeSetting.HELLO_TIME: lambda value: u32(wire.HELLO_TIME, value),
    BridgeSetting.MAX_AGE: lambda value: u32(wire.MAX_AGE, value),
    BridgeSetting.STP: lambda value: u32(wire.STP_STATE, value),
}
_PORT: dict[PortSetting, _Pack] = {
    PortSetting.PATH_COST: lambda value: u32(wire.PORT_COST, value & 0xFFFFFFFF),
    # What has no place in 16 bits is too large all the same: the kernel takes 63 at most.
    PortSetting.PRIORITY: lambda value: u16(wire.PORT_PRIORITY, min(value & 0xFFFFFFFF, 0xFFFF)),
    PortSetting.HAIRPIN: lambda value: u8(wire.PORT_MODE, value),
}


class BridgeControl:
    """The bridges of the namespace that the calling thread is in when this is made."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def devices(self) -> Sequence[Device]:
        return list(wire.parse(self._socket.dump(link.dump())))

    def find(self, name: str) -> Device | None:
        return next(wire.parse(self._socket.ask([wire.named(_SEQ, name)])), None)

    def forwarding(self, bridge: Device) -> Sequence[Forwarding]:
        answer = self._socket.dump(wire.dump_forwarding(bridge.index))
        return list(wire.parse_forwarding(answer, bridge.index))

    def permit(self) -> None:
        # The kernel looks at the permission first, and a request without attributes sets nothing.
        self._send(link.change(_SEQ, _LOOPBACK))

    def add_bridge(self, name: str) -> None:
        self._send(wire.create(_SEQ, name))

    def delete(self, bridge: Device) -> None:
        self._send(link.delete(_SEQ, bridge.index))

    def set_master(self, port: Device, bridge: Device | None) -> None:
        index = 0 if bridge is None else bridge.index
        self._send(link.change(_SEQ, port.index, link.master(index)))

    def set_bridge(self, bridge: Device, setting: BridgeSetting, value: int) -> None:
        self._send(link.change_kind(_SEQ, bridge.index, "bridge", _BRIDGE[setting](value)))

    def set_port(self, port: Device, setting: PortSetting, value: int) -> None:
        self._send(link.set_port(_SEQ, port.index, _PORT[setting](value)))

    def meaning(self, number: int) -> str:
        return os.strerror(number)

    def _send(self, request: bytes) -> None:
        for refusal in self._socket.batch([request]):
            raise KernelError("netlink", refusal.errno, os.strerror(refusal.errno))
