"""Rows and states as JSON and back, exactly: the one wire format of files, journals and `--json`.

A row is an object with the kind of the row under `row` and its fields under their names.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import ipaddress
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from trunkline.operation import Operation
from trunkline.state import (
    FdbEntry,
    HostState,
    Namespace,
    NftTable,
    Row,
    Sysctl,
    VethEnd,
    host_state,
)
from trunkline.values import IFNAME_MAX, InterfaceAddress

KIND = "row"
"""The key under which an encoded row says what it is."""


def encode(row: Row) -> dict[str, object]:
    """Return *row* as what JSON can say.

    >>> from trunkline.state import Sysctl
    >>> encode(Sysctl("", "net/ipv4/ip_forward", "1"))
    {'row': 'sysctl', 'namespace': '', 'name': 'net/ipv4/ip_forward', 'value': '1'}
    """
    return {KIND: _NAMES[type(row)], **_fields(row)}


def decode(encoded: object) -> Row:
    """Return the row that `encode` gave; raises ValueError for anything else.

    What comes from a file goes on to the kernel, so each value must be one that a kernel can hold.
    """
    fields = dict(_expect(dict, encoded))
    kind = fields.pop(KIND, None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"'{kind}' is not a kind of row")
    row: Row = _decoded(_KINDS[kind], fields)
    return row


def encode_operation(operation: Operation) -> dict[str, object]:
    before, after = operation.before, operation.after
    return {
        "before": None if before is None else encode(before),
        "after": None if after is None else encode(after),
    }


def decode_operation(encoded: object) -> Operation:
    """Return the operation that `encode_operation` gave; raises ValueError for anything else."""
    fields = _expect(dict, encoded)
    if set(fields) != {"before", "after"} or fields["before"] is fields["after"] is None:
        raise ValueError("an operation has a row before, after, or both")
    before, after = (
        None if fields[side] is None else decode(fields[side]) for side in ("before", "after")
    )
    operation = Operation(before, after)
    if before is not None and after is not None and before.key != after.key:
        raise ValueError(f"'{before.key}' cannot become '{after.key}'")
    return operation


def dump(state: HostState) -> str:
    """Return *state* as JSON text, one row a line, the same for equal states."""
    lines = sorted(_text(row) for row in state.values())
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def load(text: str) -> dict[tuple[str | int, ...], Row]:
    """Return the state that `dump` gave; raises ValueError for anything else."""
    return host_state(decode(row) for row in _expect(list, json.loads(text)))


def digest(state: HostState) -> str:
    """Return a hash that two states share only if they are equal."""
    return hashlib.sha256(dump(state).encode()).hexdigest()


def _text(row: Row) -> str:
    return json.dumps(encode(row), ensure_ascii=False, separators=(", ", ": "))


def _fields(row: Row | VethEnd) -> dict[str, object]:
    return {name: _plain(getattr(row, name)) for name in _DECODERS[type(row)]}


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, VethEnd):
        return _fields(value)
    # Text types of `values` are written as the text that they are.
    return str(value) if isinstance(value, str) else value


Decoder = Callable[[object], object]


def _decoded(kind: Any, fields: Mapping[str, object]) -> Any:
    decoders = _DECODERS[kind]
    if set(fields) != set(decoders):
        odd = sorted(set(fields) ^ set(decoders))
        raise ValueError(f"{_NAMES.get(kind, 'veth end')}: field '{odd[0]}' is missing or unknown")
    values = {name: decoders[name](value) for name, value in fields.items()}
    for name, value in values.items():
        if value is not None:
            _check(kind, name, value)
    return kind(**values)


def _decoder(hint: Any) -> Decoder:
    """Return what checks and converts a JSON value for a field of type *hint*."""
    if get_origin(hint) in (types.UnionType, typing.Union):
        (inner,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
        decode_inner = _decoder(inner)
        return lambda value: None if value is None else decode_inner(value)
    if get_origin(hint) is Literal:
        return lambda value: _one_of(get_args(hint), value)
    if hint is VethEnd:
        return lambda value: _decoded(VethEnd, _expect(dict, value))
    if hint in (bool, int, str):
        return lambda value: _expect(hint, value)
    return lambda value: hint(value if issubclass(hint, enum.Enum) else _expect(str, value))


def _expect(kind: type[Any], value: object) -> Any:
    if type(value) is not kind:  # True is an int, and must not pass for one
        raise ValueError(f"'{value}' is not a {kind.__name__}")
    return value


def _one_of(choices: tuple[object, ...], value: object) -> object:
    if value not in choices:
        raise ValueError(f"'{value}' is none of {', '.join(map(str, choices))}")
    return value


def _check(kind: type[object], name: str, value: Any) -> None:
    """Raise ValueError unless a kernel can hold *value* in the field *name* of a *kind*."""
    check = _CHECKS.get((kind, name)) or _CHECKS.get((object, name))
    if check is not None and not check(value):
        raise ValueError(f"{_NAMES.get(kind, 'veth end')}: '{value}' is not a possible {name}")
    if type(value) is int and not 0 <= value < 2**32:
        raise ValueError(f"{_NAMES[kind]}: {name} '{value}' is outside 0-4294967295")
    if isinstance(value, str) and not _is_text(value):
        raise ValueError(f"{_NAMES.get(kind, 'veth end')}: {value!r} is not a possible {name}")


def _is_text(value: str) -> bool:
    """Say whether *value* is text that a kernel may have given us: any bytes but NUL."""
    return "\0" not in value and value == _bytes(value).decode("utf-8", "surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _is_device_name(value: str) -> bool:
    """Say what the kernel says (net/core/dev.c, dev_valid_name): it allows more than we give."""
    raw = _bytes(value)
    odd = re.search(rb"[:\s\xa0]", raw)
    return len(raw) <= IFNAME_MAX and _is_file_name(value) and odd is None


def _is_file_name(value: str) -> bool:
    """Say whether *value* names one entry of a directory: namespaces are files."""
    return value not in ("", ".", "..") and "/" not in value and len(_bytes(value)) <= 255


def _is_parameter(value: str) -> bool:
    first, *rest = value.split("/")
    return first == "net" and bool(rest) and all(map(_is_file_name, rest))


def _is_hardware_address(value: str) -> bool:
    """Say whether *value* is one of any link layer: a tunnel's has 4 bytes, some have none."""
    return re.fullmatch(r"([0-9a-f]{2}(:[0-9a-f]{2})*)?", value) is not None


def _is_ethernet_address(value: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", value) is not None


def _same(parse: Callable[[str], object]) -> Callable[[str], bool]:
    """Return a check for what *parse* takes and writes just so."""
    return lambda value: str(parse(value)) == value


_CHECKS: dict[tuple[type[object], str], Callable[[Any], bool]] = {
    (object, "namespace"): lambda value: value == "" or _is_file_name(value),
    (object, "name"): _is_device_name,
    (Namespace, "name"): _is_file_name,
    (Sysctl, "name"): _is_parameter,
    (Sysctl, "value"): lambda value: value.isascii() and value.isprintable(),
    (NftTable, "name"): lambda value: re.fullmatch(r"[A-Za-z_][\w/.\\]*", value) is not None,
    (object, "parent"): _is_device_name,
    (object, "port"): _is_device_name,
    (object, "bridge"): _is_device_name,
    (object, "device"): _is_device_name,
    (object, "mac"): _is_hardware_address,
    (FdbEntry, "mac"): _is_ethernet_address,
    (object, "address"): _same(InterfaceAddress),
    (object, "destination"): _same(ipaddress.ip_network),
    (object, "gateway"): _same(ipaddress.ip_address),
    (object, "vlan"): lambda value: 1 <= value <= 4094,
    (FdbEntry, "vlan"): lambda value: 0 <= value <= 4094,
    (object, "default_pvid"): lambda value: 0 <= value <= 4094,
    (object, "protocol"): lambda value: 0 <= value <= 255,
    # The kernel takes hundredths of a second in 32 bits.
    (object, "ageing"): lambda value: 0 <= value < 2**32 // 100,
}
"""What a value must be beyond its type: of a field of one kind, else of every field so named."""


def _kebab(kind: type[object]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


_NAMES: dict[type[object], str] = {kind: _kebab(kind) for kind in get_args(Row)}
_KINDS: dict[str, type[object]] = {name: kind for kind, name in _NAMES.items()}
_DECODERS: dict[type[object], dict[str, Decoder]] = {
    kind: {
        field.name: _decoder(get_type_hints(kind)[field.name])
        for field in dataclasses.fields(kind)
    }
    for kind in (*get_args(Row), VethEnd)
}
