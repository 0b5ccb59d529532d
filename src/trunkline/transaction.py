"""A transaction: the kernel ends as desired, or as it was.

recover what a dead run left -> read -> diff -> journal -> apply -> read back -> end.

- No difference, no write: neither to the kernel nor to the journal.
- Nothing is inferred from how far an apply came: requests fail half-done. What undoes a change
  follows from the journal (what each row was) and from what the kernel really holds now.
- An interrupt is a failure like any other; while undoing, further ones are ignored.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from trunkline import journal, sysctls
from trunkline import plan as planning
from trunkline.errors import (
    HostError,
    Interrupted,
    StaleError,
    TrunklineError,
    VerificationError,
)
from trunkline.journal import Journal, Transaction
from trunkline.kernel import Kernel
from trunkline.operation import Operation
from trunkline.plan import Plan
from trunkline.state import HostState, Key, Row, Sysctl, host_state

ATTEMPTS = 3
"""How often an undo reads the kernel again and tries what is still left."""


@dataclass(frozen=True)
class Applied:
    plan: Plan
    """Empty where the host was as desired already."""


@dataclass(frozen=True)
class RolledBack:
    """The kernel holds exactly what it held before."""

    plan: Plan
    cause: BaseException
    """A TrunklineError, or the interrupt."""


@dataclass(frozen=True)
class PartlyApplied:
    """The change failed, and so did undoing it."""

    plan: Plan
    cause: BaseException
    left: tuple[Operation, ...]
    """What would still have to be done to be back where it began."""


Outcome = Applied | RolledBack | PartlyApplied


@dataclass(frozen=True)
class SetAside:
    """A dead run of an earlier boot: what it had done is gone with the kernel that held it."""

    file: Path
    """Its journal now."""


def apply(
    desired: HostState,
    kernel: Kernel,
    directory: Path,
    *,
    site: str,
    command: str = "",
    agreed: Plan | None = None,
    check: Callable[[], None] | None = None,
) -> Outcome:
    """Make *kernel* agree with *desired*, or leave it as it is.

    *agreed* is the plan that somebody said yes to: a host
    that has changed since raises StaleError. *check* is called when the kernel holds what it
    should; what it raises undoes the change.
    """
    with journal.locked(directory, command):
        _recover(kernel, directory)
        observed = kernel.read(desired)
        plan = planning.diff(observed, desired, site)
        _check_fresh(plan, agreed)
        if plan.empty:
            return Applied(plan)
        lost_too = tuple(lost(plan.operations, kernel))
        log = journal.begin(directory, Transaction(site, command, plan.operations, lost_too))
        return _run(plan, lost_too, desired, kernel, log, check)


def recover(
    kernel: Kernel, directory: Path, command: str = "recover"
) -> Outcome | SetAside | None:
    """Undo what a dead run left behind; None where there is nothing to undo."""
    if journal.unfinished(directory) is None and not journal.outlived(directory):
        return None  # and no directory or lock is made for it
    with journal.locked(directory, command):
        return _recover(kernel, directory)


def _recover(kernel: Kernel, directory: Path) -> Outcome | SetAside | None:
    if journal.outlived(directory):
        return SetAside(journal.set_aside(directory))
    found = journal.unfinished(directory)
    if found is None:
        return None
    dead, log = found
    plan = Plan(dead.site, dead.operations)
    cause = Interrupted(f"'{dead.command}' was interrupted")
    return _undo(plan, dead.lost, kernel, log, cause)


def _check_fresh(plan: Plan, agreed: Plan | None) -> None:
    if agreed is not None and plan.operations != agreed.operations:
        raise StaleError(
            f"site '{plan.site}': the host has changed since the plan was made",
            hint="make a new plan and look at it again",
        )


def _run(
    plan: Plan,
    lost: tuple[Sysctl, ...],
    desired: HostState,
    kernel: Kernel,
    log: Journal,
    check: Callable[[], None] | None,
) -> Outcome:
    try:
        with _interruptible():
            kernel.apply(plan.operations)
            log.step("applied")
            _verify(kernel.read(desired), desired, plan.site)
            if check is not None:
                check()
        with _deaf():
            log.end("applied")
    except BaseException as error:
        outcome = _undo(plan, lost, kernel, log, error)
        if isinstance(error, TrunklineError | KeyboardInterrupt | Interrupted):
            return outcome
        raise
    return Applied(plan)


def _verify(observed: HostState, desired: HostState, site: str) -> None:
    left = planning.diff(observed, desired, site)
    if not left.empty:
        first = left.operations[0]
        raise VerificationError(
            f"the kernel took every operation, and {len(left.operations)} are still to do, "
            f"first '{first.describe()}'",
            hint="something else on this host changes its network at the same time",
        )


def _undo(
    plan: Plan, lost: tuple[Sysctl, ...], kernel: Kernel, log: Journal, cause: BaseException
) -> RolledBack | PartlyApplied:
    before: dict[Key, Row | None] = {**host_state(lost), **planning.before(plan.operations)}
    wanted = host_state(_rows(plan.operations, lost))
    with _deaf():
        # An undo that cannot be written down is done all the same: the next run finds the journal
        # without an end, and then nothing left to undo.
        with contextlib.suppress(HostError):
            log.step("undoing")
        for attempt in range(ATTEMPTS):
            left = planning.reversal(before, kernel.read(wanted))
            if not left:
                break
            _carry_out(left, kernel, singly=attempt == ATTEMPTS - 1)
        else:
            left = planning.reversal(before, kernel.read(wanted))
        with contextlib.suppress(HostError):
            log.end("partly applied" if left else "rolled back")
    return PartlyApplied(plan, cause, left) if left else RolledBack(plan, cause)


def _carry_out(operations: tuple[Operation, ...], kernel: Kernel, *, singly: bool) -> None:
    """Do what can be done of *operations*: the caller reads again what has become of them."""
    batches = [[each] for each in operations] if singly else [list(operations)]
    for batch in batches:
        with contextlib.suppress(TrunklineError):
            kernel.apply(batch)


def _rows(operations: Iterable[Operation], lost: Iterable[Row]) -> Iterator[Row]:
    """Yield every row that an undo must read; of two with one key, the older one last."""
    yield from lost
    for operation in operations:
        if operation.after is not None:
            yield operation.after
    for operation in operations:
        if operation.before is not None:
            yield operation.before


def lost(operations: Sequence[Operation], kernel: Kernel) -> Iterator[Sysctl]:
    """Yield the parameters that go away with what *operations* remove, with their values."""
    touched = {operation.key for operation in operations}
    leaving = host_state(op.before for op in operations if op.before and not op.after)
    wanted = host_state(row for row in sysctls.of(leaving) if row.key not in touched)
    if wanted:
        for row in kernel.read(wanted).values():
            if isinstance(row, Sysctl):
                yield row


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the signals that end a process into exceptions."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(f"interrupted by {signal.Signals(number).name}")

    with _handling(interrupt):
        yield


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    with _handling(signal.SIG_IGN):
        yield


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], None] | signal.Handlers,
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it gets signals
        return
    old = [(number, signal.signal(number, handler)) for number in _ENDING]
    try:
        yield
    finally:
        for number, previous in old:
            signal.signal(number, previous)
