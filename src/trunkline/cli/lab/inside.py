"""`trunkline lab exec` and `shell`."""

from __future__ import annotations

import os
import sys

import click

from trunkline import errors
from trunkline.cli import abroad, terminal
from trunkline.cli.group import Command
from trunkline.cli.lab import choice
from trunkline.lab import running


def complete_places(context: click.Context, _p: click.Parameter, incomplete: str) -> list[str]:
    """Complete what is in the lab; a wrong lab completes nothing."""
    try:
        places = choice.opened(context.params.get("lab")).places()
    except (errors.TrunklineError, abroad.Abroad):
        return []
    return [name for name in places if name.startswith(incomplete)]


@click.command(
    cls=Command,
    name="exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    examples=[
        "trunkline lab exec vm1 -- ping -c1 192.168.10.40  # a machine to a machine",
        "trunkline lab exec host1 -- bridge fdb show  # what a host's bridges have learned",
        "trunkline lab exec switch -- tcpdump -eni p1 -c4  # tagged frames on a trunk",
    ],
)
@choice.option
@click.argument("place", metavar="NAME", shell_complete=complete_places)
@click.argument("argv", metavar="COMMAND...", nargs=-1, type=click.UNPROCESSED)
def execute(lab: str | None, place: str, argv: tuple[str, ...]) -> int:
    """Run a command in a machine of a lab.

    NAME is a machine, a host, a router, `switch` or `outside`. The command is one of this
    machine's programs with that namespace's devices, addresses and routes. Exits as the command
    does.
    """
    words = argv[1:] if argv[:1] == ("--",) else argv
    return running.execute(choice.opened(lab, stdin=True), place, words)


@click.command(
    cls=Command,
    name="shell",
    examples=[
        "trunkline lab shell  # nodes, net, links, pingall, diagram, vm1 ping -c1 vm4",
        "trunkline lab shell vm1  # your own shell inside vm1",
        "echo pingall | trunkline lab shell  # from a script",
    ],
)
@choice.option
@click.argument("place", metavar="[NAME]", required=False, shell_complete=complete_places)
def shell(lab: str | None, place: str | None) -> int:
    """Open a shell for a lab, or in a machine.

    Without NAME it is a prompt with mininet's verbs, where `vm1 ping vm4` runs ping in vm1 with
    the address of vm4. With NAME it is your own shell, in that machine's network namespace.
    """
    from trunkline.lab.shell import Shell, typed

    abroad.need_no_terminal(choice.name(lab))
    opened = choice.opened(lab, stdin=True)
    if place is not None:
        return running.execute(opened, place, [os.environ.get("SHELL") or "/bin/sh"])
    if sys.stdin.isatty():
        terminal.progress(f"Lab '{opened.name}'; `help` lists the commands, `exit` leaves.")
    return Shell(opened, sys.stdout).run(typed(opened))
