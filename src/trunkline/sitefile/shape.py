"""A document held against the models: what does not fit becomes problems, the rest stays usable.

An object with a problem inside is left out, so that the checks between objects still run on
all others. A scalar that nothing else depends on is left out alone.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from trunkline.errors import Problem
from trunkline.positions import MAX_PROBLEMS, Path, Place
from trunkline.sitefile.document import Document
from trunkline.sitefile.field import COMPLAINT
from trunkline.sitefile.schema import SiteFile
from trunkline.sitefile.yamltree import BROKEN
from trunkline.wording import did_you_mean, quoted

_SPARE = frozenset({"mac", "mtu", "bridge", "addresses", "dhcp", "snat", "default_route"})
"""Keys whose absence makes nothing else wrong."""

_ROUNDS = 3
"""A left-out scalar may let the next check of its object run; after that objects go whole."""

_NO_NAME = "unnamed"
"""Stands for a site's name that does not fit, while the checks between objects run."""

_WANTED = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
}

_UNSUPPORTED = {
    "vxlan": ("VXLAN networks are not supported yet", "use 'vlan: 1-4094' or 'untagged: true'"),
}
"""Keys that people will look for, and what to tell them."""


@dataclass(frozen=True)
class Fitted:
    """What fits the models, where it stands, and the problems of the rest."""

    file: SiteFile | None
    positions: Kept
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Kept:
    """The positions of a document some of whose expectations were left out."""

    document: Document
    expectations: tuple[int, ...] | None = None
    """The numbers in the file of those that were kept; None is all."""
    complete: bool = True
    has_stray_section: bool = False
    """Whether a key of the file is unknown, so that a section may be there, misspelt."""

    def find(self, path: Path) -> Place:
        return self.document.find(self._in_file(path))

    def find_key(self, path: Path) -> Place:
        return self.document.find_key(self._in_file(path))

    def declares(self, path: Path) -> bool:
        if self.has_stray_section and not self.document.declares(path[:1]):
            return True
        return self.document.declares(path)

    def _in_file(self, path: Path) -> Path:
        match path:
            case ("expectations", int(number), *rest) if self.expectations is not None:
                return ("expectations", self.expectations[number], *rest)
            case _:
                return path


def fitted(document: Document) -> Fitted:
    """Hold *document* against the models."""
    data = document.data
    if not isinstance(data, dict):
        hint = "a site begins with 'site: NAME'"
        problem = document.find(()).problem(f"{quoted(data)} is not a mapping", hint)
        return Fitted(None, Kept(document), () if data is BROKEN else (problem,))
    problems: list[Problem] = []
    if data.get("hosts") == {}:
        hint = _example(("hosts",))
        problems.append(
            document.find_key(("hosts",)).problem("a site has at least one host", hint)
        )
    positions = Kept(document)
    for number in range(_ROUNDS):
        try:
            file = SiteFile.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
        else:
            return Fitted(file, positions, tuple(problems))
        # What is missing after the first round was left out by us.
        fresh = (d for d in details if number == 0 or d["type"] != "missing")
        problems += itertools.islice(_problems(fresh, document), MAX_PROBLEMS)
        cuts = {_cut(_path(detail), whole=number > 0) for detail in details}
        if ("hosts",) in cuts:
            break
        positions = _without(data, cuts, positions)
    return Fitted(None, positions, tuple(problems))


def _cut(path: Path, *, whole: bool) -> Path:
    """Return what to leave out for a problem at *path*: a spare scalar, or the whole object."""
    for depth in range(2, len(path)):
        is_name = path[depth - 1] == "uplinks"
        if path[depth] in _SPARE and not is_name and not whole:
            return path[: depth + 1]
    return path[:2]


def _without(data: dict[str, typing.Any], cuts: set[Path], positions: Kept) -> Kept:
    """Take *cuts* out of *data*; return where what is left stands."""
    if ("site",) in cuts:
        data["site"] = _NO_NAME
    dropped = {path[1] for path in cuts if path[0] == "expectations" and len(path) > 1}
    for path in cuts - {("site",)}:
        if not (path[0] == "expectations" and len(path) > 1):
            _delete(data, path)
    kept = positions.expectations
    if dropped:
        # Their numbers in the file are kept, as the list itself closes up.
        kept = tuple(i for i in range(len(data["expectations"])) if i not in dropped)
        data["expectations"] = [data["expectations"][i] for i in kept]
    is_stray = any(len(path) == 1 and path[0] not in SiteFile.model_fields for path in cuts)
    return dataclasses.replace(
        positions,
        expectations=kept,
        complete=False,
        has_stray_section=positions.has_stray_section or is_stray,
    )


def _delete(data: typing.Any, path: Path) -> None:
    """Delete what *path* leads to, if another cut did not take it already."""
    for step in path[:-1]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(data, dict):
        data.pop(path[-1], None)


def _problems(details: Iterable[ErrorDetails], document: Document) -> Iterator[Problem]:
    for detail in details:
        if detail["input"] is not BROKEN:
            yield _problem(detail, document)


def _path(detail: ErrorDetails) -> Path:
    """Return where *detail* belongs; pydantic marks an error in a key with a step `[key]`."""
    path = detail["loc"]
    return path[:-1] if path[-1:] == ("[key]",) else path


def _problem(detail: ErrorDetails, document: Document) -> Problem:
    path, value = _path(detail), detail["input"]
    context = detail.get("ctx", {})
    match detail["type"]:
        case kind if kind == COMPLAINT and path != detail["loc"]:
            return document.find_key(path).problem(context["text"], context["hint"])
        case kind if kind == COMPLAINT:
            place = path + ((context["at"],) if context["at"] else ())
            return document.find(place).problem(context["text"], context["hint"])
        case "missing":
            message = f"{quoted(path[-1])} is missing"
            return document.find_key(path[:-1]).problem(message, _example(path))
        case "extra_forbidden":
            message, hint = _unknown_key(path)
            return document.find_key(path).problem(message, hint)
        case "too_short":
            message = f"{quoted(path[-1])} is empty, at least one is needed"
            return document.find(path).problem(message, _example(path))
        case wanted if wanted in _WANTED:
            message = f"{quoted(value)} is not {_WANTED[wanted]}"
            if value is None:
                message = "nothing is here"
            return document.find(path).problem(message, _wanted_hint(_WANTED[wanted], value))
        case _:
            return document.find(path).problem(detail["msg"])


def _wanted_hint(wanted: str, value: object) -> str:
    if value is None:
        return "give it a value or delete it"
    is_one = wanted == "a list" and not isinstance(value, dict)
    return "put it in brackets: [...]" if is_one else ""


def _unknown_key(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    if path[0] == "networks" and key in _UNSUPPORTED:
        return _UNSUPPORTED[key]
    fields = _fields(path[:-1])
    return f"unknown key {quoted(key)}", did_you_mean(key, fields)


def _example(path: Path) -> str:
    field = _fields(path[:-1]).get(str(path[-1]))
    if field is None or not field.examples:
        return ""
    return f"for example '{path[-1]}: {_flow(field.examples[0])}'"


def _flow(value: object) -> str:
    """Return *value* as YAML in one line.

    >>> _flow([{"network": "red"}])
    '[{network: red}]'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _fields(path: Path) -> dict[str, FieldInfo]:
    """Return the fields of the model at *path*, by the keys that the file has for them."""
    found: object = SiteFile
    for step in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = _by_key(found)[str(step)].annotation
        else:
            found = typing.get_args(found)[-1]
        found = _model_in(found)
    return _by_key(found) if isinstance(found, type) and issubclass(found, BaseModel) else {}


def _model_in(annotation: object) -> object:
    """Return *annotation* without Annotated and Optional."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _model_in(typing.get_args(annotation)[0])
    choices = [each for each in typing.get_args(annotation) if each is not type(None)]
    is_optional = len(choices) == 1 and type(None) in typing.get_args(annotation)
    return choices[0] if is_optional else annotation


def _by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
