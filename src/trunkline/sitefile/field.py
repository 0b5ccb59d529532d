"""The scalars of a site file: each one check, which says what is wrong in our own words."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, Any, TypeVar

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from trunkline.intent import DhcpPool, Expect, Switching, VlanDevices
from trunkline.values import InterfaceAddress, InterfaceName, MacAddress, VlanId
from trunkline.wording import did_you_mean, kind, quoted, shortened

NAME_MAX = 32
"""So that a name fits whole into most device names, and always into an alias."""

COMPLAINT = "site"
"""The type of every pydantic error that is ours."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NAME_HINT = f"a letter, then letters, digits, - and _; at most {NAME_MAX} characters"
_NAME_SCHEMA = {"type": "string", "pattern": f"^{_NAME.pattern}$", "maxLength": NAME_MAX}
_DELETE = "give it a value or delete it"

MTU_MIN, MTU_MAX = 68, 65535
"""ETH_MIN_MTU, RFC 791's smallest; ETH_MAX_MTU (include/uapi/linux/if_ether.h)."""

RESERVED_DEVICES = frozenset({"lo", "all", "default"})
"""The loopback, and two names that /proc/sys/net/ipv4/conf keeps (sysctl_dev_name_is_allowed)."""


def complaint(text: str, hint: str = "", at: str = "") -> PydanticCustomError:
    """Return what a check raises; *at* is the key inside the object that is to blame."""
    return PydanticCustomError(COMPLAINT, "{text}", {"text": text, "hint": hint, "at": at})


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        raise complaint(f"{what} is empty", _DELETE)
    if isinstance(value, dict | list):
        raise complaint(f"{quoted(value)} is not {what}")
    raise complaint(f"{quoted(value)} is {kind(value)}, not {what}")


def _made(make: Callable[[str], Any], text: str) -> Any:
    """Return what *make* makes of *text*, its refusal as ours."""
    try:
        return make(text)
    except ValueError as error:
        # The value stands in the message; a long one is cut to what people read.
        raise complaint(
            str(error).replace(text, shortened(text)) if text else str(error)
        ) from None


def _name(value: object) -> str:
    text = _text(value, "a name")
    if not _NAME.fullmatch(text) or len(text) > NAME_MAX:
        raise complaint(f"{quoted(text)} is not a name", _NAME_HINT)
    return text


def _reference(value: object) -> str:
    text = _text(value, "a name")
    if not text:
        raise complaint("a name is empty", _DELETE)
    return text


def _number(value: object, what: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if value is None:
        raise complaint(f"{what} is empty", _DELETE)
    hint = "write it without quotes" if isinstance(value, str) and value.isdecimal() else ""
    text = " but text" if isinstance(value, str) else ""
    raise complaint(f"{quoted(value)} is not a whole number{text}", hint)


def _vlan(value: object) -> VlanId:
    number = _number(value, "a VLAN")
    try:
        return VlanId(number)
    except ValueError as error:
        raise complaint(str(error), _RESERVED_VLANS.get(number, "")) from None


_RESERVED_VLANS = {
    0: "VLAN 0 means 'no VLAN, only a priority'; for no tag write 'untagged: true'",
    4095: "802.1Q reserves VLAN 4095",
}


def _mtu(value: object) -> int:
    number = _number(value, "an MTU")
    if not MTU_MIN <= number <= MTU_MAX:
        raise complaint(f"MTU {number} is outside {MTU_MIN}-{MTU_MAX}")
    return number


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value is None:
        raise complaint("true or false is missing", _DELETE)
    words = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    word = words.get(value.lower()) if isinstance(value, str) else None
    hint = f"write {word}; in YAML 1.2 {quoted(value)} is text" if word else ""
    raise complaint(f"{quoted(value)} is neither true nor false", hint)


def _mac(value: object) -> MacAddress:
    made: MacAddress = _made(MacAddress, _text(value, "a MAC address"))
    return made


def _device(value: object) -> InterfaceName:
    name: InterfaceName = _made(InterfaceName, _text(value, "an interface name"))
    if not name.isprintable():
        raise complaint(f"{quoted(name)} is not an interface name")
    if name in RESERVED_DEVICES:
        raise complaint(f"the kernel keeps the name {quoted(name)} for itself")
    return name


def _address(value: object) -> InterfaceAddress:
    text = _text(value, "an address")
    if "%" in text:
        raise complaint(f"{quoted(text)} has a zone", "write the address without '%'")
    if "/" not in text:
        length = 64 if _gateway(text).version == 6 else 24
        raise complaint(f"{quoted(text)} has no prefix length", f"write it like {text}/{length}")
    address: InterfaceAddress = _made(InterfaceAddress, text)
    _refuse_special(text, address.parsed.ip)
    return address


def _gateway(value: object) -> IPv4Address | IPv6Address:
    text = _text(value, "an address")
    try:
        address = ip_address(text)
    except ValueError:
        hint = f"write {text.partition('/')[0]}" if "/" in text else ""
        raise complaint(f"{quoted(text)} is not an address", hint) from None
    _refuse_special(text, address)
    return address


def _refuse_special(text: str, address: IPv4Address | IPv6Address) -> None:
    for what, is_it in (
        ("a multicast", address.is_multicast),
        ("a loopback", address.is_loopback),
        ("the unspecified", address.is_unspecified),
    ):
        if is_it:
            raise complaint(f"{quoted(text)} is {what} address")
    if getattr(address, "scope_id", None):
        raise complaint(f"{quoted(text)} has a zone", "write the address without '%'")


def _cidr(value: object) -> IPv4Network | IPv6Network:
    text = _text(value, "a subnet")
    if "/" not in text:
        raise complaint(f"{quoted(text)} has no prefix length", f"write it like {text}/24")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise complaint(f"{quoted(text)} is not a subnet like 192.168.10.0/24") from None
    if str(network.network_address) != str(ip_address(text.partition("/")[0])):
        raise complaint(f"{quoted(text)} has host bits set", f"the subnet is {network}")
    if network.prefixlen == 0:
        raise complaint(f"{quoted(text)} is every address there is")
    _refuse_special(text, network.network_address)
    return network


def _pool(value: object) -> DhcpPool:
    text = _text(value, "a pool")
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash:
        raise complaint(f"{quoted(text)} is not a pool", "write FIRST-LAST")
    pool = DhcpPool(_gateway(first), _gateway(last))
    if pool.first.version != pool.last.version:
        raise complaint(f"{quoted(text)} mixes IPv4 and IPv6")
    if int(pool.last) < int(pool.first):
        raise complaint(f"{quoted(text)} ends before it begins", f"write {last}-{first}")
    return pool


Choice = TypeVar("Choice", bound=enum.Enum)


def _choice(choices: type[Choice]) -> Callable[[object], Choice]:
    def chosen(value: object) -> Choice:
        words = [str(choice.value) for choice in choices]
        if isinstance(value, str) and value in words:
            return choices(value)
        hint = did_you_mean(value, words, otherwise="") if isinstance(value, str) else ""
        raise complaint(f"{quoted(value)} is none of {', '.join(words)}", hint)

    return chosen


def _one_of(choices: type[enum.Enum]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": [choice.value for choice in choices]})


_STRING = WithJsonSchema({"type": "string", "minLength": 1})

Name = Annotated[str, PlainValidator(_name), WithJsonSchema(_NAME_SCHEMA)]
Reference = Annotated[str, PlainValidator(_reference), _STRING]
OptionalReference = Annotated[str | None, PlainValidator(_reference), _STRING]
Vlan = Annotated[
    VlanId | None,
    PlainValidator(_vlan),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 4094}),
]
Mtu = Annotated[
    int,
    PlainValidator(_mtu),
    WithJsonSchema({"type": "integer", "minimum": MTU_MIN, "maximum": MTU_MAX}),
]
Bool = Annotated[bool, PlainValidator(_bool), WithJsonSchema({"type": "boolean"})]
Mac = Annotated[
    MacAddress | None,
    PlainValidator(_mac),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$"}),
]
_DEVICE_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 15})
Device = Annotated[InterfaceName, PlainValidator(_device), _DEVICE_SCHEMA]
OptionalDevice = Annotated[InterfaceName | None, PlainValidator(_device), _DEVICE_SCHEMA]
_PREFIXED = WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f:.]+/[0-9.]+$"})
Address = Annotated[InterfaceAddress, PlainValidator(_address), _PREFIXED]
Cidr = Annotated[IPv4Network | IPv6Network, PlainValidator(_cidr), _PREFIXED]
Gateway = Annotated[
    IPv4Address | IPv6Address | None,
    PlainValidator(_gateway),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f:.]+$"}),
]
Pool = Annotated[
    DhcpPool,
    PlainValidator(_pool),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f:.]+ *- *[0-9A-Fa-f:.]+$"}),
]
SwitchingChoice = Annotated[Switching, PlainValidator(_choice(Switching)), _one_of(Switching)]
VlanDevicesChoice = Annotated[
    VlanDevices, PlainValidator(_choice(VlanDevices)), _one_of(VlanDevices)
]
ExpectChoice = Annotated[Expect, PlainValidator(_choice(Expect)), _one_of(Expect)]
