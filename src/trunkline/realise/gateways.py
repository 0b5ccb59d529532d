"""Gateways: which one an address uses, and which ones a router stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trunkline.intent import Network
from trunkline.state import Route
from trunkline.values import InterfaceAddress

DEFAULT_ROUTE = {4: "0.0.0.0/0", 6: "::/0"}


def of(network: Network, address: InterfaceAddress) -> str | None:
    """Return the gateway of *address* in *network*; None where it is its own."""
    ip = address.parsed.ip
    for subnet in network.subnets:
        if ip.version == subnet.cidr.version and ip in subnet.cidr:
            gateway = subnet.gateway
            return None if gateway is None or gateway == ip else str(gateway)
    return None


def default_routes(
    namespace: str, device: str, network: Network, addresses: Iterable[InterfaceAddress]
) -> Iterator[Route]:
    """Yield at most one default route for each version of IP."""
    found: dict[int, str] = {}
    for address in addresses:
        gateway = of(network, address)
        if gateway is not None:
            found.setdefault(address.version, gateway)
    for version, gateway in found.items():
        yield Route(namespace, DEFAULT_ROUTE[version], gateway, device)


def addresses(network: Network) -> Iterator[InterfaceAddress]:
    """Yield the gateways of *network* as addresses of the router that plays them."""
    for subnet in network.subnets:
        if subnet.gateway is not None:
            yield InterfaceAddress(f"{subnet.gateway}/{subnet.cidr.prefixlen}")
