"""The kernel as a lab's fabric sees it: the cables of its hosts, not what hosts make of them.

A host puts its NIC into a bridge, routes over it and has rules of its own. All of that is on
devices of the fabric, and it would take it for its own and tidy it up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trunkline.capabilities import Capabilities
from trunkline.intent import OUTSIDE
from trunkline.kernel import Kernel
from trunkline.lab.fabric import SWITCH
from trunkline.operation import Operation
from trunkline.state import BridgePort, FdbEntry, HostState, NftTable, PortVlan, Route, Row

_NO_ROWS: HostState = {}


class Wiring:
    """A Kernel that leaves out what is the hosts' business."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def capabilities(self) -> Capabilities:
        return self._kernel.capabilities()

    def read(self, wanted: HostState = _NO_ROWS) -> Mapping[tuple[str | int, ...], Row]:
        rows = self._kernel.read(wanted)
        return {key: row for key, row in rows.items() if not _of_a_host(row)}

    def apply(self, operations: Sequence[Operation]) -> None:
        self._kernel.apply(operations)


def _of_a_host(row: Row) -> bool:
    match row:
        case BridgePort() | PortVlan() | FdbEntry() | NftTable() | Route():
            return row.namespace not in (SWITCH, OUTSIDE)
        case _:
            return False
