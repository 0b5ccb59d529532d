"""Attach, detach and read eBPF VLAN devices.

What is read is what the kernel holds, not what a name says:

- A filter is ours if the *tag* of its program, a hash that the kernel computes over the
  instructions, is that of the program we would load. A device's VLAN and parent are constants in
  its program, so the filter's name only proposes them and the tag proves them. This works where
  instructions cannot be read back (net.core.bpf_jit_harden=2 blinds the constants).
- The way back is the number in the map of the parent's program.

A device that has only one of the two is not a VLAN device, and is not in what `read_vlans` says.
One program and one map serve all devices of a parent.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable

from trunkline.errors import ConflictError, KernelError
from trunkline.kernel.ebpf import programs, syscall
from trunkline.kernel.ebpf.syscall import ArrayMap
from trunkline.kernel.netlink.tc import Filter, Hook, TrafficControl

PREFERENCE = 81
"""Before the filters that the kernel numbers itself (from 49152 downwards): a frame of one of our
VLANs belongs to its device, and a foreign program that accepts everything must not leak it."""

_EGRESS_NAME = re.compile(r"trunkline vlan (\d+) parent (\d+)")
_INGRESS_NAME = "trunkline"
_INGRESS_NAME_OWN_QDISC = "trunkline own-clsact"
"""The filter remembers that the qdisc came with us, and so may go with us."""

_TRUNK_IN_TAGS = programs.trunk_in(0).tags()


def attach_vlan(port: int, parent: int, vlan: int) -> None:
    """Make the device *port* carry *vlan* of *parent*; all are ifindexes but the VLAN."""
    with TrafficControl() as tc:
        old = _claim(tc, port)
        if old is not None and old != (parent, vlan):
            _release(tc, port, *old)
        with _devices(tc, parent) or _attach_ingress(tc, parent) as devices:
            _check_free(devices, port, parent, vlan)
            if old != (parent, vlan):
                _attach_egress(tc, port, parent, vlan)
            devices[vlan] = port


def detach_vlan(parent: int, vlan: int) -> None:
    """Undo `attach_vlan`, or do nothing where *vlan* of *parent* goes to no device."""
    with TrafficControl() as tc:
        found = _devices(tc, parent)
        if found is None:
            return
        with found as devices:
            port = devices[vlan]
        if port != 0:
            _release(tc, port, parent, vlan)


def read_vlans(ports: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return (parent, VLAN) of those *ports* that are eBPF VLAN devices, by ifindex."""
    with TrafficControl() as tc:
        claims = {port: claim for port in ports if (claim := _claim(tc, port)) is not None}
        found = {}
        for parent in {parent for parent, _ in claims.values()}:
            found.update(_confirmed(tc, parent, claims))
    return found


def _confirmed(
    tc: TrafficControl, parent: int, claims: dict[int, tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Return those claims on *parent* that its map agrees with."""
    opened = _devices(tc, parent)
    if opened is None:
        return {}
    with opened as devices:
        return {
            port: (up, vlan)
            for port, (up, vlan) in claims.items()
            if up == parent and devices[vlan] == port
        }


def _release(tc: TrafficControl, port: int, parent: int, vlan: int) -> None:
    """Take *port* off *vlan* of *parent*, and the parent's program with the last device."""
    if _exists(port):
        _detach_egress(tc, port, parent, vlan)
    opened = _devices(tc, parent)
    if opened is None:
        return
    with opened as devices:
        if devices[vlan] == port:
            devices[vlan] = 0
        # A device that was deleted without us still has its number there.
        alive = any(number != 0 and _exists(number) for number in devices.values())
    if not alive:
        _detach_ingress(tc, parent)


# --- the device's own egress ---------------------------------------------------------------------


def _attach_egress(tc: TrafficControl, port: int, parent: int, vlan: int) -> None:
    if tc.hook_qdisc(port) == "ingress":
        # It would take an egress filter and run it at ingress (sch_ingress.c, ingress_tcf_block).
        name = socket.if_indextoname(port)
        raise ConflictError(
            f"device '{name}' has an ingress qdisc, which has no egress hook",
            hint=f"tc qdisc del dev {name} ingress",
        )
    _ensure_clsact(tc, port)
    name = f"trunkline vlan {vlan} parent {parent}"
    with syscall.closing(syscall.load(programs.sub_out(parent, vlan))) as program:
        tc.add_bpf(port, Hook.EGRESS, PREFERENCE, program, name)


def _detach_egress(tc: TrafficControl, port: int, parent: int, vlan: int) -> None:
    tags = programs.sub_out(parent, vlan).tags()
    for row in tc.filters(port, Hook.EGRESS):
        if row.tag in tags:
            tc.delete_filter(port, Hook.EGRESS, row)
    _delete_idle_clsact(tc, port)


def _claim(tc: TrafficControl, port: int) -> tuple[int, int] | None:
    """Return the (parent, VLAN) that the program at the port's egress is made for."""
    for row in tc.filters(port, Hook.EGRESS):
        named = _EGRESS_NAME.fullmatch(row.name)
        if named:
            vlan, parent = int(named[1]), int(named[2])
            if row.tag in programs.sub_out(parent, vlan).tags():
                return parent, vlan
    return None


# --- the parent's ingress ------------------------------------------------------------------------


def _check_free(devices: ArrayMap, port: int, parent: int, vlan: int) -> None:
    """Refuse a VLAN that another device has; the number of a deleted one is in nobody's way."""
    held = devices[vlan]
    if held not in (0, port) and _exists(held):
        names = socket.if_indextoname(parent), socket.if_indextoname(held)
        raise ConflictError(
            f"VLAN {vlan} of '{names[0]}' goes to '{names[1]}' already",
            hint=f"delete '{names[1]}' first",
        )


def _devices(tc: TrafficControl, parent: int) -> ArrayMap | None:
    """Return the map of the parent's program, VLAN to ifindex (0 is none); None without one."""
    row = _ingress_filter(tc, parent)
    return None if row is None else syscall.array_of(row.program, programs.VLAN_COUNT)


def _ingress_filter(tc: TrafficControl, parent: int) -> Filter | None:
    rows = tc.filters(parent, Hook.INGRESS)
    return next((row for row in rows if row.tag in _TRUNK_IN_TAGS), None)


def _attach_ingress(tc: TrafficControl, parent: int) -> ArrayMap:
    name = _INGRESS_NAME_OWN_QDISC if _ensure_clsact(tc, parent) else _INGRESS_NAME
    devices = syscall.create_array("tl_devices", programs.VLAN_COUNT)
    with syscall.closing(syscall.load(programs.trunk_in(devices.fd))) as program:
        tc.add_bpf(parent, Hook.INGRESS, PREFERENCE, program, name)
    return devices


def _detach_ingress(tc: TrafficControl, parent: int) -> None:
    row = _ingress_filter(tc, parent)
    if row is None:
        return
    tc.delete_filter(parent, Hook.INGRESS, row)
    if row.name == _INGRESS_NAME_OWN_QDISC:
        _delete_idle_clsact(tc, parent)


def _ensure_clsact(tc: TrafficControl, device: int) -> bool:
    """Return whether the qdisc had to be made; one that others made serves as well."""
    if tc.hook_qdisc(device) is not None:
        return False
    try:
        tc.add_clsact(device)
    except KernelError as error:
        if error.errno != errno.EEXIST:
            raise
        return False  # somebody made it meanwhile
    return True


def _delete_idle_clsact(tc: TrafficControl, device: int) -> None:
    if not any(tc.filters(device, hook) for hook in Hook):
        tc.delete_clsact(device)


def _exists(device: int) -> bool:
    try:
        socket.if_indextoname(device)
    except OSError:
        return False
    return True
