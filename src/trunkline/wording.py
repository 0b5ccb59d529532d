"""How a message quotes what people wrote, and what they may have meant."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

QUOTE_MAX = 60
"""Characters of a value that a message shows; the source line shows where it stands."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories that a terminal obeys or hides: escapes, bidi marks, surrogates."""


def visible(text: str) -> str:
    """Return *text* with every character that a terminal would not show as an escape.

    >>> visible("eth0\\x1b[2J")
    'eth0\\\\x1b[2J'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _UNSEEN else c for c in text)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def shortened(text: str) -> str:
    return text if len(text) <= QUOTE_MAX else text[: QUOTE_MAX - 1] + "…"


def quoted(value: object) -> str:
    """Return *value* as a message shows it: text in quotes, the rest as YAML writes it.

    >>> quoted("eth0"), quoted(True), quoted(None), quoted([1])
    ("'eth0'", 'true', 'an empty value', 'a list')
    """
    match value:
        case None:
            return "an empty value"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case int() | float():
            return str(value)
        case _:
            return f"'{visible(shortened(str(value)))}'"


def kind(value: object) -> str:
    """Return what YAML makes of *value*, with its article."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return "text"


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return *names* as `a, b, c`, cut after *most*.

    >>> listed("abc", most=2)
    'a, b and 1 more'
    """
    every = list(names)
    shown = ", ".join(visible(shortened(name)) for name in every[:most])
    return shown if len(every) <= most else f"{shown} and {len(every) - most} more"


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "known here: ") -> str:
    """Return a hint with the name in *known* that is nearest to *word*, else with all of them.

    >>> did_you_mean("uplnks", ["uplinks", "ports"]), did_you_mean("vm9", ["vm1", "vm2"])
    ("did you mean 'uplinks'?", 'known here: vm1, vm2')
    """
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(shortened(word), names, n=1, cutoff=0.6) or [
        name for name in names if name.lower() == word.lower()
    ]
    if near and not _same_but_number(near[0], word):
        return f"did you mean '{visible(near[0])}'?"
    return f"{otherwise}{listed(names)}" if names and otherwise else ""


def _same_but_number(one: str, other: str) -> bool:
    """Say whether the two differ in digits alone: then any other number is as likely."""
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    return "".join(c for c in text if not c.isdigit())
