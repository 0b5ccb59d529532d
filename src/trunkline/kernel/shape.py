"""What devices that we make have in common, and the attributes that lead from old to new. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from trunkline.kernel import marks
from trunkline.kernel.netlink import link, uapi
from trunkline.state import Bridge, Ipv6, Tap, Veth, VlanDevice

IPV6_MINIMUM_MTU = 1280
"""A device below it has no IPv6 at all (addrconf_notify)."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Shape:
    """One device as it is or shall be; None where nobody said."""

    owner: str | None
    mac: str | None
    mtu: int | None
    up: bool
    ipv6: Ipv6 | None


NEW = Shape(None, None, None, False, None)
"""Before: a device that is being made."""


def of(row: Bridge | VlanDevice | Tap | None) -> Shape:
    return NEW if row is None else Shape(row.owner, row.mac, row.mtu, row.up, row.ipv6)


def ends_of(row: Veth | None) -> tuple[Shape, Shape]:
    if row is None:
        return NEW, NEW
    first, second = row.ends
    return (
        Shape(row.owner, first.mac, row.mtu, first.up, first.ipv6),
        Shape(row.owner, second.mac, row.mtu, second.up, second.ipv6),
    )


def born(shape: Shape) -> bytes:
    """Return what a device can be given in the request that makes it."""
    mac = link.mac(shape.mac) if shape.mac is not None else b""
    return mac + (link.mtu(shape.mtu) if shape.mtu is not None else b"")


def alias(old: Shape, new: Shape) -> list[bytes]:
    if old is not NEW and old.owner == new.owner:
        return []
    return [link.alias(marks.alias(new.owner))]


def hardware(old: Shape, new: Shape) -> list[bytes]:
    mac, mtu = changed(old.mac, new.mac), changed(old.mtu, new.mtu)
    parts = [] if mac is None else [link.mac(mac)]
    return parts if mtu is None else [*parts, link.mtu(mtu)]


def generation(old: Shape, new: Shape) -> list[bytes]:
    """Return how the device makes IPv6 addresses of its own; that must be settled before it is up.

    A device whose IPv6 is off keeps its mode, so coming back from there sets it too.
    """
    if old.ipv6 is new.ipv6 or new.ipv6 is Ipv6.OFF or is_narrow(new):
        return []
    quiet = new.ipv6 is Ipv6.NO_ADDRESS
    mode = uapi.IN6_ADDR_GEN_MODE_NONE if quiet else uapi.IN6_ADDR_GEN_MODE_EUI64
    return [link.address_generation(mode)]


def is_narrow(shape: Shape) -> bool:
    """Return whether the device is too narrow for IPv6, so that nothing of it can be set."""
    return shape.mtu is not None and shape.mtu < IPV6_MINIMUM_MTU


def changed(old: Value, new: Value) -> Value | None:
    """Return *new* where it differs from *old*; None is nothing to set."""
    return None if old == new else new
