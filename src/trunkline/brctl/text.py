"""What brctl prints about bridges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trunkline.brctl.devices import Bridge, Device, Forwarding, Port, Ticks

_STATES = ("disabled", "listening", "learning", "forwarding", "blocking")
_UNDER = "\t" * 7
"""To below the first port of a bridge."""


def order(name: str) -> bytes:
    """Return what brctl sorts names by, which is their bytes: vnet10 comes before vnet2."""
    return name.encode("utf-8", "surrogateescape")


def show(bridges: Iterable[tuple[str, str, bool, Sequence[str]]]) -> str:
    """Return the list of *bridges*, each with its name, identity, whether STP is on, its ports."""
    text = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"
    for name, identity, stp, ports in bridges:
        first, *rest = sorted(ports, key=order) or [""]
        text += f"{name}\t\t{identity}\t{'yes' if stp else 'no'}\t\t{first}\n"
        text += "".join(f"{_UNDER}{port}\n" for port in rest)
    return text


def show_macs(entries: Iterable[Forwarding], numbers: Mapping[int, int]) -> str:
    """Return a forwarding table; *numbers* has the port number of each ifindex in the bridge."""
    text = "port no\tmac addr\t\tis local?\tageing timer\n"
    for entry in sorted(entries, key=lambda each: each.mac):
        number = numbers.get(entry.port)
        if number is not None:
            local = "yes" if entry.local else "no"
            text += f"{number:3}\t{entry.mac}\t{local}\t\t{_time(entry.age)}\n"
    return text


def show_stp(name: str, bridge: Bridge, ports: Iterable[Device]) -> str:
    """Return what spanning tree is at; *name* is how the bridge was called."""
    in_order = sorted(ports, key=lambda each: order(each.name))
    parts = [_port(each.name, each.port) for each in in_order if each.port is not None]
    return f"{name}\n{_bridge(bridge)}{''.join(parts)}"


def _bridge(bridge: Bridge) -> str:
    age, hello, delay = map(_time, (bridge.max_age, bridge.hello_time, bridge.forward_delay))
    flags = "TOPOLOGY_CHANGE " * bridge.topology_change
    flags += "TOPOLOGY_CHANGE_DETECTED " * bridge.topology_change_detected
    return (
        f" bridge id\t\t{bridge.identity}\n"
        f" designated root\t{bridge.root}\n"
        f" root port\t\t{bridge.root_port:4}\t\t\tpath cost\t\t{bridge.root_path_cost:4}\n"
        f" max age\t\t{age}\t\t\tbridge max age\t\t{age}\n"
        f" hello time\t\t{hello}\t\t\tbridge hello time\t{hello}\n"
        f" forward delay\t\t{delay}\t\t\tbridge forward delay\t{delay}\n"
        f" ageing time\t\t{_time(bridge.ageing_time)}\n"
        f" hello timer\t\t{_time(bridge.hello_timer)}"
        f"\t\t\ttcn timer\t\t{_time(bridge.tcn_timer)}\n"
        f" topology change timer\t{_time(bridge.topology_change_timer)}"
        f"\t\t\tgc timer\t\t{_time(bridge.gc_timer)}\n"
        f" flags\t\t\t{flags}\n\n\n"
    )


def _port(name: str, port: Port) -> str:
    state = _STATES[port.state] if port.state < len(_STATES) else "<INVALID STATE>"
    flags = "CONFIG_PENDING " * port.config_pending
    flags += "TOPOLOGY_CHANGE_ACK " * port.change_acknowledged
    hairpin = f" hairpin mode\t\t{1:4}\n" if port.hairpin else ""
    return (
        f"{name} ({port.number})\n"
        f" port id\t\t{port.identity:04x}\t\t\tstate\t\t{state:>15}\n"
        f" designated root\t{port.root}\tpath cost\t\t{port.path_cost:4}\n"
        f" designated bridge\t{port.bridge}\tmessage age timer\t{_time(port.message_age_timer)}\n"
        f" designated port\t{port.designated_port:04x}"
        f"\t\t\tforward delay timer\t{_time(port.forward_delay_timer)}\n"
        f" designated cost\t{port.designated_cost:4}"
        f"\t\t\thold timer\t\t{_time(port.hold_timer)}\n"
        f" flags\t\t\t{flags}\n{hairpin}\n"
    )


def _time(value: Ticks) -> str:
    return f"{value // 100:4}.{value % 100:02}"
