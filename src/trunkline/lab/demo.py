"""The whole idea in a few seconds: a site comes up, is drawn, proven, watched, and is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources

from trunkline import render, scene, verify
from trunkline.errors import ConflictError
from trunkline.kernel import prober
from trunkline.kernel.packets.ethernet import EtherType
from trunkline.lab import check, lifecycle, registry, signals
from trunkline.lab.capture import Capture, Captured
from trunkline.lab.fabric import switch_ports
from trunkline.lab.lab import Lab
from trunkline.lab.lifecycle import Event
from trunkline.probe import Probe, ProbeKind, Seat, Verdict
from trunkline.verify import Report

NAME = "demo"
SITE = "walkthrough.yaml"

HOST, TRUNK = "host1", "eno16777736"
"""Where the wire is watched."""

TALKS = (("vm1", "vm4"), ("vm2", "vm5"), ("vm1", "8.8.8.8"))
"""Who sends over that wire meanwhile."""

VLANS = frozenset({10, 20})
"""What may be on it."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Proof:
    """What the demonstration showed."""

    report: Report
    talks: tuple[Verdict, ...]
    frames: tuple[Captured, ...]
    """What passed the trunk while they talked."""

    @property
    def ok(self) -> bool:
        vlans = {captured.vlan for captured in self.frames}
        answered = all(verdict.answered for verdict in self.talks)
        return self.report.ok and answered and vlans == VLANS


def site() -> bytes:
    """Return the text of the site that is shown; it comes with the package."""
    return (resources.files("trunkline.lab") / SITE).read_bytes()


def run(say: Say, progress: Say, *, ascii: bool = False) -> Proof:
    """Show everything on a lab of its own, which is gone afterwards whatever happens."""
    if registry.exists(NAME):
        raise ConflictError(
            f"lab '{NAME}' is up already", hint=f"take it down with `trunkline lab down {NAME}`"
        )
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        progress(f"{event.name}: {event.seconds:.2f} s")

    with signals.interrupting():
        lab = lifecycle.up(site(), SITE, name=NAME, tell=tell)
        try:
            say(_summary(lab, events))
            return _show(lab, say, progress, ascii=ascii)
        finally:
            with signals.waiting():
                count = lifecycle.down(NAME)
            progress(f"down: {count} namespaces removed, nothing is left")


def _show(lab: Lab, say: Say, progress: Say, *, ascii: bool) -> Proof:
    states = {host: lab.host_kernel(host).read({}) for host in lab.site.hosts}
    progress("drawn from what the kernels hold")
    say(render.text(scene.site_scene(states), ascii=ascii))
    report = check.verify_lab(lab)
    progress(f"verified with real packets: {len(report.results)} ordered pairs")
    say(verify.text(report, ascii=ascii))
    seats = [placed.seat for placed in check.seats(lab)]
    with Capture(lab.path(HOST), TRUNK) as capture:
        talks = tuple(prober.run(seats, _talks(seats)))
        frames = tuple(capture.frames(settle=0.1))
    progress(f"watched {HOST}'s trunk: {len(frames)} frames")
    say(_talked(talks, frames))
    return Proof(report, talks, frames)


def _summary(lab: Lab, events: Iterable[Event]) -> str:
    ports = len(switch_ports(lab.site))
    lines = [f"Site '{lab.site.name}' as lab '{lab.name}', {ports} cables to one switch:"]
    lines += (
        f"  {event.name:8} {event.plan.summary}, in {event.seconds:.2f} s"
        for event in events
        if event.plan is not None
    )
    return "\n".join(lines)


def _talks(seats: Iterable[Seat]) -> Iterator[Probe]:
    by_name = {seat.name: seat for seat in seats}
    for source, target in TALKS:
        seat = by_name.get(target)
        address = seat.addresses[0].ip if seat else target
        yield Probe(source, target, ProbeKind.ICMP, address)


def _talked(talks: Iterable[Verdict], frames: Iterable[Captured]) -> str:
    lines = [
        f"{verdict.probe.source} -> {verdict.probe.target} ({verdict.probe.address}): "
        + ("answered" if verdict.answered else "NO ANSWER")
        for verdict in talks
    ]
    lines.append(f"Meanwhile on {HOST}'s trunk, {TRUNK} (frames, tag, protocol, way):")
    counts = Counter(map(_kind, frames))
    lines += (f"  {counts[text]:4}  {text}" for text in sorted(counts))
    return "\n".join(lines)


def _kind(captured: Captured) -> str:
    frame = captured.frame
    tag = f"802.1Q VLAN {captured.vlan}" if captured.vlan else "no tag"
    known = {kind.value: kind.name for kind in EtherType}
    return f"{tag}, {known.get(frame.ethertype, hex(frame.ethertype))}, {_way(captured)}"


def _way(captured: Captured) -> str:
    return "sent" if captured.outgoing else "received"
