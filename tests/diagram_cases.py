"""Reads the cases of tests/cases/diagram: a host state as short rows, beside its pictures."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline import codec, manifest
from trunkline.capabilities import Capabilities
from trunkline.intent import Site
from trunkline.realise import Seats, realise
from trunkline.scene import Guest, GuestNic
from trunkline.state import (
    ROOT,
    Address,
    Bridge,
    BridgePort,
    HostState,
    Namespace,
    Nic,
    PortVlan,
    Row,
    Tap,
    VethEnd,
    VlanDevice,
    VlanMethod,
    host_state,
    veth,
)

FOLDER = Path(__file__).parent / "cases" / "diagram"

SHORT: tuple[Row, ...] = (
    Namespace(""),
    Nic(ROOT, "", kind=""),
    Bridge(ROOT, ""),
    VlanDevice(ROOT, "", "", 1, VlanMethod.KERNEL),
    Tap(ROOT, ""),
    veth(VethEnd(ROOT, ""), VethEnd(ROOT, "")),
    BridgePort(ROOT, "", ""),
    PortVlan(ROOT, "", 1),
    Address(ROOT, "", ""),
)
"""What a case does not say."""


@dataclass(frozen=True)
class Case:
    title: str
    state: HostState
    guests: tuple[Guest, ...]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> Case:
    case = json.loads((FOLDER / f"{name}.json").read_text())
    guests = tuple(
        Guest(
            guest["name"],
            tuple(
                GuestNic(nic["tap"], addresses=tuple(nic["addresses"])) for nic in guest["nics"]
            ),
        )
        for guest in case.get("guests", ())
    )
    return Case(case["title"], host_state(_row(row) for row in case["rows"]), guests)


def walkthrough() -> Site:
    path = FOLDER.parents[2] / "examples" / "walkthrough.yaml"
    return manifest.parse(path.read_bytes(), path.name)


def parsed(text: str) -> Site:
    return manifest.parse(textwrap.dedent(text).encode(), "site.yaml")


def walkthrough_state(host: str, seats: Seats = Seats.NAMESPACE) -> HostState:
    return realise(walkthrough(), host, Capabilities(), seats)


def golden(name: str) -> str:
    """Return a committed picture, `NAME.txt` or `NAME.ascii.txt`; its lines are not padded."""
    return (FOLDER / f"{name}.txt").read_text()


def unpadded(picture: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in picture.split("\n"))


def _row(given: dict[str, Any]) -> Row:
    defaults = {encoded["row"]: encoded for encoded in map(codec.encode, SHORT)}
    whole = {**defaults[given["row"]], **given}
    if given["row"] == "veth":
        for end in ("first", "second"):
            whole[end] = {**_end(defaults["veth"]), **given[end]}
    return codec.decode(whole)


def _end(pair: dict[str, object]) -> dict[str, object]:
    end = pair["first"]
    assert isinstance(end, dict)
    return end
