"""One run: open everything, send, listen, send again what is unanswered, until the time is up."""

from __future__ import annotations

import contextlib
import secrets
import selectors
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from trunkline.errors import InternalError
from trunkline.kernel.packets.internet import Protocol
from trunkline.kernel.prober.ethernet import arp, flood
from trunkline.kernel.prober.internet import echo, udp
from trunkline.kernel.prober.method import Method, Task
from trunkline.kernel.prober.neighbours import room_for
from trunkline.kernel.prober.sockets import Sockets
from trunkline.probe import FLOODED, ONE_WAY, Probe, ProbeKind, Seat, Verdict

ROUNDS = (0.0, 0.15, 0.4, 0.7)
"""When unanswered probes are sent, in parts of the timeout: the first packet to a neighbour may
be lost while its MAC is asked for, and a bridge port forwards only a moment after it is up."""


def run(seats: Iterable[Seat], probes: Iterable[Probe], timeout: float = 1.0) -> list[Verdict]:
    """Return a verdict for each of *probes*, in their order, after *timeout* seconds at most.

    All probes are under way at once; when everything is answered, the run is over.
    """
    by_name = {seat.name: seat for seat in seats}
    wanted = list(probes)
    _check(by_name, wanted)
    key = secrets.token_bytes(12)
    with Sockets() as sockets, room_for(len(wanted)), contextlib.ExitStack() as stack:
        methods = {
            kind: _method(Task(by_name, _of_kind(wanted, kind), key), kind, sockets)
            for kind in dict.fromkeys(probe.kind for probe in wanted)
        }
        selector = stack.enter_context(selectors.DefaultSelector())
        for method in methods.values():
            for opened, reader in method.readers.items():
                selector.register(opened, selectors.EVENT_READ, reader)
        answered = _exchange(wanted, methods, selector, timeout)
    return [Verdict(probe, number in answered) for number, probe in enumerate(wanted)]


def _exchange(
    probes: Sequence[Probe],
    methods: Mapping[ProbeKind, Method],
    selector: selectors.BaseSelector,
    timeout: float,
) -> set[int]:
    """Return the numbers of the probes that were answered."""
    start = time.monotonic()
    answered: set[int] = set()
    numbers = {kind: tuple(_of_kind(probes, kind)) for kind in methods}
    for end in (*ROUNDS[1:], 1.0):
        for kind, method in methods.items():
            method.send(number for number in numbers[kind] if number not in answered)
        _listen(selector, answered, len(probes), start + end * timeout)
        if len(answered) == len(probes):
            break
    return answered


def _listen(
    selector: selectors.BaseSelector, answered: set[int], wanted: int, deadline: float
) -> None:
    """Add to *answered* what comes in until the deadline, or until there are *wanted* answers."""
    while len(answered) < wanted:
        left = deadline - time.monotonic()
        ready = selector.select(max(left, 0))
        for key, _ in ready:
            answered.update(key.data())
        if left <= 0:
            return


def _method(task: Task, kind: ProbeKind, sockets: Sockets) -> Method:
    match kind:
        case ProbeKind.ARP:
            return arp(task, sockets)
        case ProbeKind.ICMP:
            return echo(task, sockets, Protocol.ICMP)
        case ProbeKind.ICMPV6:
            return echo(task, sockets, Protocol.ICMPV6)
        case ProbeKind.UDP:
            return udp(task, sockets)
        case ProbeKind.BROADCAST:
            return flood(task, sockets, tagged=False)
        case ProbeKind.TAGGED:
            return flood(task, sockets, tagged=True)
        case _:
            assert_never(kind)


def _of_kind(probes: Sequence[Probe], kind: ProbeKind) -> dict[int, Probe]:
    return {number: probe for number, probe in enumerate(probes) if probe.kind is kind}


def _check(seats: Mapping[str, Seat], probes: Iterable[Probe]) -> None:
    for probe in probes:
        ends = [probe.source, *([probe.target] if probe.kind in ONE_WAY else [])]
        for name in ends:
            if name not in seats:
                raise InternalError(f"probe {probe.kind.value}: there is no seat '{name}'")
        if not probe.address and probe.kind not in FLOODED:
            raise InternalError(f"probe {probe.kind.value} to '{probe.target}' has no address")
