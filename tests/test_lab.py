"""Labs come up, change, and go down without leaving anything."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_fixtures import ALLOWED, PAIR, ROUTED, TIMEOUT, fresh_lab, ip, servers
from trunkline import verify
from trunkline.errors import (
    ConflictError,
    HostError,
    LockedError,
    PartlyAppliedError,
    RolledBackError,
    SiteError,
    UsageError,
)
from trunkline.kernel import namespaces
from trunkline.lab import check, lifecycle, registry, sweep
from trunkline.lab.lifecycle import Event

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from fresh_lab(unique, tmp_path, monkeypatch)


def test_a_lab_comes_up_as_declared_and_goes_without_a_trace(name: str, tmp_path: Path) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    found = check.verify_lab(lab, timeout=TIMEOUT)
    count = lifecycle.down(name)

    assert verify.text(found).endswith("no drift")
    assert found.ok
    assert count == 6  # switch, two hosts, three machines
    assert sweep.present(name) == set()
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
    assert {f"{name}.h2", f"{name}.h2.b"}.isdisjoint(sweep.present(name))


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


def test_a_change_that_fails_half_way_is_rolled_back(name: str) -> None:
    """The fabric and a host are changed already: all of the lab is brought back."""
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    before = sweep.present(name)

    def sabotage(event: Event) -> None:
        if event.name == "h1":
            ip("-n", f"{name}.h3", "link", "add", "vnet0", "type", "bridge")

    with pytest.raises(RolledBackError, match=r"'vnet0'.*; rolled back: the lab is as") as caught:
        lifecycle.up(CHANGED.encode(), "pair.yaml", name=name, tell=sabotage)

    assert caught.value.exit_code == 3
    assert sweep.present(name) == before
    assert registry.read(name)[1] == SITE
    assert registry.next_text(name) == b""
    found = check.verify_lab(lab, timeout=TIMEOUT)
    assert found.ok, verify.text(found)


def test_an_interrupted_change_is_rolled_back(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)

    def stop(event: Event) -> None:
        if event.name == "h1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lifecycle.up(CHANGED.encode(), "pair.yaml", name=name, tell=stop)

    assert check.verify_lab(lab, timeout=TIMEOUT).ok


def test_a_change_that_cannot_be_rolled_back_says_so(name: str) -> None:
    """Somebody takes the name of the host that the change has removed."""
    lifecycle.up(SITE, "pair.yaml", name=name)

    def sabotage(event: Event) -> None:
        if event.name == "h1":
            ip("-n", f"{name}.h3", "link", "add", "vnet0", "type", "bridge")
            namespaces.create(f"{name}.h2")
            ip("-n", f"{name}.h2", "link", "set", "lo", "up")

    with pytest.raises(PartlyAppliedError, match=r"'vnet0'.*could not be brought back") as caught:
        lifecycle.up(CHANGED.encode(), "pair.yaml", name=name, tell=sabotage)

    assert caught.value.exit_code == 4
    lifecycle.down(name)
    assert sweep.present(name) == set()


def test_a_site_that_cannot_come_up_leaves_nothing(name: str, tmp_path: Path) -> None:
    def sabotage(event: Event) -> None:
        if event.name == "h1":
            ip("-n", f"{name}.h2", "link", "add", "vnet0", "type", "bridge")

    with pytest.raises(ConflictError, match="'vnet0'"):
        lifecycle.up(SITE, "pair.yaml", name=name, tell=sabotage)

    assert sweep.present(name) == set()
    assert not (tmp_path / "run").exists()


def test_an_interrupt_leaves_nothing(name: str, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.name == "h1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lifecycle.up(SITE, "pair.yaml", name=name, tell=stop)

    assert sweep.present(name) == set()
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
    assert sweep.present(name) == set()


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
