"""A plan as text: what becomes of each row, field by field.

The symbols and the last line are terraform's, which many already read; one block for each row.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from enum import Enum

from trunkline.operation import Operation
from trunkline.plan import Plan
from trunkline.state import (
    Address,
    BridgePort,
    FdbEntry,
    Key,
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


def text(plan: Plan) -> str:
    """Return *plan* for people: what happens to which row, then how much of each.

    >>> text(Plan("lab"))
    'No changes. The host is as site lab declares.\\n'
    """
    if plan.empty:
        return f"No changes. The host is as site {plan.site} declares.\n"
    blocks = [_block(symbol, before, after) for symbol, before, after in _changes(plan)]
    return "\n".join(blocks) + f"\nPlan: {plan.summary}.\n"


def action(operation: Operation) -> str:
    if operation.before is None:
        return "create"
    return "delete" if operation.after is None else "update"


def _changes(plan: Plan) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Yield (symbol, before, after) for each row once, where it is made or else where it ends."""
    ends: dict[Key, Row] = {}
    for operation in plan.operations:
        if operation.before is not None and operation.after is None:
            ends[operation.key] = operation.before
    made = {operation.key for operation in plan.operations if operation.after is not None}
    for operation in plan.operations:
        before, after = operation.before, operation.after
        if after is None:
            if operation.key not in made:
                yield "-", before, None
        elif operation.key in ends:
            yield "-/+", ends[operation.key], after
        else:
            yield ("~" if before is not None else "+"), before, after


def _block(symbol: str, before: Row | None, after: Row | None) -> str:
    row = after if after is not None else before
    assert row is not None, "a change of nothing"
    lines = [f"{symbol:>3} {label(row)}"]
    if after is not None:
        old = {} if before is None else _facts(before)
        lines += [line for name, new in _facts(after).items() if (line := _line(name, old, new))]
    return "\n".join(lines)


def _line(name: str, old: dict[str, str], new: str) -> str:
    if name not in old:
        return f"      {name} = {new}" if old or new != "null" else ""
    return "" if old[name] == new else f"      {name} = {old[name]} -> {new}"


def label(row: Row) -> str:
    """Return what *row* is about; inside a namespace with its name.

    >>> label(Address("edge", "red", "10.0.0.1/8"))
    'edge: address 10.0.0.1/8 on red'
    """
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


def _facts(row: Row) -> dict[str, str]:
    """Return the fields of *row* that its label does not show, as JSON values."""
    shown = set(map(str, row.key[1:])) | {""}
    facts: dict[str, str] = {}
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if isinstance(value, VethEnd):
            facts |= _end_facts(field.name, value)
        elif isinstance(row, NftTable) and field.name == "rules":
            facts["rules"] = _indented(row.rules)
        elif value not in shown or isinstance(row, Veth):
            facts[field.name] = _json(value)
    return facts


def _end_facts(name: str, end: VethEnd) -> dict[str, str]:
    place = f"{end.namespace}:{end.name}" if end.namespace else end.name
    facts = {name: _json(place)}
    for field in ("mac", "up", "ipv6"):
        facts[f"{name}.{field}"] = _json(getattr(end, field))
    return facts


def _indented(rules: str) -> str:
    return "\n" + "\n".join(f"        {line}".rstrip() for line in rules.splitlines())


def _json(value: object) -> str:
    return json.dumps(value.value if isinstance(value, Enum) else value, ensure_ascii=False)
