"""Which lab is meant."""

from __future__ import annotations

import click

from trunkline import errors, local
from trunkline.cli import abroad, target
from trunkline.lab.lab import Lab


def argument(function: target.AnyFunction) -> target.AnyFunction:
    option = click.argument("lab", required=False, shell_complete=target.complete_labs)
    return option(function)


def option(function: target.AnyFunction) -> target.AnyFunction:
    chosen = click.option(
        "--lab",
        metavar="NAME",
        shell_complete=target.complete_labs,
        help="Which lab; not needed while only one is up.",
    )
    return chosen(function)


def name(said: str | None) -> str:
    """Return the lab that was *said*, or the only one that is up, wherever it runs."""
    local.need_root("working in a lab's namespaces")
    if (home := said or abroad.home()) is not None:
        return home
    match abroad.all_known():
        case [only]:
            return only
        case []:
            hint = "bring one up with `trunkline lab up SITE`"
            raise errors.UsageError("no lab is up", hint=hint)
        case many:
            raise errors.UsageError(f"several labs are up: {', '.join(many)}", hint="name one")


def here(said: str | None, *, stdin: bool = False) -> str:
    """Return the lab, which runs on this kernel: a command about another goes on there.

    *stdin*: the command reads the standard input.
    """
    lab = name(said)
    abroad.leave(lab, stdin=stdin)
    return lab


def opened(said: str | None, *, stdin: bool = False) -> Lab:
    from trunkline.lab import lifecycle

    return lifecycle.opened(here(said, stdin=stdin))
