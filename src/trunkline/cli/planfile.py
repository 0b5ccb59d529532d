"""A saved plan with the text of its site, so that applying it needs no other file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline import errors, local, saved_plan
from trunkline.cli import answer, sitefile
from trunkline.cli.sitefile import SiteFile
from trunkline.cli.target import Target
from trunkline.plan import Plan
from trunkline.saved_plan import SavedPlan
from trunkline.state import HostState

KIND = "SavedPlan"
_HINT = "`trunkline plan -o FILE` makes one"


@dataclass(frozen=True)
class PlanFile:
    file: SiteFile
    machine: str
    """The name of the machine that it was made on."""
    saved: SavedPlan

    def check_machine(self, path: str) -> None:
        """Raise StaleError on another machine than the one that it was made on."""
        here = local.hostname()
        if self.machine != here:
            raise errors.StaleError(
                f"{path}: the plan was made on '{self.machine}', this is '{here}'", hint=_HINT
            )


def save(path: str, target: Target, plan: Plan, desired: HostState) -> None:
    source = target.file.source
    text = saved_plan.save(
        plan,
        host=target.host,
        desired=desired,
        site_digest=hashlib.sha256(source.encode()).hexdigest(),
    )
    document = answer.document(
        KIND,
        machine=local.hostname(),
        file=target.file.file,
        source=source,
        plan=json.loads(text),
    )
    Path(path).write_text(document + "\n", encoding="utf-8")


def load(data: bytes, path: str) -> PlanFile | None:
    """Return the plan in *data*, or None where it is no plan but, say, a site file."""
    found = _json(data)
    if not isinstance(found, dict) or found.get("kind") not in (KIND, "Plan"):
        return None
    try:
        return _plan_file(found, path)
    except (KeyError, AttributeError) as error:
        message = f"'{path}' is not a saved plan: {error} is missing"
        raise errors.UsageError(message, hint=_HINT) from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data.lstrip().startswith(b"{") else None
    except ValueError:
        return None


def _plan_file(found: dict[str, Any], path: str) -> PlanFile:
    if found["kind"] != KIND:
        message = f"'{path}' is what `plan --json` prints, not a saved plan"
        raise errors.UsageError(message, hint=_HINT)
    saved = saved_plan.load(json.dumps(found["plan"]), path)
    return PlanFile(
        sitefile.parse(found["source"].encode(), found["file"]), found["machine"], saved
    )
