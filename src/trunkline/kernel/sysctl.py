"""Kernel parameters below /proc/sys, in the network namespace of the calling thread.

/proc/sys/net shows each thread the values of its own namespace, so call this inside
`namespaces.entered`. Names have slashes: a dot may be part of a device's name.
"""

from __future__ import annotations

import errno
from pathlib import Path

from trunkline.errors import DeniedError, HostError, KernelError

_ROOT = Path("/proc/sys")


def read(name: str) -> str:
    """Return the value of *name*; the tabs between several numbers become spaces."""
    try:
        return " ".join(_path(name).read_text(encoding="ascii").split())
    except OSError as error:
        raise _explained(f"sysctl -n {name}", name, error) from error


def write(name: str, value: str) -> None:
    try:
        _path(name).write_text(value + "\n", encoding="ascii")
    except OSError as error:
        raise _explained(f"sysctl -w {name}={value}", name, error) from error


def exists(name: str) -> bool:
    return _path(name).is_file()


def _path(name: str) -> Path:
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise HostError(
            f"sysctl '{name}' is not a name below /proc/sys", hint="like net/ipv4/ip_forward"
        )
    return _ROOT.joinpath(*parts)


def _explained(subject: str, name: str, error: OSError) -> HostError | KernelError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return HostError(
            f"sysctl '{name}' does not exist here",
            hint="the device is missing, or the kernel was built without this feature",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return DeniedError(f"sysctl '{name}' may not be accessed", hint="run as root")
    return KernelError(subject, error.errno or 0, error.strerror or str(error))
