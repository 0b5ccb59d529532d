"""Which lab is meant."""

from __future__ import annotations

import click

from trunkline import errors, local
from trunkline.cli import target
from trunkline.lab import registry
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
    """Return the lab that was *said*, or the only one that is up."""
    local.need_root("working in a lab's namespaces")
    if said is not None:
        return said
    match registry.known():
        case [only]:
            return only
        case []:
            hint = "bring one up with `trunkline lab up SITE`"
            raise errors.UsageError("no lab is up", hint=hint)
        case many:
            raise errors.UsageError(f"several labs are up: {', '.join(many)}", hint="name one")


def opened(said: str | None) -> Lab:
    from trunkline.lab import lifecycle

    return lifecycle.opened(name(said))
