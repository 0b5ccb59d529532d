"""What a site promises: for every ordered pair of nodes, whether the first reaches the second.

The two directions of a pair are separate: a router's `allow` is about new connections from its
source to its target; the replies pass, connections the other way do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trunkline.intent import OUTSIDE, Expect, Router, Site
from trunkline.verify.nodes import Leg, Node, nodes, segment


@dataclass(frozen=True)
class Cell:
    """One ordered pair, what is expected of it, and why."""

    source: str
    target: str
    expected: Expect
    reason: str
    shared: tuple[str, ...] = ()
    """The networks that both sit on; there the pair meets at layer 2."""
    versions: frozenset[int] = frozenset()
    """The IP versions in which a routed pair is reachable."""


Matrix = Mapping[tuple[str, str], Cell]


def expected(site: Site) -> Matrix:
    """Return the cell of every ordered pair of *site*'s nodes."""
    known = nodes(site)
    pairs = ((a, b) for a in known.values() for b in known.values() if a is not b)
    return {(a.name, b.name): cell(site, a, b) for a, b in pairs}


def cell(site: Site, a: Node, b: Node) -> Cell:
    """Return what *site* promises about packets from *a* to *b*."""
    segments = {leg.segment for leg in b.legs}
    shared = tuple(dict.fromkeys(leg.network for leg in a.legs if leg.segment in segments))
    if shared:
        return Cell(a.name, b.name, Expect.REACHABLE, f"both on {' and '.join(shared)}", shared)
    paths = list(_routed(site, a, b))
    if paths:
        reason = " and ".join(dict.fromkeys(reason for reason, _ in paths))
        versions = frozenset(version for _, version in paths)
        return Cell(a.name, b.name, Expect.REACHABLE, reason, versions=versions)
    return Cell(a.name, b.name, Expect.ISOLATED, _why_isolated(site, a, b))


def _routed(site: Site, a: Node, b: Node) -> Iterator[tuple[str, int]]:
    """Yield (reason, IP version) of every routed way from *a* to *b*."""
    for router in site.routers.values():
        for source in a.legs:
            for target in b.legs:
                for version in sorted(source.versions() & target.versions()):
                    if reason := _forwards(site, router, source, target, version):
                        yield reason, version


def _forwards(site: Site, router: Router, source: Leg, target: Leg, version: int) -> str:
    """Return why *router* carries new connections from *source* to *target*, or nothing."""
    if _is_outside(site, router, target, version):
        # Without source NAT, only who has a route to the site's networks can answer.
        way_back = _hides(router) or (target.outside and published(router))
        if way_back and _uses(site, router, source, version):
            return f"through {router.name}" + ", with source NAT" * _hides(router)
        return ""
    allowed = any((p.source, p.target) == (source.network, target.network) for p in router.allow)
    if source.outside and _is_outside(site, router, source, version):
        there = True  # the lab's outside has routes to what routers let it reach
    else:
        there = _uses(site, router, source, version)
    if allowed and there and _uses(site, router, target, version):
        return f"{router.name} allows {source.network} -> {target.network}"
    return ""


def published(router: Router) -> bool:
    """Return whether the world behind *router* may begin connections, so it must have routes."""
    return router.external is not None and any(
        pair.source == router.external.network for pair in router.allow
    )


def _hides(router: Router) -> bool:
    return router.external is not None and router.external.snat


def _is_outside(site: Site, router: Router, leg: Leg, version: int) -> bool:
    """Return whether *leg* is where *router* leads out to in that IP version."""
    external = router.external
    return (
        external is not None
        and external.address.version == version
        and leg.segment == segment(site, router.host, external.network)
        and leg.network == external.network
    )


def _uses(site: Site, router: Router, leg: Leg, version: int) -> bool:
    """Return whether *router* is the gateway of *leg*."""
    on = leg.network in router.networks
    joined = segment(site, router.host, leg.network) == leg.segment
    return on and joined and version in leg.default


def _why_isolated(site: Site, a: Node, b: Node) -> str:
    if a.name == OUTSIDE:
        return "nothing lets the outside in"
    if b.name == OUTSIDE:
        return "no router of its networks leads outside with source NAT"
    between = " and ".join(sorted({leg.network for leg in (*a.legs, *b.legs)}))
    routers = [
        router.name
        for router in site.routers.values()
        if any(leg.network in router.networks for leg in a.legs)
        and any(leg.network in router.networks for leg in b.legs)
    ]
    if routers:
        return f"different networks, not allowed by {' or '.join(routers)}"
    return f"different networks: {between}"
