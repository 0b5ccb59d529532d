"""`trunkline lab up`, `down` and `list`."""

from __future__ import annotations

import os

import click

from trunkline import local
from trunkline.cli import abroad, answer, failure, plan_text, sitefile, target, terminal
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
        "trunkline lab up site.yaml --kernel guest  # with 802.1Q, where this kernel has none",
    ],
)
@click.argument("site", default=sitefile.DEFAULT, shell_complete=target.complete_files)
@click.option("--name", metavar="NAME", default="", help="The lab's name; default: the site's.")
@abroad.kernel_option
@click.option("--json", "as_json", is_flag=True, help="One event a line.")
def up(site: str, name: str, kernel: str | None, *, as_json: bool) -> None:
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
        text = sitefile.read(site)
        declared = sitefile.parse(text, site).site.name
        abroad.settle(name or declared, kernel, record={"site": declared, "file": site})
        lab = lifecycle.up(text, site, name=name, tell=tell)
    except TrunklineError as error:
        if as_json:
            answer.event("error", **failure.fields(error))
        raise
    if as_json:
        answer.event("up", lab=lab.name, site=lab.site.name)
        return
    terminal.echo(
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
    for name in abroad.all_known() if everything else [choice.name(lab)]:
        if name in abroad.known():
            abroad.stop(name)
            _gone(name, None, as_json=as_json)
        else:
            _gone(name, lifecycle.down(name), as_json=as_json)


def _gone(name: str, namespaces: int | None, *, as_json: bool) -> None:
    if as_json:
        answer.event("down", lab=name, namespaces=namespaces)
    else:
        what = "its guest" if namespaces is None else f"its {namespaces} namespaces"
        terminal.echo(f"Lab '{name}' is gone, with {what}.")


@click.command(
    cls=Command,
    name="list",
    examples=[
        "trunkline lab list  # name, site and file of each, and where it runs",
        "trunkline lab list --json  # for scripts",
    ],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_labs(*, as_json: bool) -> None:
    """List the labs that are up.

    Each is a site whose hosts are network namespaces of this machine, or of a guest kernel on it;
    labs do not see each other. Needs no root.
    """
    items = [_listed(name) for name in abroad.all_known()]
    if as_json:
        terminal.exact(answer.document("LabList", items=items))
        return
    if not items:
        terminal.progress("No lab is up; `trunkline lab up SITE` brings one up.")
    for item in items:
        what = item["problem"] or f"site '{item['site']}' from {item['file']}"
        where = "this kernel" if item["kernel"] == abroad.RUNNING else f"guest {item['release']}"
        terminal.echo(f"{item['name']}  {what}  {where}")


def _listed(name: str) -> dict[str, str | None]:
    if name in abroad.known():
        return {"name": name, "kernel": abroad.GUEST, **abroad.described(name)}
    here = {"name": name, "kernel": abroad.RUNNING, "release": os.uname().release}
    try:
        record, _ = registry.read(name)
    except TrunklineError as error:  # its name is what `lab down` needs
        problem = f"damaged: {error}" if registry.is_recorded(name) else "half-up"
        return {**here, "site": None, "file": None, "problem": problem}
    return {**here, "site": record.site, "file": record.file, "problem": None}
