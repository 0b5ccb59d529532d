"""Subnets, gateways, DHCP pools and the addresses on every network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from trunkline.intent import Host, Network, Site, Subnet
from trunkline.positions import Path
from trunkline.rules.fault import Fault, Seat, external_seats, host_seats, machine_seats
from trunkline.wording import listed

Cidr = IPv4Network | IPv6Network
Ip = IPv4Address | IPv6Address


def check(site: Site) -> Iterator[Fault]:
    for network in site.networks.values():
        yield from _network(network)
    for host in site.hosts.values():
        yield from _default_routes(site, host)
    played = _played_gateways(site)
    seats = [*machine_seats(site), *host_seats(site), *external_seats(site)]
    for seat in seats:
        yield from _seat(site, seat, played)
    yield from _twice([*seats, *_nics(site)])


def overlap(one: Cidr, other: Cidr) -> bool:
    return (
        one.version == other.version
        and one.network_address <= other.broadcast_address  # type: ignore[operator]
        and other.network_address <= one.broadcast_address  # type: ignore[operator]
    )


def _network(network: Network) -> Iterator[Fault]:
    path: Path = ("networks", network.name, "subnets")
    for index, subnet in enumerate(network.subnets):
        for other, earlier in enumerate(network.subnets[:index]):
            if overlap(subnet.cidr, earlier.cidr):
                hint = f"{subnet.cidr} and {earlier.cidr} overlap"
                taken_by = (*path, other, "cidr")
                message = f"a part of {subnet.cidr}"
                yield Fault((*path, index, "cidr"), message, hint, taken_by=taken_by)
        yield from _gateway(subnet, (*path, index, "gateway"))
        yield from _pool(network, subnet, (*path, index, "dhcp", "pool"))


def _gateway(subnet: Subnet, path: Path) -> Iterator[Fault]:
    gateway = subnet.gateway
    if gateway is None:
        return
    if gateway not in subnet.cidr:
        yield Fault(path, f"gateway {gateway} is outside {subnet.cidr}")
    elif role := _role(gateway, subnet.cidr):
        yield Fault(path, f"gateway {gateway} is the {role} address of {subnet.cidr}")


def _pool(network: Network, subnet: Subnet, path: Path) -> Iterator[Fault]:
    pool = subnet.dhcp
    if pool is None:
        return
    if network.external:
        message = f"network '{network.name}' is external, its addresses are not ours to lease"
        yield Fault(path[:-1], message, "delete 'dhcp'", at_key=True)
    for end in (pool.first, pool.last):
        if end not in subnet.cidr:
            yield Fault(path, f"{end} is outside {subnet.cidr}")
        elif role := _role(end, subnet.cidr):
            yield Fault(path, f"{end} is the {role} address of {subnet.cidr}")
    gateway = subnet.gateway
    if gateway is None or gateway.version != pool.first.version:
        return
    if int(pool.first) <= int(gateway) <= int(pool.last):
        yield Fault(path, f"the pool holds the gateway {gateway}", "a machine would lease it")


def _role(address: Ip, cidr: Cidr) -> str:
    """Return what *address* means in *cidr* beyond one machine's; empty for nothing."""
    if cidr.prefixlen >= cidr.max_prefixlen - 1:
        return ""
    if address == cidr.network_address:
        return "network" if cidr.version == 4 else "subnet-router anycast"
    return "broadcast" if cidr.version == 4 and address == cidr.broadcast_address else ""


def _default_routes(site: Site, host: Host) -> Iterator[Fault]:
    first: Path = ()
    for index, port in enumerate(host.ports):
        network = site.networks.get(port.network)
        if not port.default_route or network is None:
            continue
        path = ("hosts", host.name, "ports", index, "default_route")
        if not any(subnet.gateway for subnet in network.subnets):
            yield Fault(path, f"network '{network.name}' has no gateway to go through")
        if first:
            yield Fault(path, "the host's default route", "keep one of them", taken_by=first)
        first = first or path


def _played_gateways(site: Site) -> set[str]:
    """Return the networks whose gateway is played by someone that is not a machine or host."""
    routed = {name for router in site.routers.values() for name in router.networks}
    return routed | {network.name for network in site.networks.values() if network.external}


def _seat(site: Site, seat: Seat, played: set[str]) -> Iterator[Fault]:
    network = site.networks.get(seat.network)
    if network is None or not network.subnets:
        return
    parsed = seat.address.parsed
    ip, given = parsed.ip, parsed.network.prefixlen
    subnet = next((each for each in network.subnets if ip in each.cidr), None)
    if subnet is None:
        if not ip.is_link_local:
            cidrs = listed(str(each.cidr) for each in network.subnets)
            yield Fault(seat.path, f"{seat.address} is outside network '{network.name}': {cidrs}")
    elif given != subnet.cidr.prefixlen:
        message = f"{seat.address} has another prefix length than the subnet {subnet.cidr}"
        yield Fault(seat.path, message, f"write {ip}/{subnet.cidr.prefixlen}")
    elif role := _role(ip, subnet.cidr):
        yield Fault(seat.path, f"{seat.address} is the {role} address of {subnet.cidr}")
    elif ip == subnet.gateway and (network.name in played or seat.path[0] != "hosts"):
        yield Fault(seat.path, f"{seat.address} is the gateway of network '{network.name}'")


def _twice(seats: Iterable[Seat]) -> Iterator[Fault]:
    first: dict[tuple[str, str], Path] = {}
    for seat in seats:
        key = (seat.network, seat.address.ip)
        if key in first:
            hint = f"one address of network '{seat.network}' is one machine's"
            yield Fault(seat.path, f"{seat.address}", hint, taken_by=first[key])
        first.setdefault(key, seat.path)


def _nics(site: Site) -> Iterator[Seat]:
    """Yield the addresses of bare NICs as seats on the untagged networks that they fall into."""
    wires = [network for network in site.networks.values() if network.vlan is None]
    for host in site.hosts.values():
        for uplink in host.uplinks:
            for number, address in enumerate(uplink.addresses):
                path = ("hosts", host.name, "uplinks", uplink.name, "addresses", number)
                for network in wires:
                    if network.external and any(
                        address.parsed.ip in subnet.cidr for subnet in network.subnets
                    ):
                        yield Seat(network.name, address, path)
