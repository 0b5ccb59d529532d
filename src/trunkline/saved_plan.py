"""A plan in a file: for the host state that it was made for, and for no other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from trunkline import codec
from trunkline.errors import StaleError, UsageError
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
    observed_digest: str
    """Of the host state that the plan was made for."""
    operations: tuple[Operation, ...]
    desired: HostState
    """What the host is to hold: applying a saved plan needs no site file."""

    @property
    def plan(self) -> Plan:
        return Plan(self.site, self.operations)


def save(
    plan: Plan, *, host: str, observed: HostState, desired: HostState, site_digest: str
) -> str:
    """Return *plan* as the text of a file."""
    saved = {
        "trunkline-plan": VERSION,
        "site": plan.site,
        "host": host,
        "site_digest": site_digest,
        "observed_digest": codec.digest(observed),
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


def check(saved: SavedPlan, observed: HostState) -> None:
    """Raise StaleError unless *observed* is exactly what *saved* was made for."""
    if codec.digest(observed) != saved.observed_digest:
        raise StaleError(
            f"site '{saved.site}': host '{saved.host}' has changed since the plan was saved",
            hint="make a new plan and look at it again",
        )


def _decoded(encoded: dict[str, Any]) -> SavedPlan:
    version = encoded["trunkline-plan"]
    if version != VERSION:
        raise ValueError(f"its version is '{version}', this program's {VERSION}")
    return SavedPlan(
        site=str(encoded["site"]),
        host=str(encoded["host"]),
        site_digest=str(encoded["site_digest"]),
        observed_digest=str(encoded["observed_digest"]),
        operations=tuple(codec.decode_operation(each) for each in encoded["operations"]),
        desired=host_state(codec.decode(row) for row in encoded["desired"]),
    )
