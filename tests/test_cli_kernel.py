"""The command line on the running kernel: a lab from up to down, and a host of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WALKTHROUGH = ROOT / "examples" / "walkthrough.yaml"

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Shell:
    """Runs `trunkline` as people do, with directories of its own; in *namespace* if it has one."""

    directory: Path
    namespace: str = ""

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.argv, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    @property
    def argv(self) -> list[str]:
        enter = ["nsenter", f"--net=/run/netns/{self.namespace}"] if self.namespace else []
        return [*enter, sys.executable, "-m", "trunkline"]

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            "PYTHONPATH": str(ROOT / "src"),
            "TRUNKLINE_STATE_DIR": str(self.directory / "state"),
            "TRUNKLINE_RUN_DIR": str(self.directory / "run"),
        }
        return {**os.environ, **ours}

    def answer(self, *arguments: str) -> str:
        """Return what a command that must succeed prints."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def lab(tmp_path: Path, unique: str) -> Iterator[tuple[Shell, str]]:
    """The walkthrough, up as a lab of its own."""
    shell = Shell(tmp_path)
    shell.answer("lab", "up", str(WALKTHROUGH), "--name", unique)
    yield shell, unique
    with contextlib.suppress(subprocess.TimeoutExpired):
        shell("lab", "down", unique)


def test_a_lab_from_up_to_down(lab: tuple[Shell, str]) -> None:
    """Everything that a newcomer does with the first example."""
    trunkline, name = lab
    assert f"{name}  site 'walkthrough'" in trunkline.answer("lab", "list")
    assert "OK: 30 of 30 pairs as declared" in trunkline.answer("lab", "verify")
    ping = trunkline.answer("lab", "exec", "vm1", "--", "ping", "-c1", "192.168.10.40")
    assert "1 received" in ping
    isolated = trunkline("lab", "exec", "vm1", "--", "ping", "-c1", "-W1", "192.168.20.50")
    assert isolated.returncode == 1
    picture = trunkline.answer("diagram", "--lab", name)
    assert all(word in picture for word in ("eno16777736.10", "brvlan-20", "VLAN 10", "edge"))
    plan = trunkline.answer("plan", "--lab", name, "--detailed-exitcode")
    assert plan.endswith("0 of 3 hosts would change.\n")
    assert trunkline.answer("lab", "down", name).startswith(f"Lab '{name}' is gone")
    assert trunkline.answer("lab", "list") == ""


def test_a_broken_lab_is_seen_and_mended(lab: tuple[Shell, str]) -> None:
    """The only lab is meant without saying so; drift is exit 2 and `lab up` brings it back."""
    trunkline, name = lab
    trunkline.answer("lab", "exec", "host1", "--", "ip", "link", "del", "brvlan-10")
    done = trunkline("verify", "--json")
    assert done.returncode == 2
    assert f"Lab '{name}'" in done.stderr
    found = json.loads(done.stdout)
    assert (found["lab"], found["ok"]) == (name, False)
    plan = trunkline("plan", str(WALKTHROUGH), "--detailed-exitcode")
    assert (plan.returncode, "+ bridge brvlan-10" in plan.stdout) == (2, True)
    trunkline.answer("lab", "up", str(WALKTHROUGH), "--name", name)
    assert trunkline("verify", str(WALKTHROUGH)).returncode == 0


def test_exec_inspect_and_shell(lab: tuple[Shell, str]) -> None:
    """A command in a lab exits as it does; names in the shell are addresses."""
    trunkline, name = lab
    assert trunkline("lab", "exec", "vm1", "--", "sh", "-c", "exit 7").returncode == 7
    assert trunkline("lab", "exec", "vm1", "sh", "-c", "exit 7").returncode == 7
    absent = trunkline("lab", "exec", "vm9", "--", "true")
    assert (absent.returncode, "vm1" in absent.stderr) == (64, True)
    assert "vm4" in trunkline.answer("show", "ports", "--lab", name)
    assert trunkline.answer("show", "vms", "-o", "name").split()[0] == "host1/vm1"
    nodes = json.loads(trunkline.answer("lab", "inspect", "--json"))["nodes"]
    assert {"name": "vm4", "namespace": f"{name}.host2.vm4"}.items() <= next(
        node for node in nodes if node["name"] == "vm4"
    ).items()
    done = subprocess.run(
        [*trunkline.argv, "lab", "shell"],
        input="vm1 ping -c1 vm4\n",
        cwd=trunkline.directory,
        env=trunkline.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "1 received" in done.stdout) == (0, True)


@pytest.fixture
def host1(tmp_path: Path, scratch_namespace: str) -> Shell:
    """A machine with the NIC of host1, which has the other end of its cable too."""
    link = ["ip", "-n", scratch_namespace, "link"]
    nic = ["eno16777736", "address", "00:0c:29:27:d5:3b"]
    subprocess.run([*link, "add", *nic, "type", "veth", "peer", "name", "cable"], check=True)
    return Shell(tmp_path, scratch_namespace)


def test_plan_apply_verify_destroy(host1: Shell) -> None:
    site = str(WALKTHROUGH)
    assert host1("plan", site, "--host", "host1", "--detailed-exitcode").returncode == 2
    plan = json.loads(host1.answer("plan", site, "--host", "host1", "-o", "saved", "--json"))
    added = plan["hosts"][0]["summary"]["add"]
    assert added > 10
    assert f"{added} added" in host1.answer("apply", "saved", "--auto-approve")
    assert "no changes" in host1.answer("plan", site)
    assert host1.answer("verify").startswith("OK: host1 is as site 'walkthrough' declares.")
    assert "vnet1" in host1.answer("diagram")
    subprocess.run(["ip", "-n", host1.namespace, "link", "del", "vnet1"], check=True)
    assert host1("verify").returncode == 2
    assert "2 added" in host1.answer("apply", site, "--auto-approve")
    host1.answer("destroy", "--auto-approve")
    links = subprocess.run(
        ["ip", "-n", host1.namespace, "-j", "link"], capture_output=True, text=True, check=True
    )
    names = {link["ifname"] for link in json.loads(links.stdout)}
    assert names == {"lo", "eno16777736", "cable"}


@pytest.mark.parametrize("size", [4, 8, 12, 16, 64])
def test_a_full_disk_is_named_before_anything_happens(host1: Shell, size: int) -> None:
    """With room for all that is written down, or with an error and the host as it was."""
    state = host1.directory / "state"
    state.mkdir()
    argv = [*host1.argv, "apply", str(WALKTHROUGH), "--host", "host1", "--auto-approve"]
    mount = f"mount -t tmpfs -o size={size}k tmpfs {state} && exec {shlex.join(argv)}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount],
        env=host1.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    left = host1("plan", str(WALKTHROUGH), "--host", "host1", "--detailed-exitcode").returncode
    if done.returncode == 0:
        assert (size >= 16, "Done" in done.stdout, left) == (True, True, 0)
    else:
        assert (size <= 16, "Done" in done.stdout, left) == (True, False, 2)
        assert f"in '{state}" in done.stderr or f"'{state}" in done.stderr
        assert "No space left on device" in done.stderr


def test_a_missing_nic_is_named(tmp_path: Path, scratch_namespace: str) -> None:
    done = Shell(tmp_path, scratch_namespace)("plan", str(WALKTHROUGH), "--host", "host1")
    assert done.returncode == 1
    assert "'eno16777736' does not exist on this host" in done.stderr


def test_the_commands_of_a_plan_do_what_apply_does(host1: Shell) -> None:
    """A shell runs them, and the kernel then needs no change; eBPF devices are beyond a shell."""
    site = host1.directory / "site.yaml"
    site.write_text(
        "site: plain\n"
        "networks: {red: {untagged: true}}\n"
        "hosts: {host1: {uplinks: {lan: {device: eno16777736, networks: [red]}}}}\n"
        "vms: {vm1: {host: host1, ports: [{network: red}]}}\n"
    )
    script = host1.answer("plan", "--host", "host1", "--commands")
    enter = ["ip", "netns", "exec", host1.namespace]
    subprocess.run([*enter, "sh", "-eu"], input=script, text=True, check=True)
    assert "no changes" in host1.answer("plan", "--host", "host1")


def test_ctrl_c_while_asked_changes_nothing(host1: Shell) -> None:
    """The question is asked on a terminal; an interrupt there is 130 and no change."""
    leader, follower = os.openpty()
    argv = [*host1.argv, "apply", str(WALKTHROUGH), "--host", "host1"]
    process = subprocess.Popen(
        argv,
        cwd=host1.directory,
        env=host1.environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    seen = b""
    while b"Type yes to apply" not in seen:
        seen += os.read(leader, 4096)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == 130
    os.close(leader)
    assert (
        host1("plan", str(WALKTHROUGH), "--host", "host1", "--detailed-exitcode").returncode == 2
    )


def test_doctor_says_what_this_kernel_can_do(tmp_path: Path) -> None:
    trunkline = Shell(tmp_path)
    found = json.loads(trunkline.answer("doctor", "kernel", "--json"))
    assert found["kind"] == "KernelCapabilities"
    assert {item["name"] for item in found["items"]} >= {"bridge", "vlan_devices", "nft"}
    assert json.loads(trunkline.answer("doctor", "--json")) == found
    assert json.loads(trunkline.answer("doctor", "--json", "kernel")) == found
    text = trunkline.answer("doctor", "kernel")
    assert trunkline.answer("doctor") == text
    assert all(item["name"] in text for item in found["items"])


def test_without_root_the_exit_code_is_77(tmp_path: Path) -> None:
    """As nobody, who here may read every file: the checkout may lie in root's own directory."""
    nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"]
    reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    argv = ["setpriv", *nobody, *reads, sys.executable]
    done = subprocess.run(
        [*argv, "-m", "trunkline", "diagram"],
        cwd="/",
        env=Shell(tmp_path).environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 77, done.stderr
    assert "needs root" in done.stderr
    assert "Traceback" not in done.stderr
