"""A grid of terminal cells: strokes below, texts above.

A cell keeps the directions in which each line leaves it. Lines of one net are put together, so
corners and tees come out right by themselves; where lines of two nets cross, the vertical one
passes over the other, as on paper: only what is joined shares a glyph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trunkline.scene.boxes import Line, Point
from trunkline.scene.width import cell

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
_VERTICAL = NORTH | SOUTH
_HORIZONTAL = EAST | WEST


@dataclass(frozen=True)
class Glyphs:
    lines: str
    """By the set of directions, 0 to 15."""
    arrows: str
    """North, east, south, west."""
    rule: str
    ascii: bool


UNICODE = Glyphs(" │─└││┌├─┘─┴┐┤┬┼", "↑→↓←", "┄", ascii=False)
ASCII = Glyphs(" |-+||++-+-+++++", "^>v<", ".", ascii=True)


@dataclass(frozen=True, slots=True)
class Stroke:
    nets: frozenset[str]
    directions: int


class Canvas:
    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self._width = width
        self._height = height
        self._glyphs = glyphs
        self._strokes: dict[Point, list[Stroke]] = defaultdict(list)
        self._rule: set[Point] = set()
        self._text: dict[Point, str] = {}

    def line(
        self, points: Sequence[Point], nets: Iterable[str], *, arrows: tuple[bool, bool]
    ) -> None:
        path = list(walk(points))
        for point, directions in _steps(path):
            self._strokes[point].append(Stroke(frozenset(nets), directions))
        if arrows[0]:
            self._arrow(path[0], _direction(path[1], path[0]))
        if arrows[1]:
            self._arrow(path[-1], _direction(path[-2], path[-1]))

    def rectangle(self, x: int, y: int, width: int, height: int, net: str) -> None:
        right, bottom = x + width - 1, y + height - 1
        corners = ((x, y), (right, y), (right, bottom), (x, bottom), (x, y))
        self.line(corners, (net,), arrows=(False, False))

    def rule(self, points: Sequence[Point]) -> None:
        self._rule.update(walk(points))

    def text(self, x: int, y: int, text: str) -> None:
        for character in text:
            wide = cell(character)
            if wide == 0:
                if (x - 1, y) in self._text and not self._glyphs.ascii:
                    self._text[x - 1, y] += character
                continue
            if self._glyphs.ascii and not character.isascii():
                character = "?" * wide
            self._put(x, y, character, wide)
            x += wide

    def rows(self) -> list[str]:
        cells = [[" "] * self._width for _ in range(self._height)]
        for x, y in self._rule:
            cells[y][x] = self._glyphs.rule
        for (x, y), strokes in self._strokes.items():
            cells[y][x] = self._glyphs.lines[_together(strokes)]
        for (x, y), character in self._text.items():
            cells[y][x] = character
        return ["".join(row) for row in cells]

    def _put(self, x: int, y: int, character: str, wide: int) -> None:
        self._text[x, y] = character
        for rest in range(1, wide):
            self._text[x + rest, y] = ""

    def _arrow(self, point: Point, direction: int) -> None:
        self._text[point] = self._glyphs.arrows[(NORTH, EAST, SOUTH, WEST).index(direction)]


def _together(strokes: Sequence[Stroke]) -> int:
    directions = 0
    for stroke in strokes:
        directions |= stroke.directions
    return _VERTICAL if _is_crossing(strokes) else directions


def _is_crossing(strokes: Sequence[Stroke]) -> bool:
    """Return whether lines that have nothing to do with each other cross here."""
    down = [stroke for stroke in strokes if stroke.directions == _VERTICAL]
    across = [stroke for stroke in strokes if stroke.directions == _HORIZONTAL]
    if not down or not across or len(down) + len(across) < len(strokes):
        return False
    return all(a.nets.isdisjoint(b.nets) for a in down for b in across)


def walk(points: Sequence[Point]) -> Iterable[Point]:
    """Yield every cell of a chain of points, each corner once."""
    yield points[0]
    for (x1, y1), (x2, y2) in pairwise(points):
        step_x, step_y = (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1)
        while (x1, y1) != (x2, y2):
            x1, y1 = x1 + step_x, y1 + step_y
            yield x1, y1


def _steps(path: Sequence[Point]) -> Iterator[tuple[Point, int]]:
    """Yield every cell of *path* with the directions in which the path leaves it."""
    for i, point in enumerate(path):
        before = _direction(point, path[i - 1]) if i else 0
        after = _direction(point, path[i + 1]) if i + 1 < len(path) else 0
        yield point, before | after


def joints(lines: Iterable[Line]) -> list[Point]:
    """Return where three or more ways of *lines* that belong together meet."""
    strokes: dict[Point, list[Stroke]] = defaultdict(list)
    for line in lines:
        for point, directions in _steps(list(walk(line.points))):
            strokes[point].append(Stroke(line.nets, directions))
    return [
        point
        for point, here in sorted(strokes.items())
        if not _is_crossing(here) and _together(here).bit_count() > 2
    ]


def _direction(here: Point, there: Point) -> int:
    if there[0] != here[0]:
        return EAST if there[0] > here[0] else WEST
    return SOUTH if there[1] > here[1] else NORTH
