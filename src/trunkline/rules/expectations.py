"""Expectations: both ends are something that can be asked, and no two of them contradict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from trunkline.intent import OUTSIDE, Expect, Site
from trunkline.positions import Path, Positions
from trunkline.rules.fault import Fault
from trunkline.wording import did_you_mean, quoted

_LIKE_ADDRESS = re.compile(r"[0-9.]+(/.*)?|[0-9A-Fa-f]*:.*")
_SECTIONS = ("networks", "hosts", "vms", "containers")


def check(site: Site, positions: Positions) -> Iterator[Fault]:
    verdicts: dict[tuple[str, str], tuple[Expect, Path]] = {}
    for index, each in enumerate(site.expectations):
        path: Path = ("expectations", index)
        yield from _source(site, positions, each.source, (*path, "from"))
        yield from _end(site, positions, each.target, (*path, "to"))
        if each.source == each.target and each.source not in site.networks:
            yield Fault((*path, "to"), f"{quoted(each.target)} is both ends")
        pair = (each.source, each.target)
        verdict, first = verdicts.setdefault(pair, (each.expect, path))
        if verdict is not each.expect:
            message = f"the opposite of '{each.source} to {each.target}: {each.expect.value}'"
            yield Fault((*path, "expect"), message, "keep one of them", taken_by=first)


def _source(site: Site, positions: Positions, name: str, path: Path) -> Iterator[Fault]:
    if _LIKE_ADDRESS.fullmatch(name):
        hint = "name a machine, host, network or outside"
        yield Fault(path, f"probes cannot be sent from the address {quoted(name)}", hint)
    else:
        yield from _end(site, positions, name, path)


def _end(site: Site, positions: Positions, name: str, path: Path) -> Iterator[Fault]:
    if _LIKE_ADDRESS.fullmatch(name):
        yield from _address(name, path)
    elif name == OUTSIDE:
        if positions.complete and not any(n.external for n in site.networks.values()):
            hint = "mark the network that leads there with 'external: true'"
            yield Fault(path, "there is no outside: no network is external", hint)
    elif name in site.routers:
        hint = "name a machine, host or network behind it"
        yield Fault(path, f"{quoted(name)} is a router, it only forwards", hint)
    elif name in site.hosts and positions.complete and not site.hosts[name].ports:
        hint = f"add hosts.{name}.ports, or name a machine on it"
        yield Fault(path, f"host {quoted(name)} has no port of its own on any network", hint)
    elif name in site.networks and positions.complete and not _is_used(site, name):
        yield Fault(path, f"nobody is on network {quoted(name)}", "there is nothing to probe")
    elif not (name in _names(site) or any(positions.declares((s, name)) for s in _SECTIONS)):
        hint = did_you_mean(name, [*_names(site), OUTSIDE])
        yield Fault(path, f"there is no machine, host or network {quoted(name)}", hint)


def _is_used(site: Site, network: str) -> bool:
    """Say whether anything that can be probed sits on *network*."""
    seats = [a.network for m in site.machines.values() for p in m.ports for a in p.attachments]
    seats += [port.network for host in site.hosts.values() for port in host.ports]
    return site.networks[network].external or network in seats


def _names(site: Site) -> list[str]:
    return [*site.machines, *site.hosts, *site.networks]


def _address(text: str, path: Path) -> Iterator[Fault]:
    plain = text.partition("/")[0]
    try:
        ip_address(plain)
    except ValueError:
        yield Fault(path, f"{quoted(text)} is not an address")
    else:
        if plain != text:
            yield Fault(path, f"{quoted(text)} has a prefix length", f"write {plain}")
