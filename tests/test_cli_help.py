"""The help of every command, the spelling mistakes, and how fast it all starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from trunkline.cli.group import Entry, LazyGroup
from trunkline.cli.main import root


def _walk(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    for name, entry in group.entries.items():
        yield (*path, name), entry
        command = entry.load()
        if isinstance(command, LazyGroup):
            yield from _walk(command, (*path, name))


COMMANDS = dict(_walk(root))


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(root, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_explains_and_shows_examples(path: tuple[str, ...]) -> None:
    """Every command has a sentence and examples that call this very command."""
    code, text, complaints = invoke(*path, "--help")
    assert (code, complaints) == (0, "")
    assert f"trunkline {' '.join(path)}" in text.split("Examples:")[1]
    assert len(text.split("Options:")[0].split()) > 15
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_summary_is_the_command_s_own(path: tuple[str, ...]) -> None:
    """The line in the group's table is the first sentence of the command's help."""
    entry = COMMANDS[path]
    command = entry.load()
    assert command.name == path[-1]
    help_text = " ".join((command.help or "").split())
    assert help_text.startswith(entry.summary.rstrip("."))


def test_help_names_the_exit_codes() -> None:
    _, text, _ = invoke("--help")
    for code in ("0", "1", "2", "3", "4", "64", "65", "75", "77", "130"):
        assert f"\n  {code} " in text.split("Exit codes:")[1]


@pytest.mark.parametrize(
    ("wrong", "right"), [("aply", "apply"), ("verfy", "verify"), ("shwo", "show")]
)
def test_a_mistyped_command_gets_a_suggestion(wrong: str, right: str) -> None:
    code, text, complaints = invoke(wrong)
    assert (code, text) == (64, "")
    assert f"there is no command '{wrong}'; did you mean '{right}'?" in complaints


def test_a_command_like_no_other_gets_the_list() -> None:
    code, _, complaints = invoke("zzz")
    assert code == 64
    assert "commands: demo, lab, " in complaints


def test_help_is_a_command_too() -> None:
    assert invoke("help") == invoke("--help")
    assert invoke("help", "plan") == invoke("plan", "--help")
    assert invoke("lab", "help", "up") == invoke("lab", "up", "--help")


def test_a_mistyped_option_is_a_usage_error() -> None:
    code, _, complaints = invoke("plan", "--jsn")
    assert code == 64
    assert "--json" in complaints


def test_help_imports_nothing_heavy() -> None:
    """`trunkline --help` must not pay for YAML, pydantic, rich or the kernel."""
    script = (
        "import sys\n"
        "sys.argv = ['trunkline', '--help']\n"
        "from trunkline.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    loaded = set(eval(done.stderr))
    heavy = {"pydantic", "yaml", "rich", "trunkline.manifest", "trunkline.kernel", "asyncio"}
    assert "click" in loaded
    assert not loaded & heavy


def test_completion_offers_command_names() -> None:
    """The shell asks through the environment, as Click's scripts for bash, zsh and fish do."""
    environment = {
        "_TRUNKLINE_COMPLETE": "bash_complete",
        "COMP_WORDS": "trunkline d",
        "COMP_CWORD": "1",
    }
    result = CliRunner().invoke(root, [], env=environment, prog_name="trunkline")
    offered = {line.split(",")[1] for line in result.stdout.split()}
    assert offered == {"demo", "destroy", "diagram", "doctor"}


def test_completion_offers_hosts_of_the_site_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a glance: the rest of the file may be broken while it is edited."""
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text("site: x\nhosts:\n  kvm1: {}\n  kvm2: {}\nvms:\n  vm1: {\n")
    environment = {
        "_TRUNKLINE_COMPLETE": "bash_complete",
        "COMP_WORDS": "trunkline plan --host ",
        "COMP_CWORD": "3",
    }
    result = CliRunner().invoke(root, [], env=environment, prog_name="trunkline")
    assert [line.split(",")[1] for line in result.stdout.split()] == ["kvm1", "kvm2"]


def test_labs_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path))
    (tmp_path / "labs" / "first").mkdir(parents=True)
    environment = {
        "_TRUNKLINE_COMPLETE": "bash_complete",
        "COMP_WORDS": "trunkline lab down ",
        "COMP_CWORD": "3",
    }
    result = CliRunner().invoke(root, [], env=environment, prog_name="trunkline")
    assert result.stdout == "plain,first\n"
