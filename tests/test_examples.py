"""Every example comes up as a lab, is as it declares, and goes down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_fixtures import EXAMPLES
from trunkline import verify
from trunkline.lab import check, demo, lifecycle, registry, sweep

FILES = sorted(EXAMPLES.glob("*.yaml"))


def needs(path: Path) -> list[pytest.MarkDecorator]:
    """Return the marks for what a kernel must have to run the site in *path*, read as plain text.

    It is not parsed: an example with an error must fail its own test and no other.
    """
    text = path.read_text()
    features = ["bridge", "veth"]
    if "switching: vlan-aware" in text:
        features += ["vlan_filtering", "vlan_devices"]
    elif "vlan:" in text:
        features += ["ebpf_vlan"]
    if "routers:" in text:
        features += ["nft"]
    marks = [pytest.mark.kernel, pytest.mark.needs(*features)]
    # A machine's own VLAN devices: the kernel's and eBPF ones differ most there, so try both.
    return [*marks, pytest.mark.guest] if "tagged:" in text else marks


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path / "run"))
    yield unique
    for lab in registry.known():
        lifecycle.down(lab)


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=needs(path)) for path in FILES]
)
def test_an_example_is_as_it_declares(path: Path, name: str) -> None:
    lab = lifecycle.up(path.read_bytes(), path.name, name=name)

    report = check.verify_lab(lab, timeout=0.8)
    lifecycle.down(name)

    assert report.ok, verify.text(report)
    assert report.expectations or not lab.site.machines, "an example says who may reach whom"
    assert sweep.present(name) == set()


def test_the_demonstration_shows_the_walkthrough() -> None:
    """The package brings its own copy, so that it works from a wheel."""
    assert demo.site() == (EXAMPLES / "walkthrough.yaml").read_bytes()
