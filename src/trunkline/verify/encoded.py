"""A report as JSON values, for `--json` and for other programs."""

from __future__ import annotations

from collections.abc import Iterable

from trunkline import codec
from trunkline.operation import Operation
from trunkline.probe import ProbeKind, Verdict
from trunkline.verify.compare import Judged, Report, Result


def encode(report: Report) -> dict[str, object]:
    return {
        "site": report.site,
        "ok": report.ok,
        "drift": [
            {
                "where": drift.where,
                "problem": drift.problem,
                "operations": [_operation(op) for op in drift.operations],
            }
            for drift in report.drift
        ],
        "matrix": [_result(result) for result in report.results],
        "expectations": [_judged(judged) for judged in report.expectations],
    }


def _operation(operation: Operation) -> dict[str, object]:
    before, after = operation.before, operation.after
    return {
        "command": operation.describe(),
        "observed": None if before is None else codec.encode(before),
        "desired": None if after is None else codec.encode(after),
    }


def _result(result: Result) -> dict[str, object]:
    return {
        "from": result.cell.source,
        "to": result.cell.target,
        "expected": result.cell.expected.value,
        "actual": result.actual.value,
        "ok": result.ok,
        "reason": result.cell.reason,
        "contradictions": _verdicts(result.contradictions),
    }


def _judged(judged: Judged) -> dict[str, object]:
    return {
        "from": judged.expectation.source,
        "to": judged.expectation.target,
        "expect": judged.expectation.expect.value,
        "ok": judged.ok,
        "pairs": len(judged.pairs),
        "problem": judged.problem,
        "failed": [
            {
                "from": source,
                "to": target,
                "actual": actual.value,
                "contradictions": _verdicts(verdicts),
            }
            for (source, target), actual, verdicts in judged.failed
        ],
    }


def _verdicts(verdicts: Iterable[Verdict]) -> list[dict[str, object]]:
    return [
        {
            "kind": verdict.probe.kind.value,
            "address": verdict.probe.address,
            "vlan": verdict.probe.vlan if verdict.probe.kind is ProbeKind.TAGGED else None,
            "answered": verdict.answered,
        }
        for verdict in verdicts
    ]
