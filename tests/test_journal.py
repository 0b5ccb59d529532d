"""What a transaction writes down, and its lock."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trunkline import journal
from trunkline.errors import HostError, LockedError
from trunkline.journal import Transaction
from trunkline.operation import Operation
from trunkline.state import Bridge, Sysctl

TRANSACTION = Transaction(
    "walk",
    "trunkline apply",
    (Operation(None, Bridge("", "br0")), Operation(Bridge("", "br1"), None)),
    (Sysctl("edge", "net/ipv4/ip_forward", "1"),),
)


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_journal_without_an_end_is_found(tmp_path: Path) -> None:
    """With everything that an undo needs."""
    assert journal.unfinished(tmp_path) is None
    log = journal.begin(tmp_path, TRANSACTION)
    log.step("applied")

    found = journal.unfinished(tmp_path)

    assert found is not None
    assert found[0] == TRANSACTION


def test_a_journal_with_an_end_is_history(tmp_path: Path) -> None:
    """Nobody undoes it; the file stays to be looked at."""
    clock = Clock()
    log = journal.begin(tmp_path, TRANSACTION, clock)
    clock.now += 1
    log.step("applied")
    log.end("applied")

    assert journal.unfinished(tmp_path) is None
    assert sorted(os.listdir(tmp_path)) == [journal.LAST]
    records = [json.loads(line) for line in (tmp_path / journal.LAST).read_text().splitlines()]
    assert [(record["record"], record["time"]) for record in records] == [
        ("begin", 1000.0),
        ("step", 1001.0),
        ("end", 1001.0),
    ]


def test_the_last_step_may_be_an_end_that_was_not_renamed(tmp_path: Path) -> None:
    """A crash between the record and the rename changes nothing."""
    journal.begin(tmp_path, TRANSACTION).end("applied")
    os.rename(tmp_path / journal.LAST, tmp_path / journal.JOURNAL)

    assert journal.unfinished(tmp_path) is None


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_first_record_that_was_cut_off_was_not_written(tmp_path: Path, cut: int) -> None:
    """Nothing had been done on the strength of it; the next transaction begins afresh."""
    journal.begin(tmp_path, TRANSACTION)
    path = tmp_path / journal.JOURNAL
    path.write_bytes(path.read_bytes()[:-cut])

    assert journal.unfinished(tmp_path) is None
    journal.begin(tmp_path, TRANSACTION)
    assert journal.unfinished(tmp_path) is not None


def test_a_step_that_was_cut_off_does_not_hide_the_begin(tmp_path: Path) -> None:
    """The transaction is still to be undone."""
    journal.begin(tmp_path, TRANSACTION).step("applied")
    path = tmp_path / journal.JOURNAL
    path.write_bytes(path.read_bytes()[:-5])

    assert journal.unfinished(tmp_path) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"boot": 7},
        {"site": None},
        {"operations": [{}]},
        {"operations": 1},
        {"operations": [[]]},
        {"operations": [{"before": [1], "after": None}]},
        {"operations": [{"before": "x", "after": None}]},
        {"operations": [{"before": None, "after": None}]},
        {"lost": [{"row": "x"}]},
        {"lost": [1]},
        {"lost": [{"row": "namespace", "name": "n", "owner": None}]},
    ],
)
def test_a_journal_that_says_what_we_never_say(tmp_path: Path, change: dict[str, object]) -> None:
    """It is refused with its name, not guessed at."""
    journal.begin(tmp_path, TRANSACTION)
    path = tmp_path / journal.JOURNAL
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}) + "\n")

    with pytest.raises(HostError, match="of an interrupted run cannot be read") as raised:
        journal.unfinished(tmp_path)

    assert str(path) in raised.value.message


@pytest.mark.parametrize("line", ["[]", "1", "null", '"begin"', "{}", "zzz", "[" * 100_000])
@pytest.mark.parametrize("after", [False, True], ids=["alone", "after begin"])
def test_a_line_that_is_no_record(tmp_path: Path, line: str, after: bool) -> None:
    """It names the file; after the first record, what is not JSON was cut off by a full disk."""
    journal.begin(tmp_path, TRANSACTION)
    path = tmp_path / journal.JOURNAL
    path.write_text((path.read_text() if after else "") + line + "\n")

    if after and line[:2] in ("zz", "[["):
        assert journal.unfinished(tmp_path) is not None
        return
    with pytest.raises(HostError) as raised:
        journal.unfinished(tmp_path)

    assert str(path) in raised.value.message
    assert "remove the file" in raised.value.hint


def test_a_journal_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / journal.JOURNAL).mkdir()

    with pytest.raises(HostError, match="cannot be read: Is a directory"):
        journal.unfinished(tmp_path)


def test_a_journal_of_another_boot_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel that held what it speaks of is no more; the file stays to be looked at."""
    journal.begin(tmp_path, TRANSACTION).step("applied")
    assert not journal.outlived(tmp_path)
    written = (tmp_path / journal.JOURNAL).read_bytes()
    (tmp_path / "boot").write_text("another-boot\n")
    monkeypatch.setattr(journal, "BOOT_ID", tmp_path / "boot")

    assert journal.unfinished(tmp_path) is None
    assert journal.outlived(tmp_path)
    assert journal.set_aside(tmp_path).read_bytes() == written
    assert not journal.outlived(tmp_path)


def test_a_journal_with_an_end_outlives_no_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.begin(tmp_path, TRANSACTION).end("applied")
    os.rename(tmp_path / journal.LAST, tmp_path / journal.JOURNAL)
    (tmp_path / "boot").write_text("another-boot\n")
    monkeypatch.setattr(journal, "BOOT_ID", tmp_path / "boot")

    assert not journal.outlived(tmp_path)


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"[]", b'{"since": -1e999, "pid": 1, "command": 2}']
)
def test_a_lock_file_with_anything_in_it(tmp_path: Path, text: bytes) -> None:
    """Who holds it is then not known; that it is held is."""
    with journal.locked(tmp_path, "apply"):
        (tmp_path / journal.LOCK).write_bytes(text)
        with pytest.raises(LockedError, match="another process"), journal.locked(tmp_path, "x"):
            raise AssertionError("the lock was taken twice")


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """An error of this machine, before anything has happened."""
    (tmp_path / "file").write_text("")

    with pytest.raises(HostError) as raised, journal.locked(tmp_path / "file" / "x", "apply"):
        raise AssertionError("the lock was taken")

    assert "cannot be written" in raised.value.message


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    """Process, command and age; and it is free again afterwards."""
    clock = Clock()
    with journal.locked(tmp_path, "trunkline apply lab.yaml", clock):
        clock.now += 12
        with pytest.raises(LockedError) as raised, journal.locked(tmp_path, "other", clock):
            raise AssertionError("the lock was taken twice")

    assert raised.value.message == (
        f"the transaction lock is held by process {os.getpid()} ('trunkline apply lab.yaml') "
        "for 12 s"
    )
    with journal.locked(tmp_path, "other", clock):
        assert "other" in (tmp_path / journal.LOCK).read_text()
