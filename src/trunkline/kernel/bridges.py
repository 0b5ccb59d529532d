"""The bridges of a namespace with what their MACs come from, which rows do not hold.

Netlink tells the MAC, the bridge id and the ports, but not how the MAC was assigned: that is in
sysfs alone. A mount of sysfs shows the devices of the network namespace in which it was made, so
/sys is the wrong one wherever a thread has moved. We make one that nobody else sees.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from trunkline.bridge_explanation import Bridge
from trunkline.bridge_identity import Assigned, BridgeIdentity
from trunkline.errors import DeniedError, HostError
from trunkline.kernel import marks
from trunkline.kernel.netlink import address, link, links, uapi
from trunkline.kernel.netlink.links import Link
from trunkline.kernel.netlink.socket import NetlinkSocket

_BRIDGE_ID = struct.Struct("!H6s")
"""struct ifla_bridge_id."""

# include/uapi/linux/mount.h; new system calls have one number on all architectures but alpha.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC = 1
_CMD_CREATE = 6
_RDONLY_NOSUID_NODEV_NOEXEC = 1 | 2 | 4 | 8

_libc = ctypes.CDLL(None, use_errno=True)

_Value = TypeVar("_Value")


def read() -> dict[str, Bridge]:
    """Return the bridges in the namespace of the calling thread, by name."""
    with NetlinkSocket() as socket:
        found = links.parse(socket.dump(link.dump()))
        held = address.parse(socket.dump(address.dump()))
        # Not link-local ones, which the kernel makes of whatever MAC there is.
        addresses = _by_device(
            (each.index, each.address) for each in held if not each.address.startswith("fe80:")
        )
    ports = _by_device((each.master, each) for each in found)
    bridges = [each for each in found if each.kind == "bridge"]
    with contextlib.ExitStack() as stack:
        sysfs = stack.enter_context(_sysfs()) if bridges else -1
        return {
            each.name: Bridge(
                each.name,
                _identity(each, ports[each.index], assigned),
                marks.owner(each.alias),
                tuple(addresses[each.index]),
            )
            for each in bridges
            if (assigned := _assigned(sysfs, each.name)) is not None
        }


def _by_device(pairs: Iterable[tuple[int, _Value]]) -> Mapping[int, list[_Value]]:
    found: dict[int, list[_Value]] = defaultdict(list)
    for index, value in pairs:
        found[index].append(value)
    return found


def _identity(bridge: Link, ports: Iterable[Link], assigned: Assigned) -> BridgeIdentity:
    priority, mac = _BRIDGE_ID.unpack(bridge.info()[uapi.IFLA_BR_BRIDGE_ID])
    return BridgeIdentity(
        bridge.mac or "",
        mac.hex(":"),
        assigned,
        {port.name: port.mac or "" for port in ports},
        priority,
    )


def _assigned(sysfs: int, name: str) -> Assigned | None:
    """Return how the MAC of a device was assigned; None where the device is gone."""
    try:
        file = os.open(f"class/net/{name}/addr_assign_type", os.O_RDONLY, dir_fd=sysfs)
    except FileNotFoundError:
        return None
    with open(file, encoding="ascii") as opened:
        return Assigned(int(opened.read()))


@contextlib.contextmanager
def _sysfs() -> Iterator[int]:
    """Mount sysfs of this thread's network namespace nowhere; yields a descriptor of its root."""
    context = _call("fsopen", _FSOPEN, b"sysfs", _CLOEXEC)
    try:
        _call("fsconfig", _FSCONFIG, context, _CMD_CREATE, None, None, 0)
        root = _call("fsmount", _FSMOUNT, context, _CLOEXEC, _RDONLY_NOSUID_NODEV_NOEXEC)
    finally:
        os.close(context)
    try:
        yield root
    finally:
        os.close(root)


def _call(name: str, number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result >= 0:
        return result
    code = ctypes.get_errno()
    if code == errno.EPERM:
        raise DeniedError(f"mount sysfs ({name}): no permission", hint="run as root")
    raise HostError(f"mount sysfs ({name}): {os.strerror(code)}")
