"""`trunkline show`."""

from __future__ import annotations

import dataclasses

import click

from trunkline import errors, tables
from trunkline.cli import target, terminal, view
from trunkline.cli.group import Command, suggestion
from trunkline.inventory import KINDS, Listing, Record, listing
from trunkline.tables import Format

OF_BRIDGES = "bridges"


class Kind(click.Choice[str]):
    """A list's name; its singular means the same."""

    name = "kind"

    def __init__(self) -> None:
        super().__init__(list(KINDS))

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if f"{value}s" in KINDS:
            return f"{value}s"
        if value not in KINDS:
            hint = suggestion(value, KINDS) or f"lists: {', '.join(KINDS)}"
            raise click.UsageError(f"there is no list '{value}'; {hint}", ctx)
        return value


@click.command(
    cls=Command,
    name="show",
    examples=[
        "trunkline show ports  # which device is in which bridge, for which machine",
        "trunkline show vms vm1 -o wide  # one machine, all columns",
        "trunkline show networks --lab walkthrough  # of all hosts of a lab",
        "trunkline show ports -o json  # one document, for scripts",
        "trunkline show bridges --style brctl  # as brctl prints it",
    ],
)
@click.argument("kind", metavar="KIND", type=Kind())
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Choice([each.value for each in Format]),
    default=Format.TABLE.value,
    help="How it is printed; default: table.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as -o json.")
@click.option("--no-header", is_flag=True, help="No line of titles above a table or CSV.")
@click.option("--style", type=click.Choice(["brctl"]), help="Bridges as another tool prints them.")
@click.option("--site", metavar="FILE", help="The site file; default: the one that is applied.")
@target.host_option
@target.lab_option
def command(
    kind: str,
    name: str | None,
    *,
    output: str,
    as_json: bool,
    no_header: bool,
    style: str | None,
    site: str | None,
    host: str | None,
    lab: str | None,
) -> None:
    """List hosts, networks, bridges, ports or machines.

    All of it is read from the kernel: a port is a device in a bridge, an access port belongs to
    one VLAN, a trunk port carries several with their tags. A site adds the names of networks and
    the machines that are missing.
    """
    if style is not None and kind != OF_BRIDGES:
        raise errors.UsageError(f"--style {style} is for bridges, not {kind}")
    seen = view.views(site, host, lab)
    found = listing(kind, {each.host: each.state for each in seen}, seen[0].site)
    if name is not None:
        found = _named(found, kind, name)
    wanted = Format.JSON if as_json else Format(output)
    if style is not None:
        text = tables.brctl(found)
    else:
        text = tables.render(found, wanted, header=not no_header)
    terminal.exact(text, nl=False)
    if not found.items and wanted in (Format.TABLE, Format.WIDE):
        terminal.progress(f"There are no {kind} here.")


def _named(found: Listing, kind: str, name: str) -> Listing:
    """Return what of *found* is called *name*, with or without its host."""
    items = tuple(item for item in found.items if name in _names(found, item))
    if not items:
        known = sorted({each for item in found.items for each in _names(found, item)})
        hint = suggestion(name, known) or f"{kind}: {', '.join(known) or 'none'}"
        raise errors.HostError(f"there is nothing called '{name}' among the {kind}", hint=hint)
    return dataclasses.replace(found, items=items)


def _names(found: Listing, item: Record) -> set[str]:
    parts = [str(item[field]) for field in found.names]
    return {parts[-1], "/".join(parts)}
