"""The walkthrough, proven: VLAN 10 and 20 on two hosts, a gateway host, five machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_fixtures import MODELS, WALKTHROUGH, with_hosts
from trunkline import verify
from trunkline.kernel import namespaces, prober
from trunkline.lab import check, demo, lifecycle, sweep
from trunkline.lab.capture import Capture
from trunkline.lab.lab import Lab
from trunkline.probe import Probe, ProbeKind
from trunkline.state import Bridge, BridgePort, VlanDevice, VlanMethod
from trunkline.verify import Actual, Report

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "nft")]

TRUNKS = {"host1": "eno16777736", "host2": "eno16777736", "host3": "eno33554960"}


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("labs") / "run"
        patch.setenv("TRUNKLINE_RUN_DIR", str(path))
        yield path


@pytest.fixture(scope="module", params=MODELS)
def lab(
    request: pytest.FixtureRequest, unique_names: Iterator[str], run_dir: Path
) -> Iterator[Lab]:
    """The walkthrough with every way to build its switch that this kernel has.

    Tests share it: what one changes it puts back.
    """
    text = with_hosts(WALKTHROUGH.read_bytes(), **request.param)
    lab = lifecycle.up(text, WALKTHROUGH.name, name=next(unique_names))
    yield lab
    lifecycle.down(lab.name)


def reached(report: Report) -> dict[str, list[str]]:
    """Return whom everybody really reaches."""
    sources = dict.fromkeys(result.cell.source for result in report.results)
    return {
        source: [
            result.cell.target
            for result in report.results
            if result.cell.source == source and result.actual is Actual.REACHABLE
        ]
        for source in sources
    }


def answers(lab: Lab, source: str, address: str) -> bool:
    seats = [placed.seat for placed in check.seats(lab)]
    (verdict,) = prober.run(seats, [Probe(source, address, ProbeKind.ICMP, address)], 0.6)
    return verdict.answered


def test_the_matrix_is_exactly_this(lab: Lab) -> None:
    """F-12: not between VLANs. F-13, H-2: within one, on one host and on two. I-4, I-6: out."""
    report = check.verify_lab(lab)

    assert reached(report) == {
        "vm1": ["vm4", "outside"],
        "vm2": ["vm3", "vm5", "outside"],
        "vm3": ["vm2", "vm5", "outside"],
        "vm4": ["vm1", "outside"],
        "vm5": ["vm2", "vm3", "outside"],
        "outside": [],
    }
    assert report.ok, verify.text(report)
    assert [judged.ok for judged in report.expectations] == [True] * 8


def test_the_router_is_the_gateway_and_the_way_out(lab: Lab) -> None:
    """I-1, I-4: the gateways answer; beyond the router are its own network and the Internet."""
    for source, address in (
        ("vm1", "192.168.10.1"),
        ("vm2", "192.168.20.1"),
        ("vm1", "192.168.1.1"),
        ("vm5", "8.8.8.8"),
    ):
        assert answers(lab, source, address), (source, address)


def test_without_forwarding_there_is_no_way_out(lab: Lab) -> None:
    """I-2."""
    forward = Path("/proc/sys/net/ipv4/ip_forward")
    with namespaces.entered(lab.place("edge")):
        forward.write_text("0")

    way_out, gateway = answers(lab, "vm1", "192.168.1.1"), answers(lab, "vm1", "192.168.10.1")
    drift = check.verify_lab(lab, timeout=0.3).drift
    with namespaces.entered(lab.place("edge")):
        forward.write_text("1")

    assert (way_out, gateway) == (False, True)
    assert [each.where for each in drift] == ["host3"]


def test_between_the_vlans_the_router_says_no(lab: Lab) -> None:
    """I-3, I-6: a refusal at once (EHOSTUNREACH or ECONNREFUSED), not silence until a timeout."""
    script = (
        "import socket, time\n"
        "s = socket.socket(); s.settimeout(3); begin = time.monotonic()\n"
        "try: s.connect(('192.168.20.20', 80)); print('connected')\n"
        "except TimeoutError: print('silence')\n"
        "except OSError as error: print(error.errno)\n"
    )
    done = namespaces.run(str(lab.place("vm1")), ["python3", "-c", script])

    assert done.stdout.strip() in ("113", "111"), done.stdout + done.stderr


def test_machines_that_fail_do_not_even_resolve(lab: Lab) -> None:
    """F-14: the ARP request for a neighbour in the other VLAN is never answered."""
    place = str(lab.place("vm3"))
    address = ["192.168.10.99/24", "dev", "eth0"]
    namespaces.run(place, ["ip", "address", "add", *address])

    namespaces.run(place, ["ping", "-c1", "-W1", "192.168.10.10"])
    shown = namespaces.run(place, ["ip", "neighbour", "show", "192.168.10.10"]).stdout
    namespaces.run(place, ["ip", "address", "delete", *address])

    assert shown.split()[-1] in ("FAILED", "INCOMPLETE")


def test_the_trunk_carries_tags_10_and_20_and_nothing_else(lab: Lab) -> None:
    """H-3 to H-5: on every trunk, while everybody talks to everybody."""
    with (
        Capture(lab.path("host1"), TRUNKS["host1"]) as one,
        Capture(lab.path("host2"), TRUNKS["host2"]) as two,
        Capture(lab.path("host3"), TRUNKS["host3"]) as three,
    ):
        assert check.verify_lab(lab).ok
        frames = {
            host: capture.frames(settle=0.05)
            for host, capture in (("host1", one), ("host2", two), ("host3", three))
        }

    for host, captured in frames.items():
        assert {frame.vlan for frame in captured} == {10, 20}, host
        assert all(len(frame.frame.tags) == 1 for frame in captured), host
        assert {frame.outgoing for frame in captured} == {True, False}, host


def test_a_machine_sees_no_tag(lab: Lab) -> None:
    """J-5: the tag is the trunk's business."""
    with Capture(lab.place("vm4"), "eth0") as capture:
        assert answers(lab, "vm1", "192.168.10.40")
        frames = capture.frames(settle=0.05)

    assert frames
    assert {frame.vlan for frame in frames} == {0}


@pytest.mark.needs("ebpf_vlan")
def test_the_devices_have_the_walkthroughs_names(unique: str, run_dir: Path) -> None:
    """F-9, H-1: the bridges have the NIC's MAC, and their ports are these."""
    text = with_hosts(WALKTHROUGH.read_bytes(), vlan_devices="ebpf")
    lab = lifecycle.up(text, WALKTHROUGH.name, name=unique)

    rows = lab.host_kernel("host1").read({}).values()
    lifecycle.down(unique)

    bridges = {row.name: row.mac for row in rows if isinstance(row, Bridge)}
    ports = {(row.bridge, row.port) for row in rows if isinstance(row, BridgePort)}
    vlans = {(row.name, row.vlan, row.method) for row in rows if isinstance(row, VlanDevice)}
    assert bridges == {"brvlan-10": "00:0c:29:27:d5:3b", "brvlan-20": "00:0c:29:27:d5:3b"}
    assert ports == {
        ("brvlan-10", "eno16777736.10"),
        ("brvlan-10", "vnet1"),
        ("brvlan-20", "eno16777736.20"),
        ("brvlan-20", "vnet0"),
        ("brvlan-20", "vnet2"),
    }
    assert vlans == {
        ("eno16777736.10", 10, VlanMethod.EBPF),
        ("eno16777736.20", 20, VlanMethod.EBPF),
    }


@pytest.mark.needs("ebpf_vlan")
def test_the_demonstration_proves_itself_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unique: str
) -> None:
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(demo, "NAME", unique)
    said: list[str] = []
    steps: list[str] = []

    proof = demo.run(said.append, steps.append)

    text = "\n".join(said)
    assert proof.ok
    assert {frame.vlan for frame in proof.frames} == {10, 20}
    assert "vm1 -> 8.8.8.8 (8.8.8.8): answered" in text
    assert "30 of 30 pairs as declared" in text
    assert "brvlan-10" in text
    assert steps[-1].startswith("down: 11 namespaces")
    assert sweep.present(unique) == set()
    assert not (tmp_path / "run").exists()


@pytest.mark.needs("ebpf_vlan")
def test_an_interrupted_demonstration_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unique: str
) -> None:
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(demo, "NAME", unique)

    def interrupt(text: str) -> None:
        if "drawn" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.run(lambda _text: None, interrupt)

    assert sweep.present(unique) == set()
    assert not (tmp_path / "run").exists()
