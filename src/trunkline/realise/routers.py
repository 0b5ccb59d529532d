"""Routers: a namespace with a leg in each network, closed before its first leg exists.

The gateways of a router's networks are its addresses; its way out is one leg in an external
network. What it forwards is in `firewall`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline import names, sysctls
from trunkline.intent import Network, Router
from trunkline.realise import firewall, gateways
from trunkline.realise.bridges import Switch
from trunkline.realise.ground import Ground, Seats
from trunkline.state import ROOT, Address, Ipv6, Namespace, Row, Sysctl, VethEnd, veth


def rows(ground: Ground, switch: Switch, router: Router) -> Iterator[Row]:
    """Yield everything on *ground*'s host that exists for *router*."""
    ground.need("nft", f"router '{router.name}'")
    yield Namespace(router.name, ground.owner("router", router.name))
    yield firewall.table(ground.site, router)
    yield from _forwarding(ground, router)
    for network in ground.networks(router.networks):
        yield from _leg(ground, switch, router, network)
        for address in gateways.addresses(network):
            yield Address(router.name, names.leg_nic(network.name), address)
    if router.external is not None:
        network, address = ground.site.networks[router.external.network], router.external.address
        nic = names.leg_nic(network.name)
        yield from _leg(ground, switch, router, network)
        yield Address(router.name, nic, address)
        yield from gateways.default_routes(router.name, nic, network, [address])


def _forwarding(ground: Ground, router: Router) -> Iterator[Row]:
    yield Sysctl(router.name, sysctls.PROMOTE_SECONDARIES, "1")
    yield Sysctl(router.name, sysctls.FORWARDING_4, "1")
    if not ground.capabilities.ipv6:
        return
    if ground.seats is Seats.NAMESPACE:
        # Duplicate address detection would keep a lab's IPv6 silent for its first seconds.
        yield Sysctl(router.name, sysctls.ACCEPT_DAD, "0")
    # Here and not on the host: forwarding makes a kernel ignore router advertisements (P-25).
    yield Sysctl(router.name, sysctls.FORWARDING_6, "1")


def _leg(ground: Ground, switch: Switch, router: Router, network: Network) -> Iterator[Row]:
    outer, inner = names.router_leg(router.name, network.name), names.leg_nic(network.name)
    site, owner = ground.site.name, ground.owner("router", router.name)
    host_end = VethEnd(ROOT, outer, mac=names.mac(site, ground.host.name, outer))
    own_end = VethEnd(
        router.name, inner, mac=names.mac(site, router.name, network.name), ipv6=Ipv6.ON
    )
    yield veth(host_end, own_end, owner=owner, mtu=network.mtu)
    yield from switch.attach(outer, network, (), owner)
