"""Which networks a host carries, on which NIC, and who on it may use them."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.intent import Host, Machine, Network, Site, Switching, Uplink, VlanDevices
from trunkline.positions import Path
from trunkline.rules.fault import Fault, attachments, port_path
from trunkline.wording import listed, quoted

IPV6_MTU = 1280
"""RFC 8200 section 5; below it Linux switches IPv6 off on the device."""


def check(site: Site) -> Iterator[Fault]:
    for network in site.networks.values():
        yield from _mtu(network)
    for host in site.hosts.values():
        yield from _host(site, host)
    for machine in site.machines.values():
        yield from _machine(site, machine)
    for router in site.routers.values():
        path: Path = ("routers", router.name)
        if (host_of := site.hosts.get(router.host)) is None:
            continue
        for index, name in enumerate(router.networks):
            yield from _carried(site, host_of, name, (*path, "networks", index))
        if router.external is not None:
            where = (*path, "external", "network")
            yield from _carried(site, host_of, router.external.network, where)


def _mtu(network: Network) -> Iterator[Fault]:
    if network.mtu < IPV6_MTU and any(subnet.cidr.version == 6 for subnet in network.subnets):
        message = f"MTU {network.mtu} is below {IPV6_MTU}, which IPv6 needs"
        yield Fault(("networks", network.name, "mtu"), message)


def _host(site: Site, host: Host) -> Iterator[Fault]:
    path: Path = ("hosts", host.name)
    yield from _devices(host)
    yield from _each_once(host)
    for uplink in host.uplinks:
        yield from _uplink(site, host, uplink)
    if host.switching is Switching.VLAN_AWARE and host.vlan_devices is VlanDevices.EBPF:
        message = "a VLAN-aware bridge takes no eBPF VLAN devices"
        hint = "a kernel that has such bridges has 802.1Q devices too: say 'auto'"
        yield Fault((*path, "vlan_devices"), message, hint)
    seats: dict[str, Path] = {}
    for index, port in enumerate(host.ports):
        where = (*path, "ports", index, "network")
        yield from _carried(site, host, port.network, where)
        if port.network in seats:
            hint = "give one port all the addresses"
            message = f"the host's seat on {quoted(port.network)}"
            yield Fault(where, message, hint, taken_by=seats[port.network])
        seats.setdefault(port.network, where)


def _devices(host: Host) -> Iterator[Fault]:
    first: dict[str, Path] = {}
    for uplink in host.uplinks:
        path = ("hosts", host.name, "uplinks", uplink.name, "device")
        if uplink.device in first:
            message = f"NIC {quoted(uplink.device)}"
            hint = "one NIC is one uplink: put its networks together"
            yield Fault(path, message, hint, taken_by=first[uplink.device])
        first.setdefault(uplink.device, path)


def _each_once(host: Host) -> Iterator[Fault]:
    """A network on two uplinks is a loop, and bridges here run no spanning tree."""
    first: dict[str, tuple[str, Path]] = {}
    for place, name, path in _carriers(host):
        if name not in first:
            first[name] = (place, path)
            continue
        other, taken_by = first[name]
        hint = "name it once"
        if other != place:
            hint = "'local' is for networks without any uplink on this host"
            if "local" not in (other, place):
                hint = "two ways into one network are a loop; bond the NICs for redundancy"
        yield Fault(path, f"network {quoted(name)}", hint, taken_by=taken_by)


def _carriers(host: Host) -> Iterator[tuple[str, str, Path]]:
    """Yield (uplink or `local`, network, path); the slash keeps an uplink named `local` apart."""
    base: Path = ("hosts", host.name)
    for uplink in host.uplinks:
        for index, name in enumerate(uplink.networks):
            yield f"/{uplink.name}", name, (*base, "uplinks", uplink.name, "networks", index)
    for index, name in enumerate(host.local):
        yield "local", name, (*base, "local", index)


def _uplink(site: Site, host: Host, uplink: Uplink) -> Iterator[Fault]:
    path: Path = ("hosts", host.name, "uplinks", uplink.name)
    untagged = {
        name: (*path, "networks", index)
        for index, name in enumerate(uplink.networks)
        if name in site.networks and site.networks[name].vlan is None
    }
    first, *others = untagged or [""]
    for name in others:
        message = f"the untagged network of {quoted(uplink.device)}"
        hint = f"frames without a tag are {first}'s or {name}'s: give one of them a VLAN"
        yield Fault(untagged[name], message, hint, taken_by=untagged[first])
    yield from _bare_addresses(host, uplink, first)


def _bare_addresses(host: Host, uplink: Uplink, untagged: str) -> Iterator[Fault]:
    """A NIC in a bridge hears nothing for its own addresses: the bridge takes every frame."""
    is_bridged = untagged or (host.switching is Switching.VLAN_AWARE and uplink.networks)
    if not uplink.addresses or not is_bridged:
        return
    network = untagged or uplink.networks[0]
    message = f"{quoted(uplink.device)} is a bridge port here, its own addresses are dead"
    hint = (
        "give the host a seat instead: "
        f"ports: [{{network: {network}, addresses: [{uplink.addresses[0]}]}}]"
    )
    path = ("hosts", host.name, "uplinks", uplink.name, "addresses")
    yield Fault(path, message, hint)


def _machine(site: Site, machine: Machine) -> Iterator[Fault]:
    host = site.hosts.get(machine.host)
    for index, port in enumerate(machine.ports):
        first: dict[str, Path] = {}
        for attachment, path, _ in attachments(port, port_path(machine, index)):
            name = attachment.network
            if name in first:
                message, hint = f"network {quoted(name)}", "a port carries a network once"
                yield Fault(path, message, hint, taken_by=first[name])
            first.setdefault(name, path)
            if host is not None:
                yield from _carried(site, host, name, path)
            network = site.networks.get(name)
            if attachment.tagged and network is not None and network.vlan is None:
                message = f"network {quoted(name)} is untagged, no tag can carry it"
                yield Fault(path, message, "make it 'native', or give the network a VLAN")


def _carried(site: Site, host: Host, name: str, path: Path) -> Iterator[Fault]:
    carried = host.networks
    # A name that the host misspells may be this one.
    if name in carried or name not in site.networks or not site.networks.keys() >= set(carried):
        return
    message = f"host {quoted(host.name)} does not carry network {quoted(name)}"
    yield Fault(path, message, _carry_hint(site, host, name))


def _carry_hint(site: Site, host: Host, name: str) -> str:
    if host.uplinks:
        uplink = f"hosts.{host.name}.uplinks.{host.uplinks[0].name}.networks"
        return f"add it to {uplink} or to hosts.{host.name}.local"
    others = [other.name for other in site.hosts.values() if name in other.networks]
    return f"carried by: {listed(others)}" if others else f"add it to hosts.{host.name}.local"
