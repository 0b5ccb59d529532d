"""YAML's events put together to nodes that know their line and column.

Rules of this module:
- The core schema of YAML 1.2 is resolved here; PyYAML's constructors read YAML 1.1, where
  `mac: 52:54:00:11:22:33` is the number 41135080953 and `no` is false.
- Nothing recurses and nothing is expanded: depth and number of values are capped, aliases are
  refused when they are seen. So no file can exhaust the stack or the memory.
- What is wrong with one value becomes a problem and BROKEN in the data; reading goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from trunkline.errors import Problem
from trunkline.positions import MAX_PROBLEMS, Path, path_text
from trunkline.wording import kind, quoted, visible

MAX_DEPTH = 32
MAX_VALUES = 1_000_000
MAX_NUMBER = 20
"""Characters of a number; no field of a site has a longer one."""

_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAYBE_NOT_TEXT = frozenset("0123456789+-.~tTfFnN")
"""What plain values that are not text begin with."""


class Broken:
    """Stands in the data where a problem was already reported."""

    def __repr__(self) -> str:
        return "BROKEN"


BROKEN = Broken()


@dataclass(slots=True)
class Node:
    """One YAML value; *value* holds further nodes where it is a mapping or a list."""

    value: object
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each key of a mapping stands."""


class UnreadableError(Exception):
    """The rest of the file is not worth reading."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end was not seen yet."""

    node: Node
    key: Node | None = None
    """The key that waits for its value."""

    @property
    def step(self) -> str | int | None:
        if isinstance(self.node.value, list):
            return len(self.node.value)
        return self.key.value if self.key and isinstance(self.key.value, str) else None


class Builder:
    """Puts nodes together from the parser's events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._open: list[_Open] = []
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_decorations(event)
            self._close(self._node(event, self._scalar(event)))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_decorations(event)
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(self._open.pop().node)
        elif isinstance(event, yaml.AliasEvent):
            self._complain(event, f"the alias *{event.anchor} is not supported", "write it out")
            self._close(self._node(event, BROKEN))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin(event)

    def _begin(self, event: yaml.DocumentStartEvent) -> None:
        if self.root is not None:
            raise UnreadableError(
                self._problem(event, "a second document begins here", "a site file holds one")
            )
        if event.version == (1, 1):
            hint = "site files are YAML 1.2: delete the directive"
            self._complain(event, "the file says that it is YAML 1.1", hint)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise UnreadableError(Problem(*_place(event), "", message))
        empty: object = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._open.append(_Open(self._node(event, empty)))

    def _node(self, event: yaml.NodeEvent, value: object) -> Node:
        self._count += 1
        if self._count > MAX_VALUES:
            raise UnreadableError(self._problem(event, f"more than {MAX_VALUES} values", ""))
        return Node(value, *_place(event))

    def _close(self, node: Node) -> None:
        """Put the finished *node* where it belongs."""
        if not self._open:
            self.root = node
            return
        around = self._open[-1]
        if isinstance(around.node.value, list):
            around.node.value.append(node)
        elif around.key is None:
            around.key = node
        else:
            self._pair(around, around.key, node)
            around.key = None

    def _pair(self, around: _Open, key: Node, value: Node) -> None:
        items = around.node.value
        assert isinstance(items, dict)
        name = key.value
        if not isinstance(name, str):
            self._refuse_key(key)
        elif name == "<<":
            self._complain_at(key, "the merge key << is not supported", "write the keys out")
        elif name in items:
            first = around.node.keys[name][0]
            message = f"{quoted(name)} is here twice, first on line {first}"
            self._complain_at(key, message, "")
        else:
            items[name] = value
            around.node.keys[name] = (key.line, key.column)

    def _refuse_key(self, key: Node) -> None:
        if key.value is not BROKEN:
            hint = "every key is a name, which begins with a letter"
            message = f"the key {quoted(key.value)} is not a name"
            if key.value is None:
                message = "a key is empty"
            elif isinstance(key.value, dict | list):
                message = f"a key is {kind(key.value)}"
            self._complain_at(key, message, hint)

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text = event.value
        if event.style or (text and text[0] not in _MAYBE_NOT_TEXT):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _LEADING_ZERO.fullmatch(text):
            hint = f"write {text.lstrip('+-0') or '0'}, or quote it where it is text"
            message = f"{quoted(text)[1:-1]} is 8-based for some YAML readers, 10-based for others"
            self._complain(event, message, hint)
            return BROKEN
        return self._number(event)

    def _number(self, event: yaml.ScalarEvent) -> object:
        text = event.value
        is_float = _FLOAT.fullmatch(text)
        if not (is_float or _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text)):
            return float(text.replace(".", "", 1)) if _SPECIAL_FLOAT.fullmatch(text) else text
        if len(text) > MAX_NUMBER:
            self._complain(event, f"the number {quoted(text)[1:-1]} is too long", "")
            return BROKEN
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if is_float else int(text, 0)

    def _refuse_decorations(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            hint = "write the value out where it is needed"
            self._complain(event, f"the anchor &{visible(event.anchor)} is not supported", hint)
        tag = getattr(event, "tag", None)
        if tag is not None:
            hint = "YAML 1.2 tells numbers from text by itself; quote what is text"
            short = tag.replace("tag:yaml.org,2002:", "!!")
            self._complain(event, f"the tag {quoted(short)} is not supported", hint)

    def _problem(self, event: yaml.Event, message: str, hint: str) -> Problem:
        return Problem(*_place(event), path_text(self._path()), message, hint)

    def _path(self) -> Path:
        steps = (frame.step for frame in self._open)
        return tuple(step for step in steps if step is not None)

    def _complain(self, event: yaml.Event, message: str, hint: str) -> None:
        self._add(self._problem(event, message, hint))

    def _complain_at(self, key: Node, message: str, hint: str) -> None:
        self._add(Problem(key.line, key.column, path_text(self._path()), message, hint))

    def _add(self, problem: Problem) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            message = f"more than {MAX_PROBLEMS} problems, the rest is not read"
            raise UnreadableError(Problem(problem.line, problem.column, "", message))
        self.problems.append(problem)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None, "an event from a parser has a mark"
    return mark.line + 1, mark.column + 1
