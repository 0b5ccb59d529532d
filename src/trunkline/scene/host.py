"""One host as a scene: its own panel at the left, then every namespace and guest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface
from itertools import zip_longest

from trunkline.names import natural
from trunkline.scene import wires
from trunkline.scene.boxes import (
    Box,
    BoxKind,
    Guest,
    Label,
    LabelKind,
    Line,
    LineKind,
    Scene,
)
from trunkline.scene.estate import Estate, estate
from trunkline.scene.grid import Grid, grid
from trunkline.scene.node import Node
from trunkline.scene.place import RULE_ROW, Place, bands, panel_title, place
from trunkline.scene.width import cells, printable
from trunkline.state import ROOT, HostState

PHYSICAL_NETWORK = "Physical Network"


@dataclass(frozen=True, slots=True)
class Fold:
    """How much of a host is drawn; what is left out is counted."""

    ports: int | None = 16
    """Of one bridge."""
    machines: int | None = 16
    """Panels beside the host's own."""


FULL = Fold(None, None)


@dataclass(frozen=True)
class Drawing:
    """A host without what lies outside of its frame."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    wires: tuple[Line, ...]
    """Down to the row under the frame."""
    width: int
    height: int
    """Of the frame."""


def host_scene(
    state: HostState,
    title: str = "",
    *,
    guests: Sequence[Guest] = (),
    fold: Fold = Fold(),
    columns: int | None = None,
) -> Scene:
    """Return the picture of one host.

    *guests* are the machines behind its taps. With *columns* as much is folded as it takes to
    become no wider; the narrowest picture is returned where nothing helps.
    """
    known = estate(state, guests)
    drawn = tightened(known, title, fold, columns)
    labels = tuple(_physical_labels(known, drawn.wires, drawn.height + 1))
    height = drawn.height + (2 if drawn.wires else 0)
    width = max([drawn.width, *(label.x + cells(label.text) for label in labels)])
    return Scene(
        printable(title), width, height, drawn.boxes, (*drawn.lines, *drawn.wires), labels
    )


def tightened(known: Estate, title: str, fold: Fold, columns: int | None) -> Drawing:
    """Return *known* drawn with as much folded as it takes to be no wider than *columns*."""
    drawn = drawing(known, title, fold)
    while columns is not None and drawn.width > columns:
        tighter = _tighter(known, fold, drawn, columns)
        if tighter is None:
            break
        fold = tighter
        drawn = drawing(known, title, fold)
    return drawn


def _tighter(known: Estate, fold: Fold, drawn: Drawing, columns: int) -> Fold | None:
    """Return the next fold to try: fewer machines first, for they take the most room."""
    right_borders = [box.right for box in drawn.boxes if box.kind is BoxKind.FRAME]
    machines = sum(box.kind is BoxKind.FRAME for box in drawn.boxes) - (ROOT in known.panels)
    if machines > 0:
        fitting = sum(right < columns for right in right_borders) - (ROOT in known.panels)
        return dataclasses.replace(fold, machines=max(0, min(fitting, machines - 1)))
    ports = len(known.nodes) if fold.ports is None else min(fold.ports, len(known.nodes))
    return dataclasses.replace(fold, ports=ports // 2) if ports > 1 else None


def drawing(known: Estate, title: str, fold: Fold) -> Drawing:
    grids = _grids(known, fold)
    hidden = sum(panel != ROOT for panel in known.panels) - sum(g.panel != ROOT for g in grids)
    rows = bands(grids)
    pairs = wires.pairs(known, grids)
    leaving = set(wires.exits(grids, pairs))
    places: list[Place] = []
    x = 0
    for layout in grids:
        name = panel_title(layout.panel) if layout.panel else title or "host"
        places.append(place(layout, name, x, rows, leaving))
        x = places[-1].frame.right
    wiring = wires.Wiring(known, places, rows)
    lines = wiring.lines()
    last = max([rows.end - 1, *(y for line in lines for _, y in line.points)])
    frames = [dataclasses.replace(p.frame, height=last + 3) for p in places]
    if hidden:
        frames.append(_more(hidden, x, last + 3))
    boxes = [*frames, *(box for p in places for box in (p.stack, *p.boxes.values()))]
    rules = [_rule(frame) for frame in frames if frame.kind is BoxKind.FRAME]
    return Drawing(
        tuple(boxes),
        (*rules, *lines),
        tuple(wiring.wires(last + 3)),
        frames[-1].right + 1,
        last + 3,
    )


def _grids(known: Estate, fold: Fold) -> list[Grid]:
    """Return the panels that are drawn.

    Machines, and the NICs of each, come in the order of the ports they hang on: what hangs
    higher is nearer, so that no line to the one crosses a line to the other.
    """
    first = [grid(known, panel, fold.ports) for panel in known.panels if panel == ROOT]
    heights = {key: cell.row for layout in first for key, cell in layout.cells.items()}
    rank = {peer: heights[key] for key, peer in known.peers.items() if key in heights}
    last = len(known.nodes)
    best: dict[str, int] = {}
    for (panel, _), row in rank.items():
        best[panel] = min(row, best.get(panel, last))
    others = sorted(
        (panel for panel in known.panels if panel != ROOT),
        key=lambda panel: (best.get(panel, last), natural(panel_title(panel))),
    )
    return first + [grid(known, panel, fold.ports, rank) for panel in others[: fold.machines]]


def _more(count: int, x: int, height: int) -> Box:
    name = f"+{count} more"
    return Box("frame: +", BoxKind.MORE, x, 0, cells(name) + 4, height, name)


def _rule(frame: Box) -> Line:
    ends = (frame.id, frame.id)
    points = ((frame.x + 1, RULE_ROW), (frame.right - 1, RULE_ROW))
    return Line(LineKind.RULE, ends, points, nets=frozenset({"rule"}))


def _physical_labels(known: Estate, lines: Sequence[Line], row: int) -> Iterator[Label]:
    """Yield a label under every cable, one for those that are close together."""
    nodes = {node.id: node for node in known.nodes.values()}
    clusters: list[tuple[int, list[Node]]] = []
    for line in sorted(lines, key=lambda line: line.points[-1]):
        left = max(0, line.points[-1][0] - len(PHYSICAL_NETWORK) // 2)
        if not clusters or left > clusters[-1][0] + len(PHYSICAL_NETWORK):
            clusters.append((left, []))
        clusters[-1][1].append(nodes[line.ends[0]])
    rights = [left for left, _ in clusters[1:]]
    for (left, nics), right in zip_longest(clusters, rights):
        text = PHYSICAL_NETWORK
        subnets = ", ".join(dict.fromkeys(s for nic in nics for s in _subnets(known, nic)))
        longer = f"{text} ({subnets})"
        if subnets and (right is None or left + len(longer) < right):
            text = longer
        yield Label(left, row, text, LabelKind.PHYSICAL)


def _subnets(known: Estate, nic: Node) -> Iterator[str]:
    """Yield the IPv4 subnets that the host itself has on the cable of *nic*, untagged."""
    bridge = known.masters.get(nic.key)
    addresses = nic.addresses if bridge is None else known.nodes[bridge].addresses
    for address in addresses:
        if ":" not in address:
            yield str(ip_interface(address).network)
