"""Probes that are Ethernet frames of our own making: ARP, broadcasts and tagged ones."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator, Mapping

from trunkline.kernel.packets.arp import Arp, ArpOperation
from trunkline.kernel.packets.ethernet import BROADCAST, EtherType, Frame, Tag, mac_text
from trunkline.kernel.prober.links import Links
from trunkline.kernel.prober.method import TOKEN_SIZE, Action, Method, Task, waiting
from trunkline.kernel.prober.sockets import Sockets
from trunkline.probe import Seat

_FOR_US = (socket.PACKET_HOST, socket.PACKET_BROADCAST, socket.PACKET_MULTICAST)
_MINIMUM_PAYLOAD = 46
_NOBODY = "0.0.0.0"
_ARP_OPERATION = 20
"""Where a frame has ARP's operation."""
_MARK = 14 + TOKEN_SIZE
"""Where a flooded frame, without its tag, says what it is: behind its token."""


def arp(task: Task, sockets: Sockets) -> Method:
    """Ask for every (source, address) once a round, however many probes want to know."""
    links = Links(task.seats.values())
    opened = {}
    for seat in task.sources():
        opened[seat.name] = sockets.packet(seat, EtherType.ARP)
        # Everybody's questions come by here too: with 40 seats 80,000 that nobody should read.
        sockets.filter_half_word(opened[seat.name], _ARP_OPERATION, ArpOperation.REPLY)
    asked: dict[tuple[str, str], list[int]] = {}
    for number, probe in task.probes.items():
        asked.setdefault((probe.source, probe.address), []).append(number)
    actions: dict[int, tuple[Action]] = {}
    for (source, address), numbers in asked.items():
        question = _question(opened[source], links.own(source, address) or _NOBODY, address)
        actions |= dict.fromkeys(numbers, (question,))
    readers = {
        opened[seat.name]: functools.partial(_read_arp, task, asked, seat, opened[seat.name])
        for seat in task.sources()
    }
    return Method(actions, readers)


def _question(opened: socket.socket, sender: str, address: str) -> Action:
    """Return what asks for *address*.

    A kernel with rp_filter does not answer a sender that it would route elsewhere; nobody
    (0.0.0.0, an RFC 5227 probe) it always answers (arp_process).
    """
    mac = own_mac(opened)
    question = Arp(ArpOperation.REQUEST, mac, sender, address)
    frame = Frame(BROADCAST, mac, EtherType.ARP, question.encode())
    return functools.partial(opened.send, frame.encode())


def _read_arp(
    task: Task, asked: Mapping[tuple[str, str], list[int]], seat: Seat, opened: socket.socket
) -> Iterator[int]:
    for frame in _frames(seat.device, opened):
        reply = Arp.decode(frame.payload)
        if reply is None or reply.operation != ArpOperation.REPLY:
            continue
        for number in asked.get((seat.name, reply.sender), ()):
            target = task.seats.get(task.probes[number].target)
            # From the target itself, as far as its MAC is known: a proxy is somebody else.
            if target is None or target.mac in ("", reply.sender_mac):
                yield number


def flood(task: Task, sockets: Sockets, *, tagged: bool) -> Method:
    """Send the same a source, VLAN and round: it is for all of the source's targets.

    Its token has the number of the first probe that it is for. A tag is tried behind a priority
    tag too: a bridge that filters VLANs takes that for none, and never looks at the one behind.
    """
    mark = b"\0" + bytes([tagged])
    opened = {}
    for seat in dict.fromkeys([*task.sources(), *task.targets()]):
        opened[seat.name] = sockets.packet(seat, EtherType.EXPERIMENTAL)
        # Tagged or not, a frame comes out the same: each way to probe hears its own alone.
        sockets.filter_half_word(opened[seat.name], _MARK, int.from_bytes(mark))
    shouts: dict[tuple[str, int], tuple[int, tuple[Action, ...]]] = {}
    actions: dict[int, tuple[Action, ...]] = {}
    awaited: dict[tuple[int, str], list[int]] = {}
    for number, probe in task.probes.items():
        frame = (probe.source, probe.vlan)
        if frame not in shouts:
            tag = Tag(probe.vlan)
            stacks = [(tag,), (Tag(0), tag)] if tagged else [()]
            payload = task.token(number) + mark
            every = tuple(_shout(opened[probe.source], payload, stack) for stack in stacks)
            shouts[frame] = number, every
        first, actions[number] = shouts[frame]
        awaited.setdefault((first, probe.target), []).append(number)
    readers = {
        opened[seat.name]: functools.partial(_read_shouts, task, awaited, seat, opened[seat.name])
        for seat in task.targets()
    }
    return Method(actions, readers)


def _shout(opened: socket.socket, payload: bytes, tags: tuple[Tag, ...]) -> Action:
    payload = payload.ljust(_MINIMUM_PAYLOAD, b"\0")
    frame = Frame(BROADCAST, own_mac(opened), EtherType.EXPERIMENTAL, payload, tags)
    return functools.partial(opened.send, frame.encode())


def _read_shouts(
    task: Task, awaited: Mapping[tuple[int, str], list[int]], seat: Seat, opened: socket.socket
) -> Iterator[int]:
    for frame in _frames(seat.device, opened):
        first = task.number(frame.payload)
        if first is not None:
            yield from awaited.get((first, seat.name), ())


def own_mac(opened: socket.socket) -> str:
    """Return the MAC that the packet socket's device has now."""
    return mac_text(opened.getsockname()[4])


def _frames(device: str, opened: socket.socket) -> Iterator[Frame]:
    """Yield the frames that wait on a packet socket and reached its own device.

    The socket also gets those of other VLANs, without their tags and without auxiliary data that
    would tell. One that nobody took is marked as somebody else's, broadcast or not
    (__netif_receive_skb_core, check_vlan_id); one for a VLAN device carries that device's name.
    """
    for data, sender in waiting(opened):
        name, _, kind, *_ = sender
        frame = Frame.decode(data)
        if frame is not None and not frame.tags and name == device and kind in _FOR_US:
            yield frame
