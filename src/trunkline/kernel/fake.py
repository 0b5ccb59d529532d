"""A kernel in memory: the same contract as the real one, its cascades and its refusals.

It holds rows and nothing else. What a kernel fills in by itself (a MAC, an MTU) it makes up, the
same on every run.
"""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Iterable, Sequence

from trunkline import names, sysctls
from trunkline.capabilities import Capabilities
from trunkline.errors import KernelError
from trunkline.kernel.cascade import fixed, goes_with, on_link
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    Device,
    FdbEntry,
    HostState,
    Ipv6,
    Key,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
    device_names,
    devices,
    host_state,
)

STANDARD_MTU = 1500

_SYSCTL_DEFAULTS = {
    sysctls.ACCEPT_DAD: "1",
    **{f"net/bridge/bridge-nf-call-{family}tables": "1" for family in ("ip", "ip6", "arp")},
}


class FakeKernel:
    """Starts with *rows*, which nobody checks, and refuses what a kernel would refuse."""

    def __init__(self, rows: Iterable[Row] = (), capabilities: Capabilities | None = None) -> None:
        self.rows: dict[Key, Row] = host_state(rows)
        self.writes = 0
        """How many operations were carried out."""
        self.missed: list[Operation] = []
        """Removals of rows that were gone already. A kernel takes these; a good plan has none."""
        self._capabilities = capabilities or Capabilities()

    def capabilities(self) -> Capabilities:
        return self._capabilities

    def read(self, wanted: HostState | None = None) -> HostState:
        rows: dict[Key, Row] = dict(self.rows)
        for key, row in self.rows.items():
            if isinstance(row, Sysctl):
                del rows[key]
        for key, row in (wanted or {}).items():
            if isinstance(row, Sysctl) and self._has_parameter(row):
                unset = Sysctl(row.namespace, row.name, _SYSCTL_DEFAULTS.get(row.name, "0"))
                rows[key] = self.rows.get(key, unset)
        return rows

    def apply(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            self._apply(operation)
            self.writes += 1

    def _apply(self, operation: Operation) -> None:
        if isinstance(operation.row, Sysctl):
            self._write(operation)
        elif operation.after is None:
            self._delete(operation)
        elif operation.key in self.rows:
            self._change(operation, operation.after)
        else:
            self._create(operation, operation.after)

    # --- create -------------------------------------------------------------------------------

    def _create(self, operation: Operation, row: Row) -> None:
        if operation.before is not None:
            raise _refused(operation, errno.ENOENT)
        self._check_namespaces(operation, row)
        match row:
            case Nic():
                raise _refused(operation, errno.EOPNOTSUPP)
            case Bridge() | VlanDevice() | Tap() | Veth():
                for name in device_names(row):
                    if self._device(*name) is not None:
                        raise _refused(operation, _taken(row))
                row = self._completed(operation, row)
            case BridgePort():
                self._check_port(operation, row)
            case PortVlan():
                self._check_port_vlan(operation, row)
            case FdbEntry():
                if ("port", row.namespace, row.port) not in self.rows:
                    raise _refused(operation, errno.EOPNOTSUPP)
            case Address():
                self._check_address(operation, row)
            case Route():
                row = self._resolved(operation, row)
            case Namespace() | Sysctl() | NftTable():
                pass
        self.rows[row.key] = row

    def _check_namespaces(self, operation: Operation, row: Row) -> None:
        if isinstance(row, Namespace):
            return
        places = [end.namespace for end in row.ends] if isinstance(row, Veth) else [row.namespace]
        for name in places:
            if name and ("namespace", name) not in self.rows:
                raise _refused(operation, errno.ENOENT)

    def _completed(self, operation: Operation, row: Device) -> Device:
        """Return *row* with what the kernel fills in; refuse what it cannot make."""
        match row:
            case Bridge():
                pvid = 1 if row.default_pvid is None else row.default_pvid
                if not self._capabilities.vlan_filtering:
                    if row.vlan_filtering:
                        raise _refused(operation, errno.EOPNOTSUPP)
                    row = dataclasses.replace(row, default_pvid=None)
                else:
                    row = dataclasses.replace(row, default_pvid=pvid)
            case VlanDevice():
                return self._completed_vlan(operation, row)
            case Veth():
                first, second = _with_mac(row.first), _with_mac(row.second)
                return dataclasses.replace(
                    row, first=first, second=second, mtu=row.mtu or STANDARD_MTU
                )
            case Nic() | Tap():
                pass
        if isinstance(row, Nic):
            return row
        mac = row.mac or names.mac("fake", row.namespace, row.name)
        return dataclasses.replace(row, mac=mac, mtu=row.mtu or STANDARD_MTU)

    def _completed_vlan(self, operation: Operation, row: VlanDevice) -> VlanDevice:
        parent = self._device(row.namespace, row.parent)
        if parent is None:
            raise _refused(operation, errno.ENODEV)
        able = (
            self._capabilities.vlan_devices
            if row.method is VlanMethod.KERNEL
            else self._capabilities.ebpf_vlan
        )
        if not able:
            raise _refused(operation, errno.EOPNOTSUPP)
        if any(
            (other.namespace, other.parent, other.vlan) == (row.namespace, row.parent, row.vlan)
            for other in self.rows.values()
            if isinstance(other, VlanDevice)
        ):
            raise _refused(operation, errno.EEXIST)
        wide = parent.mtu or STANDARD_MTU
        if row.mtu is not None and row.mtu > wide:
            raise _refused(operation, errno.EINVAL)  # ERANGE is for changing it
        if row.up and row.method is VlanMethod.KERNEL and not _is_up(parent, row.parent):
            raise _refused(operation, errno.ENETDOWN)
        mac = row.mac or names.mac("fake", row.namespace, row.parent)
        return dataclasses.replace(row, mac=mac, mtu=row.mtu or wide)

    def _check_port(self, operation: Operation, row: BridgePort) -> None:
        if self._device(row.namespace, row.port) is None:
            raise _refused(operation, errno.ENODEV)
        if not isinstance(self._device(row.namespace, row.bridge), Bridge):
            raise _refused(operation, errno.ENODEV)
        if isinstance(self._device(row.namespace, row.port), Bridge):
            raise _refused(operation, errno.ELOOP)

    def _check_port_vlan(self, operation: Operation, row: PortVlan) -> None:
        is_port = ("port", row.namespace, row.port) in self.rows
        if not is_port and not isinstance(self._device(row.namespace, row.port), Bridge):
            raise _refused(operation, errno.EOPNOTSUPP)
        if not self._capabilities.vlan_filtering:
            raise _refused(operation, errno.EOPNOTSUPP)
        if row.pvid:
            self._clear_pvid(row)

    def _clear_pvid(self, row: PortVlan) -> None:
        """Take the PVID from the other VLANs of a port: it has only one."""
        place = (row.namespace, row.port)
        for key, other in self.rows.items():
            if isinstance(other, PortVlan) and (other.namespace, other.port) == place:
                self.rows[key] = dataclasses.replace(other, pvid=other.pvid and key == row.key)

    def _check_address(self, operation: Operation, row: Address) -> None:
        device = self._device(row.namespace, row.device)
        if device is None:
            raise _refused(operation, errno.ENODEV)
        if ":" in row.address and isinstance(device, Bridge) and device.ipv6 is Ipv6.OFF:
            raise _refused(operation, errno.EACCES)

    def _resolved(self, operation: Operation, row: Route) -> Route:
        """Return *row* with its device; the kernel finds it by the gateway."""
        if row.device is not None:
            if self._device(row.namespace, row.device) is None:
                raise _refused(operation, errno.ENODEV)
            return row
        for other in self.rows.values():
            if not isinstance(other, Address) or other.namespace != row.namespace:
                continue
            if row.gateway is not None and on_link(row.gateway, other.address):
                return dataclasses.replace(row, device=other.device)
        raise _refused(operation, errno.ENETUNREACH)

    # --- change -------------------------------------------------------------------------------

    def _change(self, operation: Operation, row: Row) -> None:
        seen = self.rows[operation.key]
        if operation.before is None:
            raise _refused(operation, _taken(row))
        if type(seen) is not type(row) or fixed(seen) != fixed(row):
            raise _refused(operation, errno.EOPNOTSUPP)
        match row:
            case Bridge():
                self._change_bridge(operation, seen, row)
            case PortVlan() if row.pvid:
                self._clear_pvid(row)
            case VlanDevice():
                parent = self._device(row.namespace, row.parent)
                if parent is not None and (row.mtu or 0) > (parent.mtu or STANDARD_MTU):
                    raise _refused(operation, errno.ERANGE)
            case _:
                pass
        self.rows[row.key] = row
        if isinstance(row, Nic | Bridge | Tap | Veth | VlanDevice):
            self._drag_children(row)

    def _change_bridge(self, operation: Operation, seen: Row, row: Bridge) -> None:
        if not self._capabilities.vlan_filtering and row.vlan_filtering:
            raise _refused(operation, errno.EOPNOTSUPP)
        if row.ipv6 is Ipv6.OFF:
            self._forget(
                key
                for key, other in self.rows.items()
                if isinstance(other, Address)
                and (other.namespace, other.device) == (row.namespace, row.name)
                and ":" in other.address
            )
        if isinstance(seen, Bridge) and seen.default_pvid != row.default_pvid:
            ports = {row.name, *(port.port for port in self._ports(row))}
            self._forget(
                key
                for key, other in self.rows.items()
                if isinstance(other, PortVlan)
                and other.pvid
                and (other.namespace, other.vlan) == (row.namespace, seen.default_pvid)
                and other.port in ports
            )

    def _drag_children(self, parent: Device) -> None:
        """Narrow the VLAN devices of a parent that became narrower (P-56)."""
        wide = parent.mtu or STANDARD_MTU
        places = device_names(parent)
        for key, row in self.rows.items():
            if not isinstance(row, VlanDevice) or (row.namespace, row.parent) not in places:
                continue
            self.rows[key] = dataclasses.replace(row, mtu=min(row.mtu or wide, wide))

    def _write(self, operation: Operation) -> None:
        if operation.after is None:
            return  # a parameter cannot be removed; it goes with its namespace or device
        row = operation.after
        if not isinstance(row, Sysctl) or not self._has_parameter(row):
            raise _refused(operation, errno.ENOENT)
        self.rows[row.key] = row

    # --- delete -------------------------------------------------------------------------------

    def _delete(self, operation: Operation) -> None:
        row = self.rows.get(operation.key)
        if row is None:
            self.missed.append(operation)
            return
        if isinstance(row, Nic) and row.owner is None:
            raise _refused(operation, errno.EOPNOTSUPP)
        self._forget([row.key])
        if isinstance(row, Address) and ":" not in row.address:
            self._disable_ip(row)

    def _disable_ip(self, gone: Address) -> None:
        """Drop the routes of a device that has lost its last IPv4 address (P-18)."""
        place = (gone.namespace, gone.device)
        here = [
            row
            for row in self.rows.values()
            if isinstance(row, Address | Route) and (row.namespace, row.device) == place
        ]
        if not any(isinstance(row, Address) and ":" not in row.address for row in here):
            self._forget(
                row.key for row in here if isinstance(row, Route) and ":" not in row.destination
            )

    def _forget(self, keys: Iterable[Key]) -> None:
        """Remove rows with all that stands on them."""
        waiting = list(keys)
        while waiting:
            row = self.rows.pop(waiting.pop(), None)
            if row is not None:
                waiting += [key for key, other in self.rows.items() if goes_with(other, row)]

    # --- look ---------------------------------------------------------------------------------

    def _device(self, namespace: str, name: str) -> Device | None:
        row = self.rows.get(("link", namespace, name))
        if isinstance(row, Device):
            return row
        wanted = (namespace, name)
        return next((row for row in devices(self.rows) if wanted in device_names(row)), None)

    def _ports(self, bridge: Bridge) -> list[BridgePort]:
        place = (bridge.namespace, bridge.name)
        return [
            row
            for row in self.rows.values()
            if isinstance(row, BridgePort) and (row.namespace, row.bridge) == place
        ]

    def _has_parameter(self, row: Sysctl) -> bool:
        if row.namespace and ("namespace", row.namespace) not in self.rows:
            return False
        device = sysctls.device(row.name)
        return device is None or self._device(row.namespace, device) is not None


def _refused(operation: Operation, number: int) -> KernelError:
    return KernelError(operation.describe(), number, os.strerror(number))


def _taken(row: Row) -> int:
    # A tap is made by an ioctl, which has its own word for it.
    return errno.EBUSY if isinstance(row, Tap) else errno.EEXIST


def _is_up(device: Device, name: str) -> bool:
    if isinstance(device, Veth):
        return any(end.up for end in device.ends if end.name == name)
    return bool(device.up)


def _with_mac(end: VethEnd) -> VethEnd:
    mac = end.mac or names.mac("fake", end.namespace, end.name)
    return dataclasses.replace(end, mac=mac)
