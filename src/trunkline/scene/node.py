"""One device of a host state as a diagram sees it, and everything that the state says about it."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trunkline.names import natural
from trunkline.scene.boxes import BoxKind
from trunkline.scene.width import printable
from trunkline.state import (
    HARDWARE,
    Address,
    Bridge,
    HostState,
    Ipv6,
    Nic,
    PortVlan,
    Row,
    Tap,
    Veth,
    VlanDevice,
    VlanMethod,
    device_names,
    devices,
)

LOOPBACK = "lo"

NodeKey = tuple[str, str]
"""(panel, device)."""


class Joined(enum.Enum):
    """How a device is joined to the protocol stack of its namespace."""

    NO = "no"
    DOWN = "down"
    """The stack sends through it, but what comes in goes to the bridge: an addressed port."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Node:
    panel: str
    name: str
    kind: BoxKind
    addresses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    joined: Joined = Joined.NO
    wired: bool = False
    """Whether a cable leaves the host here."""
    vlan: int | None = None
    label: str = ""
    """What is shown where that is not the name."""

    @property
    def key(self) -> NodeKey:
        return (self.panel, self.name)

    @property
    def id(self) -> str:
        return f"{self.panel}/{self.name}" if self.panel else self.name


class Devices:
    """Looks up, for every device row, what else the state says about the device."""

    def __init__(
        self,
        state: HostState,
        masters: Mapping[NodeKey, NodeKey],
        parents: Mapping[NodeKey, NodeKey],
    ) -> None:
        self._state = state
        self._masters = masters
        self._parents = set(parents.values())
        self._addresses: dict[NodeKey, list[str]] = defaultdict(list)
        self._vlans: dict[NodeKey, list[PortVlan]] = defaultdict(list)
        for row in state.values():
            if isinstance(row, Address):
                self._addresses[row.namespace, row.device].append(row.address)
            elif isinstance(row, PortVlan):
                self._vlans[row.namespace, row.port].append(row)
        self._numbers = self._known_vlans()

    def nodes(self) -> Iterator[Node]:
        for row in devices(self._state):
            for key in device_names(row):
                if key[1] != LOOPBACK:
                    yield self._node(row, key)

    def _node(self, row: Row, key: NodeKey) -> Node:
        kind, up, ipv6, notes = _traits(row, key)
        addresses = tuple(sorted(self._addresses[key], key=lambda a: (":" in a, natural(a))))
        wired = isinstance(row, Nic) and (row.kind in HARDWARE or key in self._parents)
        filtered = _vlan_notes(self._vlans[key])
        return Node(
            *key,
            kind,
            addresses,
            (*notes, *filtered, *(("down",) if up is False else ())),
            self._joined(key, addresses, ipv6),
            wired,
            self._numbers.get(key),
        )

    def _joined(self, key: NodeKey, addresses: tuple[str, ...], ipv6: Ipv6 | None) -> Joined:
        if key in self._masters:
            return Joined.DOWN if addresses else Joined.NO
        return Joined.BOTH if addresses or ipv6 is Ipv6.ON else Joined.NO

    def _known_vlans(self) -> dict[NodeKey, int]:
        """Return the VLAN of every device that is in exactly one."""
        found: dict[NodeKey, set[int]] = defaultdict(set)
        for row in devices(self._state):
            if isinstance(row, VlanDevice):
                key = (row.namespace, row.name)
                found[key].add(row.vlan)
                if key in self._masters:
                    found[self._masters[key]].add(row.vlan)
        for key, rows in self._vlans.items():
            found[key].update(row.vlan for row in rows if row.pvid)
        for port, bridge in self._masters.items():
            if port not in found and port not in self._parents:
                found[port] = set(found[bridge]) if not self._vlans[port] else set()
        for row in devices(self._state):
            if isinstance(row, Veth):
                first, second = device_names(row)
                both = found[first] | found[second]
                found[first], found[second] = both, both
        return {key: next(iter(vlans)) for key, vlans in found.items() if len(vlans) == 1}


def _traits(row: Row, key: NodeKey) -> tuple[BoxKind, bool | None, Ipv6 | None, tuple[str, ...]]:
    """Return kind, up, ipv6 and notes of the device *key* that *row* stands for."""
    match row:
        case Nic():
            hardware = row.kind in HARDWARE
            note = () if hardware else (printable(str(row.kind)),)
            return (BoxKind.NIC if hardware else BoxKind.OTHER, row.up, None, note)
        case Bridge():
            note = ("vlan-aware",) if row.vlan_filtering else ()
            return (BoxKind.BRIDGE, row.up, row.ipv6, note)
        case VlanDevice():
            return (BoxKind.VLAN, row.up, row.ipv6, tuple(_vlan_device_notes(row)))
        case Tap():
            return (BoxKind.TAP, row.up, row.ipv6, ())
        case Veth():
            end = row.first if (row.first.namespace, row.first.name) == key else row.second
            return (BoxKind.VETH, end.up, end.ipv6, ())
        case _:
            raise AssertionError(f"not a device: {row!r}")


def _vlan_device_notes(row: VlanDevice) -> Iterator[str]:
    if not row.name.endswith(f".{row.vlan}"):
        yield f"VLAN {row.vlan}"
    if row.method is VlanMethod.EBPF:
        yield "ebpf"


def _vlan_notes(rows: Iterable[PortVlan]) -> Iterator[str]:
    rows = sorted(rows, key=lambda row: row.vlan)
    untagged = [row.vlan for row in rows if row.untagged or row.pvid]
    tagged = [row.vlan for row in rows if not (row.untagged or row.pvid)]
    if untagged:
        yield f"untagged {ranges(untagged)}"
    if tagged:
        yield f"tagged {ranges(tagged)}"


def ranges(numbers: Sequence[int]) -> str:
    """Return sorted *numbers* as people write them.

    >>> ranges([10, 20, 21, 22])
    '10,20-22'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
