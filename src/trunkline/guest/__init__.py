"""A complete Linux kernel as an ordinary process (User-Mode Linux), for what the host's lacks.

A guest shares the host's file system under an overlay, so it has the same Python, tools and
checkout and needs no image. It is a test bench, not a sandbox: root inside reaches host files.
"""

from trunkline.guest.exchange import Request, environment
from trunkline.guest.kernel import GuestKernel, find
from trunkline.guest.machine import GuestResult, run
from trunkline.guest.persistent import carry_out, execute, held, names, release, start, stop

__all__ = [
    "GuestKernel",
    "GuestResult",
    "Request",
    "carry_out",
    "environment",
    "execute",
    "find",
    "held",
    "names",
    "release",
    "run",
    "start",
    "stop",
]
