"""How long a big site takes from text to plans: 5,000 machines, 40 networks, 50 hosts.

python -m bench.parse [--machines N] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

from trunkline import manifest, plan, rules
from trunkline.capabilities import Capabilities
from trunkline.intent import Site
from trunkline.realise import realise
from trunkline.sitefile import document, shape
from trunkline.state import HostState, Nic, host_state

LIMIT = 3.0
"""Seconds of CPU for everything; a person waits for a command this long without wondering."""

MAC = "00:0c:29:27:d5:3b"

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    name: str
    cpu: float
    """Seconds of this process alone, whatever else the machine does; nothing here waits."""
    wall: float


def site_text(machines: int = 5000, networks: int = 40, hosts: int = 50) -> str:
    """Return a site as people write it: every host carries every network."""
    lines = ["site: big", "networks:"]
    lines += [
        f"  net{n}: {{vlan: {n + 100}, subnets: [{{cidr: 10.{n}.0.0/16, gateway: 10.{n}.0.1}}]}}"
        for n in range(networks)
    ]
    carried = ", ".join(f"net{n}" for n in range(networks))
    lines += ["hosts:"]
    lines += [
        f"  host{n}: {{uplinks: {{lan: {{device: eno1, networks: [{carried}]}}}}}}"
        for n in range(hosts)
    ]
    lines += ["vms:"]
    for n in range(machines):
        network, low = n % networks, n // networks + 2
        mac = f"52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
        address = f"10.{network}.{low >> 8}.{low & 255}/16"
        lines += [
            f"  vm{n}:",
            f"    host: host{n % hosts}",
            "    ports:",
            f"      - network: net{network}",
            f'        mac: "{mac}"',
            f"        addresses: [{address}]",
        ]
    return "\n".join(lines) + "\n"


class Watch:
    """Times stages one after another."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []

    def time(self, name: str, work: Callable[[], T]) -> T:
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        taken = Stage(name, time.process_time() - cpu, time.perf_counter() - wall)
        self.stages.append(taken)
        return result


def measure(text: str) -> list[Stage]:
    """Return how long each stage takes, the way `manifest.parse` and a plan run them."""
    watch = Watch()
    data = text.encode()
    read = watch.time("read YAML", lambda: document.load(data, "big.yaml"))
    fitted = watch.time("fit the models", lambda: shape.fitted(read))
    file = fitted.file
    assert file is not None, "the generated site is wrong"
    site = watch.time("make the site", lambda: manifest.site_of(file))
    found = watch.time("check the rules", lambda: rules.check(site, fitted.positions))
    assert not found, f"the generated site is wrong: {found[0]}"
    states = watch.time("realise every host", lambda: realised(site))
    watch.time("plan every host", lambda: planned(site, states))
    return watch.stages


def realised(site: Site) -> dict[str, HostState]:
    return {host: realise(site, host, Capabilities()) for host in site.hosts}


def planned(site: Site, states: dict[str, HostState]) -> int:
    """Return how many operations it takes on hosts that have nothing but their NICs."""
    return sum(
        len(plan.diff(bare(state), state, site.name).operations) for state in states.values()
    )


def bare(state: HostState) -> HostState:
    nics = (row for row in state.values() if isinstance(row, Nic))
    return host_state(Nic(nic.namespace, nic.name, False, 1500, MAC, "") for nic in nics)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=5000)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    text = site_text(options.machines)
    stages = measure(text)
    total = Stage("all", sum(s.cpu for s in stages), sum(s.wall for s in stages))
    if options.json:
        rows = [asdict(stage) for stage in stages]
        print(json.dumps({"machines": options.machines, "stages": rows, "all": asdict(total)}))
    else:
        print(f"{options.machines} machines, {text.count(chr(10))} lines, {len(text)} bytes")
        print(f"  {'':<20} {'CPU':>9} {'wall':>9}")
        for stage in [*stages, total]:
            print(f"  {stage.name:<20} {stage.cpu:7.3f} s {stage.wall:7.3f} s")
    if total.cpu > LIMIT:
        print(f"slower than {LIMIT} s", file=sys.stderr)
    return int(total.cpu > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
