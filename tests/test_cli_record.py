"""What a host keeps of its runs on disk, when the disk is full or somebody has edited it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli_machine import Machine, a_machine
from trunkline import journal, local
from trunkline.journal import Transaction
from trunkline.operation import Operation
from trunkline.state import Bridge

__all__ = ["a_machine"]

GONE = Transaction("small", "trunkline apply", (Operation(Bridge("", "br-gone"), None),))
"""A dead run that was about to delete a bridge."""


def test_a_record_that_cannot_be_written_stops_the_apply(machine: Machine) -> None:
    """Before anything is changed, with the name of the file."""
    local.state_dir().mkdir()
    (local.state_dir() / "sites").write_text("")
    done = machine("apply", "--auto-approve")
    assert (done.exit_code, machine.kernel.writes) == (1, 0)
    assert "small.new' of an applied site cannot be written" in done.stderr
    assert "TRUNKLINE_STATE_DIR" in done.stderr
    assert "Done" not in done.stdout


def test_a_site_that_is_as_declared_is_remembered_too(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    local.forget("small")
    assert machine("apply").exit_code == 0
    assert [record.site for record in local.applied()] == ["small"]


def test_a_rolled_back_apply_keeps_the_record_before(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    (before,) = local.applied()
    Path("site.yaml").write_text(before.source.replace("vlan: 10", "vlan: 11"))
    machine.kernel.refuses = lambda op: op.key == ("port", "", "eth1.11")
    assert machine("apply", "--auto-approve").exit_code == 3
    assert local.applied() == (before,)
    assert [path.name for path in (local.state_dir() / "sites").iterdir()] == ["small.json"]


@pytest.mark.parametrize(
    "text", ["[]", "1", "{", '{"site": 1, "host": 2, "file": 3, "source": 4}']
)
def test_a_record_of_something_else(machine: Machine, text: str) -> None:
    (local.state_dir() / "sites").mkdir(parents=True)
    (local.state_dir() / "sites" / "small.json").write_text(text)
    done = machine("verify")
    assert done.exit_code == 1
    assert "small.json' is not readable" in done.stderr


def test_a_reboot_undoes_a_dead_run(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was about to delete is gone with the kernel, and stays so."""
    local.journal_dir().mkdir(parents=True)
    journal.begin(local.journal_dir(), GONE)
    Path("boot").write_text("another-boot")
    monkeypatch.setattr(journal, "BOOT_ID", Path("boot"))
    assert "died half-way" not in machine("plan").stderr
    done = machine("apply", "--auto-approve")
    assert done.exit_code == 0
    assert "died before the last reboot, which has undone it" in done.stderr
    assert str(local.journal_dir() / journal.ASIDE) in done.stderr
    assert ("link", "", "br-gone") not in machine.kernel.rows
    assert "reboot" not in machine("apply").stderr


@pytest.mark.parametrize("command", ["plan", "apply", "destroy"])
@pytest.mark.parametrize("change", [[], 1, None, {"operations": [[]]}, {"operations": "x"}])
def test_a_journal_that_somebody_edited(machine: Machine, command: str, change: object) -> None:
    """An error that names the file and the way out, and no change."""
    local.journal_dir().mkdir(parents=True)
    journal.begin(local.journal_dir(), GONE)
    path = local.journal_dir() / journal.JOURNAL
    record = {**json.loads(path.read_text()), **change} if isinstance(change, dict) else change
    path.write_text(json.dumps(record) + "\n")
    done = machine(command)
    assert (done.exit_code, machine.kernel.writes) == (1, 0)
    assert f"the journal '{path}'" in done.stderr
    assert "remove the file" in done.stderr
