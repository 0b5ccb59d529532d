"""`trunkline lab inspect`, `verify` and `plan`."""

from __future__ import annotations

import click

from trunkline.cli import answer, target, terminal
from trunkline.cli.group import Command
from trunkline.cli.lab import choice
from trunkline.cli.plan import Output, show
from trunkline.cli.verify import of_lab
from trunkline.lab import inspection


@click.command(
    cls=Command,
    name="inspect",
    examples=[
        "trunkline lab inspect  # names, namespaces, addresses",
        "trunkline lab inspect --json  # for scripts",
    ],
)
@choice.argument
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def inspect(lab: str | None, *, as_json: bool) -> None:
    """Show what is in a lab and where.

    Everything in a lab is a network namespace of this machine; `ip netns exec NAMESPACE` reaches
    them too.
    """
    opened = choice.opened(lab)
    if as_json:
        terminal.exact(answer.document("Lab", **inspection.encode(opened)))
    else:
        terminal.echo(inspection.text(opened))


@click.command(
    cls=Command,
    name="verify",
    examples=[
        "trunkline lab verify  # pingall, the matrix, and what is not as declared",
        "trunkline lab verify --json  # for scripts; exits with 2 where something is wrong",
    ],
)
@choice.argument
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def verify(lab: str | None, *, as_json: bool) -> int:
    """Prove who reaches whom with real packets.

    Reads back what every kernel of the lab holds, then sends ARP, ping, IPv6, UDP and broadcast
    frames between all pairs: members of one VLAN must answer, members of two must not even hear.
    """
    return of_lab(choice.opened(lab), as_json=as_json)


@click.command(
    cls=Command,
    name="plan",
    examples=[
        "trunkline lab plan  # what differs on which host",
        "trunkline lab plan --commands  # as ip, bridge and nft commands",
    ],
)
@choice.argument
@click.option("--host", metavar="NAME", help="One host of the lab.")
@click.option("--commands", is_flag=True, help="Print only the commands that do the same by hand.")
@click.option("--details", is_flag=True, help="Every field of every row, before and after.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
def plan(
    lab: str | None,
    *,
    host: str | None,
    commands: bool,
    details: bool,
    as_json: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what differs on a lab's hosts from what the site declares.

    After `lab up` nothing does. Break something with `lab exec host1 -- ip link del ...` and see
    the bridge, port or VLAN device that the plan would bring back.
    """
    targets = target.of_lab(choice.here(lab), host)
    shown = Output(commands, details, as_json, detailed_exitcode)
    return show(targets, shown)
