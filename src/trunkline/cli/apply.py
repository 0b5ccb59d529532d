"""`trunkline apply`."""

from __future__ import annotations

import click

from trunkline import errors, local
from trunkline.cli import change, planfile, sitefile, target
from trunkline.cli.change import Change, Style
from trunkline.cli.group import Command
from trunkline.cli.planfile import PlanFile
from trunkline.cli.sitefile import SiteFile
from trunkline.local import AppliedSite


def approval_options(function: target.AnyFunction) -> target.AnyFunction:
    """Add what apply and destroy have in common."""
    approve = click.option("--auto-approve", is_flag=True, help="Do not ask for a yes.")
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="One event a line; needs --auto-approve."
    )
    return approve(as_json(function))


@click.command(
    cls=Command,
    name="apply",
    examples=[
        "trunkline apply  # ./site.yaml, after a yes",
        "trunkline apply site.yaml --host kvm1  # this machine is kvm1 of the site",
        "trunkline apply monday.plan  # what `plan -o monday.plan` showed, or nothing",
        "trunkline apply --auto-approve --json  # for scripts",
    ],
)
@click.argument(
    "site", metavar="[SITE|PLANFILE]", required=False, shell_complete=target.complete_files
)
@target.host_option
@approval_options
def command(site: str | None, host: str | None, *, auto_approve: bool, as_json: bool) -> int:
    """Make this host's kernel agree with the site.

    Shows the plan, asks for a yes, and makes the bridges, VLAN devices, ports and filters in one
    transaction: what the kernel then holds is read back, and if anything is not as asked for, or
    this is interrupted, the host goes back to what it was. What others made is never touched.
    """
    local.need_root("apply")
    path = site or sitefile.DEFAULT
    data = sitefile.read(path)
    plan_file = planfile.load(data, path)
    if plan_file is None:
        file = sitefile.parse(data, path)
        wanted = _of_site(file, host)
    else:
        wanted = _of_plan(plan_file, host, path)
    return change.run(wanted, Style(auto_approve, as_json))


def _of_site(file: SiteFile, host: str | None) -> Change:
    here = target.this_host(file, host)
    record = AppliedSite(file.site.name, here.host, file.file, file.source)
    return Change("apply", file.site.name, here.host, here.kernel, here.desired(), record=record)


def _of_plan(plan_file: PlanFile, host: str | None, path: str) -> Change:
    plan_file.check_machine(path)
    saved = plan_file.saved
    if host not in (None, saved.host):
        raise errors.UsageError(
            f"'{path}' is a plan for host '{saved.host}', not '{host}'", hint="leave --host away"
        )
    file = plan_file.file
    return Change(
        "apply",
        saved.site,
        saved.host,
        local.kernel(),
        saved.desired,
        saved=saved.plan,
        record=AppliedSite(saved.site, saved.host, file.file, file.source),
    )
