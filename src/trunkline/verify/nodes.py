"""Who can be probed: machines, hosts with a seat of their own, and the outside.

A *segment* is one stretch of layer 2: a network's part that its uplinks join, or the part of a
network that one host carries without any uplink.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from trunkline.intent import OUTSIDE, Host, Machine, Network, Site
from trunkline.realise import gateways
from trunkline.values import InterfaceAddress


class NodeKind(enum.Enum):
    VM = "vm"
    CONTAINER = "container"
    HOST = "host"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Leg:
    """A node's seat on one network."""

    network: str
    segment: str
    addresses: tuple[InterfaceAddress, ...] = ()
    default: frozenset[int] = frozenset()
    """The IP versions whose default route leaves here."""
    vlan: int | None = None
    """The network's 802.1Q number; None is untagged."""
    outside: bool = False
    """Whether this is the outside's own seat."""

    def versions(self) -> frozenset[int]:
        return frozenset(address.version for address in self.addresses)


@dataclass(frozen=True)
class Node:
    name: str
    kind: NodeKind
    host: str
    """Where it runs; empty for the outside."""
    legs: tuple[Leg, ...]

    @property
    def addresses(self) -> tuple[InterfaceAddress, ...]:
        return tuple(address for leg in self.legs for address in leg.addresses)


def nodes(site: Site) -> dict[str, Node]:
    """Return every node of *site* by name: machines, hosts with ports, the outside."""
    found = [_machine(site, machine) for machine in site.machines.values()]
    found += [_host(site, host) for host in site.hosts.values() if host.ports]
    external = tuple(network for network in site.networks.values() if network.external)
    if external:
        legs = tuple(
            Leg(n.name, n.name, outside_addresses(n), vlan=n.vlan, outside=True) for n in external
        )
        found.append(Node(OUTSIDE, NodeKind.OUTSIDE, "", legs))
    return {node.name: node for node in found}


def segment(site: Site, host: str, network: str) -> str:
    """Return the layer-2 segment that *network* is on *host*."""
    uplinks = site.hosts[host].uplinks
    joined = any(network in uplink.networks for uplink in uplinks)
    return network if joined else f"{network}@{host}"


def outside_addresses(network: Network) -> tuple[InterfaceAddress, ...]:
    """Return what the world behind external *network* has on it: the gateways."""
    return tuple(gateways.addresses(network))


def _machine(site: Site, machine: Machine) -> Node:
    legs: list[Leg] = []
    routed: set[int] = set()
    for port in machine.ports:
        for attachment in port.attachments:
            network = site.networks[attachment.network]
            default = _gateway_versions(network, attachment.addresses) - routed
            routed |= default
            where = segment(site, machine.host, network.name)
            legs.append(Leg(network.name, where, attachment.addresses, default, network.vlan))
    return Node(machine.name, NodeKind(machine.kind.value), machine.host, tuple(legs))


def _host(site: Site, host: Host) -> Node:
    legs = tuple(
        Leg(
            port.network,
            segment(site, host.name, port.network),
            port.addresses,
            _gateway_versions(site.networks[port.network], port.addresses)
            if port.default_route
            else frozenset(),
            site.networks[port.network].vlan,
        )
        for port in host.ports
    )
    return Node(host.name, NodeKind.HOST, host.name, legs)


def _gateway_versions(network: Network, addresses: tuple[InterfaceAddress, ...]) -> frozenset[int]:
    """Return the IP versions in which a seat with *addresses* finds a gateway on *network*."""
    return frozenset(a.version for a in addresses if gateways.of(network, a) is not None)
