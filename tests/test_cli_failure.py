"""Every way out: one exit code and a message without a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from trunkline import errors
from trunkline.cli import failure, terminal

TRUNKLINE = (sys.executable, "-m", "trunkline")


def _raise(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


CASES = [
    (errors.UsageError("x"), 64),
    (errors.ConflictError("x"), 1),
    (errors.StaleError("x"), 1),
    (errors.LockedError("x"), 75),
    (errors.DeniedError("x"), 77),
    (errors.KernelError("ip link add", errno.EEXIST, "File exists"), 1),
    (errors.VerificationError("x"), 2),
    (errors.SiteError("site.yaml", []), 65),
    (click.UsageError("x"), 64),
    (click.Abort(), 130),
    (KeyboardInterrupt(), 130),
    (errors.Interrupted("interrupted by SIGTERM"), 130),
    (PermissionError(errno.EACCES, "Permission denied", "/proc/1"), 77),
    (OSError(errno.ENOSPC, "No space left on device"), 1),
    (ZeroDivisionError("division by zero"), 1),
]


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda x: type(x).__name__)
def test_every_exception_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failure.run(_raise(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err
    assert "Traceback" not in err


def test_a_command_returns_its_own_code() -> None:
    assert [failure.run(lambda: 2), failure.run(lambda: None)] == [2, 0]


def test_the_hint_follows_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    failure.run(_raise(errors.HostError("no nft", hint="install nftables")))
    assert capsys.readouterr().err == "error: no nft\n  hint: install nftables\n"


def test_a_bug_names_the_way_to_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failure.run(_raise(KeyError("vlan")))
    assert capsys.readouterr().err.splitlines() == [
        "internal error: KeyError: 'vlan'",
        "  hint: this is a bug; run it again with TRUNKLINE_DEBUG=1 to see where",
    ]
    monkeypatch.setenv("TRUNKLINE_DEBUG", "1")
    failure.run(_raise(KeyError("vlan")))
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("choice", "environment", "wanted"),
    [
        ("auto", {}, None),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": ""}, None),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("always", {"NO_COLOR": "1"}, True),
    ],
)
def test_colour(choice: terminal.Color, environment: dict[str, str], wanted: bool | None) -> None:
    assert terminal.wants_color(choice, environment) is wanted


def test_a_closed_pipe_is_quiet() -> None:
    """`trunkline schema | head -1` must not end in a complaint."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*TRUNKLINE, "schema"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writer)
    assert done.stderr == ""
