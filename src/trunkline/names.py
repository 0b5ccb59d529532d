"""The names that the kernel sees: derived from the site, deterministic, never over 15 characters.

The seed's names (`brvlan-10`, `eno16777736.10`) come out wherever they fit; a longer name keeps
its readable start and ends in a hash of the whole, so two long names never become one.
"""

from __future__ import annotations

import hashlib
import re

from trunkline.intent import Machine, Network
from trunkline.values import IFNAME_MAX, InterfaceName, MacAddress

VLAN_AWARE_BRIDGE = InterfaceName("brtrunk")
"""The one bridge of a host with `switching: vlan-aware`."""


_DIGITS = re.compile(r"(\d+)")


def fitted(text: str, tail: str = "") -> InterfaceName:
    """Return *text* + *tail* as an interface name, shortened with a hash where it is too long.

    >>> fitted("eno16777736", ".10"), fitted("eno16777736", ".4094")
    ('eno16777736.10', 'eno16~39a9.4094')
    """
    whole = text + tail
    if len(whole.encode()) <= IFNAME_MAX and whole.isascii():
        return InterfaceName(whole)
    mark = "~" + hashlib.sha256(whole.encode()).hexdigest()[:4]
    stem = text.encode("ascii", "ignore").decode()
    return InterfaceName(stem[: IFNAME_MAX - len(mark) - len(tail)] + mark + tail)


def bridge(network: Network) -> InterfaceName:
    """Return the name of *network*'s own bridge (`switching: bridge-per-network`)."""
    if network.bridge is not None:
        return network.bridge
    return fitted(f"brvlan-{network.vlan}" if network.vlan else f"br-{network.name}")


def tag_table(site: str) -> str:
    """Return the nft table in which a host says what tags its bridge ports may send."""
    return f"trunkline_{site}"


def vlan_device(parent: str, vlan: int) -> InterfaceName:
    return fitted(parent, f".{vlan}")


def machine_port(machine: Machine, index: int) -> InterfaceName:
    """Return the host's end (tap or veth) of *machine*'s port number *index*."""
    return machine.ports[index].device or fitted(machine.name, f"-{index}")


def machine_nic(index: int) -> InterfaceName:
    """Return the machine's own end of its port number *index*."""
    return InterfaceName(f"eth{index}")


def router_leg(router: str, network: str) -> InterfaceName:
    """Return the host's end of *router*'s leg in *network*; the router's end is `leg_nic`."""
    return fitted(f"{router}-{network}")


def leg_nic(network: str) -> InterfaceName:
    return fitted(network)


def mac(*path: str) -> MacAddress:
    """Return a locally administered unicast MAC that depends on *path* alone.

    Its first octet is fe, as libvirt's taps have it: no such port ever has the lowest MAC of a
    bridge, which a bridge without an explicit MAC would take over (P-01, P-02).
    """
    digest = hashlib.sha256("/".join(path).encode()).digest()
    return MacAddress(":".join(f"{octet:02x}" for octet in (0xFE, *digest[:5])))


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key under which numbers inside a name count as numbers.

    >>> sorted(["br10", "br9", "br9.5"], key=natural)
    ['br9', 'br9.5', 'br10']
    """
    pieces = _DIGITS.split(text)
    return (*((0, int(p)) if p.isdecimal() and p.isascii() else (1, p) for p in pieces), (2, text))
