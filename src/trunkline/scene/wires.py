"""The lines of one host: to the stack, along the buses of bridges and trunks, between panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.scene.boxes import PHYSICAL, BoxKind, Line, LineKind, Point
from trunkline.scene.estate import Estate
from trunkline.scene.grid import Cell, Column, Grid, Joint
from trunkline.scene.node import Joined, NodeKey
from trunkline.scene.place import STACK_FOOT, Bands, Place
from trunkline.scene.route import Exit, Floor, tidy


def pairs(estate: Estate, grids: Sequence[Grid]) -> tuple[tuple[NodeKey, NodeKey], ...]:
    """Return the pairs of which both ends are drawn, each once: the left end first."""
    order = {
        key: (n, cell.column, cell.row, key)
        for n, grid in enumerate(grids)
        for key, cell in grid.cells.items()
    }
    drawn = ((a, b) for a, b in estate.peers.items() if a in order and b in order)
    return tuple(
        sorted((p for p in drawn if order[p[0]] < order[p[1]]), key=lambda p: order[p[0]])
    )


def exits(grids: Sequence[Grid], joined: Sequence[tuple[NodeKey, NodeKey]]) -> Iterator[NodeKey]:
    """Yield the devices from which a line to the peer leaves sideways into a channel."""
    cells = {key: cell for grid in grids for key, cell in grid.cells.items()}
    for here, there in joined:
        both = ((here, there), (there, here))
        # Side by side in one column they share a channel.
        beside = _beside(cells[here], cells[there])
        for key, peer in both[:1] if beside else both:
            cell = cells[key]
            if not _drops(cell) and not _runs_straight(grids, cell, cells[peer]):
                yield key


def _beside(here: Cell, there: Cell) -> bool:
    same = (here.node.panel, here.column) == (there.node.panel, there.column)
    return same and here.column is not Column.FREE


def _drops(cell: Cell) -> bool:
    """Return whether a line to the peer leaves *cell* downwards, where nothing is below it."""
    return cell.column is Column.FREE or (
        cell.column is Column.PORT and cell.bottom and cell.row == 0
    )


def _runs_straight(grids: Sequence[Grid], cell: Cell, peer: Cell) -> bool:
    """Return whether the row of the port *cell* is free all the way to the channel of *peer*."""
    order = [grid.panel for grid in grids]
    here, there = order.index(cell.node.panel), order.index(peer.node.panel)
    ahead = here < there or (here == there and peer.column is Column.FREE)
    port = cell.column is Column.PORT and cell.row > 0
    return port and ahead and all(grid.rows == 1 for grid in grids[here + 1 :])


class Wiring:
    """Draws every line of the *places* of one host."""

    def __init__(self, estate: Estate, places: Sequence[Place], bands: Bands) -> None:
        self._estate = estate
        self._places = places
        self._bands = bands
        self._cells = {k: cell for place in places for k, cell in place.grid.cells.items()}
        self._boxes = {k: box for place in places for k, box in place.boxes.items()}
        self._grids = [place.grid for place in places]
        self._floor = Floor(self._boxes.values())

    def lines(self) -> list[Line]:
        """Return all lines but the wires, which leave where the frame ends."""
        drawn: list[Line] = []
        for place in self._places:
            drawn += self._stack_lines(place)
            drawn += self._bus_lines(place)
        for line in drawn:
            self._floor.take(line.points)
        for stub in self._wire_stubs().values():
            self._floor.take(stub)
        drawn += self._crossing_lines()
        return drawn

    def wires(self, row: int) -> list[Line]:
        """Return the cables of the NICs, down to *row*."""
        return [
            Line(
                LineKind.WIRE,
                (self._boxes[key].id, PHYSICAL),
                tidy((*stub, (stub[-1][0], row))),
                (True, True),
                frozenset({f"wire:{self._boxes[key].id}"}),
                self._boxes[key].vlan,
            )
            for key, stub in self._wire_stubs().items()
        ]

    def _stack_lines(self, place: Place) -> Iterator[Line]:
        for key, cell in place.grid.cells.items():
            if cell.node.joined is Joined.NO:
                continue
            box = place.boxes[key]
            x, up = box.center, box.y - 1
            points: tuple[Point, ...] = ((x, up), (x, STACK_FOOT))
            if not cell.top:
                channel = place.channels["stack", key]
                points = ((x, up), (x, up - 1), (channel, up - 1), (channel, STACK_FOOT))
            both = cell.node.joined is Joined.BOTH
            nets = frozenset({f"stack:{box.id}"})
            ends = (box.id, place.stack.id)
            yield Line(LineKind.STACK, ends, points, (True, both), nets, box.vlan)

    def _bus_lines(self, place: Place) -> Iterator[Line]:
        grid = place.grid
        for joint in grid.children:
            x = place.channels["trunk", joint.left]
            yield self._bus_line(LineKind.PARENT, joint, (x,), (False, False), joint.right)
        for joint in grid.through:
            x1, x2 = place.channels["trunk", joint.left], _bus(place, "bus")
            yield self._bus_line(LineKind.PORT, joint, (x1, x2), (True, True), joint.left)
        for joint in grid.uplinks:
            x = _bus(place, "bus")
            yield self._bus_line(LineKind.PORT, joint, (x,), (True, True), joint.left)
        for joint in grid.ports:
            x = _bus(place, "ports")
            member = joint.right in self._estate.masters or self._is_fold(joint.right)
            kind = LineKind.PORT if member else LineKind.PARENT
            yield self._bus_line(kind, joint, (x,), (True, True), joint.right)

    def _is_fold(self, key: NodeKey) -> bool:
        return self._cells[key].node.kind is BoxKind.FOLD

    def _bus_line(
        self,
        kind: LineKind,
        joint: Joint,
        buses: tuple[int, ...],
        arrows: tuple[bool, bool],
        member: NodeKey,
    ) -> Line:
        """Return the line from left to right that changes rows at its buses.

        The row of the joint holds from the first bus to the last one.
        """
        left, right = self._boxes[joint.left], self._boxes[joint.right]
        row = self._bands.anchors[joint.row]
        points = [(left.right + 1, left.row), (buses[0], left.row), (buses[0], row)]
        points += [(buses[-1], row), (buses[-1], right.row), (right.x - 1, right.row)]
        ends = (left.id, right.id)
        nets = frozenset({f"out:{left.id}", f"in:{right.id}"})
        return Line(kind, ends, tidy(points), arrows, nets, self._boxes[member].vlan)

    def _wire_stubs(self) -> dict[NodeKey, tuple[Point, ...]]:
        """Return how each wired NIC's cable leaves it."""
        stubs: dict[NodeKey, tuple[Point, ...]] = {}
        for place in self._places:
            for key, cell in place.grid.cells.items():
                box = place.boxes[key]
                if cell.node.wired and cell.bottom:
                    stubs[key] = ((box.center, box.bottom + 1),)
                elif cell.node.wired:
                    channel = place.channels["wire", key]
                    stubs[key] = ((box.x - 1, box.row), (channel, box.row))
        return stubs

    def _crossing_lines(self) -> Iterator[Line]:
        """Yield the lines that go through the open: to a peer, and from stray parents."""
        planned = [
            (LineKind.PAIR, pair, self._pair_exits(*pair))
            for pair in pairs(self._estate, self._grids)
        ]
        for place in self._places:
            for parent, child in place.grid.strays:
                ends = self._stray_exits(place, parent, child)
                planned.append((LineKind.PARENT, (parent, child), ends))
        for _, _, both in planned:
            for leaving in both:
                self._floor.take(leaving.points)
        for kind, keys, (first, second) in planned:
            first_box, second_box = self._boxes[keys[0]], self._boxes[keys[1]]
            ids = (first_box.id, second_box.id)
            arrow = kind is LineKind.PAIR
            net = f"peer:{ids[0]}" if arrow else f"stray:{ids[0]}"
            points = self._floor.joined(first, second)
            vlan = first_box.vlan if arrow else second_box.vlan
            yield Line(kind, ids, points, (arrow, arrow), frozenset({net}), vlan)

    def _pair_exits(self, here: NodeKey, there: NodeKey) -> tuple[Exit, Exit]:
        second = self._exit(there)
        cell, box = self._cells[here], self._boxes[here]
        if not _drops(cell) and self._channel(here) is None:
            straight = ((box.right + 1, box.row), (second.x, box.row))
            return Exit(straight, box.row), second
        return self._exit(here), second

    def _channel(self, key: NodeKey) -> int | None:
        """Return the channel into which the line to the peer of *key* leaves, if it has one."""
        place = next(p for p in self._places if p.grid.panel == key[0])
        own = place.channels.get(("exit", key))
        peer = self._estate.peers[key]
        if own is None and _beside(self._cells[key], self._cells[peer]):
            return place.channels.get(("exit", peer))
        return own

    def _exit(self, key: NodeKey) -> Exit:
        cell, box = self._cells[key], self._boxes[key]
        if _drops(cell):
            return Exit(((box.center, box.bottom + 1),), self._bands.feet[0] + 2)
        side = box.x - 1 if cell.column is Column.TRUNK else box.right + 1
        channel = self._channel(key)
        assert channel is not None, f"no channel for {box.id}"
        return Exit(((side, box.row), (channel, box.row)), box.row + 1)

    def _stray_exits(self, place: Place, parent: NodeKey, child: NodeKey) -> tuple[Exit, Exit]:
        """Return the ends of the line to a VLAN device from a parent that is not beside it.

        Both sides of such a parent are in use, so the line leaves at the bottom; bridges and
        uplinks of one band do so in rows of their own, and never meet.
        """
        box = self._boxes[child]
        into = place.channels["in", child]
        second = Exit(((box.x - 1, box.row), (into, box.row)), box.row + 1)
        cell, box = self._cells[parent], self._boxes[parent]
        if cell.column is Column.PORT:
            out = place.channels["out", parent]
            return Exit(((box.right + 1, box.row), (out, box.row)), box.row + 1), second
        row, out = self._bands.feet[cell.row] + 1, into
        if cell.column is Column.BRIDGE:
            row, out = row + 1, place.channels["out", parent]
        x = box.x + 1
        return Exit(tidy(((x, box.bottom + 1), (x, row), (out, row))), row + 1), second


def _bus(place: Place, purpose: str) -> int:
    return next(x for (name, _), x in place.channels.items() if name == purpose)
