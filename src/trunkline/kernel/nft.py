"""nftables tables, replaced as a whole by `nft -f -` in one transaction and read as text.

Only tables whose name starts with `trunkline` are touched or shown. Call everything inside
`namespaces.entered`.

The rules of a row are written in the form that `nft -s list table` prints, so that they compare
equal at once: sets first, then chains; a chain's type line, then one rule a line; symbolic
priorities; names of devices in quotes and after iifname and oifname (which, unlike iif and oif,
do not need the device to exist). Indentation does not count. A router's table `inet trunkline`:

    set forwarded {
            type ifname . ifname
            elements = { "red" . "blue" }
    }

    chain forward {
            type filter hook forward priority filter; policy drop;
            ct state established,related accept
            iifname . oifname @forwarded accept
            ip saddr 192.168.10.0/24 iifname "red" oifname "wan" accept
    }

    chain postrouting {
            type nat hook postrouting priority srcnat; policy accept;
            ip saddr 192.168.10.0/24 oifname "wan" masquerade
    }

Other spellings work too, and cost one more `nft` run in a scratch namespace when they are read.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import shutil
import textwrap
from collections.abc import Iterable

from trunkline.errors import HostError, InternalError, KernelError
from trunkline.kernel import namespaces
from trunkline.state import NftTable

PREFIX = "trunkline"

_NAME = re.compile(PREFIX + r"[A-Za-z0-9_.-]{0,100}")
_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_QUOTED = re.compile(r'"[^"]*"|#[^\n]*')


def replace(table: NftTable) -> None:
    """Make the kernel's table equal to *table*: no packet ever sees half of it."""
    _check_rules(table)
    head = _head(table.family, table.name)
    # Adding first makes deleting legal where there was none.
    _nft("-f", "-", text=f"{head}\ndelete {head}\n{_whole(table)}")


def delete(family: str, name: str) -> None:
    """Remove a table, or do nothing where it is absent."""
    head = _head(family, name)
    _nft("-f", "-", text=f"{head}\ndelete {head}\n")


def read(wanted: Iterable[NftTable], namespace: str = "") -> list[NftTable]:
    """Return our tables; one that holds what *wanted* says is the wanted row itself.

    *wanted* are rows of the namespace that the thread is in, *namespace* its name in new rows.
    """
    rows: dict[tuple[str, str], NftTable] = {(row.family, row.name): row for row in wanted}
    if not rows and shutil.which("nft") is None:
        return []  # a host whose site needs no rules needs no nft either
    return [_read(family, name, rows, namespace) for family, name in _tables()]


def _read(
    family: str, name: str, wanted: dict[tuple[str, str], NftTable], namespace: str
) -> NftTable:
    listed = _listing(_head(family, name))
    row = wanted.get((family, name))
    if row is not None and (_same(listed, row.rules) or _same(listed, _canonical(row))):
        return row
    checked = next(known for known in _FAMILIES if known == family)
    return NftTable(namespace, checked, name, listed)  # type: ignore[arg-type]  # one of them


def _same(listed: str, text: str | None) -> bool:
    return text is not None and listed.split() == text.split()


def _canonical(table: NftTable) -> str | None:
    return _canonical_text(dataclasses.replace(table, namespace=""))


@functools.lru_cache(maxsize=1024)
def _canonical_text(table: NftTable) -> str | None:
    """Return how nft lists *table* once it is loaded; None where it cannot be loaded."""
    with namespaces.scratch():
        try:
            replace(table)
        except KernelError:
            return None
        return _listing(_head(table.family, table.name))


def _tables() -> list[tuple[str, str]]:
    lines = (line.split() for line in _nft("list", "tables").splitlines())
    # `table inet trunkline`: what is not ours is not even looked at.
    return [(line[1], line[2]) for line in lines if _NAME.fullmatch(line[2])]


def _listing(head: str) -> str:
    """Return what stands between the braces of a table's listing, without its indentation."""
    lines = _nft("-s", "list", *head.split()).splitlines()
    return textwrap.dedent("\n".join(lines[1:-1]))


def _whole(table: NftTable) -> str:
    return f"{_head(table.family, table.name)} {{\n{textwrap.indent(table.rules, '    ')}\n}}\n"


def _head(family: str, name: str) -> str:
    if family not in _FAMILIES or not _NAME.fullmatch(name):
        raise InternalError(f"nft table '{family} {name}' is not one of ours")
    return f"table {family} {name}"


def _check_rules(table: NftTable) -> None:
    """Refuse text that would close the table's brace and go on with somebody else's table."""
    depth = 0
    for brace in re.findall(r"[{}]", _QUOTED.sub("", table.rules)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    if depth != 0:
        raise InternalError(f"nft table '{table.family} {table.name}': unbalanced braces")


def _nft(*arguments: str, text: str = "") -> str:
    try:
        done = namespaces.run(None, ("nft", *arguments), input=text)
    except HostError as error:
        raise HostError(error.message, hint="apt-get install nftables") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it failed"]
        raise KernelError(" ".join(("nft", *arguments)), 0, said[0], hint="\n".join(said[1:3]))
    return done.stdout
