"""The SITE argument: read, parsed, and what to say when it is not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from trunkline import errors
from trunkline.intent import Site

DEFAULT = "site.yaml"


@dataclass(frozen=True)
class SiteFile:
    file: str
    """The path as it was given, for messages; `-` is the standard input."""
    source: str
    site: Site


def read(path: str) -> bytes:
    """Return the bytes of the site file *path*."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None
    except IsADirectoryError:
        hint = f"name the file in it, like {Path(path) / DEFAULT}"
        raise errors.UsageError(f"'{path}' is a directory, not a site file", hint=hint) from None
    context = click.get_current_context(silent=True)
    if context is not None:
        read_so_far(context)[path] = data
    return data


def read_so_far(context: click.Context) -> dict[str, bytes]:
    """Return what the running command has read, by the path as it was given."""
    # meta is shared by a context and all its children.
    read = context.meta.setdefault("trunkline.sitefile", {})
    assert isinstance(read, dict)
    return read


def load(path: str) -> SiteFile:
    """Return the site in *path*; raises SiteError with everything that is wrong with it."""
    return parse(read(path), path)


def parse(data: bytes, path: str) -> SiteFile:
    from trunkline import manifest

    site = manifest.parse(data, "<stdin>" if path == "-" else path)
    return SiteFile(path, data.decode("utf-8-sig"), site)


def _missing(path: str) -> errors.UsageError:
    if path == DEFAULT:
        hint = "name the site file as an argument; `trunkline demo` shows one and needs none"
        return errors.UsageError(f"there is no {DEFAULT} in this directory", hint=hint)
    near = sorted(Path(path).parent.glob("*.y*ml")) if Path(path).parent.is_dir() else []
    hint = f"beside it: {', '.join(map(str, near[:5]))}" if near else "check the path"
    return errors.UsageError(f"the site file '{path}' does not exist", hint=hint)


def complete_hosts(_c: click.Context, _p: click.Parameter, incomplete: str) -> list[str]:
    """Complete host names by a glance at ./site.yaml; a broken or missing file completes none."""
    path = Path(DEFAULT)
    text = path.read_text(errors="replace") if path.is_file() else ""
    return [name for name in host_names(text) if name.startswith(incomplete)]


def host_names(text: str) -> Iterator[str]:
    """Yield the names of the hosts in a site file without parsing it (for completion).

    >>> list(host_names("hosts:\\n  host1: {}\\n  host2: {}\\nvms: {vm1: {}}\\n"))
    ['host1', 'host2']
    """
    inside, indent = False, 0
    for line in text.splitlines():
        name, colon, _ = line.strip().partition(":")
        depth = len(line) - len(line.lstrip())
        if not colon or line.lstrip().startswith("#"):
            continue
        if depth == 0:
            inside, indent = name == "hosts", 0
        elif inside and (indent := indent or depth) == depth:
            yield name
