"""Carries out operations: runs of making and of removing, each compiled into a program."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from trunkline.errors import ConflictError, KernelError
from trunkline.kernel import ebpf, namespaces, nft, program, reader, refusals, sysctl, tap
from trunkline.kernel.creation import Creation, Numbered, mark_namespace
from trunkline.kernel.doors import Doors, allow_files
from trunkline.kernel.indexes import LOOPBACK, Indexes
from trunkline.kernel.netlink import link, links
from trunkline.kernel.netlink.socket import BARRIER, NetlinkSocket, Refusal
from trunkline.kernel.program import (
    Action,
    AttachVlan,
    DeleteLink,
    DeleteTable,
    DetachVlan,
    MakeTap,
    Program,
    ReplaceTable,
    Step,
    WriteParameter,
)
from trunkline.kernel.removal import Removal
from trunkline.operation import Operation
from trunkline.state import Namespace

_NEW_INDEXES = 1 << 16
_INDEXES_A_SECOND = 16


class Runner:
    """Runs the operations of one apply; used once."""

    def __init__(self, doors: Doors, operations: Sequence[Operation]) -> None:
        self._doors = doors
        self._operations = operations
        self._indexes = Indexes(self._list_devices, self._list_bridges, _floor())
        self._has_ipv6 = os.path.exists("/proc/sys/net/ipv6")
        self._ipv6_off: dict[str, bool] = {}
        self._just_made: dict[str, None] = {}
        """The namespaces of this making, in which nothing has been set yet."""

    def run(self) -> None:
        spaces = {operation.key[1] for operation in self._operations}
        allow_files(2 * len(spaces))
        numbered = enumerate(self._operations)
        for removes, group in itertools.groupby(numbered, lambda each: each[1].after is None):
            if removes:
                self._remove(list(group))
            else:
                self._create(list(group))

    # --- making --------------------------------------------------------------------------------

    def _create(self, operations: list[Numbered]) -> None:
        new = [
            (seq, operation.after)
            for seq, operation in operations
            if isinstance(operation.after, Namespace) and operation.before is None
        ]
        self._create_namespaces(new)
        creation = Creation(
            self._indexes,
            self._doors.descriptor,
            has_ipv6=self._has_ipv6,
            ipv6_is_off=self._new_devices_lack_ipv6,
        )
        self._run(creation.compile(operations), program.CREATION)

    def _create_namespaces(self, new: list[tuple[int, Namespace]]) -> None:
        missing: dict[str, tuple[int, Namespace]] = {}
        for seq, row in new:
            path = self._doors.path(row.name)
            assert path is not None
            if not namespaces.is_namespace(path):
                missing[path.name] = (seq, row)
            elif self._is_abandoned(row.name, path.name):
                self._begin(seq, row)
            else:
                raise ConflictError(
                    f"namespace '{row.name}' exists already",
                    hint="`ip netns list` shows all names",
                )

        def begin(file: str) -> None:
            seq, row = missing[file]
            self._doors.open_here(row.name)
            self._begin(seq, row)

        namespaces.create_many(missing, begin)
        self._just_made = {row.name: None for _, row in missing.values()}

    def _begin(self, seq: int, row: Namespace) -> None:
        """Mark a new namespace: what a run leaves that is killed before this has no owner."""
        self._indexes.born(row.name)
        up = link.set_up(seq, LOOPBACK, up=True)
        self._send(row.name, [mark_namespace(seq, row) + up])

    def _is_abandoned(self, name: str, file: str) -> bool:
        """Return whether it is what a run left that was killed before it could mark it."""
        return reader.is_pristine(self._doors.socket(name)) and not namespaces.processes(file)

    def _new_devices_lack_ipv6(self, namespace: str) -> bool:
        if namespace in self._just_made:
            namespace = next(iter(self._just_made))  # the kernel gives all the same defaults
        if namespace not in self._ipv6_off:
            with self._doors.entered(namespace):
                value = sysctl.read("net/ipv6/conf/default/disable_ipv6")
            self._ipv6_off[namespace] = value != "0"
        return self._ipv6_off[namespace]

    # --- removing ------------------------------------------------------------------------------

    def _remove(self, operations: list[Numbered]) -> None:
        self._run(Removal(self._indexes).compile(operations), program.REMOVAL)
        for _, operation in operations:
            if isinstance(operation.before, Namespace):
                self._delete_namespace(operation.before.name)

    def _delete_namespace(self, name: str) -> None:
        path = self._doors.path(name)
        assert path is not None
        self._doors.close(name)
        self._indexes.forget(name)
        self._ipv6_off.pop(name, None)
        namespaces.delete(path.name)

    def _delete_links(self, namespace: str, found: list[tuple[int, int]]) -> None:
        """Delete links, given as (number of the operation, ifindex), those already gone too."""
        socket = self._doors.socket(namespace)
        if len(found) > 1 and self._delete_as_group(socket, found):
            return
        self._check(socket.batch(link.delete(seq, index) for seq, index in found), refusals.GONE)

    def _delete_as_group(self, socket: NetlinkSocket, found: list[tuple[int, int]]) -> bool:
        """Delete *found* in one request, which has one rcu_barrier of 19 ms instead of one each.

        Returns False, and has changed nothing but group numbers, where others are in the group
        too: group numbers belong to everybody.
        """
        group = _random_group()
        marks = (link.change(seq, index, link.group(group)) for seq, index in found)
        self._check(socket.batch(marks), refusals.GONE)
        now = links.parse(socket.dump(link.dump()))
        members = {each.index for each in now if each.group == group}
        if not members <= {index for _, index in found}:
            return False
        if members:
            self._check(socket.batch([link.delete_group(found[0][0], group)]), refusals.GONE)
        return True

    # --- running -------------------------------------------------------------------------------

    def _run(self, compiled: Program, waves: tuple[tuple[program.Stage, ...], ...]) -> None:
        tolerated = refusals.GONE if waves is program.REMOVAL else frozenset[int]()
        for wave in waves:
            for namespace, messages in compiled.messages(wave):
                self._send(namespace, messages, tolerated)
            self._act(compiled.steps(wave))

    def _send(
        self, namespace: str, messages: Iterable[bytes], tolerated: frozenset[int] = frozenset()
    ) -> None:
        self._check(self._doors.socket(namespace).batch(messages), tolerated)

    def _check(self, refused: list[Refusal], tolerated: frozenset[int]) -> None:
        for refusal in refused:
            if refusal.seq == BARRIER:
                raise KernelError("netlink batch", refusal.errno, refusal.text)
            if refusal.errno not in tolerated:
                raise refusals.error(self._operations[refusal.seq], refusal)

    def _act(self, steps: Iterator[Step]) -> None:
        # Each namespace is entered once; its own steps keep their order.
        ordered = sorted(steps, key=_place)
        for namespace, group in itertools.groupby(ordered, _place):
            together = list(group)
            gone = [
                (step.seq, step.action.index)
                for step in together
                if isinstance(step.action, DeleteLink)
            ]
            if gone:
                self._delete_links(namespace, gone)
                continue
            with self._doors.entered(namespace):
                for step in together:
                    try:
                        self._do(step.action)
                    except KernelError as error:
                        raise refusals.of(self._operations[step.seq], error) from error

    def _do(self, action: Action) -> None:
        """Carry out *action* in the namespace that the thread is in."""
        match action:
            case WriteParameter():
                sysctl.write(action.name, action.value)
            case ReplaceTable():
                nft.replace(action.table)
            case DeleteTable():
                nft.delete(action.family, action.name)
            case MakeTap():
                settings = action.settings
                tap.create(
                    action.name, action.index, lambda: self._send(action.namespace, [settings])
                )
            case AttachVlan():
                ebpf.attach_vlan(action.port, action.parent, action.vlan)
            case DetachVlan():
                ebpf.detach_vlan(action.parent, action.vlan)
            case DeleteLink():
                raise AssertionError("links are deleted together")
            case _:
                assert_never(action)

    def _list_devices(self, namespace: str) -> Iterator[tuple[str, int]]:
        for each in links.parse(self._doors.socket(namespace).dump(link.dump())):
            yield each.name, each.index

    def _list_bridges(self, namespace: str) -> Iterator[str]:
        for each in links.parse(self._doors.socket(namespace).dump(link.dump_bridges())):
            yield each.name


def _place(step: Step) -> str:
    return step.action.namespace


def _random_group() -> int:
    """Return a group number that is hardly ever taken, out of two thousand million."""
    return random.randrange(1 << 16, 1 << 31)


def _floor() -> int:
    """Return where new ifindexes begin: it moves on with time, so that none comes back soon.

    Otherwise a service bound to a bridge that is gone would find itself on the next one.
    """
    return _NEW_INDEXES + int(time.clock_gettime(time.CLOCK_BOOTTIME)) * _INDEXES_A_SECOND
