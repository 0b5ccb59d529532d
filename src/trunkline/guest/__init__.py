"""A complete Linux kernel as an ordinary process (User-Mode Linux), for what the host's lacks.

A guest shares the host's file system under an overlay, so it has the same Python, tools and
checkout and needs no image. It is a test bench, not a sandbox: root inside reaches host files.
"""

from trunkline.guest.kernel import GuestKernel, find
from trunkline.guest.machine import GuestResult, run
from trunkline.guest.persistent import execute, names, start, stop

__all__ = ["GuestKernel", "GuestResult", "execute", "find", "names", "run", "start", "stop"]
