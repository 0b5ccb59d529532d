"""Guests that go on after the command that started them, by name; for labs in the guest.

Everything about guest NAME lies in STATE/NAME: the exchange directory, and `process`, which
says who it is (see machine.REGISTER). A guest whose process is gone is gone, whatever its
directory says.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trunkline.errors import ConflictError, HostError, LockedError, UsageError
from trunkline.guest import exchange, machine
from trunkline.guest.exchange import Request
from trunkline.guest.kernel import find
from trunkline.guest.talk import Sink, Talk

STATE = Path("/run/trunkline/guests")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@contextlib.contextmanager
def held(name: str, *, state: Path = STATE) -> Iterator[None]:
    """Hold guest *name*, running or not, so that nobody else starts or stops it meanwhile."""
    directory = state / name
    handle = _locked(directory)
    try:
        yield
    finally:
        os.close(handle)


def _locked(directory: Path) -> int:
    """Return the descriptor that holds the lock, on the directory itself: no file is left over."""
    while True:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise LockedError(
                f"guest '{directory.name}': another run is working on it",
                hint="wait until it is done",
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), directory.stat()):
                return handle
        os.close(handle)  # its last holder had just removed it


def start(
    name: str, *, visible: Sequence[Path] = (), memory: int = 1024, state: Path = STATE
) -> str:
    """Boot guest *name* and return its kernel's release.

    *visible* are paths that the guest must see although they lie below /tmp or /run. The guest
    runs until `stop`. Raises ConflictError when a guest of that name runs.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is not a guest's name", hint="use letters, digits, - and _")
    if name in names(state):
        raise ConflictError(f"guest '{name}' runs already", hint="stop it first")
    kernel = find()
    directory = state / name
    # The directory stays the same one: somebody may hold a lock on it.
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)  # who else may know that it runs, and no more
    _empty(directory)
    exchange.prepare(directory, kernel, visible=visible)
    process = machine.boot(directory, kernel, memory=memory, detached=True)
    try:
        release = machine.wait_ready(process, directory)
    except BaseException:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)
        raise
    process.returncode = 0  # it outlives us, and Popen need not warn of that
    return release


def execute(
    name: str,
    argv: Sequence[str],
    *,
    cwd: Path = Path("/"),
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
    state: Path = STATE,
) -> tuple[int, str, str]:
    """Run *argv* in guest *name* and return (return code, standard output, standard error)."""
    directory = _running(name, state)
    request = Request(tuple(argv), cwd, exchange.environment(env or {}), timeout)
    token = secrets.token_hex(8)
    exchange.send(directory, token, request.json())
    deadline = time.monotonic() + timeout + machine.GRACE
    while time.monotonic() < deadline:
        reply = exchange.reply(directory, token)
        if reply is not None:
            _forget(directory, token)
            return reply.returncode, reply.out, reply.err
        if _process(directory) is None:
            raise machine.died(directory, f"guest '{name}' ended before its command did")
        time.sleep(0.01)
    raise machine.died(directory, f"guest '{name}' does not answer")


def carry_out(
    name: str,
    request: Request,
    *,
    out: Sink,
    err: Sink,
    given: bytes | int | None = None,
    state: Path = STATE,
) -> int:
    """Run *request* in guest *name* as if it ran here, and return its return code.

    What it prints goes to *out* and *err* as it comes. *given* is its standard input, or the
    file descriptor to read it from meanwhile. An interrupt interrupts the command, and a second
    one leaves it.
    """
    directory = _running(name, state)
    token = secrets.token_hex(8)
    exchange.send(directory, token, request.json())
    talk = Talk(directory, token, out, err, given)
    try:
        return _attend(talk, name)
    except KeyboardInterrupt:
        exchange.interrupt(directory, token)
        return _attend(talk, name)
    finally:
        talk.close()
        for number, path in enumerate(request.fetch):
            copy = directory / "replies" / f"{token}.{number}.file"
            if copy.exists():
                path.write_bytes(copy.read_bytes())
        _forget(directory, token)


def _attend(talk: Talk, name: str) -> int:
    """Pass on what comes in either direction until the command has ended."""
    while True:
        code = exchange.returncode(talk.directory, talk.token)
        talk.listen()
        if code is not None:
            return code
        if _process(talk.directory) is None:
            raise machine.died(talk.directory, f"guest '{name}' ended before its command did")
        talk.speak(0.01)


def stop(name: str, *, state: Path = STATE) -> bool:
    """End guest *name* and everything in it; False when there was none."""
    directory = state / name
    process = _process(directory)
    if process is not None:
        exchange.stop(directory)
        for _ in range(100):
            if _process(directory) is None:
                break
            time.sleep(0.05)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)
    return process is not None


def names(state: Path = STATE) -> list[str]:
    """Return the guests that run."""
    if not state.is_dir():
        return []
    return sorted(path.name for path in state.iterdir() if _process(path) is not None)


def release(name: str, *, state: Path = STATE) -> str | None:
    """Return the kernel's release of guest *name*; None when it does not run."""
    return exchange.release(state / name) if name in names(state) else None


def _running(name: str, state: Path) -> Path:
    if name not in names(state):
        raise HostError(f"there is no guest '{name}'", hint="start it first")
    return state / name


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _forget(directory: Path, token: str) -> None:
    for path in (*directory.glob(f"replies/{token}.*"), *directory.glob(f"requests/{token}.*")):
        path.unlink(missing_ok=True)


def _process(directory: Path) -> int | None:
    """Return the guest's process, None when it ended; the start time tells a reused number."""
    try:
        pid, started = map(int, (directory / "process").read_text().split())
    except (OSError, ValueError):
        return None
    return pid if _started(pid) == started else None


def _started(pid: int) -> int:
    """Return when process *pid* started, in ticks since boot; -1 when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] == "Z" else int(fields[19])
