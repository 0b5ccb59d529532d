"""A site file's bytes -> the site, or everything that is wrong with it in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trunkline import rules
from trunkline.errors import Problem, SiteError
from trunkline.intent import (
    Allow,
    Attachment,
    Expectation,
    External,
    Host,
    HostPort,
    Machine,
    MachineKind,
    Network,
    Port,
    Router,
    Site,
    Subnet,
    Uplink,
)
from trunkline.positions import Positions
from trunkline.wording import quoted

if TYPE_CHECKING:
    from trunkline.sitefile import schema


def parse(data: bytes, file: str) -> Site:
    """Return the site that *data* describes; raise SiteError with every problem in it."""
    # PyYAML and pydantic take most of the start-up time of a command that needs neither.
    from trunkline.sitefile import document, shape

    read = document.load(data, file)
    fitted = shape.fitted(read)
    problems = [*read.problems, *fitted.problems]
    if fitted.file is not None:
        problems += _shared_names(fitted.file, fitted.positions)
        site = site_of(fitted.file)
        problems += rules.check(site, fitted.positions)
        if not problems:
            return site
    raise SiteError(file, tuple(dict.fromkeys(problems)), read.text)


def _shared_names(file: schema.SiteFile, positions: Positions) -> Iterator[Problem]:
    """Yield the containers that a virtual machine's name hides: a site has one map of both."""
    for name in file.containers:
        if name in file.vms:
            place = positions.find_key(("containers", name))
            yield place.problem(f"the name {quoted(name)} is already vms.{name}")


def site_of(file: schema.SiteFile) -> Site:
    """Return the intent of a file whose every object has the right shape."""
    vms = _machines(file.vms, MachineKind.VM)
    containers = _machines(file.containers, MachineKind.CONTAINER)
    return Site(
        name=file.site,
        networks={name: _network(name, network) for name, network in file.networks.items()},
        hosts={name: _host(name, host) for name, host in file.hosts.items()},
        machines={**vms, **containers},
        routers={name: _router(name, router) for name, router in file.routers.items()},
        expectations=tuple(
            Expectation(each.source, each.target, each.expect) for each in file.expectations
        ),
    )


def _network(name: str, network: schema.Network) -> Network:
    subnets = tuple(
        Subnet(subnet.cidr, subnet.gateway, subnet.dhcp.pool if subnet.dhcp else None)
        for subnet in network.subnets
    )
    return Network(
        name, network.vlan, network.external, subnets, mtu=network.mtu, bridge=network.bridge
    )


def _host(name: str, host: schema.Host) -> Host:
    uplinks = tuple(
        Uplink(key, each.device, tuple(each.networks), each.mac, tuple(each.addresses))
        for key, each in host.uplinks.items()
    )
    ports = tuple(
        HostPort(each.network, tuple(each.addresses), each.default_route) for each in host.ports
    )
    return Host(name, uplinks, tuple(host.local), ports, host.switching, host.vlan_devices)


def _machines(machines: Mapping[str, schema.Machine], kind: MachineKind) -> dict[str, Machine]:
    return {
        name: Machine(name, kind, machine.host, tuple(map(_port, machine.ports)))
        for name, machine in machines.items()
    }


def _port(port: schema.Port) -> Port:
    untagged = port.network if port.network is not None else port.native
    attachments = [Attachment(each.network, True, tuple(each.addresses)) for each in port.tagged]
    if untagged is not None:
        attachments.insert(0, Attachment(untagged, False, tuple(port.addresses)))
    return Port(tuple(attachments), port.mac, port.device)


def _router(name: str, router: schema.Router) -> Router:
    out = router.external
    external = External(out.network, out.address, out.snat) if out else None
    allow = tuple(Allow(each.source, each.target) for each in router.allow)
    return Router(name, router.host, tuple(router.networks), external, allow)
