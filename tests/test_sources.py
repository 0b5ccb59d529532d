"""A router forwards what its networks send, and nothing in somebody else's name."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator

import pytest

from tests.lab_fixtures import ALLOWED, MODELS, with_hosts
from trunkline import names
from trunkline.kernel import namespaces, prober
from trunkline.kernel.packets.ethernet import EtherType, Frame, mac_text
from trunkline.kernel.packets.internet import Ipv4, Ipv6, Protocol
from trunkline.kernel.packets.transport import Udp
from trunkline.lab import check, lifecycle
from trunkline.lab.capture import Capture
from trunkline.lab.lab import Lab
from trunkline.probe import Probe, ProbeKind
from trunkline.verify.probing import link_local

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "nft")]

DUAL = (
    ALLOWED.replace("10.0.1.1}]", '10.0.1.1}, {cidr: "fd00:1::/64", gateway: "fd00:1::1"}]')
    .replace("10.0.2.1}]", '10.0.2.1}, {cidr: "fd00:2::/64", gateway: "fd00:2::1"}]')
    .replace("[10.0.1.11/24]", '[10.0.1.11/24, "fd00:1::11/64"]')
    .replace("[10.0.2.11/24]", '[10.0.2.11/24, "fd00:2::11/64"]')
)
"""Red and blue have both versions of IP, the way out has version 4 alone."""

INTERNET_6 = "2001:4860:4860::8888"


@pytest.fixture(scope="module", params=MODELS)
def lab(
    request: pytest.FixtureRequest,
    unique_names: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path_factory.mktemp("labs") / "run"))
        lab = lifecycle.up(with_hosts(DUAL, **request.param), "dual.yaml", name=next(unique_names))
        yield lab
        lifecycle.down(lab.name)


def seen(lab: Lab, source: str, target: str, at: str, device: str = "eth0") -> set[str]:
    """Return whose datagram comes to *at* when r1 sends the router one in *source*'s name."""
    token = secrets.token_bytes(16)
    segment = Udp(33434, 33435, token).encode(source, target)
    with namespaces.entered(lab.place("r1")):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    router = names.mac(lab.site.name, "gw", "red")
    with opened, Capture(lab.place(at), device) as capture:
        opened.bind(("eth0", 0))
        mac = mac_text(opened.getsockname()[4])
        if ":" in source:
            packet = Ipv6(source, target, Protocol.UDP, segment).encode()
            frame = Frame(router, mac, EtherType.IPV6, packet)
        else:
            packet = Ipv4(source, target, Protocol.UDP, segment).encode()
            frame = Frame(router, mac, EtherType.IPV4, packet)
        opened.send(frame.encode())
        frames = [each.frame for each in capture.frames(settle=0.3)]
    found = (Ipv4.decode(f.payload) or Ipv6.decode(f.payload) for f in frames)
    mine = (p for p in found if p is not None and p.protocol == Protocol.UDP)
    return {packet.source for packet in mine if token in packet.payload}


def answers(lab: Lab, source: str, address: str) -> bool:
    seats = [placed.seat for placed in check.seats(lab)]
    kind = ProbeKind.ICMPV6 if ":" in address else ProbeKind.ICMP
    (verdict,) = prober.run(seats, [Probe(source, address, kind, address)], 0.6)
    return verdict.answered


def test_who_is_what_he_says_is_forwarded(lab: Lab) -> None:
    assert check.verify_lab(lab).ok
    assert seen(lab, "10.0.1.11", "8.8.8.8", "outside", "wan") == {"10.0.9.2"}
    assert seen(lab, "10.0.1.77", "10.0.2.11", "b1") == {"10.0.1.77"}
    assert seen(lab, "fd00:1::77", "fd00:2::11", "b1") == {"fd00:1::77"}


@pytest.mark.parametrize("source", ["10.0.2.77", "10.0.9.77", "203.0.113.9"])
def test_nobody_gets_out_in_another_s_name(lab: Lab, source: str) -> None:
    """Not translated either: masquerading is for the router's own subnets."""
    assert seen(lab, source, "8.8.8.8", "outside", "wan") == set()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("10.0.2.77", "10.0.2.11"),
        ("203.0.113.9", "10.0.2.11"),
        ("fd00:2::77", "fd00:2::11"),
        ("2001:db8::9", "fd00:2::11"),
    ],
)
def test_nobody_gets_into_an_allowed_network_in_another_s_name(
    lab: Lab, source: str, target: str
) -> None:
    assert seen(lab, source, target, "b1") == set()


def test_the_way_out_has_no_ipv6(lab: Lab) -> None:
    """The router has no IPv6 address out there, but who has a route may have got one."""
    way = ["route", "add", INTERNET_6, "dev", "wan"]
    neighbour = ["neighbour", "add", INTERNET_6, "lladdr", "02:00:00:00:00:99", "dev", "wan"]
    gateway = str(lab.place("gw"))
    for line in (way, neighbour):
        assert namespaces.run(gateway, ["ip", "-6", *line]).returncode == 0

    there = seen(lab, "fd00:1::11", INTERNET_6, "outside", "wan")
    namespaces.run(gateway, ["ip", "-6", "neighbour", "delete", INTERNET_6, "dev", "wan"])
    namespaces.run(gateway, ["ip", "-6", "route", "delete", INTERNET_6, "dev", "wan"])

    assert there == set()


def test_the_router_answers_each_network_at_its_own_address(lab: Lab) -> None:
    for address in ("10.0.1.1", "fd00:1::1", link_local(names.mac("allowed", "gw", "red"))):
        assert answers(lab, "r1", address), address
    for address in ("10.0.2.1", "fd00:2::1", "10.0.9.2"):
        assert not answers(lab, "r1", address), address
    assert answers(lab, "w1", "10.0.9.2")
