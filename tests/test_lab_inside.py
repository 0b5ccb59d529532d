"""Looking at a lab, and working in one: inspect, exec, shell."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL

import pytest

from tests.lab_fixtures import ALLOWED, EXAMPLES, PAIR, ROUTED, fresh_lab
from trunkline.errors import HostError, UsageError
from trunkline.lab import inspection, lifecycle, registry, running
from trunkline.lab.lab import Lab
from trunkline.lab.shell import Shell

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from fresh_lab(unique, tmp_path, monkeypatch)


def test_inspect_lists_everything_with_its_namespace(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    rows = {each.name: each for each in inspection.inmates(lab)}
    lines = inspection.text(lab).splitlines()

    assert rows["b"].namespace == f"{name}.h2.b"
    assert rows["b"].addresses == ("192.168.100.11/24",)
    assert rows["h1"].networks == ("red", "blue")
    assert all(each.up for each in rows.values())
    assert len(lines) == 7
    assert lines[0].split() == ["NAME", "KIND", "HOST", "NETWORKS", "ADDRESSES", "NAMESPACE"]


def test_exec_runs_inside_and_passes_the_exit_code(name: str, tmp_path: Path) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    out = tmp_path / "out"

    with out.open("wb") as file:
        good = running.execute(lab, "h1", ["ls", "/sys/class/net"], stdout=file)
    bad = running.execute(lab, "a", [sys.executable, "-c", "raise SystemExit(7)"])
    killed_by = running.execute(
        lab, "a", [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    )

    assert (good, bad, killed_by) == (0, 7, 137)
    # /sys shows the devices of the namespace in which it was mounted.
    assert {"brvlan-10", "eth0", "lo"} <= set(out.read_text().split())


def test_exec_in_nobody_lists_who_there_is(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    with pytest.raises(UsageError) as caught:
        running.execute(lab, "z", ["true"])

    assert caught.value.hint == "there are: switch, h1, h2, a, b, c"


def test_exec_of_a_missing_program_says_so(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    with pytest.raises(HostError, match="'no-such-program': no such program"):
        running.execute(lab, "a", ["no-such-program"])


@ROUTED
def test_the_outside_answers_by_name(name: str) -> None:
    """From behind source NAT: DNS, HTTP and echo, as on the Internet."""
    lab = lifecycle.up(ALLOWED.encode(), "allowed.yaml", name=name)
    script = (
        "import socket, urllib.request as u\n"
        "print(u.urlopen('http://www.example.org/', timeout=5).read().decode())\n"
        "s = socket.create_connection(('8.8.8.8', 7), 5); s.sendall(b'again'); print(s.recv(9))\n"
    )
    argv = [sys.executable, "-c", script]
    log = registry.directory(name) / "said"

    with log.open("wb") as file:
        code = running.execute(lab, "r1", argv, stdout=file)

    assert code == 0
    assert log.read_text() == (
        f"You have reached the outside of lab '{name}' at 8.8.8.8. You come from 10.0.9.2.\n\n"
        "b'again'\n"
    )


def shell(lab: Lab, *lines: str) -> tuple[int, str]:
    out = io.StringIO()
    code = Shell(lab, out).run(lines)
    return code, out.getvalue()


def test_the_shell_has_mininets_verbs(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    code, said = shell(lab, "net", "links", "pingall", "nonsense", "exit", "nodes")

    assert code == 64
    assert "red (VLAN 10): a b\nblue (VLAN 20): c\n" in said
    assert "h1:eth0 <-> switch:p1 (red, blue)\n" in said
    assert "a -> b X\n" in said
    assert "error: 'nonsense' is neither a command nor in this lab" in said
    assert "NAMESPACE" not in said


def test_the_shell_draws_and_verifies(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    code, said = shell(lab, "diagram", "verify  # all of it")

    assert code == 0
    assert "brvlan-10" in said
    assert "2 of 2 expectations hold, no drift" in said


def test_the_shell_runs_commands_with_names_for_addresses(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    code, _ = shell(lab, f"a {sys.executable} -c 'import sys; print(sys.argv[1])' b")

    assert code == 0
    assert capfd.readouterr().out == "192.168.100.11\n"


def test_a_hosts_own_address_reaches_its_physical_network(name: str) -> None:
    """Its NIC carries no network of the site, and hangs on the wire all the same."""
    text = (EXAMPLES / "plain-bridge.yaml").read_bytes()
    lab = lifecycle.up(text, "plain-bridge.yaml", name=name)

    reached = running.execute(lab, "host1", ["ping", "-c1", "-W2", "192.168.3.1"], stdout=DEVNULL)

    assert reached == 0
