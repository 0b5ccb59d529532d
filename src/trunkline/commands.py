"""Rows as shell lines: what a person would type into a root shell (iproute2 6.1, nft).

Trunkline itself never runs these: names of devices may be anything (`;reboot` is legal), so
every word is quoted, and `dev` and `name` stand before names that could be keywords (P-53).
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from typing import assert_never

from trunkline import names
from trunkline.state import (
    ALIAS,
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
    VethEnd,
    VlanDevice,
    VlanMethod,
)

_ONE_QUEUE = ("numtxqueues", "1", "numrxqueues", "1")
"""Without it the kernel waits for all CPUs twice a pair (veth_init_queues)."""


def create(row: Row) -> Iterator[str]:
    match row:
        case Namespace():
            yield f"ip netns add {shlex.quote(row.name)}"
            yield from _alias(row.name, "lo", row.owner)
            yield _ip(row.name, "link", "set", "dev", "lo", "up")
        case Nic():
            yield from change(dataclasses.replace(row, up=None, mtu=None), row)
        case Bridge() | VlanDevice() | Tap() | Veth():
            yield from _create_device(row)
        case BridgePort():
            yield _ip(row.namespace, "link", "set", "dev", row.port, "master", row.bridge)
            yield from _port_flags(BridgePort(row.namespace, row.port, row.bridge), row)
        case PortVlan():
            yield _bridge(row.namespace, "vlan", "add", *_port_vlan(row))
        case FdbEntry():
            yield _bridge(row.namespace, "fdb", "add", *_fdb(row), "static")
        case Address():
            yield _ip(row.namespace, "address", "add", row.address, "dev", row.device)
        case Route():
            yield _ip(row.namespace, "route", "add", *_route(row))
        case Sysctl():
            yield _write(row.namespace, row.name, row.value)
        case NftTable():
            yield _nft(row, f"table {row.family} {row.name} {{\n{row.rules}\n}}")
        case _:
            assert_never(row)


def delete(row: Row) -> Iterator[str]:
    match row:
        case Namespace():
            yield f"ip netns del {shlex.quote(row.name)}"
        case Nic() if row.owner is None:
            yield _ip(row.namespace, "link", "set", "dev", row.name, "down")
        case Nic() | Bridge() | VlanDevice() | Tap():
            yield _ip(row.namespace, "link", "del", "dev", row.name)
        case Veth():
            yield _ip(row.first.namespace, "link", "del", "dev", row.first.name)
        case BridgePort():
            yield _ip(row.namespace, "link", "set", "dev", row.port, "nomaster")
        case PortVlan():
            yield _bridge(row.namespace, "vlan", "del", *_port_vlan(row)[:4], *_itself(row))
        case FdbEntry():
            yield _bridge(row.namespace, "fdb", "del", *_fdb(row))
        case Address():
            yield _ip(row.namespace, "address", "del", row.address, "dev", row.device)
        case Route():
            yield _ip(row.namespace, "route", "del", *_route(row))
        case Sysctl():
            return  # it goes with its namespace or device
        case NftTable():
            yield _nft(row)
        case _:
            assert_never(row)


def change(before: Row, after: Row) -> Iterator[str]:
    """Yield what changes *before* in place; both are the same kind of row."""
    match before, after:
        case (Namespace(), Namespace()):
            yield from _alias(after.name, "lo", after.owner if after.marked else "")
        case (Nic(), Nic()):
            if after.mtu != before.mtu:
                yield _set(after.namespace, after.name, "mtu", str(after.mtu))
            if after.up != before.up:
                yield _set(after.namespace, after.name, "up" if after.up else "down")
        case (Bridge(), Bridge()):
            options = _options(after, before)
            if options:
                yield _set(after.namespace, after.name, "type", "bridge", *options)
            yield from _change_device(before, after)
        case (VlanDevice() | Tap(), VlanDevice() | Tap()):
            yield from _change_device(before, after)
        case (Veth(), Veth()):
            for old, new in zip(before.ends, after.ends, strict=True):
                yield from _change_device(_end(old, before), _end(new, after))
        case (BridgePort(), BridgePort()):
            yield from _port_flags(before, after)
        case (Route(), Route()):
            yield _ip(after.namespace, "route", "replace", *_route(after))
        case _:
            # A VLAN is replaced by adding it again; so are parameters and tables.
            yield from create(after)


def main(row: Row, lines: Sequence[str]) -> str:
    """Return *lines*, which do something to *row*, as one line for people."""
    if isinstance(row, NftTable):
        return f"{' '.join(lines)}  # table {row.family} {row.name}"
    if not lines:
        return f"# {'/'.join(map(str, row.key[1:]))} goes with what it belongs to"
    return " && ".join(lines)


def _create_device(row: Bridge | VlanDevice | Tap | Veth) -> Iterator[str]:
    match row:
        case Bridge():
            name = ("name", row.name, *_address(row.mac))
            yield _ip(row.namespace, "link", "add", *name, "type", "bridge")
            yield _set(row.namespace, row.name, "type", "bridge", *_options(row))
        case VlanDevice():
            yield from _create_vlan(row)
        case Tap():
            yield _ip(row.namespace, "tuntap", "add", "dev", row.name, "mode", "tap")
            if row.mac is not None:
                yield _set(row.namespace, row.name, "address", row.mac)
        case Veth():
            far = ("netns", row.second.namespace) if row.second.namespace else ()
            near = ("name", row.first.name, *_address(row.first.mac), *_ONE_QUEUE)
            peer = ("name", row.second.name, *_address(row.second.mac), *_ONE_QUEUE, *far)
            yield _ip(row.first.namespace, "link", "add", *near, "type", "veth", "peer", *peer)
            for end in row.ends:
                yield from _finish(_end(end, row))
            return
    yield from _finish(row)


def _create_vlan(row: VlanDevice) -> Iterator[str]:
    near = ("name", row.name, *_address(row.mac))
    if row.method is VlanMethod.KERNEL:
        words = ("link", row.parent, *near, "type", "vlan", "id", str(row.vlan))
        yield _ip(row.namespace, "link", "add", *words)
        return
    idle = _idle(row.name)
    yield _ip(
        row.namespace, "link", "add", *near, *_ONE_QUEUE, "type", "veth", "peer", "name", idle
    )
    yield _set(row.namespace, idle, "up")
    yield (
        f"# trunkline loads the eBPF program that carries VLAN {row.vlan} of "
        f"{shlex.quote(row.parent)} on {shlex.quote(row.name)}"
    )


def _idle(device: str) -> str:
    return names.fitted("~" + device)


def _finish(row: Bridge | VlanDevice | Tap) -> Iterator[str]:
    """Yield the rest of making a device: silent about IPv6 before it is up (P-29)."""
    yield from _ipv6(row, None)
    if row.mtu is not None:
        # Given at creation it does not count as set, and a bridge's would follow its ports (P-57).
        yield _set(row.namespace, row.name, "mtu", str(row.mtu))
    yield from _alias(row.namespace, row.name, row.owner)
    if row.up:
        yield _set(row.namespace, row.name, "up")


def _end(end: VethEnd, pair: Veth) -> Tap:
    """Return one end of *pair* as a device of its own; what is set on it is the same."""
    return Tap(end.namespace, end.name, pair.owner, end.mac, pair.mtu, end.up, end.ipv6)


def _change_device(
    before: Bridge | VlanDevice | Tap, after: Bridge | VlanDevice | Tap
) -> Iterator[str]:
    space, name = after.namespace, after.name
    if after.mac is not None and after.mac != before.mac:
        yield _set(space, name, "address", after.mac)
    if after.mtu is not None and after.mtu != before.mtu:
        yield _set(space, name, "mtu", str(after.mtu))
    if after.ipv6 is not before.ipv6:
        yield from _ipv6(after, before.ipv6)
    if after.owner != before.owner:
        yield from _alias(space, name, after.owner)
    if after.up != before.up:
        yield _set(space, name, "up" if after.up else "down")
        if after.up and isinstance(after, VlanDevice) and after.method is VlanMethod.EBPF:
            yield _set(space, _idle(name), "up")


def _options(row: Bridge, before: Bridge | None = None) -> list[str]:
    """Return the words after `type bridge` for what is other than in *before*."""
    # A kernel that cannot filter VLANs refuses the word itself; there the row has no PVID either.
    unsaid = None if row.default_pvid is not None else False
    flags = [
        (
            "vlan_filtering",
            row.vlan_filtering,
            unsaid if before is None else before.vlan_filtering,
        ),
        ("stp_state", row.stp, before and before.stp),
        ("mcast_snooping", row.snooping, before and before.snooping),
        *((name, row.nf_call, before and before.nf_call) for name in _NF_CALL),
    ]
    words = [w for name, now, old in flags if now != old for w in (name, str(int(now)))]
    if row.default_pvid is not None and (
        before is None or row.default_pvid != before.default_pvid
    ):
        words += ["vlan_default_pvid", str(row.default_pvid)]
    if before is None or row.ageing != before.ageing:
        words += ["ageing_time", str(row.ageing * 100)]  # in hundredths of a second
    return words


_NF_CALL = ("nf_call_iptables", "nf_call_ip6tables", "nf_call_arptables")


def _ipv6(row: Bridge | VlanDevice | Tap, before: Ipv6 | None) -> Iterator[str]:
    switch = f"net/ipv6/conf/{row.name}/disable_ipv6"
    if row.ipv6 is Ipv6.OFF:
        yield _write(row.namespace, switch, "1")
        return
    mode = "none" if row.ipv6 is Ipv6.NO_ADDRESS else "eui64"
    if before is not None or row.ipv6 is Ipv6.NO_ADDRESS:
        yield _set(row.namespace, row.name, "addrgenmode", mode)
    if before is Ipv6.OFF:
        yield _write(row.namespace, switch, "0")


def _alias(namespace: str, device: str, owner: str | None) -> Iterator[str]:
    if owner is not None:
        yield _set(namespace, device, "alias", ALIAS + owner)


def _port_flags(before: BridgePort, after: BridgePort) -> Iterator[str]:
    cost = after.uplink and not before.uplink
    flags = [
        word
        for name in ("learning", "flood", "isolated", "hairpin")
        if getattr(before, name) != getattr(after, name)
        for word in (name, "on" if getattr(after, name) else "off")
    ]
    flags += ["cost", str(UPLINK_COST)] if cost else []
    if flags:
        yield _bridge(after.namespace, "link", "set", "dev", after.port, *flags)


def _port_vlan(row: PortVlan) -> tuple[str, ...]:
    flags = ("pvid",) * row.pvid + ("untagged",) * row.untagged
    return ("dev", row.port, "vid", str(row.vlan), *flags, *_itself(row))


def _itself(row: PortVlan) -> tuple[str, ...]:
    # A bridge's own VLANs are set on the bridge, all others on a port of one.
    return ("self",) if row.port == names.VLAN_AWARE_BRIDGE else ()


def _fdb(row: FdbEntry) -> tuple[str, ...]:
    vlan = ("vlan", str(row.vlan)) if row.vlan else ()
    return (row.mac, "dev", row.port, *vlan, "master")


def _route(row: Route) -> tuple[str, ...]:
    via = ("via", row.gateway) if row.gateway is not None else ()
    device = ("dev", row.device) if row.device is not None else ()
    metric = ("metric", str(row.metric)) if row.metric else ()
    return (row.destination, *via, *device, "proto", str(row.protocol), *metric)


def _address(mac: str | None) -> tuple[str, ...]:
    return ("address", mac) if mac is not None else ()


def _nft(row: NftTable, text: str = "") -> str:
    head = f"table {row.family} {row.name}"
    # Adding first makes deleting legal where there was none; all of it is one transaction.
    body = f"add {head}\ndelete {head}\n{text}".rstrip()
    return f"{_inside(row.namespace)}nft -f - <<'EOF'\n{body}\nEOF"


def _write(namespace: str, parameter: str, value: str) -> str:
    line = f"echo {shlex.quote(value)} > {shlex.quote(f'/proc/sys/{parameter}')}"
    return f"{_inside(namespace)}sh -c {shlex.quote(line)}" if namespace else line


def _set(namespace: str, device: str, *words: str) -> str:
    return _ip(namespace, "link", "set", "dev", device, *words)


def _ip(namespace: str, *words: str) -> str:
    return shlex.join(["ip", *(("-n", namespace) if namespace else ()), *words])


def _bridge(namespace: str, *words: str) -> str:
    return shlex.join(["bridge", *(("-n", namespace) if namespace else ()), *words])


def _inside(namespace: str) -> str:
    return f"ip netns exec {shlex.quote(namespace)} " if namespace else ""
