"""A list of records, and which of their fields a table shows.

Fields have the names that `ip -json` gives them where it has them; `state` is whether a device is
switched on, which is not the `operstate` of its cable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | bool | tuple[str, ...] | tuple[int, ...] | None
Record = Mapping[str, Value]


@dataclass(frozen=True)
class Field:
    name: str
    title: str = ""
    """The head of its column, where that is not the name."""
    wide: bool = False
    """Shown in wide tables only."""


@dataclass(frozen=True)
class Listing:
    kind: str
    """As in the JSON document: `PortList`."""
    fields: tuple[Field, ...]
    """Every field of the items, in the order of the columns."""
    items: tuple[Record, ...]
    names: tuple[str, ...]
    """The fields that together name an item; joined with `/` by `-o name`."""
