"""Kernel parameters of the namespace that the thread is in."""

from __future__ import annotations

import pytest

from trunkline.errors import HostError, KernelError
from trunkline.kernel import namespaces, sysctl

FORWARD = "net/ipv4/ip_forward"


@pytest.mark.parametrize("name", ["", "net/../kernel/panic", "/etc/passwd", "net//ipv4", "."])
def test_a_name_stays_below_proc_sys(name: str) -> None:
    with pytest.raises(HostError, match="is not a name below /proc/sys"):
        sysctl.read(name)


@pytest.mark.kernel
def test_each_namespace_has_its_own_values() -> None:
    outside = sysctl.read(FORWARD)
    with namespaces.scratch():
        sysctl.write(FORWARD, "1")
        assert sysctl.read(FORWARD) == "1"
    with namespaces.scratch():
        sysctl.write(FORWARD, "0")
        assert sysctl.read(FORWARD) == "0"
    assert sysctl.read(FORWARD) == outside


@pytest.mark.kernel
def test_several_numbers_are_separated_by_spaces() -> None:
    with namespaces.scratch():
        sysctl.write("net/ipv4/ip_local_port_range", "40000 50000")
        assert sysctl.read("net/ipv4/ip_local_port_range") == "40000 50000"


@pytest.mark.kernel
def test_what_is_missing_is_named() -> None:
    with namespaces.scratch():
        assert not sysctl.exists("net/ipv6/conf/absent/disable_ipv6")
        with pytest.raises(HostError, match="'net/ipv6/conf/absent/disable_ipv6' does not exist"):
            sysctl.read("net/ipv6/conf/absent/disable_ipv6")
        with pytest.raises(HostError, match="'net/ipv4' does not exist"):
            sysctl.read("net/ipv4")


@pytest.mark.kernel
def test_a_refused_value_is_the_kernel_s_word() -> None:
    with (
        namespaces.scratch(),
        pytest.raises(KernelError, match=r"sysctl -w net/ipv4/ip_default_ttl=0: Invalid argument"),
    ):
        sysctl.write("net/ipv4/ip_default_ttl", "0")
