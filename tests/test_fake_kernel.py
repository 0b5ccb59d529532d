"""What is special about the kernel in memory: capabilities as asked for, and its bookkeeping."""

from __future__ import annotations

import errno

import pytest

from tests import planning_fixtures as make
from trunkline.capabilities import Capabilities
from trunkline.errors import KernelError
from trunkline.kernel.fake import FakeKernel
from trunkline.operation import Operation
from trunkline.state import (
    Bridge,
    BridgePort,
    Namespace,
    Nic,
    PortVlan,
    Row,
    Sysctl,
    Tap,
    VlanDevice,
    VlanMethod,
)

KERNEL, EBPF = VlanMethod.KERNEL, VlanMethod.EBPF


@pytest.mark.parametrize(
    ("capabilities", "row"),
    [
        (Capabilities(vlan_devices=False), VlanDevice("", "e.1", "eno1", 1, KERNEL)),
        (Capabilities(ebpf_vlan=False), VlanDevice("", "e.1", "eno1", 1, EBPF)),
        (Capabilities(vlan_filtering=False), Bridge("", "b", vlan_filtering=True)),
        (Capabilities(), Nic("", "eno9")),
        (Capabilities(), PortVlan("", "eno1", 10)),
    ],
)
def test_what_this_kernel_cannot_do(capabilities: Capabilities, row: Row) -> None:
    """It refuses as a kernel does, and stays as it was."""
    kernel = FakeKernel(make.machine_nics("eno1").values(), capabilities)
    before = kernel.read()

    with pytest.raises(KernelError) as raised:
        kernel.apply([Operation(None, row)])

    assert raised.value.errno == errno.EOPNOTSUPP
    assert kernel.read() == before
    assert kernel.writes == 0


def test_it_fills_in_what_a_kernel_fills_in() -> None:
    """No field is None that a kernel would know; the same on every run."""
    made = []
    for _ in range(2):
        kernel = FakeKernel(make.machine_nics("eno1", mtu=1400).values())
        rows: list[Row] = [
            Bridge("", "b"),
            Tap("", "t"),
            VlanDevice("", "e.1", "eno1", 1, KERNEL, up=False),
        ]
        kernel.apply([Operation(None, row) for row in rows])
        made.append(kernel.read())

    assert made[0] == made[1]
    bridge, tap, vlan = (made[0]["link", "", name] for name in ("b", "t", "e.1"))
    assert isinstance(bridge, Bridge)
    assert isinstance(tap, Tap)
    assert isinstance(vlan, VlanDevice)
    assert (bridge.default_pvid, bridge.mtu, tap.mtu, vlan.mtu) == (1, 1500, 1500, 1400)
    assert bridge.mac
    assert tap.mac
    assert vlan.mac


def test_a_kernel_that_cannot_filter_has_no_pvid() -> None:
    """The one None that an observed bridge may have."""
    kernel = FakeKernel((), Capabilities(vlan_filtering=False))
    kernel.apply([Operation(None, Bridge("", "b"))])

    bridge = kernel.read()["link", "", "b"]
    assert isinstance(bridge, Bridge)
    assert bridge.default_pvid is None


def test_a_change_in_place_that_no_kernel_makes() -> None:
    """A VLAN device keeps its number, a port leaves its bridge before it enters another."""
    rows: list[Row] = [
        *make.machine_nics("eno1").values(),
        VlanDevice("", "e.1", "eno1", 1, KERNEL),
        Bridge("", "b"),
        Bridge("", "c"),
        BridgePort("", "eno1", "b"),
    ]
    changes = [
        Operation(rows[1], VlanDevice("", "e.1", "eno1", 2, KERNEL)),
        Operation(rows[4], BridgePort("", "eno1", "c")),
    ]

    for change in changes:
        with pytest.raises(KernelError):
            FakeKernel(rows).apply([change])


def test_a_change_of_the_default_pvid_takes_the_old_one_from_the_ports() -> None:
    """As br_vlan.c does it."""
    bridge = Bridge("", "b", vlan_filtering=True, default_pvid=1)
    kernel = FakeKernel(
        [
            *make.machine_nics("eno1").values(),
            bridge,
            BridgePort("", "eno1", "b"),
            PortVlan("", "eno1", 1, pvid=True, untagged=True),
            PortVlan("", "eno1", 10),
        ]
    )

    kernel.apply([Operation(bridge, Bridge("", "b", vlan_filtering=True, default_pvid=0))])

    vlans = [row for row in kernel.read().values() if isinstance(row, PortVlan)]
    assert vlans == [PortVlan("", "eno1", 10)]


def test_it_counts_and_remembers() -> None:
    """How much was done, and what was removed that was not there."""
    kernel = FakeKernel()
    absent = Operation(Tap("", "t"), None)

    kernel.apply([Operation(None, Namespace("n")), absent])

    assert kernel.writes == 2
    assert kernel.missed == [absent]


def test_parameters_have_the_kernels_defaults() -> None:
    """Until somebody sets them."""
    forward = Sysctl("", "net/ipv4/ip_forward", "1")
    kernel = FakeKernel()
    wanted = {forward.key: forward}

    assert kernel.read(wanted) == {forward.key: Sysctl("", "net/ipv4/ip_forward", "0")}
    kernel.apply([Operation(None, forward)])
    assert kernel.read(wanted) == wanted
    assert kernel.read() == {}
