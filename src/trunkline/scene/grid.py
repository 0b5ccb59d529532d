"""Which column and row of its panel a device gets.

A panel reads from left to right as a frame travels: NICs that carry VLANs, VLAN devices and
uplinks, bridges, bridge ports, and at the right whatever is in no bridge. Each bridge has a lane
of rows of its own. A device with VLANs lies in the row of its first VLAN device, so that no line
to another one has to pass through its own.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trunkline.names import natural
from trunkline.scene.boxes import BoxKind
from trunkline.scene.estate import Estate
from trunkline.scene.node import Joined, Node, NodeKey

MORE = " +"
"""Ends the name of a fold; a space is in no device name."""


class Column(enum.IntEnum):
    TRUNK = 0
    """A device that carries VLANs, or a NIC of its own."""
    UPLINK = 1
    BRIDGE = 2
    PORT = 3
    FREE = 4
    """All in the first row."""


@dataclass(frozen=True, slots=True)
class Cell:
    node: Node
    column: Column
    row: int
    top: bool
    """No device above it in its column."""
    bottom: bool


@dataclass(frozen=True, slots=True)
class Joint:
    """A line that the grid itself makes possible, from left to right."""

    left: NodeKey
    right: NodeKey
    row: int
    """The row in which it ends at its far end."""


@dataclass(frozen=True)
class Grid:
    panel: str
    cells: Mapping[NodeKey, Cell]
    rows: int
    lanes: frozenset[int]
    """The rows in which a lane begins."""
    children: tuple[Joint, ...] = ()
    """A trunk device and a VLAN device beside it."""
    through: tuple[Joint, ...] = ()
    """A trunk device and the bridge that it is a port of."""
    uplinks: tuple[Joint, ...] = ()
    ports: tuple[Joint, ...] = ()
    """A bridge and a port, or a VLAN device on the bridge itself, or a fold."""
    strays: tuple[tuple[NodeKey, NodeKey], ...] = ()
    """(parent, VLAN device) where the two do not lie side by side."""

    def column(self, column: Column) -> list[Cell]:
        return [cell for cell in self.cells.values() if cell.column is column]


def grid(
    estate: Estate, panel: str, limit: int | None, rank: Mapping[NodeKey, int] | None = None
) -> Grid:
    """Lay out *panel*; of the ports of a bridge and of the free devices at most *limit* show.

    *rank* orders the free devices.
    """
    return _Layout(estate, panel, limit, rank or {}).grid()


def peer_order(estate: Estate, node: Node) -> tuple[object, ...]:
    """Return the sort key that keeps the lines to one machine together."""
    peer = estate.peers.get(node.key)
    if peer is None:
        return (1, natural(node.name))
    return (0, natural(peer[0].rpartition("/")[2]), natural(peer[1]), natural(node.name))


def _lane_order(bridge: Node) -> tuple[object, ...]:
    # VLANs first: a NIC that is a port itself then lies lowest, and its cable goes straight down.
    return (bridge.vlan is None, bridge.vlan or 0, natural(bridge.name))


class _Layout:
    def __init__(
        self, estate: Estate, panel: str, limit: int | None, rank: Mapping[NodeKey, int]
    ) -> None:
        self._estate = estate
        self._rank = rank
        self._panel = panel
        self._limit = limit
        self._nodes = estate.panel(panel)
        self._trunks = self._find_trunks()
        self._placed: dict[NodeKey, tuple[Node, Column, int]] = {}
        self._rows = 0
        self._lanes: set[int] = set()
        self._through: list[Joint] = []
        self._uplinks: list[Joint] = []
        self._ports: list[Joint] = []

    def grid(self) -> Grid:
        bridges = [node for node in self._nodes if node.kind is BoxKind.BRIDGE]
        for bridge in sorted(bridges, key=_lane_order):
            self._lane(bridge)
        for node in self._nodes:
            lonely = node.kind is BoxKind.VLAN and node.key not in self._placed
            if lonely and not self._lies_on_bridge(node):
                self._new_lane(1)
                self._put(node, Column.UPLINK, self._rows - 1)
        children = tuple(self._children())
        self._put_trunks(children)
        self._put_free()
        return Grid(
            self._panel,
            self._cells(),
            max(1, self._rows),
            frozenset(self._lanes),
            children,
            tuple(self._through),
            tuple(self._uplinks),
            tuple(self._ports),
            tuple(self._strays(children)),
        )

    def _find_trunks(self) -> set[NodeKey]:
        nodes = self._estate.nodes
        carriers = {p for p in self._estate.parents.values() if p[0] == self._panel}
        return {c for c in carriers if nodes[c].kind not in (BoxKind.BRIDGE, BoxKind.VLAN)}

    def _new_lane(self, rows: int) -> int:
        first = self._rows
        self._lanes.add(first)
        self._rows += rows
        return first

    def _put(self, node: Node, column: Column, row: int) -> None:
        self._placed[node.key] = (node, column, row)

    def _lane(self, bridge: Node) -> None:
        members = [n for n in self._nodes if self._estate.masters.get(n.key) == bridge.key]
        left = [n for n in members if self._is_uplink(n)]
        right = [n for n in members if not self._is_uplink(n)]
        right += self._vlan_devices_on(bridge)
        right = fold(sorted(right, key=lambda n: peer_order(self._estate, n)), self._limit, bridge)
        first = self._new_lane(max(1, len(left), len(right)))
        self._put(bridge, Column.BRIDGE, first)
        for row, node in enumerate(left, first):
            if node.key in self._trunks:
                self._through.append(Joint(node.key, bridge.key, row))
            else:
                self._put(node, Column.UPLINK, row)
                self._uplinks.append(Joint(node.key, bridge.key, row))
        for row, node in enumerate(right, first):
            self._put(node, Column.PORT, row)
            self._ports.append(Joint(bridge.key, node.key, row))

    def _is_uplink(self, node: Node) -> bool:
        return node.key in self._trunks or node.kind in (BoxKind.VLAN, BoxKind.NIC)

    def _vlan_devices_on(self, bridge: Node) -> Iterator[Node]:
        for node in self._nodes:
            ported = node.key in self._estate.masters
            if not ported and self._estate.parents.get(node.key) == bridge.key:
                yield node

    def _children(self) -> Iterator[Joint]:
        """Yield the trunk devices with their VLAN devices, which all have their rows by now."""
        for node, column, row in sorted(self._placed.values(), key=lambda item: item[2]):
            parent = self._estate.parents.get(node.key)
            if column is Column.UPLINK and parent is not None and parent in self._trunks:
                yield Joint(parent, node.key, row)

    def _put_trunks(self, children: Sequence[Joint]) -> None:
        rows: dict[NodeKey, int] = {}
        for joint in sorted((*children, *self._through), key=lambda joint: joint.row):
            rows.setdefault(joint.left, joint.row)
        for key, row in rows.items():
            self._put(self._estate.nodes[key], Column.TRUNK, row)
        taken = set(rows.values())
        free = (row for row in range(len(self._nodes) + self._rows) if row not in taken)
        for node in self._nodes:
            if node.kind is BoxKind.NIC and node.wired and node.key not in self._placed:
                row = next(free)
                self._put(node, Column.TRUNK, row)
                self._rows = max(self._rows, row + 1)

    def _put_free(self) -> None:
        free = [
            node
            for node in self._nodes
            if node.key not in self._placed
            and node.key not in self._estate.masters
            and not self._lies_on_bridge(node)
        ]
        free.sort(key=lambda node: (self._rank.get(node.key, len(self._rank)), natural(node.name)))
        for node in fold(free, self._limit, None):
            self._put(node, Column.FREE, 0)

    def _lies_on_bridge(self, node: Node) -> bool:
        """Return whether *node* is a VLAN device of a bridge: beside it, or in its fold."""
        parent = self._estate.parents.get(node.key)
        return parent is not None and self._estate.nodes[parent].kind is BoxKind.BRIDGE

    def _strays(self, children: Sequence[Joint]) -> Iterator[tuple[NodeKey, NodeKey]]:
        joined = {(joint.left, joint.right) for joint in (*children, *self._ports)}
        for child, parent in self._estate.parents.items():
            if child in self._placed and parent in self._placed and (parent, child) not in joined:
                yield parent, child

    def _cells(self) -> dict[NodeKey, Cell]:
        rows: dict[Column, list[int]] = defaultdict(list)
        for _, column, row in self._placed.values():
            rows[column].append(row)
        return {
            key: Cell(node, column, row, row == min(rows[column]), row == max(rows[column]))
            for key, (node, column, row) in self._placed.items()
        }


def fold(nodes: Iterable[Node], limit: int | None, bridge: Node | None) -> list[Node]:
    """Return *nodes*, or the first of them and one that stands for the others."""
    shown = list(nodes)
    if limit is None or len(shown) <= limit:
        return shown
    kept = max(0, limit - 1)
    hidden = shown[kept:]
    name = f"+{len(hidden)} more"
    where = f"{bridge.name}{MORE}" if bridge else MORE
    return [*shown[:kept], Node(hidden[0].panel, where, BoxKind.FOLD, label=name)]


def joined(node: Node) -> bool:
    return node.joined is not Joined.NO
