"""How we talk to whoever reads: colour, ASCII, questions; from options and locale.

Everything that is printed leaves through `echo` or `exact`: a terminal obeys escape characters,
and the kernel allows them in the names of devices, as file systems do in those of files.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from typing import Any, Literal

import click

from trunkline.wording import visible

Color = Literal["auto", "always", "never"]
_KEY = "trunkline.terminal"


@dataclass
class Terminal:
    """What the options said; each may be given before or after the command's name."""

    color: Color = "auto"
    ascii: bool = False
    no_input: bool = False

    @property
    def ascii_only(self) -> bool:
        return self.ascii or not _locale_is_utf8()

    @property
    def may_ask(self) -> bool:
        return not self.no_input and sys.stdin.isatty() and sys.stderr.isatty()


def current() -> Terminal:
    """Return the settings of the running command."""
    context = click.get_current_context(silent=True)
    return Terminal() if context is None else _of(context)


def _of(context: click.Context) -> Terminal:
    # meta is shared by a context and all its children, so the last option given wins.
    terminal = context.meta.setdefault(_KEY, Terminal())
    assert isinstance(terminal, Terminal)
    return terminal


def _locale_is_utf8() -> bool:
    """Return whether the people at the other end can see box-drawing characters.

    Python turns LANG=C into UTF-8 by itself (PEP 538), so its own encoding is not enough.
    """
    said = next((v for k in ("LC_ALL", "LC_CTYPE", "LANG") if (v := os.environ.get(k))), "UTF-8")
    names = (said, sys.stdout.encoding or "ascii")
    return all("utf8" in name.lower().replace("-", "") for name in names)


def wants_color(choice: Color, environment: dict[str, str]) -> bool | None:
    """Return True or False where that is said, None where the stream decides (a TTY or not).

    >>> wants_color("auto", {"NO_COLOR": "1"}), wants_color("always", {"NO_COLOR": "1"})
    (False, True)
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    if environment.get("CLICOLOR_FORCE", "0") != "0" or environment.get("FORCE_COLOR"):
        return True
    return None


def _set_color(context: click.Context, _: click.Parameter, value: Color | None) -> None:
    terminal = _of(context)
    terminal.color = value or terminal.color
    context.color = wants_color(terminal.color, dict(os.environ))


def _set_flag(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        setattr(_of(context), parameter.name or "", True)


NAMES = ("color", "ascii", "no_input")
"""The names of the options that every command takes."""


def options() -> list[click.Parameter]:
    """Return the options that every command takes."""
    common: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            help="Default: on a terminal, unless NO_COLOR is set.",
            callback=_set_color,
            **common,
        ),
        click.Option(
            ["--ascii"],
            is_flag=True,
            help="Only ASCII; the default without a UTF-8 locale.",
            callback=_set_flag,
            **common,
        ),
        click.Option(
            ["--no-input"],
            is_flag=True,
            help="Never ask; fail where an answer is needed.",
            callback=_set_flag,
            **common,
        ),
    ]


def columns() -> int | None:
    """Return the width to fit the answer to; None where it goes into a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


class Painted(str):
    """Text that is safe as it is: escaped, and then perhaps coloured by us."""

    __slots__ = ()


def safe(text: str) -> Painted:
    """Return *text* with all that a terminal obeys escaped, but ends of lines and tabs."""
    if isinstance(text, Painted):
        return text
    return Painted("".join(map(_safe, re.split(r"([\n\t])", text))))


def _safe(part: str) -> str:
    return part if part in ("\n", "\t") else visible(part)


def paint(text: str, **style: Any) -> Painted:
    """Return *text* in a colour; *style* is what `click.style` takes."""
    return Painted(click.style(safe(text), **style))


def joined(*parts: str) -> Painted:
    """Return *parts* as one text; those that were not painted are escaped."""
    return Painted("".join(map(safe, parts)))


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print *text* for people."""
    click.echo(safe(text), err=err, nl=nl)


def exact(text: str, *, nl: bool = True) -> None:
    """Print *text* for programs: as it is, except where a terminal reads it."""
    click.echo(safe(text) if sys.stdout.isatty() else text, nl=nl)


def progress(text: str) -> None:
    """Tell people what is going on; never part of the answer."""
    echo(text, err=True)
