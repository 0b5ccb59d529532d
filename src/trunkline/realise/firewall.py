"""What a router forwards: the pairs that are allowed, the way out, and nothing else.

The text is what `nft -s list table` prints for it, so that it compares equal when it is read
back. One rule for each pair, no anonymous sets of names: their order is the kernel's.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from trunkline import names
from trunkline.intent import Router, Site
from trunkline.state import NftTable

TABLE = "trunkline"

_FORWARD = "type filter hook forward priority filter; policy drop;"
_INPUT = "type filter hook input priority filter; policy drop;"
_POSTROUTING = "type nat hook postrouting priority srcnat; policy accept;"
_ESTABLISHED = "ct state established,related accept"


def table(site: Site, router: Router) -> NftTable:
    chains = [
        _chain("forward", [_FORWARD, _ESTABLISHED, *_forwarded(router)]),
        # ICMP and neighbour discovery, so that a router can be found and pinged; nothing more.
        _chain("input", [_INPUT, _ESTABLISHED, "meta l4proto { icmp, ipv6-icmp } accept"]),
    ]
    masquerades = list(_masquerades(site, router))
    if masquerades:
        chains.append(_chain("postrouting", [_POSTROUTING, *masquerades]))
    return NftTable(router.name, "inet", TABLE, "\n\n".join(chains))


def _chain(name: str, lines: Iterable[str]) -> str:
    body = textwrap.indent("\n".join(lines), "\t")
    return f"chain {name} {{\n{body}\n}}"


def _forwarded(router: Router) -> Iterator[str]:
    for pair in router.allow:
        yield f"{_from(pair.source)} {_to(pair.target)} accept"
    if router.external is not None:
        for network in router.networks:
            yield f"{_from(network)} {_to(router.external.network)} accept"
    for network in router.networks:
        # Insiders are told, so that they fail at once; strangers learn nothing.
        yield f"{_from(network)} reject with icmpx admin-prohibited"


def _masquerades(site: Site, router: Router) -> Iterator[str]:
    """Yield source NAT for the router's own subnets on the way out only (P-27)."""
    way_out = router.external
    if way_out is None or not way_out.snat:
        return
    for network in router.networks:
        for subnet in site.networks[network].subnets:
            if subnet.cidr.version == way_out.address.version:
                family = "ip" if subnet.cidr.version == 4 else "ip6"
                yield f"{family} saddr {subnet.cidr} {_to(way_out.network)} masquerade"


def _from(network: str) -> str:
    return f'iifname "{names.leg_nic(network)}"'


def _to(network: str) -> str:
    return f'oifname "{names.leg_nic(network)}"'
