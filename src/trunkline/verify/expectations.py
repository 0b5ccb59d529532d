"""What the names in an expectation stand for."""

from __future__ import annotations

from ipaddress import ip_address

from trunkline.intent import Expectation, Site
from trunkline.verify.nodes import nodes

Pairs = tuple[tuple[str, str], ...]


def resolve(site: Site, expectation: Expectation) -> tuple[Pairs, str]:
    """Return the ordered pairs that *expectation* is about, or why there are none.

    A pair is (node, node) or (node, address).
    """
    sources = _stands_for(site, expectation.source)
    targets = _stands_for(site, expectation.target)
    if is_address(expectation.target):
        targets = (expectation.target,)
    for name, found in ((expectation.source, sources), (expectation.target, targets)):
        if not found:
            return (), _nobody(site, name)
    pairs = tuple((a, b) for a in sources for b in targets if a != b)
    return (pairs, "") if pairs else ((), f"'{sources[0]}' is alone on it")


def addresses(site: Site) -> Pairs:
    """Return the (node, address) pairs of all expectations, each once."""
    found = [pair for each in site.expectations for pair in resolve(site, each)[0]]
    return tuple(dict.fromkeys(pair for pair in found if is_address(pair[1])))


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _stands_for(site: Site, name: str) -> tuple[str, ...]:
    """Return the nodes called *name*, or on the network of that name."""
    known = nodes(site)
    if name in known:
        return (name,)
    if name not in site.networks:
        return ()
    on = (node.name for node in known.values() if any(leg.network == name for leg in node.legs))
    return tuple(on)


def _nobody(site: Site, name: str) -> str:
    if name in site.networks:
        return f"nobody is on network '{name}'"
    if name in site.hosts:
        return f"host '{name}' has no port of its own on any network"
    if is_address(name):
        return f"'{name}' cannot send: nothing is known about who has it"
    return f"nothing is called '{name}'"
