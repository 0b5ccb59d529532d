"""eBPF VLAN devices: what the two programs do with real frames, and what others keep."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.ebpf_fixtures import TRUNK, Capture, Host, pair
from trunkline.errors import ConflictError
from trunkline.kernel import ebpf, namespaces
from trunkline.kernel.ebpf import programs, syscall
from trunkline.kernel.ebpf.assembler import Program, Register
from trunkline.kernel.netlink.tc import Hook, TrafficControl
from trunkline.kernel.packets.ethernet import BROADCAST, EtherType, Frame, Tag
from trunkline.kernel.packets.internet import Ipv4, Protocol


@pytest.fixture
def hosts(unique: str) -> Iterator[tuple[Host, Host]]:
    with pair(unique) as both:
        yield both


@pytest.mark.kernel
@pytest.mark.guest
@pytest.mark.needs("ebpf_vlan")
class TestDevices:
    def test_frames_are_tagged_on_the_trunk(self, hosts: tuple[Host, Host]) -> None:
        """The wire carries 802.1Q with the VLAN's number, both ways."""
        one, two = hosts
        one.add_vlan(10, "10.0.0.1/24")
        two.add_vlan(10, "10.0.0.2/24")
        with Capture(two, TRUNK) as capture:
            assert one.pings("10.0.0.2")
            frames = capture.frames(count=50, seconds=0.3)
        seen = [frame for frame in frames if frame.ethertype == EtherType.IPV4]
        assert len(seen) >= 4
        assert {frame.tags for frame in seen} == {(Tag(10),)}

    def test_a_capture_at_the_device_shows_what_comes_in(self, hosts: tuple[Host, Host]) -> None:
        """What goes out is redirected before captures see it; the idle end sees nothing."""
        one, two = hosts
        one.add_vlan(10, "10.0.0.1/24")
        two.add_vlan(10, "10.0.0.2/24")
        with Capture(one, f"{TRUNK}.10") as device, Capture(one, "idle10") as idle:
            assert one.pings("10.0.0.2")
            frames = device.frames(count=50, seconds=0.3)
            beside = idle.frames(count=50, seconds=0.1)
        packets = (Ipv4.decode(f.payload) for f in frames if f.ethertype == EtherType.IPV4)
        assert {packet.source for packet in packets if packet} == {"10.0.0.2"}
        assert [f for f in beside if f.ethertype == EtherType.IPV4] == []

    def test_the_same_addresses_live_in_two_vlans(
        self, hosts: tuple[Host, Host], unique: str
    ) -> None:
        """The same MACs and IPs in VLAN 10 and 20 stay apart: each reaches its own."""
        one, two = hosts
        with guests(unique, one, two) as (red_one, red_two, blue_one, blue_two):
            for guest in (red_one, blue_one):
                assert guest.pings("10.0.0.2")
            with Capture(blue_two, "eth0") as capture:
                assert red_one.pings("10.0.0.2")
                frames = capture.frames(seconds=0.3)
            assert [f for f in frames if _is_icmp(f)] == []
            red_two.ip("link set eth0 down")
            assert not red_one.pings("10.0.0.2")
            assert blue_one.pings("10.0.0.2")
            assert blue_two.pings("10.0.0.1")

    def test_unknown_and_double_vlans_are_dropped_and_the_rest_passes(
        self, hosts: tuple[Host, Host]
    ) -> None:
        one, two = hosts
        device = two.add_vlan(10)
        two.ip("link add br0 type bridge", f"link set {TRUNK} master br0", "link set br0 up")
        sent = {
            "untagged": (),
            "priority": (Tag(0, priority=5),),
            "known": (Tag(10, priority=3),),
            "unknown": (Tag(30),),
            "service": (Tag(10, protocol=EtherType.DOT1AD),),
            "service zero": (Tag(0, protocol=EtherType.DOT1AD),),
            "double": (Tag(10), Tag(7)),
        }
        with Capture(two, device) as inside, Capture(two, "br0") as bridge:
            for name, tags in sent.items():
                one.send(TRUNK, marked(name, tags).encode())
            in_vlan = ours(inside.frames(count=99, seconds=0.5))
            in_bridge = ours(bridge.frames(count=99, seconds=0.5))
        assert in_vlan == {"known": (), "double": (Tag(7),)}
        assert in_bridge.keys() == {"untagged", "priority"}

    def test_full_sized_and_segmented_frames_pass(self, unique: str) -> None:
        """DF packets of the whole MTU, and TCP with the offloads that veth has."""
        with pair(unique, mtu=9000) as (one, two):
            for host, address in ((one, "10.0.0.1/24"), (two, "10.0.0.2/24")):
                device = host.add_vlan(10, address)
                host.ip(f"link set {device} mtu 9000")
            assert one.pings("10.0.0.2", "-Mdo", "-s8972")
            assert transferred(one, two, "10.0.0.2") == 4 << 20

    def test_a_smaller_device_mtu_holds(self, hosts: tuple[Host, Host]) -> None:
        one, two = hosts
        one.add_vlan(10, "10.0.0.1/24")
        device = two.add_vlan(10, "10.0.0.2/24")
        one.ip(f"link set {TRUNK}.10 mtu 1400")
        two.ip(f"link set {device} mtu 1400")
        assert one.pings("10.0.0.2", "-Mdo", "-s1372")
        assert not one.pings("10.0.0.2", "-Mdo", "-s1373")

    def test_attaching_twice_changes_nothing(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        device = one.add_vlan(10)
        before = one.run("tc", "filter", "show", "dev", TRUNK, "ingress")
        one.attach(device, 10)
        assert one.run("tc", "filter", "show", "dev", TRUNK, "ingress") == before
        assert one.run("tc", "filter", "show", "dev", device, "egress").count("handle") == 1
        assert one.vlans(device, "idle10") == {device: (one.index(TRUNK), 10)}

    def test_a_device_can_change_its_vlan(self, hosts: tuple[Host, Host]) -> None:
        """Also where it is the parent's only one, whose program goes and comes again."""
        one, two = hosts
        device = one.add_vlan(10, "10.0.0.1/24")
        two.add_vlan(20, "10.0.0.2/24")
        assert not one.pings("10.0.0.2")
        one.attach(device, 20)
        assert one.vlans(device) == {device: (one.index(TRUNK), 20)}
        assert one.pings("10.0.0.2")

    def test_a_vlan_has_one_device(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        one.add_vlan(10)
        one.ip("link add other type veth peer name otheridle")
        with pytest.raises(ConflictError, match=r"'trunk\.10'"):
            one.attach("other", 10)
        assert one.vlans("other") == {}

    def test_a_deleted_device_leaves_room_for_the_next(self, hosts: tuple[Host, Host]) -> None:
        """Its number stays in the map until somebody else takes the VLAN."""
        one, two = hosts
        one.add_vlan(10)
        one.ip(f"link del {TRUNK}.10")
        one.add_vlan(10, "10.0.0.1/24")
        two.add_vlan(10, "10.0.0.2/24")
        assert one.pings("10.0.0.2")

    def test_detaching_the_last_leaves_nothing(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        first, second = one.add_vlan(10), one.add_vlan(20)
        one.detach(10)
        assert one.vlans(first, second) == {second: (one.index(TRUNK), 20)}
        one.detach(20)
        one.detach(20)
        assert one.vlans(first, second) == {}
        assert all("clsact" not in one.qdiscs(device) for device in (TRUNK, first, second))

    def test_a_dead_device_does_not_keep_the_program(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        one.add_vlan(10)
        one.add_vlan(20)
        one.ip(f"link del {TRUNK}.10")
        one.detach(20)
        assert "clsact" not in one.qdiscs(TRUNK)

    def test_deleting_the_parent_ends_its_devices(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        device = one.add_vlan(10)
        parent = one.index(TRUNK)
        one.ip(f"link del {TRUNK}")
        assert one.vlans(device) == {}
        with namespaces.entered(one.path):
            ebpf.detach_vlan(parent, 10)

    def test_half_a_device_is_none(self, hosts: tuple[Host, Host]) -> None:
        """What counts is both programs and the map, not a filter's name."""
        one, _ = hosts
        device = one.add_vlan(10)
        with namespaces.entered(one.path), TrafficControl() as tc:
            (row,) = tc.filters(one.index(TRUNK), Hook.INGRESS)
            with syscall.array_of(row.program, programs.VLAN_COUNT) as devices:
                devices[10] = 0
                assert one.vlans(device) == {}
                devices[10] = one.index(device)
            assert one.vlans(device) != {}
            tc.delete_filter(one.index(TRUNK), Hook.INGRESS, row)
        assert one.vlans(device) == {}

    def test_a_name_alone_convinces_nobody(self, hosts: tuple[Host, Host]) -> None:
        """A filter that is called like ours for VLAN 20 but pushes VLAN 30 is not ours."""
        one, _ = hosts
        one.add_vlan(10)
        one.ip("link add liar type veth peer name idle")
        port, parent = one.index("liar"), one.index(TRUNK)
        with namespaces.entered(one.path), TrafficControl() as tc:
            tc.add_clsact(port)
            with syscall.closing(syscall.load(programs.sub_out(parent, 30))) as program:
                name = f"trunkline vlan 20 parent {parent}"
                tc.add_bpf(port, Hook.EGRESS, 81, program, name)
            (row,) = tc.filters(parent, Hook.INGRESS)
            with syscall.array_of(row.program, programs.VLAN_COUNT) as devices:
                devices[20] = port
        assert one.vlans("liar") == {}


@pytest.mark.kernel
@pytest.mark.needs("ebpf_vlan")
class TestForeign:
    """What others have at the parent stays as it is, byte for byte."""

    def test_filters_and_qdisc_of_others_stay(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        one.run("tc", "qdisc", "add", "dev", TRUNK, "clsact")
        foreign_filter(one, pref=7)
        before = one.run("tc", "-s", "filter", "show", "dev", TRUNK, "ingress")
        one.add_vlan(10)
        during = one.run("tc", "-s", "filter", "show", "dev", TRUNK, "ingress")
        assert during.startswith(before.rstrip())
        one.detach(10)
        assert one.run("tc", "-s", "filter", "show", "dev", TRUNK, "ingress") == before

    def test_a_foreign_empty_qdisc_stays(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        one.run("tc", "qdisc", "add", "dev", TRUNK, "clsact")
        one.add_vlan(10)
        one.detach(10)
        assert "clsact" in one.qdiscs(TRUNK)

    def test_our_qdisc_stays_while_others_use_it(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        one.add_vlan(10)
        foreign_filter(one, pref=200)
        one.detach(10)
        assert "clsact" in one.qdiscs(TRUNK)
        assert "pref 200" in one.run("tc", "filter", "show", "dev", TRUNK, "ingress")

    def test_a_foreign_program_at_our_preference_stays(self, hosts: tuple[Host, Host]) -> None:
        one, two = hosts
        other = Program("foreign")
        other.set(Register.R0, -1)
        other.exit()
        parent = one.index(TRUNK)
        with namespaces.entered(one.path), TrafficControl() as tc:
            tc.add_clsact(parent)
            with syscall.closing(syscall.load(other)) as program:
                tc.add_bpf(parent, Hook.INGRESS, 81, program, "theirs")
            before = tc.filters(parent, Hook.INGRESS)
        one.add_vlan(10, "10.0.0.1/24")
        two.add_vlan(10, "10.0.0.2/24")
        assert one.pings("10.0.0.2")
        one.detach(10)
        with namespaces.entered(one.path), TrafficControl() as tc:
            assert tc.filters(parent, Hook.INGRESS) == before

    def test_an_ingress_qdisc_on_the_parent_serves(self, hosts: tuple[Host, Host]) -> None:
        one, two = hosts
        one.run("tc", "qdisc", "add", "dev", TRUNK, "ingress")
        one.add_vlan(10, "10.0.0.1/24")
        two.add_vlan(10, "10.0.0.2/24")
        assert one.pings("10.0.0.2")
        one.detach(10)
        assert "ingress" in one.qdiscs(TRUNK)

    def test_an_ingress_qdisc_on_the_device_is_a_conflict(self, hosts: tuple[Host, Host]) -> None:
        one, _ = hosts
        one.ip("link add port type veth peer name idle")
        one.run("tc", "qdisc", "add", "dev", "port", "ingress")
        with pytest.raises(ConflictError, match="ingress qdisc"):
            one.attach("port", 10)


def foreign_filter(host: Host, pref: int) -> None:
    match = ("bpf", "bytecode", "1,6 0 0 0", "classid", "1:1")  # a classic program: no match
    host.run(*(["tc", "filter", "add", "dev", "trunk", "ingress", "pref"]), str(pref), *match)


def marked(name: str, tags: tuple[Tag, ...]) -> Frame:
    payload = name.encode().ljust(46, b"\0")
    return Frame(BROADCAST, "02:00:00:00:00:99", EtherType.EXPERIMENTAL, payload, tags)


def ours(frames: list[Frame]) -> dict[str, tuple[Tag, ...]]:
    """Return the tags of `marked` frames by name."""
    return {
        frame.payload.rstrip(b"\0").decode(): frame.tags
        for frame in frames
        if frame.ethertype == EtherType.EXPERIMENTAL
    }


@contextlib.contextmanager
def guests(prefix: str, one: Host, two: Host) -> Iterator[list[Host]]:
    """A guest on a bridge for VLAN 10 and one for VLAN 20 on each host, all alike by address."""
    made: list[Host] = []
    try:
        for vlan in (10, 20):
            for number, host in ((1, one), (2, two)):
                guest = Host(f"{prefix}{vlan}{number}")
                namespaces.create(guest.name)
                made.append(guest)
                device, mac = host.add_vlan(vlan), f"02:00:00:00:00:0{number}"
                end = f"peer name eth0 address {mac} netns {guest.name}"
                host.ip(
                    f"link add br{vlan} type bridge nf_call_iptables 0",
                    f"link set br{vlan} up",
                    f"link set {device} master br{vlan}",
                    f"link add port{vlan} type veth {end}",
                    f"link set port{vlan} master br{vlan} up",
                )
                guest.ip(f"addr add 10.0.0.{number}/24 dev eth0", "link set eth0 up")
        yield made
    finally:
        for guest in made:
            namespaces.delete(guest.name)


def transferred(one: Host, two: Host, address: str) -> int:
    """Return how many of 4 MiB arrive over TCP."""
    with namespaces.entered(two.path):
        server = socket.create_server((address, 0))
    with namespaces.entered(one.path):
        client = socket.socket()
    with server, client:
        client.settimeout(10)
        client.connect((address, server.getsockname()[1]))
        accepted, _ = server.accept()
        accepted.settimeout(10)
        total = 0
        with accepted:
            for _ in range(64):
                client.sendall(bytes(1 << 16))
                total += drained(accepted, 1 << 16)
        return total


def drained(opened: socket.socket, size: int) -> int:
    got = 0
    while got < size:
        got += len(opened.recv(size - got))
    return got


def _is_icmp(frame: Frame) -> bool:
    """Bridges send IGMP of their own (RFC 4286), which is no leak: count echoes only."""
    return frame.ethertype == EtherType.IPV4 and frame.payload[9] == Protocol.ICMP
