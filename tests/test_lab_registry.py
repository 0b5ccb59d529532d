"""The record of a lab may be damaged, or find no room on the disk."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.lab_fixtures import ALLOWED, PAIR, ROUTED, TIMEOUT, fresh_lab, servers
from trunkline.cli.lab.life import list_labs
from trunkline.errors import HostError
from trunkline.lab import check, lifecycle, registry, sweep

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()

DAMAGE = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b"\xff",
    b'{"lab": "x"}',
    b'{"lab": "NAME", "site": 1, "file": "f", "server": null, "serves": []}',
    b'{"lab": "NAME", "site": "s", "file": "f", "server": [], "serves": []}',
    b'{"lab": "NAME", "site": "s", "file": "f", "server": {"pid": 1}, "serves": []}',
    b'{"lab": "NAME", "site": "s", "file": "f", "server": null, "serves": 7}',
]


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from fresh_lab(unique, tmp_path, monkeypatch)


def damage(name: str, content: bytes) -> Path:
    path = registry.directory(name) / "lab.json"
    path.write_bytes(content.replace(b"NAME", name.encode()))
    return path


def listed() -> list[dict[str, str | None]]:
    items: list[dict[str, str | None]]
    items = json.loads(CliRunner().invoke(list_labs, ["--json"]).output)["items"]
    return items


@pytest.mark.parametrize("content", DAMAGE)
def test_a_damaged_record_is_an_error_that_names_its_file(name: str, content: bytes) -> None:
    with registry.locked(name):
        path = damage(name, content)

    with pytest.raises(HostError) as caught:
        registry.read(name)

    assert f"lab '{name}': its record '{path}' is damaged: " in caught.value.message
    assert caught.value.hint == f"remove the lab with `trunkline lab down {name}`"
    assert registry.server_of(name) is None
    (item,) = listed()
    assert item["problem"] == f"damaged: {caught.value.message}"


@ROUTED
def test_a_damaged_lab_goes_down_and_others_do_not_mind(name: str) -> None:
    """Its server is found without the record, and so are its namespaces."""
    lifecycle.up(ALLOWED.encode(), "allowed.yaml", name=f"{name}a")
    damage(f"{name}a", b"{}")

    other = lifecycle.up(SITE, "pair.yaml", name=f"{name}b")
    lines = CliRunner().invoke(list_labs, []).output.splitlines()
    with pytest.raises(HostError, match="is damaged: 'lab' is missing"):
        lifecycle.up(ALLOWED.encode(), "allowed.yaml", name=f"{name}a")

    assert check.verify_lab(other, timeout=TIMEOUT).ok
    assert lines[0].startswith(f"{name}a  damaged: lab '{name}a': its record")
    assert lines[1].startswith(f"{name}b  site 'pair' from pair.yaml")
    lifecycle.down(f"{name}a")
    assert sweep.present(f"{name}a") == set()
    assert servers(f"{name}a") == []


def test_a_lab_whose_site_is_damaged_too_goes_down(name: str) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)
    damage(name, b"{}")
    (registry.directory(name) / "site.yaml").write_bytes(b"site: [")

    assert lifecycle.down(name) == 6
    assert sweep.present(name) == set()


@pytest.fixture
def full(name: str, tmp_path: Path) -> Iterator[Path]:
    """A run directory with room for one file of two."""
    run = tmp_path / "run"
    run.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", run], check=True)
    yield run
    subprocess.run(["umount", run], check=True)


def test_a_full_run_directory_is_an_error_that_leaves_nothing(name: str, full: Path) -> None:
    with pytest.raises(HostError) as caught:
        lifecycle.up(SITE, "pair.yaml", name=name)

    record = full / "labs" / name / "lab.json"
    assert caught.value.message == (
        f"lab '{name}': cannot write '{record}': no space left on device"
    )
    assert not (full / "labs").exists()
    assert registry.known() == []
    assert sweep.present(name) == set()


def test_a_run_directory_that_cannot_be_made_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")

    with pytest.raises(HostError, match=f"lab '{name}': cannot write '.*': not a directory"):
        lifecycle.up(SITE, "pair.yaml", name=name)
    (tmp_path / "run").unlink()
