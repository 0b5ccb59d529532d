"""A site file as plain data, with the line and column of every key and value.

Only text that is no YAML at all ends the reading; see `yamltree` for what is made of the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from trunkline.errors import Problem, SiteError
from trunkline.positions import Path, Place, lines
from trunkline.sitefile.yamltree import Builder, Node, UnreadableError
from trunkline.wording import visible

MAX_BYTES = 16 * 1024 * 1024

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Document:
    """A parsed file: plain data, places, and the problems found on the way."""

    root: Node
    text: str
    problems: tuple[Problem, ...] = ()

    @property
    def data(self) -> object:
        return _plain(self.root)

    def find(self, path: Path) -> Place:
        *_, (depth, node) = self._walk(path)
        return Place(path[:depth], node.line, node.column)

    def find_key(self, path: Path) -> Place:
        if not path:
            return self.find(path)
        *_, (depth, parent) = self._walk(path[:-1])
        key = parent.keys.get(str(path[-1])) if depth == len(path) - 1 else None
        return Place(path, *key) if key else self.find(path)

    def declares(self, path: Path) -> bool:
        """Say whether *path*, or something broken above it, is in the file."""
        *_, (depth, node) = self._walk(path)
        return depth == len(path) or not isinstance(node.value, dict)

    def _walk(self, path: Path) -> Iterator[tuple[int, Node]]:
        node = self.root
        yield 0, node
        for depth, step in enumerate(path, start=1):
            match node.value, step:
                case dict() as items, str() if step in items:
                    node = items[step]
                case list() as items, int() if 0 <= step < len(items):
                    node = items[step]
                case _:
                    return
            yield depth, node


def load(data: bytes, file: str) -> Document:
    """Return the one document in *data*; raise SiteError where it is not YAML."""
    text = _decoded(data, file)
    builder = Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except UnreadableError as error:
        raise SiteError(file, [*builder.problems, error.problem], text) from None
    except yaml.YAMLError as error:
        raise SiteError(file, [*builder.problems, _syntax(error, text)], text) from None
    if builder.root is None or builder.root.value is None:
        problem = Problem(0, 0, "", "the file is empty", "a site begins with 'site: NAME'")
        raise SiteError(file, [*builder.problems, problem], text)
    return Document(builder.root, text, tuple(builder.problems))


def _decoded(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.0f} MiB"
        message = f"the file has {size}, a site file at most {MAX_BYTES // 1024 // 1024}"
        raise SiteError(file, [Problem(0, 0, "", message)])
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = "save it as UTF-8"
        raise SiteError(file, [Problem(0, 0, "", "the file is UTF-16, not UTF-8", hint)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SiteError(file, [_not_utf8(data, error)], data.decode(errors="replace")) from None
    if bad := _NOT_TEXT.search(text):
        raise SiteError(file, [_control_character(text, bad.start())], text)
    return text


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> Problem:
    # utf-8-sig counts from behind the byte order mark, where there is one.
    start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
    before = data[:start].decode("utf-8-sig", errors="replace")
    message = f"byte 0x{data[start]:02x} is not UTF-8"
    return _problem_at(before, len(before), message, "save the file as UTF-8")


def _control_character(text: str, index: int) -> Problem:
    message = f"the file holds the control character {visible(text[index])}"
    hint = "the file is UTF-16 or binary" if text[index] == "\0" else "delete it"
    return _problem_at(text, index, message, hint)


def _problem_at(text: str, index: int, message: str, hint: str) -> Problem:
    before = lines(text[:index])
    return Problem(len(before), len(before[-1]) + 1, "", message, hint)


_SYNTAX_HINTS = (
    ("found character that cannot start any token", "quote a value that begins like this"),
    ("could not find expected ':'", "a line 'key: value' lacks its colon"),
    ("did not find expected ',' or '}'", "a ',' or the closing '}' is missing before this"),
    ("did not find expected ',' or ']'", "a ',' or the closing ']' is missing before this"),
    ("mapping values are not allowed", "check the indentation, and quote text that holds ': '"),
    ("did not find expected key", "check the indentation: keys of one object line up"),
    ("did not find expected '-' indicator", "check the indentation: items of a list line up"),
    ("found unexpected ':'", "put a space and a value behind the ':'"),
    ("found unexpected end of stream", "a quote is not closed"),
)


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    """Return libyaml's complaint as ours; at the opening bracket where the text just ends."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem(0, 0, "", f"not YAML: {visible(str(error))}")
    mark, problem = error.problem_mark, error.problem or "cannot be read"
    hint = next((hint for start, hint in _SYNTAX_HINTS if problem.startswith(start)), "")
    at_end = mark.line >= len(lines(text.rstrip()))
    if at_end and error.context_mark is not None:
        mark, problem, hint = error.context_mark, "what begins here does not end", ""
    elif hint.endswith("is missing before this") and error.context_mark is not None:
        hint += f", for what begins on line {error.context_mark.line + 1}"
    elif _character(text, mark) == "\t":
        problem, hint = "a tab cannot indent", "use spaces"
    return Problem(mark.line + 1, mark.column + 1, "", f"not YAML: {problem}", hint)


def _character(text: str, mark: yaml.Mark) -> str:
    every = lines(text)
    return every[mark.line][mark.column : mark.column + 1] if mark.line < len(every) else ""


def _plain(node: Node) -> object:
    """Return *node* without places; MAX_DEPTH bounds the recursion."""
    if isinstance(node.value, dict):
        return {key: _plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value
