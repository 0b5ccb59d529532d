"""A host for kernel tests: a namespace with two NICs, and what belongs to somebody else."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence

from tests.planning_fixtures import NIC_MAC
from trunkline.kernel.linux import LinuxKernel

FOREIGN = """\
link add name br-foreign type bridge
link set dev br-foreign up
address add 10.99.0.1/24 dev br-foreign
route add 10.98.0.0/16 via 10.99.0.2 dev br-foreign proto static
"""


@contextlib.contextmanager
def host(namespace: str) -> Iterator[LinuxKernel]:
    """Make *namespace* a host with NICs eno1 and eno2; yield its kernel."""
    ip(namespace, "link", "add", "eno1", "address", NIC_MAC, "type", "veth", "peer", "far1")
    ip(namespace, "link", "add", "eno2", "type", "veth", "peer", "far2")
    try:
        yield LinuxKernel(prefix=f"{namespace}.", root=f"/run/netns/{namespace}")
    finally:
        for name in listed(f"{namespace}."):
            subprocess.run(["ip", "netns", "delete", name], check=True)


def listed(prefix: str) -> list[str]:
    lines = run("ip", "netns", "list").splitlines()
    return [line.split()[0] for line in lines if line.startswith(prefix)]


def add_foreign(namespace: str) -> None:
    """Add a bridge, an address, a route and an nft table that are not ours."""
    for line in FOREIGN.splitlines():
        ip(namespace, *line.split())
    run("ip", "netns", "exec", namespace, "nft", "add", "table", "inet", "foreign")


def foreign(namespace: str) -> list[str]:
    """Return what the kernel says of everything that `add_foreign` made."""
    return [
        ip(namespace, "link", "show", "dev", "br-foreign"),
        ip(namespace, "address", "show", "dev", "br-foreign", "scope", "global"),
        ip(namespace, "route", "show", "proto", "static"),
        run("ip", "netns", "exec", namespace, "nft", "list", "table", "inet", "foreign"),
    ]


def ip(namespace: str, *words: str) -> str:
    return run("ip", "-n", namespace, *words)


def run(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, input=stdin)
    assert done.returncode == 0, f"{_shown(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def _shown(words: Sequence[str]) -> str:
    return " ".join(words)
