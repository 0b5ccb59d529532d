"""Labs that live in a guest kernel: every command about one is carried out there.

Whoever finds out which lab a command is about calls `leave`. If the lab lives in a guest, that
ends the command here, and `run` has the whole command line carried out in the guest instead: same
checkout, same working directory, same files, and its output, error and exit code are ours. So no
command knows about guests. In the guest itself every lab is an ordinary one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from trunkline import errors
from trunkline.cli import sitefile, terminal

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., object])

RUNNING, GUEST = "running", "guest"

HOME = "TRUNKLINE_GUEST_LAB"
"""Set for a command that is carried out in a guest: the lab that is meant."""

PASSED_ON = (
    *("LANG", "LC_ALL", "LC_CTYPE", "SHELL", "TRUNKLINE_DEBUG"),
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"),
)
"""Of the environment, what changes how a command answers."""

RECORD = "lab.json"


class OutputFile(click.types.StringParamType):
    """A file that a command writes; one that is carried out in a guest gives it back."""


@dataclass(eq=False)
class Abroad(BaseException):
    """The command is to be carried out in the guest of *lab*; no error, so nothing catches it."""

    lab: str
    boot: bool = False
    """The guest is started if it does not run."""
    stay: bool = True
    """A guest that was started goes on if the command succeeds."""
    stdin: bool = False
    """The command reads the standard input."""
    record: dict[str, str] | None = None
    """Kept as what the lab is, if the command succeeds."""
    files: dict[str, bytes] = field(default_factory=dict)
    fetch: tuple[str, ...] = ()


def kernel_option(function: AnyFunction) -> AnyFunction:
    """Add --kernel; None is where the lab is already, else the running kernel."""
    option = click.option(
        "--kernel",
        type=click.Choice([RUNNING, GUEST]),
        help="The kernel to run it on; default: running. `guest` boots a complete one of its own.",
    )
    return option(function)


def home() -> str | None:
    """Return the lab that this command is about, if this is the lab's guest."""
    return os.environ.get(HOME)


def known() -> list[str]:
    """Return the labs that live in guests, or were left half-up there."""
    try:
        return sorted(entry.name for entry in _state().iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


def all_known() -> list[str]:
    """Return every lab there is, wherever it runs."""
    from trunkline.lab import registry

    return sorted({*registry.known(), *known()})


def described(lab: str) -> dict[str, str | None]:
    """Return what is known of *lab* here: its site, its file, its guest's kernel."""
    from trunkline import guest

    release = guest.release(lab, state=_state())
    problem = None if release else "its guest has ended"
    try:
        record = json.loads((_state() / lab / RECORD).read_text())
    except (OSError, ValueError):
        return {"release": release, "site": None, "file": None, "problem": problem or "half-up"}
    return {"release": release, "problem": problem, **record}


def leave(lab: str, *, stdin: bool = False) -> None:
    """End this command here if *lab* lives in a guest; `run` goes on with it there."""
    from trunkline import guest

    if home() is not None or lab not in known():
        return
    if lab not in guest.names(_state()):
        hint = f"`trunkline lab down {lab}` removes what is left of it"
        raise errors.HostError(f"lab '{lab}': its guest has ended", hint=hint)
    raise _abroad(lab, stdin=stdin)


def need_no_terminal(lab: str) -> None:
    """Raise UsageError if somebody would type into *lab*'s guest, which has no terminal."""
    if lab in known() and sys.stdin.isatty():
        hint = f"pipe the commands: `echo pingall | trunkline lab shell --lab {lab}`"
        raise errors.UsageError(f"lab '{lab}' is in a guest, which has no terminal", hint=hint)


def settle(lab: str, kernel: str | None, *, record: dict[str, str]) -> None:
    """End this command here if *lab* is, or is to be, in a guest."""
    from trunkline.lab import registry

    if home() is not None:
        return
    abroad = lab in known()
    if (kernel == GUEST and registry.exists(lab)) or (kernel == RUNNING and abroad):
        where = "in a guest" if abroad else "on the running kernel"
        hint = "take it down first, or choose another name with --name"
        raise errors.ConflictError(f"lab '{lab}' is up {where}", hint=hint)
    if abroad or kernel == GUEST:
        raise _abroad(registry.check_name(lab), boot=True, record=record)


def visit(lab: str) -> None:
    """Have this command carried out in a guest of its own, unless this is it."""
    if home() is None:
        if lab in known():
            hint = f"take it down with `trunkline lab down {lab}`"
            raise errors.ConflictError(f"lab '{lab}' is up already", hint=hint)
        raise _abroad(lab, boot=True, stay=False)


def stop(lab: str) -> None:
    """Take *lab* away with its guest."""
    from trunkline import guest

    with guest.held(lab, state=_state()):
        guest.stop(lab, state=_state())
        _clean()


def run(arguments: Sequence[str], action: Callable[[], Any]) -> Any:
    """Run *action*; if it turns out to be about a guest's lab, run *arguments* there instead."""
    try:
        return action()
    except Abroad as abroad:
        from trunkline.lab import signals

        with signals.interrupting():
            return _settled(abroad, arguments) if abroad.boot else _forward(abroad, arguments)


def _settled(abroad: Abroad, arguments: Sequence[str]) -> int:
    """Run the command in a guest that is started for it, which ends if the command fails."""
    from trunkline import guest
    from trunkline.lab import signals

    state = _state()
    with guest.held(abroad.lab, state=state):
        fresh = abroad.lab not in guest.names(state)
        code = None
        try:
            if fresh:
                terminal.progress("Booting a guest kernel...")
                release = guest.start(abroad.lab, state=state)
                terminal.progress(f"  guest: Linux {release}")
            code = _forward(abroad, arguments)
            if code == 0 and abroad.record is not None:
                (state / abroad.lab / RECORD).write_text(json.dumps(abroad.record))
        finally:
            if fresh and not (code == 0 and abroad.stay):
                with signals.waiting():
                    guest.stop(abroad.lab, state=state)
                    _clean()
    return code


def _forward(abroad: Abroad, arguments: Sequence[str]) -> int:
    import trunkline
    from trunkline import guest

    here = Path.cwd()
    files = tuple((here / path, data) for path, data in abroad.files.items() if path != "-")
    given = _input(abroad)
    extra = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # From where this was imported, which need not be installed.
    extra |= {"PYTHONPATH": str(Path(trunkline.__file__).parents[1]), HOME: abroad.lab}
    request = guest.Request(
        (sys.executable, "-m", "trunkline", *arguments),
        here,
        guest.environment(extra),
        None,
        stream=True,
        stdin=given is not None,
        files=files,
        fetch=tuple(here / path for path in abroad.fetch if (here / path).parent.is_dir()),
    )
    return guest.carry_out(
        abroad.lab,
        request,
        out=lambda data: click.echo(data, nl=False),
        err=lambda data: click.echo(data, nl=False, err=True),
        given=given,
        state=_state(),
    )


def _input(abroad: Abroad) -> bytes | int | None:
    """Return what the command reads; of a terminal nothing, since the guest has none."""
    if "-" in abroad.files:
        return abroad.files["-"]
    return sys.stdin.fileno() if abroad.stdin and not sys.stdin.isatty() else None


def _abroad(lab: str, **fields: Any) -> Abroad:
    """Return what ends the running command here, with the files that it reads and writes."""
    context = click.get_current_context()
    fetch = (
        context.params.get(parameter.name or "")
        for parameter in context.command.params
        if isinstance(parameter.type, OutputFile)
    )
    paths = tuple(path for path in fetch if path and path != "-")
    return Abroad(lab, files=sitefile.read_so_far(context), fetch=paths, **fields)


def _state() -> Path:
    from trunkline.lab import registry

    return registry.labs_dir().with_name("guest-labs")


def _clean() -> None:
    """Forget the directory of all guest labs with the last one."""
    for path in (_state(), _state().parent):
        with contextlib.suppress(OSError):  # others are in it
            path.rmdir()
