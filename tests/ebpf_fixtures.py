"""Two hosts joined by a trunk, with eBPF VLAN devices, for the tests of `kernel.ebpf`."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.kernel import ebpf, namespaces
from trunkline.kernel.packets.ethernet import Frame, Tag

TRUNK = "trunk"
ETH_P_ALL = 3
_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_AUXDATA = struct.Struct("=IIIHHHH")
_VLAN_VALID = 1 << 4


@dataclass(frozen=True)
class Host:
    """One namespace of a test."""

    name: str

    @property
    def path(self) -> str:
        return str(namespaces.path(self.name))

    def run(self, *argv: str, text: str = "") -> str:
        done = namespaces.run(self.path, argv, input=text)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}{done.stdout}"
        return done.stdout

    def ip(self, *lines: str) -> None:
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def index(self, device: str) -> int:
        with namespaces.entered(self.path):
            return socket.if_nametoindex(device)

    def add_vlan(self, vlan: int, address: str = "", mac: str = "") -> str:
        """Make a VLAN device of the trunk and return its name."""
        name = f"{TRUNK}.{vlan}"
        choice = f" address {mac}" if mac else ""
        self.ip(f"link add {name}{choice} type veth peer name idle{vlan}")
        self.ip(f"link set {name} up", f"link set idle{vlan} up")
        if address:
            self.ip(f"addr add {address} dev {name}")
        self.attach(name, vlan)
        return name

    def attach(self, device: str, vlan: int) -> None:
        with namespaces.entered(self.path):
            ebpf.attach_vlan(self.index(device), self.index(TRUNK), vlan)

    def detach(self, vlan: int) -> None:
        with namespaces.entered(self.path):
            ebpf.detach_vlan(self.index(TRUNK), vlan)

    def vlans(self, *devices: str) -> dict[str, tuple[int, int]]:
        """Return what `read_vlans` says of *devices*, by name."""
        numbers = {self.index(device): device for device in devices}
        with namespaces.entered(self.path):
            return {numbers[port]: row for port, row in ebpf.read_vlans(numbers).items()}

    def pings(self, address: str, *options: str) -> bool:
        argv = ("ping", "-c3", "-i0.1", "-W1", *options, address)
        return namespaces.run(self.path, argv).returncode == 0

    def qdiscs(self, device: str) -> str:
        return self.run("tc", "qdisc", "show", "dev", device)

    def send(self, device: str, frame: bytes) -> None:
        with namespaces.entered(self.path):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with opened:
            opened.bind((device, 0))
            opened.send(frame)


@contextlib.contextmanager
def pair(prefix: str, mtu: int = 1500) -> Iterator[tuple[Host, Host]]:
    """Two namespaces and a veth between them, named TRUNK at both ends."""
    one, two = Host(prefix + "a"), Host(prefix + "b")
    try:
        for host in (one, two):
            namespaces.create(host.name)
            host.ip("link set lo up")
        peer = f"peer name {TRUNK} mtu {mtu} netns {two.name}"
        one.ip(f"link add {TRUNK} mtu {mtu} type veth {peer}", f"link set {TRUNK} up")
        two.ip(f"link set {TRUNK} up")
        yield one, two
    finally:
        for host in (one, two):
            namespaces.delete(host.name)


class Capture:
    """Everything that a device sends and receives, with the tags where the kernel keeps them."""

    def __init__(self, host: Host, device: str) -> None:
        with namespaces.entered(host.path):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self._socket.bind((device, ETH_P_ALL))

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def frames(self, *, count: int = 1, seconds: float = 2.0) -> list[Frame]:
        """Return what was seen, after *count* frames or some time."""
        found: list[Frame] = []
        end = time.monotonic() + seconds
        while len(found) < count and (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                found.append(self._frame())
        return found

    def _frame(self) -> Frame:
        data, extra, _, _ = self._socket.recvmsg(1 << 17, socket.CMSG_SPACE(_AUXDATA.size))
        frame = Frame.decode(data)
        assert frame is not None
        for level, kind, content in extra:
            if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                status, *_, control, protocol = _AUXDATA.unpack_from(content)
                if status & _VLAN_VALID:
                    tags = (Tag.from_control(control, protocol), *frame.tags)
                    return Frame(
                        frame.destination, frame.source, frame.ethertype, frame.payload, tags
                    )
        return frame
