"""Every name that an object uses is the name of something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trunkline.intent import Site
from trunkline.positions import Path, Positions
from trunkline.rules.fault import Fault, attachments, machine_path, port_path
from trunkline.wording import did_you_mean, quoted


@dataclass(frozen=True)
class _Reference:
    section: str
    name: str
    path: Path


def check(site: Site, positions: Positions) -> Iterator[Fault]:
    known: dict[str, Mapping[str, object]] = {"networks": site.networks, "hosts": site.hosts}
    for reference in _references(site):
        names = known[reference.section]
        # What is there but misshapen has a problem of its own already.
        if reference.name in names or positions.declares((reference.section, reference.name)):
            continue
        noun = reference.section.removesuffix("s")
        message = f"there is no {noun} {quoted(reference.name)}"
        hint = did_you_mean(reference.name, names) or f"this site has no {reference.section}"
        yield Fault(reference.path, message, hint)


def _references(site: Site) -> Iterator[_Reference]:
    yield from _of_hosts(site)
    for machine in site.machines.values():
        yield _Reference("hosts", machine.host, (*machine_path(machine), "host"))
        for index, port in enumerate(machine.ports):
            for attachment, path, _ in attachments(port, port_path(machine, index)):
                yield _Reference("networks", attachment.network, path)
    for router in site.routers.values():
        path = ("routers", router.name)
        yield _Reference("hosts", router.host, (*path, "host"))
        yield from _networks(router.networks, (*path, "networks"))
        if router.external is not None:
            where = (*path, "external", "network")
            yield _Reference("networks", router.external.network, where)


def _of_hosts(site: Site) -> Iterator[_Reference]:
    for host in site.hosts.values():
        path: Path = ("hosts", host.name)
        for uplink in host.uplinks:
            yield from _networks(uplink.networks, (*path, "uplinks", uplink.name, "networks"))
        yield from _networks(host.local, (*path, "local"))
        for index, port in enumerate(host.ports):
            yield _Reference("networks", port.network, (*path, "ports", index, "network"))


def _networks(names: Iterable[str], path: Path) -> Iterator[_Reference]:
    for index, name in enumerate(names):
        yield _Reference("networks", name, (*path, index))
