"""Rows and states as JSON and back, exactly: the one wire format of files, journals and `--json`.

A row is an object with the kind of the row under `row` and its fields under their names.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from trunkline.operation import Operation
from trunkline.state import HostState, Row, VethEnd, host_state

KIND = "row"
"""The key under which an encoded row says what it is."""


def encode(row: Row) -> dict[str, object]:
    """Return *row* as what JSON can say.

    >>> from trunkline.state import Address
    >>> encode(Address("", "eth0", "10.0.0.1/8"))
    {'row': 'address', 'namespace': '', 'device': 'eth0', 'address': '10.0.0.1/8'}
    """
    return {KIND: _NAMES[type(row)], **_fields(row)}


def decode(encoded: Mapping[str, object]) -> Row:
    """Return the row that `encode` gave; raises ValueError for anything else."""
    kind = encoded.get(KIND)
    if kind not in _KINDS:
        raise ValueError(f"'{kind}' is not a kind of row")
    fields = {name: value for name, value in encoded.items() if name != KIND}
    row: Row = _decoded(_KINDS[str(kind)], fields)
    return row


def encode_operation(operation: Operation) -> dict[str, object]:
    before, after = operation.before, operation.after
    return {
        "before": None if before is None else encode(before),
        "after": None if after is None else encode(after),
    }


def decode_operation(encoded: Mapping[str, Any]) -> Operation:
    """Return the operation that `encode_operation` gave; raises ValueError for anything else."""
    if set(encoded) != {"before", "after"} or encoded["before"] is encoded["after"] is None:
        raise ValueError("an operation has a row before, after, or both")
    before, after = encoded["before"], encoded["after"]
    return Operation(
        None if before is None else decode(before), None if after is None else decode(after)
    )


def dump(state: HostState) -> str:
    """Return *state* as JSON text, one row a line, the same for equal states."""
    lines = sorted(_text(row) for row in state.values())
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def load(text: str) -> dict[tuple[str | int, ...], Row]:
    """Return the state that `dump` gave; raises ValueError for anything else."""
    rows: Iterable[Mapping[str, object]] = json.loads(text)
    return host_state(decode(row) for row in rows)


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
    return kind(**{name: decoders[name](value) for name, value in fields.items()})


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
