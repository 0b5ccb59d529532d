from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings

from tests import diagram_cases
from tests.diagram_states import hosts
from trunkline import render
from trunkline.scene import (
    Box,
    BoxKind,
    Fold,
    Guest,
    Line,
    LineKind,
    Scene,
    host_scene,
    site_scene,
)
from trunkline.scene.boxes import PHYSICAL, Point
from trunkline.scene.canvas import walk
from trunkline.scene.width import cells
from trunkline.state import (
    ROOT,
    Address,
    Bridge,
    BridgePort,
    HostState,
    Ipv6,
    Nic,
    Row,
    Tap,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
    device_names,
    devices,
    host_state,
    veth,
)

FULL = Fold(None, None)
Host = tuple[HostState, tuple[Guest, ...]]
many = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


def full(host: Host) -> Scene:
    return host_scene(host[0], "host", guests=host[1], fold=FULL)


def inner(scene: Scene) -> list[Box]:
    return [box for box in scene.boxes if not box.is_frame]


def frames(scene: Scene) -> list[Box]:
    return [box for box in scene.boxes if box.is_frame]


def covered(box: Box) -> set[Point]:
    return set(itertools.product(range(box.x, box.right + 1), range(box.y, box.bottom + 1)))


def real_lines(scene: Scene) -> list[Line]:
    return [line for line in scene.lines if line.kind is not LineKind.RULE]


def assert_sound(scene: Scene) -> None:
    """Check everything that makes a picture readable, whatever it shows."""
    assert max(Counter(box.id for box in scene.boxes).values(), default=1) == 1
    assert max(Counter(line.id for line in scene.lines).values(), default=1) == 1
    assert_boxes_apart(scene)
    assert_lines_clear(scene)
    assert_lines_apart(scene)
    assert_ends_touch(scene)


def assert_boxes_apart(scene: Scene) -> None:
    taken: dict[Point, str] = {}
    for box in inner(scene):
        for point in covered(box):
            assert taken.setdefault(point, box.id) == box.id
        homes = [
            frame
            for frame in frames(scene)
            if frame.x < box.x
            and box.right < frame.right
            and frame.y < box.y
            and box.bottom < frame.bottom
        ]
        assert len(homes) == 1
        assert max(map(cells, (box.name, *box.addresses, *box.notes))) <= box.width - 2
    for a, b in itertools.combinations(frames(scene), 2):
        assert a.right <= b.x or b.right <= a.x or a.bottom < b.y or b.bottom < a.y
    for box in scene.boxes:
        assert 0 <= box.x <= box.right < scene.width
        assert 0 <= box.y <= box.bottom < scene.height


def assert_lines_clear(scene: Scene) -> None:
    """No line passes through a box."""
    taken = {point for box in inner(scene) for point in covered(box)}
    for line in real_lines(scene):
        assert taken.isdisjoint(walk(line.points)), line.id


def assert_lines_apart(scene: Scene) -> None:
    """Lines that do not belong together only cross, one upright and one level."""
    here: dict[Point, list[tuple[Line, set[Point]]]] = defaultdict(list)
    for line in real_lines(scene):
        path = list(walk(line.points))
        assert len(path) == len(set(path)), f"{line.id} lies on itself"
        for i, (x, y) in enumerate(path):
            around = path[max(0, i - 1) : i] + path[i + 1 : i + 2]
            here[x, y].append((line, {(a - x, b - y) for a, b in around}))
    for meeting in here.values():
        for (a, ways_a), (b, ways_b) in itertools.combinations(meeting, 2):
            if a.nets.isdisjoint(b.nets):
                assert {frozenset(ways_a), frozenset(ways_b)} == {
                    frozenset({(0, 1), (0, -1)}),
                    frozenset({(1, 0), (-1, 0)}),
                }, (a.id, b.id)


def assert_ends_touch(scene: Scene) -> None:
    boxes = {box.id: box for box in scene.boxes}
    for line in real_lines(scene):
        for end, (x, y) in zip(line.ends, (line.points[0], line.points[-1]), strict=True):
            if end in boxes:
                around = {(x, y + 1), (x, y - 1), (x + 1, y), (x - 1, y)}
                assert around & covered(boxes[end]), line.id


def expected_links(host: Host) -> Counter[tuple[LineKind, frozenset[str]]]:
    """Work out from the rows alone what must be joined."""
    state, guests = host
    names = {key for row in devices(state) for key in device_names(row)}
    bridges = {
        key for row in devices(state) if isinstance(row, Bridge) for key in device_names(row)
    }
    addressed = {(r.namespace, r.device) for r in state.values() if isinstance(r, Address)}
    ports = {(r.namespace, r.port) for r in state.values() if isinstance(r, BridgePort)}
    parents = {(r.namespace, r.parent) for r in devices(state) if isinstance(r, VlanDevice)}
    links: list[tuple[LineKind, frozenset[str]]] = []

    def join(kind: LineKind, *ends: str) -> None:
        links.append((kind, frozenset(ends)))

    def show(key: tuple[str, str]) -> str:
        return "/".join(part for part in key if part)

    for row in devices(state):
        for key in device_names(row):
            ipv6 = row.ipv6 if isinstance(row, Bridge | VlanDevice | Tap) else None
            if isinstance(row, Veth):
                ipv6 = next(e.ipv6 for e in row.ends if (e.namespace, e.name) == key)
            if key in addressed or (ipv6 is Ipv6.ON and key not in ports):
                join(LineKind.STACK, show(key), f"stack:{key[0]}")
            cable = isinstance(row, Nic) and (row.kind in (None, "", "bond") or key in parents)
            if cable:
                join(LineKind.WIRE, show(key), PHYSICAL)
        if isinstance(row, VlanDevice):
            parent = (row.namespace, row.parent)
            join(LineKind.PARENT, show((row.namespace, row.name)), show(parent))
        if isinstance(row, Veth):
            join(LineKind.PAIR, *(show(key) for key in device_names(row)))
    for port in state.values():
        if isinstance(port, BridgePort) and (port.namespace, port.bridge) in bridges:
            assert (port.namespace, port.port) in names
            ends = ((port.namespace, port.port), (port.namespace, port.bridge))
            join(LineKind.PORT, *map(show, ends))
    for guest in guests:
        for nic in guest.nics:
            inside = f"guest/{guest.name}/{nic.name}"
            join(LineKind.PAIR, nic.tap, inside)
            join(LineKind.STACK, inside, f"stack:guest/{guest.name}")
    return Counter(links)


@many
@given(hosts())
def test_every_picture_is_sound(host: Host) -> None:
    """No boxes overlap, all lie in a frame, and no line hides or meets what it does not join."""
    assert_sound(full(host))


@many
@given(hosts())
def test_every_link_is_drawn_exactly_once(host: Host) -> None:
    drawn = Counter((line.kind, frozenset(line.ends)) for line in real_lines(full(host)))
    assert drawn == expected_links(host)


@many
@given(hosts())
def test_every_device_is_drawn_exactly_once(host: Host) -> None:
    state, guests = host
    keys = {key for row in devices(state) for key in device_names(row)}
    keys |= {(f"guest/{guest.name}", nic.name) for guest in guests for nic in guest.nics}
    drawn = [box.id for box in inner(full(host)) if box.kind is not BoxKind.STACK]
    assert Counter(drawn) == Counter("/".join(part for part in key if part) for key in keys)


@many
@given(hosts())
def test_the_order_of_rows_does_not_matter(host: Host) -> None:
    state, guests = host
    backwards = dict(reversed(list(state.items())))
    assert full((backwards, guests[::-1])) == full(host)


@many
@given(hosts())
def test_folded_pictures_are_sound_and_count_what_they_hide(host: Host) -> None:
    whole = full(host)
    folded = host_scene(host[0], "host", guests=host[1], fold=Fold(2, 1))
    assert_sound(folded)
    panels = [box for box in frames(whole) if box.id != "frame:"]
    shown = [box for box in frames(folded) if box.id not in ("frame:", "frame: +")]
    more = [box.name for box in frames(folded) if box.id == "frame: +"]
    assert len(shown) == min(1, len(panels))
    assert more == ([f"+{len(panels) - 1} more"] if len(panels) > 1 else [])
    if len(panels) <= 1:
        hidden = sum(int(b.name[1:-5]) for b in inner(folded) if b.kind is BoxKind.FOLD)
        kept = [b for b in inner(folded) if b.kind is not BoxKind.FOLD]
        assert len(kept) + hidden == len(inner(whole))


@many
@given(hosts(), hosts())
def test_sites_are_sound(first: Host, second: Host) -> None:
    scene = site_scene(
        {"h1": first[0], "h2": second[0]}, "s", guests={"h1": first[1], "h2": second[1]}, fold=FULL
    )
    assert_sound(scene)


def bridge_with_ports(count: int) -> HostState:
    ports = [Tap(ROOT, f"vnet{n}") for n in range(count)]
    rows = [BridgePort(ROOT, tap.name, "br0") for tap in ports]
    return host_state([Bridge(ROOT, "br0"), *ports, *rows])


def test_many_ports_fold_into_one_box() -> None:
    scene = host_scene(bridge_with_ports(45), fold=Fold(ports=9))
    ports = [box.name for box in inner(scene) if box.kind in (BoxKind.TAP, BoxKind.FOLD)]
    assert ports == [*(f"vnet{n}" for n in range(8)), "+37 more"]


def test_machines_are_folded_until_the_picture_fits() -> None:
    ends = [
        veth(VethEnd(ROOT, f"vnet{n}"), VethEnd(f"vm{n}", "eth0", ipv6=Ipv6.ON)) for n in range(9)
    ]
    rows = [BridgePort(ROOT, f"vnet{n}", "br0") for n in range(9)]
    state = host_state([Bridge(ROOT, "br0"), *ends, *rows])
    scene = host_scene(state, columns=100)
    assert scene.width <= 100
    assert [f.name for f in frames(scene)] == ["host", "vm0", "vm1", "vm2", "+6 more"]
    assert host_scene(state, columns=10).width < 45


def test_an_addressed_port_is_joined_one_way_only() -> None:
    """What a bridge port receives goes to the bridge, never up (seed's second picture)."""
    case = diagram_cases.load("2-veth")
    lines = {
        line.ends[0]: line for line in host_scene(case.state).lines if line.kind is LineKind.STACK
    }
    assert lines["veth0"].arrows == (True, False)
    assert {name: lines[name].arrows for name in ("eth0", "br0", "veth1")} == dict.fromkeys(
        ("eth0", "br0", "veth1"), (True, True)
    )


def test_a_port_without_address_has_no_line_to_the_stack() -> None:
    case = diagram_cases.load("4-nic-as-port")
    joined = {line.ends[0] for line in host_scene(case.state).lines if line.kind is LineKind.STACK}
    assert joined == {"br0", "veth1"}


def test_an_ebpf_vlan_device_says_so() -> None:
    device = VlanDevice(ROOT, "eth0.10", "eth0", 10, VlanMethod.EBPF)
    scene = host_scene(host_state([Nic(ROOT, "eth0", kind=""), device]))
    assert [b.notes for b in inner(scene) if b.name == "eth0.10"] == [("ebpf",)]


def test_vlans_colour_a_bridge_its_ports_and_its_machines() -> None:
    rows: list[Row] = [
        Nic(ROOT, "eth0", kind=""),
        VlanDevice(ROOT, "eth0.10", "eth0", 10, VlanMethod.KERNEL),
        Bridge(ROOT, "brvlan-10"),
        veth(VethEnd(ROOT, "vnet0"), VethEnd("vm1", "eth0")),
        BridgePort(ROOT, "eth0.10", "brvlan-10"),
        BridgePort(ROOT, "vnet0", "brvlan-10"),
    ]
    scene = host_scene(host_state(rows))
    vlans = {box.id: box.vlan for box in inner(scene) if box.kind is not BoxKind.STACK}
    assert vlans == {
        "eth0": None,
        "eth0.10": 10,
        "brvlan-10": 10,
        "vnet0": 10,
        "vm1/eth0": 10,
    }


def test_a_trunk_cable_is_joined_to_the_rails_that_it_carries() -> None:
    def trunk(*vlans: int) -> HostState:
        carried = [VlanDevice(ROOT, f"eth0.{v}", "eth0", v, VlanMethod.KERNEL) for v in vlans]
        return host_state([Nic(ROOT, "eth0", kind=""), *carried])

    scene = site_scene({"h1": trunk(10, 20), "h2": trunk(20), "h3": trunk()})
    wires = {line.ends for line in scene.lines if line.kind is LineKind.WIRE}
    assert wires == {
        ("h1:eth0", "rail:10"),
        ("h1:eth0", "rail:20"),
        ("h2:eth0", "rail:20"),
        ("h3:eth0", "rail:0"),
    }
    assert [label.text for label in scene.labels] == ["untagged", "VLAN 10", "VLAN 20"]


def test_an_empty_host_has_a_picture() -> None:
    assert [box.id for box in host_scene({}).boxes] == ["frame:", "stack:"]
    assert render.text(site_scene({})) == ""


@pytest.mark.parametrize("name", diagram_cases.names())
def test_the_cases_are_sound(name: str) -> None:
    case = diagram_cases.load(name)
    assert_sound(host_scene(case.state, case.title, guests=case.guests))
