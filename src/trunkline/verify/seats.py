"""Where the probes start and end: every leg of every node as a device in a namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trunkline import names
from trunkline.intent import OUTSIDE, Machine, Site
from trunkline.probe import Seat
from trunkline.state import ROOT, Address, HostState, Veth, devices
from trunkline.verify.nodes import Leg, Node, NodeKind, nodes

PathOf = Callable[[str, str], str]
"""(host, namespace in it) -> the path of a namespace; ROOT is the host's own."""

States = Mapping[str, HostState]
"""What is observed, by host; OUTSIDE is the state that the outside is part of."""


@dataclass(frozen=True)
class Placed:
    """A leg and the device that it is."""

    node: str
    leg: Leg
    seat: Seat
    trusted: bool = False
    """Whether it is no machine: a host's own seat may send what it likes, so may the outside."""


def placed(site: Site, states: States, path: PathOf) -> tuple[Placed, ...]:
    """Return the seat of every leg that the kernels have a device for."""
    return tuple(
        Placed(node.name, leg, seat, trusted=node.kind in (NodeKind.HOST, NodeKind.OUTSIDE))
        for node in nodes(site).values()
        for leg, seat in _seats(site, node, states, path)
    )


def _seats(site: Site, node: Node, states: States, path: PathOf) -> Iterator[tuple[Leg, Seat]]:
    state = states.get(node.host or OUTSIDE, {})
    space = ROOT if node.name == node.host else node.name
    macs = _macs(state, space)
    for number, leg in enumerate(node.legs):
        device = _device(site, node, number, state)
        if device in macs:
            name = node.name if len(node.legs) == 1 else f"{node.name}/{device}"
            yield leg, Seat(name, path(node.host, space), device, macs[device], leg.addresses)


def _device(site: Site, node: Node, number: int, state: HostState) -> str:
    leg = node.legs[number]
    if node.name == OUTSIDE:
        return names.leg_nic(leg.network)
    if node.name in site.machines:
        return _machine_devices(site, site.machines[node.name])[number]
    # Which device a host's own port is depends on its way of switching; its addresses tell.
    return next(
        (
            row.device
            for row in state.values()
            if isinstance(row, Address) and row.namespace == ROOT and row.address in leg.addresses
        ),
        "",
    )


def _machine_devices(site: Site, machine: Machine) -> list[str]:
    """Return the device of each leg of *machine*, in the order of `nodes`."""
    found: list[str] = []
    for index, port in enumerate(machine.ports):
        nic = names.machine_nic(index)
        for attachment in port.attachments:
            vlan = site.networks[attachment.network].vlan
            tagged = attachment.tagged and vlan is not None
            found.append(names.vlan_device(nic, vlan) if tagged and vlan else nic)
    return found


def _macs(state: HostState, space: str) -> dict[str, str]:
    """Return the MAC of every device in one namespace."""
    found: dict[str, str] = {}
    for row in devices(state):
        ends = row.ends if isinstance(row, Veth) else (row,)
        found |= {end.name: end.mac or "" for end in ends if end.namespace == space}
    return found
