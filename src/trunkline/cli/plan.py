"""`trunkline plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from trunkline import errors, local, render_plan
from trunkline.cli import answer, plan_text, planfile, target, terminal
from trunkline.cli.group import Command
from trunkline.cli.target import Target
from trunkline.plan import Plan, diff

CHANGES = 2
"""The exit code of --detailed-exitcode where there are changes, as terraform has it."""


@click.command(
    cls=Command,
    name="plan",
    examples=[
        "trunkline plan  # ./site.yaml against this host",
        "trunkline plan site.yaml --commands  # as ip, bridge and nft commands to read or type",
        "trunkline plan -o monday.plan  # save it; `apply monday.plan` does exactly this",
        "trunkline plan --detailed-exitcode  # 0: nothing to do, 2: changes",
        "trunkline plan --lab walkthrough  # the hosts of a running lab",
    ],
)
@target.site_argument
@target.host_option
@target.lab_option
@click.option("--commands", is_flag=True, help="Print only the commands that do the same by hand.")
@click.option("--details", is_flag=True, help="Every field of every row, before and after.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("-o", "--out", metavar="FILE", help="Save the plan for `trunkline apply FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
def command(
    site: str | None,
    host: str | None,
    lab: str | None,
    *,
    commands: bool,
    details: bool,
    as_json: bool,
    out: str | None,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would change on this host.

    The plan is the difference between what the kernel holds (bridges, VLAN devices, ports,
    addresses, filters) and what the site declares. Nothing is changed. What others made is never
    part of it; a name that somebody else holds is an error here, before anything happens.
    """
    local.need_root("reading the kernel's namespaces")
    targets = target.reading(site, host, lab, before_apply=True)
    if out is not None and targets[0].lab:
        raise errors.UsageError("a plan of a lab cannot be saved", hint="leave --out away")
    shown = Output(commands, details, as_json, detailed_exitcode)
    return show(targets, shown, out)


@dataclass(frozen=True)
class Output:
    """What of a plan is wanted."""

    commands: bool = False
    """Nothing but commands."""
    details: bool = False
    as_json: bool = False
    detailed_exitcode: bool = False


def show(targets: Sequence[Target], output: Output, save_to: str | None = None) -> int:
    """Print the plans of *targets* and return the exit code."""
    plans = [_planned(each, save_to) for each in targets]
    if output.as_json:
        terminal.exact(_json(plans))
    else:
        write = terminal.exact if output.commands else terminal.echo
        for line in _chosen(plans, output):
            write(line)
    changes = any(not plan.empty for _, plan in plans)
    return CHANGES if changes and output.detailed_exitcode else 0


def _planned(each: Target, out: str | None) -> tuple[Target, Plan]:
    desired = each.desired()
    plan = diff(each.kernel.read(desired), desired, each.site.name)
    if out is not None:
        planfile.save(out, each, plan, desired)
        terminal.progress(f"saved; `trunkline apply {out}` does exactly this")
    return each, plan


def _json(plans: Sequence[tuple[Target, Plan]]) -> str:
    first = plans[0][0]
    return answer.document(
        "Plan",
        site=first.site.name,
        file=first.file.file,
        lab=first.lab or None,
        hosts=[plan_text.host(each.host, plan) for each, plan in plans],
    )


def _chosen(plans: Sequence[tuple[Target, Plan]], output: Output) -> list[str]:
    if output.commands:
        return _commands(plans)
    return _details(plans) if output.details else _text(plans)


def _details(plans: Sequence[tuple[Target, Plan]]) -> list[str]:
    return [
        line for each, plan in plans for line in (f"{each.host}:", render_plan.text(plan).rstrip())
    ]


def _text(plans: Sequence[tuple[Target, Plan]]) -> list[str]:
    lines = [line for each, plan in plans for line in _lines(each, plan)]
    return lines if len(plans) == 1 else [*lines, _total([plan for _, plan in plans])]


def _lines(each: Target, plan: Plan) -> list[str]:
    return plan_text.text(each.host, plan_text.as_declared(each.site.name), plan)


def _total(plans: Sequence[Plan]) -> str:
    changed = sum(not plan.empty for plan in plans)
    return f"{changed} of {len(plans)} hosts would change."


def _commands(plans: Sequence[tuple[Target, Plan]]) -> list[str]:
    lines: list[str] = []
    for each, plan in plans:
        if len(plans) > 1:
            lines.append(f"# {each.host}")
        lines += plan_text.commands(plan.operations)
    return lines
