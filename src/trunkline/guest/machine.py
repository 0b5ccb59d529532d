"""Boots a guest and runs one command in it; nothing outlives the call, however it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trunkline.errors import HostError
from trunkline.guest import exchange
from trunkline.guest.exchange import Request
from trunkline.guest.kernel import GuestKernel, find

GRACE = 30
"""Seconds for booting and powering off, on top of a command's own time limit."""

PREFIX = "trunkline-guest-"
"""Of a guest's directory; the number of the process that made it follows."""

REGISTER = """
set -e; cd "$0"
echo "$$ $(cut -d" " -f22 /proc/$$/stat)" >process.partial
mv process.partial process
exec "$@"
"""
"""Writes a process's number and when it started into `process`, and becomes the command."""

PROGRAMS = {"unshare": "util-linux", "setpriv": "util-linux", "taskset": "util-linux"}


@dataclass(frozen=True)
class GuestResult:
    returncode: int
    """The command's own; 124 when its time was up, 127 when there is no such program."""
    output: str
    """Standard output and error, merged."""
    release: str
    """The guest kernel's release."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 240,
    results_dir: Path | None = None,
    cpu: int | None = None,
    memory: int = 1024,
    kernel: GuestKernel | None = None,
) -> GuestResult:
    """Boot a guest, run *argv* in *cwd*, power off.

    *results_dir* is written through to the host at the same path; *cpu* is the one that the
    guest gets, any where none is named.
    Raises HostError when the guest does not boot or ends before its command.
    """
    kernel = kernel or find()
    writable = [] if results_dir is None else [results_dir.resolve()]
    request = Request(tuple(argv), cwd, exchange.environment(env or {}), timeout, merge=True)
    sweep()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as name:
        directory = Path(name)
        exchange.prepare(directory, kernel, visible=[cwd], writable=writable)
        exchange.send(directory, "command", request.json())
        exchange.stop(directory, finish=True)
        process = boot(directory, kernel, memory=memory, cpu=cpu, lifetime=timeout + GRACE)
        try:
            return _result(process, directory, timeout + 2 * GRACE)
        finally:
            process.kill()
            process.wait()


def sweep() -> None:
    """Delete the directories of callers that were killed; their guests died with them."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = path.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(path, ignore_errors=True)


def _result(process: subprocess.Popen[bytes], directory: Path, limit: float) -> GuestResult:
    """Wait for the guest to power off and return what its command left."""
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        raise died(directory, f"the guest did not end within {limit:.0f} s") from None
    reply = exchange.reply(directory, "command")
    release = exchange.release(directory)
    if reply is None or release is None:
        raise died(directory, "the guest ended before its command did")
    return GuestResult(reply.returncode, reply.out, release)


def boot(
    directory: Path,
    kernel: GuestKernel,
    *,
    memory: int,
    cpu: int | None = None,
    lifetime: float = 0,
    detached: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a guest on the prepared *directory*; killing the process ends all of it.

    *lifetime* is in seconds, 0 for ever. A guest that is not *detached* dies with the caller.
    """
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=exchange.PATH) is None:
            hint = f"`apt-get install {package}`"
            raise HostError(f"the program '{program}' is missing", hint=hint)
    cpu = _any_cpu() if cpu is None else cpu
    with (directory / "console.log").open("wb") as log:
        return subprocess.Popen(
            command(directory, kernel, memory, cpu, lifetime, detached=detached),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                "PATH": exchange.PATH,
                "HOME": str(directory / "uml"),
                "TMPDIR": str(exchange.memory_directory(memory)),
            },
        )


def _any_cpu() -> int:
    """Return one of our CPUs; guests that several processes start are spread over them."""
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[os.getpid() % len(cpus)]


def command(
    directory: Path,
    kernel: GuestKernel,
    memory: int,
    cpu: int,
    lifetime: float,
    *,
    detached: bool,
) -> list[str]:
    """Return the command line that boots *kernel* on *directory*.

    - A PID namespace whose first process is `timeout`: whoever ends it, by the time limit, by
      --kill-child or by killing unshare, ends every process of the guest (UML has one for each).
    - setpriv's parent-death signal ends unshare, and so the guest, even when the caller is
      killed with SIGKILL.
    - A detached guest writes down itself who it is, before it becomes the guest: so it is known,
      and can be stopped, even when its caller is killed at this very moment.
    - One CPU: the guest's processes and its kernel hand over to each other at every system call,
      which takes several times as long across CPUs.
    - noreboot: a guest that panics or reboots would otherwise start again, for ever.
    """
    tie = (
        ["sh", "-c", REGISTER, str(directory)] if detached else ["setpriv", "--pdeathsig", "KILL"]
    )
    return [
        *tie,
        "unshare",
        *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
        *("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("timeout", "-k", "5", f"{lifetime:.0f}"),
        *("taskset", "-c", str(cpu)),
        str(kernel.path),
        *(f"mem={memory}M", "rootfstype=hostfs", "rootflags=/", "ro"),
        *(f"init={directory}/init", f"directory={directory}"),
        *("umid=guest", f"uml_dir={directory}/uml/"),
        *("con=null", "con0=null,fd:1", "ssl=null", "quiet", "noreboot", "panic=-1"),
        # Built-in drivers make devices of their own unless told not to.
        *("dummy.numdummies=0", "ifb.numifbs=0", "bonding.max_bonds=0"),
        *("selinux=0", "apparmor=0"),
    ]


def wait_ready(process: subprocess.Popen[bytes], directory: Path) -> str:
    """Return the guest kernel's release once it serves requests; HostError when it never does."""
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        release = exchange.release(directory)
        if release is not None:
            return release
        if process.poll() is not None:
            raise died(directory, "the guest ended while it booted")
        time.sleep(0.02)
    raise died(directory, f"the guest did not boot within {GRACE} s")


def died(directory: Path, what: str) -> HostError:
    """Return the error for a guest that failed, with the last words of its console."""
    words = exchange.console(directory)
    return HostError(what, hint=f"its console says:\n{words}" if words else "its console is empty")
