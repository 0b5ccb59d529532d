"""Run a command in something of a lab, on this terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from trunkline.errors import HostError, UsageError
from trunkline.kernel import namespaces
from trunkline.lab import dns, inside, registry
from trunkline.lab.fabric import SWITCH
from trunkline.lab.lab import Lab


def execute(
    lab: Lab,
    name: str,
    argv: Sequence[str],
    *,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
) -> int:
    """Run *argv* in the namespace of *name* and return its exit code as a shell does."""
    place = lab.place(name)
    if not argv:
        raise UsageError(f"'{name}': no command", hint=f"like: exec {name} -- ip address")
    if not namespaces.is_namespace(place):
        raise HostError(
            f"'{name}': its namespace '{place.name}' is gone",
            hint="bring it back with `trunkline lab up`; `verify` says what else is missing",
        )
    resolv = registry.directory(lab.name) / "resolv.conf"
    known = resolv.exists() and name != SWITCH
    return inside.run(place, argv, resolv=resolv if known else None, stdin=stdin, stdout=stdout)


def write_resolver(lab: str) -> None:
    """Let names resolve in *lab*: its outside answers for all of them."""
    if not (registry.directory(lab) / "resolv.conf").exists():
        registry.put(lab, "resolv.conf", f"nameserver {dns.INTERNET_V4}\n".encode())
