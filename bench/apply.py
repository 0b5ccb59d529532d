"""Apply, tear-down, no-op and a lab, side by side with what people use instead.

python -m bench.apply [--rounds N] [--ports N] [--json]

Every trial runs in a fresh network namespace, the rivals one after another in each round, and the
next one starts when the last one's namespace is really gone. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trunkline import transaction
from trunkline.kernel import namespaces, program, sysctl
from trunkline.kernel.creation import Creation
from trunkline.kernel.indexes import Indexes
from trunkline.kernel.linux import LinuxKernel
from trunkline.kernel.netlink import link
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.operation import Operation
from trunkline.state import (
    ROOT,
    Address,
    Bridge,
    BridgePort,
    Ipv6,
    Namespace,
    Route,
    Row,
    Veth,
    VethEnd,
    host_state,
    veth,
)

OWNER = "bench/x"
SITE = "bench"
ON_A_BRIDGE = 25
FEW_BRIDGES = 250
"""Ports of the tear-down on two bridges: `ip -batch` takes 20 ms for each.

Each bridge costs everybody an rcu_barrier of its own (br_multicast_dev_del), so the tear-down of
the forty networks that the apply makes is shown too: that is what it comes to.
"""
UNCHANGED = 5000
"""Ports in the apply that changes nothing."""
MACHINES = 100
PREFIX = f"tlbench{os.getpid()}."

MININET = f"""
import os
import time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo
start = time.perf_counter()
net = Mininet(topo=SingleSwitchTopo({MACHINES}), switch=LinuxBridge, controller=None)
net.start()
print(time.perf_counter() - start, sum(os.times()[:4]))
net.stop()
"""


@dataclass(frozen=True, slots=True, order=True)
class Taken:
    """What some work took, in seconds."""

    wall: float
    cpu: float
    """Of this process and of those that it waited for; the rest of `wall` is waiting."""


Trial = Callable[[], Taken]
"""Does its work in the namespace that the thread is in; returns what counts."""


@dataclass
class Case:
    """Some ways to do one thing; the first one is ours."""

    name: str
    goals: dict[str, float]
    """Rival -> how many times our time it should at least take; below 1: at most."""
    taken: dict[str, list[Taken]] = field(default_factory=dict)

    def ratio(self, rival: str) -> float:
        ours = next(iter(self.taken))
        # What else the machine does only ever adds.
        return min(self.taken[rival]).wall / min(self.taken[ours]).wall

    def is_met(self, rival: str) -> bool:
        return self.ratio(rival) >= self.goals[rival]

    def lines(self) -> Iterator[str]:
        yield self.name
        for name, taken in self.taken.items():
            median = statistics.median(each.wall for each in taken)
            cpu = min(each.cpu for each in taken)
            times = f"min {min(taken).wall:7.3f} s  median {median:7.3f} s  CPU {cpu:6.3f} s"
            goal = self.goals.get(name)
            line = f"  {name:26} {times} {self.ratio(name):6.2f}x"
            if goal is not None:
                line += f"  goal {goal:g}x {'ok' if self.is_met(name) else 'MISSED'}"
            yield line


# --- what is made ------------------------------------------------------------------------------


def ports(count: int, ipv6: Ipv6, on_a_bridge: int = ON_A_BRIDGE) -> list[Row]:
    """Return *count* veth ports with the bridges for them."""
    rows: list[Row] = [
        Bridge(ROOT, f"br{n}", OWNER, mtu=1500, ipv6=ipv6) for n in range(count // on_a_bridge)
    ]
    rows += [
        veth(VethEnd(ROOT, f"p{n}", ipv6=ipv6), VethEnd(ROOT, f"q{n}", ipv6=ipv6), owner=OWNER)
        for n in range(count)
    ]
    return rows + [BridgePort(ROOT, f"p{n}", f"br{n // on_a_bridge}") for n in range(count)]


def machines(count: int) -> list[Row]:
    """Return a bridge and *count* machines with an address and a default route each."""
    rows: list[Row] = [Bridge(ROOT, "br0", OWNER, mtu=1500)]
    for n in range(count):
        name, address = f"h{n}", f"10.0.{n >> 8}.{(n & 255) + 1}/16"
        near, far = VethEnd(ROOT, f"p{n}"), VethEnd(name, "eth0", ipv6=Ipv6.ON)
        rows += [
            Namespace(name, OWNER),
            veth(near, far, owner=OWNER),
            BridgePort(ROOT, f"p{n}", "br0"),
            Address(name, "eth0", address),
            Route(name, "0.0.0.0/0", "10.0.255.254", "eth0"),
        ]
    return rows


def creating(rows: Sequence[Row]) -> list[Operation]:
    return [Operation(None, row) for row in rows]


def deleting(rows: Sequence[Row]) -> list[Operation]:
    return [Operation(row, None) for row in reversed(rows)]


# --- how it is made ------------------------------------------------------------------------------


def timed(work: Callable[[], object]) -> Taken:
    start, cpu = time.perf_counter(), sum(os.times()[:4])
    work()
    return Taken(time.perf_counter() - start, sum(os.times()[:4]) - cpu)


def ip_batch(lines: Sequence[str]) -> Taken:
    text = "\n".join(lines) + "\n"
    return timed(lambda: subprocess.run(["ip", "-batch", "-"], input=text, text=True, check=True))


def adding(count: int) -> list[str]:
    lines = [f"link add br{n} type bridge" for n in range(count // ON_A_BRIDGE)]
    lines += [f"link set br{n} up" for n in range(count // ON_A_BRIDGE)]
    for n in range(count):
        lines += [
            f"link add p{n} type veth peer name q{n}",
            f"link set p{n} master br{n // ON_A_BRIDGE}",
            f"link set p{n} up",
            f"link set q{n} up",
        ]
    return lines


def removing(rows: Sequence[Row]) -> list[str]:
    gone = [f"link del {row.first.name}" for row in rows if isinstance(row, Veth)]
    return gone + [f"link del {row.name}" for row in rows if isinstance(row, Bridge)]


def pyroute2_adding(count: int) -> Taken:
    from pyroute2 import IPRoute

    with IPRoute() as ipr:
        return timed(lambda: _pyroute2(ipr, count))


def _pyroute2(ipr: object, count: int) -> None:
    """Make the same with explicit ifindexes, which spares pyroute2 a look-up for each device."""
    call = getattr(ipr, "link")  # noqa: B009  # the package has no types
    for n in range(count // ON_A_BRIDGE):
        call("add", ifname=f"br{n}", kind="bridge", index=1000 + n)
        call("set", index=1000 + n, state="up")
    for n in range(count):
        call("add", ifname=f"p{n}", kind="veth", index=5000 + n, peer={"ifname": f"q{n}"})
        call("set", index=5000 + n, master=1000 + n // ON_A_BRIDGE)
        call("set", index=5000 + n, state="up")
        call("set", index=0, ifname=f"q{n}", state="up")


def replaying(rows: Sequence[Row]) -> Trial:
    """Return a trial that sends messages packed beforehand: what the kernel alone takes."""
    indexes = Indexes(lambda _: [("lo", 1)], lambda _: [], 1 << 16)
    compiled = Creation(indexes, lambda _: -1, ipv6_is_off=lambda _: True)
    made = compiled.compile(enumerate(creating(rows)))
    waves = [messages for wave in program.CREATION for _, messages in made.messages(wave)]

    def replay() -> None:
        with NetlinkSocket() as netlink:
            for messages in waves:
                assert netlink.batch(messages) == []

    return lambda: timed(replay)


def mininet() -> Taken:
    done = subprocess.run(
        ["/usr/bin/python3", "-"], input=MININET, text=True, capture_output=True, check=True
    )
    wall, cpu = map(float, done.stdout.split()[-2:])
    return Taken(wall, cpu)


def lab() -> Taken:
    kernel, rows = LinuxKernel(PREFIX), machines(MACHINES)
    try:
        return timed(lambda: kernel.apply(creating(rows)))
    finally:
        kernel.apply(deleting(rows))


# --- trials ------------------------------------------------------------------------------------


@contextmanager
def fresh(*, ipv6: bool) -> Iterator[None]:
    """Move into a new namespace, and come back when it is really gone."""
    with NetlinkSocket() as netlink:
        with namespaces.scratch():
            inside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            if not ipv6:
                sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
            yield
        home = link.namespace(inside)
        netlink.batch([link.create_veth(1, 900, "marker", b"", 999_999, "marker", home)])
        os.close(inside)
    deadline = time.monotonic() + 60
    while any(name == "marker" for _, name in socket.if_nameindex()):
        if time.monotonic() > deadline:
            raise TimeoutError("a namespace of a trial does not go away")
        time.sleep(0.01)


def run(case: Case, trials: dict[str, Trial], rounds: int, *, ipv6: bool = False) -> Case:
    for _ in range(rounds):
        for name, trial in trials.items():
            with fresh(ipv6=ipv6):
                case.taken.setdefault(name, []).append(trial())
    return case


def apply_case(count: int, rounds: int, *, ipv6: bool) -> Case:
    rows = ports(count, Ipv6.NO_ADDRESS if ipv6 else Ipv6.OFF)
    trials: dict[str, Trial] = {
        "trunkline": lambda: timed(lambda: LinuxKernel().apply(creating(rows))),
        "ip -batch": lambda: ip_batch(adding(count)),
    }
    if ipv6:
        title = f"apply {count} veth ports, IPv6 as the kernel has it"
        return run(Case(title, {"ip -batch": 4}), trials, 1, ipv6=True)
    trials["replay of our messages"] = replaying(rows)
    goals = {"ip -batch": 1.5, "replay of our messages": 1 / 1.25}
    title = f"apply {count} veth ports, {ON_A_BRIDGE} a bridge, IPv6 off"
    case = run(Case(title, goals), trials, rounds)
    return run(case, {"pyroute2, once": lambda: pyroute2_adding(count)}, 1)


def removal_case(count: int, on_a_bridge: int, rounds: int) -> Case:
    rows = ports(count, Ipv6.OFF, on_a_bridge)

    def ours() -> Taken:
        LinuxKernel().apply(creating(rows))
        return timed(lambda: LinuxKernel().apply(deleting(rows)))

    def theirs() -> Taken:
        LinuxKernel().apply(creating(rows))
        return ip_batch(removing(rows))

    title = f"take {count} veth ports and {count // on_a_bridge} bridges down"
    return run(Case(title, {"ip -batch": 15}), {"trunkline": ours, "ip -batch": theirs}, rounds)


def unchanged_case(rounds: int) -> Case:
    rows = ports(UNCHANGED, Ipv6.OFF)
    desired = host_state(rows)
    case = Case(f"{UNCHANGED} ports: nothing to do", {"apply that makes all": 10})
    with fresh(ipv6=False):
        kernel = LinuxKernel()
        made = timed(lambda: kernel.apply(creating(rows)))

        def again(directory: str) -> None:
            outcome = transaction.apply(desired, kernel, Path(directory), site=SITE)
            assert isinstance(outcome, transaction.Applied)
            assert outcome.plan.empty

        with tempfile.TemporaryDirectory() as directory:
            unchanged = [timed(lambda: again(directory)) for _ in range(max(rounds, 3))]
        case.taken["apply that changes nothing"] = unchanged
        case.taken["apply that makes all"] = [made]
        reading = [timed(lambda: kernel.read(desired)) for _ in range(max(rounds, 3))]
        case.taken["read alone"] = reading
    return case


def lab_case(rounds: int) -> Case:
    trials: dict[str, Trial] = {"trunkline": lab}
    if shutil.which("mn"):
        trials["mininet"] = mininet
    else:
        print("mininet is not installed: apt-get install mininet", file=sys.stderr)
    goals = {name: 15.0 for name in trials if name == "mininet"}
    return run(Case(f"a lab of {MACHINES} machines", goals), trials, rounds, ipv6=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--ports", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with namespaces.scratch():
        cases = [
            apply_case(options.ports, options.rounds, ipv6=False),
            apply_case(options.ports, options.rounds, ipv6=True),
            removal_case(FEW_BRIDGES, FEW_BRIDGES // 2, min(options.rounds, 2)),
            removal_case(options.ports, ON_A_BRIDGE, min(options.rounds, 2)),
            lab_case(min(options.rounds, 3)),
            unchanged_case(options.rounds),
        ]
    if options.json:
        print(json.dumps([asdict(case) for case in cases], indent=2))
    else:
        print("\n".join(line for case in cases for line in case.lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
