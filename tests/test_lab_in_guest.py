"""Labs in a guest kernel: the same commands, carried out there; and what is left of them.

The tests that boot need no capability of the running kernel, only a guest kernel; inside a
guest they cannot run, since User-Mode Linux does not run in itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab_fixtures import EXAMPLES, PAIR, with_hosts
from trunkline import guest
from trunkline.errors import HostError

# Each command that is carried out in a guest imports Trunkline through hostfs, on one CPU.
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("kernel")]

VLAN_AWARE = with_hosts(PAIR, switching="vlan-aware").decode()

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Shell:
    """The command line, with labs and site files of its own."""

    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {name: str(self.directory / name) for name in ("run", "state")}
        places = {"TRUNKLINE_RUN_DIR": own["run"], "TRUNKLINE_STATE_DIR": own["state"]}
        return {**os.environ, **places, "PYTHONPATH": str(EXAMPLES.parent / "src")}

    @property
    def guests(self) -> Path:
        return self.directory / "run" / "guest-labs"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(arguments),
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        return subprocess.run(
            self._command(arguments),
            cwd=self.directory,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def processes(self) -> list[str]:
        """Return the command lines of whatever belongs to a guest of ours."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.guests) in words:
                found.append(words)
        return found

    def left(self) -> list[str]:
        """Return what is left of labs, once none is up."""
        return [*self.processes(), *(str(path) for path in (self.directory / "run").glob("*"))]

    @staticmethod
    def _command(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "trunkline", *arguments]


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Shell]:
    """A command line on a machine without labs, and without a guest kernel being needed."""
    shell = Shell(tmp_path)
    yield shell
    shell("lab", "down", "--all")
    assert shell.left() == []


@pytest.fixture
def shell(bare: Shell) -> Shell:
    """A command line on a machine that can boot guests."""
    if Path("/run/guest/ready").exists():
        pytest.skip("this is a guest, and no guest runs in it")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    try:
        guest.find()
    except HostError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    (bare.directory / "aware.yaml").write_text(VLAN_AWARE)
    return bare


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_a_lab_in_a_guest_answers_like_any_other(shell: Shell) -> None:
    """Bridges that filter VLANs, and every command about them with its output and exit code."""
    up = shell("lab", "up", "aware.yaml", "--kernel", "guest")
    assert (up.returncode, up.stdout) == (
        0,
        "Lab 'pair' is up: 2 hosts, 3 machines.\n",
    ), up.stderr
    assert "Booting a guest kernel" in up.stderr

    verified = shell("lab", "verify")
    assert (verified.returncode, verified.stdout.splitlines()[-1]) == (
        0,
        "OK: 6 of 6 pairs as declared, 2 of 2 expectations hold, no drift",
    )
    (first, *_) = json.loads(shell("show", "hosts", "--json").stdout)["items"]
    assert (first["host"], first["switching"]) == ("h1", "vlan-aware")
    assert "0% packet loss" in shell("lab", "exec", "a", "ping", "-c1", "192.168.100.11").stdout
    assert "brtrunk" in shell("diagram", "--lab", "pair").stdout

    broken = shell("lab", "exec", "h1", "--", "ip", "link", "del", "brtrunk")
    assert (broken.returncode, broken.stderr) == (0, "")
    assert shell("verify", "aware.yaml").returncode == 2
    assert shell("lab", "up", "aware.yaml").returncode == 0
    assert shell("lab", "plan", "--detailed-exitcode").returncode == 0

    down = shell("lab", "down")
    assert (down.returncode, down.stdout) == (0, "Lab 'pair' is gone, with its guest.\n")
    assert shell.left() == []


def test_what_goes_in_and_out_of_a_guest(shell: Shell) -> None:
    """Standard input, exit codes, files that only the host has, and files that it gets."""
    shell.directory.joinpath("site.yaml").write_text(PAIR)
    assert shell("lab", "up", "--kernel", "guest", "--name", "Two_1").returncode == 0

    assert shell("lab", "exec", "a", "--", "cat", stdin="a\nb\n").stdout == "a\nb\n"
    failed = shell("lab", "exec", "a", "--", "sh", "-c", "echo bad >&2; exit 7")
    assert (failed.returncode, failed.stdout, failed.stderr) == (7, "", "bad\n")
    piped = shell("lab", "shell", stdin="net\na ping -c1 b\n")
    assert piped.returncode == 0
    assert "red (VLAN 10): a b\n" in piped.stdout
    assert "1 received" in piped.stdout

    (first, *_) = json.loads(shell("show", "hosts", "--json").stdout)["items"]
    assert first["vlan_devices"] == "kernel"
    assert shell("diagram", "--svg", "picture.svg").returncode == 0
    assert (shell.directory / "picture.svg").read_text().startswith("<svg ")

    changed_site = PAIR.replace("192.168.100.11/24", "192.168.100.12/24")
    shell.directory.joinpath("site.yaml").write_text(changed_site)
    changed = shell("plan", "--lab", "Two_1", "site.yaml", "--detailed-exitcode")
    assert (changed.returncode, changed.stderr) == (2, "")


def test_lab_list_says_where_a_lab_runs(shell: Shell) -> None:
    """By the guest's release; a guest that has ended is told from one that runs."""
    assert shell("lab", "up", "aware.yaml", "--kernel", "guest").returncode == 0
    (item,) = json.loads(shell("lab", "list", "--json").stdout)["items"]
    assert (item["name"], item["site"], item["file"]) == ("pair", "pair", "aware.yaml")
    assert (item["kernel"], item["problem"]) == ("guest", None)
    assert shell("lab", "list").stdout.endswith(f"  guest {item['release']}\n")

    os.kill(int((shell.guests / "pair" / "process").read_text().split()[0]), signal.SIGKILL)
    until(lambda: shell.processes() == [])
    (item,) = json.loads(shell("lab", "list", "--json").stdout)["items"]
    assert (item["release"], item["problem"]) == (None, "its guest has ended")
    lost = shell("lab", "verify")
    assert lost.returncode == 1
    assert "lab 'pair': its guest has ended" in lost.stderr
    assert shell("lab", "down").returncode == 0
    assert shell.left() == []


@pytest.mark.parametrize("moment", ["process", "ready"])
def test_up_that_is_killed_leaves_nothing_after_down(shell: Shell, moment: str) -> None:
    """The guest of a killed `up` goes on, is known, and ends with `down`."""
    process = shell.start("lab", "up", "aware.yaml", "--kernel", "guest")
    until((shell.guests / "pair" / moment).exists)
    process.kill()
    process.communicate()

    assert [item["name"] for item in json.loads(shell("lab", "list", "--json").stdout)["items"]]
    assert shell("lab", "down", "pair").returncode == 0
    assert shell.left() == []


def test_an_interrupted_up_takes_its_guest_away(shell: Shell) -> None:
    """Ctrl-C reaches the command in the guest, and then the guest ends."""
    process = shell.start("lab", "up", "aware.yaml", "--kernel", "guest")
    until((shell.guests / "pair" / "ready").exists)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert shell.left() == []


def test_an_interrupt_reaches_a_program_in_the_guest(shell: Shell) -> None:
    """What it prints comes at once, and what it says at its end too."""
    assert shell("lab", "up", "aware.yaml", "--kernel", "guest").returncode == 0
    process = shell.start("lab", "exec", "a", "ping", "192.168.100.11")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("PING ")
    assert "ttl=64" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)

    assert "0% packet loss" in rest
    assert process.returncode == 0


def test_a_wrong_site_boots_nothing(shell: Shell) -> None:
    """It is read here, before anything happens."""
    wrong = PAIR.replace("vlan: 10", "vlan: 5000")
    shell.directory.joinpath("wrong.yaml").write_text(wrong)

    done = shell("lab", "up", "wrong.yaml", "--kernel", "guest")

    assert done.returncode == 65
    assert "Booting" not in done.stderr
    assert shell.left() == []


def test_the_demo_in_a_guest(shell: Shell) -> None:
    """One stream of events, everything proven, and no guest afterwards."""
    if "nft" in guest.find().lacks:
        pytest.skip("the walkthrough has a router, and this guest kernel no nft")
    done = shell("demo", "--kernel", "guest", "--json")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [event["type"] for event in events].count("version") == 1
    assert (events[-1]["type"], events[-1]["ok"]) == ("proof", True)
    assert shell.left() == []


@pytest.mark.kernel
def test_no_guest_kernel_says_how_to_get_one(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was named is not replaced by another."""
    monkeypatch.setenv("TRUNKLINE_GUEST_KERNEL", "/nowhere/linux")

    bare.directory.joinpath("aware.yaml").write_text(VLAN_AWARE)
    done = bare("lab", "up", "aware.yaml", "--kernel", "guest")

    assert done.returncode == 1
    assert "$TRUNKLINE_GUEST_KERNEL: '/nowhere/linux' is not an executable file" in done.stderr
    assert bare.left() == []
