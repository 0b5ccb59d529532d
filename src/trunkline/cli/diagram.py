"""`trunkline diagram`."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import Any

import click

from trunkline import errors, render
from trunkline.cli import answer, target, terminal, view
from trunkline.cli.abroad import OutputFile
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
        "trunkline diagram --json  # boxes, lines and labels, to draw it yourself",
        "trunkline diagram --all --ascii > before.txt  # nothing folded, plain ASCII",
    ],
)
@target.site_argument
@target.host_option
@target.lab_option
@click.option(
    "--svg",
    type=OutputFile(),
    metavar="FILE",
    help="Write it as SVG instead; - is the standard output.",
)
@click.option("--json", "as_json", is_flag=True, help="The scene as one JSON document.")
@click.option("--all", "everything", is_flag=True, help="Fold nothing, however wide it becomes.")
def command(
    site: str | None,
    host: str | None,
    lab: str | None,
    *,
    svg: str | None,
    as_json: bool,
    everything: bool,
) -> None:
    """Draw a host's bridges, VLANs and machines from live state.

    A port inside a bridge gives its frames to the bridge, not to the host's protocol stack: the
    picture shows which devices meet the stack and which are switched. On a terminal, what does
    not fit is folded and counted.
    """
    if svg is not None and as_json:
        raise errors.UsageError("--svg and --json exclude each other", hint="choose one")
    whole = everything or as_json or svg is not None
    scene = _scene(view.views(site, host, lab), everything=whole)
    if as_json:
        terminal.exact(answer.document("Scene", **_encoded(scene)))
    elif svg is None:
        terminal.echo(render.text(scene, ascii=terminal.current().ascii_only))
    elif svg == "-":
        terminal.exact(as_svg(scene))
    else:
        _write(Path(svg), as_svg(scene))


def _write(path: Path, picture: str) -> None:
    try:
        path.write_text(picture + "\n", encoding="utf-8")
    except OSError as error:
        raise errors.HostError(
            f"'{path}' cannot be written: {error.strerror}", hint="name another file"
        ) from error


def _encoded(scene: Scene) -> dict[str, Any]:
    """Return *scene* for JSON: a coordinate is a cell, y grows downwards."""
    plain = dataclasses.asdict(scene)
    for line, drawn in zip(plain["lines"], scene.lines, strict=True):
        line["id"] = drawn.id
        line["nets"] = sorted(drawn.nets)
    for each in (*plain["boxes"], *plain["lines"], *plain["labels"]):
        each |= {name: value.value for name, value in each.items() if isinstance(value, enum.Enum)}
    return plain


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
