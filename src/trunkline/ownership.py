"""Whose a row is."""

from __future__ import annotations

from trunkline import names
from trunkline.errors import ConflictError
from trunkline.order import Target
from trunkline.state import (
    ROOT,
    ROUTE_PROTOCOL,
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    HostState,
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
    device_names,
)

_MACHINES = ("tun", "macvtap")
"""Kinds of devices behind which a hypervisor's machine runs."""


class Ownership:
    """Tells the rows of *site* from others in *observed*."""

    def __init__(self, observed: HostState, desired: HostState, site: str) -> None:
        self._observed = observed
        self._site = site
        self._prefix = f"{site}/"
        self._devices = {
            name: row
            for row in observed.values()
            if isinstance(row, Nic | Bridge | VlanDevice | Tap | Veth)
            for name in device_names(row)
        }
        self._uplinks = {
            (row.namespace, row.name) for row in desired.values() if isinstance(row, Nic)
        }

    def owns(self, row: Row) -> bool:
        """Return whether *row* is this site's, so that it goes when it is no longer desired."""
        match row:
            case Namespace() | Nic() | Bridge() | VlanDevice() | Tap() | Veth():
                return self.mine(row.owner)
            case BridgePort():
                return self._owns_port(row)
            case PortVlan() | FdbEntry():
                return self._owns_on_port(row)
            case Address():
                return not row.dynamic and self.has(row.namespace, row.device)
            case Route():
                return row.protocol == ROUTE_PROTOCOL and self.has(row.namespace, row.device or "")
            case NftTable():
                if row.namespace == ROOT:  # others have tables there too, other sites as well
                    return row.name == names.tag_table(self._site)
                return self._owns_namespace(row.namespace)
            case Sysctl():
                return False

    def mine(self, owner: str | None) -> bool:
        return owner is not None and owner.startswith(self._prefix)

    def device(self, namespace: str, name: str) -> Row | None:
        """Return the row that holds the device name; a veth pair holds two."""
        return self._devices.get((namespace, name))

    def bridge_of(self, namespace: str, port: str) -> str | None:
        """Return the bridge that the device *port* is in."""
        row = self._observed.get(("port", namespace, port))
        return row.bridge if isinstance(row, BridgePort) else None

    def has(self, namespace: str, name: str) -> bool:
        """Return whether the device is this site's."""
        row = self.device(namespace, name)
        return row is not None and self.owns(row)

    def check_guests(self, target: Target) -> None:
        """Raise ConflictError where a bridge would go from under somebody else's machine."""
        for row in self._observed.values():
            if not isinstance(row, BridgePort) or self._owns_port(row):
                continue
            port = self.device(row.namespace, row.port)
            bridge = self.device(row.namespace, row.bridge)
            if not isinstance(port, Nic) or port.kind not in _MACHINES or bridge is None:
                continue
            if bridge.key in target and target[bridge.key] is None:
                raise ConflictError(
                    f"bridge '{row.bridge}' would be destroyed, and '{row.port}' is still in it",
                    hint=f"'{row.port}' is not of site '{self._site}': stop its machine first",
                )

    def _owns_namespace(self, name: str) -> bool:
        row = self._observed.get(("namespace", name))
        return row is not None and self.owns(row)

    def _owns_port(self, row: BridgePort) -> bool:
        """Return whether this site put the port there: a device of its own, or an uplink's NIC."""
        if self.has(row.namespace, row.port):
            return True
        known = row.uplink or (row.namespace, row.port) in self._uplinks
        return known and self.has(row.namespace, row.bridge)

    def _owns_on_port(self, row: PortVlan | FdbEntry) -> bool:
        port = self._observed.get(("port", row.namespace, row.port))
        if isinstance(port, BridgePort):
            return self._owns_port(port)
        return self.has(row.namespace, row.port)


def describe(row: Row) -> str:
    """Return what holds a place, and whose it is, for a message.

    >>> describe(Bridge("", "br0")), describe(Bridge("", "br1", owner="lab/network/red"))
    ('a foreign bridge', "a bridge of 'lab/network/red'")
    """
    kind = "device" if isinstance(row, Nic) else type(row).__name__.lower()
    owned = isinstance(row, Namespace | Nic | Bridge | VlanDevice | Tap | Veth) and row.owner
    return f"a {kind} of '{owned}'" if owned else f"a foreign {kind}"
