"""What a kernel takes away with what: the facts behind `FakeKernel`.

`order` knows the same facts from the planner's side; that these two are written down apart is
what lets a test against the fake find a planner that forgot one.
"""

from __future__ import annotations

import ipaddress

from trunkline import sysctls
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Namespace,
    Nic,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VlanDevice,
    device_names,
)


def fixed(row: Row) -> tuple[object, ...]:
    """Return what cannot be changed in place."""
    match row:
        case VlanDevice():
            return (row.parent, row.vlan, row.method)
        case Veth():
            return (row.second.namespace, row.second.name)
        case BridgePort():
            return (row.bridge,)
        case Nic():
            return (row.mac, row.kind)
        case _:
            return ()


def goes_with(row: Row, gone: Row) -> bool:
    """Return whether the kernel takes *row* away with *gone*."""
    match gone:
        case Namespace():
            if isinstance(row, Veth):
                return gone.name in (row.first.namespace, row.second.namespace)
            return not isinstance(row, Namespace) and row.namespace == gone.name
        case BridgePort():
            if not isinstance(row, PortVlan | FdbEntry):
                return False
            return (row.namespace, row.port) == (gone.namespace, gone.port)
        case Nic() | Bridge() | VlanDevice() | Tap() | Veth():
            return any(_needs_device(row, *name) for name in device_names(gone))
        case _:
            return False


def _needs_device(row: Row, namespace: str, name: str) -> bool:
    match row:
        case BridgePort():
            return row.namespace == namespace and name in (row.port, row.bridge)
        case PortVlan() | FdbEntry():
            return (row.namespace, row.port) == (namespace, name)
        case VlanDevice():
            return (row.namespace, row.parent) == (namespace, name)
        case Address() | Route():
            return (row.namespace, row.device) == (namespace, name)
        case Sysctl():
            return (row.namespace, sysctls.device(row.name)) == (namespace, name)
        case _:
            return False


def on_link(gateway: str, address: str) -> bool:
    network = ipaddress.ip_interface(address).network
    ip = ipaddress.ip_address(gateway)
    return ip.version == network.version and ip in network
