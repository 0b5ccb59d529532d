"""A host in namespaces of its own, for the tests of `LinuxKernel`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import count

from tests import kernel_oracle
from tests.conftest import delete_namespace, left_behind
from trunkline.kernel import namespaces
from trunkline.kernel.linux import LinuxKernel
from trunkline.kernel.netlink import link, links
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    HostState,
    Ipv6,
    Namespace,
    Nic,
    Route,
    Row,
    Sysctl,
    Tap,
    VethEnd,
    completed,
    host_state,
    veth,
)
from trunkline.values import MacAddress

OWNER = "site/thing"
MAC = MacAddress("02:00:00:00:00:01")


class Host:
    """A host in namespaces of its own, and what a test does with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        namespaces.create(name)
        self.kernel = LinuxKernel(prefix=f"{name}.", root=str(namespaces.path(name)))

    def make(self, *rows: Row) -> None:
        self.kernel.apply([Operation(None, row) for row in rows])

    def remove(self, *rows: Row) -> None:
        self.kernel.apply([Operation(row, None) for row in rows])

    def change(self, before: Row, after: Row) -> None:
        self.kernel.apply([Operation(before, after)])

    def read(self, *wanted: Row) -> HostState:
        return self.kernel.read(host_state(wanted))

    def expect(self, *rows: Row) -> None:
        """Compare all that is there with *rows*, whose None fields do not matter."""
        seen = self.read(*rows)
        wanted = host_state(rows)
        assert dict(seen) == {key: completed(row, seen.get(key)) for key, row in wanted.items()}

    def run(self, *argv: str) -> str:
        done = namespaces.run(namespaces.path(self.name), argv)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def delete(self) -> None:
        for name in left_behind(self.name):
            delete_namespace(name)


@contextlib.contextmanager
def made(name: str) -> Iterator[Host]:
    """Yield a new host, and delete all its namespaces."""
    found = Host(name)
    try:
        yield found
    finally:
        found.delete()


_numbers = count()


@contextlib.contextmanager
def another(host: Host) -> Iterator[Host]:
    """Yield a fresh host for one example of a property."""
    with made(f"{host.name}x{next(_numbers)}") as found:
        yield found


BASIC: tuple[Row, ...] = (
    Namespace("c1", OWNER),
    Bridge("", "br0", OWNER, MAC, 1500),
    veth(
        VethEnd("", "v1"),
        VethEnd("c1", "eth0", MacAddress("52:54:00:00:00:01"), ipv6=Ipv6.ON),
        owner=OWNER,
        mtu=1400,
    ),
    Tap("", "tap0", OWNER, MacAddress("fe:00:00:00:00:02")),
    BridgePort("", "v1", "br0"),
    BridgePort("", "tap0", "br0", learning=False, flood=False, isolated=True, hairpin=True),
    FdbEntry("", "v1", "52:54:00:00:00:01"),
    Address("c1", "eth0", "192.0.2.1/24"),
    Address("c1", "eth0", "2001:db8::1/64"),
    Address("c1", "lo", "198.51.100.1/32"),
    Route("c1", "0.0.0.0/0", "192.0.2.254", "eth0"),
    Route("c1", "2001:db8:1::/48", "2001:db8::fe", "eth0"),
    Route("c1", "203.0.113.0/24", None, "eth0", metric=7),
    Sysctl("c1", "net/ipv4/ip_forward", "1"),
    Sysctl("c1", "net/ipv4/conf/eth0/arp_ignore", "1"),
)


def links_of(host: Host) -> dict[str, links.Link]:
    with namespaces.entered(namespaces.path(host.name)), NetlinkSocket() as netlink:
        return {each.name: each for each in links.parse(netlink.dump(link.dump()))}


def nics(host: Host) -> set[Row]:
    """Return what the oracle calls `Nic` and we call something better."""
    return {row for row in kernel_oracle.rows(host.name) if isinstance(row, Nic)}
