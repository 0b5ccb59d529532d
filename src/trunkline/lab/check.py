"""Verify a running lab: what its kernels hold, and who really reaches whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trunkline import plan, verify
from trunkline.errors import TrunklineError
from trunkline.intent import OUTSIDE
from trunkline.kernel import probe, prober
from trunkline.lab.fabric import fabric_owner
from trunkline.lab.lab import Lab
from trunkline.state import HostState
from trunkline.verify import Aimed, Drift, Placed, Report, expectations
from trunkline.verify.compare import Seen

FABRIC = "fabric"
"""Where drift is that is of no host: the switch, the cables, the outside."""

PATIENCE = 1.0
"""Seconds for all probes together; in one kernel an answer takes less than a millisecond."""


def verify_lab(lab: Lab, *, timeout: float = PATIENCE) -> Report:
    """Return what is as declared in *lab* and what is not."""
    parts = _parts(lab)
    found = _seats(lab, parts)
    matrix = verify.expected(lab.site)
    ipv6 = probe.capabilities().ipv6
    aimed = [*verify.probes(matrix, found, ipv6=ipv6), *_to_addresses(lab, found)]
    drift = [part.drift for part in parts if part.drift is not None]
    return verify.compare(lab.site, matrix, _seen(found, aimed, timeout), drift)


def seats(lab: Lab) -> tuple[Placed, ...]:
    """Return the seats in *lab* as its kernels have them now."""
    return _seats(lab, _parts(lab))


@dataclass(frozen=True)
class _Part:
    """One kernel of the lab: what it holds, and what is wrong with that."""

    host: str
    observed: HostState
    drift: Drift | None


def _parts(lab: Lab) -> list[_Part]:
    capabilities = probe.capabilities()
    desired = {"": lab.fabric(capabilities)}
    desired |= {host: lab.host_state(host, capabilities) for host in lab.site.hosts}
    return [_part(lab, host, state) for host, state in desired.items()]


def _part(lab: Lab, host: str, desired: HostState) -> _Part:
    kernel = lab.host_kernel(host) if host else lab.fabric_kernel
    owner = lab.site.name if host else fabric_owner(lab.name)
    observed: HostState = {}
    try:
        observed = kernel.read(desired)
        operations = plan.diff(observed, desired, owner).operations
    except TrunklineError as error:  # a NIC or a whole namespace is gone, or someone else's
        return _Part(host, observed, Drift(host or FABRIC, (), error.message))
    drift = Drift(host or FABRIC, operations) if operations else None
    return _Part(host, observed, drift)


def _seats(lab: Lab, parts: Iterable[_Part]) -> tuple[Placed, ...]:
    states = {part.host or OUTSIDE: part.observed for part in parts}
    return verify.placed(lab.site, states, lambda *place: str(lab.path(*place)))


def _to_addresses(lab: Lab, seats: Sequence[Placed]) -> Iterator[Aimed]:
    for source, address in expectations.addresses(lab.site):
        yield from verify.to_address([seat for seat in seats if seat.node == source], address)


def _seen(seats: Iterable[Placed], aimed: Sequence[Aimed], timeout: float) -> list[Seen]:
    verdicts = prober.run([placed.seat for placed in seats], [a.probe for a in aimed], timeout)
    return [(each.pair, verdict) for each, verdict in zip(aimed, verdicts, strict=True)]
