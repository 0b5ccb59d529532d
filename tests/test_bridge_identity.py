"""The rules of a bridge's MAC against the kernel: known steps, and any steps at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.bridge_shell import Shell, inside
from trunkline.bridge_identity import (
    ZERO,
    Assigned,
    BridgeIdentity,
    created,
    created_without,
)
from trunkline.errors import KernelError
from trunkline.kernel import bridges, namespaces

REFUSED = "RTNETLINK answers: Cannot assign requested address"
SEQUENCES = int(os.environ.get("TRUNKLINE_BRIDGE_SEQUENCES", "15"))
"""How many random sequences of operations are tried."""

V1, V2, V4 = "de:ee:ff:8d:0c:50", "92:a2:23:d5:88:56", "46:62:dd:cd:4f:41"


def visible(identity: BridgeIdentity) -> tuple[str, str, int]:
    return identity.mac, identity.bridge_id, identity.assigned.value


@pytest.fixture
def shell(scratch_namespace: str) -> Iterator[Shell]:
    with inside(scratch_namespace) as found:
        yield found


# --- pure ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mac", [ZERO, "01:80:c2:00:00:00", "ff:ff:ff:ff:ff:ff", "nonsense"])
def test_what_no_device_can_have_is_refused(mac: str) -> None:
    """Whichever way it is said, with the kernel's own number and words."""
    bridge = created("02:00:00:00:00:01").attach("p", "02:00:00:00:00:02")
    for action in (bridge.set_mac, lambda mac: bridge.set_port_mac("p", mac), created):
        with pytest.raises(KernelError, match="Cannot assign requested address") as caught:
            action(mac)
        assert caught.value.errno == errno.EADDRNOTAVAIL
        assert f"'{mac}'" in caught.value.hint


def test_an_identity_is_never_changed() -> None:
    """A transition returns another value, so a prediction cannot spoil what was observed."""
    before = created_without("02:00:00:00:00:09").attach("a", V1)
    before.attach("b", V2)
    before.detach("a")
    assert before == BridgeIdentity(V1, V1, Assigned.RANDOM, {"a": V1})


def test_equal_macs_are_lent_together() -> None:
    bridge = created_without("02:00:00:00:00:09").attach("a", V2).attach("b", V2).attach("c", V1)
    assert bridge.lenders == ("a", "b")
    assert bridge.detach("a").mac == V2
    assert bridge.detach("a").detach("b").mac == V1


# --- the steps that everybody can repeat at a prompt -----------------------------------------


@pytest.mark.kernel
@pytest.mark.guest
def test_ten_steps_with_known_macs(shell: Shell) -> None:
    """What is predicted is what the kernel has, after each of them."""
    expected: BridgeIdentity

    def same(mac: str) -> None:
        assert visible(expected) == shell.identity("br-mac")
        assert expected.mac == mac

    assert not shell.ip("link add br-mac type bridge")
    expected = created_without(shell.identity("br-mac")[0])
    same(expected.mac)
    assert expected.bridge_id == "8000.000000000000"

    pair = f"mac-veth01 address {V1} type veth peer name mac-veth02 address {V2}"
    assert not shell.ip(f"link add {pair}")
    same(expected.mac)

    assert not shell.ip("link set mac-veth01 master br-mac")
    expected = expected.attach("mac-veth01", V1)
    same(V1)

    assert not shell.ip("link set mac-veth02 master br-mac")
    expected = expected.attach("mac-veth02", V2)
    same(V2)

    assert not shell.ip("link set mac-veth02 address de:ee:ff:8d:0c:51")
    expected = expected.set_port_mac("mac-veth02", "de:ee:ff:8d:0c:51")
    same(V1)
    assert expected.assigned is Assigned.RANDOM

    assert not shell.ip("link set br-mac address de:ee:ff:8d:0c:52")
    expected = expected.set_mac("de:ee:ff:8d:0c:52")
    same("de:ee:ff:8d:0c:52")
    assert expected.assigned is Assigned.SET

    assert not shell.ip(f"link set br-mac address {V1}")
    assert not shell.ip("link set mac-veth02 address de:ee:ff:8d:0c:49")
    expected = expected.set_mac(V1).set_port_mac("mac-veth02", "de:ee:ff:8d:0c:49")
    same(V1)

    assert not shell.ip("link set mac-veth01 address de:ee:ff:8d:0c:51")
    expected = expected.set_port_mac("mac-veth01", "de:ee:ff:8d:0c:51")
    same(V1)

    other = f"mac-veth03 address c6:3f:65:95:e0:93 type veth peer name mac-veth04 address {V4}"
    assert not shell.ip(f"link add {other}")
    same(V1)

    assert not shell.ip("link set mac-veth04 master br-mac")
    expected = expected.attach("mac-veth04", V4)
    same(V1)

    for port in ("mac-veth01", "mac-veth02", "mac-veth04"):
        assert not shell.ip(f"link set {port} nomaster")
        expected = expected.detach(port)
        same(V1)
    for bad in (ZERO, "01:80:c2:00:00:00"):
        assert shell.ip(f"link set br-mac address {bad}") == REFUSED
        same(V1)


@pytest.mark.kernel
@pytest.mark.guest
def test_the_last_port_takes_the_mac_along(shell: Shell) -> None:
    """A bridge that follows its ports ends with none; pinned then, it stays without."""
    shell.ip("link add br0 type bridge")
    shell.ip(f"link add p0 address {V1} type veth peer name p1")
    expected = created_without(shell.identity("br0")[0])
    shell.ip("link set p0 master br0")
    shell.ip("link del p0")
    expected = expected.attach("p0", V1).detach("p0")
    assert visible(expected) == shell.identity("br0") == (ZERO, "8000.000000000000", 1)

    assert shell.ip(f"link set br0 address {ZERO}") == ""
    expected = expected.set_mac(ZERO)
    assert visible(expected) == shell.identity("br0") == (ZERO, "8000.000000000000", 3)


@pytest.mark.kernel
@pytest.mark.guest
def test_the_mac_it_has_already_pins_half(shell: Shell) -> None:
    """Without a port the bridge id stays zero; with one, or by another MAC, it is right."""
    shell.ip("link add br0 type bridge")
    mac = shell.identity("br0")[0]
    shell.ip(f"link set br0 address {mac}")
    expected = created_without(mac).set_mac(mac)
    assert visible(expected) == shell.identity("br0") == (mac, "8000.000000000000", 3)

    for each in ("02:00:00:00:00:01", mac):
        shell.ip(f"link set br0 address {each}")
        expected = expected.set_mac(each)
    assert visible(expected) == shell.identity("br0")
    assert expected.bridge_id == f"8000.{mac.replace(':', '')}"


@pytest.mark.kernel
@pytest.mark.guest
def test_a_port_with_the_mac_that_a_new_bridge_drew(shell: Shell) -> None:
    """The kernel compares with the bridge id, so it chooses although the MAC stays the same."""
    shell.ip("link add br0 type bridge")
    mac = shell.identity("br0")[0]
    expected = created_without(mac)
    shell.ip(f"link add p0 address {mac} type veth peer name p1")
    shell.ip("link set p1 nomaster")
    assert visible(expected.detach("p1")) == shell.identity("br0")
    shell.ip("link set p0 master br0")
    assert visible(expected.attach("p0", mac)) == shell.identity("br0")
    assert expected.attach("p0", mac).id_mac == mac


# --- any steps -------------------------------------------------------------------------------

# Few values, so that equal and neighbouring ones meet; any octet, so that the order is memcmp's.
MACS = st.sampled_from([f"{a}:00:00:{b}:00:01" for a in ("02", "7e", "fe") for b in ("00", "ff")])
MACS |= st.binary(min_size=5, max_size=5).map(lambda b: f"02:{b.hex(':')}")
ODD = st.sampled_from([ZERO, "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "03:00:00:00:00:00"])
PORTS = st.sampled_from([f"p{number}" for number in range(5)])


class AnyOperations(RuleBasedStateMachine):
    """Does to a real bridge and to a value whatever comes, and compares after each step."""

    shell: Shell

    def __init__(self) -> None:
        super().__init__()
        self.macs: dict[str, str] = {}
        """Of the devices that exist, ports or not."""

    @initialize(mac=st.none() | MACS)
    def create(self, mac: str | None) -> None:
        self.replace(mac)

    @rule(mac=st.none() | MACS)
    def replace(self, mac: str | None) -> None:
        """Delete the bridge and make another one, whose ports must join anew."""
        self.shell.ip("link del br0")
        address = "" if mac is None else f"address {mac}"
        assert not self.shell.ip(f"link add br0 {address} type bridge")
        drawn = self.shell.identity("br0")[0]
        self.expected = created_without(drawn) if mac is None else created(mac)

    @rule(mac=ODD)
    def cannot_create(self, mac: str) -> None:
        assert self.shell.ip(f"link add br1 address {mac} type bridge") == REFUSED
        with pytest.raises(KernelError):
            created(mac)

    @rule(port=PORTS, mac=MACS)
    def attach(self, port: str, mac: str) -> None:
        if port not in self.macs:
            assert not self.shell.ip(f"link add {port} address {mac} type veth peer name {port}x")
            self.macs[port] = mac
        assert not self.shell.ip(f"link set {port} master br0")
        self.expected = self.expected.attach(port, self.macs[port])

    @rule(port=PORTS)
    def detach(self, port: str) -> None:
        if port in self.macs:
            assert not self.shell.ip(f"link set {port} nomaster")
            self.expected = self.expected.detach(port)

    @rule(port=PORTS)
    def delete_port(self, port: str) -> None:
        if self.macs.pop(port, None):
            assert not self.shell.ip(f"link del {port}")
            self.expected = self.expected.detach(port)

    @rule(port=PORTS, mac=MACS | ODD)
    def set_port_mac(self, port: str, mac: str) -> None:
        if port in self.macs:
            said = self.shell.ip(f"link set {port} address {mac}")
            complaint = self.predict(lambda: self.expected.set_port_mac(port, mac))
            assert said == complaint
            if not complaint:
                self.macs[port] = mac

    @rule(mac=MACS | ODD)
    def set_mac(self, mac: str) -> None:
        said = self.shell.ip(f"link set br0 address {mac}")
        assert said == self.predict(lambda: self.expected.set_mac(mac))

    @rule()
    def set_the_mac_it_has(self) -> None:
        self.set_mac(self.expected.mac)

    @rule(priority=st.integers(0, 0xFFFF))
    def set_priority(self, priority: int) -> None:
        assert not self.shell.ip(f"link set br0 type bridge priority {priority}")
        self.expected = self.expected.set_priority(priority)

    @rule(device=PORTS | st.just("br0"), state=st.sampled_from(["up", "down"]))
    def switch(self, device: str, state: str) -> None:
        """Change what must not matter."""
        if device == "br0" or device in self.macs:
            assert not self.shell.ip(f"link set {device} {state}")

    def predict(self, transition: Callable[[], BridgeIdentity]) -> str:
        """Make the step on the value; returns what ip should say to it."""
        try:
            self.expected = transition()
        except KernelError as error:
            return f"RTNETLINK answers: {error.text}"
        return ""

    @invariant()
    def same(self) -> None:
        """After each step, sysfs in the shell and what our reader says are as predicted."""
        assert self.shell.identity("br0") == visible(self.expected)
        with namespaces.entered(self.shell.path):
            assert bridges.read()["br0"].identity == self.expected

    def teardown(self) -> None:
        for device in ("br0", *self.macs):
            self.shell.ip(f"link del {device}")


@pytest.mark.kernel
@pytest.mark.guest
@pytest.mark.timeout(300)
def test_any_operations(shell: Shell) -> None:
    """No sequence of up to 30 operations ends elsewhere than predicted."""
    machine = type("OnThisKernel", (AnyOperations,), {"shell": shell})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
