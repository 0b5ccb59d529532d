"""Operations as the shell lines that a person would type."""

from __future__ import annotations

import pytest

from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Ipv6,
    Namespace,
    NftTable,
    Nic,
    PortVlan,
    Route,
    Row,
    Sysctl,
    Tap,
    Veth,
    VethEnd,
    VlanDevice,
    VlanMethod,
)
from trunkline.values import MacAddress

MAC = MacAddress("fe:00:00:00:00:01")
KERNEL, EBPF = VlanMethod.KERNEL, VlanMethod.EBPF

CREATED: list[tuple[Row, list[str]]] = [
    (
        Namespace("edge", "s/router/edge"),
        [
            "ip netns add edge",
            "ip -n edge link set dev lo alias trunkline:s/router/edge",
            "ip -n edge link set dev lo up",
        ],
    ),
    (
        Bridge("", "br0", "s/network/red", MAC, 1500, default_pvid=0),
        [
            "ip link add name br0 address fe:00:00:00:00:01 type bridge",
            "ip link set dev br0 type bridge vlan_filtering 0 stp_state 0 mcast_snooping 0 "
            "nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0 "
            "vlan_default_pvid 0 ageing_time 30000",
            "echo 1 > /proc/sys/net/ipv6/conf/br0/disable_ipv6",
            "ip link set dev br0 mtu 1500",
            "ip link set dev br0 alias trunkline:s/network/red",
            "ip link set dev br0 up",
        ],
    ),
    (
        VlanDevice("", "eno1.10", "eno1", 10, KERNEL, mtu=1400),
        [
            "ip link add link eno1 name eno1.10 type vlan id 10",
            "ip link set dev eno1.10 addrgenmode none",
            "ip link set dev eno1.10 mtu 1400",
            "ip link set dev eno1.10 up",
        ],
    ),
    (
        VlanDevice("", "eno1.10", "eno1", 10, EBPF, up=False),
        [
            "ip link add name eno1.10 numtxqueues 1 numrxqueues 1 type veth peer name '~eno1.10'",
            "ip link set dev '~eno1.10' up",
            "# trunkline loads the eBPF program that carries VLAN 10 of eno1 on eno1.10",
            "ip link set dev eno1.10 addrgenmode none",
        ],
    ),
    (
        Tap("", ";reboot", mac=MAC, ipv6=Ipv6.ON),
        [
            "ip tuntap add dev ';reboot' mode tap",
            "ip link set dev ';reboot' address fe:00:00:00:00:01",
            "ip link set dev ';reboot' up",
        ],
    ),
    (
        Veth(VethEnd("", "v0", MAC), VethEnd("box", "eth0", ipv6=Ipv6.ON, up=False), mtu=9000),
        [
            "ip link add name v0 address fe:00:00:00:00:01 numtxqueues 1 numrxqueues 1 "
            "type veth peer name eth0 numtxqueues 1 numrxqueues 1 netns box",
            "ip link set dev v0 addrgenmode none",
            "ip link set dev v0 mtu 9000",
            "ip link set dev v0 up",
            "ip -n box link set dev eth0 mtu 9000",
        ],
    ),
    (BridgePort("", "tap0", "br0"), ["ip link set dev tap0 master br0"]),
    (
        BridgePort("x", "tap0", "br0", learning=False, isolated=True),
        [
            "ip -n x link set dev tap0 master br0",
            "bridge -n x link set dev tap0 learning off isolated on",
        ],
    ),
    (
        PortVlan("", "tap0", 10, pvid=True, untagged=True),
        ["bridge vlan add dev tap0 vid 10 pvid untagged"],
    ),
    (PortVlan("", "brtrunk", 10), ["bridge vlan add dev brtrunk vid 10 self"]),
    (
        FdbEntry("", "tap0", "52:54:00:00:00:01", 10),
        ["bridge fdb add 52:54:00:00:00:01 dev tap0 vlan 10 master static"],
    ),
    (Address("x", "eth0", "2001:db8::1/64"), ["ip -n x address add 2001:db8::1/64 dev eth0"]),
    (
        Route("x", "::/0", "2001:db8::1", "eth0", 1024),
        ["ip -n x route add ::/0 via 2001:db8::1 dev eth0 proto 84 metric 1024"],
    ),
    (
        Sysctl("x", "net/ipv4/ip_forward", "1"),
        ["ip netns exec x sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'"],
    ),
    (
        NftTable("x", "inet", "trunkline", "chain input {\n}"),
        [
            "ip netns exec x nft -f - <<'EOF'\n"
            "add table inet trunkline\n"
            "delete table inet trunkline\n"
            "table inet trunkline {\nchain input {\n}\n}\n"
            "EOF"
        ],
    ),
]


@pytest.mark.parametrize(("row", "lines"), CREATED, ids=lambda each: type(each).__name__)
def test_create(row: Row, lines: list[str]) -> None:
    """A new row is these lines."""
    assert list(Operation(None, row).commands()) == lines


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (Namespace("edge"), "ip netns del edge"),
        (Bridge("x", "br0"), "ip -n x link del dev br0"),
        (Veth(VethEnd("", "a"), VethEnd("x", "b")), "ip link del dev a"),
        (BridgePort("", "tap0", "br0"), "ip link set dev tap0 nomaster"),
        (PortVlan("", "tap0", 10, pvid=True, untagged=True), "bridge vlan del dev tap0 vid 10"),
        (PortVlan("", "brtrunk", 10), "bridge vlan del dev brtrunk vid 10 self"),
        (FdbEntry("", "p", "52:54:00:00:00:01"), "bridge fdb del 52:54:00:00:00:01 dev p master"),
        (Address("", "eth0", "10.0.0.1/8"), "ip address del 10.0.0.1/8 dev eth0"),
        (Route("", "10.0.0.0/8", None, "e"), "ip route del 10.0.0.0/8 dev e proto 84"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_delete(row: Row, line: str) -> None:
    """A row goes with one line, which is also how the operation is described."""
    operation = Operation(row, None)

    assert operation.commands() == (line,)
    assert operation.describe() == line


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (Nic("", "e", up=False, mtu=1500), Nic("", "e", up=True, mtu=1500), ["up"]),
        (Nic("", "e", up=True, mtu=1500), Nic("", "e", up=True, mtu=9000), ["mtu 9000"]),
        (Bridge("", "e"), Bridge("", "e", stp=True), ["type bridge stp_state 1"]),
        (Tap("", "e", mac=MAC, mtu=9), Tap("", "e", mac=MAC, mtu=10), ["mtu 10"]),
        (Tap("", "e", "a/b"), Tap("", "e", "a/c", up=False), ["alias trunkline:a/c", "down"]),
    ],
)
def test_change_says_only_what_changes(before: Row, after: Row, lines: list[str]) -> None:
    """A change in place is a line for each field that differs."""
    assert list(Operation(before, after).commands()) == [
        f"ip link set dev e {line}" for line in lines
    ]


def test_ipv6_comes_back_before_addresses_are_made() -> None:
    """A bridge that was silent makes its own address again."""
    change = Operation(Bridge("", "b"), Bridge("", "b", ipv6=Ipv6.ON))

    assert change.commands() == (
        "ip link set dev b addrgenmode eui64",
        "echo 0 > /proc/sys/net/ipv6/conf/b/disable_ipv6",
    )


def test_the_end_of_a_parameter_or_table() -> None:
    """A parameter has no end of its own; a table is deleted even where it is gone already."""
    parameter = Operation(Sysctl("x", "net/ipv4/ip_forward", "1"), None)
    table = Operation(NftTable("", "inet", "trunkline", ""), None)

    assert parameter.commands() == ()
    assert parameter.describe() == "# x/net/ipv4/ip_forward goes with what it belongs to"
    assert table.describe() == "nft -f -  # table inet trunkline"
    assert table.commands() == (
        "nft -f - <<'EOF'\nadd table inet trunkline\ndelete table inet trunkline\nEOF",
    )


def test_a_description_is_the_main_command() -> None:
    """One line: the first of a creation, all of a change."""
    new = Operation(None, Bridge("", "br0", "s/network/red"))
    both = Operation(Nic("", "e", up=False, mtu=1500), Nic("", "e", up=True, mtu=9000))

    assert new.describe() == "ip link add name br0 type bridge"
    assert both.describe() == "ip link set dev e mtu 9000 && ip link set dev e up"


def test_the_inverse_swaps() -> None:
    """Undo of a change is the change back."""
    one, other = Bridge("", "b"), Bridge("", "b", stp=True)

    assert Operation(one, other).inverse() == Operation(other, one)
