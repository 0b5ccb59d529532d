"""The real kernel: netlink, parameters, nft and eBPF behind the `Kernel` protocol."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.capabilities import Capabilities
from trunkline.kernel import probe, reader
from trunkline.kernel.doors import Doors
from trunkline.kernel.runner import Runner
from trunkline.operation import Operation
from trunkline.state import HostState


class LinuxKernel:
    """One host's kernel, or that of one host of a lab, which lives in namespaces of this machine.

    The host's namespace *N* is `/run/netns/{prefix}N`. *root* is the path of its root namespace,
    "" for that of the calling thread, None for none at all.
    """

    def __init__(self, prefix: str = "", root: str | None = "") -> None:
        self._prefix = prefix
        self._root = root

    def capabilities(self) -> Capabilities:
        return probe.capabilities()

    def read(self, wanted: HostState | None = None) -> HostState:
        with Doors(self._prefix, self._root) as doors:
            return reader.read(doors, wanted or {})

    def apply(self, operations: Sequence[Operation]) -> None:
        with Doors(self._prefix, self._root) as doors:
            Runner(doors, operations).run()
