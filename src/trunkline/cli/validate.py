"""`trunkline validate`."""

from __future__ import annotations

import dataclasses

import click

from trunkline.cli import answer, sitefile, terminal
from trunkline.cli.group import Command
from trunkline.errors import SiteError
from trunkline.intent import Site


@click.command(
    cls=Command,
    name="validate",
    examples=[
        "trunkline validate  # ./site.yaml",
        "trunkline validate lab/site.yaml --json  # for editors and CI",
        "generate-site | trunkline validate -  # from a pipe",
    ],
)
@click.argument("site", default=sitefile.DEFAULT)
@click.option("--json", "as_json", is_flag=True, help="One JSON document with all problems.")
def command(site: str, as_json: bool) -> int:
    """Check a site file and print everything wrong with it, with line and column.

    Nothing is changed and no root is needed. Two networks on one VLAN, an address outside its
    subnet or a machine on a host that does not carry its network are caught here, before a frame
    is lost. Exits with 65 where there is a problem.
    """
    try:
        loaded = sitefile.load(site)
    except SiteError as error:
        if not as_json:
            raise
        terminal.exact(_json(error.file, error))
        return error.exit_code
    if as_json:
        terminal.exact(_json(loaded.file))
    else:
        terminal.echo(f"{loaded.file}: valid: {summary(loaded.site)}")
    return 0


def _json(file: str, error: SiteError | None = None) -> str:
    problems = [dataclasses.asdict(p) for p in error.problems] if error else []
    return answer.document("Validation", file=file, valid=error is None, problems=problems)


def summary(site: Site) -> str:
    """Return how much there is in *site*."""
    counted = [
        (site.hosts, "host"),
        (site.networks, "network"),
        (site.machines, "machine"),
        (site.routers, "router"),
        (site.expectations, "expectation"),
    ]
    parts = [f"{len(things)} {noun}{'s' * (len(things) != 1)}" for things, noun in counted]
    return f"site '{site.name}' with {', '.join(parts)}"
