"""What the pages say is there: links, make targets, commands, and the site file of the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trunkline import manifest
from trunkline.cli.main import SECTIONS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the checkout."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_make_targets_exist() -> None:
    """Every `make TARGET` that a page shows as code is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    shown = {
        target
        for page in PAGES
        for target in re.findall(r"(?:^    |`|&& )make ([a-z-]+)", page.read_text(), re.M)
    }

    assert shown - targets == set()


def test_commands_exist() -> None:
    """Every `trunkline COMMAND` of the README is a command."""
    shown = re.findall(r"^    trunkline ([a-z]+)", (ROOT / "README.md").read_text(), re.M)

    assert shown
    assert set(shown) - {name for section in SECTIONS.values() for name in section} == set()


def test_the_readmes_site_is_valid() -> None:
    """A newcomer's first file must not be the first error."""
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert text is not None

    assert sorted(manifest.parse(text[1].encode(), "README.md").machines) == ["vm1", "vm2", "vm3"]


def test_the_readmes_picture_is_the_real_one() -> None:
    """It is the golden text that the diagram of that host must equal."""
    golden = (ROOT / "tests/cases/diagram/walkthrough-host2.txt").read_text()
    picture = "\n".join(line.rstrip() for line in golden.splitlines())

    assert f"```\n{picture}\n```" in (ROOT / "README.md").read_text()
