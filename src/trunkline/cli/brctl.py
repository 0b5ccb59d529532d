"""`trunkline brctl`, and what runs when we are called by the name of `brctl`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO

import click

from trunkline.brctl.commands import run as carry_out
from trunkline.cli import terminal
from trunkline.cli.group import Command
from trunkline.kernel.bridge_control import BridgeControl


class Verbatim(Command):
    """A command whose arguments are another program's, options and all."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Click takes the first `--` away, and it means something to brctl, too.
        return super().parse_args(ctx, ["--", *args] if args[:1] == ["--"] else args)


@click.command(
    cls=Verbatim,
    name="brctl",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    examples=[
        "trunkline brctl show  # the bridges of this namespace",
        "trunkline brctl addbr br0  # also addif, delif, delbr",
        "trunkline brctl showmacs br0  # who is behind which port",
        "trunkline brctl stp br0 on  # also setfd, sethello, setmaxage, setbridgeprio",
        'ln -s "$(command -v trunkline)" /usr/local/bin/brctl  # scripts that call brctl',
    ],
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> int:
    """Be brctl: its 16 commands, its output, on netlink.

    What it prints and its exit codes are those of bridge-utils 1.7, byte for byte, but a name that
    is too long is refused and not cut short. Like brctl, it acts on any bridge at once, also on
    one that a site declares. Without words it lists its commands.
    """
    return run(words)


def run(words: Sequence[str]) -> int:
    """Be brctl with these words; returns its exit code."""
    outcome = carry_out(words, BridgeControl)
    # brctl holds back its output and not its errors: where both go into one file, that shows.
    _write(sys.stderr, outcome.stderr)
    _write(sys.stdout, outcome.stdout)
    return outcome.code


def _write(stream: IO[str], text: str) -> None:
    """Write *text* as it is, except where a terminal reads it."""
    shown: str = terminal.safe(text) if stream.isatty() else text
    click.echo(shown.encode("utf-8", "surrogateescape"), file=stream, nl=False)
