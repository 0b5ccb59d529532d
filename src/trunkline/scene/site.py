"""All hosts of a site, one below the other, and the physical switch that joins them.

The switch is a rail for every network that is on a cable, at the left of all hosts. A trunk's
line has a joint on each rail that it carries and passes under the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from trunkline.scene.boxes import (
    Box,
    Guest,
    Label,
    LabelKind,
    Line,
    LineKind,
    Scene,
    moved_box,
    moved_line,
)
from trunkline.scene.estate import estate
from trunkline.scene.host import Drawing, Fold, tightened
from trunkline.scene.width import cells, printable
from trunkline.state import BridgePort, HostState, PortVlan, VlanDevice

UNTAGGED = 0
"""The rail of frames without a tag; no VLAN has this number."""

RAIL_GAP = 2
HEAD = 2
"""Rows above the first host: the names of the rails, and where they begin."""


def site_scene(
    states: Mapping[str, HostState],
    title: str = "",
    *,
    guests: Mapping[str, Sequence[Guest]] | None = None,
    fold: Fold = Fold(),  # noqa: B008 - frozen
    columns: int | None = None,
) -> Scene:
    """Return the picture of all hosts in the order of *states*, with the switch between them."""
    carried = {host: carries(state) for host, state in states.items()}
    rails = sorted(
        {vlan for nics in carried.values() for vlans in nics.values() for vlan in vlans}
    )
    xs = _rail_positions(rails)
    left = (xs[rails[-1]] + _reach(rails[-1]) + RAIL_GAP) if rails else 0
    boxes: list[Box] = []
    lines: list[Line] = []
    y, width, last = HEAD if rails else 0, left, HEAD
    for host, state in states.items():
        known = estate(state, (guests or {}).get(host, ()))
        room = None if columns is None else columns - left
        drawn = tightened(known, host, fold, room)
        prefix = f"{host}:"
        boxes += (moved_box(box, left, y, prefix) for box in drawn.boxes)
        lines += (moved_line(line, left, y, prefix) for line in drawn.lines)
        for row, wire in enumerate(_outermost_first(drawn), y + drawn.height):
            nic = wire.ends[0]
            moved = moved_line(wire, left, y, prefix)
            lines += _to_rails(moved, row, [(vlan, xs[vlan]) for vlan in carried[host][nic]])
            last = row
        y += drawn.height + len(drawn.wires) + 1
        width = max(width, left + drawn.width)
    for vlan, x in xs.items():
        lines.append(_rail(vlan, x, last))
    labels = tuple(
        Label(x - cells(_rail_name(vlan)) // 2, 0, _rail_name(vlan), LabelKind.RAIL)
        for vlan, x in xs.items()
    )
    return Scene(printable(title), width, y, tuple(boxes), tuple(lines), labels)


def carries(state: HostState) -> dict[str, tuple[int, ...]]:
    """Return which VLANs each NIC of the host's own namespace has on its cable; 0 is untagged."""
    known = estate(state)
    wired = {node.key for node in known.nodes.values() if node.wired}
    found: dict[str, set[int]] = defaultdict(set)
    for row in state.values():
        match row:
            case VlanDevice() if (row.namespace, row.parent) in wired:
                found[_id(row.namespace, row.parent)].add(row.vlan)
            case PortVlan() if (row.namespace, row.port) in wired:
                found[_id(row.namespace, row.port)].add(UNTAGGED if row.untagged else row.vlan)
    filtered = {(r.namespace, r.port) for r in state.values() if isinstance(r, PortVlan)}
    for row in state.values():
        if isinstance(row, BridgePort) and (row.namespace, row.port) in wired - filtered:
            found[_id(row.namespace, row.port)].add(UNTAGGED)
    for key in wired:
        if not found[_id(*key)] or known.nodes[key].addresses:
            found[_id(*key)].add(UNTAGGED)
    return {nic: tuple(sorted(vlans)) for nic, vlans in found.items()}


def _id(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _rail_name(vlan: int) -> str:
    return f"VLAN {vlan}" if vlan else "untagged"


def _reach(vlan: int) -> int:
    return (cells(_rail_name(vlan)) + 1) // 2


def _rail_positions(rails: Sequence[int]) -> dict[int, int]:
    xs: dict[int, int] = {}
    x = 0
    for vlan in rails:
        xs[vlan] = x + cells(_rail_name(vlan)) // 2
        x += cells(_rail_name(vlan)) + RAIL_GAP
    return xs


def _outermost_first(drawn: Drawing) -> list[Line]:
    """Return the cables from left to right, so that none runs along under another's end."""
    return sorted(drawn.wires, key=lambda wire: wire.points[-1][0])


def _to_rails(wire: Line, row: int, rails: Sequence[tuple[int, int]]) -> Iterator[Line]:
    """Yield one line for each network on the cable *wire*, all along *row*."""
    x = wire.points[-1][0]
    for vlan, rail in rails:
        points = (*wire.points[:-1], (x, row), (rail, row))
        ends = (wire.ends[0], _rail_id(vlan))
        nets = wire.nets | {_rail_id(vlan)}
        yield Line(LineKind.WIRE, ends, points, (True, False), nets, vlan or None)


def _rail_id(vlan: int) -> str:
    return f"rail:{vlan}"


def _rail(vlan: int, x: int, last: int) -> Line:
    ends = (_rail_id(vlan), _rail_id(vlan))
    nets = frozenset({_rail_id(vlan)})
    return Line(LineKind.RAIL, ends, ((x, 1), (x, last + 1)), nets=nets, vlan=vlan or None)
