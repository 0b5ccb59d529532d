"""Which MAC and bridge id a bridge has, after anything that was done to it.

A bridge has three things that people take for one: the MAC of its device, the MAC inside its
bridge id (802.1D, what spanning tree compares), and how the first was assigned. As long as nobody
sets the MAC, the kernel takes the lowest of its ports and chooses again whenever a port joins,
leaves or changes (br_stp_recalculate_bridge_id). The functions here say what it will choose.
"""

from __future__ import annotations

import dataclasses
import enum
import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

from trunkline.errors import KernelError
from trunkline.values import MacAddress

ZERO = "00:00:00:00:00:00"
"""What an automatic bridge has after its last port left, and every bridge id until it is set."""

PRIORITY = 0x8000
"""The upper two octets of a bridge id: 32768 unless somebody sets another one."""


class Assigned(enum.IntEnum):
    """How a device came by its MAC: addr_assign_type (include/uapi/linux/netdevice.h)."""

    PERMANENT = 0
    RANDOM = 1
    """Of a bridge: nobody set it, so it follows the ports."""
    STOLEN = 2
    SET = 3


@dataclass(frozen=True, slots=True)
class BridgeIdentity:
    """One bridge as the kernel holds it; each method returns what it is after an operation."""

    mac: str
    """Lower case with colons; may be ZERO."""
    id_mac: str
    """The MAC inside the bridge id."""
    assigned: Assigned
    ports: Mapping[str, str] = field(default_factory=dict)
    """The MAC of each port by its name."""
    priority: int = PRIORITY

    @property
    def bridge_id(self) -> str:
        """Return the bridge id as sysfs and `brctl show` write it."""
        return f"{self.priority:04x}.{self.id_mac.replace(':', '')}"

    @property
    def follows_ports(self) -> bool:
        return self.assigned is not Assigned.SET

    @property
    def lenders(self) -> tuple[str, ...]:
        """Return the ports whose MAC is the lowest: the bridge has theirs where it follows."""
        least = lowest(self.ports)
        return tuple(name for name, mac in self.ports.items() if mac == least)

    def attach(self, port: str, mac: str) -> BridgeIdentity:
        """Return it with *port*; a device that is a port already stays as it is."""
        return self if port in self.ports else self._with({**self.ports, port: mac})

    def detach(self, port: str) -> BridgeIdentity:
        """Return it without *port*; that is also what the deletion of the device does."""
        return self._with({name: mac for name, mac in self.ports.items() if name != port})

    def set_port_mac(self, port: str, mac: str) -> BridgeIdentity:
        """Return it after *port* got another MAC; what is no port has no say."""
        checked(mac)
        return self._with({**self.ports, port: mac}) if port in self.ports else self

    def set_mac(self, mac: str) -> BridgeIdentity:
        """Return it after somebody set its MAC: from then on it follows no port.

        The kernel looks at an address only where it differs from the one the device has
        (dev_set_mac_address, br_set_mac_address). So the same one again pins it but leaves the
        bridge id as it was, and a bridge without a MAC can even be pinned to that.
        """
        if mac == self.mac:
            return dataclasses.replace(self, assigned=Assigned.SET)
        checked(mac)
        return dataclasses.replace(self, mac=mac, id_mac=mac, assigned=Assigned.SET)

    def set_priority(self, priority: int) -> BridgeIdentity:
        return dataclasses.replace(self, priority=priority)

    def _with(self, ports: Mapping[str, str]) -> BridgeIdentity:
        """Choose again (br_stp_recalculate_bridge_id).

        The kernel compares its choice with the bridge id, not with the device's MAC: so the
        random MAC of a new bridge stays until the first port comes, and never comes back.
        """
        after = dataclasses.replace(self, ports=ports)
        choice = lowest(ports)
        if not self.follows_ports or choice == self.id_mac:
            return after
        return dataclasses.replace(after, mac=choice, id_mac=choice)


def created(mac: str) -> BridgeIdentity:
    """Return a bridge that was made with an address (`ip link add address MAC type bridge`)."""
    return BridgeIdentity(checked(mac), mac, Assigned.SET)


def created_without(mac: str) -> BridgeIdentity:
    """Return a bridge that was made without an address, for which the kernel drew *mac*."""
    return BridgeIdentity(checked(mac), ZERO, Assigned.RANDOM)


def lowest(ports: Mapping[str, str]) -> str:
    """Return the lowest MAC, octet by octet as memcmp(3) does; without ports it is ZERO.

    >>> lowest({"a": "de:ee:ff:8d:0c:50", "b": "92:a2:23:d5:88:56"})
    '92:a2:23:d5:88:56'
    """
    return min(ports.values(), default=ZERO)  # all of one case and length: text sorts as octets


def checked(mac: str) -> str:
    """Return *mac*, or raise what the kernel answers to one that no device can have."""
    try:
        return MacAddress(mac)
    except ValueError as error:
        raise KernelError(
            f"address {mac}",
            errno.EADDRNOTAVAIL,
            "Cannot assign requested address",
            hint=str(error),
        ) from error
