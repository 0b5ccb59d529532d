"""Tags and sources that a machine writes itself must not take it out of its network."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests import planning_fixtures as make
from tests.lab_fixtures import MODELS, site, with_hosts
from trunkline import plan, verify
from trunkline.capabilities import Capabilities
from trunkline.errors import HostError
from trunkline.intent import Switching
from trunkline.kernel import namespaces, nft
from trunkline.kernel.packets.ethernet import BROADCAST, EtherType, Frame, Tag, mac_text
from trunkline.lab import check, lifecycle
from trunkline.lab.capture import Capture
from trunkline.lab.lab import Lab
from trunkline.operation import Operation
from trunkline.probe import ProbeKind
from trunkline.realise import Seats, realise, tags
from trunkline.state import BridgePort, NftTable, PortVlan, host_state

HOP = """
site: hop-1
networks:
  lan: {untagged: true, subnets: [{cidr: 192.168.1.0/24}]}
  red: {vlan: 10, subnets: [{cidr: 192.168.10.0/24}]}
  blue: {vlan: 20, subnets: [{cidr: 192.168.20.0/24}]}
hosts:
  h1: {uplinks: {lan: {device: eth0, networks: [lan, red, blue]}}}
  h2: {uplinks: {lan: {device: eth0, networks: [lan, red, blue]}}}
containers:
  lan1: {host: h1, ports: [{network: lan, addresses: [192.168.1.5/24]}]}
  lan2: {host: h2, ports: [{network: lan, addresses: [192.168.1.6/24]}]}
  red1: {host: h1, ports: [{network: red, addresses: [192.168.10.5/24]}]}
  red2: {host: h2, ports: [{network: red, addresses: [192.168.10.6/24]}]}
  blue2: {host: h2, ports: [{network: blue, addresses: [192.168.20.6/24]}]}
  both1:
    host: h1
    ports: [{native: lan, tagged: [{network: blue, addresses: [192.168.20.7/24]}]}]
expectations:
  - {from: lan, to: red, expect: isolated}
"""
"""One uplink carries an untagged network beside two VLANs: a tag on a lan frame is a way out."""

TABLE = ("nft", "", "bridge", "trunkline_hop-1")


# --- values --------------------------------------------------------------------------------------


def elements(table: NftTable, name: str) -> list[str]:
    head = table.rules.partition(f"set {name} {{")[2].partition("}\n")[0]
    return sorted(head.split('"')[1::2])


def rules_of(switching: Switching) -> NftTable:
    row = make.desired(make.one_host(switching), Seats.TAP)["nft", "", "bridge", "trunkline_walk"]
    assert isinstance(row, NftTable)
    return row


def test_every_port_of_a_bridge_for_one_network_is_an_access_port() -> None:
    """What has a VLAN device is taken before the bridge, so no frame in it has a tag."""
    table = rules_of(Switching.BRIDGE_PER_NETWORK)
    ports = ["box-0", "box-0.20", "edge-blue", "edge-red", "edge-wan", "eno1.10", "eno1.20"]

    assert elements(table, "access") == [*ports, "eno2", "vm2-0", "vnet1"]
    assert elements(table, "trunk") == []


def test_a_port_with_a_tagged_vlan_is_a_trunk_port() -> None:
    table = rules_of(Switching.VLAN_AWARE)

    assert elements(table, "access") == [
        "edge-blue",
        "edge-red",
        "edge-wan",
        "eno2",
        "vm2-0",
        "vnet1",
    ]
    assert elements(table, "trunk") == ["box-0", "eno1"]


def test_a_host_without_ports_needs_no_table() -> None:
    assert list(tags.tables("", "trunkline_s", [PortVlan("", "br0", 10)])) == []
    assert list(tags.tables("", "trunkline_s", [BridgePort("switch", "p1", "br0")])) == []


@pytest.mark.parametrize("port", ['a"b', "eth*", "a\\b"])
def test_a_name_that_nft_cannot_write_is_refused(port: str) -> None:
    with pytest.raises(HostError, match="nft has no way to write that name"):
        list(tags.tables("", "trunkline_s", [BridgePort("", port, "br0")]))


def test_a_kernel_without_bridge_rules_takes_no_mixed_uplink() -> None:
    """Better no switch than one that leaks."""
    without = Capabilities("5.4", nft_bridge=False)

    with pytest.raises(HostError) as raised:
        realise(site(HOP), "h1", without)

    assert raised.value.message.startswith(
        "host 'h1': NIC 'eth0' carries untagged and tagged networks, and kernel '5.4' has no"
    )
    assert raised.value.hint
    apart = make.desired(make.one_host(), Seats.TAP, without)
    assert [row.namespace for row in apart.values() if isinstance(row, NftTable)] == ["edge"]


def test_a_site_owns_its_table_and_no_other_site_s() -> None:
    state = realise(site(HOP), "h1", Capabilities())
    ours = state[TABLE]
    assert isinstance(ours, NftTable)
    other = replace(ours, name="trunkline_hop")

    (operation,) = plan.diff(host_state([ours, other]), {}, "hop-1").operations

    assert operation == Operation(ours, None)


# --- packets -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=MODELS)
def lab(
    request: pytest.FixtureRequest,
    unique_names: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path_factory.mktemp("labs") / "run"))
        lab = lifecycle.up(with_hosts(HOP, **request.param), "hop.yaml", name=next(unique_names))
        yield lab
        lifecycle.down(lab.name)


_numbers = itertools.count(1)


@dataclass
class Wire:
    """Everybody in the lab who may hear a frame."""

    lab: Lab
    captures: dict[str, Capture]

    def heard(self, source: str, *stack: Tag, device: str = "eth0") -> set[str]:
        """Return who hears a broadcast that *source* sends with these tags."""
        token = b"hop%06d" % next(_numbers)
        for capture in self.captures.values():
            capture.frames()
        with namespaces.entered(self.lab.place(source)):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with opened:
            opened.bind((device, 0))
            mac = mac_text(opened.getsockname()[4])
            payload = token.ljust(46, b"\0")
            opened.send(Frame(BROADCAST, mac, EtherType.EXPERIMENTAL, payload, stack).encode())
        frames = {
            name: capture.frames(settle=0.1 if number == 0 else 0)
            for number, (name, capture) in enumerate(self.captures.items())
        }
        return {
            name
            for name, seen in frames.items()
            if name != source and any(token in each.frame.payload for each in seen)
        }


@pytest.fixture
def wire(lab: Lab) -> Iterator[Wire]:
    with contextlib.ExitStack() as stack:
        yield Wire(
            lab,
            {
                name: stack.enter_context(Capture(lab.place(name), "eth0"))
                for name in (*lab.site.machines, *lab.site.hosts)
            },
        )


AD = EtherType.DOT1AD

kernel = pytest.mark.kernel
guarded = pytest.mark.needs("bridge", "veth", "nft", "nft_bridge")


@kernel
@guarded
class TestTags:
    def test_frames_without_tags_reach_their_network(self, wire: Wire) -> None:
        assert wire.heard("lan1") == {"both1", "h1", "h2", "lan2"}
        assert wire.heard("red1") == {"h1", "h2", "red2"}
        assert wire.heard("both1") == {"lan1", "h1", "h2", "lan2"}

    def test_a_priority_tag_is_no_vlan(self, wire: Wire) -> None:
        assert wire.heard("lan1", Tag(0, priority=5)) == {"both1", "h1", "h2", "lan2"}
        assert wire.heard("red1", Tag(0, priority=5)) == {"h1", "h2", "red2"}

    @pytest.mark.parametrize(
        "stack",
        [
            (Tag(10),),
            (Tag(20),),
            (Tag(99),),
            (Tag(4094),),
            (Tag(0), Tag(10)),
            (Tag(10), Tag(10)),
            (Tag(10, protocol=AD),),
            (Tag(0, protocol=AD), Tag(10)),
            (Tag(0), Tag(10, protocol=AD)),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("source", ["lan1", "red1"])
    def test_an_access_port_sends_no_tags(
        self, wire: Wire, source: str, stack: tuple[Tag, ...]
    ) -> None:
        """P-46, P-47: not even onto the wire, where others may take them for theirs."""
        assert wire.heard(source, *stack) == set()

    def test_a_trunk_port_sends_the_tags_that_it_has(self, wire: Wire) -> None:
        assert wire.heard("both1", Tag(20)) == {"blue2", "h1", "h2"}
        for stack in (
            (Tag(10),),
            (Tag(99),),
            (Tag(20), Tag(10)),
            (Tag(0), Tag(10)),
            (Tag(20, protocol=AD),),
        ):
            assert wire.heard("both1", *stack) == set(), stack

    def test_a_tag_from_the_wire_that_nobody_has_goes_nowhere(self, wire: Wire) -> None:
        """P-41: what no VLAN device takes would be the untagged bridge's."""
        assert wire.heard("switch", Tag(10), device="p1") == {"h1", "red1"}
        assert wire.heard("switch", Tag(99), device="p1") == {"h1"}
        assert wire.heard("switch", Tag(10), Tag(20), device="p1") == {"h1"}

    def test_the_switch_carries_what_the_ports_declare(self, wire: Wire) -> None:
        assert wire.heard("h1", Tag(10)) == {"h2", "red2"}
        assert wire.heard("h1", Tag(99)) == set()
        assert wire.heard("h1", Tag(10), Tag(20)) == set()

    def test_the_rules_are_read_back_as_they_were_written(self, lab: Lab) -> None:
        with namespaces.entered(lab.path("h1")):
            (row,) = nft.read([])
        wanted = lab.host_state("h1", lab.host_kernel("h1").capabilities())[TABLE]
        assert isinstance(wanted, NftTable)
        assert row.rules.split() == wanted.rules.split()

    def test_verify_finds_the_hole_and_names_it(self, lab: Lab) -> None:
        assert check.verify_lab(lab).ok
        state = lab.host_kernel("h1").read(
            lab.host_state("h1", lab.host_kernel("h1").capabilities())
        )
        table = state[TABLE]

        lab.host_kernel("h1").apply([Operation(table, None)])
        report = check.verify_lab(lab)
        lab.host_kernel("h1").apply([Operation(None, table)])

        leaks = {
            (result.cell.source, result.cell.target, verdict.probe.vlan)
            for result in report.results
            for verdict in result.contradictions
            if verdict.probe.kind is ProbeKind.TAGGED
        }
        assert {("lan1", "red2", 10), ("lan1", "blue2", 20)} <= leaks
        assert all(source.endswith("1") for source, _, _ in leaks)
        assert "    tagged 10: arrived" in verify.text(report)
        assert not report.ok
        assert [drift.where for drift in report.drift] == ["h1"]
