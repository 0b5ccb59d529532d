"""What a site promises, which packets prove it, and what they proved."""

from __future__ import annotations

import dataclasses

import pytest

from tests.lab_fixtures import ALLOWED, PAIR, site, walkthrough
from trunkline import verify
from trunkline.capabilities import Capabilities
from trunkline.intent import OUTSIDE, Expect, Expectation, Network, Site
from trunkline.lab.fabric import fabric
from trunkline.operation import Operation
from trunkline.probe import Probe, ProbeKind, Verdict
from trunkline.realise import Seats, realise
from trunkline.state import BridgePort
from trunkline.values import VlanId
from trunkline.verify import Actual, Drift, Placed, Report
from trunkline.verify.probing import link_local

EBPF = Capabilities(vlan_devices=False)


def reached(of: Site) -> dict[str, list[str]]:
    """Return whom everybody is promised to reach."""
    matrix = verify.expected(of)
    names = dict.fromkeys(source for source, _ in matrix)
    return {
        name: [t for (s, t), c in matrix.items() if s == name and c.expected is Expect.REACHABLE]
        for name in names
    }


def seats(of: Site) -> tuple[Placed, ...]:
    states = {host: realise(of, host, EBPF, Seats.NAMESPACE) for host in of.hosts}
    states[OUTSIDE] = fabric(of, EBPF)
    return verify.placed(of, states, lambda *place: "/".join(place))


def report(of: Site, wrong: frozenset[tuple[str, str]] = frozenset()) -> Report:
    """Return the report if everything is as promised but the pairs in *wrong*."""
    matrix = verify.expected(of)
    aimed = [*verify.probes(matrix, seats(of)), *addressed(of)]
    seen = []
    for each in aimed:
        cell = matrix.get(each.pair)
        good = cell is None or cell.expected is Expect.REACHABLE
        seen.append((each.pair, Verdict(each.probe, good ^ (each.pair in wrong))))
    return verify.compare(of, matrix, seen, ())


def addressed(of: Site) -> list[verify.Aimed]:
    pairs = verify.expectations.addresses(of)
    return [
        aimed
        for source, address in pairs
        for aimed in verify.to_address([s for s in seats(of) if s.node == source], address)
    ]


def test_the_walkthrough_promises_exactly_this() -> None:
    """Rows F-12, F-13, H-2 and I-6: VLAN 10, VLAN 20, and a way out for both."""
    assert reached(walkthrough()) == {
        "vm1": ["vm4", "outside"],
        "vm2": ["vm3", "vm5", "outside"],
        "vm3": ["vm2", "vm5", "outside"],
        "vm4": ["vm1", "outside"],
        "vm5": ["vm2", "vm3", "outside"],
        "outside": [],
    }


def test_a_router_allows_one_direction_and_not_the_other() -> None:
    assert reached(site(ALLOWED)) == {
        "r1": ["b1", "w1", "h1", "outside"],
        "b1": ["w1", "h1", "outside"],
        "w1": ["outside"],
        "h1": ["b1", "w1", "outside"],
        "outside": ["w1"],
    }


def test_without_source_nat_nobody_answers_from_outside() -> None:
    assert reached(site(ALLOWED.replace("snat: true", "snat: false")))["b1"] == ["h1"]


def test_who_is_let_in_from_outside_is_reached_from_there() -> None:
    text = ALLOWED.replace("{from: red, to: blue}", "{from: wan, to: blue}")

    assert reached(site(text))["outside"] == ["b1", "w1", "h1"]


def test_a_host_port_without_default_route_does_not_cross_the_router() -> None:
    text = ALLOWED.replace(", default_route: true", "")

    assert reached(site(text))["r1"] == ["b1", "w1", "outside"]
    assert reached(site(text))["h1"] == ["b1"]


def test_a_local_network_ends_at_its_host() -> None:
    text = """
    {site: s, networks: {n: {vlan: 7}}, hosts: {h: {local: [n]}, i: {local: [n]}},
     vms: {a: {host: h, ports: [{network: n}]}, b: {host: h, ports: [{network: n}]},
           c: {host: i, ports: [{network: n}]}}}"""

    assert reached(site(text)) == {"a": ["b"], "b": ["a"], "c": []}


def test_every_cell_has_a_reason() -> None:
    matrix = verify.expected(site(ALLOWED))

    assert matrix["r1", "b1"].reason == "gw allows red -> blue"
    assert matrix["b1", "r1"].reason == "different networks, not allowed by gw"
    assert matrix["b1", "h1"].reason == "both on blue"
    assert matrix["b1", "outside"].reason == "through gw, with source NAT"
    assert matrix["outside", "b1"].reason == "nothing lets the outside in"


def test_seats_are_the_devices_that_realise_makes() -> None:
    found = {p.seat.name: p.seat for p in seats(site(ALLOWED))}

    assert found["r1"].namespace == "h1/r1"
    assert found["r1"].device == "eth0"
    assert found["h1"].namespace == "h1/"
    assert found["h1"].device == "brvlan-20"
    assert found["outside"].device == "wan"
    assert all(seat.mac for seat in found.values())


def kinds(of: Site, source: str, target: str) -> set[tuple[ProbeKind, str]]:
    aimed = verify.probes(verify.expected(of), seats(of))
    return {(a.probe.kind, a.probe.address) for a in aimed if a.pair == (source, target)}


def test_one_network_is_proven_by_arp_icmp_and_ipv6() -> None:
    assert kinds(walkthrough(), "vm1", "vm4") == {
        (ProbeKind.ARP, "192.168.10.40"),
        (ProbeKind.ICMP, "192.168.10.40"),
        (ProbeKind.ICMPV6, "fe80::5054:ff:fee2:1056"),
    }


def test_isolation_is_tried_by_every_kind() -> None:
    """No answer to a ping proves little: one-way paths exist (P-31, P-82)."""
    assert kinds(walkthrough(), "vm1", "vm2") == {
        (ProbeKind.ARP, "192.168.20.20"),
        (ProbeKind.ICMP, "192.168.20.20"),
        (ProbeKind.ICMPV6, "fe80::5054:ff:fea4:2da9"),
        (ProbeKind.UDP, "192.168.20.20"),
        (ProbeKind.BROADCAST, ""),
        (ProbeKind.TAGGED, ""),
    }


def test_machines_try_the_tag_of_the_network_that_they_must_not_reach() -> None:
    """Machines only: a host's own seat is its administrator's, who needs no trick."""
    of = site(ALLOWED)
    aimed = verify.probes(verify.expected(of), seats(of))

    tagged = {(*a.pair, a.probe.vlan) for a in aimed if a.probe.kind is ProbeKind.TAGGED}

    assert ("b1", "r1", 10) in tagged
    assert ("w1", "h1", 20) in tagged
    assert not [source for source, _, _ in tagged if source in ("h1", OUTSIDE)]
    assert not [target for _, target, _ in tagged if target in ("w1", OUTSIDE)]


def test_a_routed_pair_is_proven_by_what_routers_forward() -> None:
    assert kinds(site(ALLOWED), "r1", "b1") == {(ProbeKind.ICMP, "10.0.2.11")}


def test_an_address_that_somebody_near_has_too_proves_nothing() -> None:
    """F-12: one subnet in two VLANs. `c` has the address of `a`, so `b` may well reach it."""
    assert kinds(site(PAIR), "b", "c") == {
        (ProbeKind.ICMPV6, kinds_link_local("c")),
        (ProbeKind.BROADCAST, ""),
        (ProbeKind.TAGGED, ""),
    }


def kinds_link_local(node: str) -> str:
    return next(link_local(p.seat.mac) for p in seats(site(PAIR)) if p.node == node)


def test_everything_as_promised_is_ok() -> None:
    found = report(walkthrough())

    assert found.ok
    assert verify.summary(found) == (
        "OK: 30 of 30 pairs as declared, 8 of 8 expectations hold, no drift"
    )


def test_a_lost_pair_fails_its_cell_and_its_expectation() -> None:
    found = report(walkthrough(), frozenset({("vm1", "vm4")}))

    failed = [result for result in found.results if not result.ok]
    judged = [each for each in found.expectations if not each.ok]

    assert [(r.cell.source, r.cell.target, r.actual) for r in failed] == [
        ("vm1", "vm4", Actual.ISOLATED)
    ]
    assert [(j.expectation.source, j.expectation.target) for j in judged] == [("vm1", "vm4")]
    assert not found.ok


def test_a_leak_names_the_pair_and_the_packets_that_got_through() -> None:
    found = report(walkthrough(), frozenset({("vm1", "vm2")}))

    text = verify.text(found)

    assert (
        "FAILED vm1 -> vm2: expected isolated (different networks, not allowed by edge), "
        "is reachable" in text
    )
    assert "    broadcast: arrived\n" in text
    assert "    arp 192.168.20.20: answered\n" in text
    assert "    tagged 20: arrived\n" in text
    assert "FAILED expectation red -> blue isolated: vm1 -> vm2 is reachable" in text
    assert verify.encode(found)["ok"] is False


def test_one_packet_of_many_is_a_leak_too() -> None:
    matrix = verify.expected(walkthrough())
    probe = Probe("vm1", "vm2", ProbeKind.UDP, "192.168.20.20")
    other = Probe("vm1", "vm2", ProbeKind.ARP, "192.168.20.20")
    seen = [(("vm1", "vm2"), Verdict(probe, True)), (("vm1", "vm2"), Verdict(other, False))]

    found = verify.compare(walkthrough(), matrix, seen, ())
    result = next(r for r in found.results if (r.cell.source, r.cell.target) == ("vm1", "vm2"))

    assert result.actual is Actual.PARTLY
    assert not result.ok
    assert [verdict.probe for verdict in result.contradictions] == [probe]


def test_a_pair_that_no_packet_was_sent_for_is_not_reachable() -> None:
    found = verify.compare(walkthrough(), verify.expected(walkthrough()), (), ())

    assert {result.actual for result in found.results} == {Actual.UNTESTED}
    assert not found.ok


def test_an_expectation_against_the_intent_fails() -> None:
    text = PAIR + "  - {from: a, to: c, expect: reachable}\n"

    found = report(site(text))

    assert [judged.ok for judged in found.expectations] == [True, True, False]
    assert not found.ok


def test_an_expectation_about_nobody_says_so() -> None:
    """The manifest refuses it too; a site may be made without one."""
    plain = site(PAIR)
    networks = {**plain.networks, "empty": Network("empty", VlanId(30))}
    wish = Expectation("empty", "a", Expect.ISOLATED)

    (judged,) = report(
        dataclasses.replace(plain, networks=networks, expectations=(wish,))
    ).expectations

    assert judged.problem == "nobody is on network 'empty'"
    assert not judged.ok


def big(machines: int) -> Site:
    """A site of two networks with half of the machines each."""
    lines = [
        "site: big",
        "networks: {n: {vlan: 7, subnets: [{cidr: 10.0.0.0/16}]}, "
        "m: {vlan: 8, subnets: [{cidr: 10.1.0.0/16}]}}",
        "hosts: {h: {uplinks: {u: {device: eth0, networks: [n, m]}}}}",
        "vms:",
    ]
    for number in range(1, machines + 1):
        side = number % 2
        port = f"{{network: {'nm'[side]}, addresses: [10.{side}.1.{number}/16]}}"
        lines.append(f"  v{number}: {{host: h, ports: [{port}]}}")
    return site("\n".join(lines))


def test_a_big_site_tries_every_pair_and_every_kind_between_segments() -> None:
    """70 machines: 2450 isolated pairs, all tried, but not each one by everything."""
    of = big(70)
    matrix = verify.expected(of)

    tried = [a for a in verify.probes(matrix, seats(of)) if not matrix[a.pair].shared]

    isolated = {pair for pair, cell in matrix.items() if cell.expected is Expect.ISOLATED}
    assert {aimed.pair for aimed in tried} == isolated
    for kind in ProbeKind:
        assert len({a.pair[0] for a in tried if a.probe.kind is kind}) == 70, kind
    assert len(tried) < 1.2 * len(isolated)


def test_packets_to_far_addresses_leave_by_the_default_route() -> None:
    """A machine with two seats sends from the one that has a gateway, or is near."""
    text = """
    {site: s, networks: {n: {vlan: 7, subnets: [{cidr: 10.7.0.0/24, gateway: 10.7.0.1}]},
                         m: {vlan: 8, subnets: [{cidr: 10.8.0.0/24}]}},
     hosts: {h: {local: [n, m]}},
     vms: {a: {host: h, ports: [{network: m, addresses: [10.8.0.5/24]},
                                {network: n, addresses: [10.7.0.5/24]}]}}}"""
    sources = seats(site(text))

    def senders(address: str) -> list[str]:
        return [aimed.probe.source for aimed in verify.to_address(sources, address)]

    assert senders("8.8.8.8") == ["a/eth1"]
    assert senders("10.8.0.9") == ["a/eth0"]


def test_drift_alone_is_a_failure() -> None:
    of = walkthrough()
    row = BridgePort("", "vnet1", "brvlan-10")
    drift = (Drift("host1", (Operation(None, row),)),)
    good = report(of)

    found = Report(of.name, drift, good.results, good.expectations)

    assert not found.ok
    assert verify.summary(found).endswith("drift in 1 row")
    assert "DRIFT host1: 1 row not as declared\n    missing, to make it: " in verify.text(found)


def test_pingall_prints_minimally_what_mininet_prints() -> None:
    assert verify.pingall(report(site(PAIR))) == (
        "*** Ping: testing ping reachability\n"
        "a -> b X\n"
        "b -> a X\n"
        "c -> X X\n"
        "*** Results: 66% dropped (2/6 received)"
    )


@pytest.mark.parametrize(("ascii", "corner"), [(False, "● ·"), (True, "+ .")])
def test_the_matrix_shows_expected_and_actual(ascii: bool, corner: str) -> None:
    wrong = frozenset({("a", "c"), ("b", "a")})

    lines = verify.matrix_text(report(site(PAIR), wrong), ascii=ascii).splitlines()

    good, bad = corner.split()
    lost, leaked = ("X", "!") if ascii else ("✗", "‼")
    assert [line.split() for line in lines[:4]] == [
        ["from", "\\", "to", "a", "b", "c"],
        ["a", good, leaked],
        ["b", lost, bad],
        ["c", bad, bad],
    ]
    assert "REACHED, though expected isolated" in lines[4]
