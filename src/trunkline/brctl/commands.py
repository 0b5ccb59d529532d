"""The commands of brctl, on any `Control`.

In which order things are looked at is part of what brctl says: a missing port is found before a
missing bridge, and that before a missing permission.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from trunkline.brctl import numbers, text, words
from trunkline.brctl.devices import BridgeSetting, Control, Device, PortSetting
from trunkline.brctl.words import Outcome
from trunkline.errors import KernelError

LONGEST_NAME = 15
"""Bytes of a device's name (IFNAMSIZ without its NUL)."""

_SWITCH = {"on": 1, "yes": 1, "1": 1, "off": 0, "no": 0, "0": 0}
_NOT_A_SWITCH = "expect on/off for argument"

Run = Callable[[Control, Sequence[str]], Outcome]


def run(
    arguments: Sequence[str], connect: Callable[[], AbstractContextManager[Control]]
) -> Outcome:
    """Do what the words of a command line say; *connect* opens the door to the kernel."""
    parsed = words.parse(arguments)
    if isinstance(parsed, Outcome):
        return parsed
    usage, rest = parsed
    with connect() as control:
        return COMMANDS[usage.name](control, rest)


def _failed(message: str) -> Outcome:
    return Outcome(stderr=f"{message}\n", code=1)


def _said(error: KernelError, otherwise: str, known: Mapping[int, str]) -> Outcome:
    """Return what brctl says to an errno."""
    return _failed(known.get(error.errno) or f"{otherwise}: {error.text}")


def _refusal(control: Control, number: int) -> KernelError:
    """Return what the kernel itself would answer to brctl, where we need not ask it."""
    return KernelError("brctl", number, control.meaning(number))


def _bridge(control: Control, name: str) -> Device:
    found = control.find(name)
    if found is None:
        raise _refusal(control, errno.ENODEV)
    if found.bridge is None:
        raise _refusal(control, errno.EOPNOTSUPP)
    return found


# --- bridges ---------------------------------------------------------------------------------


def _addbr(control: Control, arguments: Sequence[str]) -> Outcome:
    name = arguments[0]
    length = len(text.order(name))
    if length > LONGEST_NAME:
        # The one thing that brctl does and we do not: it cuts the name short and says nothing.
        return _failed(f"add bridge failed: name {name} has {length} bytes, {LONGEST_NAME} fit")
    try:
        control.permit()
        if not name:  # netlink would choose a name
            raise _refusal(control, errno.EINVAL)
        control.add_bridge(name)
    except KernelError as error:
        taken = f"device {name} already exists; can't create bridge with the same name"
        return _said(error, "add bridge failed", {errno.EEXIST: taken})
    return Outcome()


def _delbr(control: Control, arguments: Sequence[str]) -> Outcome:
    name = arguments[0]
    try:
        control.permit()
        found = control.find(name)
        if found is None:
            raise _refusal(control, errno.ENXIO)
        if found.bridge is None:
            raise _refusal(control, errno.EPERM)
        if found.up:  # netlink would delete it all the same
            raise _refusal(control, errno.EBUSY)
        control.delete(found)
    except KernelError as error:
        known = {
            errno.ENXIO: f"bridge {name} doesn't exist; can't delete it",
            errno.EBUSY: f"bridge {name} is still up; can't delete it",
        }
        return _said(error, f"can't delete bridge {name}", known)
    return Outcome()


# --- ports -----------------------------------------------------------------------------------


def _each_port(one: Callable[[Control, str, str], Outcome]) -> Run:
    """Return a command that takes several ports and stops at the first that fails."""

    def command(control: Control, arguments: Sequence[str]) -> Outcome:
        bridge, *ports = arguments
        done = (one(control, bridge, port) for port in ports)
        return next((outcome for outcome in done if outcome.code), Outcome())

    return command


def _addif(control: Control, name: str, port_name: str) -> Outcome:
    port = control.find(port_name)
    if port is None:
        return _failed(f"interface {port_name} does not exist!")
    try:
        bridge = _bridge(control, name)
        control.permit()
        if port.bridge is not None:
            raise _refusal(control, errno.ELOOP)
        if port.master:  # netlink would move it over
            raise _refusal(control, errno.EBUSY)
        control.set_master(port, bridge)
    except KernelError as error:
        known = {
            errno.ENODEV: f"bridge {name} does not exist!",
            errno.EBUSY: f"device {port_name} is already a member of a bridge; "
            f"can't add it to bridge {name}.",
            errno.ELOOP: f"device {port_name} is a bridge device itself; "
            "can't add a bridge device to a bridge device.",
        }
        return _said(error, f"can't add {port_name} to bridge {name}", known)
    return Outcome()


def _delif(control: Control, name: str, port_name: str) -> Outcome:
    port = control.find(port_name)
    if port is None:
        return _failed(f"interface {port_name} does not exist!")
    try:
        bridge = _bridge(control, name)
        control.permit()
        if port.master != bridge.index:
            raise _refusal(control, errno.EINVAL)
        control.set_master(port, None)
    except KernelError as error:
        known = {
            errno.ENODEV: f"bridge {name} does not exist!",
            errno.EINVAL: f"device {port_name} is not a port of {name}",
        }
        return _said(error, f"can't delete {port_name} from {name}", known)
    return Outcome()


def _hairpin(control: Control, arguments: Sequence[str]) -> Outcome:
    name, port_name, switch = arguments[:3]
    if switch not in _SWITCH:
        return _failed(_NOT_A_SWITCH)
    if control.find(port_name) is None:
        return _failed(f"interface {port_name} does not exist!")
    if control.find(name) is None:
        return _failed(f"bridge {name} does not exist!")
    try:
        _set_port(control, name, port_name, PortSetting.HAIRPIN, _SWITCH[switch])
    except KernelError as error:
        return _said(error, f"can't set {port_name} to hairpin on bridge {name}", {})
    return Outcome()


def _port_command(setting: PortSetting, bad: str, failed: str) -> Run:
    """Return a command that sets a number of a port."""

    def command(control: Control, arguments: Sequence[str]) -> Outcome:
        name, port_name, word = arguments[:3]
        value = numbers.whole(word)
        if value is None:
            return _failed(bad)
        try:
            _set_port(control, name, port_name, setting, value)
        except KernelError as error:
            return _said(error, failed, {})
        return Outcome()

    return command


def _set_port(
    control: Control, name: str, port_name: str, setting: PortSetting, value: int
) -> None:
    """Set it on the port, in whichever bridge that is; only where this fails, look at *name*."""
    port = control.find(port_name)
    first = errno.ENOENT
    if port is not None and port.port is not None:
        try:
            return control.set_port(port, setting, value)
        except KernelError as error:
            first = error.errno
    if port is None:
        raise _refusal(control, errno.ENODEV)
    bridge = _bridge(control, name)
    if port.master != bridge.index:
        # What went wrong before is what brctl reports: with a file of sysfs, hence EACCES.
        raise _refusal(control, errno.EACCES if first == errno.EPERM else first)
    # Its second way into the kernel knows no hairpin mode.
    raise _refusal(control, errno.EOPNOTSUPP if setting is PortSetting.HAIRPIN else first)


# --- settings of bridges ---------------------------------------------------------------------


def _set_bridge(
    control: Control, name: str, setting: BridgeSetting, value: int | None, failed: str
) -> Outcome:
    """Set *value*; None is one that is out of range."""
    try:
        bridge = _bridge(control, name)
        control.permit()
        if value is None:
            raise _refusal(control, errno.ERANGE)
        control.set_bridge(bridge, setting, value)
    except KernelError as error:
        return _said(error, failed, {})
    return Outcome()


def _time_command(setting: BridgeSetting, bad: str, failed: str) -> Run:
    """Return a command that sets a time in seconds."""

    def command(control: Control, arguments: Sequence[str]) -> Outcome:
        value = numbers.seconds(arguments[1])
        if value is None:
            return _failed(bad)
        return _set_bridge(control, arguments[0], setting, numbers.ticks(value), failed)

    return command


def _setbridgeprio(control: Control, arguments: Sequence[str]) -> Outcome:
    value = numbers.whole(arguments[1])
    if value is None:
        return _failed("bad priority")
    failed = "set bridge priority failed"
    # The kernel takes 16 bits of it and says nothing about the others.
    return _set_bridge(control, arguments[0], BridgeSetting.PRIORITY, value & 0xFFFF, failed)


def _stp(control: Control, arguments: Sequence[str]) -> Outcome:
    value = _SWITCH.get(arguments[1])
    if value is None:
        return _failed(_NOT_A_SWITCH)
    return _set_bridge(control, arguments[0], BridgeSetting.STP, value, "set stp status failed")


# --- looking ---------------------------------------------------------------------------------


def _show(control: Control, arguments: Sequence[str]) -> Outcome:
    devices = control.devices()
    if arguments:
        found = [(name, control.find(name)) for name in arguments]
    else:
        named = sorted(devices, key=lambda each: text.order(each.name))
        found = [(each.name, each) for each in named if each.bridge is not None]
    rows = [
        (name, each.bridge.identity, each.bridge.stp, _ports(devices, each))
        for name, each in found
        if each is not None and each.bridge is not None
    ]
    wrong = [
        f"{_no_bridge(name, each)}\n"
        for name, each in found
        if each is None or each.bridge is None
    ]
    shown = text.show(rows) if rows or not arguments else ""
    return Outcome(shown, "".join(wrong), 1 if wrong else 0)


def _ports(devices: Sequence[Device], bridge: Device) -> list[str]:
    return [each.name for each in devices if each.master == bridge.index]


def _showmacs(control: Control, arguments: Sequence[str]) -> Outcome:
    try:
        bridge = _bridge(control, arguments[0])
        entries = control.forwarding(bridge)
    except KernelError as error:
        return _said(error, "read of forward table failed", {})
    ports = {each.index: each.port.number for each in control.devices() if each.port is not None}
    return Outcome(text.show_macs(entries, ports))


def _showstp(control: Control, arguments: Sequence[str]) -> Outcome:
    name = arguments[0]
    found = control.find(name)
    if found is None or found.bridge is None:
        return _failed(_no_bridge(name, found))
    ports = [each for each in control.devices() if each.master == found.index]
    return Outcome(text.show_stp(name, found.bridge, ports))


def _no_bridge(name: str, found: Device | None) -> str:
    return f"bridge {name} does not exist!" if found is None else f"device {name} is not a bridge!"


COMMANDS: Mapping[str, Run] = {
    "addbr": _addbr,
    "delbr": _delbr,
    "addif": _each_port(_addif),
    "delif": _each_port(_delif),
    "hairpin": _hairpin,
    "setageing": _time_command(
        BridgeSetting.AGEING_TIME, "bad ageing time value", "set ageing time failed"
    ),
    "setbridgeprio": _setbridgeprio,
    "setfd": _time_command(
        BridgeSetting.FORWARD_DELAY, "bad forward delay value", "set forward delay failed"
    ),
    "sethello": _time_command(
        BridgeSetting.HELLO_TIME, "bad hello timer value", "set hello timer failed"
    ),
    "setmaxage": _time_command(BridgeSetting.MAX_AGE, "bad max age value", "set max age failed"),
    "setpathcost": _port_command(
        PortSetting.PATH_COST, "bad path cost value", "set path cost failed"
    ),
    "setportprio": _port_command(
        PortSetting.PRIORITY, "bad path priority value", "set port priority failed"
    ),
    "show": _show,
    "showmacs": _showmacs,
    "showstp": _showstp,
    "stp": _stp,
}
