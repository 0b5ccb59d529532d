"""What a diagram consists of. A coordinate is a terminal cell; y grows downwards."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass

from trunkline.scene import width

Point = tuple[int, int]

PHYSICAL = "physical"
"""The far end of a NIC's wire, where that is no box."""


class BoxKind(enum.Enum):
    FRAME = "frame"
    """A host, a machine, a router: everything of one network namespace lies inside."""
    STACK = "stack"
    NIC = "nic"
    BRIDGE = "bridge"
    VLAN = "vlan"
    TAP = "tap"
    VETH = "veth"
    OTHER = "other"
    FOLD = "fold"
    """Stands for devices that are not drawn."""
    MORE = "more"
    """A frame that stands for machines that are not drawn."""


class LineKind(enum.Enum):
    STACK = "stack"
    """A device and the protocol stack of its namespace."""
    PORT = "port"
    """A bridge and one of its ports."""
    PARENT = "parent"
    """A VLAN device and the device whose VLAN it carries."""
    PAIR = "pair"
    """The two ends of a veth, or a tap and its guest's NIC."""
    WIRE = "wire"
    """A NIC and the physical network."""
    RAIL = "rail"
    """The physical switch, one network of it."""
    RULE = "rule"
    """Where the kernel's protocol stack ends and its devices begin; joins nothing."""


class LabelKind(enum.Enum):
    PHYSICAL = "physical"
    RAIL = "rail"


@dataclass(frozen=True, slots=True)
class Box:
    id: str
    kind: BoxKind
    x: int
    y: int
    width: int
    height: int
    name: str
    addresses: tuple[str, ...] = ()
    """In a compartment above the name."""
    notes: tuple[str, ...] = ()
    """Below the name."""
    vlan: int | None = None

    @property
    def is_frame(self) -> bool:
        return self.kind in (BoxKind.FRAME, BoxKind.MORE)

    @property
    def right(self) -> int:
        return self.x + self.width - 1

    @property
    def bottom(self) -> int:
        return self.y + self.height - 1

    @property
    def center(self) -> int:
        return self.x + self.width // 2

    @property
    def row(self) -> int:
        """The row of the name, where lines come in from the sides."""
        return self.y + above(self.addresses)


def above(addresses: tuple[str, ...]) -> int:
    """Return how many rows of a box lie above its name."""
    return 2 + len(addresses) if addresses else 1


def wanted_width(name: str, addresses: tuple[str, ...], notes: tuple[str, ...]) -> int:
    return 2 + max(width.cells(text) for text in (name, *addresses, *notes))


@dataclass(frozen=True, slots=True)
class Line:
    """A chain of horizontal and vertical pieces between two boxes."""

    kind: LineKind
    ends: tuple[str, str]
    """The ids of what it joins."""
    points: tuple[Point, ...]
    arrows: tuple[bool, bool] = (False, False)
    """Whether frames come out of its first and its second end."""
    nets: frozenset[str] = frozenset()
    """Lines that have one of these in common may lie on each other: a bus has one trunk."""
    vlan: int | None = None

    @property
    def id(self) -> str:
        return f"{self.kind.value}:{self.ends[0]}--{self.ends[1]}"


@dataclass(frozen=True, slots=True)
class Label:
    x: int
    y: int
    text: str
    kind: LabelKind


@dataclass(frozen=True, slots=True)
class Scene:
    title: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class GuestNic:
    """A virtual machine's own NIC, which the host's kernel does not know."""

    tap: str
    name: str = "eth0"
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guest:
    name: str
    nics: tuple[GuestNic, ...]


def moved_box(box: Box, x: int, y: int, prefix: str = "") -> Box:
    return dataclasses.replace(box, id=prefix + box.id, x=box.x + x, y=box.y + y)


def moved_line(line: Line, x: int, y: int, prefix: str = "") -> Line:
    return dataclasses.replace(
        line,
        ends=(prefix + line.ends[0], prefix + line.ends[1]),
        points=tuple((a + x, b + y) for a, b in line.points),
        nets=frozenset(prefix + net for net in line.nets),
    )
