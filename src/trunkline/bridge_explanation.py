"""Why a bridge has the MAC it has, what would change it, and what to do about that."""

from __future__ import annotations

import enum
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trunkline.bridge_identity import ZERO, BridgeIdentity, lowest
from trunkline.values import MacAddress

WIDTH = 96
LOWER = "a port joins, or gets a MAC, lower than this one"


class Source(enum.Enum):
    """Where a bridge's MAC comes from."""

    SET = "set"
    """When the bridge was made or later; the kernel keeps no record of which."""
    SET_TO_ITS_OWN = "set-to-its-own"
    """Before it had a port, to the MAC it had already: the bridge id did not follow."""
    PORT = "port"
    RANDOM = "random"
    NOTHING = "nothing"
    """It has none."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """What an explanation is made of."""

    name: str
    identity: BridgeIdentity
    owner: str | None = None
    """As in `state`: SITE/OBJECT where Trunkline made it."""
    addresses: Sequence[str] = ()
    """Those of the host on this bridge."""


@dataclass(frozen=True, slots=True)
class Change:
    event: str
    mac: str | None
    """None where it is the newcomer's or the author's own."""
    effect: str


@dataclass(frozen=True, slots=True)
class Explanation:
    source: Source
    why: str
    changes: tuple[Change, ...]
    risk: str
    """Empty where there is none."""
    fix: tuple[str, ...]
    """Commands in their order."""


def explain(bridge: Bridge, spare: MacAddress) -> Explanation:
    """Explain *bridge*; *spare* is a MAC that it can be given where it has no lasting one."""
    match source(bridge.identity):
        case Source.SET:
            return Explanation(Source.SET, _pinned(bridge), (_by_hand(bridge),), "", ())
        case Source.SET_TO_ITS_OWN:
            return _echoed(bridge)
        case Source.PORT:
            return _lent(bridge)
        case Source.RANDOM:
            return _random(bridge, spare)
        case Source.NOTHING:
            return _nothing(bridge, spare)


def source(identity: BridgeIdentity) -> Source:
    if identity.mac == ZERO:
        return Source.NOTHING
    if not identity.follows_ports:
        return Source.SET if identity.mac == identity.id_mac else Source.SET_TO_ITS_OWN
    return Source.PORT if identity.ports else Source.RANDOM


def _pinned(bridge: Bridge) -> str:
    said = (
        "pinned: it was set when the bridge was created or by hand later, and no port changes it"
    )
    if bridge.owner is None:
        return said
    return f"{said}; Trunkline made this bridge for '{bridge.owner}' and pins the MAC of each"


def _by_hand(bridge: Bridge) -> Change:
    return Change(f"`{_set(bridge, 'MAC')}`", None, "that MAC; ports may come and go")


def _echoed(bridge: Bridge) -> Explanation:
    """Set to another MAC first, a bridge takes the old one anew, with its bridge id."""
    mac = bridge.identity.mac
    detour = next(each for each in ("02:00:00:00:00:01", "02:00:00:00:00:02") if each != mac)
    return Explanation(
        Source.SET_TO_ITS_OWN,
        "pinned by hand to the MAC that it had already, before it had a port; the kernel then "
        f"leaves the bridge id alone, so that is {bridge.identity.bridge_id}",
        (_by_hand(bridge),),
        "every bridge that was pinned this way has the same bridge id, and with STP two of them "
        "take each other for themselves",
        (_set(bridge, detour), _set(bridge, mac)),
    )


def _lent(bridge: Bridge) -> Explanation:
    identity = bridge.identity
    return Explanation(
        Source.PORT,
        f"lowest of its ports: {_several(identity.lenders)}; nobody has set one, so it follows",
        tuple(_changes_by_ports(identity)),
        _black_hole(bridge),
        (_set(bridge, identity.mac),),
    )


def _changes_by_ports(identity: BridgeIdentity) -> Iterator[Change]:
    lenders = identity.lenders
    after = identity
    for port in lenders:
        after = after.detach(port)
    event = "leaves or gets a higher MAC" if len(lenders) == 1 else "leave or get higher MACs"
    effect = f"that of {_several(after.lenders)}" if after.ports else "no MAC at all"
    yield Change(f"{_several(lenders)} {event}", after.mac, effect)
    yield Change(LOWER, None, "that MAC")


def _black_hole(bridge: Bridge) -> str:
    lenders = bridge.identity.lenders
    gone = f"when {_several(lenders)} {'leaves' if len(lenders) == 1 else 'leave'}"
    deaf = (
        "neighbours go on sending to the old MAC, which then is no longer the bridge's own: its "
        "frames are flooded to the ports and never reach the host, until each neighbour asks again"
    )
    if bridge.addresses:
        held = _several(bridge.addresses)
        return f"{gone}, the host is deaf at {held} for seconds to minutes: {deaf}"
    return (
        f"the host has no address here, so none today; with one, {gone}, it would be deaf: {deaf}"
    )


def _random(bridge: Bridge, spare: MacAddress) -> Explanation:
    return Explanation(
        Source.RANDOM,
        "random: the kernel drew it when the bridge was created, and no port has joined yet",
        (Change("the first port joins", None, "that of the port"),),
        "what learns this MAC now (DHCP servers, neighbours, IPv6 addresses made from it) learns "
        "one that the first port takes away",
        # Not the MAC that it has: that would leave the bridge id at zero.
        (_set(bridge, spare),),
    )


def _nothing(bridge: Bridge, spare: MacAddress) -> Explanation:
    identity = bridge.identity
    joins = Change("a port joins", None, "that of the port")
    if identity.follows_ports:
        why = "none: its last port left, and a bridge that follows its ports then has no MAC"
    else:
        why = "none: it was pinned while it had no MAC, so not even a port gives it one"
        joins = _by_hand(bridge)
    return Explanation(
        Source.NOTHING,
        why,
        (joins,),
        "no frame can be sent to it: no ARP, no DHCP, no IPv6 address of its own",
        (_set(bridge, lowest(identity.ports) if identity.ports else spare),),
    )


def _set(bridge: Bridge, mac: str) -> str:
    return f"ip link set dev {bridge.name} address {mac}"


def _several(words: Sequence[str]) -> str:
    """Join names.

    >>> _several(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def text(bridge: Bridge, explanation: Explanation) -> str:
    """Return the explanation for people."""
    identity = bridge.identity
    mac = "no MAC" if identity.mac == ZERO else identity.mac
    assigned = f"addr_assign_type {identity.assigned.value}"
    lines = [f"{bridge.name}: {mac}, bridge id {identity.bridge_id}, {assigned}"]
    lines += _paragraph("why", explanation.why)
    for number, change in enumerate(explanation.changes):
        gets = change.effect if change.mac is None else f"{change.mac}, {change.effect}"
        lines += _paragraph("" if number else "changes", f"{change.event} -> {gets}")
    lines += _paragraph("risk", explanation.risk or "none")
    for number, command in enumerate(explanation.fix):
        lines += _paragraph("" if number else "fix", command)
    return "\n".join(lines)


def _paragraph(title: str, body: str) -> list[str]:
    indent = " " * 11
    first = f"  {title.ljust(9)}"
    return textwrap.wrap(
        body,
        WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
