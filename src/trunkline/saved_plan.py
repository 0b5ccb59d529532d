"""A plan in a file, for the host as it was observed and for no other.

Each operation holds the row as it was. So a plan is stale when planning again gives other
operations; a tap that somebody else plugs in meanwhile changes the host, and not the plan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from trunkline import codec
from trunkline.errors import UsageError
from trunkline.operation import Operation
from trunkline.plan import Plan
from trunkline.state import HostState, host_state

VERSION = 1


@dataclass(frozen=True)
class SavedPlan:
    site: str
    host: str
    site_digest: str
    """Of the site file; says whether it has changed, and stops nobody."""
    operations: tuple[Operation, ...]
    desired: HostState
    """What the host is to hold: applying a saved plan needs no site file."""

    @property
    def plan(self) -> Plan:
        return Plan(self.site, self.operations)


def save(plan: Plan, *, host: str, desired: HostState, site_digest: str) -> str:
    """Return *plan* as the text of a file."""
    saved = {
        "trunkline-plan": VERSION,
        "site": plan.site,
        "host": host,
        "site_digest": site_digest,
        "operations": [codec.encode_operation(each) for each in plan.operations],
        "desired": [codec.encode(row) for row in desired.values()],
    }
    return json.dumps(saved, indent=1) + "\n"


def load(text: str, file: str) -> SavedPlan:
    """Return the plan that `save` wrote; raises UsageError for anything else."""
    try:
        return _decoded(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"'{file}' is not a saved plan: {error}",
            hint="`trunkline plan --out FILE` writes one",
        ) from error


def _decoded(encoded: dict[str, Any]) -> SavedPlan:
    version = encoded["trunkline-plan"]
    if version != VERSION:
        raise ValueError(f"its version is '{version}', this program's {VERSION}")
    return SavedPlan(
        site=str(encoded["site"]),
        host=str(encoded["host"]),
        site_digest=str(encoded["site_digest"]),
        operations=tuple(codec.decode_operation(each) for each in encoded["operations"]),
        desired=host_state(codec.decode(row) for row in encoded["desired"]),
    )
