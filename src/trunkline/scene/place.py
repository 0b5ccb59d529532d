"""Coordinates of everything in one host: columns, the zones between them, and bands of rows.

Between two columns lies a zone where lines run up and down, each in a channel of its own; the
zone is as wide as its channels need. A band is one row of the grids of all panels: names in one
band stand at one height.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trunkline.scene.boxes import Box, BoxKind, above, wanted_width
from trunkline.scene.estate import GUEST
from trunkline.scene.grid import Cell, Column, Grid, joined
from trunkline.scene.node import NodeKey
from trunkline.scene.width import cells, printable

TITLE_ROW = 1
STACK_ROW = 2
STACK_FOOT = 5
"""The row right under the stack, where its lines end."""
RULE_ROW = 6
FIRST_BAND = 8

STACK_NAMES = ("Network Protocol Stack", "Protocol Stack")
GAP = 4
"""Between columns that no line joins, and between free devices."""

Channel = tuple[str, NodeKey]
"""(purpose, device). Purposes: stack, wire, exit, bus, jog."""


@dataclass(frozen=True)
class Zone:
    width: int
    offset: Mapping[Channel, int]


@dataclass(frozen=True)
class Place:
    """One panel with coordinates."""

    grid: Grid
    frame: Box
    stack: Box
    boxes: Mapping[NodeKey, Box]
    channels: Mapping[Channel, int]
    """The x of every channel."""


@dataclass(frozen=True)
class Bands:
    anchors: tuple[int, ...]
    """The row of the names in each band."""
    feet: tuple[int, ...]
    """The last row of the boxes in each band; below it come the rows of the jogs."""
    end: int
    """The first row below all bands."""


def bands(grids: Sequence[Grid]) -> Bands:
    rows = max(grid.rows for grid in grids)
    jogs = any(grid.strays for grid in grids)
    anchors, feet = [], []
    y = FIRST_BAND
    for row in range(rows):
        here = [cell for grid in grids for cell in grid.cells.values() if cell.row == row]
        # A line from the first band has to pass between the ports below it.
        if row == 1 or (row and any(row in grid.lanes for grid in grids)):
            y += 1
        anchors.append(y + max((_above(cell) for cell in here), default=1))
        feet.append(anchors[-1] + max((1 + len(cell.node.notes) for cell in here), default=1))
        y = feet[-1] + (3 if jogs else 1)
    return Bands(tuple(anchors), tuple(feet), y)


def _above(cell: Cell) -> int:
    # A line to the stack starts with an arrow and then leaves to the side: two rows.
    detour = 0 if cell.top or not joined(cell.node) else 2
    return above(cell.node.addresses) + detour


def place(grid: Grid, title: str, x: int, rows: Bands, exits: Iterable[NodeKey]) -> Place:
    """Give coordinates to *grid* with its frame's left border at *x*; the frame's end is open.

    *exits* are the devices from which a line leaves sideways for another panel.
    """
    zones = _zones(grid, set(exits))
    widths = {column: _column_width(grid, column) for column in Column}
    margin = 1 if grid.panel else 2
    lefts, starts, content = _columns(zones, widths)
    wanted = max(content, cells(title), cells(STACK_NAMES[1]) + 4)
    shift = x + 1 + margin + (wanted - content) // 2
    lefts = {column: left + shift for column, left in lefts.items()}
    channels = {
        channel: start + shift + zone.offset[channel]
        for start, zone in zip(starts, zones, strict=True)
        for channel in zone.offset
    }
    frame = Box(
        f"frame:{grid.panel}",
        BoxKind.FRAME,
        x,
        0,
        wanted + 2 * margin + 2,
        0,
        printable(title),
    )
    stack = Box(
        f"stack:{grid.panel}", BoxKind.STACK, x + 1 + margin, STACK_ROW, wanted, 3, _stack(wanted)
    )
    boxes = dict(_boxes(grid, lefts, widths, rows))
    return Place(grid, frame, stack, boxes, channels)


def panel_title(panel: str) -> str:
    return panel.removeprefix(GUEST)


def _stack(width: int) -> str:
    return next((name for name in STACK_NAMES if len(name) + 4 <= width), STACK_NAMES[-1])


def _zones(grid: Grid, exits: set[NodeKey]) -> tuple[Zone, ...]:
    """Return the zone before each column; the last one lies before the free devices."""
    trunk, uplink, bridge, port = (grid.column(column) for column in list(Column)[:4])
    carriers = dict.fromkeys(joint.left for joint in (*grid.children, *grid.through))
    bridges = [cell.node.key for cell in bridge[:1]]
    strays = {column: dict(_strays(grid, column)) for column in Column}
    away = {
        c: [cell.node.key for cell in grid.column(c) if cell.node.key in exits] for c in Column
    }
    return (
        _zone([*_detours(trunk), *(("exit", key) for key in away[Column.TRUNK])], 0, 1),
        _zone(
            [
                *(("trunk", key) for key in carriers),
                *_detours(uplink),
                *strays[Column.UPLINK],
            ],
            1,
            1,
        ),
        _zone(
            [
                *(("bus", key) for key in bridges if grid.uplinks or grid.through),
                *_detours(bridge),
                *strays[Column.BRIDGE],
            ],
            2,
            2,
        ),
        _zone([*(("ports", key) for key in bridges if grid.ports), *_detours(port)], 2, 2),
        _zone([*(("exit", key) for key in away[Column.PORT]), *strays[Column.PORT]], 1, 1),
    )


def _strays(grid: Grid, column: Column) -> Iterator[tuple[Channel, None]]:
    for parent, child in grid.strays:
        if grid.cells[parent].column is column and column is not Column.UPLINK:
            yield ("out", parent), None
        if grid.cells[child].column is column:
            yield ("in", child), None


def _detours(column: Iterable[Cell]) -> Iterator[Channel]:
    """Yield the channels of those that cannot go straight up to the stack or down to the wire."""
    for cell in column:
        if joined(cell.node) and not cell.top:
            yield ("stack", cell.node.key)
        if cell.node.wired and not cell.bottom:
            yield ("wire", cell.node.key)


def _zone(channels: Sequence[Channel], before: int, after: int) -> Zone:
    if not channels:
        return Zone(0, {})
    width = before + 2 * len(channels) - 1 + after
    return Zone(width, {channel: before + 2 * i for i, channel in enumerate(channels)})


def _column_width(grid: Grid, column: Column) -> int:
    widths = [_cell_width(cell) for cell in grid.column(column)]
    if column is Column.FREE:
        return sum(widths) + GAP * (len(widths) - 1) if widths else 0
    return max(widths, default=0)


def _cell_width(cell: Cell) -> int:
    node = cell.node
    return wanted_width(printable(node.label or node.name), node.addresses, node.notes)


def _columns(
    zones: Sequence[Zone], widths: Mapping[Column, int]
) -> tuple[dict[Column, int], list[int], int]:
    """Return where each column and each zone begins, and how wide all of it is."""
    x, seen = 0, False
    lefts: dict[Column, int] = {}
    starts: list[int] = []
    gap = 0
    for column in Column:
        starts.append(x)
        x += zones[column].width
        gap += zones[column].width
        if not widths[column]:
            continue
        if seen and (column is Column.FREE or not gap):
            x += max(0, GAP - gap)
        lefts[column] = x
        x += widths[column]
        seen, gap = True, 0
    return lefts, starts, x


def _boxes(
    grid: Grid, lefts: Mapping[Column, int], widths: Mapping[Column, int], rows: Bands
) -> Iterator[tuple[NodeKey, Box]]:
    free = lefts.get(Column.FREE, 0)
    for key, cell in grid.cells.items():
        if cell.column is Column.FREE:
            width = _cell_width(cell)
            yield key, _box(cell, free, width, rows)
            free += width + GAP
        else:
            yield key, _box(cell, lefts[cell.column], widths[cell.column], rows)


def _box(cell: Cell, x: int, width: int, rows: Bands) -> Box:
    node = cell.node
    up = above(node.addresses)
    return Box(
        node.id,
        node.kind,
        x,
        rows.anchors[cell.row] - up,
        width,
        up + 2 + len(node.notes),
        printable(node.label or node.name),
        node.addresses,
        node.notes,
        node.vlan,
    )
