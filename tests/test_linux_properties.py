"""Any host that LinuxKernel makes reads back, and iproute2 agrees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import kernel_oracle
from tests.conftest import capabilities
from tests.linux_host import MAC, OWNER, Host, another, links_of, made, nics
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Ipv6,
    Namespace,
    Row,
    Veth,
    VethEnd,
    completed,
    veth,
)
from trunkline.values import MacAddress

pytestmark = pytest.mark.kernel


@pytest.fixture
def host(unique: str) -> Iterator[Host]:
    with made(unique) as found:
        yield found


few = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Each example makes and reads a namespace with a dozen processes, so there are not many."""


macs = st.integers(0, 0xFFFF).map(lambda n: MacAddress(f"fe:00:00:01:{n >> 8:02x}:{n & 255:02x}"))
modes = st.sampled_from(Ipv6)
bools = st.booleans()
mtus = st.none() | st.integers(1280, 9000)


def bridges(name: str) -> st.SearchStrategy[Bridge]:
    return st.builds(
        Bridge,
        namespace=st.just(""),
        name=st.just(name),
        owner=st.just(OWNER),
        mac=st.none() | macs,
        mtu=mtus,
        up=bools,
        ipv6=modes,
        stp=bools,
        ageing=st.integers(0, 100_000),
        snooping=bools,
        nf_call=st.deferred(lambda: bools if capabilities().br_netfilter else st.just(False)),
    )


def ends(namespace: str, name: str) -> st.SearchStrategy[VethEnd]:
    return st.builds(
        VethEnd, namespace=st.just(namespace), name=st.just(name), up=bools, ipv6=modes, mac=macs
    )


def pairs(name: str, namespace: str = "") -> st.SearchStrategy[Veth]:
    first, second = ends("", name), ends(namespace, f"{name}p")
    return st.builds(lambda a, b, mtu: veth(a, b, owner=OWNER, mtu=mtu), first, second, mtus)


def ports(name: str) -> st.SearchStrategy[BridgePort]:
    return st.builds(
        BridgePort,
        namespace=st.just(""),
        port=st.just(name),
        bridge=st.sampled_from(("br0", "br1")),
        learning=bools,
        flood=bools,
        isolated=bools,
        hairpin=bools,
    )


@st.composite
def hosts(draw: st.DrawFn) -> list[Row]:
    """Two bridges, pairs in one and two namespaces, ports, and entries."""
    rows: list[Row] = [Namespace("c1", OWNER), draw(bridges("br0")), draw(bridges("br1"))]
    rows += [draw(pairs("v0")), draw(pairs("v1", "c1")), draw(pairs("v2", "c1"))]
    members = [draw(ports(name)) for name in ("v0", "v1") if draw(bools)]
    rows += members
    if members:
        rows.append(FdbEntry("", members[0].port, "52:54:00:00:00:09"))
    rows += [Address("", "v2", f"192.0.2.{draw(st.integers(1, 254))}/24")]
    return rows


@few
@given(wanted=hosts())
def test_any_host_reads_back_and_iproute2_agrees(host: Host, wanted: list[Row]) -> None:
    with another(host) as fresh:
        fresh.make(*wanted)
        seen = fresh.read()

        fresh.expect(*wanted)
        local = {row for row in seen.values() if not isinstance(row, Namespace | Veth)}
        assert local == kernel_oracle.rows(fresh.name) - nics(fresh)
        for row in seen.values():
            if isinstance(row, Veth):
                check_end(fresh, row, row.first)


def check_end(host: Host, row: Veth, end: VethEnd) -> None:
    (shown,) = kernel_oracle._json("ip", "-n", host.name, "-j", "-d", "link", "show", end.name)
    assert shown["address"] == end.mac
    assert ("UP" in shown["flags"]) is end.up
    assert kernel_oracle.ipv6(host.name, shown) is end.ipv6
    assert shown["mtu"] == row.mtu
    # Without CONFIG_RPS there are no receive queues to count.
    assert (shown["num_tx_queues"], shown.get("num_rx_queues", 1)) == (1, 1)
    assert shown["ifalias"] == f"trunkline:{OWNER}"


@few
@given(old=bridges("br0"), new=bridges("br0"), a=pairs("v0"), b=pairs("v0"), flags=ports("v0"))
def test_any_change_in_place_ends_as_wanted(
    host: Host, old: Bridge, new: Bridge, a: Veth, b: Veth, flags: BridgePort
) -> None:
    flags = dataclasses.replace(flags, bridge="br0")
    # Else it follows its ports (P-01), and rightly does not end as it was before.
    old = dataclasses.replace(old, mtu=old.mtu or 1500, mac=old.mac or MAC)
    plain = BridgePort("", "v0", "br0")
    # No MAC and no MTU means "as it is": what was there stays.
    with another(host) as fresh:
        fresh.make(old, a, plain)
        seen = fresh.read()
        wanted = [completed(row, seen[row.key]) for row in (new, b, flags)]
        fresh.kernel.apply([Operation(seen[row.key], row) for row in wanted])

        fresh.expect(*wanted)
        index = links_of(fresh)["br0"].index
        fresh.kernel.apply([Operation(row, seen[row.key]) for row in wanted])
        assert fresh.read() == seen
        assert links_of(fresh)["br0"].index == index, "it was made anew"


addresses4 = st.integers(1, 0xDFFFFFFE).map(
    lambda n: ".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))
)
addresses6 = st.integers(1, (1 << 61) - 1).map(
    lambda n: ":".join(
        f"{(0x2 << 124 | n << 56 | n) >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)
    )
)


@few
@given(
    st.lists(
        st.tuples(addresses4, st.integers(8, 32)), max_size=5, unique_by=lambda each: each[0]
    ),
    st.lists(
        st.tuples(addresses6, st.integers(8, 128)), max_size=5, unique_by=lambda each: each[0]
    ),
)
def test_any_addresses_read_back_in_canonical_form(
    host: Host, four: list[tuple[str, int]], six: list[tuple[str, int]]
) -> None:
    from trunkline.values import InterfaceAddress

    texts = [InterfaceAddress(f"{host_}/{length}") for host_, length in four + six]
    usable = [text for text in texts if not text.parsed.ip.is_loopback and text.ip[:4] != "0.0."]
    with another(host) as fresh:
        bridge = Bridge("", "br0", OWNER, MAC, ipv6=Ipv6.NO_ADDRESS)
        rows = [Address("", "br0", text) for text in dict.fromkeys(usable)]
        fresh.make(bridge, *rows)

        fresh.expect(bridge, *rows)
        assert kernel_oracle.rows(fresh.name) - nics(fresh) == set(fresh.read().values())
