"""Network namespaces by name, compatible with `ip netns`: a name is a mount below /run/netns.

setns(2) and unshare(2) move the calling thread alone, so everything here is safe in threads, and
a process started by a thread inherits the namespace that this thread is in.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trunkline.errors import ConflictError, DeniedError, HostError, InternalError

NETNS_DIR = Path("/run/netns")

_THREAD_NS = "/proc/thread-self/ns/net"

# include/uapi/linux/sched.h and mount.h
_CLONE_NEWNET = 0x40000000
_MS_BIND = 4096
_MS_REC = 16384
_MS_SHARED = 1 << 20
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.unshare.argtypes = (ctypes.c_int,)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)


def path(name: str) -> Path:
    """Return where the namespace *name* is mounted.

    >>> path("lab.host1")
    PosixPath('/run/netns/lab.host1')
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name or len(name.encode()) > 255:
        raise HostError(f"namespace: '{name}' is not a file name", hint="use letters and digits")
    return NETNS_DIR / name


def create(name: str) -> None:
    """Make a new namespace under *name*; a plain file that a killed run left there is taken over.

    Killed at any point, this leaves nothing, or such a file, which `leftovers` lists.
    """
    create_many([name])


def create_many(names: Iterable[str], inside: Callable[[str], object] = lambda _: None) -> None:
    """Create several at once; *inside* is called with the name of each by a thread that is in it.

    unshare(2) is most of the time, and it scales with the processors. A thread goes from one new
    namespace straight to the next: coming home in between would take two more calls for each.
    """
    names = list(names)
    if names:
        _share_directory()  # looks through all mounts, so once for all
        threads = min(len(names), os.cpu_count() or 1)
        with ThreadPoolExecutor(threads) as pool:
            parts = [names[first::threads] for first in range(threads)]
            for done in [pool.submit(_create_each, part, inside) for part in parts]:
                done.result()


def _create_each(names: Iterable[str], inside: Callable[[str], object]) -> None:
    with _home():
        for name in names:
            _move_into_new(name)
            inside(name)


def _move_into_new(name: str) -> None:
    """Make the namespace *name* and leave the calling thread in it."""
    target = path(name)
    if is_namespace(target):
        raise ConflictError(
            f"namespace '{name}' exists already", hint="`ip netns list` shows all names"
        )
    with _asking(f"create namespace '{name}'"):
        os.close(os.open(target, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
        try:
            _call("unshare", _CLONE_NEWNET)
            _mount(_THREAD_NS, target, _MS_BIND)
        except OSError:
            target.unlink(missing_ok=True)
            raise


def delete(name: str) -> None:
    """Remove *name*, or do nothing where it is absent.

    The namespace itself lives on while a process or a socket is inside.
    """
    target = path(name)
    with _asking(f"delete namespace '{name}'"):
        while is_namespace(target):
            _call("umount2", os.fsencode(target), _MNT_DETACH)
        target.unlink(missing_ok=True)


def names() -> list[str]:
    """Return every name that leads to a namespace, sorted."""
    return sorted(entry.name for entry in _entries() if is_namespace(entry))


def leftovers() -> list[str]:
    """Return the names of plain files: what a run leaves that is killed between open and mount."""
    return sorted(entry.name for entry in _entries() if not is_namespace(entry))


def is_namespace(target: str | Path) -> bool:
    """Return whether something of nsfs (the file system of namespaces) is mounted there."""
    try:
        return os.stat(target).st_dev == os.stat(_THREAD_NS).st_dev
    except FileNotFoundError:
        return False


def processes(name: str) -> list[int]:
    """Return the ids of the processes in the namespace *name*, sorted."""
    wanted = _identity(path(name))
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdecimal())
    return sorted(pid for pid in pids if wanted and _identity(f"/proc/{pid}/ns/net") == wanted)


@contextlib.contextmanager
def entered(target: str | Path | None) -> Iterator[None]:
    """Move the calling thread into the namespace at *target*, and back; None is no move.

    Sockets, processes and threads that are made inside stay inside.
    """
    if target is None:
        yield
        return
    with _asking(f"enter namespace '{target}'"):
        inside = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    with _home():
        try:
            with _asking(f"enter namespace '{target}'"):
                _call("setns", inside, _CLONE_NEWNET)
        finally:
            os.close(inside)
        yield


@contextlib.contextmanager
def scratch() -> Iterator[None]:
    """Move the calling thread into a new namespace without a name, and back.

    It ends with the last socket or process in it, so even a killed run leaves nothing.
    """
    with _home():
        with _asking("create a scratch namespace"):
            _call("unshare", _CLONE_NEWNET)
        yield


def run(
    target: str | Path | None,
    argv: Sequence[str],
    *,
    input: str = "",
    timeout: float = 30.0,
) -> subprocess.CompletedProcess[str]:
    """Run a program inside the namespace at *target*, never through a shell, and wait for it."""
    try:
        with entered(target):
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
    except FileNotFoundError as error:
        raise HostError(f"program '{argv[0]}' is not installed", hint="see $PATH") from error
    except PermissionError as error:
        raise DeniedError(f"program '{argv[0]}' may not be run", hint="see its mode") from error
    try:
        out, err = process.communicate(input, timeout)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise HostError(f"program '{argv[0]}' did not end within {timeout:g} s") from error
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


@contextlib.contextmanager
def _home() -> Iterator[None]:
    """Bring the thread back to where it is now, whatever happens inside."""
    home = os.open(_THREAD_NS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            _call("setns", home, _CLONE_NEWNET)
        except OSError as error:
            # Without the permission to go anywhere the thread has never left.
            if not os.path.samestat(os.fstat(home), os.stat(_THREAD_NS)):
                # Going on in the wrong namespace would change somebody else's network.
                raise InternalError(f"the thread cannot leave a namespace: {error}") from error
        finally:
            os.close(home)


def _share_directory() -> None:
    """Make /run/netns a shared mount as iproute2 does it, so other mount namespaces see names."""
    with _asking(f"prepare '{NETNS_DIR}'"):
        NETNS_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)
        here = _propagation("self")
        _check_lasting(here)
        if any(field.startswith("shared:") for field in here):
            return
        lock = os.open(NETNS_DIR, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # iproute2 takes the same lock
            _mount_shared()
        finally:
            os.close(lock)


def _mount_shared() -> None:
    try:
        _mount("", NETNS_DIR, _MS_SHARED | _MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: not a mount point yet
            raise
        _mount(NETNS_DIR, NETNS_DIR, _MS_BIND | _MS_REC)
        _mount("", NETNS_DIR, _MS_SHARED | _MS_REC)


def _propagation(process: str) -> frozenset[str]:
    """Return how mounts spread from and to /run/netns as *process* has it, as `shared:7`.

    It is empty where the directory is no mount, or a private one.
    """
    path = f"/proc/{process}/mountinfo"
    with open(path, encoding="utf-8", errors="surrogateescape") as mounts:
        # Fields: id parent major:minor root mountpoint options [optional...] - type ...
        # Lazily: the names below come after it, and there may be thousands of them.
        rows = (line.split(" - ")[0].split() for line in mounts)
        return next((frozenset(row[6:]) for row in rows if row[4] == str(NETNS_DIR)), frozenset())


def _check_lasting(here: frozenset[str]) -> None:
    """Raise HostError where names that are made now would go with the calling process.

    `ip netns exec` gives its command a copy of all mounts that only follows the host's: nobody
    else sees what is mounted there, and with its last process it ends.
    """
    masters = {field.removeprefix("master:") for field in here if field.startswith("master:")}
    if not masters:
        return
    try:
        hosts = _propagation("1")
    except OSError:  # who may not look at the first process cannot tell
        return
    if masters & {field.removeprefix("shared:") for field in hosts}:
        raise HostError(
            f"'{NETNS_DIR}' is a private copy here: namespaces in it would end with this shell",
            hint="enter a namespace with `nsenter --net=/run/netns/NAME` instead of "
            "`ip netns exec NAME`",
        )


def _entries() -> list[Path]:
    try:
        return list(NETNS_DIR.iterdir())
    except FileNotFoundError:
        return []


def _identity(target: str | Path) -> tuple[int, int] | None:
    try:
        status = os.stat(target)
    except OSError:  # a process that ended meanwhile, a kernel thread, a name that is gone
        return None
    return (status.st_dev, status.st_ino)


def _mount(source: str | Path, target: Path, flags: int) -> None:
    _call("mount", os.fsencode(source), os.fsencode(target), b"none", flags, None)


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turn what the system says to a request into an error that names the request."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise DeniedError(f"{what}: no permission", hint="run as root") from error
        raise HostError(f"{what}: {error.strerror}") from error
