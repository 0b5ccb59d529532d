"""`trunkline lab up`, `down` and `list`."""

from __future__ import annotations

import click

from trunkline import local
from trunkline.cli import answer, failure, plan_text, sitefile, target, terminal
from trunkline.cli.group import Command
from trunkline.cli.lab import choice
from trunkline.errors import TrunklineError
from trunkline.lab import lifecycle, registry
from trunkline.lab.lifecycle import Event


@click.command(
    cls=Command,
    name="up",
    examples=[
        "trunkline lab up examples/walkthrough.yaml  # named like its site",
        "trunkline lab up site.yaml --name second  # another one beside it",
        "trunkline lab up site.yaml  # again after an edit: changes what the edit changes",
    ],
)
@click.argument("site", default=sitefile.DEFAULT, shell_complete=target.complete_files)
@click.option("--name", metavar="NAME", default="", help="The lab's name; default: the site's.")
@click.option("--json", "as_json", is_flag=True, help="One event a line.")
def up(site: str, name: str, *, as_json: bool) -> None:
    """Bring a site up as a lab, or change one that is up.

    Every host of the site becomes a network namespace with its NICs cabled to a switch that
    carries the declared VLANs; every machine becomes one too. Each host is then made to agree
    with the site by the same plan and transaction as a real one.
    """
    local.need_root("lab up")
    tell = _event if as_json else _progress
    if as_json:
        answer.start_events()
    try:
        lab = lifecycle.up(sitefile.read(site), site, name=name, tell=tell)
    except TrunklineError as error:
        if as_json:
            answer.event("error", **failure.fields(error))
        raise
    if as_json:
        answer.event("up", lab=lab.name, site=lab.site.name)
        return
    click.echo(
        f"Lab '{lab.name}' is up: {len(lab.site.hosts)} hosts, {len(lab.site.machines)} machines."
    )
    terminal.progress("Next: trunkline lab verify, lab shell, diagram, lab down")


def _event(event: Event) -> None:
    counts = plan_text.summary(event.plan) if event.plan else None
    answer.event("step", step=event.name, ms=round(event.seconds * 1000), summary=counts)


def _progress(event: Event) -> None:
    what = f"{event.plan.summary}, " if event.plan else ""
    terminal.progress(f"  {event.name}: {what}{event.seconds * 1000:.0f} ms")


@click.command(
    cls=Command,
    name="down",
    examples=[
        "trunkline lab down  # the only one",
        "trunkline lab down walkthrough  # by name, also when it is half-up",
        "trunkline lab down --all  # every lab on this machine",
    ],
)
@choice.argument
@click.option("--all", "everything", is_flag=True, help="Every lab on this machine.")
@click.option("--json", "as_json", is_flag=True, help="One event a line.")
def down(lab: str | None, *, everything: bool, as_json: bool) -> None:
    """Take a lab away, with everything in it.

    Ends what runs in its namespaces and deletes them: bridges, VLAN devices, filters and
    addresses go with them. Works on a lab that is half-up, too.
    """
    local.need_root("lab down")
    if as_json:
        answer.start_events()
    for name in registry.known() if everything else [choice.name(lab)]:
        namespaces = lifecycle.down(name)
        if as_json:
            answer.event("down", lab=name, namespaces=namespaces)
        else:
            click.echo(f"Lab '{name}' is gone, with its {namespaces} namespaces.")


@click.command(
    cls=Command,
    name="list",
    examples=[
        "trunkline lab list  # name, site and file of each",
        "trunkline lab list --json  # for scripts",
    ],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_labs(*, as_json: bool) -> None:
    """List the labs that are up.

    Each is a site whose hosts are network namespaces of this machine; labs do not see each
    other. Needs no root.
    """
    items = [_listed(name) for name in registry.known()]
    if as_json:
        click.echo(answer.document("LabList", items=items))
        return
    if not items:
        terminal.progress("No lab is up; `trunkline lab up SITE` brings one up.")
    for item in items:
        click.echo(f"{item['name']}  site '{item['site']}' from {item['file']}")


def _listed(name: str) -> dict[str, str | None]:
    try:
        record, _ = registry.read(name)
    except TrunklineError:  # half-up or damaged: its name is what `lab down` needs
        return {"name": name, "site": None, "file": None}
    return {"name": name, "site": record.site, "file": record.file}
