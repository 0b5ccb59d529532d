"""A scene as SVG: the same boxes and lines as the text, with classes for a style sheet.

Every object has its kind as a class, its VLAN as `vlan-N`, its id as `data-id` and a title that
a browser shows under the mouse. The colours follow the page: light or dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from trunkline.scene.boxes import Box, Label, Line, LineKind, Point, Scene
from trunkline.scene.canvas import joints
from trunkline.scene.width import printable

CELL_WIDTH, CELL_HEIGHT = 8, 16

STYLE = """
svg { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; }
.paper { fill: #ffffff; stroke: none; }
rect { fill: #f6f8fa; stroke: #1f2328; }
.frame > rect { fill: none; stroke: #6e7781; }
.fold > rect, .more > rect { stroke-dasharray: 4 3; }
text { fill: #1f2328; text-anchor: middle; }
.label { text-anchor: start; }
.frame > text { font-weight: bold; }
.address { fill: #57606a; }
.stroke { fill: none; stroke: #1f2328; stroke-width: 1.5; }
.joint, marker path { fill: #1f2328; }
.rule > path { stroke: #6e7781; stroke-dasharray: 2 4; stroke-width: 1; }
.rail > path { stroke-width: 4; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; }
  rect { fill: #161b22; stroke: #e6edf3; }
  .frame > rect, .rule > path { stroke: #8d96a0; }
  text, .joint, marker path { fill: #e6edf3; }
  .address { fill: #8d96a0; }
  .stroke { stroke: #e6edf3; }
}
""".strip()
"""Plain colours and no variables: not only browsers read this."""

ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" '
    'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker>'
)


def svg(scene: Scene) -> str:
    """Return *scene* as one SVG document that needs nothing else."""
    width, height = scene.width * CELL_WIDTH, scene.height * CELL_HEIGHT
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(scene.title)}</title>",
            f"<style>{_colors(scene)}</style>",
            f"<defs>{ARROW}</defs>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            *(_box(box) for box in scene.boxes if box.is_frame),
            *(_line(line) for line in scene.lines),
            *(_joint(point) for point in joints(_joining(scene))),
            *(_box(box) for box in scene.boxes if not box.is_frame),
            *(_label(label) for label in scene.labels),
            "</svg>\n",
        )
    )


def _colors(scene: Scene) -> str:
    """Return the style, with one colour for each VLAN of the scene, spread over the circle."""
    both = (*(box.vlan for box in scene.boxes), *(line.vlan for line in scene.lines))
    vlans = {vlan for vlan in both if vlan is not None}
    rules = (
        f".vlan-{vlan} > rect, .vlan-{vlan} > path.stroke "
        f"{{ stroke: hsl({vlan * 137 % 360} 65% 45%); }}"
        for vlan in sorted(vlans)
    )
    return "\n".join((STYLE, *rules))


def _box(box: Box) -> str:
    x, y = _place((box.x, box.y))
    width, height = (box.width - 1) * CELL_WIDTH, (box.height - 1) * CELL_HEIGHT
    radius = 0 if box.is_frame else 5
    return "".join(
        (
            _group(box.kind.value, box.vlan, box.id, _title(box)),
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>',
            _separator(box),
            *_texts(box),
            "</g>",
        )
    )


def _separator(box: Box) -> str:
    """Return the line between the addresses and the name."""
    if not box.addresses:
        return ""
    y = box.row - 1
    return f'<path class="stroke" d="{_path([(box.x, y), (box.right, y)])}"/>'


def _texts(box: Box) -> Iterator[str]:
    center = _place((box.x, box.y))[0] + (box.width - 1) * CELL_WIDTH // 2
    for row, address in enumerate(box.addresses, box.y + 1):
        yield _text(center, row, address, "address")
    for row, text in enumerate((box.name, *box.notes), box.row):
        yield _text(center, row, text, "name" if row == box.row else "note")


def _text(x: int, row: int, text: str, kind: str) -> str:
    # The baseline lies a third of the letters' height under their middle.
    y = row * CELL_HEIGHT + CELL_HEIGHT // 2 + 4
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(printable(text))}</text>'


def _title(box: Box) -> str:
    vlan = () if box.vlan is None else (f"VLAN {box.vlan}",)
    return ", ".join((f"{box.kind.value} {box.name}", *box.addresses, *box.notes, *vlan))


def _line(line: Line) -> str:
    path = _path(_touching(line))
    start = ' marker-start="url(#arrow)"' * line.arrows[0]
    end = ' marker-end="url(#arrow)"' * line.arrows[1]
    return (
        _group(line.kind.value, line.vlan, line.id, " - ".join(line.ends))
        + f'<path class="stroke" d="{path}"{start}{end}/></g>'
    )


def _touching(line: Line) -> list[Point]:
    """Return the points of *line* with its ends on the borders of the boxes that it joins.

    In a text a line ends in the cell beside a box.
    """
    points = list(line.points)
    if line.kind in (LineKind.RULE, LineKind.RAIL):
        return points
    first, last = _beyond(points[1], points[0]), _beyond(points[-2], points[-1])
    return [first, *points[1:-1], points[-1] if line.kind is LineKind.WIRE else last]


def _beyond(before: Point, end: Point) -> Point:
    """Return the cell after *end* on the way from *before*."""
    (x1, y1), (x2, y2) = before, end
    return (x2 + (x2 > x1) - (x2 < x1), y2 + (y2 > y1) - (y2 < y1))


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join("{} {}".format(*_place(point)) for point in points)


def _joining(scene: Scene) -> Iterator[Line]:
    return (line for line in scene.lines if line.kind is not LineKind.RULE)


def _joint(point: Point) -> str:
    """Return the dot that tells lines that meet from lines that cross."""
    x, y = _place(point)
    return f'<circle class="joint" cx="{x}" cy="{y}" r="3"/>'


def _label(label: Label) -> str:
    x, row = label.x * CELL_WIDTH, label.y
    y = row * CELL_HEIGHT + CELL_HEIGHT // 2 + 4
    text = escape(printable(label.text))
    return (
        f'<text class="{label.kind.value}" x="{x}" y="{y}" style="text-anchor:start">{text}</text>'
    )


def _group(kind: str, vlan: int | None, identity: str, title: str) -> str:
    classes = kind if vlan is None else f"{kind} vlan-{vlan}"
    name = quoteattr(printable(identity))
    return f'<g class="{classes}" data-id={name}><title>{escape(printable(title))}</title>'


def _place(point: Point) -> tuple[int, int]:
    """Return the middle of a cell."""
    return point[0] * CELL_WIDTH + CELL_WIDTH // 2, point[1] * CELL_HEIGHT + CELL_HEIGHT // 2
