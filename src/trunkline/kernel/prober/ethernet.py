"""Probes that are Ethernet frames of our own making: ARP and broadcast."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator, Mapping

from trunkline.kernel.packets.arp import Arp, ArpOperation
from trunkline.kernel.packets.ethernet import BROADCAST, EtherType, Frame, mac_text
from trunkline.kernel.prober.links import Links
from trunkline.kernel.prober.method import Action, Method, Task, waiting
from trunkline.kernel.prober.sockets import Sockets
from trunkline.probe import Seat

_FOR_US = (socket.PACKET_HOST, socket.PACKET_BROADCAST, socket.PACKET_MULTICAST)
_MINIMUM_PAYLOAD = 46
_NOBODY = "0.0.0.0"
_ARP_OPERATION = 20
"""Where a frame has ARP's operation."""


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


def broadcast(task: Task, sockets: Sockets) -> Method:
    """Send one frame a source and round: it is for all of the source's targets."""
    sources = [seat.name for seat in task.sources()]
    awaited: dict[tuple[str, str], list[int]] = {}
    for number, probe in task.probes.items():
        awaited.setdefault((probe.source, probe.target), []).append(number)
    seats = dict.fromkeys([*task.sources(), *task.targets()])
    opened = {seat.name: sockets.packet(seat, EtherType.EXPERIMENTAL) for seat in seats}
    shouts = {name: (_shout(opened[name], task.token(at)),) for at, name in enumerate(sources)}
    readers = {
        opened[seat.name]: functools.partial(
            _read_broadcast, task, sources, awaited, seat, opened[seat.name]
        )
        for seat in seats
    }
    actions = {number: shouts[probe.source] for number, probe in task.probes.items()}
    return Method(actions, readers)


def _shout(opened: socket.socket, token: bytes) -> Action:
    payload = token.ljust(_MINIMUM_PAYLOAD, b"\0")
    frame = Frame(BROADCAST, own_mac(opened), EtherType.EXPERIMENTAL, payload)
    return functools.partial(opened.send, frame.encode())


def _read_broadcast(
    task: Task,
    sources: list[str],
    awaited: Mapping[tuple[str, str], list[int]],
    seat: Seat,
    opened: socket.socket,
) -> Iterator[int]:
    for frame in _frames(seat.device, opened):
        source = task.number(frame.payload)
        if source is not None and source < len(sources):
            yield from awaited.get((sources[source], seat.name), ())


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
