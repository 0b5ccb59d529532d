"""Which tests run on this kernel, what became of each, and that none leaves anything behind.

- `kernel` tests use real namespaces: they are skipped where nobody is root.
- `needs("vlan_devices")` skips where this kernel lacks that field of Capabilities. What is
  skipped here runs in the guest (dev/tiers.py); `guest` tests run here and there.
- With TRUNKLINE_OUTCOMES=FILE each test's outcome is added to FILE, a line of JSON each.
- With TRUNKLINE_SELECT=FILE only the tests that FILE names run.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.capabilities import Capabilities

NETNS = Path("/run/netns")
PREFIX = re.compile(r"tlt([0-9a-z]{5})[0-9a-z]{2}")
"""What `unique` gives: the number of the process that runs the tests, and a counter."""

FEATURES = frozenset(name for name, _ in Capabilities().lines())


@functools.cache
def capabilities() -> Capabilities:
    """Return what this kernel can do, tried once a process; only a root process can try."""
    from trunkline.kernel import probe

    return probe.capabilities()


def is_kernel_test(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("kernel", "needs", "guest"))


def features(item: pytest.Item) -> list[str]:
    """Return the capabilities that *item* needs."""
    return [name for marker in item.iter_markers("needs") for name in marker.args]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "guest: runs in the guest kernel, even if it could run here"
    )
    if os.geteuid() == 0:
        sweep()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    select(config, items)
    for item in items:
        unknown = set(features(item)) - FEATURES
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} needs {unknown}, which Capabilities lacks")
        if is_kernel_test(item):
            # With -n and --dist=loadgroup one worker runs them all: they share one kernel, and
            # what they measure in time suffers from company.
            item.add_marker(pytest.mark.xdist_group("kernel"))


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what TRUNKLINE_SELECT names; pytest itself runs nothing if one name is unknown."""
    path = os.environ.get("TRUNKLINE_SELECT")
    if path:
        names = set(Path(path).read_text().splitlines())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
        items[:] = [item for item in items if item.nodeid in names]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this kernel or this user cannot run, and say why."""
    if not is_kernel_test(item):
        return
    item.user_properties.append(("kernel", True))
    item.user_properties.append(("guest", item.get_closest_marker("guest") is not None))
    if os.geteuid() != 0:
        pytest.skip("needs root")
    missing = [name for name in features(item) if not getattr(capabilities(), name)]
    item.user_properties.append(("missing", missing))
    if missing:
        pytest.skip(f"this kernel lacks {', '.join(missing)}")


class Recorder:
    """Writes what became of each test, as it ends: a run that is killed leaves what it did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, list[pytest.TestReport]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        parts = self.parts.setdefault(report.nodeid, [])
        parts.append(report)
        # A worker that crashed sends one report of another kind ("???") and no teardown.
        if report.when not in ("setup", "call"):
            del self.parts[report.nodeid]
            self.write(report.nodeid, *verdict(parts), dict(report.user_properties))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.write(report.nodeid, "failed", "cannot be collected", {})

    def write(self, node: str, result: str, reason: str, properties: dict[str, Any]) -> None:
        # xdist adds the group to the name: test[x]@kernel
        fields = {"node": node.removesuffix("@kernel"), "result": result, "reason": reason}
        with self.path.open("a") as file:
            file.write(json.dumps({**fields, **properties}) + "\n")


def verdict(reports: list[pytest.TestReport]) -> tuple[str, str]:
    """Return (passed, failed or skipped; the reason of a skip) of one test's reports."""
    if any(report.failed for report in reports):
        return "failed", ""
    for report in reports:
        # An expected failure (xfail) did run: its report says skipped too.
        if report.skipped and not hasattr(report, "wasxfail"):
            where = report.longrepr
            text = where[2] if isinstance(where, tuple) else str(where)
            return "skipped", text.removeprefix("Skipped: ")
    return "passed", ""


def pytest_sessionstart(session: pytest.Session) -> None:
    path = os.environ.get("TRUNKLINE_OUTCOMES")
    # xdist's workers report to the controller, which writes.
    if path and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Recorder(Path(path)))


def base36(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 36)
        text = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + text
    return text


def left_behind(prefix: str) -> list[str]:
    """Return the named namespaces that start with *prefix*."""
    if not NETNS.is_dir():
        return []
    return sorted(name for name in os.listdir(NETNS) if name.startswith(prefix))


def delete_namespace(name: str) -> None:
    """Delete namespace *name* and end what still runs in it; only tests made it."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    for pid in map(int, pids.stdout.split()):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], check=True)


def sweep() -> None:
    """Delete what a run of the tests that was killed has left: its process is no more."""
    for name in left_behind("tlt"):
        match = PREFIX.match(name)
        if match and not Path(f"/proc/{int(match[1], 36)}").exists():
            delete_namespace(name)


@pytest.fixture(scope="session")
def unique_names() -> Iterator[Iterator[str]]:
    """Name prefixes of 10 characters that nobody else on this machine uses."""
    own = f"tlt{base36(os.getpid(), 5)}"
    yield (f"{own}{base36(number, 2)}" for number in range(36**2))
    leftovers = left_behind(own)
    for name in leftovers:
        delete_namespace(name)
    assert not leftovers, f"tests left namespaces behind: {leftovers}"


@pytest.fixture
def unique(unique_names: Iterator[str]) -> Iterator[str]:
    """A name prefix for what a test makes; the test must delete every namespace named so."""
    prefix = next(unique_names)
    yield prefix
    leftovers = left_behind(prefix)
    for name in leftovers:
        delete_namespace(name)
    assert not leftovers, f"the test left namespaces behind: {leftovers}"


@pytest.fixture
def scratch_namespace(unique: str) -> Iterator[str]:
    """The name of a new network namespace, its loopback up."""
    subprocess.run(["ip", "netns", "add", unique], check=True)
    subprocess.run(["ip", "-n", unique, "link", "set", "lo", "up"], check=True)
    yield unique
    delete_namespace(unique)
