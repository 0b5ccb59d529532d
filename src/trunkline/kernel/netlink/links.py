"""What a dump of links says: a score of wanted values out of some hundred attributes each.

This is the hot loop of every read. Messages of one dump come in few *shapes*: the same attributes
of the same sizes in the same order. A shape is learned by walking through one message; from then
on one unpack fetches all headers, one comparison proves that the message has that very shape, and
one unpack fetches all values.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.link import IFINFO
from trunkline.kernel.netlink.message import U32, Message, attributes, values


@dataclass(slots=True)
class Link:
    """One device as the kernel lists it; `parse` alone writes it."""

    index: int
    flags: int
    buffer: bytes
    name: str
    mac: str | None
    mtu: int
    group: int
    master: int
    peer: int
    """IFLA_LINK: the parent's ifindex, or that of the far end of a veth pair."""
    peer_namespace: int | None
    """The number of the namespace that `peer` is in, where that is another one."""
    kind: str
    alias: str
    address_generation: int | None
    """None where the device has no IPv6 at all."""
    ipv6_disabled: bool
    port_kind: str
    """The kind of its master."""
    learning: bool
    flood: bool
    isolated: bool
    hairpin: bool
    cost: int
    """The port's path cost."""
    data: tuple[int, int]
    """Where in the buffer the attributes of the device's kind are."""

    @property
    def up(self) -> bool:
        return bool(self.flags & uapi.IFF_UP)

    @property
    def loopback(self) -> bool:
        return bool(self.flags & uapi.IFF_LOOPBACK)

    def info(self) -> dict[int, bytes]:
        """Return the attributes of the device's kind (IFLA_INFO_DATA)."""
        return values(self.buffer, *self.data)


Path = tuple[int, ...]
"""The types that lead to an attribute, the outermost first."""

_NESTS: frozenset[Path] = frozenset(
    (
        (uapi.IFLA_LINKINFO,),
        (uapi.IFLA_LINKINFO, uapi.IFLA_INFO_SLAVE_DATA),
        (uapi.IFLA_AF_SPEC,),
        (uapi.IFLA_AF_SPEC, uapi.AF_INET6),
    )
)
_INFO_DATA: Path = (uapi.IFLA_LINKINFO, uapi.IFLA_INFO_DATA)
_IPV6_SETTINGS: Path = (uapi.IFLA_AF_SPEC, uapi.AF_INET6, uapi.IFLA_INET6_CONF)
_PORT: Path = (uapi.IFLA_LINKINFO, uapi.IFLA_INFO_SLAVE_DATA)

_ABSENT: tuple[Any, ...] = (b"", None, 0, 0, 0, 0, None, b"", b"", None, 0, b"", 0, 0, 0, 0, 0)
"""What Link's fields from `name` to `cost` are where the kernel does not say."""
_VALUES: dict[Path, tuple[int, str]] = {
    (uapi.IFLA_IFNAME,): (0, "text"),
    (uapi.IFLA_ADDRESS,): (1, "raw"),
    (uapi.IFLA_MTU,): (2, "I"),
    (uapi.IFLA_GROUP,): (3, "I"),
    (uapi.IFLA_MASTER,): (4, "I"),
    (uapi.IFLA_LINK,): (5, "I"),
    (uapi.IFLA_LINK_NETNSID,): (6, "i"),
    (uapi.IFLA_LINKINFO, uapi.IFLA_INFO_KIND): (7, "text"),
    (uapi.IFLA_IFALIAS,): (8, "text"),
    (uapi.IFLA_AF_SPEC, uapi.AF_INET6, uapi.IFLA_INET6_ADDR_GEN_MODE): (9, "B"),
    _IPV6_SETTINGS: (10, "i"),
    (uapi.IFLA_LINKINFO, uapi.IFLA_INFO_SLAVE_KIND): (11, "text"),
    (*_PORT, uapi.IFLA_BRPORT_LEARNING): (12, "B"),
    (*_PORT, uapi.IFLA_BRPORT_UNICAST_FLOOD): (13, "B"),
    (*_PORT, uapi.IFLA_BRPORT_ISOLATED): (14, "B"),
    (*_PORT, uapi.IFLA_BRPORT_MODE): (15, "B"),
    (*_PORT, uapi.IFLA_BRPORT_COST): (16, "I"),
}
"""Where each wanted value goes, and how it is packed."""


class _Shape:
    """The layout of a message: every header's place and content, and where the values are."""

    def __init__(self, buffer: bytes, start: int, end: int) -> None:
        headers: list[tuple[int, str]] = []
        found: list[tuple[int, str, int]] = []
        self.data = (0, 0)
        for path, begin, stop in _walk(buffer, start, end, ()):
            headers.append((begin - 4 - start, "I"))
            if path in _VALUES:
                field, code = _VALUES[path]
                found.append((*_packed(path, code, begin - start, stop - start), field))
            elif path == _INFO_DATA:
                self.data = (begin - start, stop - start)
        found.sort()
        self._headers = _picking(headers)
        self._expected = self._headers.unpack_from(buffer, start)
        self._values = _picking((place, code) for place, code, _ in found)
        order = {field: at for at, (_, _, field) in enumerate(found)}
        count = len(found)
        # Picks each of Link's fields from the values, or from what stands for its absence.
        self._in_order = operator.itemgetter(
            *(order.get(field, count + field) for field in range(len(_ABSENT)))
        )

    def fits(self, buffer: bytes, start: int) -> bool:
        return self._headers.unpack_from(buffer, start) == self._expected

    def link(self, index: int, flags: int, buffer: bytes, start: int) -> Link:
        (
            name, mac, mtu, group, master, peer, space, kind, alias,
            mode, off, above, learning, flood, isolated, hairpin, cost,
        ) = self._in_order(self._values.unpack_from(buffer, start) + _ABSENT)  # fmt: skip
        first, last = self.data
        return Link(
            index,
            flags,
            buffer,
            name.decode("utf-8", "surrogateescape"),
            mac and mac.hex(":"),
            mtu,
            group,
            master,
            peer,
            space,
            kind.decode(),
            alias.decode("utf-8", "surrogateescape"),
            mode,
            off != 0,
            above.decode(),
            learning != 0,
            flood != 0,
            isolated != 0,
            hairpin != 0,
            cost,
            (start + first, start + last),
        )


def _walk(buffer: bytes, start: int, end: int, above: Path) -> Iterator[tuple[Path, int, int]]:
    """Yield every attribute, also those inside the nests that wanted values are in."""
    for kind, begin, stop in attributes(buffer, start, end):
        path = (*above, kind)
        yield path, begin, stop
        if path in _NESTS:
            yield from _walk(buffer, begin, stop, path)


def _packed(path: Path, code: str, begin: int, stop: int) -> tuple[int, str]:
    """Return where a value is and its struct format."""
    if path == _IPV6_SETTINGS:  # an array of numbers, which the kernel only ever appends to
        return begin + 4 * uapi.DEVCONF_DISABLE_IPV6, code
    if code == "text":  # without its closing NUL
        return begin, f"{max(stop - begin - 1, 0)}s"
    return begin, f"{stop - begin}s" if code == "raw" else code


def _picking(places: Iterable[tuple[int, str]]) -> struct.Struct:
    """Return a struct that takes the values at *places* and steps over all between."""
    text, at = "=", 0
    for place, code in places:
        text += f"{place - at}x{code}"
        at = place + struct.calcsize("=" + code)
    return struct.Struct(text)


_shapes: dict[tuple[int, int], list[_Shape]] = {}
"""All that were learned: the next namespace has the same ones. Losing some costs only time."""
_MOST_SHAPES = 4096


def parse(answer: Iterable[Message]) -> list[Link]:
    """Read all links of a dump, or of single answers."""
    if len(_shapes) > _MOST_SHAPES:
        _shapes.clear()
    info, word, size = IFINFO.unpack_from, U32.unpack_from, IFINFO.size
    found = []
    for kind, buffer, start, end in answer:
        if kind != uapi.RTM_NEWLINK:
            continue
        _, _, index, flags, _ = info(buffer, start)
        start += size
        # The length and the first header, which has the name's length, leave few shapes to try.
        size_and_name = (end - start, word(buffer, start)[0])
        known = _shapes.get(size_and_name)
        if known is None:
            known = _shapes[size_and_name] = []
        for shape in known:
            if shape.fits(buffer, start):
                break
        else:
            shape = _Shape(buffer, start, end)
            known.append(shape)
        found.append(shape.link(index, flags, buffer, start))
    return found
