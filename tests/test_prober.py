"""Probes between real namespaces: what is answered, and what must never count as an answer."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests.ebpf_fixtures import Capture, Host
from trunkline.errors import HostError, InternalError
from trunkline.kernel import ebpf, namespaces, prober, sysctl
from trunkline.kernel.ebpf import syscall
from trunkline.kernel.ebpf.assembler import Program, Register
from trunkline.kernel.netlink.tc import Hook, TrafficControl
from trunkline.kernel.packets.ethernet import EtherType, Tag
from trunkline.kernel.prober.links import Links
from trunkline.kernel.prober.method import Task
from trunkline.probe import Probe, ProbeKind, Seat, Verdict, all_pairs, between
from trunkline.values import InterfaceAddress

SUBNET = "10.77.0.0/16"


# --- values --------------------------------------------------------------------------------------


def seat_value(name: str, *addresses: str) -> Seat:
    return Seat(name, "", "eth0", "", tuple(InterfaceAddress(text) for text in addresses))


def test_each_kind_asks_for_the_addresses_that_fit_it() -> None:
    one, two = seat_value("one"), seat_value("two", "10.0.0.2/24", "fd00::2/64")
    assert list(between(one, two, ProbeKind)) == [
        Probe("one", "two", ProbeKind.ARP, "10.0.0.2"),
        Probe("one", "two", ProbeKind.ICMP, "10.0.0.2"),
        Probe("one", "two", ProbeKind.ICMPV6, "fd00::2"),
        Probe("one", "two", ProbeKind.UDP, "10.0.0.2"),
        Probe("one", "two", ProbeKind.UDP, "fd00::2"),
        Probe("one", "two", ProbeKind.BROADCAST),
        Probe("one", "two", ProbeKind.TAGGED),
    ]


def test_all_pairs_go_both_ways() -> None:
    seats = [seat_value(name) for name in "abc"]
    probes = all_pairs(seats, [ProbeKind.BROADCAST])
    expected = ["ab", "ac", "ba", "bc", "ca", "cb"]
    assert [probe.source + probe.target for probe in probes] == expected


def test_a_link_is_a_subnet_of_the_seat() -> None:
    links = Links([seat_value("one", "10.0.0.1/24", "fd00::1/64")])
    assert links.own("one", "10.0.0.9") == "10.0.0.1"
    assert links.own("one", "fd00::9") == "fd00::1"
    assert links.own("one", "10.0.1.9") is None


def test_a_token_of_another_run_is_nobody_s() -> None:
    mine, other = Task({}, {}, b"a" * 12), Task({}, {}, b"b" * 12)
    assert mine.number(mine.token(7)) == 7
    assert mine.number(other.token(7)) is None
    assert mine.number(b"short") is None


@pytest.mark.parametrize(
    "probe",
    [
        Probe("nobody", "one", ProbeKind.ICMP, "10.0.0.1"),
        Probe("one", "nobody", ProbeKind.UDP, "10.0.0.1"),
        Probe("one", "nobody", ProbeKind.BROADCAST),
        Probe("one", "two", ProbeKind.ARP),
    ],
)
def test_a_probe_that_makes_no_sense_is_our_bug(probe: Probe) -> None:
    with pytest.raises(InternalError, match="probe"):
        prober.run([seat_value("one")], [probe])


# --- packets -------------------------------------------------------------------------------------


@dataclass
class Network:
    """Seats on bridges in a switch namespace."""

    prefix: str
    seats: list[Seat]

    @property
    def switch(self) -> Host:
        return Host(self.prefix + "s")

    def host(self, number: int) -> Host:
        return Host(f"{self.prefix}{number}")

    def delete(self) -> None:
        namespaces.delete(self.switch.name)
        for number in range(len(self.seats)):
            namespaces.delete(self.host(number).name)


def build(prefix: str, bridges: list[int]) -> Network:
    """Make a seat on bridge N for every N in *bridges*, all in one subnet."""
    network = Network(prefix, [])
    namespaces.create(network.switch.name)
    namespaces.create_many(network.host(number).name for number in range(len(bridges)))
    options = "type bridge mcast_snooping 0 nf_call_iptables 0 nf_call_ip6tables 0"
    lines = []
    for bridge in sorted(set(bridges)):
        lines += [f"link add br{bridge} {options}", f"link set br{bridge} up"]
    for number, bridge in enumerate(bridges):
        host = network.host(number)
        mac = f"02:00:00:00:00:{number + 1:02x}"
        addresses = (f"10.77.0.{number + 1}/16", f"fd77::{number + 1:x}/64")
        lines += [
            f"link add p{number} type veth peer name eth0 address {mac} netns {host.name}",
            f"link set p{number} master br{bridge}",
            f"link set p{number} up",
        ]
        parsed = tuple(InterfaceAddress(address) for address in addresses)
        network.seats.append(Seat(f"seat{number}", host.path, "eth0", mac, parsed))
    network.switch.ip(*lines)
    for number, seat in enumerate(network.seats):
        add = [f"addr add {address} dev eth0 nodad" for address in seat.addresses]
        network.host(number).ip(*add, "link set eth0 up")
    return network


@pytest.fixture
def trio(unique: str) -> Iterator[Network]:
    """Seats 0 and 1 on one bridge, seat 2 on another."""
    network = build(unique, [0, 0, 1])
    yield network
    network.delete()


def answered(verdicts: list[Verdict]) -> set[str]:
    return {
        f"{verdict.probe.source[-1]}{verdict.probe.target[-1]} {verdict.probe.kind.value}"
        for verdict in verdicts
        if verdict.answered
    }


@pytest.mark.kernel
@pytest.mark.guest
class TestTrio:
    def test_neighbours_answer_everything_and_the_isolated_nothing(self, trio: Network) -> None:
        verdicts = prober.run(trio.seats, all_pairs(trio.seats, ProbeKind))
        kinds = [kind.value for kind in ProbeKind]
        assert answered(verdicts) == {f"{pair} {kind}" for pair in ("01", "10") for kind in kinds}

    def test_a_run_ends_with_the_last_answer(self, trio: Network) -> None:
        probes = all_pairs(trio.seats[:2], ProbeKind)
        start = time.monotonic()
        verdicts = prober.run(trio.seats, probes, timeout=30.0)
        assert time.monotonic() - start < 10
        assert [verdict.probe for verdict in verdicts] == list(probes)
        assert all(verdict.answered for verdict in verdicts)

    def test_a_run_without_answers_takes_the_timeout(self, trio: Network) -> None:
        probes = all_pairs(trio.seats[1:], ProbeKind)
        start = time.monotonic()
        verdicts = prober.run(trio.seats, probes, timeout=0.3)
        assert 0.3 <= time.monotonic() - start < 3
        assert not any(verdict.answered for verdict in verdicts)

    def test_nothing_to_ask_takes_no_time(self, trio: Network) -> None:
        assert prober.run(trio.seats, [], timeout=30.0) == []

    def test_link_local_addresses_are_reached_over_the_device(self, trio: Network) -> None:
        address = "fe80::ff:fe00:2"  # what the kernel makes of 02:00:00:00:00:02
        wait_for(trio.host(1), address)
        probe = Probe("seat0", "seat1", ProbeKind.ICMPV6, address)
        assert prober.run(trio.seats, [probe]) == [Verdict(probe, True)]

    @pytest.mark.needs("ebpf_vlan")
    def test_a_one_way_path_is_seen(self, trio: Network) -> None:
        """Seat 1 receives but its own frames are dropped: no reply of any kind, yet a leak."""
        drop_ingress(trio.switch, "p1")
        trio.host(0).ip("neigh flush dev eth0")
        probes = all_pairs(trio.seats[:2], ProbeKind)
        assert answered(prober.run(trio.seats, probes, timeout=0.6)) == {
            "01 udp",
            "01 broadcast",
            "01 tagged",
        }

    def test_arp_counts_from_the_target_alone(self, trio: Network) -> None:
        """Somebody else who answers for the address is not the target."""
        one, two = trio.seats[0], replace(trio.seats[1], mac="02:00:00:00:00:77")
        probes = list(between(one, two, [ProbeKind.ARP]))
        assert not prober.run([one, two], probes, timeout=0.3)[0].answered

    def test_arp_needs_no_address_of_its_own(self, trio: Network) -> None:
        trio.host(0).ip("addr flush dev eth0")
        one, two = replace(trio.seats[0], addresses=()), trio.seats[1]
        probes = list(between(one, two, [ProbeKind.ARP]))
        assert prober.run([one, two], probes)[0].answered

    @pytest.mark.needs("ebpf_vlan")
    def test_a_tagged_frame_is_not_seen(self, trio: Network) -> None:
        """A frame of another VLAN that comes with its tag has not reached this seat."""
        tagging, target = trio.host(0), trio.seats[1]
        tagging.ip("link add eth0.10 type veth peer name idle", "link set eth0.10 up")
        tagging.ip("link set idle up")
        with namespaces.entered(tagging.path):
            ebpf.attach_vlan(tagging.index("eth0.10"), tagging.index("eth0"), 10)
        source = replace(trio.seats[0], device="eth0.10")
        probes = list(between(source, target, [ProbeKind.BROADCAST]))
        with Capture(trio.host(1), "eth0") as capture:
            assert not prober.run([source, target], probes, timeout=0.3)[0].answered
            frames = capture.frames(count=99, seconds=0.2)
        sent = [frame for frame in frames if frame.ethertype == EtherType.EXPERIMENTAL]
        assert {frame.tags for frame in sent} == {(Tag(10),)}

    @pytest.mark.needs("vlan_devices")
    def test_a_frame_of_a_vlan_device_is_not_its_parent_s(self, trio: Network) -> None:
        for number in (0, 1):
            trio.host(number).ip(
                "link add link eth0 name eth0.10 type vlan id 10", "link set eth0.10 up"
            )
        one, two = (replace(seat, device="eth0.10") for seat in trio.seats[:2])
        probes = list(between(one, two, [ProbeKind.BROADCAST]))
        assert prober.run([one, two], probes)[0].answered
        assert not prober.run([one, trio.seats[1]], probes, timeout=0.3)[0].answered

    def test_a_device_that_is_down_answers_nothing(self, trio: Network) -> None:
        trio.host(0).ip("link set eth0 down")
        probes = all_pairs(trio.seats[:2], ProbeKind)
        assert not any(v.answered for v in prober.run(trio.seats, probes, timeout=0.2))

    def test_without_a_route_nothing_is_reached(self, trio: Network) -> None:
        """No route back and no route there are verdicts, not errors."""
        trio.host(0).ip("addr flush dev eth0")
        probes = list(between(trio.seats[0], trio.seats[1], [ProbeKind.ICMP, ProbeKind.ICMPV6]))
        assert not any(v.answered for v in prober.run(trio.seats, probes, timeout=0.2))

    def test_a_missing_device_is_named(self, trio: Network) -> None:
        seats = [replace(trio.seats[0], device="eth7"), trio.seats[1]]
        with pytest.raises(HostError, match=r"seat 'seat0': device 'eth7' in '/run/netns/"):
            prober.run(seats, all_pairs(seats, [ProbeKind.ARP]))

    def test_no_socket_stays_open(self, trio: Network) -> None:
        before = open_files()
        prober.run(trio.seats, all_pairs(trio.seats, ProbeKind), timeout=0.1)
        assert open_files() == before


@pytest.mark.kernel
class TestMany:
    def test_forty_seats_at_once(self, unique: str) -> None:
        """10,920 probes; 1,482 neighbours are more than a kernel's table holds by default."""
        network = build(unique, [0] * 38 + [1] * 2)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        limits = [f"net/{family}/neigh/default/gc_thresh3" for family in ("ipv4", "ipv6")]
        before = [sysctl.read(limit) for limit in limits]
        try:
            probes = all_pairs(network.seats, ProbeKind)
            verdicts = prober.run(network.seats, probes, timeout=3.0)
        finally:
            network.delete()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(verdicts) == 40 * 39 * 7
        first = {seat.name for seat in network.seats[:38]}
        wrong = [
            verdict
            for verdict in verdicts
            if verdict.answered
            != ((verdict.probe.source in first) == (verdict.probe.target in first))
        ]
        assert wrong == []
        assert [sysctl.read(limit) for limit in limits] == before


def drop_ingress(host: Host, device: str) -> None:
    """Drop all that comes in at a device."""
    program = Program("drop")
    program.set(Register.R0, 2)  # TC_ACT_SHOT
    program.exit()
    with namespaces.entered(host.path), TrafficControl() as tc:
        tc.add_clsact(host.index(device))
        with syscall.closing(syscall.load(program)) as loaded:
            tc.add_bpf(host.index(device), Hook.INGRESS, 1, loaded, "drop")


def wait_for(host: Host, address: str) -> None:
    """Wait until an address is no longer tentative."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        shown = host.run("ip", "-6", "addr", "show", "dev", "eth0", "-tentative")
        if address in shown:
            return
        time.sleep(0.05)
    raise AssertionError(f"{address} did not appear")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
