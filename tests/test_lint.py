"""The checks of `make lint types contracts` as tests: one pytest is the whole gate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("lint-imports",)],
    ids=" ".join,
)
def test_the_checkout_is_clean(command: tuple[str, ...]) -> None:
    """The tool finds nothing; what it found is in the failure."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", ["dev/setup", "dev/packages", "src/trunkline/guest/init"])
def test_shell_scripts_parse(script: str) -> None:
    """Debian's sh, which runs them, finds no syntax error."""
    done = subprocess.run(["/bin/sh", "-n", ROOT / script], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_no_module_is_too_long_or_named_after_nothing() -> None:
    """A file has at most 400 lines and is named by what it is about."""
    modules = [*ROOT.glob("src/**/*.py"), *ROOT.glob("dev/*.py"), *ROOT.glob("tests/*.py")]
    vague = {"utils", "helpers", "common", "base", "manager"}

    assert [m.name for m in modules if len(m.read_text().splitlines()) > 400] == []
    assert [m.name for m in modules if m.stem in vague] == []
