"""Guests: finding a kernel, talking to one, booting one, and what is left when it ends.

The tests that boot need no capability of the running kernel, only a guest kernel; inside a
guest they cannot run, since User-Mode Linux does not run in itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trunkline import guest
from trunkline.errors import ConflictError, HostError, UsageError
from trunkline.guest import exchange, kernel, machine, persistent, serve
from trunkline.guest.exchange import Request
from trunkline.guest.kernel import GuestKernel, Origin

SLEEPER = "31.4159"


def binary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(0o755)
    return path


def test_the_named_kernel_comes_first(tmp_path: Path) -> None:
    """$TRUNKLINE_GUEST_KERNEL wins over a kernel that was built here."""
    environ = {"HOME": str(tmp_path), "TRUNKLINE_GUEST_KERNEL": str(binary(tmp_path / "linux"))}
    binary(kernel.cached(environ))

    assert kernel.find(environ) == GuestKernel(tmp_path / "linux", Origin.NAMED)


def test_a_named_kernel_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It is never replaced by another one in silence."""
    environ = {"HOME": str(tmp_path), "TRUNKLINE_GUEST_KERNEL": "/nowhere/linux"}

    with pytest.raises(HostError, match=r"\$TRUNKLINE_GUEST_KERNEL: '/nowhere/linux'"):
        kernel.find(environ)


def test_the_built_kernel_comes_before_debians(tmp_path: Path) -> None:
    """The cache is XDG's, and the configuration's hash is in the path."""
    environ = {"HOME": "/nowhere", "XDG_CACHE_HOME": str(tmp_path)}
    built = binary(kernel.cached(environ))

    assert kernel.find(environ, binary(tmp_path / "linux.uml")) == GuestKernel(built, Origin.BUILT)
    assert tmp_path in built.parents


def test_no_kernel_says_how_to_get_one(tmp_path: Path) -> None:
    """The hint names the package and the make target."""
    with pytest.raises(HostError) as caught:
        kernel.find({"HOME": str(tmp_path)}, tmp_path / "linux.uml")

    assert "apt-get install user-mode-linux" in caught.value.hint
    assert "make guest-kernel" in caught.value.hint


def test_only_debians_kernel_lacks_nft() -> None:
    """Other kernels have no excuse for a skipped test."""
    lacks = {o: GuestKernel(Path("/k"), o).lacks for o in Origin}

    assert lacks == {
        Origin.NAMED: frozenset(),
        Origin.BUILT: frozenset(),
        Origin.DEBIAN: frozenset({"nft"}),
    }


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """An exchange directory that a thread answers, as a guest would."""
    exchange.prepare(tmp_path, GuestKernel(Path("/k"), Origin.NAMED))
    thread = threading.Thread(target=serve.serve, args=(tmp_path,))
    thread.start()
    yield tmp_path
    exchange.stop(tmp_path)
    thread.join(10)
    assert not thread.is_alive()


def answer(
    directory: Path, *argv: str, timeout: float = 10, merge: bool = False
) -> exchange.Reply:
    request = Request(argv, Path("/"), exchange.environment({"WORD": "w"}), timeout, merge)
    exchange.send(directory, "r", request.json())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        reply = exchange.reply(directory, "r")
        if reply is not None:
            return reply
        time.sleep(0.01)
    raise AssertionError("no reply")


def test_a_command_is_answered_with_code_output_and_error(served: Path) -> None:
    """Its environment is what was asked for and nothing of ours."""
    os.environ["TRUNKLINE_SECRET"] = "s"

    reply = answer(served, "sh", "-c", "echo $WORD$TRUNKLINE_SECRET; echo bad >&2; exit 3")

    assert reply == exchange.Reply(3, "w\n", "bad\n")


def test_merged_output_keeps_the_order(served: Path) -> None:
    """Standard error goes into the output when asked for."""
    reply = answer(served, "sh", "-c", "echo a; echo b >&2; echo c", merge=True)

    assert reply == exchange.Reply(0, "a\nb\nc\n", "")


def test_a_missing_program_is_127(served: Path) -> None:
    """As a shell has it, with the reason on standard error."""
    reply = answer(served, "no-such-program")

    assert (reply.returncode, reply.out) == (127, "")
    assert "no-such-program" in reply.err


def test_a_killed_command_is_128_plus_the_signal(served: Path) -> None:
    """As a shell has it."""
    assert answer(served, "sh", "-c", "kill -KILL $$").returncode == 137


def test_a_command_that_takes_too_long_is_ended_with_its_children(served: Path) -> None:
    """The answer is 124, what it printed is kept, and no process of it goes on."""
    script = f"sleep {SLEEPER}1 & echo started; wait"

    reply = answer(served, "sh", "-c", script, timeout=0.5)

    assert (reply.returncode, reply.out) == (124, "started\n")
    assert processes(f"{SLEEPER}1") == []


def test_a_forgotten_guest_stops(tmp_path: Path) -> None:
    """Whoever starts another guest in the same place deletes the directory first."""
    exchange.prepare(tmp_path, GuestKernel(Path("/k"), Origin.NAMED))
    thread = threading.Thread(target=serve.serve, args=(tmp_path,))
    thread.start()
    until((tmp_path / "ready").exists)

    (tmp_path / "ready").unlink()
    thread.join(10)

    assert not thread.is_alive()


def test_paths_that_the_guest_hides_are_kept_visible(tmp_path: Path) -> None:
    """The boot file names those below /tmp and /run, quoted for the shell that reads it."""
    odd = Path("/tmp/it's here")
    exchange.prepare(
        tmp_path,
        GuestKernel(Path("/k"), Origin.NAMED),
        visible=[odd, Path("/etc")],
        writable=[odd],
    )
    # The checkout and its Python may lie there too, and are kept as well then.
    script = """
        . "$1"; printf "%s\\n" "$python" "$modules" "$writable_1"
        n=1
        while eval "path=\\${visible_$n-}" && [ -n "$path" ]; do echo "$path"; n=$((n + 1)); done
    """

    lines = subprocess.run(
        ["sh", "-c", script, "sh", tmp_path / "boot"], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert lines[:3] == [sys.executable, "", str(odd)]
    assert str(odd) in lines[3:]
    assert "/etc" not in lines


def test_the_guest_dies_with_its_caller() -> None:
    """Unless it is detached; both have every process of the guest in one PID namespace."""
    one = GuestKernel(Path("/k"), Origin.NAMED)

    tied = machine.command(Path("/d"), one, 64, 0, 10, detached=False)
    loose = machine.command(Path("/d"), one, 64, 1, 0, detached=True)

    assert tied[:4] == ["setpriv", "--pdeathsig", "KILL", "unshare"]
    assert "setpriv" not in loose
    assert {"--pid", "--kill-child"} <= set(tied) & set(loose)


def processes(mark: str) -> list[str]:
    """Return the command lines of the live processes that have *mark* in theirs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if mark in line]


@pytest.fixture(scope="session")
def bootable() -> GuestKernel:
    """The guest kernel of this machine."""
    if Path("/run/guest/ready").exists():
        pytest.skip("this is a guest, and no guest runs in it")
    try:
        return guest.find()
    except HostError as error:
        pytest.skip(f"{error.message}: {error.hint}")


def test_run_returns_what_the_command_did(bootable: GuestKernel, tmp_path: Path) -> None:
    """The guest has the host's files and leaves them as they are, but for the results."""
    here, results = tmp_path / "here", tmp_path / "results"
    here.mkdir()
    results.mkdir()
    (here / "there").write_text("from the host\n")
    own = Path("/tmp") / f"trunkline-{os.getpid()}-own"
    script = f"cat there; touch gone {own}; uname -r; echo result >{results}/file; exit 5"

    result = guest.run(
        ["sh", "-c", script], cwd=here, timeout=30, results_dir=results, kernel=bootable
    )

    assert result.returncode == 5
    assert result.output == f"from the host\n{result.release}\n"
    assert result.release != os.uname().release
    assert [path.name for path in here.iterdir()] == ["there"]
    assert not own.exists()
    assert (results / "file").read_text() == "result\n"


def test_a_guest_that_goes_down_is_an_error(bootable: GuestKernel) -> None:
    """A panic neither hangs nor starts the guest again."""
    argv = [sys.executable, "-c", "import ctypes; ctypes.CDLL(None).reboot(0x1234567)"]

    with pytest.raises(HostError, match="the guest ended before its command did"):
        guest.run(argv, cwd=Path("/"), timeout=30, kernel=bootable)


def test_the_time_limit_ends_a_command_that_ignores_signals(bootable: GuestKernel) -> None:
    """The answer is 124 and the output so far."""
    argv = ["sh", "-c", f"trap '' TERM; echo began; sleep {SLEEPER}2"]

    result = guest.run(argv, cwd=Path("/"), timeout=1, kernel=bootable)

    assert (result.returncode, result.output) == (124, "began\n")


def test_a_killed_caller_leaves_no_process_and_no_file(bootable: GuestKernel) -> None:
    """The guest dies at once, and the next run deletes its directory."""
    code = (
        "from pathlib import Path; from trunkline import guest;"
        f"guest.run(['sleep', '{SLEEPER}3'], cwd=Path('/'), timeout=60)"
    )
    caller = subprocess.Popen([sys.executable, "-c", code])
    directories = Path(tempfile.gettempdir())
    mark = f"{machine.PREFIX}{caller.pid}-"
    until(lambda: any(directories.glob(f"{mark}*/ready")))
    caller.send_signal(signal.SIGKILL)
    caller.wait()

    until(lambda: processes(mark) == [])
    machine.sweep()
    assert list(directories.glob(f"{mark}*")) == []


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def test_a_persistent_guest_keeps_its_state(bootable: GuestKernel, tmp_path: Path) -> None:
    """Commands find what earlier ones made; stop leaves no process and no directory."""
    state = tmp_path / "guests"
    guest.start("lab", state=state)
    try:
        assert guest.names(state) == ["lab"]
        assert guest.execute("lab", ["ip", "netns", "add", "x"], state=state) == (0, "", "")
        assert guest.execute("lab", ["ip", "netns", "list"], state=state) == (0, "x\n", "")
        with pytest.raises(ConflictError, match="runs already"):
            guest.start("lab", state=state)
    finally:
        assert guest.stop("lab", state=state)

    assert processes(str(state)) == []
    assert list(state.iterdir()) == []
    assert not guest.stop("lab", state=state)


def test_a_persistent_guest_that_died_says_so(bootable: GuestKernel, tmp_path: Path) -> None:
    """Whoever waits for an answer gets an error at once, and the name is free again."""
    state = tmp_path / "guests"
    guest.start("lab", state=state)
    pid = int((state / "lab" / "process").read_text().split()[0])
    try:
        threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
        with pytest.raises(HostError, match="ended before its command did"):
            guest.execute("lab", ["sleep", SLEEPER], state=state)
        assert guest.names(state) == []
    finally:
        guest.stop("lab", state=state)


def test_a_guests_name_is_checked(tmp_path: Path) -> None:
    """It becomes a directory's name."""
    with pytest.raises(UsageError, match="is not a guest's name"):
        guest.start("../x", state=tmp_path)
    with pytest.raises(HostError, match="there is no guest 'x'"):
        guest.execute("x", ["true"], state=tmp_path)


def test_a_reused_process_number_is_not_the_guest(tmp_path: Path) -> None:
    """The start time in the file tells them apart."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "process").write_text(json.dumps(os.getpid()) + " 1")

    assert persistent.names(tmp_path) == []
