"""What is in a lab: hosts, machines and routers with their addresses and namespaces, cables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_interface

from trunkline.intent import OUTSIDE, Router, Site
from trunkline.lab.fabric import INTERNET, SWITCH, switch_ports, wired
from trunkline.lab.lab import Lab
from trunkline.realise import gateways
from trunkline.verify import nodes


@dataclass(frozen=True)
class Inmate:
    """Something in a lab that has a namespace of its own."""

    name: str
    kind: str
    """switch, outside, host, vm, container or router."""
    host: str
    """Where it runs; empty for hosts and for what is of no host."""
    networks: tuple[str, ...]
    addresses: tuple[str, ...]
    namespace: str
    """As `ip netns exec` takes it."""
    up: bool
    """Whether the namespace is there."""


@dataclass(frozen=True)
class Cable:
    """A host's NIC, the switch's port behind it, and what goes over it."""

    host: str
    device: str
    port: str
    networks: tuple[str, ...]


def inmates(lab: Lab) -> tuple[Inmate, ...]:
    """Return everything in *lab*, hosts with what runs on them."""
    places = lab.places()
    return tuple(
        Inmate(name, kind, host, networks, addresses, places[name].name, places[name].exists())
        for name, kind, host, networks, addresses in _described(lab.site)
        if name in places
    )


def cables(site: Site) -> tuple[Cable, ...]:
    return tuple(
        Cable(host, uplink.device, port, wired(site, site.hosts[host], uplink))
        for (host, name), port in switch_ports(site).items()
        for uplink in site.hosts[host].uplinks
        if uplink.name == name
    )


def encode(lab: Lab) -> dict[str, object]:
    """Return the lab as JSON values."""
    return {
        "lab": lab.name,
        "site": lab.site.name,
        "nodes": [asdict(inmate) for inmate in inmates(lab)],
        "cables": [asdict(cable) for cable in cables(lab.site)],
    }


def text(lab: Lab) -> str:
    """Return the lab as a table."""
    head = ("NAME", "KIND", "HOST", "NETWORKS", "ADDRESSES", "NAMESPACE")
    rows = [
        (
            each.name,
            each.kind,
            each.host or "-",
            ",".join(each.networks) or "-",
            ",".join(each.addresses) or "-",
            each.namespace if each.up else f"{each.namespace} (MISSING)",
        )
        for each in inmates(lab)
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows))
    return "\n".join(lines)


_Description = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]


def _described(site: Site) -> Iterator[_Description]:
    known = nodes(site)
    yield SWITCH, "switch", "", tuple(site.networks), ()
    if OUTSIDE in known:
        legs = known[OUTSIDE].legs
        addresses = (*known[OUTSIDE].addresses, *INTERNET)
        yield OUTSIDE, "outside", "", tuple(leg.network for leg in legs), addresses
    for host in site.hosts.values():
        own = [a for port in host.ports for a in port.addresses]
        bare = [a for uplink in host.uplinks for a in uplink.addresses]
        yield host.name, "host", "", host.networks, (*bare, *own)
        for machine in site.machines_on(host.name):
            node = known[machine.name]
            networks = tuple(leg.network for leg in node.legs)
            yield machine.name, machine.kind.value, host.name, networks, node.addresses
        for router in site.routers_on(host.name):
            yield router.name, "router", host.name, *_router(site, router)


def _router(site: Site, router: Router) -> tuple[tuple[str, ...], tuple[str, ...]]:
    networks = list(router.networks)
    addresses = [a for name in networks for a in gateways.addresses(site.networks[name])]
    if router.external is not None:
        networks.append(router.external.network)
        addresses.append(router.external.address)
    return tuple(networks), tuple(addresses)


def first_address(lab: Lab, name: str) -> str | None:
    """Return the address that stands for *name* where a command wants one; IPv4 if it has one."""
    for each in inmates(lab):
        if each.name == name and each.addresses:
            found = sorted(each.addresses, key=lambda text: ip_interface(text).version)
            return found[0].partition("/")[0]
    return None
