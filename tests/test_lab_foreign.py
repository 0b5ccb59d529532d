"""What a lab has not made stays as it is, and what it has made is found by its names and marks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_fixtures import PAIR, TIMEOUT, fresh_lab, ip
from trunkline.errors import ConflictError, HostError
from trunkline.kernel import namespaces
from trunkline.lab import check, lifecycle, registry, sweep

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from fresh_lab(unique, tmp_path, monkeypatch)


@pytest.fixture
def foreign(name: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Namespaces of somebody else, named as if they were the lab's, with a process in each."""
    running = {}
    for other in (f"{name}.mine", f"{name}.h1.mine"):
        namespaces.create(other)
        with namespaces.entered(namespaces.path(other)):
            running[other] = subprocess.Popen(["sleep", "60"])
    yield running
    for other, child in running.items():
        child.kill()
        child.wait()
        namespaces.delete(other)


def untouched(foreign: dict[str, subprocess.Popen[bytes]]) -> bool:
    """Return whether the namespaces are there, and the processes run in them."""
    return all(
        child.poll() is None and namespaces.processes(other) == [child.pid]
        for other, child in foreign.items()
    )


def test_a_lab_beside_namespaces_of_others(
    name: str, foreign: dict[str, subprocess.Popen[bytes]]
) -> None:
    """They begin like the lab's, and nothing that the lab needs has their names."""
    lab = lifecycle.up(SITE, "pair.yaml", name=name)
    lifecycle.up(PAIR.replace(", h2", ", h1").encode(), "pair.yaml", name=name)

    assert check.verify_lab(lab, timeout=TIMEOUT).ok
    assert lifecycle.down(name) == 6
    assert sweep.present(name) == set(foreign)
    assert untouched(foreign)


def test_without_a_registry_the_marks_tell_what_is_the_labs(
    name: str, foreign: dict[str, subprocess.Popen[bytes]]
) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)
    registry.remove(name)

    with pytest.raises(ConflictError, match="of a lab that was up under this name"):
        lifecycle.up(SITE, "pair.yaml", name=name)
    assert lifecycle.down(name) == 6
    assert sweep.present(name) == set(foreign)
    assert untouched(foreign)


def test_there_is_no_lab_where_only_others_have_such_names(
    name: str, foreign: dict[str, subprocess.Popen[bytes]]
) -> None:
    with pytest.raises(HostError, match="there is no such lab up"):
        lifecycle.down(name)

    assert untouched(foreign)


def test_a_namespace_that_a_machine_needs_is_not_taken_over(name: str) -> None:
    """Neither by a new lab nor by a change of it."""
    more = PAIR.replace("expectations", "  d: {host: h1, ports: [{network: red}]}\nexpectations")
    taken = f"{name}.h1.d"
    namespaces.create(taken)
    try:
        ip("-n", taken, "link", "set", "lo", "up")
        with pytest.raises(ConflictError, match=f"namespace '{taken}' exists already"):
            lifecycle.up(more.encode(), "pair.yaml", name=name)
        lifecycle.up(SITE, "pair.yaml", name=name)
        with pytest.raises(ConflictError, match="namespace 'd'"):
            lifecycle.up(more.encode(), "pair.yaml", name=name)
        lifecycle.down(name)
        assert sweep.present(name) == {taken}
    finally:
        namespaces.delete(taken)
