"""Every example comes up as a lab, is as it declares, and goes down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_fixtures import EXAMPLES
from trunkline import manifest, verify
from trunkline.intent import Site, Switching
from trunkline.lab import check, demo, lifecycle, registry, sweep

FILES = sorted(EXAMPLES.glob("*.yaml"))


def site(path: Path) -> Site:
    return manifest.parse(path.read_bytes(), path.name)


def needs(path: Path) -> list[pytest.MarkDecorator]:
    """Return the marks for what a kernel must have to run the site in *path*."""
    read = site(path)
    features = ["bridge", "veth"]
    if any(host.switching is Switching.VLAN_AWARE for host in read.hosts.values()):
        features += ["vlan_filtering", "vlan_devices"]
    elif any(network.vlan for network in read.networks.values()):
        features += ["ebpf_vlan"]
    if read.routers:
        features += ["nft"]
    return [pytest.mark.kernel, pytest.mark.needs(*features)]


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
    assert sweep.members(name) == []


def test_the_demonstration_shows_the_walkthrough() -> None:
    """The package brings its own copy, so that it works from a wheel."""
    assert demo.site() == (EXAMPLES / "walkthrough.yaml").read_bytes()
