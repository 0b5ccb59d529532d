"""The process that answers for the Internet: started inside the outside, ended with the lab."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL

from trunkline.errors import HostError
from trunkline.lab import inside, sweep
from trunkline.lab.registry import Process

_PATIENCE = 10.0
"""Seconds; a Python that is not in the page cache takes one or two."""


def start(lab: str, namespace: Path, addresses: Sequence[str], log: Path) -> Process:
    """Start the outside's server and wait until it answers on *addresses*; it writes to *log*."""
    ready, child_end = os.pipe()
    argv = [sys.executable, "-m", "trunkline.lab.outside", lab, str(child_end), *addresses]
    with contextlib.closing(os.fdopen(ready, "rb", buffering=0)) as reader:
        try:
            with log.open("wb") as errors:
                child = inside.spawn(
                    namespace,
                    argv,
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    stderr=errors,
                    pass_fds=[child_end],
                    detached=True,
                )
        finally:
            os.close(child_end)
        # The pipe is readable when it says so, and also when it died and the pipe closed.
        if not select.select([reader], [], [], _PATIENCE)[0] or not reader.read(16):
            child.kill()
            child.wait()
            said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing said"]
            raise HostError(f"lab '{lab}': the outside's server did not start: {said[0]}")
    # It outlives this process: whoever brings the lab down ends it.
    child.returncode = 0
    return Process(child.pid, sweep.started(child.pid) or 0)


def running(process: Process | None, namespace: Path) -> bool:
    """Return whether the server *process* is alive, and in *namespace* as it is now."""
    if process is None or sweep.started(process.pid) != process.start:
        return False
    return process.pid in sweep.inhabitants([namespace.name])
