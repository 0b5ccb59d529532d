"""Problems as text: the caret stands under its character, whatever the line holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline import problems
from trunkline.errors import Problem, SiteError


def test_a_problem_is_place_source_caret_and_hint() -> None:
    source = "networks:\n  blue: {vlan: 4095}\n"
    problem = Problem(2, 16, "networks.blue.vlan", "VLAN 4095 is outside 1-4094", "choose another")
    assert problems.text(SiteError("site.yaml", [problem], source)) == (
        "site.yaml:2:16: networks.blue.vlan: VLAN 4095 is outside 1-4094\n"
        "      blue: {vlan: 4095}\n"
        "                   ^\n"
        "  hint: choose another\n"
    )


def test_a_problem_of_the_whole_file_has_no_place() -> None:
    error = SiteError("site.yaml", [Problem(0, 0, "", "the file is empty")])
    assert problems.text(error) == "site.yaml: the file is empty\n"


def test_problems_come_in_the_order_of_the_file_and_end_somewhere() -> None:
    many = [Problem(line, 1, "", f"wrong {line}") for line in range(250, 0, -1)]
    lines = problems.text(SiteError("a.yaml", many)).splitlines()
    assert lines[:2] == ["a.yaml:1:1: wrong 1", "a.yaml:2:1: wrong 2"]
    assert lines[-1] == "a.yaml: and 150 more problems"


def test_a_terminal_is_never_commanded() -> None:
    error = SiteError("a\x1b[2J.yaml", [Problem(1, 1, "", "bad \u202e\x07")], "\x1b[31m\u2066")
    text = problems.text(error)
    assert text == ("a\\x1b[2J.yaml:1:1: bad \\u202e\\x07\n    \\x1b[31m\\u2066\n    ^\n")


def test_a_long_line_is_cut_around_the_caret() -> None:
    line = "a" * 5000 + "!" + "b" * 5000
    shown, caret = problems.excerpt(line, 5000, width=30)
    assert shown == "…" + "a" * 19 + "!" + "b" * 10 + "…"
    assert shown[caret] == "!"


@given(
    st.text(st.characters(exclude_characters="\n\r\x85\u2028\u2029"), max_size=300),
    st.data(),
    st.integers(20, 120),
)
def test_the_caret_stands_under_its_character(line: str, data: st.DataObject, width: int) -> None:
    column = data.draw(st.integers(0, len(line)))
    shown, caret = problems.excerpt(line, column, width)
    cells = problems.cells(line)
    at = 0
    for character in shown:
        if at >= caret and problems.width_of(character):
            break
        at += problems.width_of(character)
    assert at == caret or column == len(line)
    assert problems.width_of(shown) <= width + 2
    if column < len(line) and problems.width_of(cells[column]) and cells[column].strip():
        assert cells[column][0] in shown
