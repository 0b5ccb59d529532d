"""`trunkline verify`."""

from __future__ import annotations

import click

from trunkline import errors, local
from trunkline.cli import answer, plan_text, target, terminal
from trunkline.cli.group import Command
from trunkline.cli.target import Target
from trunkline.lab.lab import Lab

NOT_AS_DECLARED = 2


@click.command(
    cls=Command,
    name="verify",
    examples=[
        "trunkline verify  # is this host's kernel as ./site.yaml says?",
        "trunkline verify --lab walkthrough  # a whole lab, with real packets",
        "trunkline verify --json || echo drift  # for scripts and timers",
    ],
)
@target.site_argument
@target.host_option
@target.lab_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(site: str | None, host: str | None, lab: str | None, *, as_json: bool) -> int:
    """Prove that the kernel holds what the site says.

    Reads every bridge, port, VLAN device, address and filter back and names each that is missing,
    different or too much. In a lab it also sends real packets between all pairs of machines:
    VLANs that must be apart are shown to be. Exits with 2 where something is not as declared.
    """
    local.need_root("reading the kernel's namespaces")
    targets = target.reading(site, host, lab)
    first = targets[0]
    if not first.lab:
        return _of_host(first, as_json=as_json)
    if host is not None:
        raise errors.UsageError("a lab is verified as a whole", hint="leave --host away")
    return of_lab(Lab(first.lab, first.site), as_json=as_json)


def of_lab(lab: Lab, *, as_json: bool) -> int:
    """Verify a lab with real packets and return the exit code."""
    from trunkline import verify
    from trunkline.lab import check

    report = check.verify_lab(lab)
    if as_json:
        terminal.exact(answer.document("Verification", lab=lab.name, **verify.encode(report)))
    else:
        terminal.echo(verify.text(report, ascii=terminal.current().ascii_only))
    return 0 if report.ok else NOT_AS_DECLARED


def _of_host(here: Target, *, as_json: bool) -> int:
    plan = here.plan()
    if as_json:
        drift = [plan_text.change(operation) for operation in plan.operations]
        body = {"site": here.site.name, "host": here.host, "ok": plan.empty, "drift": drift}
        terminal.exact(answer.document("Verification", **body))
    elif plan.empty:
        terminal.echo(f"OK: {here.host} is as site '{here.site.name}' declares.")
    else:
        terminal.echo(f"FAILED: {here.host} is not as site '{here.site.name}' declares:")
        for line in plan_text.lines(plan.operations):
            terminal.echo(line)
        terminal.progress("`trunkline apply` mends that.")
    return 0 if plan.empty else NOT_AS_DECLARED
