"""Programs inside a lab's namespaces.

A thread moves into the namespaces and starts the program from there: a child inherits what its
starting thread is in, so nothing has to run between fork and exec, and this process stays where
it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from trunkline.errors import HostError
from trunkline.kernel import namespaces

NOT_FOUND, NOT_EXECUTABLE, KILLED = 127, 126, 128
"""What shells exit with; a signal's number is added to the last one."""

# include/uapi/linux/sched.h and mount.h
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_SLAVE = 4096, 16384, 1 << 19
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def spawn(
    namespace: Path,
    argv: Sequence[str],
    *,
    resolv: Path | None = None,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
    detached: bool = False,
) -> subprocess.Popen[bytes]:
    """Start *argv* in *namespace*, with its own /sys and, if given, *resolv* as resolv.conf."""

    def start() -> subprocess.Popen[bytes]:
        with namespaces.entered(namespace):
            _own_mounts(resolv)
            return subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=pass_fds,
                start_new_session=detached,
            )

    # The mounts cannot be undone in a thread, so it is one that ends with them.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(start).result()


def run(
    namespace: Path,
    argv: Sequence[str],
    *,
    resolv: Path | None = None,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
) -> int:
    """Run *argv* in *namespace* on this terminal and return its exit code as a shell does."""
    with _interrupts_go_to_the_child():
        try:
            child = spawn(namespace, argv, resolv=resolv, stdin=stdin, stdout=stdout)
        except FileNotFoundError:
            raise HostError(
                f"'{argv[0]}': no such program here", hint="a lab uses this machine's programs"
            ) from None
        except PermissionError:
            raise HostError(f"'{argv[0]}': not a program that can be run") from None
        code = child.wait()
    return code if code >= 0 else KILLED - code


def _own_mounts(resolv: Path | None) -> None:
    """Give the thread mounts of its own: /sys shows the namespace in which it was mounted."""
    _call("unshare", _CLONE_NEWNS)
    _call("mount", b"", b"/", b"none", _MS_SLAVE | _MS_REC, None)
    if _libc.umount2(b"/sys", _MNT_DETACH) == 0:
        _call("mount", b"sysfs", b"/sys", b"sysfs", 0, None)
    target = Path("/etc/resolv.conf").resolve()
    if resolv is not None and target.exists():
        _call("mount", bytes(resolv), bytes(target), b"none", _MS_BIND, None)


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise HostError(f"a program's own view of the machine: {function}: {os.strerror(number)}")


@contextlib.contextmanager
def _interrupts_go_to_the_child() -> Iterator[None]:
    """Let Ctrl-C end the program in the lab and not this one, as a shell does.

    A handler, not SIG_IGN: an ignored signal stays ignored in the child.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
