"""Probes: real packets between seats, and whether they arrived. Values only.

A *seat* is where a machine sits on a network: a device with its addresses in a namespace. Every
probe leaves from its seat's device and counts only where it comes back, or is seen, on a seat's
device, so a machine with two seats is judged seat by seat.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trunkline.values import InterfaceAddress


class ProbeKind(enum.Enum):
    """What is sent, and what counts as an answer."""

    ARP = "arp"
    """A who-has; answered by a reply from the target's MAC."""
    ICMP = "icmp"
    """An IPv4 echo request; answered by its echo reply."""
    ICMPV6 = "icmpv6"
    UDP = "udp"
    """One way: answered when the target's seat receives it. No reply path is needed."""
    BROADCAST = "broadcast"
    """One way: an Ethernet broadcast that the target's seat sees, untagged."""
    TAGGED = "tagged"
    """One way: a broadcast that the source itself gives a VLAN's tag, seen without it."""


FLOODED = frozenset({ProbeKind.BROADCAST, ProbeKind.TAGGED})
"""Kinds that are frames to everybody, and have no address."""

ONE_WAY = frozenset({ProbeKind.UDP, *FLOODED})
"""Kinds that need a seat at the target's end."""


@dataclass(frozen=True)
class Seat:
    name: str
    namespace: str
    """Path of the network namespace; empty is the caller's own."""
    device: str
    mac: str
    addresses: tuple[InterfaceAddress, ...] = ()

    def addresses_of(self, version: int) -> tuple[InterfaceAddress, ...]:
        return tuple(address for address in self.addresses if address.version == version)


@dataclass(frozen=True)
class Probe:
    source: str
    """A seat's name."""
    target: str
    """A seat's name; for kinds that are answered also the name of anybody else."""
    kind: ProbeKind
    address: str = ""
    """The target's IP address; empty for a broadcast."""
    vlan: int = 0
    """What a tagged frame is tagged with; 0 is a priority tag."""


@dataclass(frozen=True)
class Verdict:
    probe: Probe
    answered: bool


def between(source: Seat, target: Seat, kinds: Iterable[ProbeKind]) -> Iterator[Probe]:
    """Yield one probe from *source* for each kind and each address of *target* that fits it."""
    for kind in kinds:
        if kind in FLOODED:
            yield Probe(source.name, target.name, kind)
            continue
        for address in target.addresses:
            if address.version in _versions(kind):
                yield Probe(source.name, target.name, kind, address.ip)


def all_pairs(seats: Iterable[Seat], kinds: Iterable[ProbeKind]) -> tuple[Probe, ...]:
    """Return the probes of every seat to every other one."""
    chosen = tuple(kinds)
    pairs = itertools.permutations(seats, 2)
    return tuple(probe for pair in pairs for probe in between(*pair, chosen))


def _versions(kind: ProbeKind) -> tuple[int, ...]:
    match kind:
        case ProbeKind.ARP | ProbeKind.ICMP:
            return (4,)
        case ProbeKind.ICMPV6:
            return (6,)
        case _:
            return (4, 6)
