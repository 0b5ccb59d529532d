"""What a lab stands on: hosts as namespaces, the physical switch, and the outside.

- A host's namespace starts with nothing but its declared NICs, as a machine does.
- The switch carries on every port exactly the VLANs that the uplink behind it declares; all
  uplinks of one network are one layer 2, whatever their names are.
- The outside stands for everything behind the external networks: their gateways and a piece of
  the Internet. It forwards nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from trunkline import names, sysctls
from trunkline.capabilities import Capabilities
from trunkline.errors import HostError, UsageError
from trunkline.intent import OUTSIDE, Host, Network, Site, Uplink
from trunkline.lab import dns
from trunkline.realise import tags
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    HostState,
    Ipv6,
    Namespace,
    Route,
    Row,
    Sysctl,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
    host_state,
    veth,
)
from trunkline.values import InterfaceName
from trunkline.verify.matrix import published
from trunkline.verify.nodes import outside_addresses

SWITCH = "switch"
"""The namespace of the physical switch."""

INTERNET = (f"{dns.INTERNET_V4}/32", f"{dns.INTERNET_V6}/128")
"""What the outside answers for besides its gateways; names resolve to it there."""


def fabric(site: Site, capabilities: Capabilities, lab: str = "") -> HostState:
    """Return the state of the lab below *site*'s hosts; *lab* is the site's name by default."""
    for name in (SWITCH, OUTSIDE):
        if name in site.hosts:
            raise UsageError(
                f"host '{name}' cannot be in a lab: the name stands for the lab's own {name}",
                hint="give the host another name",
            )
    rows = list(_rows(site, capabilities, fabric_owner(lab or site.name)))
    if capabilities.nft_bridge:
        # A bridge that filters no VLANs sees no tag, and forwards those that no port carries.
        rows = [*tags.tables(SWITCH, "trunkline", rows), *rows]
    return host_state(rows)


def fabric_owner(lab: str) -> str:
    """Return the first part of the owner of a lab's fabric; a site's never starts like it."""
    return f"lab-{lab}"


def switch_ports(site: Site) -> dict[tuple[str, str], InterfaceName]:
    """Return the switch's port behind every (host, uplink), numbered in the order of the file."""
    uplinks = [(host.name, uplink.name) for host in site.hosts.values() for uplink in host.uplinks]
    return {uplink: InterfaceName(f"p{number}") for number, uplink in enumerate(uplinks, 1)}


def vlan_method(capabilities: Capabilities) -> VlanMethod:
    """Return what the switch's VLAN devices are made of."""
    if capabilities.vlan_devices:
        return VlanMethod.KERNEL
    if capabilities.ebpf_vlan:
        return VlanMethod.EBPF
    raise HostError(
        "this kernel has neither 802.1Q devices nor what eBPF VLAN devices need",
        hint="load the module 8021q, or run the lab in the guest kernel",
    )


def _rows(site: Site, capabilities: Capabilities, owner: str) -> Iterator[Row]:
    yield from _switch(site, capabilities, owner)
    for host in site.hosts.values():
        yield from _host(site, host, capabilities, owner)
    if any(network.external for network in site.networks.values()):
        yield from _outside(site, capabilities, owner)


def _switch(site: Site, capabilities: Capabilities, owner: str) -> Iterator[Row]:
    yield Namespace(SWITCH, f"{owner}/{SWITCH}")
    if capabilities.br_netfilter:
        # It is on in every new namespace and would hand the switch's frames to iptables (P-33).
        for family in ("ip", "ip6", "arp"):
            yield Sysctl(SWITCH, f"net/bridge/bridge-nf-call-{family}tables", "0")
    for name in carried(site):
        network = site.networks[name]
        bridge = names.bridge(network)
        mac = names.mac(owner, SWITCH, name)
        yield Bridge(
            SWITCH,
            bridge,
            owner=f"{owner}/{SWITCH}.{name}",
            mac=mac,
            mtu=network.mtu,
            default_pvid=0 if capabilities.vlan_filtering else None,
        )


def carried(site: Site) -> list[str]:
    """Return the networks that the switch carries: those of uplinks, and the external ones."""
    wired = [n for h in site.hosts.values() for u in h.uplinks for n in u.networks]
    external = [network.name for network in site.networks.values() if network.external]
    return list(dict.fromkeys([*wired, *external]))


def wired(site: Site, host: Host, uplink: Uplink) -> tuple[str, ...]:
    """Return the networks that the switch has on the port behind *uplink*.

    An address of the bare NIC is one in an untagged network, which the host need not carry.
    """
    plain = [name for name in carried(site) if site.networks[name].vlan is None]
    own = (n for n in plain if n not in host.local and _holds(site.networks[n], uplink))
    return (*uplink.networks, *itertools.islice(own, 1))


def _holds(network: Network, uplink: Uplink) -> bool:
    subnets = [subnet.cidr for subnet in network.subnets]
    return any(address.parsed.ip in cidr for address in uplink.addresses for cidr in subnets)


def _host(site: Site, host: Host, capabilities: Capabilities, owner: str) -> Iterator[Row]:
    yield Namespace(host.name, f"{owner}/{host.name}")
    # A new namespace inherits the IPv4 settings of the machine that the lab runs on.
    yield Sysctl(host.name, sysctls.FORWARDING_4, "0")
    if capabilities.ipv6:
        # Duplicate address detection would keep a host's IPv6 silent for its first seconds.
        yield Sysctl(host.name, sysctls.ACCEPT_DAD, "0")
    method = vlan_method(capabilities)
    for uplink in host.uplinks:
        port = switch_ports(site)[host.name, uplink.name]
        yield _cable(site, host, uplink, port, owner)
        for address in uplink.addresses:
            yield Address(host.name, uplink.device, address)
        for name in wired(site, host, uplink):
            yield from _port_network(site.networks[name], port, method, owner)


def _cable(site: Site, host: Host, uplink: Uplink, port: InterfaceName, owner: str) -> Veth:
    mac = uplink.mac or names.mac(owner, host.name, uplink.name)
    nic = VethEnd(host.name, uplink.device, mac=mac)
    end = VethEnd(SWITCH, port, mac=names.mac(owner, SWITCH, port))
    mtu = max((site.networks[name].mtu for name in wired(site, host, uplink)), default=1500)
    return veth(nic, end, owner=f"{owner}/{host.name}.{uplink.name}", mtu=mtu)


def _port_network(
    network: Network, port: InterfaceName, method: VlanMethod, owner: str
) -> Iterator[Row]:
    bridge = names.bridge(network)
    if network.vlan is None:
        yield BridgePort(SWITCH, port, bridge)
        return
    device = names.vlan_device(port, network.vlan)
    yield VlanDevice(
        SWITCH,
        device,
        port,
        network.vlan,
        method,
        owner=f"{owner}/{SWITCH}.{port}.{network.name}",
        mtu=network.mtu,
    )
    yield BridgePort(SWITCH, device, bridge)


def _outside(site: Site, capabilities: Capabilities, owner: str) -> Iterator[Row]:
    yield Namespace(OUTSIDE, f"{owner}/{OUTSIDE}")
    yield Sysctl(OUTSIDE, sysctls.FORWARDING_4, "0")
    if capabilities.ipv6:
        yield Sysctl(OUTSIDE, sysctls.FORWARDING_6, "0")
        yield Sysctl(OUTSIDE, sysctls.ACCEPT_DAD, "0")
    external = [network for network in site.networks.values() if network.external]
    for number, network in enumerate(external, 1):
        device = names.leg_nic(network.name)
        port = InterfaceName(f"o{number}")
        mac = names.mac(owner, OUTSIDE, network.name)
        end = VethEnd(SWITCH, port, mac=names.mac(owner, SWITCH, port))
        owned = f"{owner}/{OUTSIDE}.{network.name}"
        nic = VethEnd(OUTSIDE, device, mac=mac, ipv6=Ipv6.ON)
        yield veth(nic, end, owner=owned, mtu=network.mtu)
        yield BridgePort(SWITCH, port, names.bridge(network))
        for address in outside_addresses(network):
            yield Address(OUTSIDE, device, address)
    first = names.leg_nic(external[0].name)
    yield from (Address(OUTSIDE, first, address) for address in INTERNET)
    yield from _ways_in(site)


def _ways_in(site: Site) -> Iterator[Route]:
    """Yield routes from the outside to the networks behind routers.

    With source NAT they are not needed; but only with them is "the outside does not get in" a
    test of the router: without a route the outside could not even send.
    """
    for router in site.routers.values():
        external = router.external
        if external is None or not (external.snat or published(router)):
            continue
        device = names.leg_nic(external.network)
        for name in router.networks:
            for subnet in site.networks[name].subnets:
                if subnet.cidr.version == external.address.version:
                    yield Route(OUTSIDE, str(subnet.cidr), external.address.ip, device)
