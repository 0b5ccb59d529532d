"""The host's side of the directory through which it talks to a guest (see serve.py)."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trunkline
from trunkline.guest import serve
from trunkline.guest.kernel import GuestKernel

HIDDEN = ("/tmp", "/run", "/dev/shm")
"""Where the guest has empty directories of its own."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Request:
    """One command for the guest to run."""

    argv: tuple[str, ...]
    cwd: Path
    env: tuple[tuple[str, str], ...]
    """The whole environment."""
    timeout: float | None
    """Seconds; the guest ends the command's process group then."""
    merge: bool = False
    """Standard error goes into the output."""
    stream: bool = False
    """What it prints can be read while it runs."""
    stdin: bool = False
    """Its standard input follows, by `give`; otherwise it has none."""
    files: tuple[tuple[Path, bytes], ...] = ()
    """Put into the guest first: what it may not see, or saw before it was changed."""
    fetch: tuple[Path, ...] = ()
    """What the command may write for us."""

    def json(self) -> str:
        fields: dict[str, object] = {
            "argv": self.argv,
            "cwd": str(self.cwd),
            "env": dict(self.env),
        }
        texts = {str(p): data.decode("utf-8", "surrogateescape") for p, data in self.files}
        fields |= {"files": texts, "fetch": [str(path) for path in self.fetch]}
        fields |= {"stream": self.stream, "stdin": self.stdin}
        return json.dumps({**fields, "timeout": self.timeout, "merge": self.merge})


@dataclass(frozen=True)
class Reply:
    returncode: int
    out: str
    err: str


def environment(extra: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return a guest command's environment: nothing of the host's but the interpreter's place."""
    scripts = Path(sys.executable).parent
    plain = {"PATH": f"{scripts}:{PATH}", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}
    return tuple(sorted({**plain, **extra}.items()))


def prepare(
    directory: Path,
    kernel: GuestKernel,
    visible: Sequence[Path] = (),
    writable: Sequence[Path] = (),
) -> None:
    """Fill the empty *directory* with all that a guest needs to boot and to be talked to."""
    for name in ("requests", "replies", "uml"):
        (directory / name).mkdir(mode=0o700)
    shutil.copy(Path(__file__).with_name("init"), directory / "init")
    (directory / "init").chmod(0o755)
    shutil.copy(serve.__file__, directory / "serve.py")
    (directory / "boot").write_text(_boot(kernel, visible, writable))


def _boot(kernel: GuestKernel, visible: Sequence[Path], writable: Sequence[Path]) -> str:
    package = Path(trunkline.__file__).parents[1]
    own = [Path(sys.executable).parent.parent, Path(sys.base_prefix), package]
    lines = {"python": sys.executable, "modules": str(kernel.modules or "")}
    lines |= {f"visible_{n}": path for n, path in enumerate(_hidden([*own, *visible]), 1)}
    lines |= {f"writable_{n}": str(path) for n, path in enumerate(writable, 1)}
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in lines.items())


def _hidden(paths: Sequence[Path]) -> list[str]:
    """Return those of *paths* that the guest's own directories would hide, outermost first."""
    whole = {str(path.absolute()) for path in paths} | {str(path.resolve()) for path in paths}
    return sorted(path for path in whole if path.startswith(tuple(f"{d}/" for d in HIDDEN)))


def send(directory: Path, name: str, text: str) -> None:
    serve.place(directory / "requests" / f"{name}.json", text)


def give(directory: Path, name: str, number: int, data: bytes) -> None:
    """Give request *name* part *number* of its standard input; an empty one is the end."""
    serve.place(directory / "requests" / f"{name}.{number}.in", data)


def interrupt(directory: Path, name: str) -> None:
    """Send the command of request *name* what Ctrl-C sends."""
    # Named so that it comes after the request, and goes with it.
    send(directory, f"{name}.~signal", json.dumps({"signal": signal.SIGINT, "to": name}))


def stop(directory: Path, *, finish: bool = False) -> None:
    """Ask the guest to power off; *finish* lets the running commands end first."""
    send(directory, "~stop", json.dumps({"stop": True, "finish": finish}))


def reply(directory: Path, name: str) -> Reply | None:
    """Return the reply to request *name*, None while there is none."""
    path = directory / "replies" / name
    code = returncode(directory, name)
    if code is None:
        return None
    out, err = (path.with_suffix(end).read_text(errors="replace") for end in (".out", ".err"))
    return Reply(code, out, err)


def returncode(directory: Path, name: str) -> int | None:
    """Return the return code of request *name*'s command, None while it runs."""
    try:
        text = (directory / "replies" / f"{name}.json").read_text()
    except FileNotFoundError:
        return None
    return int(json.loads(text)["returncode"])


def release(directory: Path) -> str | None:
    """Return the guest kernel's release once the guest serves requests."""
    try:
        return (directory / "ready").read_text()
    except FileNotFoundError:
        return None


def console(directory: Path) -> str:
    """Return the last lines that the guest's kernel and init printed."""
    try:
        text = (directory / "console.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-15:])


def memory_directory(megabytes: int) -> Path:
    """Return where the guest's memory file fits; UML faults when it grows past the space left."""
    for path in (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp")):
        if os.access(path, os.W_OK) and shutil.disk_usage(path).free > megabytes << 20:
            return path
    return Path("/tmp")
