"""Lists of what there is: hosts, networks, bridges, ports and machines, from live states.

A site adds what a kernel does not know: the names of networks and the machines that are missing.
"""

from __future__ import annotations

from trunkline.inventory.lists import KINDS, listing
from trunkline.inventory.records import Field, Listing, Record, Value

__all__ = ["KINDS", "Field", "Listing", "Record", "Value", "listing"]
