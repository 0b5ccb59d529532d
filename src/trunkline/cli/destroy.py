"""`trunkline destroy`."""

from __future__ import annotations

from pathlib import Path

import click

from trunkline import errors, local
from trunkline.cli import change, sitefile, target
from trunkline.cli.apply import approval_options
from trunkline.cli.change import Change, Style
from trunkline.cli.group import Command


@click.command(
    cls=Command,
    name="destroy",
    examples=[
        "trunkline destroy  # ./site.yaml, or the site that is applied here",
        "trunkline destroy walkthrough  # by name, when its file is gone",
        "trunkline destroy --auto-approve --json  # for scripts",
    ],
)
@click.argument(
    "site", required=False, metavar="[SITE|NAME]", shell_complete=target.complete_files
)
@target.host_option
@approval_options
def command(site: str | None, host: str | None, *, auto_approve: bool, as_json: bool) -> int:
    """Remove everything that the site made on this host.

    Bridges, VLAN devices, taps, namespaces and filters carry the mark of their site in the
    kernel; what bears this site's mark goes, in one transaction, and nothing else. The NICs stay
    up, with the addresses that they have.
    """
    local.need_root("destroy")
    name = _site_name(site, host)
    record = next((each for each in local.applied() if each.site == name), None)
    label = host or (record.host if record else local.hostname())
    wanted = Change("destroy", name, label, local.kernel(), {})
    code = change.run(wanted, Style(auto_approve, as_json))
    if code == 0:
        local.forget(name)
    return code


def _site_name(said: str | None, host: str | None) -> str:
    """Return the name of the site to remove; its file may be gone."""
    path = said or sitefile.DEFAULT
    if Path(path).exists() or path == "-" or _is_path(said):
        site = sitefile.load(path).site
        if host is not None:
            target.host_name(site, host, "")
        return site.name
    if said is not None:
        return said
    match local.applied():
        case [one]:
            return one.site
        case []:
            raise errors.UsageError(
                "no site is applied here, and there is no site.yaml in this directory",
                hint="name the site file, or the site as `trunkline destroy NAME`",
            )
        case many:
            names = ", ".join(each.site for each in many)
            raise errors.UsageError(f"several sites are applied here: {names}", hint="name one")


def _is_path(said: str | None) -> bool:
    return said is not None and ("/" in said or said.endswith((".yaml", ".yml")))
