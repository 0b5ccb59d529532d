"""Values that cannot be wrong: they validate when they are made and print as people write them.

They are `str` and `int` underneath, so that a row of state is cheap, hashable and JSON as it is.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Self

IFNAME_MAX = 15
"""IFNAMSIZ is 16 with the closing NUL (include/uapi/linux/if.h)."""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class InterfaceName(str):
    """A name that the kernel accepts for a device (net/core/dev.c, dev_valid_name).

    >>> InterfaceName("eno16777736.4094")
    Traceback (most recent call last):
    ...
    ValueError: 'eno16777736.4094' has 16 characters, an interface name at most 15
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not text:
            raise ValueError("an interface name cannot be empty")
        if len(text.encode()) > IFNAME_MAX:
            size = len(text.encode())
            raise ValueError(
                f"'{text}' has {size} characters, an interface name at most {IFNAME_MAX}"
            )
        if text in (".", "..") or any(c in "/:%" or c.isspace() or ord(c) < 33 for c in text):
            raise ValueError(f"'{text}' is not an interface name")
        return str.__new__(cls, text)


class MacAddress(str):
    """A unicast Ethernet address, lower case with colons.

    >>> MacAddress("52-54-00-D2-52-B3")
    '52:54:00:d2:52:b3'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        plain = text.strip().lower().replace("-", ":")
        if not _MAC.fullmatch(plain):
            raise ValueError(f"'{text}' is not a MAC address like 52:54:00:12:34:56")
        if int(plain[:2], 16) & 1:
            raise ValueError(f"'{text}' is a multicast address, a device needs a unicast one")
        if plain == "00:00:00:00:00:00":
            raise ValueError(f"'{text}' is the zero address")
        return str.__new__(cls, plain)

    @property
    def packed(self) -> bytes:
        return bytes.fromhex(self.replace(":", ""))


class VlanId(int):
    """An 802.1Q VLAN number that can be carried on a wire.

    >>> VlanId(4095)
    Traceback (most recent call last):
    ...
    ValueError: VLAN 4095 is outside 1-4094
    """

    __slots__ = ()

    def __new__(cls, number: int) -> Self:
        if not 1 <= number <= 4094:
            raise ValueError(f"VLAN {number} is outside 1-4094")
        return int.__new__(cls, number)


class InterfaceAddress(str):
    """An IPv4 or IPv6 address with its prefix length, in the one canonical form.

    >>> InterfaceAddress("2001:DB8::0001/64")
    '2001:db8::1/64'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if "/" not in text:
            raise ValueError(f"'{text}' has no prefix length, write it like {text}/24")
        try:
            address = ipaddress.ip_interface(text)
        except ValueError as error:
            raise ValueError(f"'{text}' is not an address with a prefix length") from error
        return str.__new__(cls, address.compressed)

    @property
    def parsed(self) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
        return ipaddress.ip_interface(str(self))

    @property
    def ip(self) -> str:
        return self.partition("/")[0]

    @property
    def version(self) -> int:
        return 6 if ":" in self else 4
