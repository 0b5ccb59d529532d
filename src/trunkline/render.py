"""A scene as text, in box-drawing characters or in plain ASCII."""

from __future__ import annotations

from trunkline.scene.boxes import Box, LineKind, Scene
from trunkline.scene.canvas import ASCII, UNICODE, Canvas
from trunkline.scene.width import cells


def text(scene: Scene, ascii: bool = False) -> str:
    """Return *scene* as lines of one width, without a newline at the end."""
    canvas = Canvas(scene.width, scene.height, ASCII if ascii else UNICODE)
    for box in scene.boxes:
        canvas.rectangle(box.x, box.y, box.width, box.height, _net(box))
    for line in scene.lines:
        if line.kind is LineKind.RULE:
            canvas.rule(line.points)
        else:
            canvas.line(line.points, line.nets, arrows=line.arrows)
    for box in scene.boxes:
        _write(canvas, box)
    for label in scene.labels:
        canvas.text(label.x, label.y, label.text)
    return "\n".join(canvas.rows())


def _net(box: Box) -> str:
    # Frames share their borders, so all of them are one net.
    return "frame" if box.is_frame else box.id


def _write(canvas: Canvas, box: Box) -> None:
    if box.addresses:
        separator = ((box.x, box.row - 1), (box.right, box.row - 1))
        canvas.line(separator, (_net(box),), arrows=(False, False))
    for row, line in enumerate(box.addresses, box.y + 1):
        _center(canvas, box, row, line)
    for row, line in enumerate((box.name, *box.notes), box.row):
        _center(canvas, box, row, line)


def _center(canvas: Canvas, box: Box, row: int, line: str) -> None:
    canvas.text(box.x + 1 + (box.width - 2 - cells(line)) // 2, row, line)
