"""`trunkline demo`."""

from __future__ import annotations

import click

from trunkline import local
from trunkline.cli import abroad, answer, failure, terminal
from trunkline.cli.group import Command
from trunkline.errors import TrunklineError

NOT_AS_DECLARED = 2


@click.command(
    cls=Command,
    name="demo",
    examples=[
        "trunkline demo  # a few seconds; nothing of this machine's network is touched",
        "trunkline demo --ascii > demo.txt  # to mail around",
        "trunkline demo --json  # one event a line",
        "trunkline demo --kernel guest  # in a complete kernel of its own",
    ],
)
@abroad.kernel_option
@click.option("--json", "as_json", is_flag=True, help="One event a line.")
def command(kernel: str | None, *, as_json: bool) -> int:
    """Build a site in namespaces, prove it, draw it, remove it.

    Three hosts, two VLANs, five machines and a router come up in network namespaces of this
    machine, are drawn from what the kernels hold, ping each other where they may, fail to where
    they must, and show their 802.1Q tags on the wire. Exits with 2 if any of it is not so.
    """
    from trunkline import verify
    from trunkline.lab import demo

    local.need_root("demo")
    if as_json:
        answer.start_events()
    if kernel == abroad.GUEST:
        abroad.visit(demo.NAME)
    if not as_json:
        ascii_only = terminal.current().ascii_only
        return _code(demo.run(_say, terminal.progress, ascii=ascii_only).ok)
    try:
        proof = demo.run(_quiet, lambda text: answer.event("step", text=text))
    except TrunklineError as error:
        answer.event("error", **failure.fields(error))
        raise
    report = verify.encode(proof.report)
    vlans = sorted({captured.vlan for captured in proof.frames})
    answer.event("proof", ok=proof.ok, verification=report, vlans_on_the_wire=vlans)
    return _code(proof.ok)


def _code(ok: bool) -> int:
    return 0 if ok else NOT_AS_DECLARED


def _say(text: str) -> None:
    terminal.echo(f"{text}\n")


def _quiet(_text: str) -> None:
    """Leave out what is for people."""
