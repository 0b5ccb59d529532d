"""JSON that we print: one versioned document, or one event a line on long commands."""

from __future__ import annotations

import json
from typing import Any

from trunkline.cli import abroad, terminal

API_VERSION = "trunkline/v1"
UI_VERSION = "1.0"
"""Of the event stream: readers ignore unknown events of the same major version."""


def document(kind: str, **fields: Any) -> str:
    """Return one JSON document; fields that readers meet in every one come first."""
    return json.dumps({"apiVersion": API_VERSION, "kind": kind, **fields}, indent=2)


def event(kind: str, **fields: Any) -> None:
    """Print one event of a long command's stream, at once even into a pipe."""
    terminal.exact(json.dumps({"type": kind, **fields}))


def start_events() -> None:
    """Print the first line of a stream, unless whoever had this carried out here has done so."""
    if abroad.home() is None:
        event("version", ui=UI_VERSION)
