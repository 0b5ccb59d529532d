"""One host of a site: its bridges and uplinks, its own addresses, its machines and routers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trunkline import names, sysctls
from trunkline.capabilities import Capabilities
from trunkline.errors import HostError, UsageError
from trunkline.intent import Host, HostPort, Site, Switching
from trunkline.realise import gateways, machines, routers, tags
from trunkline.realise.bridges import BridgePerNetwork, Switch
from trunkline.realise.ground import Ground, Seats
from trunkline.realise.trunk import VlanAware
from trunkline.state import ROOT, Address, HostState, Nic, Row, Sysctl, host_state
from trunkline.values import InterfaceName, MacAddress

STANDARD_MTU = 1500


def realise(
    site: Site, host: str, capabilities: Capabilities, seats: Seats = Seats.TAP
) -> HostState:
    """Return what the kernel of *host* must hold for *site*."""
    if host not in site.hosts:
        known = ", ".join(site.hosts) or "none"
        raise UsageError(f"site '{site.name}': there is no host '{host}'", hint=f"hosts: {known}")
    ground = Ground(site, site.hosts[host], capabilities, seats)
    rows = list(_rows(ground, _switch(ground)))
    return host_state([*_tag_rules(ground, rows), *rows])


def _tag_rules(ground: Ground, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield what keeps machines from writing tags of their own, where this kernel can."""
    if ground.capabilities.nft_bridge:
        yield from tags.tables(ROOT, names.tag_table(ground.site.name), rows)
        return
    for device, networks in _carried(ground.host).items():
        vlans = {ground.site.networks[name].vlan for name in networks}
        if None in vlans and len(vlans) > 1:
            raise HostError(
                f"host '{ground.host.name}': NIC '{device}' carries untagged and tagged networks, "
                f"and kernel '{ground.capabilities.release}' has no 'nft_bridge' to keep machines "
                "from sending tags themselves",
                hint="install nftables, or give the untagged network a NIC of its own",
            )


def _carried(host: Host) -> dict[InterfaceName, set[str]]:
    """Return the networks on each NIC."""
    found: dict[InterfaceName, set[str]] = {}
    for uplink in host.uplinks:
        found.setdefault(uplink.device, set()).update(uplink.networks)
    return found


def _switch(ground: Ground) -> Switch:
    if ground.host.switching is Switching.VLAN_AWARE:
        ground.need("vlan_filtering", "`switching: vlan-aware`")
        return VlanAware(ground)
    return BridgePerNetwork(ground)


def _rows(ground: Ground, switch: Switch) -> Iterator[Row]:
    yield from _nics(ground)
    yield from switch.bridges()
    for uplink in ground.host.uplinks:
        networks = ground.networks(uplink.networks)
        untagged = next((network for network in networks if network.vlan is None), None)
        tagged = tuple(network for network in networks if network.vlan is not None)
        yield from switch.attach(uplink.device, untagged, tagged)
    for port in ground.host.ports:
        yield from _host_port(ground, switch, port)
    for machine in ground.site.machines_on(ground.host.name):
        yield from machines.rows(ground, switch, machine)
    for router in ground.site.routers_on(ground.host.name):
        yield from routers.rows(ground, switch, router)


def _nics(ground: Ground) -> Iterator[Nic]:
    """Yield what the uplinks' NICs must be: up, and wide enough for the widest network."""
    macs: dict[InterfaceName, MacAddress | None] = {}
    mtus: dict[InterfaceName, int] = {}
    for uplink in ground.host.uplinks:
        mtu = max((network.mtu for network in ground.networks(uplink.networks)), default=0)
        mtus[uplink.device] = max(mtu, mtus.get(uplink.device, 0))
        macs[uplink.device] = uplink.mac or macs.get(uplink.device)
    for device, mtu in mtus.items():
        yield Nic(ROOT, device, up=True, mtu=mtu or None, mac=macs[device])


def _host_port(ground: Ground, switch: Switch, port: HostPort) -> Iterator[Row]:
    """Yield the host's own seat on a network: addresses on a device that is otherwise silent."""
    network = ground.site.networks[port.network]
    device = yield from switch.seat(network)
    if ground.capabilities.ipv6:
        # A machine must not become the host's router by an advertisement (P-30).
        yield Sysctl(ROOT, sysctls.accept_ra(device), "0")
    yield Sysctl(ROOT, sysctls.promote_secondaries(device), "1")
    for address in port.addresses:
        yield Address(ROOT, device, address)
    if port.default_route:
        yield from gateways.default_routes(ROOT, device, network, port.addresses)
