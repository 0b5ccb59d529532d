"""Operations that take rows away become messages and actions. Pure.

What goes with its device or namespace is not asked for by itself: the kernel takes it along, and
each port that is taken out of a bridge alone costs an RCU grace period.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from trunkline.kernel import marks
from trunkline.kernel.creation import Numbered, held_route
from trunkline.kernel.indexes import Indexes
from trunkline.kernel.netlink import address, bridge_vlan, link, neighbour, route
from trunkline.kernel.program import DeleteLink, DeleteTable, DetachVlan, Program, Stage
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    Device,
    FdbEntry,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Route,
    Row,
    Tap,
    Veth,
    VlanDevice,
    VlanMethod,
    device_names,
)


def _is_torn(row: Row) -> TypeGuard[Nic]:
    """Return whether *row* is what is left of a pair of ours."""
    return isinstance(row, Nic) and row.owner is not None


class Removal:
    """Compiles one run of operations that take rows away."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._program = Program()
        self._namespaces: set[str] = set()
        self._devices: set[tuple[str, str]] = set()

    def compile(self, operations: Iterable[Numbered]) -> Program:
        rows = [(seq, operation.row) for seq, operation in operations]
        for _, row in rows:
            if isinstance(row, Namespace):
                self._namespaces.add(row.name)
            elif isinstance(row, Bridge | VlanDevice | Tap | Veth) or _is_torn(row):
                self._devices.update(device_names(row))
        for seq, row in rows:
            self._compile(seq, row)
        return self._program

    def _compile(self, seq: int, row: Row) -> None:
        match row:
            case Bridge() | VlanDevice() | Tap() | Veth():
                self._device(seq, row)
            case Nic() if _is_torn(row):
                self._device(seq, row)
            case BridgePort():
                index = self._surviving(row.namespace, row.port)
                if index is not None:
                    out = link.change(seq, index, link.master(0))
                    self._program.send(Stage.PORTS, row.namespace, out)
            case PortVlan():
                index = self._surviving(row.namespace, row.port)
                if index is not None:
                    held = bridge_vlan.Held(index, row.vlan, row.pvid, row.untagged)
                    own = self._indexes.is_bridge(row.namespace, row.port)
                    request = bridge_vlan.delete(seq, held, on_bridge=own)
                    self._program.send(Stage.PORT_VLANS, row.namespace, request)
            case FdbEntry():
                index = self._surviving(row.namespace, row.port)
                if index is not None:
                    entry = neighbour.Held(index, row.mac, row.vlan)
                    self._program.send(Stage.FDB, row.namespace, neighbour.delete(seq, entry))
            case Address():
                index = self._surviving(row.namespace, row.device)
                if index is not None:
                    request = address.delete(seq, index, row.address)
                    self._program.send(Stage.ADDRESSES, row.namespace, request)
            case Route():
                self._route(seq, row)
            case NftTable() if row.namespace not in self._namespaces:
                action = DeleteTable(row.namespace, row.family, row.name)
                self._program.do(Stage.TABLES, seq, action)
            case _:
                # Namespaces go last of all (`linux`), with what is in them. A NIC is not ours to
                # take away, and a parameter has no absence: it goes with its device.
                return

    def _surviving(self, namespace: str, name: str) -> int | None:
        """Return the ifindex of a device that stays; None if it goes, or is gone already."""
        if namespace in self._namespaces or (namespace, name) in self._devices:
            return None
        return self._indexes.find(namespace, name)

    def _device(self, seq: int, row: Device) -> None:
        # One end of a pair is enough. Where one of two namespaces stays it must be that end: a
        # namespace is taken apart later than it is deleted, and the next read would still see it.
        staying = [place for place in device_names(row) if place[0] not in self._namespaces]
        found = [(space, self._indexes.find(space, name)) for space, name in staying]
        for namespace, index in found:
            if index is not None:
                if isinstance(row, VlanDevice) and row.method is VlanMethod.EBPF:
                    self._detach(seq, row)
                self._program.do(Stage.LINKS_GONE, seq, DeleteLink(namespace, index))
                break
        for namespace, name in staying:
            self._indexes.drop(namespace, name)

    def _detach(self, seq: int, row: VlanDevice) -> None:
        self._indexes.drop(row.namespace, marks.idle_name(row.name))
        parent = self._indexes.find(row.namespace, row.parent)
        if parent is not None:
            action = DetachVlan(row.namespace, parent, row.vlan)
            self._program.do(Stage.EBPF, seq, action)

    def _route(self, seq: int, row: Route) -> None:
        if row.namespace in self._namespaces:
            return
        if row.device is not None and self._surviving(row.namespace, row.device) is None:
            return
        stage = Stage.ROUTES if row.gateway is None else Stage.GATEWAY_ROUTES
        self._program.send(stage, row.namespace, route.delete(seq, held_route(self._indexes, row)))
