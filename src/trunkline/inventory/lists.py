"""The five lists. Each record says which host it is from, so that lists of hosts are one list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trunkline.errors import UsageError
from trunkline.intent import Machine, MachineKind, Network, Site
from trunkline.inventory.lookup import MACHINES, Lookup, is_up, mac, owned
from trunkline.inventory.records import Field, Listing, Record
from trunkline.names import natural
from trunkline.state import ROOT, HostState, Namespace, Veth, VlanDevice, device_names


@dataclass(frozen=True)
class _List:
    kind: str
    names: tuple[str, ...]
    fields: tuple[Field, ...]
    records: Callable[[Sequence[Lookup], Site | None], Iterator[Record]]


def listing(kind: str, states: Mapping[str, HostState], site: Site | None = None) -> Listing:
    """Return the list of *kind*, one of KINDS, of all hosts in the order of *states*."""
    if kind not in _LISTS:
        raise UsageError(f"there is no list '{kind}'", hint=f"lists: {', '.join(KINDS)}")
    wanted = _LISTS[kind]
    hosts = [Lookup(host, state, site) for host, state in states.items()]
    records = tuple(wanted.records(hosts, site))
    return Listing(wanted.kind, wanted.fields, records, wanted.names)


def _hosts(hosts: Sequence[Lookup], _: Site | None) -> Iterator[Record]:
    for host in hosts:
        methods = {
            row.method.value for row in host.devices.values() if isinstance(row, VlanDevice)
        }
        holders = {host.holder(port) for port in host.masters} - {("", "")}
        filtering = any(bridge.vlan_filtering for bridge in host.bridges.values())
        uplinks = (name for name in host.devices if host.leads_out(name))
        yield {
            "host": host.host,
            "uplinks": tuple(n for n in uplinks if not isinstance(host.devices[n], VlanDevice)),
            "networks": _unique(n for port in host.masters for n in host.networks(port)),
            "bridges": len(host.bridges),
            "ports": len(host.masters),
            "machines": sum(kind in MACHINES for kind, _ in holders),
            "routers": sum(kind == "router" for kind, _ in holders),
            "switching": "vlan-aware" if filtering else "bridge-per-network",
            "vlan_devices": "+".join(sorted(methods)) or None,
            "addresses": tuple(
                a for name in host.devices for a in host.addresses.get((ROOT, name), ())
            ),
        }


def _networks(hosts: Sequence[Lookup], site: Site | None) -> Iterator[Record]:
    members: dict[str, list[Lookup]] = defaultdict(list)
    bridges: dict[str, list[tuple[Lookup, str]]] = defaultdict(list)
    for host in hosts:
        for port, bridge in host.masters.items():
            for name in host.networks(port):
                members[name].append(host)
                bridges[name].append((host, bridge))
        for bridge in host.bridges:
            if (own := host.network(bridge)) is not None:
                bridges[own].append((host, bridge))
    declared = site.networks if site is not None else {}
    for name in _unique((*declared, *sorted(bridges, key=natural))):
        yield _network(name, declared.get(name), bridges[name], len(members[name]))


def _network(
    name: str, network: Network | None, bridges: Sequence[tuple[Lookup, str]], ports: int
) -> Record:
    subnets = network.subnets if network else ()
    return {
        "network": name,
        "vlan": _tag(network, {h.native[b] for h, b in bridges if b in h.native}),
        "subnets": tuple(str(subnet.cidr) for subnet in subnets),
        "gateways": tuple(str(subnet.gateway) for subnet in subnets if subnet.gateway),
        "hosts": _unique(host.host for host, _ in bridges),
        "bridges": _unique(bridge for _, bridge in bridges),
        "ports": ports,
        "external": network.external if network else None,
        "mtu": network.mtu if network else None,
    }


def _tag(network: Network | None, seen: set[int]) -> int | None:
    """Return the VLAN of a network: as declared, else as its bridges have it."""
    if network is not None:
        return None if network.vlan is None else int(network.vlan)
    return next(iter(seen)) if len(seen) == 1 else None


def _bridges(hosts: Sequence[Lookup], _: Site | None) -> Iterator[Record]:
    for host in hosts:
        for name, row in host.bridges.items():
            plain = None if row.mac is None else row.mac.replace(":", "")
            yield {
                "host": host.host,
                "ifname": name,
                "id": None if plain is None else f"8000.{plain}",
                "network": host.network(name),
                "vlan": host.native.get(name),
                "address": row.mac,
                "mtu": row.mtu,
                "state": _state(row.up),
                "ports": tuple(port for port, bridge in host.masters.items() if bridge == name),
                "vlan_filtering": row.vlan_filtering,
                "stp": row.stp,
                "addresses": host.addresses.get((ROOT, name), ()),
            }


def _ports(hosts: Sequence[Lookup], _: Site | None) -> Iterator[Record]:
    for host in hosts:
        for name in host.devices:
            if name in host.masters or (host.tagged.get(name) and name not in host.bridges):
                yield _port(host, name)


def _port(host: Lookup, name: str) -> Record:
    row = host.devices[name]
    tagged = host.tagged.get(name, ())
    mode = "trunk" if tagged else "uplink" if host.leads_out(name) else "access"
    return {
        "host": host.host,
        "ifname": name,
        "master": host.masters.get(name),
        "networks": host.networks(name),
        "vlan": host.native.get(name),
        "tagged": tagged,
        "mode": mode,
        "machine": host.holder(name)[1] or None,
        "mac": host.inner_mac(name),
        "state": _state(is_up(row, name)),
        "method": row.method.value if isinstance(row, VlanDevice) else None,
        "address": mac(row, name),
        "mtu": row.mtu,
        "owner": "/".join(owned(row)) if any(owned(row)) else None,
    }


def _machines(hosts: Sequence[Lookup], site: Site | None, wanted: MachineKind) -> Iterator[Record]:
    for host in hosts:
        declared = {
            machine.name: machine
            for machine in (site.machines_on(host.host) if site is not None else ())
            if machine.kind is wanted
        }
        ports: dict[str, list[str]] = {name: [] for name in declared}
        for row in host.rows(Namespace):
            kind, name = owned(row)
            if kind == wanted.value:
                ports.setdefault(name, [])
        for port, device in host.devices.items():
            kind, name = host.holder(port)
            if kind == wanted.value and not isinstance(device, VlanDevice):
                ports.setdefault(name, []).append(port)
        for name in sorted(ports, key=natural):
            yield _machine(host, name, ports[name], declared.get(name))


def _machine(host: Lookup, name: str, ports: Sequence[str], machine: Machine | None) -> Record:
    up = all(is_up(host.devices[port], port) for port in ports)
    missing = not ports or (machine is not None and len(machine.ports) > len(ports))
    return {
        "name": name,
        "host": host.host,
        "state": "missing" if missing else _state(up),
        "networks": _unique(n for port in ports for n in host.networks(port)),
        "addresses": _unique(_live(host, ports)) or _unique(_declared(machine)),
        "macs": tuple(m for port in ports if (m := host.inner_mac(port)) is not None),
        "ports": tuple(ports),
    }


def _live(host: Lookup, ports: Sequence[str]) -> Iterator[str]:
    """Yield the addresses that the machine's own ends have; only a namespace's are known."""
    for port in ports:
        row = host.devices[port]
        if isinstance(row, Veth):
            for key in device_names(row):
                yield from host.addresses.get(key, ()) if key[0] != ROOT else ()


def _declared(machine: Machine | None) -> Iterator[str]:
    for port in machine.ports if machine is not None else ():
        for attachment in port.attachments:
            yield from attachment.addresses


def _vms(hosts: Sequence[Lookup], site: Site | None) -> Iterator[Record]:
    return _machines(hosts, site, MachineKind.VM)


def _containers(hosts: Sequence[Lookup], site: Site | None) -> Iterator[Record]:
    return _machines(hosts, site, MachineKind.CONTAINER)


def _state(up: bool | None) -> str | None:
    return None if up is None else "up" if up else "down"


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


_MACHINE_FIELDS = (
    Field("name"),
    Field("host"),
    Field("state"),
    Field("networks", "network"),
    Field("addresses", "address"),
    Field("macs", "mac", wide=True),
    Field("ports", "port"),
)
_LISTS: dict[str, _List] = {
    "hosts": _List(
        "HostList",
        ("host",),
        (
            Field("host"),
            Field("uplinks"),
            Field("networks"),
            Field("bridges"),
            Field("ports"),
            Field("machines"),
            Field("routers"),
            Field("switching", wide=True),
            Field("vlan_devices", "vlan devices"),
            Field("addresses", wide=True),
        ),
        _hosts,
    ),
    "networks": _List(
        "NetworkList",
        ("network",),
        (
            Field("network"),
            Field("vlan"),
            Field("subnets", "subnet"),
            Field("gateways", "gateway", wide=True),
            Field("hosts"),
            Field("bridges", "bridge"),
            Field("ports"),
            Field("external", wide=True),
            Field("mtu", wide=True),
        ),
        _networks,
    ),
    "bridges": _List(
        "BridgeList",
        ("host", "ifname"),
        (
            Field("host"),
            Field("ifname", "bridge"),
            Field("id"),
            Field("network"),
            Field("vlan"),
            Field("address", "mac", wide=True),
            Field("mtu"),
            Field("state"),
            Field("ports"),
            Field("vlan_filtering", "filtering"),
            Field("stp", wide=True),
            Field("addresses", "address", wide=True),
        ),
        _bridges,
    ),
    "ports": _List(
        "PortList",
        ("host", "ifname"),
        (
            Field("host"),
            Field("ifname", "port"),
            Field("master", "bridge"),
            Field("networks", "network"),
            Field("vlan"),
            Field("tagged"),
            Field("mode"),
            Field("machine"),
            Field("mac"),
            Field("state"),
            Field("method", "vlan device"),
            Field("address", "own mac", wide=True),
            Field("mtu", wide=True),
            Field("owner", wide=True),
        ),
        _ports,
    ),
    "vms": _List("VmList", ("host", "name"), _MACHINE_FIELDS, _vms),
    "containers": _List("ContainerList", ("host", "name"), _MACHINE_FIELDS, _containers),
}
KINDS = tuple(_LISTS)
