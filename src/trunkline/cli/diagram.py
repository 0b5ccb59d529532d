"""`trunkline diagram`."""

from __future__ import annotations

from pathlib import Path

import click

from trunkline import render
from trunkline.cli import target, terminal, view
from trunkline.cli.group import Command
from trunkline.cli.view import View
from trunkline.scene import Fold, Guest, Scene, guests, host_scene, site_scene
from trunkline.svg import svg as as_svg


@click.command(
    cls=Command,
    name="diagram",
    examples=[
        "trunkline diagram  # this host, as its kernel is now",
        "trunkline diagram --lab walkthrough  # all hosts of a lab and the switch between them",
        "trunkline diagram --host host1  # one of them",
        "trunkline diagram --svg host.svg  # for a page or a ticket",
        "trunkline diagram --all --ascii > before.txt  # nothing folded, plain ASCII",
    ],
)
@target.site_argument
@target.host_option
@target.lab_option
@click.option("--svg", metavar="FILE", help="Write it as SVG instead; - is the standard output.")
@click.option("--all", "everything", is_flag=True, help="Fold nothing, however wide it becomes.")
def command(
    site: str | None, host: str | None, lab: str | None, *, svg: str | None, everything: bool
) -> None:
    """Draw a host's bridges, VLANs and machines from live state.

    A port inside a bridge gives its frames to the bridge, not to the host's protocol stack: the
    picture shows which devices meet the stack and which are switched. On a terminal, what does
    not fit is folded and counted.
    """
    scene = _scene(view.views(site, host, lab), everything=everything or svg is not None)
    if svg is None:
        click.echo(render.text(scene, ascii=terminal.current().ascii_only))
        return
    picture = as_svg(scene)
    if svg == "-":
        click.echo(picture)
    else:
        Path(svg).write_text(picture + "\n", encoding="utf-8")


def _scene(views: list[View], *, everything: bool) -> Scene:
    fold = Fold(None, None) if everything else Fold()
    columns = None if everything else terminal.columns()
    if len(views) == 1:
        (one,) = views
        return host_scene(one.state, one.host, guests=_guests(one), fold=fold, columns=columns)
    return site_scene(
        {each.host: each.state for each in views},
        title=f"lab {views[0].lab}",
        guests={each.host: _guests(each) for each in views},
        fold=fold,
        columns=columns,
    )


def _guests(one: View) -> tuple[Guest, ...]:
    """Return the machines behind this host's taps; in a lab they are namespaces of the state."""
    return () if one.site is None or one.lab else guests(one.site, one.host)
