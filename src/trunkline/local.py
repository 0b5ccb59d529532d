"""This host: its kernel, its name, and what Trunkline remembers here between two runs.

Below `/var/lib/trunkline` (TRUNKLINE_STATE_DIR) lie the sites that were applied, one file each,
and the journal of the transaction that is under way.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from trunkline.errors import DeniedError, HostError
from trunkline.kernel import Kernel

DEFAULT_STATE_DIR = Path("/var/lib/trunkline")


@dataclass(frozen=True)
class AppliedSite:
    """A site that this host was made to agree with, or was on the way to when a run ended."""

    site: str
    host: str
    """The name that this machine has in the site."""
    file: str
    """Where the site file lay; it may have changed or gone since."""
    source: str
    """Its text as it was applied."""


def state_dir() -> Path:
    return Path(os.environ.get("TRUNKLINE_STATE_DIR") or DEFAULT_STATE_DIR)


def journal_dir() -> Path:
    return state_dir() / "journal"


def hostname() -> str:
    return socket.gethostname()


def kernel() -> Kernel:
    """Return the kernel of the namespace that this process runs in."""
    from trunkline.kernel.linux import LinuxKernel

    return LinuxKernel()


def need_root(action: str) -> None:
    """Raise DeniedError unless this process may read and change namespaces and devices."""
    if os.geteuid() != 0:
        raise DeniedError(f"{action} needs root", hint="run the same command with sudo")


def applied() -> tuple[AppliedSite, ...]:
    """Return what this host was made to agree with, by name of the site."""
    return tuple(_read(path) for path in sorted(_sites().glob("*.json")))


def remember(site: AppliedSite) -> None:
    """Keep *site* as applied; a crash leaves the old record or the new one, never half of it."""
    target = _path(site.site)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(site), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def forget(site: str) -> None:
    _path(site).unlink(missing_ok=True)


def _sites() -> Path:
    return state_dir() / "sites"


def _path(site: str) -> Path:
    return _sites() / f"{site}.json"


def _read(path: Path) -> AppliedSite:
    try:
        return AppliedSite(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        hint = "apply the site again, which writes it anew, or remove the file"
        raise HostError(f"the record '{path}' is not readable: {error}", hint=hint) from error
