"""This host: its kernel, its name, and what Trunkline remembers here between two runs.

Below `/var/lib/trunkline` (TRUNKLINE_STATE_DIR) lie the sites that were applied, one file each,
and the journal of the transaction that is under way.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
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
    keep(prepare(site))


def prepare(site: AppliedSite) -> Path:
    """Put the record of *site* on the disk without making it count, for `keep` or `drop`.

    Once a host has been changed it is too late to find out that the disk is full.
    """
    fresh = _path(site.site).with_suffix(".new")
    with _explained(fresh):
        fresh.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(site), file)
            file.flush()
            os.fsync(file.fileno())
    return fresh


def keep(prepared: Path) -> None:
    with _explained(prepared):
        prepared.replace(prepared.with_suffix(".json"))


def drop(prepared: Path) -> None:
    with _explained(prepared):
        prepared.unlink(missing_ok=True)


def forget(site: str) -> None:
    path = _path(site)
    with _explained(path):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise what the file system refuses as an error of this machine."""
    try:
        yield
    except PermissionError as error:
        raise DeniedError(f"the record '{path}' may not be written", hint="run as root") from error
    except OSError as error:
        raise HostError(
            f"the record '{path}' of an applied site cannot be written: {error.strerror}",
            hint="make room there, or set TRUNKLINE_STATE_DIR to another directory",
        ) from error


def _sites() -> Path:
    return state_dir() / "sites"


def _path(site: str) -> Path:
    return _sites() / f"{site}.json"


def _read(path: Path) -> AppliedSite:
    try:
        record = AppliedSite(**json.loads(path.read_text(encoding="utf-8")))
        if not all(isinstance(value, str) for value in asdict(record).values()):
            raise ValueError("a field is not text")
        return record
    except (OSError, ValueError, TypeError, RecursionError) as error:
        hint = "apply the site again, which writes it anew, or remove the file"
        raise HostError(f"the record '{path}' is not readable: {error}", hint=hint) from error
