"""A lab comes to what its site says: the fabric, then host by host, then the outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from trunkline import transaction
from trunkline.errors import TrunklineError
from trunkline.intent import OUTSIDE, Site
from trunkline.kernel import Kernel, namespaces, probe
from trunkline.lab import registry, running, server, sweep
from trunkline.lab.fabric import INTERNET, fabric_owner
from trunkline.lab.lab import Lab
from trunkline.lab.registry import Record
from trunkline.plan import Plan
from trunkline.state import HostState
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


class Undone(Exception):  # noqa: N818 - it is told apart from errors, which it carries
    """One of the transactions failed after it had begun."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        # Whatever is no error of ours is the signal that interrupted it.
        self.cause = cause if isinstance(cause, TrunklineError) else KeyboardInterrupt()


def bring_up(lab: Lab, record: Record, hosts: Collection[str], tell: Listener) -> Record:
    """Bring *lab*, which may have *hosts* so far, to what its site says; raises `Undone` too."""
    with _told(tell, "capabilities"):
        capabilities = probe.capabilities()
    for host in sorted(set(hosts) - set(lab.site.hosts)):
        # Its machines are in namespaces of their own, which would outlive the host's.
        if namespaces.is_namespace(lab.path(host)):
            _agree(lab, host, {}, tell)
    _agree(lab, "", lab.fabric(capabilities), tell)
    for host in lab.site.hosts:
        _agree(lab, host, lab.host_state(host, capabilities), tell)
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
        raise Undone(outcome.cause)
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


@contextmanager
def _told(tell: Listener, name: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    tell(Event(name, time.monotonic() - begin))
