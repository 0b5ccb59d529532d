"""Which labs there are: one directory each, on a file system that a reboot empties.

`/run/trunkline/labs/NAME/` holds `site.yaml` (the text that is up), `lab.json` (the rest of the
record) and `journal/` (the transactions); while a lab changes, `next.yaml` is the text that it is
brought to. The directory appears before the first namespace and goes after the last one, so that
a lab killed at any point is still known, with every name that it may have. Its lock is on the
directory itself: no file is left to clean up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline.errors import DeniedError, HostError, LockedError, UsageError

RUN_DIR = Path("/run/trunkline")
"""TRUNKLINE_RUN_DIR is another place for it."""

_HANDOVER = 0.5
"""Seconds: a program that a killed run was just starting holds its lock until it is started."""

# No dot: `a` and `a.b` would share the names of namespaces that begin with `a.`.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    start: int
    """Field 22 of /proc/PID/stat: clock ticks from boot to its start."""


@dataclass(frozen=True)
class Record:
    """What is on disk about a lab besides its site."""

    lab: str
    site: str
    file: str
    """Where the site file was when it came up."""
    server: Process | None = None
    """The process that answers for the Internet."""
    serves: tuple[str, ...] = ()
    """The addresses that it answers on."""


def check_name(name: str) -> str:
    """Return *name* if a lab can be called so."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"lab '{name}': not a lab's name",
            hint="letters, digits, - and _ only, at most 63, starting with a letter or digit",
        )
    return name


def labs_dir() -> Path:
    return Path(os.environ.get("TRUNKLINE_RUN_DIR") or RUN_DIR) / "labs"


def directory(name: str) -> Path:
    return labs_dir() / check_name(name)


def journal(name: str, part: str) -> Path:
    """Return where the transactions of *part* (the fabric or a host) are kept."""
    return directory(name) / "journal" / part


def known() -> list[str]:
    """Return the names of all labs that are up or were left half-up."""
    try:
        entries = list(labs_dir().iterdir())
    except FileNotFoundError:
        return []
    return sorted(e.name for e in entries if e.is_dir() and _NAME.fullmatch(e.name))


def exists(name: str) -> bool:
    return directory(name).is_dir()


@contextlib.contextmanager
def locked(name: str) -> Iterator[Path]:
    """Hold lab *name*, whose directory is made where it is missing; LockedError if it is held."""
    path = directory(name)
    handle = _acquire(path)
    try:
        yield path
    finally:
        os.close(handle)


def _acquire(path: Path) -> int:
    deadline = time.monotonic() + _HANDOVER
    while True:
        try:
            path.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # somebody removed it between the two calls
        except PermissionError as error:
            raise DeniedError(
                f"lab '{path.name}': no permission for {path}", hint="run as root"
            ) from error
        except OSError as error:
            raise _unwritten(path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            raise LockedError(
                f"lab '{path.name}': another run is working on it", hint="wait until it is done"
            ) from None
        if _same(handle, path):
            return handle
        os.close(handle)  # we locked a directory that its last holder had just removed


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def is_recorded(name: str) -> bool:
    """Return whether `up` of lab *name* came as far as its first namespace."""
    return (directory(name) / "lab.json").exists()


def write(record: Record, site: bytes) -> None:
    """Put *record* and the text of its site on disk, each at once or not at all."""
    # The site first: whoever finds a record finds a site.
    put(record.lab, "site.yaml", site)
    text = json.dumps(dataclasses.asdict(record), indent=2) + "\n"
    put(record.lab, "lab.json", text.encode())
    forget_next(record.lab)


def write_next(name: str, site: bytes) -> None:
    """Say what lab *name* is being brought to, before the first namespace of that is made."""
    put(name, "next.yaml", site)


def forget_next(name: str) -> None:
    (directory(name) / "next.yaml").unlink(missing_ok=True)


def put(name: str, file: str, content: bytes) -> None:
    """Write *file* of lab *name* at once or not at all."""
    path = directory(name) / file
    fresh = path.with_name(f".{file}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> HostError:
    name = path.relative_to(labs_dir()).parts[0]
    return HostError(
        f"lab '{name}': cannot write '{path}': {(error.strerror or str(error)).lower()}",
        hint="make room there, or set TRUNKLINE_RUN_DIR to another directory",
    )


def read(name: str) -> tuple[Record, bytes]:
    """Return the record and the site text of lab *name*."""
    path = directory(name) / "lab.json"
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise absent(name) from None
    except OSError as error:
        raise _damaged(name, path, error.strerror or str(error)) from error
    try:
        return _decode(name, json.loads(raw)), path.with_name("site.yaml").read_bytes()
    except KeyError as error:
        raise _damaged(name, path, f"{error} is missing") from error
    # What is no JSON at all, JSON that is no record, and a record without its site.
    except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise _damaged(name, path, str(error)) from error


def _damaged(name: str, path: Path, what: str) -> HostError:
    return HostError(
        f"lab '{name}': its record '{path}' is damaged: {what}",
        hint=f"remove the lab with `trunkline lab down {name}`",
    )


def _decode(name: str, raw: Any) -> Record:
    """Return the record; whatever raises is damage."""
    if raw["lab"] != name:
        raise ValueError(f"it is of lab {raw['lab']!r}")
    server = raw["server"]
    process = None if server is None else Process(int(server["pid"]), int(server["start"]))
    return Record(name, _text(raw["site"]), _text(raw["file"]), process, _texts(raw["serves"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(map(_text, values))


def site_text(name: str) -> bytes:
    """Return the site text of a lab whose record may be damaged; empty where there is none."""
    return _content(name, "site.yaml")


def next_text(name: str) -> bytes:
    """Return what lab *name* was being brought to by a run that did not end; empty if by none."""
    return _content(name, "next.yaml")


def _content(name: str, file: str) -> bytes:
    try:
        return (directory(name) / file).read_bytes()
    except OSError:  # none, or damage of another kind: what is marked is found without it
        return b""


def server_of(name: str) -> Process | None:
    """Return the server of a lab that may be half-up; the sweep finds it without a record too."""
    with contextlib.suppress(HostError):
        return read(name)[0].server
    return None


def absent(name: str) -> HostError:
    """Return the error that says that there is no lab *name*."""
    others = ", ".join(known())
    hint = f"up are: {others}" if others else "bring one up with `trunkline lab up SITE`"
    return HostError(f"lab '{name}': there is no such lab up", hint=hint)


def remove(name: str) -> None:
    """Forget lab *name*, and the directory of all labs with the last one."""
    shutil.rmtree(directory(name))
    for parent in (labs_dir(), labs_dir().parent):
        with contextlib.suppress(OSError):  # others are in it
            parent.rmdir()
