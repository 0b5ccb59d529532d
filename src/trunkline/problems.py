"""What is wrong with a site file, as text for people: place, source line, caret, hint."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from trunkline.errors import Problem, SiteError
from trunkline.positions import lines
from trunkline.wording import visible

MOST = 100
"""Problems that are printed; nobody reads on after that."""
WIDTH = 96
"""Columns of a source line; a longer one is cut around its caret."""
MESSAGE_MAX = 400


def text(error: SiteError) -> str:
    """Return every problem of *error* with its source line, ready to print."""
    source = lines(error.source) if error.source else []
    blocks = ["\n".join(_block(error.file, p, source)) for p in error.problems[:MOST]]
    if len(error.problems) > MOST:
        blocks.append(f"{visible(error.file)}: and {len(error.problems) - MOST} more problems")
    return "\n".join(blocks) + "\n"


def _block(file: str, problem: Problem, source: list[str]) -> Iterator[str]:
    place = f"{visible(file)}:{problem.line}:{problem.column}" if problem.line else visible(file)
    where = f"{problem.where}: " if problem.where else ""
    message = problem.message
    if len(message) > MESSAGE_MAX:
        message = message[: MESSAGE_MAX - 1] + "…"
    yield f"{place}: {where}{visible(message)}"
    if 0 < problem.line <= len(source):
        shown, caret = excerpt(source[problem.line - 1], problem.column - 1)
        yield f"    {shown}".rstrip()
        yield f"    {' ' * caret}^"
    if problem.hint:
        yield f"  hint: {visible(problem.hint)}"


def excerpt(line: str, column: int, width: int = WIDTH) -> tuple[str, int]:
    """Return *line* cut to *width* terminal columns and the column of the caret in it.

    >>> excerpt("network: red", 9)
    ('network: red', 9)
    >>> excerpt("\\tvlan: 1", 1)
    ('        vlan: 1', 8)
    """
    # A line may have 16 MiB: only the characters that could be shown are looked at.
    start = max(0, column - width)
    shown = cells(line[start : column + width])
    caret = min(column - start, len(shown))
    low, high = _window([width_of(cell) for cell in shown], caret, width)
    head = "…" if start + low else ""
    tail = "…" if start + high < len(line) else ""
    return head + "".join(shown[low:high]) + tail, len(head) + width_of("".join(shown[low:caret]))


def _window(widths: list[int], caret: int, width: int) -> tuple[int, int]:
    """Return which cells to show: two thirds of the room before the caret, where it is needed."""
    if sum(widths) <= width:
        return 0, len(widths)
    low = high = caret
    room = width
    while low and room - widths[low - 1] > width // 3:
        low -= 1
        room -= widths[low]
    while high < len(widths) and room >= widths[high]:
        room -= widths[high]
        high += 1
    return low, high


def cells(line: str) -> list[str]:
    """Return each character of *line* as what the terminal is given for it."""
    found: list[str] = []
    at = 0
    for character in line:
        cell = " " * (8 - at % 8) if character == "\t" else visible(character)
        found.append(cell)
        at += width_of(cell)
    return found


def width_of(cell: str) -> int:
    """Return the terminal columns of *cell*: East Asian wide is two, combining marks none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in cell
    )
