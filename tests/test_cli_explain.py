"""`trunkline explain`: the words for each situation, and the command on this kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge_shell import Shell, inside
from tests.cli_machine import Machine, a_machine
from trunkline.bridge_explanation import Bridge, Source, explain, text
from trunkline.bridge_identity import ZERO, BridgeIdentity, created, created_without
from trunkline.values import MacAddress

__all__ = ["a_machine"]

LOW, HIGH, OWN = "52:54:00:00:00:01", "52:54:00:00:00:02", "02:00:00:00:00:99"
SPARE = MacAddress("fe:11:22:33:44:55")


def told(identity: BridgeIdentity, *addresses: str, owner: str | None = None) -> str:
    bridge = Bridge("br0", identity, owner, addresses)
    return text(bridge, explain(bridge, SPARE))


def test_pinned() -> None:
    assert told(created(OWN).attach("vnet0", LOW), owner="shop/networks.red") == (
        """\
br0: 02:00:00:00:00:99, bridge id 8000.020000000099, addr_assign_type 3
  why      pinned: it was set when the bridge was created or by hand later, and no port changes
           it; Trunkline made this bridge for 'shop/networks.red' and pins the MAC of each
  changes  `ip link set dev br0 address MAC` -> that MAC; ports may come and go
  risk     none"""
    )


def test_lowest_of_its_ports() -> None:
    identity = created_without(OWN).attach("eth1", HIGH).attach("vnet0", LOW)
    assert told(identity, "192.168.1.1/24") == (
        """\
br0: 52:54:00:00:00:01, bridge id 8000.525400000001, addr_assign_type 1
  why      lowest of its ports: vnet0; nobody has set one, so it follows
  changes  vnet0 leaves or gets a higher MAC -> 52:54:00:00:00:02, that of eth1
           a port joins, or gets a MAC, lower than this one -> that MAC
  risk     when vnet0 leaves, the host is deaf at 192.168.1.1/24 for seconds to minutes:
           neighbours go on sending to the old MAC, which then is no longer the bridge's own:
           its frames are flooded to the ports and never reach the host, until each neighbour
           asks again
  fix      ip link set dev br0 address 52:54:00:00:00:01"""
    )


def test_the_page_shows_what_is_printed() -> None:
    identity = created_without(OWN).attach("eth1", HIGH).attach("vnet0", LOW)
    page = (Path(__file__).parents[1] / "docs/bridge-mac.md").read_text()
    assert textwrap.indent(told(identity, "192.168.1.1/24"), "    ") in page


def test_pinned_half() -> None:
    assert told(created_without(OWN).set_mac(OWN)) == (
        """\
br0: 02:00:00:00:00:99, bridge id 8000.000000000000, addr_assign_type 3
  why      pinned by hand to the MAC that it had already, before it had a port; the kernel then
           leaves the bridge id alone, so that is 8000.000000000000
  changes  `ip link set dev br0 address MAC` -> that MAC; ports may come and go
  risk     every bridge that was pinned this way has the same bridge id, and with STP two of
           them take each other for themselves
  fix      ip link set dev br0 address 02:00:00:00:00:01
           ip link set dev br0 address 02:00:00:00:00:99"""
    )


NEW = created_without(OWN)
CASES = {
    "new": NEW,
    "one port": NEW.attach("a", LOW),
    "two lenders": NEW.attach("a", LOW).attach("b", LOW).attach("c", HIGH),
    "all ports gone": NEW.attach("a", LOW).detach("a"),
    "pinned without a MAC": NEW.attach("a", LOW).detach("a").set_mac(ZERO).attach("b", HIGH),
    "pinned half": NEW.set_mac(OWN),
    "pinned half to what the detour takes": created_without("02:00:00:00:00:01").set_mac(
        "02:00:00:00:00:01"
    ),
    "pinned": created(OWN),
}


@pytest.mark.parametrize("name", CASES)
def test_the_fix_fixes(name: str) -> None:
    """After its commands the bridge is pinned, its bridge id is right, no risk is left."""
    identity = CASES[name]
    before = explain(Bridge("br0", identity), SPARE)
    for command in before.fix:
        identity = identity.set_mac(command.removeprefix("ip link set dev br0 address "))
    after = explain(Bridge("br0", identity), SPARE)
    assert (after.source, after.risk, after.fix) == (Source.SET, "", ())
    assert bool(before.risk) == bool(before.fix) == (name != "pinned")


@pytest.mark.parametrize("name", ["one port", "two lenders"])
def test_what_would_change_it_does(name: str) -> None:
    """The MAC that is foretold for the leaving of the lenders is what then comes."""
    identity = CASES[name]
    foretold = explain(Bridge("br0", identity), SPARE).changes[0].mac
    for port in identity.lenders:
        identity = identity.detach(port)
    assert identity.mac == foretold


# --- the command -----------------------------------------------------------------------------


@pytest.fixture
def shell(scratch_namespace: str) -> Iterator[Shell]:
    with inside(scratch_namespace) as found:
        found.ip("link add br0 type bridge")
        found.ip(f"link add vnet0 address {LOW} type veth peer name other address {HIGH}")
        found.ip("address add 192.0.2.1/24 dev br0")
        found.ip("link set vnet0 master br0")
        yield found


def run(shell: Shell, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    ours = {
        "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
        "TRUNKLINE_STATE_DIR": str(directory / "state"),
        "TRUNKLINE_RUN_DIR": str(directory / "run"),
    }
    argv = ["ip", "netns", "exec", shell.namespace, sys.executable, "-m", "trunkline"]
    return subprocess.run(
        [*argv, "explain", "bridge", *arguments],
        env={**os.environ, **ours},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.kernel
@pytest.mark.guest
def test_on_this_kernel(shell: Shell, tmp_path: Path) -> None:
    """The printed command, typed as it is, pins the bridge and changes nothing else."""
    done = run(shell, tmp_path, "br0", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (item,) = document["items"]
    assert document["kind"] == "BridgeExplanation"
    assert (item["mac"], item["bridge_id"], item["addr_assign_type"]) == shell.identity("br0")
    assert (item["source"], item["ports"]) == ("port", {"vnet0": LOW})
    assert (item["addresses"], item["owner"]) == (["192.0.2.1/24"], None)
    assert item["changes"][0]["mac"] == ZERO
    (command,) = item["fix"]

    assert shell.tell(command) == ""
    assert shell.identity("br0") == (LOW, "8000.525400000001", 3)
    assert "why      pinned" in run(shell, tmp_path, "br0").stdout


@pytest.mark.kernel
def test_no_such_bridge(shell: Shell, tmp_path: Path) -> None:
    done = run(shell, tmp_path, "br1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: there is no bridge 'br1' here\n  hint: did you mean 'br0'?\n"


def test_no_such_lab(machine: Machine) -> None:
    done = machine("explain", "bridge", "br0", "--lab", "nowhere")
    assert (done.exit_code, done.stdout) != (0, "")
    assert "nowhere" in done.stderr
