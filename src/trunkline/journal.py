"""What a transaction writes down before it touches the kernel, and the lock that it holds.

`journal.jsonl` has a line for each record: `begin` with every operation, a `step` for each stage,
`end` with the outcome; then it becomes `last.jsonl`. A record is on the disk when its method
returns. A journal without an end belongs to a run that died, and the next run undoes it. A line
that is cut off was not written: nothing was done on the strength of it.

What a kernel holds goes with it. So a journal says in which boot it was written, and one of an
earlier boot is set aside: to undo it now would bring back what the reboot has taken away.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from trunkline import codec
from trunkline.errors import DeniedError, HostError, LockedError
from trunkline.operation import Operation
from trunkline.state import Row, Sysctl

VERSION = 2

JOURNAL = "journal.jsonl"
LAST = "last.jsonl"
LOCK = "lock"
ASIDE = "before-reboot.jsonl"
"""The last journal of an earlier boot, to be looked at."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Made up anew by each boot (proc(5))."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Transaction:
    """What a journal's begin record says."""

    site: str
    command: str
    """What was asked for, as the person typed it."""
    operations: tuple[Operation, ...]
    lost: tuple[Sysctl, ...] = ()
    """Parameters that go with a namespace or device that the operations remove."""


class Journal:
    """The open journal of a transaction; see `begin`."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def step(self, name: str) -> None:
        self._write({"record": "step", "step": name})

    def end(self, outcome: str) -> None:
        """Write the outcome; from here on nobody undoes this transaction."""
        self._write({"record": "end", "outcome": outcome})
        with _explained(self._directory):
            os.replace(self._directory / JOURNAL, self._directory / LAST)
            _sync_directory(self._directory)

    def _write(self, record: Mapping[str, object]) -> None:
        line = json.dumps({**record, "time": self._clock()})
        with (
            _explained(self._directory),
            (self._directory / JOURNAL).open("a", encoding="utf-8") as file,
        ):
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def begin(directory: Path, transaction: Transaction, clock: Clock = time.time) -> Journal:
    """Start a journal; after this a crash at any point is undone by the next run."""
    with _explained(directory):
        (directory / JOURNAL).unlink(missing_ok=True)  # a first line that was cut off
    journal = Journal(directory, clock)
    journal._write(
        {
            "record": "begin",
            "version": VERSION,
            "boot": boot_id(),
            "pid": os.getpid(),
            "site": transaction.site,
            "command": transaction.command,
            "operations": [codec.encode_operation(each) for each in transaction.operations],
            "lost": [codec.encode(row) for row in transaction.lost],
        }
    )
    _sync_directory(directory)
    return journal


def unfinished(directory: Path, clock: Clock = time.time) -> tuple[Transaction, Journal] | None:
    """Return the transaction that a dead run of this boot left, and its journal to go on with."""
    records = _records(directory / JOURNAL)
    if not _is_open(records) or _is_of_another_boot(records[0]):
        return None
    return _transaction(directory / JOURNAL, records[0]), Journal(directory, clock)


def outlived(directory: Path) -> bool:
    """Say whether there is an open journal of an earlier boot; `set_aside` takes it away."""
    records = _records(directory / JOURNAL)
    return _is_open(records) and _is_of_another_boot(records[0])


def set_aside(directory: Path) -> Path:
    """Move the journal to where nobody undoes it, and return its new path."""
    with _explained(directory):
        os.replace(directory / JOURNAL, directory / ASIDE)
        _sync_directory(directory)
    return directory / ASIDE


def boot_id() -> str:
    return BOOT_ID.read_text(encoding="ascii").strip()


def _is_open(records: list[dict[str, Any]]) -> bool:
    return bool(records) and records[-1]["record"] != "end"


def _is_of_another_boot(begin: Mapping[str, Any]) -> bool:
    return isinstance(begin.get("boot"), str) and begin["boot"] != boot_id()


@contextlib.contextmanager
def locked(directory: Path, command: str, clock: Clock = time.time) -> Iterator[None]:
    """Hold the lock of *directory*; raises LockedError with its holder if it is taken.

    The kernel drops a flock with the process that holds it, so none is ever left behind.
    """
    with _opened(_made(directory) / LOCK) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _held(file.read(), clock()) from None
        holder = {"pid": os.getpid(), "command": command, "since": clock()}
        with _explained(directory):
            file.truncate(0)
            os.write(file.fileno(), json.dumps(holder).encode())
        yield


def _opened(path: Path) -> TextIO:
    with _explained(path.parent):
        return path.open("a+", encoding="utf-8", errors="replace")


def _held(text: str, now: float) -> LockedError:
    hint = "wait until it is done, or stop it; it undoes what it has begun"
    try:
        holder = json.loads(text)
        age = max(0, round(now - holder["since"]))
        who = f"process {holder['pid']} ('{holder['command']}') for {age} s"
    except (ValueError, KeyError, TypeError, OverflowError):
        who = "another process, which has just taken it"
    return LockedError(f"the transaction lock is held by {who}", hint=hint)


def _made(directory: Path) -> Path:
    with _explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextlib.contextmanager
def _explained(directory: Path) -> Iterator[None]:
    """Raise what the file system refuses as an error of this machine."""
    try:
        yield
    except PermissionError as error:
        raise DeniedError(
            f"the journal in '{directory}' may not be written", hint="run as root"
        ) from error
    except OSError as error:
        raise HostError(
            f"the journal in '{directory}' cannot be written: {error.strerror}",
            hint="make room there, or set TRUNKLINE_STATE_DIR to another directory",
        ) from error


_KINDS = ("begin", "step", "end")


def _records(path: Path) -> list[dict[str, Any]]:
    """Return the whole records of a journal; what follows a broken line was not written."""
    records: list[dict[str, Any]] = []
    for number, line in enumerate(_text(path).split("\n")[:-1]):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            if number == 0:
                raise _unreadable(path, "its first line is not a record") from None
            break
        if not isinstance(record, dict) or record.get("record") not in _KINDS:
            raise _unreadable(path, f"line {number + 1} is not a record")
        if (number == 0) != (record["record"] == "begin"):
            raise _unreadable(path, f"line {number + 1} is a '{record['record']}' record")
        records.append(record)
    return records


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error


def _unreadable(path: Path, why: str) -> HostError:
    return HostError(
        f"the journal '{path}' of an interrupted run cannot be read: {why}",
        hint="use the version of trunkline that wrote it; or remove the file, and what that run "
        "has begun stays as it is",
    )


def _transaction(path: Path, begin: Mapping[str, Any]) -> Transaction:
    try:
        if begin["version"] != VERSION:
            raise ValueError(f"its version is '{begin['version']}', this program's {VERSION}")
        _expect(str, begin, "boot")
        return Transaction(
            _expect(str, begin, "site"),
            _expect(str, begin, "command"),
            tuple(codec.decode_operation(each) for each in _expect(list, begin, "operations")),
            tuple(_parameter(each) for each in _expect(list, begin, "lost")),
        )
    except KeyError as error:
        raise _unreadable(path, f"{error} is missing") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error


def _expect(kind: type[Any], record: Mapping[str, Any], name: str) -> Any:
    if type(record[name]) is not kind:
        raise ValueError(f"'{name}' is not a {kind.__name__}")
    return record[name]


def _parameter(encoded: object) -> Sysctl:
    row: Row = codec.decode(encoded)
    if not isinstance(row, Sysctl):
        raise ValueError(f"a {type(row).__name__} is not a parameter")
    return row


def _sync_directory(directory: Path) -> None:
    """Put the names in *directory* on the disk too: fsync of a file does not."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
