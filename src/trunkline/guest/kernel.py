"""Which guest kernel to boot: the one named, the one built here, or Debian's."""

from __future__ import annotations

import enum
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trunkline.errors import HostError

VARIABLE = "TRUNKLINE_GUEST_KERNEL"
CONFIG = Path(__file__).with_name("uml.config")
DEBIAN_KERNEL = Path("/usr/bin/linux.uml")
DEBIAN_MODULES = Path("/usr/lib/uml/modules")

DEBIAN_LACKS = frozenset({"nft"})
"""Capabilities that Debian's user-mode-linux is built without (CONFIG_NF_TABLES_INET)."""


class Origin(enum.Enum):
    NAMED = f"${VARIABLE}"
    BUILT = "make guest-kernel"
    DEBIAN = "Debian's user-mode-linux"


@dataclass(frozen=True)
class GuestKernel:
    path: Path
    origin: Origin
    modules: Path | None = None
    """Its modules, a directory as below /lib/modules; None where everything is built in."""

    @property
    def lacks(self) -> frozenset[str]:
        """Return the capabilities that this kernel is known not to have."""
        return DEBIAN_LACKS if self.origin is Origin.DEBIAN else frozenset()


def cached(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the kernel of our configuration is kept: by the configuration's hash."""
    home = Path(environ.get("HOME") or "/root")
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    mark = hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:16]
    return cache / "trunkline" / "guest-kernel" / mark / "linux"


def find(environ: Mapping[str, str] = os.environ, debian: Path = DEBIAN_KERNEL) -> GuestKernel:
    """Return the guest kernel to use; HostError when there is none or the named one is unfit."""
    named = environ.get(VARIABLE)
    if named:
        return _named(Path(named), debian)
    if os.access(cached(environ), os.X_OK):
        return GuestKernel(cached(environ), Origin.BUILT)
    if os.access(debian, os.X_OK):
        return _debian(debian)
    raise HostError(
        "there is no guest kernel on this machine",
        hint=f"`apt-get install user-mode-linux`, or `make guest-kernel`, or set ${VARIABLE}",
    )


def _named(path: Path, debian: Path) -> GuestKernel:
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise HostError(
            f"${VARIABLE}: '{path}' is not an executable file",
            hint="name a User-Mode Linux binary, or unset the variable",
        )
    if path.resolve() == debian.resolve():
        return _debian(debian)
    return GuestKernel(path.resolve(), Origin.NAMED)


def _debian(path: Path) -> GuestKernel:
    """Return Debian's kernel with its modules; without them it cannot even mount an overlay."""
    versions = sorted(p.parent for p in DEBIAN_MODULES.glob("*/modules.dep"))
    if not versions:
        raise HostError(
            f"'{DEBIAN_MODULES}' holds no modules for '{path}'",
            hint="`apt-get install --reinstall user-mode-linux`",
        )
    if shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
        raise HostError("the program 'modprobe' is missing", hint="`apt-get install kmod`")
    return GuestKernel(path, Origin.DEBIAN, versions[-1])
