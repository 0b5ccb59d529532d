"""What a terminal gets: nothing that it obeys comes out of a name."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.cli import terminal

CLI = Path(terminal.__file__).parent
COLOUR = re.compile(rb"\x1b\[(0|1|2|3[0-7])m")
"""What we write ourselves."""

SITE = """
site: small
networks: {red: {untagged: true}}
hosts: {here: {uplinks: {lan: {device: eth1, networks: [red]}}}}
"""

ESCAPE = "\x1b]0;x\x07"
"""Sets the title of the window."""


def typed(*arguments: str, directory: Path, namespace: str = "") -> tuple[int, bytes]:
    """Run `trunkline` on a terminal of its own; return its exit code and what came there."""
    leader, follower = os.openpty()
    enter = ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []
    process = subprocess.Popen(
        [*enter, sys.executable, "-m", "trunkline", *arguments],
        cwd=directory,
        env={
            **os.environ,
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "TRUNKLINE_STATE_DIR": str(directory / "state"),
            "TRUNKLINE_RUN_DIR": str(directory / "run"),
        },
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while part := os.read(leader, 4096):
            seen += part
    os.close(leader)
    return process.wait(timeout=60), seen


def obeyed(seen: bytes) -> bytes:
    """Return the control characters in *seen* that are not ours."""
    text = COLOUR.sub(b"", seen).decode()
    return bytes(
        ord(c) for c in text if ord(c) < 256 and not c.isprintable() and c not in "\r\n\t"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (f"pl{ESCAPE}an",),
        ("validate", f"e{ESCAPE}.yaml"),
        ("validate", f"good{ESCAPE}.yaml"),
        ("validate", f"bad{ESCAPE}.yaml"),
        ("validate", "site.yaml", f"--x{ESCAPE}"),
        ("show", f"po{ESCAPE}rts"),
        ("plan", "site.yaml", "--host", f"h{ESCAPE}"),
        ("lab", "exec", "--lab", f"l{ESCAPE}", "vm1", "true"),
    ],
    ids=lambda words: words[0].split("\x1b")[0],
)
def test_a_command_line_with_escapes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / f"good{ESCAPE}.yaml").write_text(SITE)
    (tmp_path / f"bad{ESCAPE}.yaml").write_text(SITE.replace("untagged: true", "vlan: 9999"))
    _, seen = typed(*arguments, directory=tmp_path)
    assert obeyed(seen) == b""
    assert b"Traceback" not in seen
    if "plan" not in arguments:  # which needs root before it looks at the host
        assert b"\\x1b]0;x\\x07" in seen


@pytest.mark.kernel
@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "site.yaml", "--host", "here"),
        ("plan", "site.yaml", "--host", "here", "--details"),
        ("plan", "site.yaml", "--host", "here", "--commands"),
        ("plan", "site.yaml", "--host", "here", "--json"),
        ("verify", "site.yaml", "--host", "here"),
        ("apply", "site.yaml", "--host", "here", "--auto-approve"),
        ("show", "ports"),
        ("show", "ports", "nothing"),
        ("show", "bridges", "--style", "brctl"),
        ("diagram",),
        ("diagram", "--svg", "-"),
    ],
    ids="-".join,
)
def test_a_device_name_with_escapes(
    tmp_path: Path, scratch_namespace: str, arguments: tuple[str, ...]
) -> None:
    """The kernel takes them; here in a bridge that seems ours, so that a plan is about it."""
    (tmp_path / "site.yaml").write_text(SITE)
    link = ["ip", "-n", scratch_namespace, "link"]
    bridge, port = "b\x1b[31m", "p\x1b]0;x\x07"
    for words in (
        ["add", "eth1", "type", "veth", "peer", "name", "cable"],
        ["add", bridge, "type", "bridge"],
        ["set", bridge, "alias", "trunkline:small/network/old\x1b[2J"],
        ["add", port, "type", "veth", "peer", "name", "q\x1b[8m"],
        ["set", port, "master", bridge],
    ):
        subprocess.run([*link, *words], check=True)
    code, seen = typed(*arguments, directory=tmp_path, namespace=scratch_namespace)
    assert code in (0, 1, 2)
    assert obeyed(seen) == b""
    assert b"\x1b[31mp" not in seen
    assert re.search(rb"b(\\x1b|\\u001b|\?)\[31m|p(\\x1b|\?)\]0", seen), seen


def test_for_a_program_a_name_stays_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """`plan --commands | sh` means the device that is called so."""
    terminal.exact(f"ip link del dev 'a{ESCAPE}'")
    terminal.echo(f"a{ESCAPE}\tb\nc")
    assert capsys.readouterr().out == f"ip link del dev 'a{ESCAPE}'\na\\x1b]0;x\\x07\tb\nc\n"


def test_what_is_painted_is_escaped_once() -> None:
    red = terminal.paint("a\x1bb", fg="red")
    assert red == "\x1b[31ma\\x1bb\x1b[0m"
    assert terminal.safe(red) is red
    assert terminal.joined("\x9b", red) == f"\\x9b{red}"


BYTES = {"abroad.py", "brctl.py"}
"""Write bytes: what the same program printed elsewhere, and what another would print here, escaped
where a terminal reads it."""


@pytest.mark.parametrize("path", sorted(CLI.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_is_printed_past_the_terminal(path: Path) -> None:
    """One door for everything, or a name gets out by another."""
    if path != CLI / "terminal.py" and path.name not in BYTES:
        assert not re.search(r"click\.s?echo\(|click\.style\(|\bprint\(", path.read_text())
