"""What became of every test on the running kernel and in the guest; values in, values out.

A kernel test that the running kernel skipped must run in the guest. One that ran in neither
makes the run fail, unless the guest is Debian's kernel and the test needs just what that kernel
is known to lack: then the complete kernel is one command away, and the report names it.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

COMPLETE_KERNEL = "make guest-kernel && make test"
LISTED = 40
"""Failures named at the end; pytest has named them all above."""


class Result(enum.Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """One test on one kernel."""

    node: str
    """pytest's name of it."""
    result: Result
    reason: str = ""
    """Why it was skipped, or what failed where that is not the test itself."""
    kernel: bool = False
    """It uses the kernel: it must run somewhere."""
    guest: bool = False
    """It runs in the guest even if it can run here."""
    missing: tuple[str, ...] = ()
    """The capabilities for whose lack it was skipped."""


@dataclass(frozen=True)
class Tier:
    """One kernel and what became of the tests on it."""

    title: str
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Verdict:
    passed: int
    failed: tuple[Outcome, ...]
    skipped: tuple[Outcome, ...]
    """Ran nowhere, as it may be."""
    nowhere: tuple[Outcome, ...]
    """Kernel tests that ran nowhere though they must."""

    @property
    def ok(self) -> bool:
        """No test at all is no success either: a selection that matches nothing says so."""
        return self.passed > 0 and not self.failed and not self.nowhere


def parse(text: str) -> tuple[Outcome, ...]:
    """Return the outcomes that conftest recorded; the last one counts where a test has two."""
    found: dict[str, Outcome] = {}
    for line in text.splitlines():
        fields = json.loads(line)
        found[fields["node"]] = Outcome(
            node=fields["node"],
            result=Result(fields["result"]),
            reason=fields["reason"],
            kernel=fields.get("kernel", False),
            guest=fields.get("guest", False),
            missing=tuple(fields.get("missing", ())),
        )
    return tuple(found.values())


def for_guest(native: Iterable[Outcome]) -> tuple[str, ...]:
    """Return the tests that have to run in the guest after the running kernel did *native*."""
    return tuple(
        outcome.node
        for outcome in native
        if outcome.kernel and (outcome.guest or outcome.result is Result.SKIPPED)
    )


def shards(nodes: Sequence[str], count: int) -> list[list[str]]:
    """Deal *nodes* out to at most *count* guests, so that neighbours in a file are spread."""
    dealt = [list(nodes[first::count]) for first in range(count)]
    return [shard for shard in dealt if shard]


def with_lost(planned: Iterable[str], outcomes: Sequence[Outcome], reason: str) -> list[Outcome]:
    """Return *outcomes* and a failure, for *reason*, for every planned test that has none."""
    known = {outcome.node for outcome in outcomes}
    lost = [Outcome(n, Result.FAILED, reason, kernel=True) for n in planned if n not in known]
    return [*outcomes, *lost]


def decide(native: Tier, guest: Tier | None, lacks: frozenset[str] = frozenset()) -> Verdict:
    """Join both tiers, each test counted once; *lacks* is what the guest may lack."""
    here = {outcome.node: outcome for outcome in native.outcomes}
    there = {outcome.node: outcome for outcome in guest.outcomes} if guest else {}
    passed = 0
    failed: list[Outcome] = []
    skipped: list[Outcome] = []
    nowhere: list[Outcome] = []
    for node in dict.fromkeys([*here, *there]):
        seen = [tier[node] for tier in (here, there) if node in tier]
        results = {outcome.result for outcome in seen}
        if Result.FAILED in results:
            failed.append(next(o for o in seen if o.result is Result.FAILED))
        elif Result.PASSED in results:
            passed += 1
        elif seen[-1].kernel and not _excused(there.get(node), lacks):
            nowhere.append(seen[-1])
        else:
            skipped.append(seen[-1])
    return Verdict(passed, tuple(failed), tuple(skipped), tuple(nowhere))


def _excused(there: Outcome | None, lacks: frozenset[str]) -> bool:
    return there is not None and bool(there.missing) and set(there.missing) <= lacks


def report(native: Tier, guest: Tier | None, verdict: Verdict, why_no_guest: str) -> Iterator[str]:
    """Yield the closing lines; the very last one is the count."""
    for outcome in verdict.failed[:LISTED]:
        yield f"FAILED {outcome.node}{f': {outcome.reason}' if outcome.reason else ''}"
    if len(verdict.failed) > LISTED:
        yield f"... and {len(verdict.failed) - LISTED} more"
    yield _tier_line("on the running kernel", native)
    yield _tier_line("in the guest", guest) if guest else f"in the guest: nothing, {why_no_guest}"
    absent = [*verdict.nowhere, *verdict.skipped]
    yield f"nowhere: {_tests(len(absent))}" if absent else "nowhere: none"
    for outcome in verdict.nowhere:
        yield f"  ERROR {outcome.node}: a kernel test must run somewhere: {outcome.reason}"
    for outcome in verdict.skipped:
        yield f"  {outcome.node}: {outcome.reason}{_way_out(outcome)}"
    failed = len(verdict.failed) + len(verdict.nowhere)
    yield f"{verdict.passed} passed, {failed} failed, {len(verdict.skipped)} skipped"


def _tier_line(where: str, tier: Tier) -> str:
    counts = dict.fromkeys(Result, 0)
    for outcome in tier.outcomes:
        counts[outcome.result] += 1
    ran = counts[Result.PASSED] + counts[Result.FAILED]
    failed = f", {counts[Result.FAILED]} of them failed" if counts[Result.FAILED] else ""
    return f"{where}, {tier.title}: {_tests(ran)} ran{failed}"


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _way_out(outcome: Outcome) -> str:
    return f"; to run it: {COMPLETE_KERNEL}" if outcome.kernel else ""
