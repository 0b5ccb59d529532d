"""Whatever happens to a site file at the keyboard, it is a site or it is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import broken_sites
from tests.test_manifest import EVERY_FIELD
from trunkline import manifest
from trunkline.errors import SiteError
from trunkline.intent import Site

WALKTHROUGH = (Path(__file__).parents[1] / "examples" / "walkthrough.yaml").read_bytes()

TOKENS = [
    b"",
    b" ",
    b"\n",
    b"\t",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b": ",
    b",",
    b"- ",
    b"&a ",
    b"*a",
    b"!!str ",
    b"<<: ",
    b"'",
    b'"',
    b"#",
    b"010",
    b"~",
    b"true",
    b"no",
    b"-1",
    b"4095",
    b"1e999",
    b"9" * 5000,
    b"0x" + b"f" * 5000,
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x99\x82",
    b"fe80::1%x/64",
    b"224.0.0.1/4",
    b"::/0",
    b"--- ",
    b"...\n",
    b"? ",
    b"| ",
    b"> ",
    b"%YAML 1.1\n",
    b"red",
    b"outside",
    b"null: null",
    b"{}",
    b"[]",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a sound site after a few accidents at the keyboard."""
    data = draw(st.sampled_from([WALKTHROUGH, EVERY_FIELD]))
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.sampled_from([by_bytes, by_lines, by_tokens]))(draw, data)
    return data


def by_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.integers(0, 8)))
    new = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=4)))
    return data[:start] + new + data[end:]


def by_lines(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    index = draw(st.integers(0, len(lines) - 1))
    other = draw(st.integers(0, len(lines) - 1))
    new = draw(st.sampled_from([[], [lines[other]], [lines[index]] * 2, [b"  " + lines[index]]]))
    return b"".join([*lines[:index], *new, *lines[index + 1 :]])


def by_tokens(draw: st.DrawFn, data: bytes) -> bytes:
    words = data.split(b" ")
    index = draw(st.integers(0, len(words) - 1))
    words[index] = draw(st.one_of(st.sampled_from(TOKENS), st.sampled_from(words)))
    return b" ".join(words)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(mutated())
def test_any_file_is_a_site_or_explained(data: bytes) -> None:
    explained = broken_sites.said_of(data, "site.yaml")
    unseen = {character for character in explained if not character.isprintable()}
    assert unseen <= {"\n"}
    if not explained:
        assert isinstance(manifest.parse(data, "site.yaml"), Site)
        return
    with pytest.raises(SiteError) as caught:
        manifest.parse(data, "site.yaml")
    assert caught.value.problems
    for problem in caught.value.problems:
        assert problem.message
        assert (problem.line > 0) == (problem.column > 0)
