"""Changing a host from the command line: plan, apply, destroy, verify; what is remembered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli_machine import SITE, Machine, a_machine
from trunkline import journal, local
from trunkline.journal import Transaction
from trunkline.operation import Operation
from trunkline.state import Bridge, Nic

__all__ = ["a_machine"]


def test_plan_shows_commands_and_changes_nothing(machine: Machine) -> None:
    before = dict(machine.kernel.rows)
    done = machine("plan")
    assert done.exit_code == 0
    assert done.stdout.startswith("here, to be as site 'small' declares:\n")
    assert "+ bridge brvlan-10 " in done.stdout
    assert "ip link add name brvlan-10 " in done.stdout
    assert done.stdout.endswith(" to add, 0 to change, 0 to destroy.\n")
    assert machine.kernel.rows == before


def test_plan_as_commands_is_nothing_but_commands(machine: Machine) -> None:
    script = machine("plan", "--commands").stdout
    lines = re.sub(r" <<'EOF'\n.*?\nEOF$", "", script, flags=re.DOTALL | re.MULTILINE).splitlines()
    assert {line.split()[0] for line in lines} <= {"ip", "bridge", "echo", "printf", "nft"}
    assert len(lines) > 5


def test_plan_with_details_has_every_field(machine: Machine) -> None:
    text = machine("plan", "--details").stdout
    assert "  + bridge brvlan-10\n" in text
    assert "      stp = false\n" in text


def test_detailed_exit_codes(machine: Machine) -> None:
    assert machine("plan", "--detailed-exitcode").exit_code == 2
    assert machine("verify").exit_code == 2
    assert machine("apply", "--auto-approve").exit_code == 0
    assert machine("plan", "--detailed-exitcode").exit_code == 0
    assert machine("verify").exit_code == 0


def test_plan_json(machine: Machine) -> None:
    found = machine.json("plan", "--json")
    assert {name: found[name] for name in ("apiVersion", "kind", "site", "file", "lab")} == {
        "apiVersion": "trunkline/v1",
        "kind": "Plan",
        "site": "small",
        "file": "site.yaml",
        "lab": None,
    }
    (host,) = found["hosts"]
    assert host["host"] == "here"
    assert host["summary"]["add"] == len(host["changes"])
    assert {change["action"] for change in host["changes"]} == {"create"}


def test_apply_then_destroy_leaves_what_was(machine: Machine) -> None:
    before = dict(machine.kernel.rows)
    applied = machine("apply", "--auto-approve")
    assert (applied.exit_code, len(machine.kernel.rows) > 5) == (0, True)
    assert "added, 0 changed, 0 destroyed; here is as site 'small' declares." in applied.stdout
    assert [(record.site, record.host) for record in local.applied()] == [("small", "here")]

    destroyed = machine("destroy", "--auto-approve")
    assert destroyed.exit_code == 0
    assert "here is without site 'small'." in destroyed.stdout
    assert machine.kernel.read() == before
    assert local.applied() == ()


def test_destroy_by_name_without_any_file(machine: Machine) -> None:
    before = dict(machine.kernel.rows)
    machine("apply", "--auto-approve")
    Path("site.yaml").unlink()
    assert machine("destroy", "--auto-approve", "small").exit_code == 0
    assert machine.kernel.read() == before


def test_destroy_of_nothing_says_so(machine: Machine) -> None:
    done = machine("destroy")
    assert done.exit_code == 0
    assert done.stdout == "here.example.org: no changes, it is without site 'small'.\n"


def test_apply_asks_nobody_without_a_terminal(machine: Machine) -> None:
    done = machine("apply", stdin="yes\n")
    assert done.exit_code == 64
    assert "--auto-approve" in done.stderr
    assert machine.kernel.writes == 0


def test_apply_again_changes_nothing(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    writes = machine.kernel.writes
    done = machine("apply")
    assert (done.exit_code, machine.kernel.writes) == (0, writes)
    assert done.stdout == "here: no changes, it is as site 'small' declares.\n"


def test_apply_json_is_a_stream(machine: Machine) -> None:
    version, plan, applied = machine.events("apply", "--auto-approve", "--json")
    assert version == {"type": "version", "ui": "1.0"}
    assert (plan["type"], plan["host"]) == ("plan", "here")
    assert applied == {"type": "applied", "host": "here", "summary": plan["summary"]}


def test_a_failed_apply_is_rolled_back(machine: Machine) -> None:
    before = dict(machine.kernel.rows)
    machine.kernel.refuses = lambda op: op.row.key[0] == "port" and op.before is None
    done = machine("apply", "--auto-approve")
    assert done.exit_code == 3
    assert "Cannot allocate memory" in done.stderr
    assert "rolled back: the host is as it was before" in done.stderr
    assert machine.kernel.read() == before
    assert local.applied() == ()


def test_a_failed_undo_names_what_is_left(machine: Machine) -> None:
    def refuses(operation: Operation) -> bool:
        removal = isinstance(operation.row, Bridge) and operation.after is None
        return removal or (operation.row.key[0] == "port" and operation.before is None)

    machine.kernel.refuses = refuses
    done = machine("apply", "--auto-approve", "--json")
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.exit_code, last["type"]) == (4, "partly_applied")
    assert last["left"] == ["ip link del dev brvlan-10"]
    assert "    ip link del dev brvlan-10\n" in done.stderr
    assert [record.site for record in local.applied()] == ["small"]


def test_what_a_dead_run_left_is_undone_first(machine: Machine) -> None:
    """Its journal has no end: plan says so, apply undoes it and goes on."""
    done = machine.kernel.read()
    machine("apply", "--auto-approve")
    operations = [
        Operation(None, row)
        for key, row in machine.kernel.read().items()
        if key not in done and isinstance(row, Bridge)
    ]
    journal.begin(local.journal_dir(), Transaction("small", "trunkline apply", tuple(operations)))
    assert "An earlier run died" in machine("plan").stderr
    applied = machine("apply", "--auto-approve")
    assert applied.exit_code == 0
    assert "what it had begun is undone" in applied.stderr
    assert "+ bridge brvlan-10" in applied.stdout
    assert machine("verify").exit_code == 0


def test_two_runs_at_a_time(machine: Machine) -> None:
    with journal.locked(local.journal_dir(), "somebody's apply"):
        done = machine("apply", "--auto-approve")
    assert done.exit_code == 75
    assert "'somebody's apply'" in done.stderr
    assert machine.kernel.writes == 0


def test_a_saved_plan_does_exactly_that(machine: Machine) -> None:
    assert machine("plan", "-o", "monday.plan").exit_code == 0
    Path("site.yaml").unlink()
    assert machine("apply", "monday.plan", "--auto-approve").exit_code == 0
    (record,) = local.applied()
    assert (record.site, record.source) == ("small", SITE)


def test_a_stale_plan_is_refused(machine: Machine) -> None:
    machine("plan", "-o", "monday.plan")
    machine("apply", "--auto-approve")
    done = machine("apply", "monday.plan", "--auto-approve")
    assert done.exit_code == 1
    assert "no longer as it was when the plan was saved: nothing is left to do" in done.stderr


def test_a_plan_is_not_stale_for_what_it_is_not_about(machine: Machine) -> None:
    machine("plan", "-o", "monday.plan")
    tap = Nic("", "tap9", up=True, mtu=1500, mac="fe:54:00:00:00:09", kind="tun")
    machine.kernel.rows[tap.key] = tap
    assert machine("apply", "monday.plan", "--auto-approve").exit_code == 0


def test_a_plan_of_another_machine_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("plan", "-o", "monday.plan")
    monkeypatch.setattr(local, "hostname", lambda: "elsewhere")
    done = machine("apply", "monday.plan", "--auto-approve")
    assert done.exit_code == 1
    assert "was made on 'here.example.org', this is 'elsewhere'" in done.stderr


@pytest.mark.parametrize("text", ['{"kind": "SavedPlan"}', '{"kind": "Plan"}'])
def test_a_broken_plan_file_is_a_usage_error(machine: Machine, text: str) -> None:
    Path("x.plan").write_text(text)
    done = machine("apply", "x.plan")
    assert done.exit_code == 64
    assert "x.plan" in done.stderr


def test_a_name_that_somebody_holds_is_an_error_before_anything_happens(machine: Machine) -> None:
    bridge = Bridge("", "brvlan-10")
    machine.kernel.rows[bridge.key] = bridge
    done = machine("apply", "--auto-approve")
    assert done.exit_code == 1
    assert "brvlan-10" in done.stderr
    assert machine.kernel.writes == 0


def test_verify_names_the_drift(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    machine.kernel.apply([Operation(machine.kernel.rows["link", "", "brvlan-10"], None)])
    done = machine("verify")
    assert done.exit_code == 2
    assert done.stdout.startswith("FAILED: here is not as site 'small' declares:\n")
    found = machine.json("verify", "--json")
    assert (found["kind"], found["ok"]) == ("Verification", False)
    assert "bridge brvlan-10" in [change["label"] for change in found["drift"]]


def test_the_applied_site_is_remembered(machine: Machine) -> None:
    """After an apply, verify needs neither the file nor the name of the host."""
    machine("apply", "--host", "there", "--auto-approve")
    Path("site.yaml").unlink()
    done = machine("verify")
    assert done.exit_code == 0
    assert done.stdout == "OK: there is as site 'small' declares.\n"
    assert "as it was applied from site.yaml" in done.stderr
