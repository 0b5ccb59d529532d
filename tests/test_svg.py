from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings

from tests import diagram_cases
from tests.diagram_states import hosts
from trunkline import svg
from trunkline.scene import Fold, Guest, LineKind, Scene, host_scene
from trunkline.state import ROOT, HostState, Tap, host_state

NS = "{http://www.w3.org/2000/svg}"
Host = tuple[HostState, tuple[Guest, ...]]


def parsed(scene: Scene) -> ElementTree.Element:
    return ElementTree.fromstring(svg.svg(scene))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(hosts())
def test_it_has_the_objects_of_the_scene(host: Host) -> None:
    scene = host_scene(host[0], "a & b", guests=host[1], fold=Fold(None, None))
    root = parsed(scene)
    drawn = [group.get("data-id") for group in root.iter(f"{NS}g")]
    assert sorted(filter(None, drawn)) == sorted(
        [*(box.id for box in scene.boxes), *(line.id for line in scene.lines)]
    )
    names = [text.text for text in root.iter(f"{NS}text") if text.get("class") == "name"]
    assert sorted(filter(None, names)) == sorted(box.name for box in scene.boxes)


def test_it_has_a_title_and_classes_for_kind_and_vlan() -> None:
    root = parsed(host_scene(diagram_cases.walkthrough_state("host1"), "host1"))
    classes = {group.get("data-id"): group.get("class") for group in root.iter(f"{NS}g")}
    assert root.findtext(f"{NS}title") == "host1"
    assert classes["brvlan-10"] == "bridge vlan-10"
    assert classes["vm1/eth0"] == "veth vlan-10"
    assert classes["port:brvlan-20--vnet2"] == "port vlan-20"


def test_joined_lines_have_a_dot_and_crossing_ones_have_none() -> None:
    case = diagram_cases.load("5-machines")
    scene = host_scene(case.state, case.title, guests=case.guests)
    dots = list(parsed(scene).iter(f"{NS}circle"))
    bus = next(line for line in scene.lines if line.id == "port:br0--tap1").points[1]
    assert [(dot.get("cx"), dot.get("cy")) for dot in dots] == [
        (str(bus[0] * svg.CELL_WIDTH + 4), str(bus[1] * svg.CELL_HEIGHT + 8))
    ]


def test_lines_end_on_the_borders_of_their_boxes() -> None:
    case = diagram_cases.load("4-nic-as-port")
    scene = host_scene(case.state, case.title)
    port = next(line for line in scene.lines if line.kind is LineKind.PORT)
    boxes = {box.id: box for box in scene.boxes}
    left, right = boxes[port.ends[0]], boxes[port.ends[1]]
    path = f"M{left.right * 8 + 4} {left.row * 16 + 8}L{right.x * 8 + 4} {right.row * 16 + 8}"
    assert path in svg.svg(scene)


def test_names_cannot_break_out_of_the_document() -> None:
    state = host_state([Tap(ROOT, '<x"&\x1b>')])
    root = parsed(host_scene(state, "</svg>"))
    assert root.findtext(f"{NS}title") == "</svg>"
    names = [text.text for text in root.iter(f"{NS}text")]
    assert '<x"&?>' in names
