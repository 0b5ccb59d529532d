"""What LinuxKernel says when the kernel refuses, and what it never does by mistake."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import signal
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.conftest import capabilities
from tests.linux_host import BASIC, MAC, OWNER, Host, links_of, made
from trunkline.errors import KernelError
from trunkline.kernel import marks
from trunkline.kernel.linux import LinuxKernel
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Key,
    Namespace,
    Nic,
    Route,
    Row,
    Tap,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
    veth,
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def host(unique: str) -> Iterator[Host]:
    with made(unique) as found:
        yield found


def test_a_refusal_names_the_operation_and_what_the_kernel_said(host: Host) -> None:
    bridge = Bridge("", "br0", OWNER, MAC)
    host.make(bridge)

    with pytest.raises(KernelError) as caught:
        host.make(bridge)
    assert caught.value.errno == errno.EEXIST
    assert caught.value.subject == Operation(None, bridge).describe()
    assert caught.value.text


@pytest.mark.parametrize(
    ("row", "number"),
    [
        (BridgePort("", "v0", "br9"), errno.ENODEV),
        (BridgePort("", "br0", "br0"), errno.ELOOP),
        (Address("", "nobody", "192.0.2.1/24"), errno.ENODEV),
        (Route("", "10.0.0.0/8", "192.0.2.1"), errno.ENETUNREACH),
        (FdbEntry("", "v0", "52:54:00:00:00:01"), errno.EOPNOTSUPP),
        (Bridge("", "br1", OWNER, mtu=1), errno.EINVAL),
    ],
)
def test_refusals_say_why_even_where_the_kernel_does_not(
    host: Host, row: Row, number: int
) -> None:
    host.make(Bridge("", "br0", OWNER), veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER))

    with pytest.raises(KernelError) as caught:
        host.make(row)
    assert caught.value.errno == number
    assert caught.value.text not in ("", os.strerror(errno.EINVAL))


def test_after_a_refusal_what_is_there_can_be_read_and_removed(host: Host) -> None:
    good = veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER)
    with pytest.raises(KernelError):
        host.make(Bridge("", "br0", OWNER), good, BridgePort("", "v0", "br9"))
    seen = host.read()
    assert set(seen) <= {("link", "", "br0"), ("link", "", "v0")}

    host.remove(*seen.values())
    assert host.read() == {}


def test_a_kernel_without_the_feature_says_what_to_use_instead(host: Host) -> None:
    host.run("ip", "link", "add", "eno1", "type", "veth", "peer", "far")
    device = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.KERNEL, OWNER)
    if capabilities().vlan_devices:
        pytest.skip("this kernel has 802.1Q devices")

    with pytest.raises(KernelError) as caught:
        host.make(device)
    assert "vlan_devices: ebpf" in caught.value.hint
    with pytest.raises(KernelError) as caught:
        host.make(Bridge("", "br0", OWNER, vlan_filtering=True))
    assert "bridge-per-network" in caught.value.hint


def test_removing_what_is_gone_already_succeeds(host: Host) -> None:
    host.make(*BASIC)
    seen = host.read(*BASIC)
    host.remove(*reversed([*seen.values()]))

    host.make(Namespace("c1", OWNER), Bridge("", "br0", OWNER, MAC))
    host.remove(*(row for row in reversed([*seen.values()]) if not isinstance(row, Namespace)))
    host.expect(Namespace("c1", OWNER))


def test_deleting_many_never_touches_a_device_that_shares_the_group(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Group numbers are everybody's: whoever takes ours in between must not lose his device."""
    from trunkline.kernel import runner

    mine = [veth(VethEnd("", f"v{n}"), VethEnd("", f"w{n}"), owner=OWNER) for n in range(5)]
    host.make(*mine)
    host.run("ip", "link", "add", "theirs", "group", "777", "type", "bridge")
    monkeypatch.setattr(runner, "_random_group", lambda: 777)
    host.remove(*mine)

    assert set(host.read()) == {("link", "", "theirs")}


def test_deleting_many_is_one_request(host: Host) -> None:
    """One alone takes about 20 ms, nearly all of it an rcu_barrier; 60 of them over a second."""
    rows = [veth(VethEnd("", f"v{n}"), VethEnd("", f"w{n}"), owner=OWNER) for n in range(60)]
    host.make(*rows)
    start = time.monotonic()
    host.remove(rows[0])
    alone = time.monotonic() - start
    start = time.monotonic()
    host.remove(*rows[1:])
    together = time.monotonic() - start

    assert host.read() == {}
    assert together < 20 * alone


def test_a_run_that_is_killed_anywhere_leaves_only_what_we_recognise(host: Host) -> None:
    rows: list[Row] = [Namespace(f"c{n}", OWNER) for n in range(6)]
    rows += [Bridge("", "br0", OWNER, MAC)]
    rows += [Tap("", f"tap{n}", OWNER) for n in range(6)]
    rows += [veth(VethEnd("", f"v{n}"), VethEnd(f"c{n}", "eth0"), owner=OWNER) for n in range(6)]
    rows += [BridgePort("", f"v{n}", "br0") for n in range(6)]
    operations = [Operation(None, row) for row in rows]
    reached = set()
    start = time.monotonic()
    kill_during(host.kernel, operations, None)
    whole = time.monotonic() - start
    host.remove(*reversed([*host.read().values()]))
    for part in range(10):
        kill_during(host.kernel, operations, whole * part / 9)
        seen = host.read()
        reached.add(len(seen))
        assert [row for row in seen.values() if isinstance(row, Nic)] == []
        assert {row.key for row in seen.values()} <= {row.key for row in rows}
        host.remove(*reversed([*seen.values()]))
        assert host.read() == {}
        # What read() hides because nobody had marked it yet is taken over by the next run.
        host.make(*rows)
        host.expect(*rows)
        host.remove(*reversed([*host.read().values()]))
    assert len(reached) > 1, "no two runs were cut at different places"


def kill_during(kernel: LinuxKernel, operations: Sequence[Operation], delay: float | None) -> None:
    """Apply in a child process that is killed after *delay*, or runs to its end."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            kernel.apply(operations)
        os._exit(0)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_the_owner_of_everything_can_change_in_place(host: Host) -> None:
    host.make(*BASIC)
    seen = host.read()
    owned = [row for row in seen.values() if isinstance(row, Namespace | Bridge | Veth | Tap)]
    assert len(owned) == 4
    host.kernel.apply([Operation(row, dataclasses.replace(row, owner="other/x")) for row in owned])

    after: dict[Key, Row] = dict(host.read())
    assert {after[row.key] for row in owned} == {
        dataclasses.replace(row, owner="other/x") for row in owned
    }
    assert set(after) == set(seen)


def test_a_port_moves_from_bridge_to_bridge(host: Host) -> None:
    pair = veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER)
    old = BridgePort("", "v0", "br0", isolated=True)
    host.make(Bridge("", "br0", OWNER), Bridge("", "br1", OWNER), pair, old)
    new = BridgePort("", "v0", "br1", hairpin=True)
    host.change(old, new)

    assert host.read()[new.key] == new


def test_a_route_changes_its_gateway_in_place(host: Host) -> None:
    host.make(*BASIC)
    old = Route("c1", "0.0.0.0/0", "192.0.2.254", "eth0")
    host.change(old, dataclasses.replace(old, gateway="192.0.2.253"))

    assert host.read()[old.key] == dataclasses.replace(old, gateway="192.0.2.253")


def test_a_bridge_keeps_the_mtu_it_was_given(host: Host) -> None:
    """Unless set by hand a bridge's MTU follows its ports', also where it was created with it."""
    pair = veth(VethEnd("", "v0"), VethEnd("", "v1"), owner=OWNER, mtu=1300)
    for mtu in (1500, 1400, 1280, 65535, 68):
        bridge = Bridge("", "br0", OWNER, MAC, mtu)
        host.make(bridge, pair, BridgePort("", "v0", "br0"))
        host.expect(bridge, pair, BridgePort("", "v0", "br0"))
        host.remove(pair, bridge)


def test_new_ifindexes_are_not_those_of_devices_that_just_went(host: Host) -> None:
    host.make(Bridge("", "br0", OWNER))
    old = links_of(host)["br0"].index
    host.remove(Bridge("", "br0", OWNER))
    time.sleep(1.1)
    host.make(Bridge("", "br0", OWNER))

    assert links_of(host)["br0"].index > old


def test_idle_names_fit_and_differ() -> None:
    long = ["eno16777736.409", "eno16777736.408"]

    assert len({marks.idle_name(name) for name in long}) == 2
    assert marks.idle_name("eno1.10") > "eno1.10"
