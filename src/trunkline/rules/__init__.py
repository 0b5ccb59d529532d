"""What must hold between the objects of a site, whatever file it came from.

Rules of this package:
- A check takes the site and yields faults; it knows paths, never lines.
- A check that needs an object which is not there says nothing: `references` has said it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from trunkline.errors import Problem
from trunkline.intent import Site
from trunkline.positions import MAX_PROBLEMS, Nowhere, Positions, path_text
from trunkline.rules import (
    addressing,
    device_names,
    expectations,
    identity,
    references,
    routing,
    wiring,
)
from trunkline.rules.fault import Fault


def check(site: Site, positions: Positions | None = None) -> list[Problem]:
    """Return everything that is wrong between the objects of *site*."""
    places = positions or Nowhere()
    found = itertools.islice(_faults(site, places), MAX_PROBLEMS)
    return [_problem(fault, places) for fault in found]


def _faults(site: Site, places: Positions) -> Iterator[Fault]:
    yield from references.check(site, places)
    yield from identity.check(site)
    yield from wiring.check(site)
    yield from addressing.check(site)
    yield from routing.check(site)
    yield from device_names.check(site)
    yield from expectations.check(site, places)


def _problem(fault: Fault, places: Positions) -> Problem:
    place = places.find_key(fault.path) if fault.at_key else places.find(fault.path)
    message = fault.message
    if fault.taken_by:
        other = places.find(fault.taken_by)
        line = f" (line {other.line})" if other.line else ""
        message += f" is already {path_text(other.path)}{line}"
    return place.problem(message, fault.hint)
