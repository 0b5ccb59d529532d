"""What may exist once: names, VLAN numbers, MAC addresses."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from trunkline.intent import OUTSIDE, Site
from trunkline.positions import Path
from trunkline.rules.fault import Fault, machine_path, port_path
from trunkline.wording import quoted

_LAB_SWITCH = "switch"


def check(site: Site) -> Iterator[Fault]:
    yield from _names(site)
    yield from _vlans(site)
    yield from _macs(site)


def _names(site: Site) -> Iterator[Fault]:
    """Expectations name networks, hosts and machines; machines and routers are namespaces."""
    paths: list[Path] = [
        *(("networks", name) for name in site.networks),
        *(("hosts", name) for name in site.hosts),
        *(machine_path(machine) for machine in site.machines.values()),
        *(("routers", name) for name in site.routers),
    ]
    first: dict[object, Path] = {}
    for path in paths:
        name = path[-1]
        if name == OUTSIDE:
            message = f"the name {quoted(name)} stands for the world behind the external networks"
            yield Fault(path, message, "choose another name", at_key=True)
        elif path == ("hosts", _LAB_SWITCH):
            message = f"the name {quoted(name)} stands for the physical switch of a lab"
            yield Fault(path, message, "choose another name", at_key=True)
        elif name in first:
            message = f"the name {quoted(name)}"
            hint = "networks, hosts, machines and routers share their names"
            yield Fault(path, message, hint, at_key=True, taken_by=first[name])
        else:
            first[name] = path


def _vlans(site: Site) -> Iterator[Fault]:
    vlans = (
        (network.vlan, ("networks", network.name, "vlan"))
        for network in site.networks.values()
        if network.vlan is not None
    )
    yield from _twice("VLAN", vlans, "one VLAN is one network")


def _macs(site: Site) -> Iterator[Fault]:
    yield from _twice("MAC address", _mac_paths(site), "a switch would send to one of them only")


def _mac_paths(site: Site) -> Iterator[tuple[str, Path]]:
    for host in site.hosts.values():
        for uplink in host.uplinks:
            if uplink.mac is not None:
                yield uplink.mac, ("hosts", host.name, "uplinks", uplink.name, "mac")
    for machine in site.machines.values():
        for index, port in enumerate(machine.ports):
            if port.mac is not None:
                yield port.mac, (*port_path(machine, index), "mac")


def _twice(noun: str, found: Iterable[tuple[Hashable, Path]], hint: str) -> Iterator[Fault]:
    first: dict[Hashable, Path] = {}
    for value, path in found:
        if value in first:
            yield Fault(path, f"{noun} {value}", hint, taken_by=first[value])
        else:
            first[value] = path
