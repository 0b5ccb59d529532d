"""A plan for people, as commands, and as JSON.

The symbols and the summary line are terraform's: many already read them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from trunkline import codec
from trunkline.cli import terminal
from trunkline.operation import Operation
from trunkline.plan import Plan
from trunkline.render_plan import action
from trunkline.state import (
    Address,
    BridgePort,
    FdbEntry,
    Namespace,
    NftTable,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Veth,
    VethEnd,
    VlanDevice,
)

_SYMBOLS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def label(row: Row) -> str:
    """Return what *row* is about, as `bridge brvlan-10`; inside a namespace with its name."""
    if isinstance(row, Namespace):
        return f"namespace {row.name}"
    if isinstance(row, Veth):
        return f"veth {_end(row.first)} <-> {_end(row.second)}"
    inside = f"{row.namespace}: " if row.namespace else ""
    return inside + _label(row)


def _label(row: Row) -> str:
    match row:
        case VlanDevice():
            return f"VLAN device {row.name} ({row.method.value})"
        case BridgePort():
            return f"bridge port {row.port} in {row.bridge}"
        case PortVlan():
            return f"VLAN {row.vlan} on {row.port}"
        case FdbEntry():
            return f"FDB entry {row.mac} on {row.port}"
        case Address():
            return f"address {row.address} on {row.device}"
        case Route():
            return f"route {row.destination}"
        case Sysctl():
            return f"sysctl {row.name}"
        case NftTable():
            return f"nft table {row.family} {row.name}"
        case Namespace() | Veth():
            return label(row)
        case _:
            return f"{_kind(row)} {row.name}"


def _kind(row: Row) -> str:
    return {"Nic": "NIC"}.get(type(row).__name__, type(row).__name__.lower())


def _end(end: VethEnd) -> str:
    return f"{end.namespace}/{end.name}" if end.namespace else end.name


def lines(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield one line an operation: symbol, what it is about, the main command if it fits."""
    labels = [label(operation.row) for operation in operations]
    width = min(max(map(len, labels), default=0), 46)
    room = max((terminal.columns() or sys.maxsize) - width - 6, 20)
    for operation, name in zip(operations, labels, strict=True):
        symbol, color = _SYMBOLS[action(operation)]
        command = operation.describe()
        if len(command) > room:
            command = command[: room - 3] + "..."
        command = click.style(command, dim=True)
        yield f"  {click.style(symbol, fg=color)} {name.ljust(width)}  {command}"


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
