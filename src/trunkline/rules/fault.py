"""What a check finds, and the paths of what it finds it in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.intent import Attachment, Machine, MachineKind, Port, Site
from trunkline.positions import Path
from trunkline.values import InterfaceAddress


@dataclass(frozen=True)
class Fault:
    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    """Whether the key that ends the path is to blame, not its value."""
    taken_by: Path = ()
    """The other object, where two of them want the same thing; it ends the message."""


def machine_path(machine: Machine) -> Path:
    section = "vms" if machine.kind is MachineKind.VM else "containers"
    return (section, machine.name)


def port_path(machine: Machine, index: int) -> Path:
    return (*machine_path(machine), "ports", index)


def attachments(port: Port, path: Path) -> Iterator[tuple[Attachment, Path, Path]]:
    """Yield each network of *port* with the paths of its name and of its addresses."""
    untagged = "native" if port.tagged else "network"
    number = 0
    for attachment in port.attachments:
        if not attachment.tagged:
            yield attachment, (*path, untagged), (*path, "addresses")
            continue
        item = (*path, "tagged", number)
        yield attachment, (*item, "network"), (*item, "addresses")
        number += 1


@dataclass(frozen=True)
class Seat:
    """An address on a network, and where it was declared."""

    network: str
    address: InterfaceAddress
    path: Path


def machine_seats(site: Site) -> Iterator[Seat]:
    for machine in site.machines.values():
        for index, port in enumerate(machine.ports):
            for attachment, _, path in attachments(port, port_path(machine, index)):
                for number, address in enumerate(attachment.addresses):
                    yield Seat(attachment.network, address, (*path, number))


def host_seats(site: Site) -> Iterator[Seat]:
    for host in site.hosts.values():
        for index, port in enumerate(host.ports):
            for number, address in enumerate(port.addresses):
                path = ("hosts", host.name, "ports", index, "addresses", number)
                yield Seat(port.network, address, path)


def external_seats(site: Site) -> Iterator[Seat]:
    for router in site.routers.values():
        if router.external is not None:
            path = ("routers", router.name, "external", "address")
            yield Seat(router.external.network, router.external.address, path)
