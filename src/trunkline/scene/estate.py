"""What a host state holds, as a diagram sees it: devices in panels, and what joins them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trunkline import names
from trunkline.intent import MachineKind, Site
from trunkline.names import natural
from trunkline.scene.boxes import BoxKind, Guest, GuestNic
from trunkline.scene.node import LOOPBACK, Devices, Joined, Node, NodeKey
from trunkline.state import (
    ROOT,
    Bridge,
    BridgePort,
    HostState,
    Namespace,
    Veth,
    VlanDevice,
    device_names,
    devices,
)

GUEST = "guest/"
"""Starts the panel of a virtual machine; the name of a namespace is a file name, without `/`."""


@dataclass(frozen=True)
class Estate:
    """Everything in it is sorted, so that a picture does not depend on the order of the rows."""

    nodes: Mapping[NodeKey, Node]
    panels: tuple[str, ...]
    masters: Mapping[NodeKey, NodeKey]
    """Port -> bridge."""
    parents: Mapping[NodeKey, NodeKey]
    """VLAN device -> the device whose VLAN it carries."""
    peers: Mapping[NodeKey, NodeKey]
    """Both ways."""

    def panel(self, name: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.panel == name]


def estate(state: HostState, guests: Sequence[Guest] = ()) -> Estate:
    present = {key for row in devices(state) for key in device_names(row) if key[1] != LOOPBACK}
    bridges = {(row.namespace, row.name) for row in devices(state) if isinstance(row, Bridge)}
    masters = _masters(state, present, bridges)
    parents = _parents(state, present)
    nodes = {node.key: node for node in Devices(state, masters, parents).nodes()}
    guest_nodes = {node.key: node for node in _guest_nodes(guests, present)}
    peers = dict(_peers(state, guests, present))
    for here, there in peers.items():
        guest, tap = guest_nodes.get(here), nodes.get(there)
        if guest is not None and tap is not None:
            guest_nodes[here] = _in_vlan(guest, tap.vlan)
    everything = nodes | guest_nodes
    panels = {panel for panel, _ in everything} | {
        row.name for row in state.values() if isinstance(row, Namespace)
    }
    if not panels:
        panels = {ROOT}
    return Estate(
        _in_order(everything),
        tuple(sorted(panels, key=natural)),
        _in_order(masters),
        _in_order(parents),
        _in_order(peers),
    )


def guests(site: Site, host: str) -> tuple[Guest, ...]:
    """Return the virtual machines that *site* plugs into the taps of *host*."""
    return tuple(
        Guest(
            machine.name,
            tuple(
                GuestNic(
                    names.machine_port(machine, index),
                    names.machine_nic(index),
                    tuple(a for attachment in port.attachments for a in attachment.addresses),
                )
                for index, port in enumerate(machine.ports)
            ),
        )
        for machine in site.machines_on(host)
        if machine.kind is MachineKind.VM
    )


Value = TypeVar("Value")


def _in_order(found: Mapping[NodeKey, Value]) -> dict[NodeKey, Value]:
    keys = sorted(found, key=lambda key: (natural(key[0]), natural(key[1])))
    return {key: found[key] for key in keys}


def _in_vlan(node: Node, vlan: int | None) -> Node:
    return dataclasses.replace(node, vlan=vlan)


def _masters(
    state: HostState, present: set[NodeKey], bridges: set[NodeKey]
) -> dict[NodeKey, NodeKey]:
    """Return the bridge of every port; a bridge is never a port (br_add_if: ELOOP)."""
    return {
        (row.namespace, row.port): (row.namespace, row.bridge)
        for row in state.values()
        if isinstance(row, BridgePort)
        and (row.namespace, row.bridge) in bridges
        and (row.namespace, row.port) in present - bridges
    }


def _parents(state: HostState, present: set[NodeKey]) -> dict[NodeKey, NodeKey]:
    return {
        (row.namespace, row.name): (row.namespace, row.parent)
        for row in devices(state)
        if isinstance(row, VlanDevice) and (row.namespace, row.parent) in present
    }


def _peers(
    state: HostState, guests: Sequence[Guest], present: set[NodeKey]
) -> Iterator[tuple[NodeKey, NodeKey]]:
    for row in devices(state):
        if isinstance(row, Veth):
            first, second = device_names(row)
            yield first, second
            yield second, first
    for guest in guests:
        for nic in guest.nics:
            tap, inside = (ROOT, nic.tap), (GUEST + guest.name, nic.name)
            if tap in present:
                yield tap, inside
                yield inside, tap


def _guest_nodes(guests: Sequence[Guest], present: set[NodeKey]) -> Iterator[Node]:
    for guest in guests:
        for nic in guest.nics:
            if (ROOT, nic.tap) in present:
                yield Node(
                    GUEST + guest.name, nic.name, BoxKind.NIC, nic.addresses, joined=Joined.BOTH
                )
