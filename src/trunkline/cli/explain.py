"""`trunkline explain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from trunkline import errors, local, names
from trunkline.bridge_explanation import Bridge, Explanation, explain, text
from trunkline.cli import answer, target, terminal
from trunkline.cli.group import Command, Entry, LazyGroup, suggestion


@dataclass(frozen=True)
class Place:
    """A host, and the path of its namespace; None is where this process is."""

    host: str
    path: Path | None = None

    def bridges(self) -> Mapping[str, Bridge]:
        from trunkline.kernel import bridges, namespaces

        with namespaces.entered(self.path):
            return bridges.read()


@click.command(
    cls=Command,
    name="bridge",
    examples=[
        "trunkline explain bridge br0  # of this machine",
        "trunkline explain bridge brvlan-10 --lab walkthrough  # on each host of a lab",
        "trunkline explain bridge brvlan-10 --host host2 --json  # for scripts",
    ],
)
@click.argument("name", metavar="NAME")
@target.host_option
@target.lab_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def bridge(name: str, *, host: str | None, lab: str | None, as_json: bool) -> None:
    """Say where a bridge's MAC comes from and what would change it.

    A bridge whose MAC nobody set takes the lowest of its ports and changes it as they come and
    go; its neighbours then talk to a MAC that is gone. You are told what would do that here, what
    it would break and the command that prevents it.
    """
    local.need_root("reading how a MAC was assigned")
    found = _find(name, _places(host, lab))
    explained = [
        (place, held, explain(held, names.mac(place.host, name))) for place, held in found
    ]
    if as_json:
        items = [_fields(*each) for each in explained]
        terminal.exact(answer.document("BridgeExplanation", items=items))
        return
    several = len(explained) > 1
    blocks = (
        (f"{place.host}/" if several else "") + text(held, explanation)
        for place, held, explanation in explained
    )
    terminal.echo("\n\n".join(blocks))


def _places(host: str | None, lab: str | None) -> list[Place]:
    """Return the hosts that are meant: as other reading commands, but no site is needed."""
    if host is lab is None and target.default_lab() is None:
        return [Place(local.hostname())]
    return [_place(each) for each in target.reading(None, host, lab)]


def _place(each: target.Target) -> Place:
    if not each.lab:
        return Place(each.host)
    from trunkline.lab.lab import Lab

    return Place(each.host, Lab(each.lab, each.site).path(each.host))


def _find(name: str, places: Iterable[Place]) -> list[tuple[Place, Bridge]]:
    known: set[str] = set()
    found = []
    for place in places:
        bridges = place.bridges()
        known.update(bridges)
        if name in bridges:
            found.append((place, bridges[name]))
    if not found:
        hint = suggestion(name, known) or f"bridges: {', '.join(sorted(known)) or 'none'}"
        raise errors.HostError(f"there is no bridge '{name}' here", hint=hint)
    return found


def _fields(place: Place, held: Bridge, explanation: Explanation) -> dict[str, Any]:
    identity = held.identity
    return {
        "host": place.host,
        "bridge": held.name,
        "mac": identity.mac,
        "bridge_id": identity.bridge_id,
        "addr_assign_type": identity.assigned.value,
        "ports": dict(identity.ports),
        "addresses": list(held.addresses),
        "owner": held.owner,
        "source": explanation.source.value,
        "why": explanation.why,
        "changes": [
            {"event": change.event, "mac": change.mac, "effect": change.effect}
            for change in explanation.changes
        ],
        "risk": explanation.risk or None,
        "fix": list(explanation.fix),
    }


command = LazyGroup(
    name="explain",
    sections={
        "Commands": {
            "bridge": Entry(
                "explain",
                "Say where a bridge's MAC comes from and what would change it.",
                "bridge",
            )
        }
    },
    help="""Say why something is as it is, and what would change it.

    The kernel decides some things by itself and says nothing about it; this knows its rules,
    which the tests compare with real kernels.""",
    examples=["trunkline explain bridge br0  # why it has this MAC, and whether it will keep it"],
)
