"""A listing as text: a plain table, JSON, YAML, CSV, Markdown, bare names, or as brctl has it."""

from __future__ import annotations

import csv
import enum
import io
import json
from collections.abc import Sequence
from typing import assert_never

from trunkline.brctl.text import order, show
from trunkline.inventory import Field, Listing, Record, Value
from trunkline.scene.node import ranges
from trunkline.scene.width import cells, printable

API_VERSION = "trunkline/v1"
GAP = "   "
NOTHING = "-"


class Format(enum.Enum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    MARKDOWN = "md"
    NAME = "name"


def render(listing: Listing, format: Format, *, header: bool = True) -> str:
    """Return *listing* as text that ends in a newline; nothing at all for no names."""
    match format:
        case Format.TABLE:
            return _table(listing, narrow(listing), header)
        case Format.WIDE:
            return _table(listing, listing.fields, header)
        case Format.JSON:
            return json.dumps(envelope(listing), indent=2, ensure_ascii=False) + "\n"
        case Format.YAML:
            return _yaml(listing)
        case Format.CSV:
            return _csv(listing, header)
        case Format.MARKDOWN:
            return _markdown(listing)
        case Format.NAME:
            return "".join(f"{_name(listing, item)}\n" for item in listing.items)
        case _:
            assert_never(format)


def envelope(listing: Listing) -> dict[str, object]:
    """Return the document that JSON and YAML write; a list is always an array below `items`."""
    items = [{name: _plain(value) for name, value in item.items()} for item in listing.items]
    return {"apiVersion": API_VERSION, "kind": listing.kind, "items": items}


def narrow(listing: Listing) -> tuple[Field, ...]:
    return tuple(field for field in listing.fields if not field.wide)


def brctl(listing: Listing) -> str:
    """Return a BridgeList exactly as `brctl show` of bridge-utils 1.7 prints it."""
    items = sorted(listing.items, key=lambda item: (str(item["host"]), order(str(item["ifname"]))))
    return show(
        (
            printable(str(item["ifname"])),
            str(item["id"]),
            item["stp"] is True,
            [printable(str(p)) for p in item["ports"]] if isinstance(item["ports"], tuple) else [],
        )
        for item in items
    )


def _table(listing: Listing, fields: Sequence[Field], header: bool) -> str:
    rows = [[_text(field, item) for field in fields] for item in listing.items]
    if header:
        rows.insert(0, [(field.title or field.name).upper() for field in fields])
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return "".join(_row(row, widths) for row in rows)


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True))
    return GAP.join(padded).rstrip() + "\n"


def _text(field: Field, item: Record) -> str:
    """Return a value as a table shows it: short, and never empty."""
    value = item[field.name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        numbers = [part for part in value if isinstance(part, int)]
        return (ranges(numbers) or ",".join(printable(str(p)) for p in value)) or NOTHING
    return NOTHING if value is None else printable(str(value))


def _yaml(listing: Listing) -> str:
    import yaml  # only who wants YAML waits for it

    text = yaml.safe_dump(envelope(listing), sort_keys=False, allow_unicode=True)
    return str(text)


def _csv(listing: Listing, header: bool) -> str:
    """Return all fields, lists joined by spaces, for a spreadsheet or a script."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(field.name for field in listing.fields)
    for item in listing.items:
        writer.writerow(_bare(item[field.name]) for field in listing.fields)
    return out.getvalue()


def _bare(value: Value) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _markdown(listing: Listing) -> str:
    fields = narrow(listing)
    rows = [
        [field.title or field.name for field in fields],
        ["---"] * len(fields),
        *([_text(field, item).replace("|", "\\|") for field in fields] for item in listing.items),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _name(listing: Listing, item: Record) -> str:
    return "/".join(printable(str(item[name])) for name in listing.names)


def _plain(value: Value) -> object:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    # The text and number types of `values` are written as what they are.
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else str(value)
