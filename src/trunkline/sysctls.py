"""The kernel parameters that Trunkline sets, by name.

A parameter is read only where it is wanted, so whoever takes a namespace or a bridge away and
may have to put it back asks here what there is to remember.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.state import ROOT, Bridge, HostState, Namespace, Row, Sysctl, VlanDevice

FORWARDING_4 = "net/ipv4/ip_forward"
FORWARDING_6 = "net/ipv6/conf/all/forwarding"
ACCEPT_DAD = "net/ipv6/conf/default/accept_dad"
"""For devices that are made later, so that no address ever waits."""
PROMOTE_SECONDARIES = "net/ipv4/conf/default/promote_secondaries"
"""Without it, removing a subnet's first address removes the others too (net/ipv4/devinet.c)."""


def arp_ignore(device: str) -> str:
    return f"net/ipv4/conf/{device}/arp_ignore"


def accept_ra(device: str) -> str:
    return f"net/ipv6/conf/{device}/accept_ra"


def promote_secondaries(device: str) -> str:
    return f"net/ipv4/conf/{device}/promote_secondaries"


def device(name: str) -> str | None:
    """Return the device that the parameter *name* belongs to.

    >>> device("net/ipv4/conf/eno1.10/arp_ignore"), device(FORWARDING_4), device(ACCEPT_DAD)
    ('eno1.10', None, None)
    """
    match name.split("/"):
        case ["net", _, "conf" | "neigh", owner, _] if owner not in ("all", "default"):
            return owner
        case _:
            return None


def of(state: HostState) -> Iterator[Sysctl]:
    """Yield rows, their values still unknown, for all that Trunkline sets for *state*."""
    for row in state.values():
        for namespace, name in _names(row):
            yield Sysctl(namespace, name, "")


def _names(row: Row) -> Iterator[tuple[str, str]]:
    match row:
        case Namespace():
            for name in (FORWARDING_4, FORWARDING_6, ACCEPT_DAD, PROMOTE_SECONDARIES):
                yield row.name, name
        case Bridge(namespace=space) | VlanDevice(namespace=space) if space == ROOT:
            for each in (arp_ignore, accept_ra, promote_secondaries):
                yield ROOT, each(row.name)
        case _:
            return
