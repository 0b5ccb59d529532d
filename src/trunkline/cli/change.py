"""What apply and destroy share: show the plan, ask, run the transaction, say how it ended."""

from __future__ import annotations

from dataclasses import dataclass

import click

from trunkline import errors, local, transaction
from trunkline.cli import answer, failure, plan_text, terminal
from trunkline.kernel import Kernel
from trunkline.local import AppliedSite
from trunkline.plan import Plan, diff
from trunkline.state import HostState
from trunkline.transaction import Applied, Outcome, PartlyApplied, RolledBack, SetAside

ROLLED_BACK, PARTLY_APPLIED, REFUSED = 3, 4, 1


@dataclass(frozen=True)
class Change:
    """A change of this host that somebody asked for."""

    verb: str
    """`apply` or `destroy`."""
    site: str
    host: str
    kernel: Kernel
    desired: HostState
    saved: Plan | None = None
    """The plan from a file, which must still be the plan."""
    record: AppliedSite | None = None
    """What is remembered of it once this host is so."""

    @property
    def intention(self) -> str:
        if self.verb == "destroy":
            return f"without site '{self.site}'"
        return plan_text.as_declared(self.site)


@dataclass(frozen=True)
class Style:
    """How the command was asked to behave."""

    auto_approve: bool
    as_json: bool


def run(change: Change, style: Style) -> int:
    """Carry out *change* and return the exit code; 0 is as desired."""
    if style.as_json:
        answer.start_events()
    try:
        return _run(change, style)
    except errors.TrunklineError as error:
        if style.as_json:
            answer.event("error", **failure.fields(error))
        raise


def _run(change: Change, style: Style) -> int:
    _recover(change)
    plan = diff(change.kernel.read(change.desired), change.desired, change.site)
    if change.saved is not None and plan.operations != change.saved.operations:
        now = "nothing is left to do" if plan.empty else f"now there are {plan.summary}"
        raise errors.StaleError(
            f"host '{change.host}' is no longer as it was when the plan was saved: {now}",
            hint="make a new plan with `trunkline plan -o FILE` and look at it again",
        )
    _show(change, plan, as_json=style.as_json)
    if plan.empty:
        if change.record is not None:
            local.remember(change.record)
        return 0
    if not (style.auto_approve or _approved(change, as_json=style.as_json)):
        terminal.progress("Nothing was changed.")
        return REFUSED
    terminal.progress(f"{change.host}: {len(plan.operations)} operations...")
    return _report(change, _carry_out(change, plan), as_json=style.as_json)


def _carry_out(change: Change, plan: Plan) -> Outcome:
    """Run the transaction; its record lies ready, and counts if the host has been changed."""
    prepared = None if change.record is None else local.prepare(change.record)
    changed = False
    try:
        outcome = transaction.apply(
            change.desired,
            change.kernel,
            local.journal_dir(),
            site=change.site,
            command=f"trunkline {change.verb}",
            agreed=plan,
        )
        changed = not isinstance(outcome, RolledBack)
    finally:
        if prepared is not None:
            (local.keep if changed else local.drop)(prepared)
    return outcome


def _recover(change: Change) -> None:
    """Undo what a run that died has left, before anything is planned on top of it."""
    outcome = transaction.recover(change.kernel, local.journal_dir())
    if isinstance(outcome, PartlyApplied):
        raise errors.HostError(
            f"an earlier run died and {len(outcome.left)} of its operations cannot be undone, "
            f"first '{outcome.left[0].describe()}'",
            hint="do that by hand and run this again",
        )
    if isinstance(outcome, SetAside):
        terminal.progress(
            "An earlier run died before the last reboot, which has undone it; "
            f"its journal is now '{outcome.file}'."
        )
    elif outcome is not None:
        terminal.progress("An earlier run died; what it had begun is undone.")


def _show(change: Change, plan: Plan, *, as_json: bool) -> None:
    if as_json:
        shown = plan_text.host(change.host, plan)
        answer.event("plan", site=change.site, **shown)
    else:
        for line in plan_text.text(change.host, change.intention, plan):
            terminal.echo(line)


def _approved(change: Change, *, as_json: bool) -> bool:
    """Return whether a person says yes; raises UsageError where there is nobody to ask."""
    if as_json or not terminal.current().may_ask:
        raise errors.UsageError(
            f"{change.verb} changes this host, and there is nobody to ask",
            hint="look at the plan, then add --auto-approve",
        )
    question = f"Type yes to {change.verb} this on {change.host}"
    answered = click.prompt(terminal.safe(question), default="", show_default=False, err=True)
    return bool(answered.strip() == "yes")


def _report(change: Change, outcome: Outcome, *, as_json: bool) -> int:
    match outcome:
        case Applied(plan):
            counts = plan.summary
            done = f"{counts.add} added, {counts.change} changed, {counts.destroy} destroyed"
            if as_json:
                answer.event("applied", host=change.host, summary=plan_text.summary(plan))
            else:
                text = f"Done: {done}; {change.host} is {change.intention}."
                terminal.echo(terminal.paint(text, fg="green"))
            return 0
        case RolledBack(_, cause):
            _say_failed(change, cause, "rolled back: the host is as it was before")
            if as_json:
                answer.event("rolled_back", host=change.host, cause=str(cause))
            return ROLLED_BACK if isinstance(cause, Exception) else failure.INTERRUPTED
        case PartlyApplied(_, cause, left):
            _say_failed(change, cause, "and could not be undone; to be as before:")
            commands = [line for operation in left for line in operation.commands()]
            if as_json:
                event = {"host": change.host, "cause": str(cause), "left": commands}
                answer.event("partly_applied", **event)
            for line in commands:
                terminal.progress(f"    {line}")
            return PARTLY_APPLIED


def _say_failed(change: Change, cause: BaseException, ending: str) -> None:
    why = str(cause) or "interrupted"
    error = f"error: {change.verb} on {change.host}: {why}"
    terminal.progress(terminal.paint(error, fg="red"))
    hint = cause.hint if isinstance(cause, errors.TrunklineError) else ""
    if hint:
        terminal.progress(f"  hint: {hint}")
    terminal.progress(f"  {ending}")
