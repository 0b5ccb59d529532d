"""Persistent taps, made in the namespace of the calling thread; netlink cannot make them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable

from trunkline.errors import HostError, KernelError

_DEVICE = "/dev/net/tun"

# linux/if_tun.h
_TUNSETIFF = 0x400454CA
_TUNSETPERSIST = 0x400454CB
_TUNSETIFINDEX = 0x400454DA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFF_TUN_EXCL = 0x8000

_IFREQ = struct.Struct("=16sH22x")


def create(name: str, index: int, mark: Callable[[], None]) -> None:
    """Make the tap *name*; *mark* is called while it would still vanish with this process."""
    try:
        opened = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            f"tap '{name}': {_DEVICE} cannot be opened: {error.strerror}",
            hint="the kernel needs CONFIG_TUN: modprobe tun",
        ) from error
    try:
        flags = _IFF_TAP | _IFF_NO_PI | _IFF_TUN_EXCL
        fcntl.ioctl(opened, _TUNSETIFINDEX, struct.pack("=i", index))
        fcntl.ioctl(opened, _TUNSETIFF, _IFREQ.pack(name.encode(), flags))
        mark()
        fcntl.ioctl(opened, _TUNSETPERSIST, 1)
    except OSError as error:
        taken = error.errno in (errno.EBUSY, errno.EEXIST)
        text = "the name is taken" if taken else error.strerror or str(error)
        raise KernelError(f"ip tuntap add {name} mode tap", error.errno or 0, text) from error
    finally:
        os.close(opened)
