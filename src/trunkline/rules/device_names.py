"""The names that the kernel will see: no two devices of one namespace may share one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trunkline import names
from trunkline.intent import Host, Machine, Network, Router, Site, Switching
from trunkline.positions import Path
from trunkline.rules.fault import Fault, port_path
from trunkline.wording import quoted

_KEPT_BY_KERNEL = frozenset({"lo", "all", "default"})
"""The loopback, and what net/ipv4/devinet.c keeps (sysctl_dev_name_is_allowed)."""


@dataclass(frozen=True)
class _Claim:
    """A device that will have *name*."""

    name: str
    what: str
    path: Path
    chosen: Path = ()
    """Where the name was written out; empty for a derived one."""


def check(site: Site) -> Iterator[Fault]:
    for host in site.hosts.values():
        yield from _collisions(host, list(_claims(site, host)))
    for router in site.routers.values():
        yield from _legs(site, router)


def _collisions(host: Host, claims: list[_Claim]) -> Iterator[Fault]:
    first: dict[str, _Claim] = {}
    for claim in claims:
        other = first.setdefault(claim.name, claim)
        # One NIC in two uplinks, and so the VLAN devices on it, is the fault of the wiring.
        if other.what == claim.what:
            continue
        message = (
            f"the device {quoted(claim.name)} on {quoted(host.name)} would be both "
            f"{other.what} and {claim.what}"
        )
        yield Fault(claim.chosen or other.chosen or claim.path, message, "rename one of them")


def _claims(site: Site, host: Host) -> Iterator[_Claim]:
    for uplink in host.uplinks:
        path = ("hosts", host.name, "uplinks", uplink.name, "device")
        yield _Claim(uplink.device, f"the NIC {uplink.device}", path, path)
    carried = [site.networks[name] for name in host.networks if name in site.networks]
    if host.switching is Switching.VLAN_AWARE:
        yield from _vlan_aware(site, host, carried)
    else:
        yield from _bridges(site, host, carried)
    for machine in site.machines_on(host.name):
        yield from _ports(site, host, machine)
    for router in site.routers_on(host.name):
        yield from _router_ends(site, router)


def _bridges(site: Site, host: Host, carried: list[Network]) -> Iterator[_Claim]:
    for network in carried:
        path: Path = ("networks", network.name, "bridge")
        chosen: Path = path if network.bridge is not None else ()
        # Two networks with one VLAN are a fault already.
        is_derived = network.bridge is None and network.vlan is not None
        what = f"VLAN {network.vlan}" if is_derived else network.name
        yield _Claim(names.bridge(network), f"the bridge of {what}", path, chosen)
    for uplink in host.uplinks:
        path = ("hosts", host.name, "uplinks", uplink.name, "device")
        yield from _vlan_devices(site, uplink.device, uplink.networks, path)


def _vlan_aware(site: Site, host: Host, carried: list[Network]) -> Iterator[_Claim]:
    path: Path = ("hosts", host.name, "switching")
    yield _Claim(names.VLAN_AWARE_BRIDGE, "the VLAN-aware bridge", path)
    seats = tuple(port.network for port in host.ports)
    yield from _vlan_devices(site, names.VLAN_AWARE_BRIDGE, seats, path)


def _vlan_devices(
    site: Site, parent: str, networks: tuple[str, ...], path: Path
) -> Iterator[_Claim]:
    for name in networks:
        network = site.networks.get(name)
        if network is not None and network.vlan is not None:
            what = f"the VLAN device of {parent} for {network.vlan}"
            yield _Claim(names.vlan_device(parent, network.vlan), what, path)


def _ports(site: Site, host: Host, machine: Machine) -> Iterator[_Claim]:
    for index, port in enumerate(machine.ports):
        path = port_path(machine, index)
        device = names.machine_port(machine, index)
        chosen = (*path, "device") if port.device is not None else ()
        yield _Claim(device, f"port {index} of {machine.name}", path, chosen)
        if host.switching is Switching.BRIDGE_PER_NETWORK:
            tagged = tuple(dict.fromkeys(attachment.network for attachment in port.tagged))
            yield from _vlan_devices(site, device, tagged, path)


def _router_ends(site: Site, router: Router) -> Iterator[_Claim]:
    for name, path in _router_networks(site, router):
        yield _Claim(
            names.router_leg(router.name, name), f"the leg of {router.name} in {name}", path
        )


def _router_networks(site: Site, router: Router) -> Iterator[tuple[str, Path]]:
    base: Path = ("routers", router.name)
    legs: list[tuple[str, Path]] = [
        (name, (*base, "networks", index)) for index, name in enumerate(router.networks)
    ]
    if router.external is not None:
        legs.append((router.external.network, (*base, "external", "network")))
    # What is no network may be no part of a device's name either.
    yield from (leg for leg in legs if leg[0] in site.networks)


def _legs(site: Site, router: Router) -> Iterator[Fault]:
    """Inside a router's namespace a leg has the network's own name."""
    for name, path in _router_networks(site, router):
        if names.leg_nic(name) in _KEPT_BY_KERNEL:
            message = f"a router's device would be called {quoted(name)}, which the kernel keeps"
            yield Fault(path, message, "rename the network")
