from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests import diagram_cases
from tests.diagram_states import hosts
from trunkline import render
from trunkline.realise import Seats
from trunkline.scene import Fold, Guest, Scene, guests, host_scene, site_scene
from trunkline.scene.boxes import Line, LineKind
from trunkline.scene.canvas import ASCII, UNICODE, Canvas
from trunkline.scene.width import cells
from trunkline.state import ROOT, Bridge, HostState, Tap, host_state

Host = tuple[HostState, tuple[Guest, ...]]
many = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def seed(name: str) -> Scene:
    case = diagram_cases.load(name)
    return host_scene(case.state, case.title, guests=case.guests)


@pytest.mark.parametrize("name", diagram_cases.names())
def test_the_pictures_in_ascii(name: str) -> None:
    drawn = diagram_cases.unpadded(render.text(seed(name), ascii=True))
    assert drawn == diagram_cases.golden(f"{name}.ascii")


@pytest.mark.parametrize("name", diagram_cases.names())
def test_the_pictures_in_box_drawing(name: str) -> None:
    assert diagram_cases.unpadded(render.text(seed(name))) == diagram_cases.golden(name)


@pytest.mark.parametrize("host", ["host1", "host2", "host3"])
def test_the_walkthrough_hosts(host: str) -> None:
    """Each is readable in 150 columns, with its machines as namespaces."""
    scene = host_scene(diagram_cases.walkthrough_state(host), host)
    assert scene.width <= 150
    drawn = diagram_cases.unpadded(render.text(scene))
    assert drawn == diagram_cases.golden(f"walkthrough-{host}")


def test_taps_and_namespaces_look_alike() -> None:
    """A virtual machine behind a tap is drawn as the namespace that plays it in a lab is."""
    lab = diagram_cases.walkthrough_state("host1", Seats.NAMESPACE)
    real = diagram_cases.walkthrough_state("host1", Seats.TAP)
    machines = guests(diagram_cases.walkthrough(), "host1")
    assert render.text(host_scene(lab)) == render.text(host_scene(real, guests=machines))


def test_the_walkthrough_site() -> None:
    site = diagram_cases.walkthrough()
    states = {host: diagram_cases.walkthrough_state(host) for host in site.hosts}
    drawn = render.text(site_scene(states, site.name))
    assert diagram_cases.unpadded(drawn) == diagram_cases.golden("walkthrough-site")


def test_the_page_shows_the_real_picture() -> None:
    page = diagram_cases.FOLDER.parents[2] / "docs" / "diagram.md"
    assert diagram_cases.golden("5-machines") in page.read_text()


@many
@given(hosts())
def test_all_lines_have_one_width(host: Host) -> None:
    scene = host_scene(host[0], "host", guests=host[1])
    for ascii in (True, False):
        lines = render.text(scene, ascii=ascii).split("\n")
        assert {cells(line) for line in lines} == {scene.width}
        assert len(lines) == scene.height


@many
@given(hosts())
def test_ascii_is_ascii(host: Host) -> None:
    assert render.text(host_scene(host[0], "虚拟机", guests=host[1]), ascii=True).isascii()


@many
@given(hosts())
def test_text_and_scene_have_the_same_objects(host: Host) -> None:
    """Every box stands in the text with its border, its name, its addresses and its notes."""
    scene = host_scene(host[0], "host", guests=host[1], fold=Fold(None, None))
    lines = render.text(scene, ascii=True).split("\n")
    for box in scene.boxes:
        texts = [*zip(range(box.y + 1, box.row), box.addresses, strict=False)]
        texts += enumerate((box.name, *box.notes), box.row)
        for row, text in texts:
            assert lines[row][box.x + 1 : box.right].strip() == text
        if not box.is_frame:
            edge = f"+{'-' * (box.width - 2)}+"
            assert lines[box.y][box.x : box.right + 1] == edge
            assert lines[box.bottom][box.x : box.right + 1] == edge


@many
@given(hosts())
def test_every_arrow_of_the_scene_is_in_the_text(host: Host) -> None:
    scene = host_scene(host[0], "host", guests=host[1])
    lines = render.text(scene, ascii=True).split("\n")
    for line in scene.lines:
        for (x, y), arrow in zip((line.points[0], line.points[-1]), line.arrows, strict=True):
            assert not arrow or lines[y][x] in "<>^v"


def picture(*lines: Line, size: tuple[int, int] = (5, 3)) -> str:
    canvas = Canvas(*size, ASCII)
    for line in lines:
        canvas.line(line.points, line.nets, arrows=line.arrows)
    return "\n".join(canvas.rows())


def line(*points: tuple[int, int], net: str, arrows: tuple[bool, bool] = (False, False)) -> Line:
    return Line(LineKind.PAIR, ("a", "b"), points, arrows, frozenset({net}))


def test_lines_of_two_nets_cross_without_touching() -> None:
    level, upright = line((0, 1), (4, 1), net="a"), line((2, 0), (2, 2), net="b")
    assert picture(level, upright) == "  |  \n--|--\n  |  "


def test_lines_of_one_net_join() -> None:
    level, upright = line((0, 1), (4, 1), net="a"), line((2, 0), (2, 2), net="a")
    assert picture(level, upright) == "  |  \n--+--\n  |  "


def test_a_line_that_ends_on_another_joins_it() -> None:
    level, upright = line((0, 1), (4, 1), net="a"), line((2, 1), (2, 2), net="b")
    assert picture(level, upright) == "     \n--+--\n  |  "


def test_arrows_point_away_from_the_line() -> None:
    assert picture(line((0, 0), (4, 0), (4, 2), net="a", arrows=(True, True))) == (
        "<---+\n    |\n    v"
    )


def test_wide_characters_take_two_cells() -> None:
    scene = host_scene(host_state([Bridge(ROOT, "br0")]), "虚拟机")
    lines = render.text(scene).split("\n")
    assert "虚拟机" in lines[1]
    assert {cells(line) for line in lines} == {scene.width}
    assert len(lines[1]) == scene.width - 3


def test_combining_characters_take_none() -> None:
    canvas = Canvas(3, 1, UNICODE)
    canvas.text(0, 0, "e\u0301a")
    assert canvas.rows() == ["e\u0301a "]


def test_a_terminal_never_sees_control_characters_of_device_names() -> None:
    """The kernel allows them in names; `ip link add $'\\e[2J'` works."""
    state = host_state([Tap(ROOT, "a\x1b[2Jb")])
    text = render.text(host_scene(state, "t\x1b]0;x\x07"))
    assert "a?[2Jb" in text
    assert "\x1b" not in text
