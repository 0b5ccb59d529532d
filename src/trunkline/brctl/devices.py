"""What brctl shows and sets, and the door through which it does both."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Ticks = int
"""Hundredths of a second: the kernel's clock_t towards user space."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge's own part in the spanning tree."""

    identity: str
    """Priority and MAC, as `8000.020000000001`."""
    root: str
    """The identity of the bridge at the root of the tree."""
    root_port: int
    root_path_cost: int
    stp: bool
    topology_change: bool
    topology_change_detected: bool
    max_age: Ticks
    hello_time: Ticks
    forward_delay: Ticks
    ageing_time: Ticks
    hello_timer: Ticks
    tcn_timer: Ticks
    topology_change_timer: Ticks
    gc_timer: Ticks


@dataclass(frozen=True, slots=True)
class Port:
    """What a bridge knows of one of its ports."""

    number: int
    identity: int
    """Priority and number in one."""
    state: int
    path_cost: int
    root: str
    bridge: str
    """The designated bridge of the segment at this port."""
    designated_port: int
    designated_cost: int
    hairpin: bool
    change_acknowledged: bool
    config_pending: bool
    message_age_timer: Ticks
    forward_delay_timer: Ticks
    hold_timer: Ticks


@dataclass(frozen=True, slots=True)
class Device:
    index: int
    name: str
    up: bool
    master: int
    """The ifindex of what it is in; 0 where that is nothing."""
    bridge: Bridge | None = None
    port: Port | None = None


@dataclass(frozen=True, slots=True)
class Forwarding:
    """One MAC that a bridge knows."""

    port: int
    """The ifindex."""
    mac: str
    local: bool
    age: Ticks


class BridgeSetting(enum.Enum):
    AGEING_TIME = enum.auto()
    PRIORITY = enum.auto()
    FORWARD_DELAY = enum.auto()
    HELLO_TIME = enum.auto()
    MAX_AGE = enum.auto()
    STP = enum.auto()


class PortSetting(enum.Enum):
    PATH_COST = enum.auto()
    PRIORITY = enum.auto()
    HAIRPIN = enum.auto()


class Control(Protocol):
    """The bridges of one namespace. What the kernel refuses is a KernelError with its errno."""

    def devices(self) -> Sequence[Device]: ...

    def find(self, name: str) -> Device | None:
        """Return the device that has *name*, also as an alternative name."""
        ...

    def forwarding(self, bridge: Device) -> Sequence[Forwarding]:
        """Return what frames to each MAC would be forwarded by, in the kernel's order."""
        ...

    def permit(self) -> None:
        """Raise EPERM where this process may not change devices; change nothing."""
        ...

    def add_bridge(self, name: str) -> None: ...

    def delete(self, bridge: Device) -> None: ...

    def set_master(self, port: Device, bridge: Device | None) -> None: ...

    def set_bridge(self, bridge: Device, setting: BridgeSetting, value: int) -> None: ...

    def set_port(self, port: Device, setting: PortSetting, value: int) -> None: ...

    def meaning(self, number: int) -> str:
        """Return the C library's words for an errno."""
        ...
