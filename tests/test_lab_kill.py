"""Whatever ends `lab up`, nothing of it is left, or it can be finished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from tests.lab_fixtures import PAIR, ROUTED, TIMEOUT, WALKTHROUGH, fresh_lab, ip, servers
from trunkline import verify
from trunkline.kernel import namespaces
from trunkline.lab import check, lifecycle, registry, sweep

pytestmark = [pytest.mark.kernel, pytest.mark.needs("bridge", "veth", "ebpf_vlan")]

SITE = PAIR.encode()


@pytest.fixture
def name(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield from fresh_lab(unique, tmp_path, monkeypatch)


UP = """
import sys, time
from trunkline.lab import lifecycle
def tell(event):
    print(event.name, flush=True)
lifecycle.up(open(sys.argv[1], "rb").read(), "w.yaml", name=sys.argv[2], tell=tell)
print("done", flush=True)
time.sleep(60)
"""

POINTS = ["start", "capabilities", "fabric", "host1", "host2", "host3", "outside", "done"]

OTHER = WALKTHROUGH.read_bytes().replace(b"host2", b"host4").replace(b"vm4", b"vm9")
"""The walkthrough with another host and another machine."""


def killed(name: str, point: str, delay: float, number: int = signal.SIGKILL) -> None:
    """End `up` of the walkthrough *delay* seconds after *point*, so in the middle of the next."""
    environment = {**os.environ, "PYTHONPATH": "src"}
    argv = [sys.executable, "-c", UP, str(WALKTHROUGH), name]
    with subprocess.Popen(argv, stdout=PIPE, stderr=DEVNULL, text=True, env=environment) as child:
        assert child.stdout is not None
        for line in child.stdout if point != "start" else ():
            if line.strip() == point:
                break
        time.sleep(delay)
        child.send_signal(number)


@ROUTED
@pytest.mark.parametrize("point", POINTS)
def test_down_after_a_kill_leaves_nothing(name: str, point: str, tmp_path: Path) -> None:
    """Wherever kill -9 hits `up`: no namespace, no file, no process, no record is left."""
    for delay in (0.0, 0.03):
        links = set(ip("-br", "link").split("\n"))
        killed(name, point, delay)

        if registry.exists(name):
            lifecycle.down(name)

        assert sweep.present(name) == set()
        assert servers(name) == []
        assert not (tmp_path / "run").exists()
        assert not any("trunkline" in line for line in set(ip("link").split("\n")) - links)


@ROUTED
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("point", ["capabilities", "host1", "host3"])
def test_a_signal_takes_back_what_was_begun(
    name: str, point: str, number: signal.Signals, tmp_path: Path
) -> None:
    """In a transaction or between two: nobody has to call `down`."""
    for delay in (0.0, 0.03):
        killed(name, point, delay, number)

        assert sweep.present(name) == set()
        assert not (tmp_path / "run").exists()


@ROUTED
@pytest.mark.parametrize("point", ["capabilities", "fabric", "host2", "host3"])
def test_up_after_a_kill_finishes_the_lab(name: str, point: str) -> None:
    killed(name, point, 0.03)

    lab = lifecycle.up(WALKTHROUGH.read_bytes(), "w.yaml", name=name)

    found = check.verify_lab(lab, timeout=TIMEOUT)
    assert found.ok, verify.text(found)


@ROUTED
@pytest.mark.parametrize("point", ["capabilities", "fabric", "host1", "host3"])
def test_down_after_a_killed_change_leaves_nothing(name: str, point: str, tmp_path: Path) -> None:
    """The change makes a host and machines that the site before does not name."""
    lifecycle.up(OTHER, "w.yaml", name=name)

    killed(name, point, 0.02)
    lifecycle.down(name)

    assert sweep.present(name) == set()
    assert servers(name) == []
    assert not (tmp_path / "run").exists()


@pytest.fixture
def begun(name: str) -> tuple[str, str]:
    """What a change leaves that is killed while it makes a host: a namespace, and a mere file."""
    lifecycle.up(SITE, "pair.yaml", name=name)
    registry.write_next(name, PAIR.replace("h2", "h3").encode())
    namespaces.create(f"{name}.h3")
    (namespaces.NETNS_DIR / f"{name}.h3.b").touch()
    return f"{name}.h3", f"{name}.h3.b"


@pytest.mark.usefixtures("begun")
def test_down_takes_away_what_a_killed_change_had_just_begun(name: str) -> None:
    lifecycle.down(name)

    assert sweep.present(name) == set()


def test_another_change_takes_away_what_a_killed_one_had_begun(
    name: str, begun: tuple[str, str]
) -> None:
    lifecycle.up(SITE, "pair.yaml", name=name)

    assert sweep.present(name).isdisjoint(begun)
    assert registry.next_text(name) == b""


@ROUTED
def test_another_change_after_a_killed_one_leaves_only_its_own(name: str) -> None:
    """A host that only the killed one had goes, with the machines on it."""
    lifecycle.up(OTHER, "w.yaml", name=name)
    killed(name, "host3", 0.02)

    lifecycle.up(OTHER, "w.yaml", name=name)

    places = lifecycle.opened(name).places().values()
    assert sweep.present(name) == {place.name for place in places}
