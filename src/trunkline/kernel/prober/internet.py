"""Probes through the seats' own IP stacks: echo requests and UDP.

The kernel resolves neighbours and chooses routes, but only routes over the seat's device.
"""

from __future__ import annotations

import functools
import secrets
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from trunkline.kernel.packets.ethernet import EtherType, Frame
from trunkline.kernel.packets.internet import Ipv4, Ipv6, Protocol
from trunkline.kernel.packets.transport import Echo, EchoType, Udp
from trunkline.kernel.prober.ethernet import own_mac
from trunkline.kernel.prober.links import Links
from trunkline.kernel.prober.method import Action, Method, Reader, Task, waiting
from trunkline.kernel.prober.sockets import Sockets
from trunkline.probe import Probe, Seat

_SOL_RAW = 255
_ICMP_FILTER = 1
_ICMP6_FILTER = 1
_ANY_PORT = 33434
"""The source port of datagrams that are sent as frames; nothing ever answers to it."""


def echo(task: Task, sockets: Sockets, protocol: Protocol) -> Method:
    """ICMP or ICMPV6: one raw socket a source, which the kernel gives echo replies only."""
    family = socket.AF_INET if protocol is Protocol.ICMP else socket.AF_INET6
    opened = {
        seat.name: sockets.internet(seat, family, socket.SOCK_RAW, protocol)
        for seat in task.sources()
    }
    scopes = {seat.name: sockets.index(seat) for seat in task.sources()}
    identifier = secrets.randbits(16)
    actions: dict[int, tuple[Action]] = {}
    for number, probe in task.probes.items():
        request = Echo(EchoType.REQUEST, identifier, number & 0xFFFF, task.token(number))
        if protocol is Protocol.ICMP:
            data = request.encode_icmp()
        else:
            # The kernel puts the real checksum in (rawv6_push_pending_frames).
            data = request.encode_icmpv6("::", "::")
        where = _where(probe.address, scopes[probe.source])
        actions[number] = (functools.partial(opened[probe.source].sendto, data, where),)
    readers: dict[socket.socket, Reader] = {}
    for seat in task.sources():
        _only_replies(opened[seat.name], protocol)
        reader = functools.partial(_read_echo, task, protocol, seat, opened[seat.name])
        readers[opened[seat.name]] = reader
    return Method(actions, readers)


def _read_echo(task: Task, protocol: Protocol, seat: Seat, opened: socket.socket) -> Iterator[int]:
    for data, sender in waiting(opened):
        reply = Echo.decode(protocol, _message(protocol, data))
        if reply is None or reply.type is not EchoType.REPLY:
            continue
        number = task.number(reply.payload)
        probe = None if number is None else task.probes.get(number)
        if number is None or probe is None or probe.source != seat.name:
            continue
        if _same(str(sender[0]), probe.address):
            yield number


def _message(protocol: Protocol, data: bytes) -> bytes:
    """Return the ICMP message: an IPv4 raw socket puts the IP header before it."""
    if protocol is Protocol.ICMPV6:
        return data
    packet = Ipv4.decode(data)
    return b"" if packet is None else packet.payload


def udp(task: Task, sockets: Sockets) -> Method:
    """One way: what counts is that a socket at the target's seat gets the token."""
    links = Links(task.seats.values())
    listeners: dict[tuple[str, int], socket.socket] = {}
    senders: dict[tuple[str, int], socket.socket] = {}
    wires = {seat.name: sockets.packet(seat, 0) for seat in task.sources()}
    scopes = {seat.name: sockets.index(seat) for seat in task.sources()}
    actions: dict[int, tuple[Action, ...]] = {}
    for number, probe in task.probes.items():
        family = socket.AF_INET6 if ":" in probe.address else socket.AF_INET
        source, target = (probe.source, family), (probe.target, family)
        if target not in listeners:
            listeners[target] = _listener(sockets, task.seats[probe.target], family)
        if source not in senders:
            seat = task.seats[probe.source]
            senders[source] = sockets.internet(seat, family, socket.SOCK_DGRAM)
        port = listeners[target].getsockname()[1]
        token = task.token(number)
        where = _where(probe.address, scopes[probe.source], port)
        send = functools.partial(senders[source].sendto, token, where)
        frame = _frame(task, links, wires[probe.source], probe, port, token)
        actions[number] = (send,) if frame is None else (send, frame)
    readers: dict[socket.socket, Reader] = {
        opened: functools.partial(_read_udp, task, name, opened)
        for (name, _), opened in listeners.items()
    }
    return Method(actions, readers)


def _listener(sockets: Sockets, seat: Seat, family: int) -> socket.socket:
    opened = sockets.internet(seat, family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.bind(("", 0))
    return opened


def _frame(
    task: Task, links: Links, wire: socket.socket, probe: Probe, port: int, token: bytes
) -> Action | None:
    """Return what sends the datagram as a frame, for a target on the link; else None.

    The stack sends nothing before its question for the MAC is answered, which would make
    a one-way path look like none.
    """
    target = task.seats[probe.target]
    own = links.own(probe.source, probe.address)
    if own is None or not target.mac:
        return None
    segment = Udp(_ANY_PORT, port, token).encode(own, probe.address)
    if ":" in own:
        kind, packet = EtherType.IPV6, Ipv6(own, probe.address, Protocol.UDP, segment).encode()
    else:
        kind, packet = EtherType.IPV4, Ipv4(own, probe.address, Protocol.UDP, segment).encode()
    return functools.partial(wire.send, Frame(target.mac, own_mac(wire), kind, packet).encode())


def _read_udp(task: Task, name: str, opened: socket.socket) -> Iterator[int]:
    for data, _ in waiting(opened):
        number = task.number(data)
        probe = None if number is None else task.probes.get(number)
        if number is not None and probe is not None and probe.target == name:
            yield number


def _only_replies(opened: socket.socket, protocol: Protocol) -> None:
    """Block every message type but echo replies, before they fill the socket's room."""
    number = EchoType.REPLY.number(protocol)
    if protocol is Protocol.ICMP:
        blocked = 0xFFFFFFFF & ~(1 << number)
        opened.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", blocked))
        return
    words = [0xFFFFFFFF] * 8
    words[number >> 5] &= ~(1 << (number & 31))
    opened.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))


def _where(address: str, scope: int, port: int = 0) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return the socket address; a link-local one is complete with its device only."""
    if ":" not in address:
        return (address, port)
    return (address, port, 0, scope if IPv6Address(address).is_link_local else 0)


def _same(sender: str, address: str) -> bool:
    return sender == address or ip_address(sender.partition("%")[0]) == ip_address(address)
