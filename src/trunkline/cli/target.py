"""Which host a command works on, and which site that host should agree with.

- Outside a lab that is this machine: the site's host of its name, or what --host says.
- Reading commands also look into a lab, and take the only one that runs when this machine
  belongs to no site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from trunkline import errors, journal, local
from trunkline.cli import abroad, sitefile, terminal
from trunkline.cli.sitefile import SiteFile
from trunkline.intent import Site
from trunkline.kernel import Kernel
from trunkline.plan import Plan, diff
from trunkline.realise import Seats, realise
from trunkline.state import HostState

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., object])


@dataclass(frozen=True)
class Target:
    """One host and the site that it should agree with."""

    file: SiteFile
    host: str
    kernel: Kernel
    seats: Seats = Seats.TAP
    lab: str = ""

    @property
    def site(self) -> Site:
        return self.file.site

    def desired(self) -> HostState:
        return realise(self.site, self.host, self.kernel.capabilities(), self.seats)

    def plan(self) -> Plan:
        desired = self.desired()
        return diff(self.kernel.read(desired), desired, self.site.name)


def site_argument(function: AnyFunction) -> AnyFunction:
    return click.argument("site", required=False, shell_complete=complete_files)(function)


def host_option(function: AnyFunction) -> AnyFunction:
    option = click.option(
        "--host",
        metavar="NAME",
        shell_complete=sitefile.complete_hosts,
        help="Which host of the site; default: the one with this machine's name.",
    )
    return option(function)


def lab_option(function: AnyFunction) -> AnyFunction:
    option = click.option(
        "--lab",
        metavar="NAME",
        shell_complete=complete_labs,
        help="Look into a running lab instead of this machine.",
    )
    return option(function)


def this_host(file: SiteFile, host: str | None) -> Target:
    """Return this machine as a host of the site in *file*."""
    if host is None:
        # Who said once that this machine is host1 need not say it again.
        known = {record.site: record.host for record in local.applied()}
        host = known.get(file.site.name)
    return Target(file, host_name(file.site, host, local.hostname()), local.kernel())


def host_name(site: Site, said: str | None, hostname: str) -> str:
    """Return which host of *site* is meant: the one that was *said*, or this machine's name."""
    known = ", ".join(site.hosts) or "none"
    if said is not None:
        if said not in site.hosts:
            raise errors.UsageError(
                f"site '{site.name}' has no host '{said}'", hint=f"its hosts: {known}"
            )
        return said
    for name in (hostname, hostname.partition(".")[0]):
        if name in site.hosts:
            return name
    raise errors.UsageError(
        f"this machine, '{hostname}', is not among the hosts of site '{site.name}': {known}",
        hint="say which of them it is with --host NAME, or try the whole site on this machine "
        "with `trunkline lab up`",
    )


def reading(
    site: str | None, host: str | None, lab: str | None, *, before_apply: bool = False
) -> list[Target]:
    """Return the hosts that a reading command looks at: all of a lab's, or this one.

    *before_apply*: --host names this machine, as it will for `apply`, and no host of a lab.
    """
    file = None if site is None else sitefile.load(site)
    lab = lab or abroad.home()
    if lab is None and not (before_apply and host and file):
        lab = default_lab() if file is None else _lab_of(file.site)
        if lab is not None:
            terminal.progress(f"Lab '{lab}', because no site is applied here.")
    if lab is not None:
        return of_lab(lab, host, file)
    if journal.unfinished(local.journal_dir()) is not None:
        terminal.progress("An earlier run died half-way; the next apply undoes it first.")
    return [this_host(file or default_file(), host)]


def of_lab(lab: str, host: str | None, file: SiteFile | None = None) -> list[Target]:
    """Return the hosts of *lab*, or the one that was said, as *file* or the lab's own has them."""
    from trunkline.lab import registry
    from trunkline.lab.lab import Lab

    abroad.leave(lab)
    record, source = registry.read(lab)
    site = file or sitefile.parse(source, record.file)
    opened = Lab(lab, site.site)
    names = [host_name(site.site, host, "")] if host else list(site.site.hosts)
    return [Target(site, name, opened.host_kernel(name), Seats.NAMESPACE, lab) for name in names]


def _lab_of(site: Site) -> str | None:
    """Return the lab in which *site* runs, if it cannot be about this machine."""
    mine = {local.hostname(), local.hostname().partition(".")[0]} & set(site.hosts)
    if mine or any(record.site == site.name for record in local.applied()):
        return None
    match [lab for lab in abroad.all_known() if _site_in(lab) == site.name]:
        case [lab]:
            return lab
        case _:
            return None


def _site_in(lab: str) -> str | None:
    from trunkline.lab import registry

    if lab in abroad.known():
        return abroad.described(lab)["site"]
    try:
        return registry.read(lab)[0].site
    except errors.TrunklineError:  # half-up, or gone meanwhile
        return None


def default_lab() -> str | None:
    """Return the lab that is meant where nothing was said: the only one, if no site is here."""
    if (home := abroad.home()) is not None:
        return home
    match () if local.applied() else abroad.all_known():
        case [lab]:
            return str(lab)
        case _:
            return None


def default_file() -> SiteFile:
    """Return ./site.yaml, or the site that was applied here."""
    if Path(sitefile.DEFAULT).exists():
        return sitefile.load(sitefile.DEFAULT)
    match local.applied():
        case [one]:
            terminal.progress(f"site '{one.site}' as it was applied from {one.file}")
            return sitefile.parse(one.source.encode(), one.file)
        case []:
            return sitefile.load(sitefile.DEFAULT)
        case many:
            names = ", ".join(f"'{record.site}' ({record.file})" for record in many)
            raise errors.UsageError(
                f"several sites are applied here: {names}", hint="name one site file"
            )


def complete_labs(_c: click.Context, _p: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in abroad.all_known() if name.startswith(incomplete)]


def complete_files(_c: click.Context, _p: click.Parameter, incomplete: str) -> Sequence[object]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]
