"""Which packets prove a cell: one answered ping proves no isolation, and no answer proves little.

A pair that shares a network must answer ARP, ICMP and IPv6. A pair that does not is tried by
every kind, one-way ones too: a path that only carries packets one way is a leak (P-31, P-82). And
a machine may write the other VLAN's tag on its frames itself (P-46, P-47).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from trunkline.intent import Expect
from trunkline.probe import Probe, ProbeKind
from trunkline.values import InterfaceAddress, MacAddress
from trunkline.verify.matrix import Cell, Matrix
from trunkline.verify.seats import Placed

Pair = tuple[str, str]


THOROUGH = 2000
"""Up to so many isolated pairs, each is tried by every kind of packet."""


@dataclass(frozen=True)
class Aimed:
    """A probe and the ordered pair of nodes, or of a node and an address, that it is about."""

    pair: Pair
    probe: Probe


def probes(matrix: Matrix, seats: Sequence[Placed], *, ipv6: bool = True) -> tuple[Aimed, ...]:
    """Return every probe that *matrix* needs between the *seats* that exist."""
    by_node: dict[str, list[Placed]] = {}
    for seat in seats:
        by_node.setdefault(seat.node, []).append(seat)
    near = _near(matrix, by_node)
    chosen = _chosen(matrix, seats)
    return tuple(
        Aimed(pair, probe)
        for pair, cell in matrix.items()
        for source in by_node.get(pair[0], ())
        for target in by_node.get(pair[1], ())
        for probe in _pair(cell, source, target, near[pair[0]], chosen)
        if ipv6 or ":" not in probe.address
    )


def to_address(sources: Sequence[Placed], address: str) -> tuple[Aimed, ...]:
    """Return the probes from one node's seats to an address that is nobody's seat."""
    ip = ip_address(address)
    near = [p for p in sources if any(ip in _subnet(own) for own in p.seat.addresses)]
    far = [p for p in sources if ip.version in p.leg.default]
    any_way = [p for p in sources if ip.version in p.leg.versions()]
    kind = ProbeKind.ICMP if ip.version == 4 else ProbeKind.ICMPV6
    return tuple(
        Aimed((placed.node, address), Probe(placed.seat.name, address, kind, address))
        for placed in near or far or any_way
    )


def _chosen(matrix: Matrix, seats: Sequence[Placed]) -> frozenset[tuple[str, str]] | None:
    """Return the (seat, seat) to try by every kind; None means all.

    On a big site every isolated pair gets one kind, and from each seat one seat of every segment
    gets all: what crosses from segment to segment is the same for all who are on them.
    """
    isolated = sum(cell.expected is Expect.ISOLATED for cell in matrix.values())
    if isolated <= THOROUGH:
        return None
    segments: dict[str, list[str]] = {}
    for placed in seats:
        segments.setdefault(placed.leg.segment, []).append(placed.seat.name)
    return frozenset(
        (placed.seat.name, names[number % len(names)])
        for number, placed in enumerate(seats)
        for names in segments.values()
    )


def _near(matrix: Matrix, by_node: Mapping[str, list[Placed]]) -> dict[str, frozenset[str]]:
    """Return for every node the addresses that answer it rightly.

    Networks may use the same addresses. An answer from one of these proves nothing about others.
    """
    own = {
        node: {address.ip for placed in seats for address in placed.seat.addresses}
        for node, seats in by_node.items()
    }
    found = {source: set(own.get(source, ())) for source, _ in matrix}
    for (source, target), cell in matrix.items():
        if cell.expected is Expect.REACHABLE:
            found[source] |= own.get(target, set())
    return {node: frozenset(addresses) for node, addresses in found.items()}


def _pair(
    cell: Cell,
    source: Placed,
    target: Placed,
    near: frozenset[str],
    chosen: frozenset[tuple[str, str]] | None,
) -> Iterator[Probe]:
    if cell.shared:
        if source.leg.segment == target.leg.segment:
            yield from _meeting(source, target)
    elif cell.expected is Expect.REACHABLE:
        yield from _routed(cell, source, target)
    else:
        every_kind = _trespass(source, target, near)
        thorough = chosen is None or (source.seat.name, target.seat.name) in chosen
        yield from every_kind if thorough else itertools.islice(every_kind, 1)


def _meeting(source: Placed, target: Placed) -> Iterator[Probe]:
    """Yield what two seats on one network must answer each other."""
    mine = source.seat.addresses
    for address in target.seat.addresses:
        if not any(ip_address(address.ip) in _subnet(own) for own in mine):
            continue  # one network, but no subnet in common: only IPv6's own addresses meet
        if address.version == 4:
            yield _probe(source, target, ProbeKind.ARP, address.ip)
            yield _probe(source, target, ProbeKind.ICMP, address.ip)
        else:
            yield _probe(source, target, ProbeKind.ICMPV6, address.ip)
    yield _probe(source, target, ProbeKind.ICMPV6, link_local(target.seat.mac))


def _routed(cell: Cell, source: Placed, target: Placed) -> Iterator[Probe]:
    for address in target.seat.addresses:
        if address.version in cell.versions & source.leg.default:
            kind = ProbeKind.ICMP if address.version == 4 else ProbeKind.ICMPV6
            yield _probe(source, target, kind, address.ip)


def _trespass(source: Placed, target: Placed, near: frozenset[str]) -> Iterator[Probe]:
    """Yield every way to knock at a seat that must not hear it, the most telling one first."""
    for address in target.seat.addresses:
        if address.ip in near:
            continue
        if address.version == 4:
            yield _probe(source, target, ProbeKind.ARP, address.ip)
            yield _probe(source, target, ProbeKind.ICMP, address.ip)
        else:
            yield _probe(source, target, ProbeKind.ICMPV6, address.ip)
        yield _probe(source, target, ProbeKind.UDP, address.ip)
    yield _probe(source, target, ProbeKind.BROADCAST, "")
    if target.leg.vlan is not None and not source.trusted:
        names = (source.seat.name, target.seat.name)
        yield Probe(*names, ProbeKind.TAGGED, vlan=target.leg.vlan)
    yield _probe(source, target, ProbeKind.ICMPV6, link_local(target.seat.mac))


def _probe(source: Placed, target: Placed, kind: ProbeKind, address: str) -> Probe:
    return Probe(source.seat.name, target.seat.name, kind, address)


@functools.cache
def _subnet(address: InterfaceAddress) -> IPv4Network | IPv6Network:
    return address.parsed.network


@functools.cache
def link_local(mac: str) -> str:
    """Return the address that the kernel derives from *mac* (RFC 4291, appendix A).

    >>> link_local("52:54:00:d2:52:b3")
    'fe80::5054:ff:fed2:52b3'
    """
    octets = bytearray(MacAddress(mac).packed)
    octets[0] ^= 2
    interface = octets[:3] + b"\xff\xfe" + octets[3:]
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + bytes(interface)))
