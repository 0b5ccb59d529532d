"""A kernel that fails, or takes its process with it, at a chosen operation."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

from trunkline.capabilities import Capabilities
from trunkline.errors import KernelError
from trunkline.kernel import Kernel
from trunkline.operation import Operation
from trunkline.state import HostState


def refuse() -> None:
    raise KernelError("ip link add name x type bridge", 105, "No buffer space available")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class FaultyKernel:
    """Passes everything on to *kernel*, but does *fault* once *good* operations were applied."""

    def __init__(self, kernel: Kernel, good: int, fault: Callable[[], None] = refuse) -> None:
        self.kernel = kernel
        self.good = good
        self.fault = fault
        self.failed = False
        self.applied = 0

    def capabilities(self) -> Capabilities:
        return self.kernel.capabilities()

    def read(self, wanted: HostState | None = None) -> HostState:
        return self.kernel.read(wanted or {})

    def apply(self, operations: Sequence[Operation]) -> None:
        if not self.failed and self.applied + len(operations) >= self.good:
            self.failed = True
            self.kernel.apply(operations[: self.good - self.applied])
            self.applied = self.good
            self.fault()
            return
        self.kernel.apply(operations)
        self.applied += len(operations)
