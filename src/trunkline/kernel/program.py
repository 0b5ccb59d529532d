"""What is sent to the kernel, in which order: stages of messages and actions.

Operations become a program by pure functions (`creation`, `removal`); `linux` runs it. A message
goes in one batch with the others of its wave and namespace; an action is what netlink cannot do.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.state import NftTable


class Stage(enum.Enum):
    """Steps of the way; each one's place in WAVES says when it is taken."""

    TABLES = enum.auto()
    """Filters are there before the first device is."""
    PARAMETERS = enum.auto()
    TAPS = enum.auto()
    NICS = enum.auto()
    BRIDGES = enum.auto()
    """With snooping off: with it, each new port is walked through (15 % at 500 ports)."""
    PAIRS = enum.auto()
    FAR_ENDS = enum.auto()
    CHANGES = enum.auto()
    """Before VLANS: none may be wider than its parent."""
    VLANS = enum.auto()
    PORTS = enum.auto()
    PORT_FLAGS = enum.auto()
    PORT_VLANS = enum.auto()
    QUIET = enum.auto()
    """IPv6 off and other parameters of devices, before anything is up."""
    EBPF = enum.auto()
    DEVICE_TABLES = enum.auto()
    UP = enum.auto()
    FAR_UP = enum.auto()
    """Until its far end is up a pair has no carrier: no port floods while others are added."""
    VLANS_UP = enum.auto()
    """A VLAN device comes up only above a parent that is up, a far end too."""
    ADDRESSES = enum.auto()
    ROUTES = enum.auto()
    GATEWAY_ROUTES = enum.auto()
    """After the routes that their gateways are reached by."""
    SNOOPING = enum.auto()
    FDB = enum.auto()
    """Static entries that are there before a port double the price of adding it."""
    LINKS_GONE = enum.auto()


CREATION = (
    (Stage.TABLES, Stage.PARAMETERS, Stage.TAPS),
    (Stage.NICS, Stage.BRIDGES, Stage.PAIRS),
    (Stage.FAR_ENDS, Stage.CHANGES, Stage.VLANS, Stage.PORTS, Stage.PORT_FLAGS, Stage.PORT_VLANS),
    (Stage.QUIET, Stage.EBPF, Stage.DEVICE_TABLES),
    (Stage.UP,),
    (
        Stage.FAR_UP,
        Stage.VLANS_UP,
        Stage.ADDRESSES,
        Stage.ROUTES,
        Stage.GATEWAY_ROUTES,
        Stage.SNOOPING,
        Stage.FDB,
    ),
)
"""Stages by wave. A wave is finished in all namespaces before the next one begins in any."""

REMOVAL = (
    (
        Stage.FDB,
        Stage.GATEWAY_ROUTES,
        Stage.ROUTES,
        Stage.ADDRESSES,
        Stage.PORT_VLANS,
        Stage.PORTS,
    ),
    (Stage.EBPF,),
    (Stage.LINKS_GONE,),
    (Stage.TABLES,),
)


@dataclass(frozen=True, slots=True)
class WriteParameter:
    namespace: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ReplaceTable:
    table: NftTable

    @property
    def namespace(self) -> str:
        return self.table.namespace


@dataclass(frozen=True, slots=True)
class DeleteTable:
    namespace: str
    family: str
    name: str


@dataclass(frozen=True, slots=True)
class MakeTap:
    namespace: str
    name: str
    index: int
    settings: bytes
    """The message that marks and sets it, sent before the tap becomes persistent."""


@dataclass(frozen=True, slots=True)
class AttachVlan:
    namespace: str
    port: int
    parent: int
    vlan: int


@dataclass(frozen=True, slots=True)
class DetachVlan:
    namespace: str
    parent: int
    vlan: int


@dataclass(frozen=True, slots=True)
class DeleteLink:
    namespace: str
    index: int


Action = (
    WriteParameter | ReplaceTable | DeleteTable | MakeTap | AttachVlan | DetachVlan | DeleteLink
)


@dataclass(frozen=True, slots=True)
class Step:
    """An action, and the number of the operation that it belongs to."""

    seq: int
    action: Action


class Program:
    """Messages and actions by stage; in a stage they keep the order they were added in."""

    def __init__(self) -> None:
        self._messages: dict[tuple[Stage, str], list[bytes]] = {}
        self._steps: dict[Stage, list[Step]] = {}
        self._namespaces: dict[str, None] = {}

    def send(self, stage: Stage, namespace: str, *messages: bytes) -> None:
        """Add *messages* as one piece, which is never sent in parts."""
        piece = messages[0] if len(messages) == 1 else b"".join(messages)
        if piece:
            self._namespaces[namespace] = None
            self._messages.setdefault((stage, namespace), []).append(piece)

    def do(self, stage: Stage, seq: int, action: Action) -> None:
        self._steps.setdefault(stage, []).append(Step(seq, action))

    def messages(self, wave: tuple[Stage, ...]) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (namespace, messages) for each namespace that has some in *wave*."""
        for namespace in self._namespaces:
            found = [
                piece for stage in wave for piece in self._messages.get((stage, namespace), ())
            ]
            if found:
                yield namespace, found

    def steps(self, wave: tuple[Stage, ...]) -> Iterator[Step]:
        for stage in wave:
            yield from self._steps.get(stage, ())
