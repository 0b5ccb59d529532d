"""How wide a text is in terminal cells, and which characters may be shown at all."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    r"""Return *text* with everything that a terminal would act upon replaced.

    The kernel allows escape characters in device names (net/core/dev.c, dev_valid_name).

    >>> printable("eth\x1b[2J0")
    'eth?[2J0'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def cells(text: str) -> int:
    """Return the number of terminal cells of *text*.

    >>> cells("vm1"), cells("虚拟机"), cells("e\u0301")
    (3, 6, 1)
    """
    return sum(map(cell, text))


def cell(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
