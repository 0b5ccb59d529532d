"""Take a lab away, whatever state it is in: up, half-up, or killed at any point.

Everything of a lab is below names that begin with `LAB.`: with the namespaces go their devices,
rules and addresses. What lives in them is ended first, so that nothing keeps a namespace alive.
Anybody can begin a name like that, so it alone makes nothing ours.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from trunkline.errors import HostError
from trunkline.kernel import namespaces, reader
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.lab.fabric import fabric_owner
from trunkline.lab.registry import Process

_POLITE = 0.5
"""Seconds between the request to end and the end."""
_CERTAIN = 5.0


@dataclass(frozen=True)
class Names:
    """What a lab calls its namespaces, as far as its registry tells."""

    lab: str
    given: frozenset[str] = frozenset()
    """Of the site that is up: they were free when it came up, so what has them is the lab's."""
    begun: frozenset[str] = frozenset()
    """Of a site that the lab was being brought to: they may be somebody else's."""
    owner: str = ""
    """Who marks what is on hosts; empty where nobody knows the site any more."""


def present(lab: str) -> set[str]:
    """Return the names that begin as those of *lab* do, whoever's they are."""
    everything = (*namespaces.names(), *namespaces.leftovers())
    return {name for name in everything if name.startswith(f"{lab}.")}


def members(names: Names) -> list[str]:
    """Return what belongs to the lab: namespaces, and plain files that a killed run left."""
    found = present(names.lab)
    sure = found & names.given
    return sorted(sure | {name for name in found - sure if _is_ours(names, name, *_seen(name))})


def unfinished(names: Names) -> list[str]:
    """Return the members that a killed change had just begun to make."""
    begun = present(names.lab) & names.begun - names.given
    return sorted(name for name in begun if _seen(name) == _BLANK)


_BLANK = (None, True)


def _seen(name: str) -> tuple[str | None, bool]:
    """Return who marked the namespace *name*, and whether it is as a killed run leaves a new one.

    Such a run may leave a plain file, too.
    """
    path = namespaces.path(name)
    try:
        if not namespaces.is_namespace(path):
            return (None, path.exists())
        with namespaces.entered(path), NetlinkSocket() as socket:
            owner, pristine = reader.loopback_owner(socket), reader.is_pristine(socket)
    except HostError:
        if namespaces.is_namespace(path):
            raise
        return (None, False)  # it was deleted since its name was listed
    return (owner, pristine and not namespaces.processes(name))


def _is_ours(names: Names, name: str, owner: str | None, blank: bool) -> bool:
    if owner is None:
        return blank and name in names.begun
    if owner.startswith(f"{fabric_owner(names.lab)}/"):
        return True
    on_a_host = name.count(".") > 1
    return on_a_host and (not names.owner or owner.startswith(f"{names.owner}/"))


def remove(names: Collection[str], server: Process | None = None) -> None:
    """End every process in the namespaces *names*, and *server*, and delete the namespaces."""
    found = inhabitants(names)
    if server is not None and started(server.pid) == server.start:
        found.add(server.pid)
    end(found)
    for name in names:
        namespaces.delete(name)


def inhabitants(names: Collection[str]) -> set[int]:
    """Return the processes in any of the namespaces *names*, found in one pass over /proc."""
    inodes = {
        path.stat().st_ino for path in map(namespaces.path, names) if namespaces.is_namespace(path)
    }
    return {pid for pid in _pids() if _namespace_of(pid) in inodes}


def end(pids: Collection[int]) -> None:
    """End processes: first asked, then forced; not this one and those that it runs under."""
    with contextlib.ExitStack() as stack:
        running: dict[int, int] = {}
        for pid in set(pids) - _ancestors():
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)  # which cannot come to mean another process
                stack.callback(os.close, handle)
                running[handle] = pid
        for number, patience in ((signal.SIGTERM, _POLITE), (signal.SIGKILL, _CERTAIN)):
            for handle in running:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            _wait(running, patience)
        if running:
            left = ", ".join(map(str, sorted(running.values())))
            raise HostError(
                f"processes {left} do not end", hint="they wait for a device; see their wchan"
            )


def _wait(running: dict[int, int], patience: float) -> None:
    """Wait until *running* is empty, but no process longer than *patience*; drop who ended."""
    while running:
        # A pidfd is readable once its process has ended.
        ended = select.select(list(running), [], [], patience)[0]
        if not ended:
            return
        for handle in ended:
            del running[handle]


def started(pid: int) -> int | None:
    """Return when process *pid* started, in clock ticks since boot; None if there is none."""
    fields = _status(pid)
    return int(fields[19]) if fields else None


def _ancestors() -> set[int]:
    """Return this process and those above it: `down` may be typed in the lab's own shell."""
    found: set[int] = set()
    pid = os.getpid()
    while pid > 1 and pid not in found:
        found.add(pid)
        fields = _status(pid)
        pid = int(fields[1]) if fields else 0
    return found


def _status(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; the second may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdecimal())


def _namespace_of(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:  # it ended meanwhile, or it is a kernel thread
        return None
