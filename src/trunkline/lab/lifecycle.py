"""Labs come up and go down.

A lab comes up like a site does: the fabric is one transaction, then every host is one, with the
same plans, journals and read-backs as on real hosts. `up` on a lab that is up changes what the
site changed. A new lab that cannot come up, or is interrupted, goes down again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from trunkline import manifest, transaction
from trunkline.errors import ConflictError, TrunklineError
from trunkline.intent import OUTSIDE, Site
from trunkline.kernel import Kernel, probe
from trunkline.lab import registry, running, server, signals, sweep
from trunkline.lab.fabric import INTERNET, fabric_owner
from trunkline.lab.lab import Lab
from trunkline.lab.registry import Record
from trunkline.plan import Plan
from trunkline.state import HostState, Namespace
from trunkline.transaction import PartlyApplied, RolledBack
from trunkline.verify import nodes


@dataclass(frozen=True)
class Event:
    """A step that is done."""

    name: str
    """`fabric`, a host, `outside`, or what else took time."""
    seconds: float
    plan: Plan | None = None
    """What was done; None where that is no plan."""


Listener = Callable[[Event], None]


def _silent(_event: Event) -> None:
    """Hear nothing."""


def up(text: bytes, file: str, *, name: str = "", tell: Listener = _silent) -> Lab:
    """Bring up the site in *text* as lab *name*, or bring that lab to what *text* says now."""
    site = manifest.parse(text, file)
    lab = Lab(registry.check_name(name or site.name), site)
    with registry.locked(lab.name), signals.interrupting():
        before = _before(lab)
        if before is None:
            registry.write(Record(lab.name, site.name, file), text)
        try:
            record = _bring_up(lab, before, tell)
            registry.write(replace(record, file=file), text)
        except BaseException:
            if before is None:
                with signals.waiting():
                    _take_down(lab.name)
            raise
    return lab


def down(name: str) -> int:
    """Take lab *name* away, half-up or not, and return how many namespaces it had."""
    if not registry.exists(name) and not _orphaned(name):
        raise registry.absent(name)
    with registry.locked(name):
        return _take_down(name)


def opened(name: str) -> Lab:
    """Return lab *name* as it is up."""
    record, text = registry.read(name)
    return Lab(record.lab, manifest.parse(text, record.file))


def _before(lab: Lab) -> tuple[Record, Site] | None:
    """Return what *lab* was until now; None if it is new, and then its names must be free."""
    if registry.is_recorded(lab.name):
        record, text = registry.read(lab.name)
        if record.site != lab.site.name:
            raise ConflictError(
                f"lab '{lab.name}' is up for site '{record.site}', not '{lab.site.name}'",
                hint="take it down first, or choose another name with --name",
            )
        return record, manifest.parse(text, record.file)
    if taken := sweep.members(lab.name):
        registry.remove(lab.name)
        raise ConflictError(
            f"lab '{lab.name}': namespace '{taken[0]}' exists already and is not this lab's",
            hint="choose another name with --name, or delete it with `ip netns delete`",
        )
    return None


def _bring_up(lab: Lab, before: tuple[Record, Site] | None, tell: Listener) -> Record:
    with _told(tell, "capabilities"):
        capabilities = probe.capabilities()
    record, old = before or (Record(lab.name, lab.site.name, ""), Site(lab.site.name))
    inside = sweep.inhabitants(sweep.members(lab.name))
    for host in old.hosts.keys() - lab.site.hosts.keys():
        # Its machines are in namespaces of their own, which would outlive the host's.
        _agree(lab, host, {}, tell)
    _agree(lab, "", lab.fabric(capabilities), tell)
    for host in lab.site.hosts:
        _agree(lab, host, lab.host_state(host, capabilities), tell)
    # A namespace that lost its name lives on with those inside, and nobody would find them.
    sweep.end(inside - sweep.inhabitants(sweep.members(lab.name)))
    with _told(tell, OUTSIDE):
        running.write_resolver(lab.name)
        return _serve(lab, record)


def _agree(lab: Lab, host: str, desired: HostState, tell: Listener) -> None:
    """Make *host*, or the fabric if there is none, agree with *desired*."""
    kernel: Kernel = lab.host_kernel(host) if host else lab.fabric_kernel
    owner = lab.site.name if host else fabric_owner(lab.name)
    part = host or "fabric"
    begin = time.monotonic()
    outcome = transaction.apply(
        desired, kernel, registry.journal(lab.name, part), site=owner, command="lab up"
    )
    if isinstance(outcome, RolledBack | PartlyApplied):
        if isinstance(outcome.cause, TrunklineError):
            raise outcome.cause
        raise KeyboardInterrupt from outcome.cause  # a signal
    tell(Event(part, time.monotonic() - begin, outcome.plan))


def _serve(lab: Lab, record: Record) -> Record:
    """See that the outside's server runs for the outside's addresses, if there is an outside."""
    addresses = _outside_addresses(lab.site)
    namespace = lab.path(OUTSIDE)
    runs = server.running(record.server, namespace)
    if addresses == record.serves and runs == bool(addresses):
        return record
    if record.server is not None and runs:
        sweep.end([record.server.pid])
    process = None
    if addresses:
        log = registry.directory(lab.name) / "outside.log"
        process = server.start(lab.name, namespace, addresses, log)
    return replace(record, server=process, serves=addresses)


def _outside_addresses(site: Site) -> tuple[str, ...]:
    outside = nodes(site).get(OUTSIDE)
    if outside is None:
        return ()
    internet = (address.partition("/")[0] for address in INTERNET)
    return (*(address.ip for address in outside.addresses), *internet)


def _take_down(name: str) -> int:
    members = sweep.members(name)
    sweep.remove(members, registry.server_of(name))
    registry.remove(name)
    return len(members)


def _orphaned(name: str) -> bool:
    """Return whether namespaces of a lab are there that the registry has lost."""
    kernel = Lab(name, Site(name)).fabric_kernel
    owner = f"{fabric_owner(name)}/"
    return any(
        isinstance(row, Namespace) and row.owner is not None and row.owner.startswith(owner)
        for row in kernel.read({}).values()
    )


@contextmanager
def _told(tell: Listener, name: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    tell(Event(name, time.monotonic() - begin))
