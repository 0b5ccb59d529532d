"""Operations that make or change rows become messages and actions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from trunkline import sysctls
from trunkline.errors import InternalError, KernelError
from trunkline.kernel import marks, refusals, shape
from trunkline.kernel.indexes import LOOPBACK, Indexes
from trunkline.kernel.netlink import address, bridge_vlan, link, neighbour, route
from trunkline.kernel.program import (
    AttachVlan,
    MakeTap,
    Program,
    ReplaceTable,
    Stage,
    WriteParameter,
)
from trunkline.kernel.shape import NEW, Shape, changed
from trunkline.operation import Operation
from trunkline.state import (
    UPLINK_COST,
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Ipv6,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VlanDevice,
    VlanMethod,
    device_names,
)

Numbered = tuple[int, Operation]
"""An operation and its number in the plan, which its messages carry as sequence number."""

_LEAST_MTU = 68
"""ETH_MIN_MTU."""
_LARGEST_MTU = 65535
"""ETH_MAX_MTU, a bridge's."""
_PLAIN_COST = 100
"""The path cost of a port whose speed the kernel does not know (port_cost)."""


class Creation:
    """Compiles one run of operations that make and change rows."""

    def __init__(
        self,
        indexes: Indexes,
        descriptor: Callable[[str], int],
        *,
        has_ipv6: bool = True,
        ipv6_is_off: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """*descriptor* opens a namespace; *ipv6_is_off*: new devices there are without it."""
        self._indexes = indexes
        self._descriptor = descriptor
        self._has_ipv6 = has_ipv6
        self._ipv6_is_off = ipv6_is_off
        self._program = Program()

    def compile(self, operations: Iterable[Numbered]) -> Program:
        operations = list(operations)
        for _, operation in operations:
            if operation.before is None:
                self._number(operation.row)
        for seq, operation in operations:
            assert operation.after is not None, "a removal is not compiled here"
            try:
                self._compile(seq, operation.before, operation.after)
            except KernelError as error:
                raise refusals.of(operation, error) from error
        return self._program

    def _number(self, row: Row) -> None:
        """Give the devices that *row* will be their ifindexes, before anything refers to them."""
        if not isinstance(row, Bridge | VlanDevice | Tap | Veth):
            return
        for namespace, name in device_names(row):
            self._indexes.new(namespace, name, bridge=isinstance(row, Bridge))
        if isinstance(row, VlanDevice) and row.method is VlanMethod.EBPF:
            self._indexes.new(row.namespace, marks.idle_name(row.name))

    def _compile(self, seq: int, before: Row | None, after: Row) -> None:
        if before is not None and type(before) is not type(after):
            raise InternalError(f"{type(before).__name__} cannot become {type(after).__name__}")
        match after:
            case Namespace():
                if before is not None:  # a new one is marked as soon as it is there
                    self._send(Stage.CHANGES, after.name, mark_namespace(seq, after))
            case Nic():
                self._nic(seq, before, after)
            case Bridge():
                self._bridge(seq, before, after)
            case VlanDevice():
                self._vlan(seq, before, after)
            case Tap():
                self._tap(seq, before, after)
            case Veth():
                self._veth(seq, before, after)
            case BridgePort():
                self._port(seq, before, after)
            case PortVlan():
                self._port_vlan(seq, after)
            case FdbEntry():
                entry = neighbour.Held(
                    self._of(after.namespace, after.port), after.mac, after.vlan
                )
                self._send(Stage.FDB, after.namespace, neighbour.add(seq, entry))
            case Address():
                index = self._of(after.namespace, after.device)
                self._send(
                    Stage.ADDRESSES, after.namespace, address.add(seq, index, after.address)
                )
            case Route():
                self._route(seq, before, after)
            case Sysctl():
                stage = Stage.PARAMETERS if sysctls.device(after.name) is None else Stage.QUIET
                action = WriteParameter(after.namespace, after.name, after.value)
                self._program.do(stage, seq, action)
            case NftTable():
                # A netdev chain names a device, so that has to be there first.
                late = after.family == "netdev"
                stage = Stage.DEVICE_TABLES if late else Stage.TABLES
                self._program.do(stage, seq, ReplaceTable(after))
            case _:
                assert_never(after)

    def _send(self, stage: Stage, namespace: str, *messages: bytes) -> None:
        self._program.send(stage, namespace, *messages)

    def _of(self, namespace: str, name: str) -> int:
        return self._indexes.of(namespace, name)

    # --- devices -----------------------------------------------------------------------------

    def _nic(self, seq: int, before: Row | None, after: Nic) -> None:
        old = before if isinstance(before, Nic) else Nic(after.namespace, after.name)
        index = self._of(after.namespace, after.name)
        mac, mtu, up = (
            changed(old.mac, after.mac),
            changed(old.mtu, after.mtu),
            changed(old.up, after.up),
        )
        parts = [] if mac is None else [link.mac(mac)]
        parts += [] if mtu is None else [link.mtu(mtu)]
        if parts:
            self._send(Stage.NICS, after.namespace, link.change(seq, index, *parts))
        if up is not None:
            self._send(Stage.UP, after.namespace, link.set_up(seq, index, up=up))

    def _bridge(self, seq: int, before: Row | None, after: Bridge) -> None:
        old = before if isinstance(before, Bridge) else None
        index = self._of(after.namespace, after.name)
        was, new = shape.of(old), shape.of(after)
        if old is None:
            self._new_bridge(seq, index, after, new)
        else:
            settings = self._settings(seq, index, was, new, shape.hardware(was, new))
            data = _bridge_changes(old, after)
            kind = link.change_kind(seq, index, "bridge", data) if data else b""
            self._send(Stage.BRIDGES, after.namespace, settings, kind)
        self._ipv6(seq, after.namespace, after.name, was, new)
        self._up(Stage.UP, seq, after.namespace, index, was, new)

    def _new_bridge(self, seq: int, index: int, row: Bridge, new: Shape) -> None:
        parts = [] if row.mac is None else [link.mac(row.mac)]
        if row.mtu is not None:
            # A bridge takes its ports' lowest MTU until somebody *changes* its own (br_change_mtu
            # is not called for the value it has), so it starts one octet off.
            parts.append(link.mtu(row.mtu + 1 if row.mtu < _LARGEST_MTU else row.mtu - 1))
        data = link.bridge_data(
            stp=row.stp,
            ageing=row.ageing,
            snooping=False,
            nf_call=row.nf_call,
            # Kernels that cannot filter VLANs refuse the attribute, whatever its value.
            vlan_filtering=True if row.vlan_filtering else None,
            default_pvid=row.default_pvid,
        )
        create = link.create(seq, index, row.name, "bridge", *parts, data=data)
        mtu = [] if row.mtu is None else [link.mtu(row.mtu)]
        settings = self._settings(seq, index, NEW, new, mtu)
        self._send(Stage.BRIDGES, row.namespace, create, settings)
        if row.snooping:
            on = link.change_kind(seq, index, "bridge", link.bridge_data(snooping=True))
            self._send(Stage.SNOOPING, row.namespace, on)

    def _tap(self, seq: int, before: Row | None, after: Tap) -> None:
        old = before if isinstance(before, Tap) else None
        index = self._of(after.namespace, after.name)
        was, new = shape.of(old), shape.of(after)
        settings = self._settings(seq, index, was, new, shape.hardware(was, new))
        if old is None:
            action = MakeTap(after.namespace, after.name, index, settings)
            self._program.do(Stage.TAPS, seq, action)
        else:
            self._send(Stage.CHANGES, after.namespace, settings)
        self._ipv6(seq, after.namespace, after.name, was, new)
        self._up(Stage.UP, seq, after.namespace, index, was, new)

    def _veth(self, seq: int, before: Row | None, after: Veth) -> None:
        old = before if isinstance(before, Veth) else None
        (first, second), was, new = after.ends, shape.ends_of(old), shape.ends_of(after)
        near, far = (self._of(end.namespace, end.name) for end in after.ends)
        settings = [
            self._settings(seq, index, *both, shape.hardware(*both) if old else [])
            for index, both in ((near, (was[0], new[0])), (far, (was[1], new[1])))
        ]
        if old is None:
            away = first.namespace != second.namespace
            home = link.namespace(self._descriptor(second.namespace)) if away else b""
            there = shape.born(new[1]) + home
            create = link.create_veth(
                seq, near, first.name, shape.born(new[0]), far, second.name, there
            )
            self._send(Stage.PAIRS, first.namespace, create, settings[0])
        else:
            self._send(Stage.CHANGES, first.namespace, settings[0])
        self._send(Stage.FAR_ENDS, second.namespace, settings[1])
        self._ipv6(seq, first.namespace, first.name, was[0], new[0])
        self._ipv6(seq, second.namespace, second.name, was[1], new[1])
        self._up(Stage.UP, seq, first.namespace, near, was[0], new[0])
        self._up(Stage.FAR_UP, seq, second.namespace, far, was[1], new[1])

    def _vlan(self, seq: int, before: Row | None, after: VlanDevice) -> None:
        old = before if isinstance(before, VlanDevice) else None
        index = self._of(after.namespace, after.name)
        was, new = shape.of(old), shape.of(after)
        hardware = shape.hardware(was, new) if old else []
        settings = self._settings(seq, index, was, new, hardware)
        if old is not None:
            self._send(Stage.CHANGES, after.namespace, settings)
            self._mark_idle(seq, old, after)
        elif after.method is VlanMethod.EBPF:
            self._new_ebpf_vlan(seq, index, after, settings)
        else:
            parent = self._of(after.namespace, after.parent)
            create = link.create_vlan(seq, index, after.name, parent, after.vlan, shape.born(new))
            self._send(Stage.VLANS, after.namespace, create, settings)
        self._ipv6(seq, after.namespace, after.name, was, new)
        self._up(Stage.VLANS_UP, seq, after.namespace, index, was, new)
        if old is not None and after.method is VlanMethod.EBPF and new.up and not was.up:
            # Either end may be the one that is down; without its idle end there is no carrier.
            idle = self._of(after.namespace, marks.idle_name(after.name))
            self._send(Stage.VLANS_UP, after.namespace, link.set_up(seq, idle, up=True))

    def _new_ebpf_vlan(self, seq: int, index: int, row: VlanDevice, settings: bytes) -> None:
        name = marks.idle_name(row.name)
        idle = self._of(row.namespace, name)
        # Below 1280 octets there is no IPv6: the idle end may never send into the bridge.
        quiet = link.mtu(_LEAST_MTU)
        born = shape.born(shape.of(row))
        pair = link.create_veth(seq, index, row.name, born, idle, name, quiet)
        mark = link.change(seq, idle, link.alias(marks.idle_alias(row.owner)))
        # Without its idle end up the device would have no carrier.
        up = link.set_up(seq, idle, up=True)
        self._send(Stage.PAIRS, row.namespace, pair, settings, mark, up)
        parent = self._of(row.namespace, row.parent)
        self._program.do(Stage.EBPF, seq, AttachVlan(row.namespace, index, parent, row.vlan))

    def _mark_idle(self, seq: int, old: VlanDevice, new: VlanDevice) -> None:
        if new.method is VlanMethod.EBPF and old.owner != new.owner:
            idle = self._of(new.namespace, marks.idle_name(new.name))
            alias = link.alias(marks.idle_alias(new.owner))
            self._send(Stage.CHANGES, new.namespace, link.change(seq, idle, alias))

    # --- what devices have in common -----------------------------------------------------------

    def _settings(
        self, seq: int, index: int, old: Shape, new: Shape, hardware: list[bytes]
    ) -> bytes:
        """Return the message that marks a new device, or sets what is new on an old one."""
        parts = shape.alias(old, new) + hardware
        if self._has_ipv6:
            parts += shape.generation(old, new)
        return link.change(seq, index, *parts) if parts else b""

    def _ipv6(self, seq: int, namespace: str, name: str, old: Shape, new: Shape) -> None:
        """Switch IPv6 off or on; there is no netlink request for it."""
        if not self._has_ipv6 or shape.is_narrow(new):
            return
        was_off = self._ipv6_is_off(namespace) if old.ipv6 is None else old.ipv6 is Ipv6.OFF
        is_off = new.ipv6 is Ipv6.OFF
        if was_off is not is_off:
            parameter = f"net/ipv6/conf/{name}/disable_ipv6"
            action = WriteParameter(namespace, parameter, str(int(is_off)))
            self._program.do(Stage.QUIET, seq, action)

    def _up(
        self, stage: Stage, seq: int, namespace: str, index: int, old: Shape, new: Shape
    ) -> None:
        if old.up is not new.up:
            self._send(stage, namespace, link.set_up(seq, index, up=new.up))

    # --- what is on devices --------------------------------------------------------------------

    def _port(self, seq: int, before: Row | None, after: BridgePort) -> None:
        old = before if isinstance(before, BridgePort) else None
        index = self._of(after.namespace, after.port)
        if old is None or old.bridge != after.bridge:
            bridge = link.master(self._of(after.namespace, after.bridge))
            self._send(Stage.PORTS, after.namespace, link.change(seq, index, bridge))
            old = BridgePort(after.namespace, after.port, after.bridge)  # how the kernel makes it
        data = link.port_data(
            learning=changed(old.learning, after.learning),
            flood=changed(old.flood, after.flood),
            isolated=changed(old.isolated, after.isolated),
            hairpin=changed(old.hairpin, after.hairpin),
            cost=changed(_cost(old), _cost(after)),
        )
        if data:
            self._send(Stage.PORT_FLAGS, after.namespace, link.set_port(seq, index, data))

    def _port_vlan(self, seq: int, row: PortVlan) -> None:
        index = self._of(row.namespace, row.port)
        held = bridge_vlan.Held(index, row.vlan, row.pvid, row.untagged)
        own = self._indexes.is_bridge(row.namespace, row.port)
        self._send(Stage.PORT_VLANS, row.namespace, bridge_vlan.add(seq, held, on_bridge=own))

    def _route(self, seq: int, before: Row | None, after: Route) -> None:
        held = held_route(self._indexes, after)
        request = route.add(seq, held) if before is None else route.replace(seq, held)
        stage = Stage.ROUTES if after.gateway is None else Stage.GATEWAY_ROUTES
        self._send(stage, after.namespace, request)


def mark_namespace(seq: int, row: Namespace) -> bytes:
    """Return the message that makes a namespace ours: an alias of its loopback device."""
    owner = row.owner if row.marked else None
    return link.change(seq, LOOPBACK, link.alias(marks.alias(owner)))


def held_route(indexes: Indexes, row: Route) -> route.Held:
    index = 0 if row.device is None else indexes.of(row.namespace, row.device)
    return route.Held(row.destination, row.gateway, index, row.metric, row.protocol)


def _cost(row: BridgePort) -> int:
    return UPLINK_COST if row.uplink else _PLAIN_COST


def _bridge_changes(old: Bridge, new: Bridge) -> bytes:
    return link.bridge_data(
        stp=changed(old.stp, new.stp),
        ageing=changed(old.ageing, new.ageing),
        snooping=changed(old.snooping, new.snooping),
        nf_call=changed(old.nf_call, new.nf_call),
        vlan_filtering=changed(old.vlan_filtering, new.vlan_filtering),
        default_pvid=changed(old.default_pvid, new.default_pvid),
    )
