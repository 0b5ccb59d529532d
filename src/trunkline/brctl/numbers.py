"""Numbers as brctl reads them: what looks like one at the start of a word counts."""

from __future__ import annotations

import math
import re

_SPACE = r"[ \t\n\v\f\r]*"
_WHOLE = re.compile(_SPACE + r"([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)")
_HEX = r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]*)(?:[pP][+-]?[0-9]+)?"
_DECIMAL = r"(?!0[xX])(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_SPECIAL = r"[iI][nN][fF](?:[iI][nN][iI][tT][yY]|(?![iI]))|[nN][aA][nN]"
_REAL = re.compile(rf"{_SPACE}([+-]?)({_HEX}|{_DECIMAL}|{_SPECIAL})")


def whole(word: str) -> int | None:
    """Return an int of C (32 bits, wrapping) in decimal, octal or hexadecimal; None if it is none.

    >>> whole("10"), whole("010"), whole("0x10"), whole("7 apples"), whole("apples")
    (10, 8, 16, 7, None)
    >>> whole("-1"), whole("4294967297"), whole("99999999999999999999"), whole("09")
    (-1, 1, -1, 0)
    """
    found = _WHOLE.match(word)
    if found is None:
        return None
    sign, digits = found.groups()
    value = _magnitude(digits) * (-1 if sign == "-" else 1)
    # A long holds what it can; its lower half is the int.
    held = max(-(1 << 63), min(value, (1 << 63) - 1))
    return (held + (1 << 31)) % (1 << 32) - (1 << 31)


def _magnitude(digits: str) -> int:
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    if not digits.startswith("0"):
        return int(digits)
    octal = re.match("[0-7]+", digits)
    return int(octal[0], 8) if octal else 0


def seconds(word: str) -> float | None:
    """Return a number of seconds, as a double of C; None if the word begins with none.

    >>> seconds("1.5"), seconds("1e3x"), seconds("0x1p3"), seconds("inf"), seconds("0x")
    (1.5, 1000.0, 8.0, inf, None)
    """
    found = _REAL.match(word)
    if found is None:
        return None
    sign, digits = found.groups()
    value = _real(digits.lower())
    return -value if sign == "-" else value


def _real(digits: str) -> float:
    if not digits.startswith("0x"):
        return float(digits)
    mantissa = digits if any(c in "0123456789abcdef" for c in digits[2:].partition("p")[0]) else ""
    try:
        return float.fromhex(mantissa or "0")
    except OverflowError:
        return math.inf


def ticks(value: float) -> int | None:
    """Return *value* seconds in hundredths; None for what 32 bits cannot hold.

    >>> ticks(1.5), ticks(0.29), ticks(1.15), ticks(-1), ticks(1e9), ticks(float("nan"))
    (150, 29, 114, None, None, None)
    """
    if not 0 <= value < 1 << 32:
        return None
    # By way of struct timeval, each step cut off and not rounded: 1.15 s become 114.
    whole_part = int(value)
    micros = whole_part * 1_000_000 + int(1_000_000 * (value - whole_part))
    found = micros // 10_000
    return found if found < 1 << 32 else None
