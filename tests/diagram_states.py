"""Random host states that a kernel could hold, for the properties of diagrams."""

from __future__ import annotations

from hypothesis import strategies as st

from trunkline.scene import Guest, GuestNic
from trunkline.state import (
    ROOT,
    Address,
    Bridge,
    BridgePort,
    HostState,
    Ipv6,
    Namespace,
    Nic,
    PortVlan,
    Row,
    Tap,
    VethEnd,
    VlanDevice,
    VlanMethod,
    host_state,
    veth,
)

NAMESPACES = (ROOT, "c1", "c2", "c10")
KINDS = ("", "", "bond", "veth", "tun", None)
ADDRESSES = ("10.0.0.1/8", "192.168.100.200/24", "2001:db8::1/64", "fd00::12:3456/64")


class Drawer:
    """Makes one state step by step; *pick* is how hypothesis decides."""

    def __init__(self, pick: st.DrawFn) -> None:
        self.pick = pick
        self.rows: list[Row] = []
        self.devices: list[tuple[str, str]] = []
        self.bridges: list[tuple[str, str]] = []
        self.taps: list[str] = []

    def number(self, most: int) -> int:
        return self.pick(st.integers(0, most))

    def yes(self) -> bool:
        return self.pick(st.booleans())

    def one_namespace(self) -> str:
        return self.pick(st.sampled_from(NAMESPACES))

    def ipv6(self) -> Ipv6:
        return self.pick(st.sampled_from(list(Ipv6)))

    def name(self, stem: str) -> str:
        return f"{stem}{len(self.rows)}"

    def state(self) -> HostState:
        self.rows += [Namespace(name) for name in NAMESPACES[1:] if self.yes()]
        for make in (self.nics, self.bridge_rows, self.tap_rows, self.veths, self.vlan_devices):
            make()
        self.ports()
        self.addresses()
        return host_state(self.rows)

    def nics(self) -> None:
        for _ in range(self.number(4)):
            key = (self.one_namespace(), self.name("eth"))
            kind = self.pick(st.sampled_from(KINDS))
            self.rows.append(Nic(*key, up=self.yes(), kind=kind))
            self.devices.append(key)

    def bridge_rows(self) -> None:
        for _ in range(self.number(4)):
            key = (self.one_namespace(), self.name("br"))
            self.rows.append(Bridge(*key, ipv6=self.ipv6(), vlan_filtering=self.yes()))
            self.bridges.append(key)

    def tap_rows(self) -> None:
        for _ in range(self.number(5)):
            key = (self.one_namespace(), self.name("tap"))
            self.rows.append(Tap(*key, ipv6=self.ipv6()))
            self.devices.append(key)
            if key[0] == ROOT:
                self.taps.append(key[1])

    def veths(self) -> None:
        for _ in range(self.number(7)):
            first = VethEnd(self.one_namespace(), self.name("va"), ipv6=self.ipv6())
            second = VethEnd(self.one_namespace(), self.name("vb"), ipv6=self.ipv6())
            self.rows.append(veth(first, second))
            self.devices += [(e.namespace, e.name) for e in (first, second)]

    def vlan_devices(self) -> None:
        for _ in range(self.number(6)):
            if parents := self.devices + self.bridges:
                parent = self.pick(st.sampled_from(parents))
                key = (parent[0], self.name("vl"))
                method = self.pick(st.sampled_from(VlanMethod))
                vlan = 1 + self.number(4093)
                self.rows.append(VlanDevice(*key, parent[1], vlan, method, ipv6=self.ipv6()))
                self.devices.append(key)

    def ports(self) -> None:
        for namespace, name in self.devices:
            here = [bridge for bridge in self.bridges if bridge[0] == namespace]
            if here and self.number(2):
                bridge = self.pick(st.sampled_from(here))[1]
                self.rows.append(BridgePort(namespace, name, bridge))
                if self.yes():
                    self.rows.append(PortVlan(namespace, name, 7, self.yes(), self.yes()))

    def addresses(self) -> None:
        for key in self.devices + self.bridges:
            for text in self.pick(st.sets(st.sampled_from(ADDRESSES), max_size=2)):
                self.rows.append(Address(*key, text))

    def guests(self) -> tuple[Guest, ...]:
        return tuple(
            Guest(f"vm{n}", (GuestNic(tap, addresses=ADDRESSES[: self.number(2)]),))
            for n, tap in enumerate(self.taps)
            if self.yes()
        )


@st.composite
def hosts(draw: st.DrawFn) -> tuple[HostState, tuple[Guest, ...]]:
    drawer = Drawer(draw)
    return drawer.state(), drawer.guests()
