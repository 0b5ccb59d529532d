"""What a device of one host belongs to: its network, its machine, its cable."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from trunkline import names
from trunkline.capabilities import Capabilities
from trunkline.intent import Machine, Site
from trunkline.names import natural
from trunkline.realise.ground import Ground, Seats
from trunkline.realise.trunk import VlanAware
from trunkline.state import (
    HARDWARE,
    ROOT,
    Address,
    Bridge,
    BridgePort,
    Device,
    HostState,
    Nic,
    PortVlan,
    Row,
    Veth,
    VethEnd,
    VlanDevice,
    device_names,
    devices,
    owner,
)

MACHINES = ("vm", "container")
"""The kinds of owner that are machines; the third one that holds ports is `router`."""

RowType = TypeVar("RowType", bound=Row)


@dataclass(frozen=True)
class Lookup:
    host: str
    state: HostState
    site: Site | None = None

    @functools.cached_property
    def devices(self) -> Mapping[str, Device]:
        """The devices of the host's own namespace, in natural order."""
        found = {
            name: row
            for row in devices(self.state)
            for namespace, name in device_names(row)
            if namespace == ROOT
        }
        return {name: found[name] for name in sorted(found, key=natural)}

    @functools.cached_property
    def bridges(self) -> Mapping[str, Bridge]:
        return {name: row for name, row in self.devices.items() if isinstance(row, Bridge)}

    @functools.cached_property
    def masters(self) -> Mapping[str, str]:
        """Port -> bridge, in natural order."""
        found = {row.port: row.bridge for row in self.rows(BridgePort) if row.namespace == ROOT}
        return {port: found[port] for port in self.devices if port in found}

    @functools.cached_property
    def addresses(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(namespace, device) -> its addresses, IPv4 first."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in self.rows(Address):
            found[row.namespace, row.device].append(row.address)
        return {key: tuple(sorted(a, key=lambda t: (":" in t, t))) for key, a in found.items()}

    @functools.cached_property
    def tagged(self) -> Mapping[str, tuple[int, ...]]:
        """Device -> the VLANs whose frames it carries with a tag."""
        found: dict[str, set[int]] = defaultdict(set)
        for row in self.rows(PortVlan):
            if row.namespace == ROOT and not row.untagged:
                found[row.port].add(row.vlan)
        for device in self.devices.values():
            if isinstance(device, VlanDevice) and device.parent not in self.bridges:
                found[device.parent].add(device.vlan)
        return {name: tuple(sorted(vlans)) for name, vlans in found.items()}

    @functools.cached_property
    def native(self) -> Mapping[str, int]:
        """Device -> the VLAN of its untagged frames, where something says so."""
        found = {r.port: r.vlan for r in self.rows(PortVlan) if r.namespace == ROOT and r.pvid}
        below: dict[str, set[int]] = defaultdict(set)
        for name, device in self.devices.items():
            if isinstance(device, VlanDevice):
                found[name] = device.vlan
                if name in self.masters:
                    below[self.masters[name]].add(device.vlan)
        for bridge, row in self.bridges.items():
            vlan = next(iter(below[bridge])) if len(below[bridge]) == 1 else None
            if not below[bridge]:
                vlan = self._declared_vlans.get(bridge)
            if vlan is not None and not row.vlan_filtering:
                found[bridge] = vlan
        for port, bridge in self.masters.items():
            if bridge in found and port not in found and not self.bridges[bridge].vlan_filtering:
                found[port] = found[bridge]
        return found

    def rows(self, kind: type[RowType]) -> list[RowType]:
        return [row for row in self.state.values() if isinstance(row, kind)]

    def network(self, device: str) -> str | None:
        """Return the network of the untagged frames of *device*."""
        bridge = self.masters.get(device, device)
        row = self.bridges.get(bridge)
        if row is not None and not row.vlan_filtering:
            kind, name = owned(row)
            if kind == "network":
                return name
            return self._declared_bridges.get(bridge) or self.network_of(self.native.get(bridge))
        return self.network_of(self.native.get(device))

    def network_of(self, vlan: int | None) -> str | None:
        return None if vlan is None else self._vlan_names.get(vlan)

    def networks(self, device: str) -> tuple[str, ...]:
        """Return every network of *device*, the untagged one first."""
        every = [self.network(device), *map(self.network_of, self.tagged.get(device, ()))]
        return tuple(dict.fromkeys(name for name in every if name is not None))

    def holder(self, device: str) -> tuple[str, str]:
        """Return the kind and name of the machine or router that *device* is a port of."""
        row = self.devices[device]
        kind, name = owned(row)
        if kind in (*MACHINES, "router"):
            return kind, name
        if isinstance(row, Veth):
            inside = _other_end(row, device).namespace
            return ("container", inside) if inside != ROOT else ("", "")
        if isinstance(row, VlanDevice) and row.parent in self.devices:
            return self.holder(row.parent)
        return self._declared_holders.get(device, ("", ""))

    def leads_out(self, device: str) -> bool:
        """Return whether frames leave the host through *device*."""
        row = self.devices.get(device)
        if isinstance(row, VlanDevice):
            return self.leads_out(row.parent)
        return isinstance(row, Nic) and (row.kind in HARDWARE or device in self._uplinks)

    def inner_mac(self, device: str) -> str | None:
        """Return the MAC of the machine's own end of *device*."""
        row = self.devices[device]
        if isinstance(row, Veth):
            return _other_end(row, device).mac
        if isinstance(row, VlanDevice) and row.parent in self.devices:
            return self.inner_mac(row.parent)
        return self._declared_macs.get(device)

    @functools.cached_property
    def _declared(self) -> Mapping[str, tuple[Machine, int]]:
        """Host's end of a port -> the machine of the site and the number of its port."""
        if self.site is None:
            return {}
        return {
            names.machine_port(machine, index): (machine, index)
            for machine in self.site.machines_on(self.host)
            for index in range(len(machine.ports))
        }

    @functools.cached_property
    def _declared_holders(self) -> Mapping[str, tuple[str, str]]:
        return {port: (m.kind.value, m.name) for port, (m, _) in self._declared.items()}

    @functools.cached_property
    def _declared_macs(self) -> Mapping[str, str | None]:
        return {port: machine.ports[i].mac for port, (machine, i) in self._declared.items()}

    @functools.cached_property
    def _uplinks(self) -> frozenset[str]:
        host = None if self.site is None else self.site.hosts.get(self.host)
        return frozenset(uplink.device for uplink in host.uplinks) if host else frozenset()

    @functools.cached_property
    def _declared_bridges(self) -> Mapping[str, str]:
        declared = self.site.networks.values() if self.site is not None else ()
        return {names.bridge(network): network.name for network in declared}

    @functools.cached_property
    def _declared_vlans(self) -> Mapping[str, int]:
        declared = self.site.networks.values() if self.site is not None else ()
        return {names.bridge(n): int(n.vlan) for n in declared if n.vlan is not None}

    @functools.cached_property
    def _vlan_names(self) -> Mapping[int, str]:
        """VLAN -> network, with the numbers that untagged ones have inside a VLAN-aware bridge."""
        found: dict[int, str] = {}
        for port, bridge in self.masters.items():
            row = self.devices[port]
            kind, name = owned(self.bridges[bridge]) if bridge in self.bridges else ("", "")
            if isinstance(row, VlanDevice) and kind == "network":
                found[row.vlan] = name
        if self.site is None:
            return found
        switch = self._vlan_aware()
        for network in self.site.networks.values():
            if switch is not None or network.vlan is not None:
                vlan = switch.vlan(network) if switch is not None else network.vlan
                found[int(vlan or 0)] = network.name
        return found

    def _vlan_aware(self) -> VlanAware | None:
        filtering = any(bridge.vlan_filtering for bridge in self.bridges.values())
        if self.site is None or self.host not in self.site.hosts or not filtering:
            return None
        return VlanAware(Ground(self.site, self.site.hosts[self.host], Capabilities(), Seats.TAP))


def owned(row: Row) -> tuple[str, str]:
    """Return the kind and name of the object of the site that *row* was made for.

    >>> from trunkline.state import Namespace
    >>> owned(Namespace("vm1", "lab/vm/vm1"))
    ('vm', 'vm1')
    """
    parts = (owner(row) or "").split("/")
    return (parts[1], parts[2]) if len(parts) > 2 else ("", "")


def mac(row: Device, name: str) -> str | None:
    if isinstance(row, Veth):
        return _end(row, name).mac
    return row.mac


def is_up(row: Device, name: str) -> bool | None:
    return _end(row, name).up if isinstance(row, Veth) else row.up


def _end(row: Veth, name: str) -> VethEnd:
    return row.first if (row.first.namespace, row.first.name) == (ROOT, name) else row.second


def _other_end(row: Veth, name: str) -> VethEnd:
    return row.second if _end(row, name) is row.first else row.first
