"""Paths into a site file, and where they stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from trunkline.errors import Problem
from trunkline.wording import quoted

Path = tuple[str | int, ...]

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
MAX_PROBLEMS = 1000
"""Problems that each step of a parse looks for; a file with more is not a site gone wrong."""

_PLAIN_NAME = re.compile(r"[\w-]{1,60}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: 1-based, and 0:0 for the file as a whole."""

    path: Path = ()
    line: int = 0
    column: int = 0

    def problem(self, message: str, hint: str = "") -> Problem:
        return Problem(self.line, self.column, path_text(self.path), message, hint)


class Positions(Protocol):
    """Where the objects of a site were declared."""

    @property
    def complete(self) -> bool:
        """Say whether the site has everything that was declared."""
        ...

    def find(self, path: Path) -> Place:
        """Return the place of the value at *path*, or of its nearest ancestor."""
        ...

    def find_key(self, path: Path) -> Place:
        """Return the place of the key that ends *path*, or of its nearest ancestor."""
        ...

    def declares(self, path: Path) -> bool:
        """Say whether *path* was written, however wrong; such an object is not missing."""
        ...


class Nowhere:
    """The positions of a site that does not come from a file."""

    complete = True

    def find(self, path: Path) -> Place:
        return Place(path)

    def find_key(self, path: Path) -> Place:
        return Place(path)

    def declares(self, path: Path) -> bool:
        return False


def path_text(path: Path) -> str:
    """Return *path* as people read it.

    >>> path_text(("vms", "vm1", "ports", 0, "mac"))
    'vms.vm1.ports[0].mac'
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if _PLAIN_NAME.fullmatch(step) else quoted(step)
            text += f".{name}" if text else name
    return text


def lines(text: str) -> list[str]:
    """Return *text* in the lines that the YAML parser counts."""
    return _LINE_BREAK.split(text)
