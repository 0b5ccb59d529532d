"""Routers: whose gateway they are, their way out, and what they forward."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.intent import Router, Site
from trunkline.positions import Path
from trunkline.rules.addressing import Cidr, overlap
from trunkline.rules.fault import Fault
from trunkline.wording import did_you_mean, quoted


def check(site: Site) -> Iterator[Fault]:
    gateways: dict[str, Path] = {}
    for router in site.routers.values():
        yield from _networks(site, router, gateways)
        yield from _external(site, router)
        yield from _overlaps(site, router)
        yield from _allow(router)


def _networks(site: Site, router: Router, gateways: dict[str, Path]) -> Iterator[Fault]:
    """A router *is* the gateway of its networks, so each of them has one router."""
    for index, name in enumerate(router.networks):
        path = ("routers", router.name, "networks", index)
        network = site.networks.get(name)
        if name in gateways:
            taken_by = gateways[name]
            hint = "a network has one router" if taken_by[1] != router.name else "name it once"
            yield Fault(path, f"network {quoted(name)}", hint, taken_by=taken_by)
            continue
        gateways[name] = path
        if network is None:
            continue
        if network.external:
            hint = f"write 'external: {{network: {name}, address: ...}}'"
            message = f"network {quoted(name)} is external, its gateway is someone else's"
            yield Fault(path, message, hint)
        elif not any(subnet.gateway for subnet in network.subnets):
            message = f"network {quoted(name)} has no gateway, so a router has no address there"
            yield Fault(path, message, f"add 'gateway' to a subnet of networks.{name}")


def _external(site: Site, router: Router) -> Iterator[Fault]:
    out = router.external
    if out is None:
        return
    path: Path = ("routers", router.name, "external", "network")
    if out.network in router.networks:
        taken_by = ("routers", router.name, "networks", router.networks.index(out.network))
        yield Fault(path, f"network {quoted(out.network)}", "name it once", taken_by=taken_by)


def _overlaps(site: Site, router: Router) -> Iterator[Fault]:
    """One namespace has one routing table: a destination has one leg."""
    legs: list[tuple[str, Path]] = [
        (name, ("networks", index)) for index, name in enumerate(router.networks)
    ]
    if router.external is not None and router.external.network not in router.networks:
        legs.append((router.external.network, ("external", "network")))
    seen: list[tuple[str, Cidr, Path]] = []
    for name, step in legs:
        path: Path = ("routers", router.name, *step)
        network = site.networks.get(name)
        for subnet in network.subnets if network is not None else ():
            clash = next((s for s in seen if s[0] != name and overlap(s[1], subnet.cidr)), None)
            if clash is not None:
                message = f"subnet {subnet.cidr} of {quoted(name)} overlaps {clash[1]} of "
                hint = "a router tells its networks apart by address; use two routers"
                yield Fault(path, message + quoted(clash[0]), hint)
            seen.append((name, subnet.cidr, path))


def _allow(router: Router) -> Iterator[Fault]:
    own = list(router.networks)
    if router.external is not None:
        own.append(router.external.network)
    pairs: dict[tuple[str, str], Path] = {}
    for index, allow in enumerate(router.allow):
        path: Path = ("routers", router.name, "allow", index)
        for key, name in (("from", allow.source), ("to", allow.target)):
            if name not in own:
                message = f"router {quoted(router.name)} has no network {quoted(name)}"
                yield Fault((*path, key), message, did_you_mean(name, own))
        if allow.source == allow.target:
            message = f"{quoted(allow.source)} to itself needs no router"
            yield Fault(path, message, "hosts of one network reach each other directly")
        pair = (allow.source, allow.target)
        if pair in pairs:
            message = f"{allow.source} to {allow.target}"
            yield Fault(path, message, "name the pair once", taken_by=pairs[pair])
        pairs.setdefault(pair, path)
