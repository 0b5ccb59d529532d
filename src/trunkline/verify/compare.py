"""What the probes say about what was promised."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trunkline.intent import Expect, Expectation, Site
from trunkline.operation import Operation
from trunkline.probe import Verdict
from trunkline.verify.expectations import resolve
from trunkline.verify.matrix import Cell, Matrix
from trunkline.verify.probing import Pair


class Actual(enum.Enum):
    REACHABLE = "reachable"
    ISOLATED = "isolated"
    PARTLY = "partly reachable"
    """Some kinds of packets get through and others do not."""
    UNTESTED = "untested"
    """No packet can be sent: there is no address to send it to."""


@dataclass(frozen=True)
class Result:
    """One cell and what happened."""

    cell: Cell
    actual: Actual
    contradictions: tuple[Verdict, ...] = ()
    """The probes that went otherwise than expected."""

    @property
    def ok(self) -> bool:
        return self.actual is not Actual.PARTLY and agrees(self.cell.expected, self.actual)


@dataclass(frozen=True)
class Judged:
    """One expectation of the site file and what became of it."""

    expectation: Expectation
    pairs: tuple[Pair, ...]
    """What it stands for."""
    failed: tuple[tuple[Pair, Actual, tuple[Verdict, ...]], ...] = ()
    problem: str = ""
    """Why it cannot be judged at all."""

    @property
    def ok(self) -> bool:
        return not self.failed and not self.problem


@dataclass(frozen=True)
class Drift:
    """What the kernel behind *where* holds otherwise than declared; *operations* would mend it."""

    where: str
    operations: tuple[Operation, ...]
    problem: str = ""
    """Why it could not even be compared."""


@dataclass(frozen=True)
class Report:
    site: str
    drift: tuple[Drift, ...]
    results: tuple[Result, ...]
    expectations: tuple[Judged, ...]

    @property
    def ok(self) -> bool:
        matrix = all(result.ok for result in self.results)
        return matrix and not self.drift and all(judged.ok for judged in self.expectations)


Seen = tuple[Pair, Verdict]
"""A verdict and the pair that its probe was about."""


def compare(site: Site, matrix: Matrix, seen: Iterable[Seen], drift: Sequence[Drift]) -> Report:
    """Return the report on *site* from its promised *matrix* and the verdicts *seen*."""
    verdicts: dict[Pair, list[Verdict]] = defaultdict(list)
    for pair, verdict in seen:
        verdicts[pair].append(verdict)
    results = tuple(_result(cell, verdicts[pair]) for pair, cell in matrix.items())
    judged = tuple(_judge(site, each, verdicts) for each in site.expectations)
    return Report(site.name, tuple(drift), results, judged)


def agrees(expected: Expect, actual: Actual) -> bool:
    """Return whether *actual* is what was *expected*; who cannot be sent to is not reached."""
    if expected is Expect.REACHABLE:
        return actual is Actual.REACHABLE
    return actual in (Actual.ISOLATED, Actual.UNTESTED)


def _result(cell: Cell, verdicts: Sequence[Verdict]) -> Result:
    return Result(cell, _actual(verdicts), _against(cell.expected, verdicts))


def _actual(verdicts: Sequence[Verdict]) -> Actual:
    answered = {verdict.answered for verdict in verdicts}
    match sorted(answered):
        case []:
            return Actual.UNTESTED
        case [True]:
            return Actual.REACHABLE
        case [False]:
            return Actual.ISOLATED
        case _:
            return Actual.PARTLY


def _against(expected: Expect, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    wanted = expected is Expect.REACHABLE
    return tuple(verdict for verdict in verdicts if verdict.answered is not wanted)


def _judge(site: Site, expectation: Expectation, verdicts: dict[Pair, list[Verdict]]) -> Judged:
    pairs, problem = resolve(site, expectation)
    failed = tuple(
        (pair, _actual(verdicts[pair]), _against(expectation.expect, verdicts[pair]))
        for pair in pairs
        if not agrees(expectation.expect, _actual(verdicts[pair]))
    )
    return Judged(expectation, pairs, failed, problem)
