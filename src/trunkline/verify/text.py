"""A report as text: mininet's pingall lines, the matrix with expected and actual, what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.intent import Expect
from trunkline.operation import Operation
from trunkline.probe import ONE_WAY, ProbeKind, Verdict
from trunkline.verify.compare import Actual, Drift, Judged, Report, Result

_CORNER = "from \\ to"

_MARKS = {
    "reached": ("●", "+", "reached, as expected"),
    "isolated": ("·", ".", "isolated, as expected"),
    "lost": ("✗", "X", "NOT reached, though expected"),
    "leaked": ("‼", "!", "REACHED, though expected isolated"),
}


def text(report: Report, *, ascii: bool = False) -> str:
    """Return the whole report for people."""
    sections = (
        pingall(report),
        matrix(report, ascii=ascii),
        expectations(report),
        findings(report),
        summary(report),
    )
    return "\n\n".join(section for section in sections if section)


def pingall(report: Report) -> str:
    """Return the lines that mininet's `pingall` prints, from the same packets."""
    names = _names(report)
    actual = {(r.cell.source, r.cell.target): r.actual for r in report.results}
    lines = ["*** Ping: testing ping reachability"]
    for source in names:
        targets = [target for target in names if target != source]
        seen = (t if actual[source, t] is Actual.REACHABLE else "X" for t in targets)
        lines.append(f"{source} -> {' '.join(seen)}")
    received = sum(value is Actual.REACHABLE for value in actual.values())
    dropped = 100 * (len(actual) - received) // max(len(actual), 1)
    lines.append(f"*** Results: {dropped}% dropped ({received}/{len(actual)} received)")
    return "\n".join(lines)


def matrix(report: Report, *, ascii: bool = False) -> str:
    """Return a table of all ordered pairs: what is, marked by whether it should be so."""
    names = _names(report)
    if len(names) < 2:
        return ""
    marks = {(r.cell.source, r.cell.target): _mark(r) for r in report.results}
    width = max(len(name) for name in (*names, _CORNER))
    lines = [" ".join([f"{_CORNER:{width}}", *names])]
    for source in names:
        cells = (f"{_symbol(marks.get((source, name)), ascii):^{len(name)}}" for name in names)
        lines.append(" ".join([f"{source:{width}}", *cells]).rstrip())
    used = [mark for mark in _MARKS if mark in marks.values()]
    legend = "   ".join(f"{_symbol(mark, ascii)} {_MARKS[mark][2]}" for mark in used)
    return "\n".join([*lines, legend])


def expectations(report: Report) -> str:
    """Return a line for each expectation of the site file."""
    return "\n".join(
        f"{'ok' if judged.ok else 'FAILED':6} {wish.source} -> {wish.target} {wish.expect.value} "
        f"({_count(len(judged.pairs), 'pair')})"
        for judged in report.expectations
        for wish in [judged.expectation]
    )


def findings(report: Report) -> str:
    """Return what is not as declared, one paragraph for each kind; empty if nothing is."""
    lines = [line for drift in report.drift for line in _drift(drift)]
    lines += [line for result in report.results if not result.ok for line in _failed(result)]
    lines += [line for judged in report.expectations if not judged.ok for line in _judged(judged)]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """Return one line: how much was checked and whether all of it is as declared."""
    good = sum(result.ok for result in report.results)
    held = sum(judged.ok for judged in report.expectations)
    drift = sum(len(drift.operations) + bool(drift.problem) for drift in report.drift)
    counts = [
        f"{good} of {len(report.results)} pairs as declared",
        f"{held} of {len(report.expectations)} expectations hold",
        "no drift" if not drift else f"drift in {_count(drift, 'row')}",
    ]
    return f"{'OK' if report.ok else 'FAILED'}: {', '.join(counts)}"


def _names(report: Report) -> list[str]:
    return list(dict.fromkeys(result.cell.source for result in report.results))


def _mark(result: Result) -> str:
    wanted = result.cell.expected is Expect.REACHABLE
    if result.ok:
        return "reached" if wanted else "isolated"
    return "lost" if wanted else "leaked"


def _symbol(mark: str | None, ascii: bool) -> str:
    return "" if mark is None else _MARKS[mark][ascii]


def _drift(drift: Drift) -> Iterator[str]:
    if drift.problem:
        yield f"DRIFT {drift.where}: {drift.problem}"
        return
    yield f"DRIFT {drift.where}: {_count(len(drift.operations), 'row')} not as declared"
    for operation in drift.operations:
        yield f"    {_how(operation)}: {operation.describe()}"


def _how(operation: Operation) -> str:
    if operation.before is None:
        return "missing, to make it"
    return "too much, to remove it" if operation.after is None else "different, to mend it"


def _failed(result: Result) -> Iterator[str]:
    cell = result.cell
    yield (
        f"FAILED {cell.source} -> {cell.target}: expected {cell.expected.value} "
        f"({cell.reason}), is {result.actual.value}"
    )
    yield from _evidence(result.contradictions)


def _judged(judged: Judged) -> Iterator[str]:
    wish = judged.expectation
    head = f"FAILED expectation {wish.source} -> {wish.target} {wish.expect.value}"
    if judged.problem:
        yield f"{head}: {judged.problem}"
    for (source, target), actual, verdicts in judged.failed:
        yield f"{head}: {source} -> {target} is {actual.value}"
        yield from _evidence(verdicts)


def _evidence(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        probe = verdict.probe
        about = str(probe.vlan) if probe.kind is ProbeKind.TAGGED else probe.address
        what = " ".join(part for part in (probe.kind.value, about) if part)
        yield f"    {what}: {_outcome(verdict)}"


def _outcome(verdict: Verdict) -> str:
    if verdict.probe.kind in ONE_WAY:
        return "arrived" if verdict.answered else "did not arrive"
    return "answered" if verdict.answered else "no answer"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
