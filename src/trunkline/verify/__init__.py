"""Whether the kernels hold what a site promises, proven with real packets. Values only.

`expected` says who may reach whom, `probes` which packets prove it, `compare` what they proved.
"""

from __future__ import annotations

from trunkline.verify.compare import Actual, Drift, Judged, Report, Result, compare
from trunkline.verify.encoded import encode
from trunkline.verify.matrix import Cell, Matrix, expected
from trunkline.verify.nodes import Leg, Node, NodeKind, nodes
from trunkline.verify.probing import Aimed, probes, to_address
from trunkline.verify.seats import Placed, placed
from trunkline.verify.text import matrix as matrix_text
from trunkline.verify.text import pingall, summary, text

__all__ = [
    "Actual",
    "Aimed",
    "Cell",
    "Drift",
    "Judged",
    "Leg",
    "Matrix",
    "Node",
    "NodeKind",
    "Placed",
    "Report",
    "Result",
    "compare",
    "encode",
    "expected",
    "matrix_text",
    "nodes",
    "pingall",
    "placed",
    "probes",
    "summary",
    "text",
    "to_address",
]
