"""Operations become messages and actions in an order that never lets a device do harm."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from trunkline.errors import InternalError, KernelError
from trunkline.kernel import program
from trunkline.kernel.creation import Creation
from trunkline.kernel.indexes import Indexes
from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.link import IFINFO
from trunkline.kernel.netlink.message import HEADER, values
from trunkline.kernel.program import (
    Action,
    AttachVlan,
    DeleteLink,
    DetachVlan,
    MakeTap,
    Program,
    WriteParameter,
)
from trunkline.kernel.removal import Removal
from trunkline.operation import Operation
from trunkline.state import (
    Address,
    Bridge,
    BridgePort,
    FdbEntry,
    Ipv6,
    Namespace,
    Nic,
    Route,
    Row,
    Sysctl,
    Tap,
    VethEnd,
    VlanDevice,
    VlanMethod,
    veth,
)

OWNER = "site/thing"
FLOOR = 100
PAIR = veth(VethEnd("", "v0"), VethEnd("c1", "eth0"), owner=OWNER)


@dataclass(frozen=True)
class Sent:
    """One request of a program, as far as these tests look into it."""

    namespace: str
    kind: int
    seq: int
    index: int
    attributes: dict[int, bytes]
    up: bool | None

    @property
    def creates(self) -> bool:
        return self.kind == uapi.RTM_NEWLINK and uapi.IFLA_IFNAME in self.attributes

    @property
    def alias(self) -> str:
        return self.attributes.get(uapi.IFLA_IFALIAS, b"").decode()


def indexes(*there: str) -> Indexes:
    """Return a host whose every namespace holds *there* from ifindex 10 on."""
    devices = [(name, 10 + n) for n, name in enumerate(("lo", *there))]
    return Indexes(lambda _: devices, lambda _: [], FLOOR)


def creation(*operations: Operation, there: Indexes | None = None) -> Program:
    found = Creation(there or indexes("eno1", "br9"), lambda _: 77)
    return found.compile(enumerate(operations))


def made(*rows: Row) -> Program:
    return creation(*(Operation(None, row) for row in rows))


def removed(*rows: Row, there: Indexes | None = None) -> Program:
    operations = enumerate(Operation(row, None) for row in rows)
    return Removal(there or indexes("eno1", "br0", "v0", "w0")).compile(operations)


def sent(compiled: Program, waves: tuple[tuple[program.Stage, ...], ...]) -> list[Sent]:
    return [
        request
        for wave in waves
        for namespace, pieces in compiled.messages(wave)
        for piece in pieces
        for request in requests(namespace, piece)
    ]


def requests(namespace: str, piece: bytes) -> Iterator[Sent]:
    at = 0
    while at < len(piece):
        length, kind, _, seq, _ = HEADER.unpack_from(piece, at)
        _, _, index, flags, mask = IFINFO.unpack_from(piece, at + 16)
        is_link = kind in (uapi.RTM_NEWLINK, uapi.RTM_SETLINK, uapi.RTM_DELLINK)
        attributes = values(piece, at + 32, at + length) if is_link else {}
        up = bool(flags & uapi.IFF_UP) if is_link and mask & uapi.IFF_UP else None
        yield Sent(namespace, kind, seq, index, attributes, up)
        at += length


def actions(compiled: Program, waves: tuple[tuple[program.Stage, ...], ...]) -> list[Action]:
    return [step.action for wave in waves for step in compiled.steps(wave)]


def test_a_device_is_marked_in_the_piece_that_makes_it() -> None:
    """A kill -9 falls between two pieces, never into one."""
    vlan = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.KERNEL, OWNER)
    ebpf = VlanDevice("", "eno1.20", "eno1", 20, VlanMethod.EBPF, OWNER)
    compiled = made(Bridge("", "br0", OWNER), PAIR, vlan, ebpf)
    pieces = [
        list(requests(namespace, piece))
        for wave in program.CREATION
        for namespace, found in compiled.messages(wave)
        for piece in found
    ]
    creating = [piece for piece in pieces if piece[0].creates]

    assert len(creating) == 4
    for first, mark, *_ in creating:
        assert (mark.index, mark.alias) == (first.index, f"trunkline:{OWNER}")
    assert creating[2][2].alias == f"trunkline-idle:{OWNER}"


def test_far_ends_go_up_after_everything_else() -> None:
    compiled = made(Bridge("", "br0", OWNER), PAIR, BridgePort("", "v0", "br0"))
    ups = [(each.namespace, each.index) for each in sent(compiled, program.CREATION) if each.up]

    assert ups == [("", 101), ("", 102), ("c1", 101)]


def test_ipv6_is_settled_before_anything_is_up() -> None:
    """An address that was made once does not go away by a mode that is set later (P-29)."""
    quiet = dataclasses.replace(PAIR, first=dataclasses.replace(PAIR.first, ipv6=Ipv6.OFF))
    compiled = made(Bridge("", "br0", OWNER, ipv6=Ipv6.OFF), quiet)
    before_up = program.CREATION[
        : next(n for n, w in enumerate(program.CREATION) if program.Stage.UP in w)
    ]

    assert [each for each in sent(compiled, before_up) if each.up] == []
    assert actions(compiled, before_up) == [
        WriteParameter("", "net/ipv6/conf/br0/disable_ipv6", "1"),
        WriteParameter("", "net/ipv6/conf/v0/disable_ipv6", "1"),
    ]
    modes = [each for each in sent(compiled, before_up) if uapi.IFLA_AF_SPEC in each.attributes]
    assert [each.namespace for each in modes] == ["c1"]


def test_where_new_devices_have_no_ipv6_only_those_that_want_it_are_touched() -> None:
    on = dataclasses.replace(PAIR, first=dataclasses.replace(PAIR.first, ipv6=Ipv6.ON))
    off = Bridge("", "br0", OWNER, ipv6=Ipv6.OFF)
    compiled = Creation(indexes(), lambda _: 77, ipv6_is_off=lambda name: name == "").compile(
        enumerate([Operation(None, off), Operation(None, on)])
    )

    assert actions(compiled, program.CREATION) == [
        WriteParameter("", "net/ipv6/conf/v0/disable_ipv6", "0")
    ]


def test_a_kernel_without_ipv6_is_asked_nothing_about_it() -> None:
    rows = (Bridge("", "br0", OWNER), PAIR)
    compiled = Creation(indexes(), lambda _: 77, has_ipv6=False).compile(
        enumerate(Operation(None, row) for row in rows)
    )

    assert actions(compiled, program.CREATION) == []
    assert not any(
        uapi.IFLA_AF_SPEC in each.attributes for each in sent(compiled, program.CREATION)
    )


def test_snooping_comes_back_after_the_ports_and_static_entries_last() -> None:
    bridge = Bridge("", "br0", OWNER, snooping=True)
    entry = FdbEntry("", "v0", "52:54:00:00:00:01")
    compiled = made(entry, bridge, PAIR, BridgePort("", "v0", "br0"))
    here = [each for each in sent(compiled, program.CREATION) if each.namespace == ""]
    kinds = [(each.seq, each.kind) for each in here]

    joined = kinds.index((3, uapi.RTM_SETLINK))
    assert kinds[-1] == (0, uapi.RTM_NEWNEIGH)
    assert kinds[-2] == (1, uapi.RTM_NEWLINK)
    assert joined < len(kinds) - 2


def test_a_far_end_is_born_in_its_namespace() -> None:
    first, *_ = sent(made(PAIR), program.CREATION)
    info = values(
        first.attributes[uapi.IFLA_LINKINFO], 0, len(first.attributes[uapi.IFLA_LINKINFO])
    )
    data = values(info[uapi.IFLA_INFO_DATA], 0, len(info[uapi.IFLA_INFO_DATA]))
    peer = data[uapi.VETH_INFO_PEER]
    inner = values(peer, IFINFO.size, len(peer))

    assert inner[uapi.IFLA_NET_NS_FD] == (77).to_bytes(4, "little")
    assert inner[uapi.IFLA_NUM_TX_QUEUES] == inner[uapi.IFLA_NUM_RX_QUEUES] == b"\1\0\0\0"
    assert inner[uapi.IFLA_IFNAME] == b"eth0\0"


@pytest.mark.parametrize(
    "row",
    [
        Bridge("", "br9", OWNER, mtu=1500),
        Nic("", "eno1", up=True, mtu=1500),
        BridgePort("", "eno1", "br9", isolated=True),
        VlanDevice("", "eno1", "br9", 10, VlanMethod.KERNEL, OWNER),
        Tap("", "eno1", OWNER),
        veth(VethEnd("", "eno1"), VethEnd("", "br9"), owner=OWNER),
    ],
)
def test_what_is_as_wanted_costs_no_message(row: Row) -> None:
    compiled = creation(Operation(row, row))

    assert sent(compiled, program.CREATION) == []
    assert actions(compiled, program.CREATION) == []


def test_a_change_sends_what_differs_and_nothing_else() -> None:
    old = Bridge("", "br9", OWNER, mtu=1500, ageing=300)
    compiled = creation(Operation(old, dataclasses.replace(old, mtu=1400, up=False)))
    first, second = sent(compiled, program.CREATION)

    assert first.attributes == {uapi.IFLA_MTU: (1400).to_bytes(4, "little")}
    assert (second.up, second.attributes) == (False, {})


def test_a_row_cannot_become_one_of_another_kind() -> None:
    with pytest.raises(InternalError):
        creation(Operation(Nic("", "eno1"), Bridge("", "eno1", OWNER)))


def test_a_device_that_is_not_there_is_named_with_its_operation() -> None:
    operation = Operation(None, Address("", "nobody", "192.0.2.1/24"))
    with pytest.raises(KernelError) as caught:
        creation(operation)

    assert caught.value.subject == operation.describe()


def test_parameters_of_devices_come_after_the_devices_and_others_before() -> None:
    forward = Sysctl("", "net/ipv4/ip_forward", "1")
    ignore = Sysctl("", "net/ipv4/conf/br0/arp_ignore", "1")
    compiled = made(ignore, forward, Bridge("", "br0", OWNER, ipv6=Ipv6.NO_ADDRESS))
    by_wave = [[step.action for step in compiled.steps(wave)] for wave in program.CREATION]

    assert by_wave[0] == [WriteParameter("", "net/ipv4/ip_forward", "1")]
    assert by_wave[3] == [WriteParameter("", "net/ipv4/conf/br0/arp_ignore", "1")]


def test_a_tap_is_set_before_it_becomes_persistent() -> None:
    (action,) = actions(made(Tap("", "tap0", OWNER)), program.CREATION)

    assert isinstance(action, MakeTap)
    (mark,) = requests("", action.settings)
    assert (action.index, mark.index, mark.alias) == (101, 101, f"trunkline:{OWNER}")


def test_an_ebpf_vlan_device_is_attached_before_it_is_up() -> None:
    device = VlanDevice("", "eno1.10", "eno1", 10, VlanMethod.EBPF, OWNER)
    compiled = made(device)
    attached = [
        number
        for number, wave in enumerate(program.CREATION)
        for step in compiled.steps(wave)
        if step.action == AttachVlan("", 101, 11, 10)
    ]
    up = [
        number
        for number, wave in enumerate(program.CREATION)
        for namespace, pieces in compiled.messages(wave)
        for piece in pieces
        for each in requests(namespace, piece)
        if each.up and each.index == 101
    ]

    assert len(attached) == len(up) == 1
    assert attached < up


# --- removal -----------------------------------------------------------------------------------


def test_what_goes_with_its_device_is_not_asked_for_by_itself() -> None:
    pair = veth(VethEnd("", "v0"), VethEnd("", "w0"), owner=OWNER)
    compiled = removed(
        FdbEntry("", "v0", "52:54:00:00:00:01"),
        BridgePort("", "v0", "br0"),
        Address("", "w0", "192.0.2.1/24"),
        Route("", "10.0.0.0/8", None, "w0"),
        pair,
    )

    assert sent(compiled, program.REMOVAL) == []
    assert actions(compiled, program.REMOVAL) == [DeleteLink("", 12 + 1)]


def test_what_stays_is_only_relieved_of_what_was_asked() -> None:
    compiled = removed(
        FdbEntry("", "v0", "52:54:00:00:00:01"), BridgePort("", "v0", "br0"),
        Address("", "w0", "192.0.2.1/24"),
    )  # fmt: skip

    assert [each.kind for each in sent(compiled, program.REMOVAL)] == [
        uapi.RTM_DELNEIGH,
        uapi.RTM_DELADDR,
        uapi.RTM_SETLINK,
    ]
    assert actions(compiled, program.REMOVAL) == []


def test_of_a_pair_the_end_in_the_namespace_that_stays_is_deleted() -> None:
    """A namespace is taken apart later than it is deleted: the host would still see its end."""
    compiled = removed(PAIR, Namespace("c1", OWNER))
    assert actions(compiled, program.REMOVAL) == [DeleteLink("", 13)]

    inside = veth(VethEnd("c1", "v0"), VethEnd("c1", "w0"), owner=OWNER)
    compiled = removed(inside, Address("c1", "v0", "192.0.2.1/24"), Namespace("c1", OWNER))
    assert actions(compiled, program.REMOVAL) == []
    assert sent(compiled, program.REMOVAL) == []


def test_an_ebpf_vlan_device_is_detached_from_its_parent_first() -> None:
    device = VlanDevice("", "v0", "eno1", 10, VlanMethod.EBPF, OWNER)

    assert actions(removed(device), program.REMOVAL) == [
        DetachVlan("", 11, 10),
        DeleteLink("", 13),
    ]


def test_removing_what_is_not_there_asks_nothing() -> None:
    compiled = removed(
        Bridge("", "gone", OWNER),
        Address("", "gone", "192.0.2.1/24"),
        BridgePort("", "gone", "br0"),
        Route("", "10.0.0.0/8", None, "gone"),
        Sysctl("", "net/ipv4/ip_forward", "1"),
        Nic("", "eno1"),
    )

    assert sent(compiled, program.REMOVAL) == []
    assert actions(compiled, program.REMOVAL) == []


# --- ifindexes ---------------------------------------------------------------------------------


def test_ifindexes_begin_above_what_is_there_and_never_repeat() -> None:
    there = indexes("eno1")

    assert [there.new("", "a"), there.new("", "b"), there.new("c1", "a")] == [101, 102, 101]
    assert (there.of("", "eno1"), there.find("", "nobody")) == (11, None)
    there.drop("", "a")
    assert there.find("", "a") is None
    assert there.new("", "c") == 103


def test_a_name_that_is_taken_keeps_its_ifindex() -> None:
    """So that the kernel refuses the request, and nothing else is addressed by mistake."""
    there = indexes("eno1")
    there.new("", "eno1")

    assert there.of("", "eno1") == 11


def test_a_namespace_that_is_new_or_gone_is_not_what_it_was() -> None:
    there = indexes("eno1")
    there.born("c1")
    assert there.find("c1", "eno1") is None
    assert there.find("c1", "lo") == 1
    there.forget("c1")
    assert there.find("c1", "eno1") == 11
