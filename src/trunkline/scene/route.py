"""Finds a free row for a line between two channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trunkline.scene.boxes import Box, Point


@dataclass(frozen=True, slots=True)
class Exit:
    """How a line leaves a box: *points* end in the channel, which may be followed up or down."""

    points: tuple[Point, ...]
    first_row: int
    """The highest row in which the channel may be left."""

    @property
    def x(self) -> int:
        return self.points[-1][0]


class Floor:
    """Which horizontal stretches are taken, by boxes and by lines."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._taken: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for box in boxes:
            for row in range(box.y, box.bottom + 1):
                self._taken[row].append((box.x, box.right))

    def take(self, points: Sequence[Point]) -> None:
        start, row = points[0]
        self._taken[row].append((start, start))
        for (x1, y1), (x2, y2) in pairwise(points):
            if y1 == y2:
                self._taken[y1].append((min(x1, x2), max(x1, x2)))

    def is_free(self, row: int, x1: int, x2: int) -> bool:
        low, high = min(x1, x2), max(x1, x2)
        return all(right < low or high < left for left, right in self._taken[row])

    def joined(self, first: Exit, second: Exit) -> tuple[Point, ...]:
        """Return the line between two exits, along the first row that is free."""
        if first.x == second.x:
            return tidy((*first.points, *reversed(second.points)))
        row = max(first.first_row, second.first_row)
        while not self.is_free(row, first.x, second.x):
            row += 1
        points = (*first.points, (first.x, row), (second.x, row), *reversed(second.points))
        self.take(points)
        return tidy(points)


def tidy(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return *points* without those that lie on a straight piece, or twice on one place."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and _straight(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _straight(a: Point, b: Point, c: Point) -> bool:
    if a[0] == b[0] == c[0]:
        return (a[1] < b[1]) == (b[1] < c[1])
    if a[1] == b[1] == c[1]:
        return (a[0] < b[0]) == (b[0] < c[0])
    return False
