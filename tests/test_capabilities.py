"""What a kernel can do, found out by trying; test_needs.py checks each with other tools."""

from __future__ import annotations

import os
import time

import pytest

from trunkline.capabilities import Capabilities
from trunkline.errors import TrunklineError
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

    def test_it_is_tried_once(self) -> None:
        first = probe.capabilities()
        start = time.perf_counter()
        assert probe.capabilities() is first
        assert time.perf_counter() - start < 0.001

    def test_without_nft_the_rest_is_still_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")
        probe.capabilities.cache_clear()
        try:
            found = probe.capabilities()
        finally:
            probe.capabilities.cache_clear()
        assert (found.bridge, found.nft, found.nft_bridge) == (True, False, False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_without_permission_it_says_so() -> None:
    probe.capabilities.cache_clear()
    with pytest.raises(TrunklineError, match="no permission"):
        probe.capabilities()
