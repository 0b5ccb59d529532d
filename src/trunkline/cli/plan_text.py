"""A plan for people, as commands, and as JSON.

The symbols and the summary line are terraform's: many already read them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from trunkline import codec
from trunkline.cli import terminal
from trunkline.cli.terminal import Painted
from trunkline.operation import Operation
from trunkline.plan import Plan
from trunkline.render_plan import action, label

_SYMBOLS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def lines(operations: Sequence[Operation]) -> Iterator[Painted]:
    """Yield one line an operation: symbol, what it is about, the main command if it fits."""
    labels = [terminal.safe(label(operation.row)) for operation in operations]
    width = min(max(map(len, labels), default=0), 46)
    room = max((terminal.columns() or sys.maxsize) - width - 6, 20)
    for operation, name in zip(operations, labels, strict=True):
        symbol, color = _SYMBOLS[action(operation)]
        command: str = terminal.safe(operation.describe())
        if len(command) > room:
            command = command[: room - 3] + "..."
        yield terminal.joined(
            "  ",
            terminal.paint(symbol, fg=color),
            f" {name.ljust(width)}  ",
            terminal.paint(command, dim=True),
        )


def as_declared(site: str) -> str:
    return f"as site '{site}' declares"


def text(host_name: str, intention: str, plan: Plan) -> list[str]:
    """Return *plan* for people; *intention* says how the host is to be."""
    if plan.empty:
        return [f"{host_name}: no changes, it is {intention}."]
    heading = f"{host_name}, to be {intention}:"
    return [heading, *lines(plan.operations), f"Plan: {plan.summary}."]


def commands(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield the shell lines that do the same by hand."""
    for operation in operations:
        yield from operation.commands()


def change(operation: Operation) -> dict[str, object]:
    """Return *operation* for JSON; `before` and `after` are rows as `codec` writes them."""
    return {
        "action": action(operation),
        "label": label(operation.row),
        "before": None if operation.before is None else codec.encode(operation.before),
        "after": None if operation.after is None else codec.encode(operation.after),
        "commands": list(operation.commands()),
    }


def summary(plan: Plan) -> dict[str, int]:
    counts = plan.summary
    return {"add": counts.add, "change": counts.change, "destroy": counts.destroy}


def host(name: str, plan: Plan) -> dict[str, object]:
    """Return *plan* of the host *name* for JSON."""
    changes = [change(operation) for operation in plan.operations]
    return {"host": name, "summary": summary(plan), "changes": changes}
