"""What show and diagram look at: live states, with the site they belong to where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trunkline import local
from trunkline.cli import sitefile, target, terminal
from trunkline.cli.target import Target
from trunkline.intent import Site
from trunkline.realise import Seats
from trunkline.state import HostState, Namespace


@dataclass(frozen=True)
class View:
    host: str
    state: HostState
    site: Site | None = None
    lab: str = ""

    @property
    def seats(self) -> Seats:
        return Seats.NAMESPACE if self.lab else Seats.TAP


def views(site: str | None, host: str | None, lab: str | None) -> list[View]:
    """Return all hosts of a lab, this one as a host of its site, or this machine as it is."""
    local.need_root("reading the kernel's namespaces")
    if site is host is lab is None and not target.default_lab():
        return [_of_default_site() or View(local.hostname(), _own(local.kernel().read()))]
    return [_view(each) for each in target.reading(site, host, lab)]


def _view(each: Target) -> View:
    return View(each.host, _own(each.kernel.read(each.desired())), each.site, each.lab)


def _own(state: HostState) -> HostState:
    """Leave out others' namespaces: of these only the names are read, which tells nothing."""
    return {
        key: row
        for key, row in state.items()
        if not (isinstance(row, Namespace) and row.owner is None)
    }


def _of_default_site() -> View | None:
    """Return this machine as a host of the site at hand, if it is one of its hosts."""
    if not local.applied() and not Path(sitefile.DEFAULT).exists():
        return None
    file = target.default_file()
    applied = {each.site: each.host for each in local.applied()}
    host = applied.get(file.site.name, local.hostname())
    if host not in file.site.hosts:
        terminal.progress(f"'{host}' is no host of site '{file.site.name}': shown as it is")
        return None
    return _view(target.this_host(file, host))
