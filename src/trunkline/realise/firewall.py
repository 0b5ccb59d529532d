"""What a router forwards: the pairs that are allowed, the way out, and nothing else.

The text is what `nft -s list table` prints for it, so that it compares equal when it is read
back. One rule for each pair, no anonymous sets of names: their order is the kernel's. No
names of protocols either: nft lists them only where /etc/protocols has them.

A source is proven first, before replies too: who sends with the address of another network would
get out without translation, and could speak in that network's name.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network

from trunkline import names
from trunkline.intent import Router, Site
from trunkline.realise import gateways
from trunkline.state import NftTable

TABLE = "trunkline"

Cidr = IPv4Network | IPv6Network

_FAMILY = {4: "ip", 6: "ip6"}

_FORWARD = "type filter hook forward priority filter; policy drop;"
_INPUT = "type filter hook input priority filter; policy drop;"
_POSTROUTING = "type nat hook postrouting priority srcnat; policy accept;"
_ESTABLISHED = "ct state established,related accept"
_NEIGHBOURS = "icmpv6 type { mld-listener-query, nd-neighbor-solicit, nd-neighbor-advert } accept"
_LINK_LOCAL = "ip6 daddr fe80::/10 icmpv6 type echo-request accept"


def table(site: Site, router: Router) -> NftTable:
    chains = [
        _chain("forward", [_FORWARD, *_spoofed(site, router), _ESTABLISHED, *_forwarded(router)]),
        # It can be found and pinged, by each network at its own address; nothing more.
        _chain("input", [_INPUT, _ESTABLISHED, *_pinged(site, router), _LINK_LOCAL, _NEIGHBOURS]),
    ]
    masquerades = list(_masquerades(site, router))
    if masquerades:
        chains.append(_chain("postrouting", [_POSTROUTING, *masquerades]))
    return NftTable(router.name, "inet", TABLE, "\n\n".join(chains))


def _chain(name: str, lines: Iterable[str]) -> str:
    body = textwrap.indent("\n".join(lines), "\t")
    return f"chain {name} {{\n{body}\n}}"


def _spoofed(site: Site, router: Router) -> Iterator[str]:
    """Yield what drops a source that cannot be where it comes from."""
    for network in router.networks:
        for version in _FAMILY:
            subnets = _subnets(site, network, version)
            yield f"{_from(network)} {_not_from(subnets, version)} drop"
    way_out = router.external
    if way_out is None:
        return
    yield f"{_from(way_out.network)} meta nfproto ipv{10 - way_out.address.version} drop"
    for network in router.networks:
        for subnet in _subnets(site, network, way_out.address.version):
            yield f"{_from(way_out.network)} {_FAMILY[subnet.version]} saddr {subnet} drop"


def _not_from(subnets: Sequence[Cidr], version: int) -> str:
    match subnets:
        case []:
            return f"meta nfproto ipv{version}"
        case [one]:
            return f"{_FAMILY[version]} saddr != {one}"
        case _:
            return f"{_FAMILY[version]} saddr != {{ {', '.join(map(str, subnets))} }}"


def _subnets(site: Site, network: str, version: int) -> list[Cidr]:
    """Return the subnets in the order that nft lists them in."""
    cidrs = (subnet.cidr for subnet in site.networks[network].subnets)
    return sorted(
        (c for c in cidrs if c.version == version), key=lambda c: c.network_address.packed
    )


def _forwarded(router: Router) -> Iterator[str]:
    way_out = router.external
    # Its IP version alone: in the other one the router has no address there, but neighbours.
    out = "" if way_out is None else f"meta nfproto ipv{way_out.address.version} "
    for pair in router.allow:
        version = out if way_out is not None and pair.target == way_out.network else ""
        yield f"{_from(pair.source)} {version}{_to(pair.target)} accept"
    if way_out is not None:
        for network in router.networks:
            yield f"{_from(network)} {out}{_to(way_out.network)} accept"
    for network in router.networks:
        # Insiders are told, so that they fail at once; strangers learn nothing.
        yield f"{_from(network)} reject with icmpx admin-prohibited"


def _pinged(site: Site, router: Router) -> Iterator[str]:
    own = [(n, a) for n in router.networks for a in gateways.addresses(site.networks[n])]
    if router.external is not None:
        own.append((router.external.network, router.external.address))
    for network, address in own:
        icmp = "icmp" if address.version == 4 else "icmpv6"
        reached = f"{_FAMILY[address.version]} daddr {address.ip}"
        yield f"{_from(network)} {reached} {icmp} type echo-request accept"


def _masquerades(site: Site, router: Router) -> Iterator[str]:
    """Yield source NAT for the router's own subnets on the way out only (P-27)."""
    way_out = router.external
    if way_out is None or not way_out.snat:
        return
    for network in router.networks:
        for subnet in site.networks[network].subnets:
            if subnet.cidr.version == way_out.address.version:
                family = _FAMILY[subnet.cidr.version]
                yield f"{family} saddr {subnet.cidr} {_to(way_out.network)} masquerade"


def _from(network: str) -> str:
    return f'iifname "{names.leg_nic(network)}"'


def _to(network: str) -> str:
    return f'oifname "{names.leg_nic(network)}"'
