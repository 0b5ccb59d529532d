"""The one place where an exception becomes a message on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import click

from trunkline.cli import terminal
from trunkline.errors import (
    DeniedError,
    HostError,
    Interrupted,
    SiteError,
    TrunklineError,
)

USAGE = 64
INTERRUPTED = 130

# Click's own 2 means "not as declared" here, as in `terraform plan -detailed-exitcode`.
click.UsageError.exit_code = USAGE


def run(action: Callable[[], Any]) -> int:
    """Run *action* and return the exit code; the commands return theirs, None is 0."""
    try:
        code = action()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt, Interrupted) as error:
        why = str(error) if isinstance(error, Interrupted) else ""
        return _say(why or "interrupted", INTERRUPTED)
    except click.ClickException as error:
        return _refused(error)
    except BrokenPipeError:
        return _broken_pipe()
    except Exception as error:
        return _failed(error)


def _refused(error: click.ClickException) -> int:
    """Say what Click says about a command line, in our words."""
    context = getattr(error, "ctx", None)
    text = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        terminal.progress(text)
        return error.exit_code
    hint = f"see `{context.command_path} --help`" if context is not None else ""
    return _say(f"error: {text[:1].lower()}{text[1:]}", error.exit_code, hint)


def _failed(error: Exception) -> int:
    if os.environ.get("TRUNKLINE_DEBUG"):
        terminal.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    known = error if isinstance(error, TrunklineError) else _known(error)
    if known is None:
        text = f"internal error: {type(error).__name__}: {error}"
        return _say(text, 1, "this is a bug; run it again with TRUNKLINE_DEBUG=1 to see where")
    if isinstance(known, SiteError):
        from trunkline import problems  # whoever raised it has imported YAML already

        terminal.echo(problems.text(known), err=True, nl=False)
    return _say(f"error: {known}", known.exit_code, known.hint)


def _known(error: Exception) -> TrunklineError | None:
    """Return what the operating system said as our error; None is a bug."""
    if not isinstance(error, OSError) or error.errno is None:
        return None
    where = f": '{error.filename}'" if error.filename else ""
    text = f"{(error.strerror or str(error)).lower()}{where}"
    if isinstance(error, PermissionError):
        return DeniedError(text, hint="Trunkline changes kernel state: run it as root (sudo)")
    hint = "" if error.filename else "run it again with TRUNKLINE_DEBUG=1 to see where"
    return HostError(text, hint=hint)


def _say(text: str, code: int, hint: str = "") -> int:
    terminal.progress(text if code == INTERRUPTED else terminal.paint(text, fg="red"))
    if hint:
        terminal.progress(f"  hint: {hint}")
    return code


def _broken_pipe() -> int:
    """Be quiet when `| head` has seen enough; the flush at exit must not complain either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def fields(error: TrunklineError) -> dict[str, object]:
    """Return *error* for JSON."""
    return {"message": str(error), "hint": error.hint, "exit_code": error.exit_code}
