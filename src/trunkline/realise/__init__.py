"""Intent into state: what the kernel of one host must hold for a site. The only translator.

Nothing here looks at a kernel: what a kernel can do comes in as `Capabilities`, and what it holds
is the business of `plan`.
"""

from __future__ import annotations

from trunkline.realise.ground import Seats
from trunkline.realise.host import realise

__all__ = ["Seats", "realise"]
