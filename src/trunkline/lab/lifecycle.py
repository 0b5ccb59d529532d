"""Labs come up and go down.

A lab comes up like a site does: the fabric is one transaction, then every host is one, with the
same plans, journals and read-backs as on real hosts. `up` on a lab that is up changes what the
site changed. A new lab that cannot come up, or is interrupted, goes down again; one that cannot
change, or is interrupted while it does, is brought back to what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from trunkline import manifest
from trunkline.errors import (
    ConflictError,
    PartlyAppliedError,
    RolledBackError,
    SiteError,
    TrunklineError,
)
from trunkline.intent import Site
from trunkline.lab import registry, signals, sweep
from trunkline.lab.lab import Lab
from trunkline.lab.raising import Event, Listener, Undone, bring_up
from trunkline.lab.registry import Record
from trunkline.lab.sweep import Names

__all__ = ["Event", "Listener", "down", "opened", "up"]


def _silent(_event: Event) -> None:
    """Hear nothing."""


def up(text: bytes, file: str, *, name: str = "", tell: Listener = _silent) -> Lab:
    """Bring up the site in *text* as lab *name*, or bring that lab to what *text* says now."""
    site = manifest.parse(text, file)
    lab = Lab(registry.check_name(name or site.name), site)
    with registry.locked(lab.name), signals.interrupting():
        if registry.is_recorded(lab.name):
            _change(lab, text, file, tell)
        else:
            _start(lab, text, file, tell)
    return lab


def down(name: str) -> int:
    """Take lab *name* away, half-up or not, and return how many namespaces it had."""
    if not registry.exists(name) and not sweep.members(_names(name)):
        raise registry.absent(name)
    with registry.locked(name):
        return _take_down(name)


def opened(name: str) -> Lab:
    """Return lab *name* as it is up."""
    record, text = registry.read(name)
    return Lab(record.lab, manifest.parse(text, record.file))


def _start(lab: Lab, text: bytes, file: str, tell: Listener) -> None:
    """Bring up a new lab, or leave nothing."""
    _check_free(lab)
    try:
        record = Record(lab.name, lab.site.name, file)
        registry.write(record, text)
        registry.write(bring_up(lab, record, (), tell), text)
    except BaseException as error:
        with signals.waiting():
            _take_down(lab.name)
        if isinstance(error, Undone):
            raise error.cause from error
        raise


def _check_free(lab: Lab) -> None:
    """Raise ConflictError where a name that *lab* needs is taken."""
    if lost := sweep.members(Names(lab.name)):
        hint = f"take it down with `trunkline lab down {lab.name}`, or choose another --name"
        whose = "of a lab that was up under this name"
    elif lost := sorted(_places(lab.name, lab.site) & sweep.present(lab.name)):
        hint = "choose another name with --name, or delete it with `ip netns delete`"
        whose = "not this lab's"
    else:
        return
    registry.remove(lab.name)
    raise ConflictError(
        f"lab '{lab.name}': namespace '{lost[0]}' exists already and is {whose}", hint=hint
    )


def _change(lab: Lab, text: bytes, file: str, tell: Listener) -> None:
    """Bring a lab that is up to another site, or leave it as it was."""
    record, old_text = registry.read(lab.name)
    if record.site != lab.site.name:
        raise ConflictError(
            f"lab '{lab.name}' is up for site '{record.site}', not '{lab.site.name}'",
            hint="take it down first, or choose another name with --name",
        )
    old = manifest.parse(old_text, record.file)
    hosts = {*old.hosts, *lab.site.hosts}
    if begun := _site(registry.next_text(lab.name)):
        # An earlier change was killed: the names in this one's file replace those in its.
        sweep.remove(sweep.unfinished(_names(lab.name)))
        hosts |= set(begun.hosts)
    registry.write_next(lab.name, text)
    before, after = _places(lab.name, old), _places(lab.name, lab.site)
    with _no_strays(Names(lab.name, given=before, begun=after, owner=old.name)):
        _bring(lab, replace(record, file=file), text, _Former(old, hosts), tell)


@dataclass(frozen=True)
class _Former:
    """What a lab was."""

    site: Site
    hosts: Set[str]
    """Every host that may be there: of its site, and of changes that did not end."""


def _bring(lab: Lab, record: Record, text: bytes, former: _Former, tell: Listener) -> None:
    changed = False

    def hear(event: Event) -> None:
        nonlocal changed
        changed = changed or (event.plan is not None and not event.plan.empty)
        tell(event)

    try:
        record = bring_up(lab, record, former.hosts, hear)
        registry.write(record, text)
    except BaseException as error:
        cause = error.cause if isinstance(error, Undone) else error
        with signals.waiting():
            _bring_back(Lab(lab.name, former.site), record, former.hosts, cause)
        if isinstance(cause, TrunklineError) and (changed or isinstance(error, Undone)):
            raise RolledBackError(
                f"lab '{lab.name}': {cause}; rolled back: the lab is as it was before",
                hint=cause.hint,
            ) from error
        raise cause from error.__cause__


def _bring_back(lab: Lab, record: Record, hosts: Set[str], cause: BaseException) -> None:
    """Bring *lab* back to its own site, on which it has not all of *hosts*."""
    known, text = registry.read(lab.name)
    try:
        # Not in this thread, in which a transaction would let itself be interrupted.
        with ThreadPoolExecutor(1) as pool:
            back = replace(
                pool.submit(bring_up, lab, record, hosts, _silent).result(), file=known.file
            )
        if back != known:
            registry.write(back, text)
        registry.forget_next(lab.name)
    except (TrunklineError, Undone, OSError) as error:
        why = str(cause) or "interrupted"
        raise PartlyAppliedError(
            f"lab '{lab.name}': {why}; and it could not be brought back: {error}",
            hint=f"`trunkline lab plan {lab.name}` shows what differs from before",
        ) from error


@contextmanager
def _no_strays(names: Names) -> Iterator[None]:
    """End what runs in namespaces that are deleted meanwhile.

    One that lost its name lives on with those inside, and nobody would find them.
    """
    inside = sweep.inhabitants(sweep.members(names))
    try:
        yield
    finally:
        sweep.end(inside - sweep.inhabitants(sweep.members(names)))


def _take_down(name: str) -> int:
    members = sweep.members(_names(name))
    sweep.remove(members, registry.server_of(name))
    registry.remove(name)
    return len(members)


def _names(name: str) -> Names:
    """Return what lab *name* may have called its namespaces, however damaged its record is."""
    site, begun = _site(registry.site_text(name)), _site(registry.next_text(name))
    return Names(
        name,
        given=_places(name, site),
        begun=_places(name, begun),
        owner="" if site is None else site.name,
    )


def _site(text: bytes) -> Site | None:
    try:
        return manifest.parse(text, "site.yaml")
    except SiteError:  # none or damaged: then the marks alone tell
        return None


def _places(name: str, site: Site | None) -> frozenset[str]:
    if site is None:
        return frozenset()
    return frozenset(place.name for place in Lab(name, site).places().values())
