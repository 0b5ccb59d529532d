"""The only door to the kernel: whoever reads or writes network state goes through a `Kernel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trunkline.capabilities import Capabilities
from trunkline.operation import Operation
from trunkline.state import HostState


class Kernel(Protocol):
    """One host's kernel, real or fake. The same contract tests run against both."""

    def capabilities(self) -> Capabilities:
        """Return what this kernel can do."""
        ...

    def read(self, wanted: HostState = ...) -> HostState:
        """Return the observed state of the host and of its own namespaces.

        Sysctl rows are read for the keys in *wanted*; an nft table that holds exactly what
        *wanted* says is returned with that very text.
        """
        ...

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out *operations*; the kernel may be anywhere in between when this raises.

        Raises KernelError for the first one that was refused. Nothing may be inferred from how
        far it came: several requests fail half-done, so the caller reads again.
        """
        ...
