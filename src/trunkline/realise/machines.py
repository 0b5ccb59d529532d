"""Machines: a tap for a hypervisor, or a namespace that is the machine."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline import names, sysctls
from trunkline.intent import Attachment, Machine, MachineKind, Port
from trunkline.realise import gateways
from trunkline.realise.bridges import Switch
from trunkline.realise.ground import Ground, Seats
from trunkline.state import (
    ROOT,
    Address,
    Ipv6,
    Namespace,
    Route,
    Row,
    Sysctl,
    Tap,
    VethEnd,
    VlanDevice,
    veth,
)
from trunkline.values import InterfaceName


def rows(ground: Ground, switch: Switch, machine: Machine) -> Iterator[Row]:
    """Yield everything on *ground*'s host that exists for *machine*."""
    if machine.kind is MachineKind.VM and ground.seats is Seats.TAP:
        for index in range(len(machine.ports)):
            yield _tap(ground, machine, index)
            yield from _plug(ground, switch, machine, index)
        return
    yield from _namespace(ground, machine)
    for index in range(len(machine.ports)):
        yield from _nic(ground, machine, index)
        yield from _plug(ground, switch, machine, index)
    yield from _default_routes(ground, machine)


def _plug(ground: Ground, switch: Switch, machine: Machine, index: int) -> Iterator[Row]:
    """Yield what puts the host's end of a port into the port's networks."""
    port = machine.ports[index]
    native = None if port.native is None else ground.site.networks[port.native.network]
    tagged = ground.networks(attachment.network for attachment in port.tagged)
    device = names.machine_port(machine, index)
    yield from switch.attach(device, native, tagged, ground.owner_of(machine))


def _tap(ground: Ground, machine: Machine, index: int) -> Tap:
    device = names.machine_port(machine, index)
    return Tap(
        ROOT,
        device,
        owner=ground.owner_of(machine),
        mac=names.mac(ground.site.name, ground.host.name, device),
        mtu=_mtu(ground, machine.ports[index]),
    )


def _namespace(ground: Ground, machine: Machine) -> Iterator[Row]:
    yield Namespace(machine.name, ground.owner_of(machine))
    yield Sysctl(machine.name, sysctls.PROMOTE_SECONDARIES, "1")
    if ground.seats is Seats.NAMESPACE and ground.capabilities.ipv6:
        # Duplicate address detection would keep a lab's IPv6 silent for its first seconds.
        yield Sysctl(machine.name, sysctls.ACCEPT_DAD, "0")


def _nic(ground: Ground, machine: Machine, index: int) -> Iterator[Row]:
    """Yield the veth pair of a port, its VLANs inside, and the addresses."""
    port = machine.ports[index]
    outer, inner = names.machine_port(machine, index), names.machine_nic(index)
    mac = port.mac or names.mac(ground.site.name, machine.name, inner)
    owner, mtu = ground.owner_of(machine), _mtu(ground, port)
    host_end = VethEnd(ROOT, outer, mac=names.mac(ground.site.name, ground.host.name, outer))
    own_end = VethEnd(machine.name, inner, mac=mac, ipv6=Ipv6.ON)
    yield veth(host_end, own_end, owner=owner, mtu=mtu)
    for attachment in port.attachments:
        device = _device(ground, inner, attachment)
        network = ground.site.networks[attachment.network]
        if attachment.tagged and network.vlan is not None:
            yield VlanDevice(
                machine.name,
                device,
                parent=inner,
                vlan=int(network.vlan),
                method=ground.vlan_method,
                owner=owner,
                mac=mac,  # as the kernel's own VLAN device has it; an eBPF one would not
                mtu=network.mtu,
                ipv6=Ipv6.ON,
            )
        for address in attachment.addresses:
            yield Address(machine.name, device, address)


def _default_routes(ground: Ground, machine: Machine) -> Iterator[Route]:
    """Yield the default routes: the first gateway of each version of IP that a port declares."""
    found: dict[str, Route] = {}
    for index, port in enumerate(machine.ports):
        for attachment in port.attachments:
            device = _device(ground, names.machine_nic(index), attachment)
            network = ground.site.networks[attachment.network]
            ways = gateways.default_routes(machine.name, device, network, attachment.addresses)
            for route in ways:
                found.setdefault(route.destination, route)
    yield from found.values()


def _device(ground: Ground, nic: InterfaceName, attachment: Attachment) -> InterfaceName:
    """Return the machine's device that has the addresses of *attachment*."""
    vlan = ground.site.networks[attachment.network].vlan
    return names.vlan_device(nic, vlan) if attachment.tagged and vlan is not None else nic


def _mtu(ground: Ground, port: Port) -> int | None:
    mtus = (ground.site.networks[attachment.network].mtu for attachment in port.attachments)
    return max(mtus, default=None)
