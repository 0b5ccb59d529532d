"""Guests that go on after the command that started them, by name; for labs in the guest.

Everything about guest NAME lies in STATE/NAME: the exchange directory, and `process`, which
says who it is. A guest whose process is gone is gone, whatever its directory says.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trunkline.errors import ConflictError, HostError, UsageError
from trunkline.guest import exchange, machine, serve
from trunkline.guest.exchange import Request
from trunkline.guest.kernel import find

STATE = Path("/run/trunkline/guests")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def start(
    name: str, *, visible: Sequence[Path] = (), memory: int = 1024, state: Path = STATE
) -> str:
    """Boot guest *name* and return its kernel's release.

    *visible* are paths that the guest must see although they lie below /tmp or /run. The guest
    runs until `stop`. Raises ConflictError when a guest of that name runs.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is not a guest's name", hint="use a-z, 0-9 and -")
    if name in names(state):
        raise ConflictError(f"guest '{name}' runs already", hint="stop it first")
    kernel = find()
    directory = state / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    exchange.prepare(directory, kernel, visible=visible)
    process = machine.boot(directory, kernel, memory=memory, detached=True)
    serve.place(directory / "process", f"{process.pid} {_started(process.pid)}")
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


def _running(name: str, state: Path) -> Path:
    if name not in names(state):
        raise HostError(f"there is no guest '{name}'", hint="start it first")
    return state / name


def _forget(directory: Path, token: str) -> None:
    for path in (directory / "replies").glob(f"{token}.*"):
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
