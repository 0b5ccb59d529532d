"""What a kernel can do, found out by trying; test_needs.py checks each with other tools."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager

import pytest

from trunkline.capabilities import Capabilities
from trunkline.kernel import namespaces, probe


def test_lines_name_every_yes_or_no() -> None:
    lines = dict(Capabilities(release="6.1", nft=False).lines())
    assert "release" not in lines
    assert lines["nft"] is False
    assert lines["bridge"] is True


@pytest.mark.kernel
@pytest.mark.guest
class TestTrying:
    def test_the_essentials_are_found(self) -> None:
        found = probe.capabilities()
        assert found.release == os.uname().release
        assert (found.bridge, found.veth) == (True, True)

    def test_trying_leaves_no_trace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No namespace gets a name, no device is made here, and the thread comes back."""

        def refuse(name: str) -> None:
            raise AssertionError(f"a name for a scratch namespace: {name}")

        monkeypatch.setattr(namespaces, "create", refuse)
        here = os.readlink("/proc/thread-self/ns/net")
        probe.capabilities.cache_clear()
        probe.capabilities()
        assert os.readlink("/proc/thread-self/ns/net") == here
        assert {"bridge", "filtering", "vxlan", "port"}.isdisjoint(os.listdir("/sys/class/net"))

    def test_it_is_tried_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every trial has a namespace of its own; the second call makes none."""
        made = []
        scratch = namespaces.scratch

        def counted() -> AbstractContextManager[None]:
            made.append(1)
            return scratch()

        monkeypatch.setattr(namespaces, "scratch", counted)
        probe.capabilities.cache_clear()
        first = probe.capabilities()
        trials = len(made)
        assert trials > 0
        assert probe.capabilities() is first
        assert len(made) == trials

    def test_without_nft_the_rest_is_still_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")
        probe.capabilities.cache_clear()
        try:
            found = probe.capabilities()
        finally:
            probe.capabilities.cache_clear()
        assert (found.bridge, found.nft, found.nft_bridge) == (True, False, False)


@pytest.mark.kernel
def test_without_permission_it_says_so() -> None:
    """As in a container: root, and may not make a namespace."""
    script = (
        "from trunkline.errors import DeniedError\n"
        "from trunkline.kernel import probe\n"
        "try:\n    probe.capabilities()\nexcept DeniedError as error:\n    print(error)\n"
    )
    argv = ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin"]
    done = subprocess.run(
        [*argv, sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "permission" in done.stdout
