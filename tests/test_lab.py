"""Labs come up, change, break, and go down without leaving anything."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from tests.lab_fixtures import ALLOWED, PAIR, WALKTHROUGH
from trunkline import verify
from trunkline.errors import ConflictError, HostError, LockedError, SiteError, UsageError
from trunkline.kernel import namespaces
from trunkline.kernel.packets.ethernet import BROADCAST, EtherType, Frame, Tag
from trunkline.lab import check, inspection, lifecycle, registry, running, sweep
from trunkline.lab.capture import Capture
from trunkline.lab.lab import Lab
from trunkline.lab.lifecycle import Event
from trunkline.lab.shell import Shell

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()
ROUTED = pytest.mark.needs("nft")
TIMEOUT = 0.6


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A lab's name; the lab is gone afterwards."""
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path / "run"))
    yield unique
    for lab in registry.known():
        lifecycle.down(lab)
    assert servers(unique) == []


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def servers(lab: str) -> list[int]:
    """Return the processes that were started for *lab*, wherever they are now."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"trunkline.lab.outside" in words and lab.encode() in words:
                found.append(int(entry.name))
    return found


def test_a_lab_comes_up_as_declared_and_goes_without_a_trace(name: str, tmp_path: Path) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    found = check.verify_lab(lab, timeout=TIMEOUT)
    count = lifecycle.down(name)

    assert verify.text(found).endswith("no drift")
    assert found.ok
    assert count == 6  # switch, two hosts, three machines
    assert sweep.members(name) == []
    assert not (tmp_path / "run").exists()


def test_up_again_changes_nothing(name: str) -> None:
    """The outside's server goes on too."""
    lifecycle.up(SITE, "pair.yaml", name=name)
    events: list[Event] = []

    lifecycle.up(SITE, "pair.yaml", name=name, tell=events.append)

    plans = [event.plan for event in events if event.plan is not None]
    assert len(plans) == 3
    assert all(plan.empty for plan in plans)


CHANGED = """
site: pair
networks:
  red:  {vlan: 10, subnets: [{cidr: 192.168.100.0/24}]}
  blue: {vlan: 20, subnets: [{cidr: 192.168.100.0/24}]}
hosts:
  h1: {uplinks: {lan: {device: eth0, networks: [red, blue]}}}
  h3: {uplinks: {lan: {device: eth0, networks: [red, blue]}}}
vms:
  a: {host: h1, ports: [{network: blue, device: vnet0, addresses: [192.168.100.12/24]}]}
  b: {host: h3, ports: [{network: red, device: vnet0, addresses: [192.168.100.11/24]}]}
  c: {host: h1, ports: [{network: blue, device: vnet1, addresses: [192.168.100.10/24]}]}
"""


def test_a_changed_site_changes_the_lab(name: str) -> None:
    """A machine moves to another network, one to another host, a host leaves, another comes."""
    lifecycle.up(SITE, "pair.yaml", name=name)

    lab = lifecycle.up(CHANGED.encode(), "pair.yaml", name=name)

    found = check.verify_lab(lab, timeout=TIMEOUT)
    reached = {r.cell.target for r in found.results if r.actual is verify.Actual.REACHABLE}
    assert found.ok, verify.text(found)
    assert reached == {"a", "c"}
    assert {f"{name}.h2", f"{name}.h2.b"}.isdisjoint(sweep.members(name))


def test_a_change_that_cannot_be_leaves_the_lab_as_it_was(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    # Somebody made a device of the name that the next machine's port needs.
    ip("-n", f"{name}.h1", "link", "add", "d-0", "type", "veth", "peer", "name", "other")
    added = PAIR.replace("expectations", "  d: {host: h1, ports: [{network: red}]}\nexpectations")

    with pytest.raises(ConflictError, match="d-0"):
        lifecycle.up(added.encode(), "pair.yaml", name=name)

    assert "d" not in lifecycle.opened(name).site.machines
    assert check.verify_lab(lab, timeout=TIMEOUT).ok


@ROUTED
def test_a_removed_outside_takes_its_server_along(name: str) -> None:
    lifecycle.up(ALLOWED.encode(), "allowed.yaml", name=name)
    before = registry.server_of(name)
    text = ALLOWED.replace(", external: true", "").partition("routers:")[0]

    lifecycle.up(text.encode(), "allowed.yaml", name=name)

    assert before is not None
    assert registry.server_of(name) is None
    assert servers(name) == []


def test_what_runs_in_a_machine_ends_when_the_machine_moves(name: str) -> None:
    """Its namespace has lost its name then, and `down` would never find it."""
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    with namespaces.entered(lab.place("b")):
        child = subprocess.Popen(["sleep", "60"])

    lifecycle.up(CHANGED.encode(), "pair.yaml", name=name)

    assert child.wait(5) == -signal.SIGTERM


def test_two_labs_side_by_side_do_not_meet(name: str) -> None:
    """The same site twice, with the same addresses and MACs."""
    one = lifecycle.up(SITE, "pair.yaml", name=f"{name}a")
    two = lifecycle.up(SITE, "pair.yaml", name=f"{name}b")

    assert check.verify_lab(one, timeout=TIMEOUT).ok
    ip("-n", f"{name}a.h2", "link", "set", "vnet0", "down")
    broken = check.verify_lab(one, timeout=TIMEOUT)
    whole = check.verify_lab(two, timeout=TIMEOUT)

    assert not broken.ok
    assert whole.ok
    lifecycle.down(f"{name}a")
    assert check.verify_lab(two, timeout=TIMEOUT).ok
    lifecycle.down(f"{name}b")


def test_a_deleted_port_is_drift_and_a_lost_pair(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    ip("-n", f"{name}.h2", "link", "delete", "vnet0")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    text = verify.text(found)
    assert not found.ok
    assert [drift.where for drift in found.drift] == ["h2"]
    assert "FAILED a -> b: expected reachable (both on red), is untested" in text
    assert "FAILED expectation a -> b reachable: a -> b is untested" in text


def test_a_port_in_the_wrong_bridge_is_a_leak(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    ip("-n", f"{name}.h1", "link", "set", "vnet0", "master", "brvlan-20")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    leaks = {(r.cell.source, r.cell.target) for r in found.results if not r.ok}
    assert leaks == {("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")}
    assert "broadcast: arrived" in verify.text(found)
    assert [drift.where for drift in found.drift] == ["h1"]


def test_a_lost_cable_is_the_fabrics_drift(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    ip("-n", f"{name}.switch", "link", "delete", "p2")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    assert "fabric" in [drift.where for drift in found.drift]
    assert not found.ok
    again = lifecycle.up(SITE, "pair.yaml", name=name)
    mended = check.verify_lab(again, timeout=TIMEOUT)
    assert mended.ok, verify.text(mended)


def test_a_deleted_namespace_is_drift_and_up_mends_it(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    namespaces.delete(f"{name}.h1.a")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    assert not found.ok
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    assert check.verify_lab(lab, timeout=TIMEOUT).ok


def test_a_site_that_cannot_come_up_leaves_nothing(name: str, tmp_path: Path) -> None:
    def sabotage(event: Event) -> None:
        if event.name == "h1":
            ip("-n", f"{name}.h2", "link", "add", "vnet0", "type", "bridge")

    with pytest.raises(ConflictError, match="'vnet0'"):
        lifecycle.up(SITE, "pair.yaml", name=name, tell=sabotage)

    assert sweep.members(name) == []
    assert not (tmp_path / "run").exists()


def test_an_interrupt_leaves_nothing(name: str, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.name == "h1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lifecycle.up(SITE, "pair.yaml", name=name, tell=stop)

    assert sweep.members(name) == []
    assert not (tmp_path / "run").exists()


def test_a_wrong_site_registers_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(SiteError):
        lifecycle.up(b"site: [", "bad.yaml", name=name)

    assert not (tmp_path / "run").exists()


def test_foreign_namespaces_are_not_taken_over(name: str) -> None:
    namespaces.create(f"{name}.h1")
    try:
        with pytest.raises(ConflictError, match=f"namespace '{name}.h1' exists already"):
            lifecycle.up(SITE, "pair.yaml", name=name)
        assert namespaces.names().count(f"{name}.h1") == 1
        assert registry.known() == []
    finally:
        namespaces.delete(f"{name}.h1")


def test_another_sites_lab_is_not_changed(name: str) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)

    with pytest.raises(ConflictError, match="is up for site 'pair', not 'other'"):
        lifecycle.up(PAIR.replace("site: pair", "site: other").encode(), "o.yaml", name=name)


def test_down_of_no_lab_says_which_there_are(name: str) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)

    with pytest.raises(HostError) as caught:
        lifecycle.down(f"{name}x")

    assert caught.value.hint == f"up are: {name}"


MIXED = """
site: mixed
networks: {tagged: {vlan: 10}, plain: {untagged: true}}
hosts:
  h1: {uplinks: {lan: {device: eth0, networks: [tagged, plain]}}}
  h2: {uplinks: {lan: {device: eth0, networks: [tagged, plain]}}}
"""


@ROUTED
def test_the_switch_passes_declared_vlans_only(name: str) -> None:
    """VLAN 10 and frames without a tag; 77 is of nobody, and a double tag is not ours either."""
    lab = lifecycle.up(MIXED.encode(), "mixed.yaml", name=name)
    sent = [
        Frame(BROADCAST, "02:00:00:00:00:07", EtherType.EXPERIMENTAL, bytes(46), tags)
        for tags in ((), (Tag(10),), (Tag(77),), (Tag(10, protocol=EtherType.DOT1AD),))
    ]
    with namespaces.entered(lab.place("h1")):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind(("eth0", 0))

    with wire, Capture(lab.place("h2"), "eth0") as capture:
        for frame in sent:
            wire.send(frame.encode())
        seen = capture.frames(settle=0.1)

    vlans = [c.vlan for c in seen if c.frame.ethertype == EtherType.EXPERIMENTAL]
    assert sorted(vlans) == [0, 10]


def test_a_name_with_a_dot_is_refused() -> None:
    """`a.b` would be inside of lab `a`."""
    with pytest.raises(UsageError, match=r"lab 'a\.b'"):
        registry.check_name("a.b")


def test_a_lab_in_work_is_locked(name: str) -> None:
    with registry.locked(name), pytest.raises(LockedError, match="another run"):
        lifecycle.up(SITE, "pair.yaml", name=name)
    registry.remove(name)


def test_down_finds_a_lab_that_the_registry_has_lost(name: str) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)
    registry.remove(name)

    assert lifecycle.down(name) == 6
    assert sweep.members(name) == []


def test_down_ends_what_runs_inside(name: str) -> None:
    """Also what does not listen to a polite request."""
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    script = (
        "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    )
    with namespaces.entered(lab.place("a")):
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"

        lifecycle.down(name)

        assert child.wait(5) == -signal.SIGKILL


UP = """
import sys, time
from trunkline.lab import lifecycle
def tell(event):
    print(event.name, flush=True)
lifecycle.up(open(sys.argv[1], "rb").read(), "w.yaml", name=sys.argv[2], tell=tell)
print("done", flush=True)
time.sleep(60)
"""

POINTS = ["start", "capabilities", "fabric", "host1", "host2", "host3", "outside", "done"]


def killed(name: str, point: str, delay: float, number: int = signal.SIGKILL) -> None:
    """End `up` of the walkthrough *delay* seconds after *point*, so in the middle of the next."""
    environment = {**os.environ, "PYTHONPATH": "src"}
    argv = [sys.executable, "-c", UP, str(WALKTHROUGH), name]
    with subprocess.Popen(argv, stdout=PIPE, stderr=DEVNULL, text=True, env=environment) as child:
        assert child.stdout is not None
        for line in child.stdout if point != "start" else ():
            if line.strip() == point:
                break
        time.sleep(delay)
        child.send_signal(number)


@ROUTED
@pytest.mark.parametrize("point", POINTS)
def test_down_after_a_kill_leaves_nothing(name: str, point: str, tmp_path: Path) -> None:
    """Wherever kill -9 hits `up`: no namespace, no file, no process, no record is left."""
    for delay in (0.0, 0.03):
        links = set(ip("-br", "link").split("\n"))
        killed(name, point, delay)

        if registry.exists(name):
            lifecycle.down(name)

        assert sweep.members(name) == []
        assert servers(name) == []
        assert not (tmp_path / "run").exists()
        assert not any("trunkline" in line for line in set(ip("link").split("\n")) - links)


@ROUTED
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("point", ["capabilities", "host1", "host3"])
def test_a_signal_takes_back_what_was_begun(
    name: str, point: str, number: signal.Signals, tmp_path: Path
) -> None:
    """In a transaction or between two: nobody has to call `down`."""
    for delay in (0.0, 0.03):
        killed(name, point, delay, number)

        assert sweep.members(name) == []
        assert not (tmp_path / "run").exists()


@ROUTED
@pytest.mark.parametrize("point", ["capabilities", "fabric", "host2", "host3"])
def test_up_after_a_kill_finishes_the_lab(name: str, point: str) -> None:
    killed(name, point, 0.03)

    lab = lifecycle.up(WALKTHROUGH.read_bytes(), "w.yaml", name=name)

    found = check.verify_lab(lab, timeout=TIMEOUT)
    assert found.ok, verify.text(found)


def test_down_takes_away_the_file_of_a_namespace_that_was_never_mounted(name: str) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)
    (namespaces.NETNS_DIR / f"{name}.h9").touch()

    lifecycle.down(name)

    assert sweep.members(name) == []


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
