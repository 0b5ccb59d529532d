"""A diagram before it is drawn: boxes, lines and labels on a grid, made from host states alone.

`estate` says what is there and what is joined, `grid` which column and row a device gets, `place`
turns that into coordinates, `wires` and `route` draw the lines, `host` and `site` put it together.
"""

from __future__ import annotations

from trunkline.scene.boxes import Box, BoxKind, Guest, GuestNic, Label, Line, LineKind, Scene
from trunkline.scene.estate import guests
from trunkline.scene.host import Fold, host_scene
from trunkline.scene.site import site_scene

__all__ = [
    "Box",
    "BoxKind",
    "Fold",
    "Guest",
    "GuestNic",
    "Label",
    "Line",
    "LineKind",
    "Scene",
    "guests",
    "host_scene",
    "site_scene",
]
