"""What breaks in a lab is seen, and `up` mends it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_fixtures import PAIR, ROUTED, TIMEOUT, fresh_lab, ip
from trunkline import verify
from trunkline.kernel import namespaces
from trunkline.kernel.packets.ethernet import BROADCAST, EtherType, Frame, Tag
from trunkline.lab import check, lifecycle
from trunkline.lab.capture import Capture

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from fresh_lab(unique, tmp_path, monkeypatch)


def test_a_deleted_port_is_drift_and_a_lost_pair(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    ip("-n", f"{name}.h2", "link", "delete", "vnet0")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    text = verify.text(found)
    assert not found.ok
    assert [drift.where for drift in found.drift] == ["h2"]
    assert "FAILED a -> b: expected reachable (both on red), is untested" in text
    assert "FAILED expectation a -> b reachable: a -> b is untested" in text


def test_a_port_in_the_wrong_bridge_is_a_leak(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    ip("-n", f"{name}.h1", "link", "set", "vnet0", "master", "brvlan-20")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    leaks = {(r.cell.source, r.cell.target) for r in found.results if not r.ok}
    assert leaks == {("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")}
    assert "broadcast: arrived" in verify.text(found)
    assert [drift.where for drift in found.drift] == ["h1"]


def test_a_lost_cable_is_the_fabrics_drift(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    ip("-n", f"{name}.switch", "link", "delete", "p2")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    assert "fabric" in [drift.where for drift in found.drift]
    assert not found.ok
    again = lifecycle.up(SITE, "pair.yaml", name=name)
    mended = check.verify_lab(again, timeout=TIMEOUT)
    assert mended.ok, verify.text(mended)


def test_a_deleted_namespace_is_drift_and_up_mends_it(name: str) -> None:
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    namespaces.delete(f"{name}.h1.a")

    found = check.verify_lab(lab, timeout=TIMEOUT)

    assert not found.ok
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    assert check.verify_lab(lab, timeout=TIMEOUT).ok


MIXED = """
site: mixed
networks: {tagged: {vlan: 10}, plain: {untagged: true}}
hosts:
  h1: {uplinks: {lan: {device: eth0, networks: [tagged, plain]}}}
  h2: {uplinks: {lan: {device: eth0, networks: [tagged, plain]}}}
"""


@ROUTED
def test_the_switch_passes_declared_vlans_only(name: str) -> None:
    """VLAN 10 and frames without a tag; 77 is of nobody, and a double tag is not ours either."""
    lab = lifecycle.up(MIXED.encode(), "mixed.yaml", name=name)
    sent = [
        Frame(BROADCAST, "02:00:00:00:00:07", EtherType.EXPERIMENTAL, bytes(46), tags)
        for tags in ((), (Tag(10),), (Tag(77),), (Tag(10, protocol=EtherType.DOT1AD),))
    ]
    with namespaces.entered(lab.place("h1")):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind(("eth0", 0))

    with wire, Capture(lab.place("h2"), "eth0") as capture:
        for frame in sent:
            wire.send(frame.encode())
        seen = capture.frames(settle=0.1)

    vlans = [c.vlan for c in seen if c.frame.ethertype == EtherType.EXPERIMENTAL]
    assert sorted(vlans) == [0, 10]
