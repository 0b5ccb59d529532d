"""Room for neighbours: all namespaces of a kernel share one table of them, and its limit.

40 machines on one network are 1,560 entries for the kernel that holds them all, the limit is
1,024 by default, and what an entry less than 5 seconds old stands in the way of is dropped
without an error (neigh_forced_gc; raw_sendmsg hides ENOBUFS). So the limit is lifted while probes
are under way and put back after. It is one of the initial namespace; in any other one it is
absent, and whoever is there has to live with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trunkline.kernel import sysctl

_LIMITS = ("net/ipv4/neigh/default/gc_thresh3", "net/ipv6/neigh/default/gc_thresh3")
_SLACK = 512


@contextlib.contextmanager
def room_for(count: int) -> Iterator[None]:
    """Let the kernel hold *count* more neighbours."""
    with contextlib.ExitStack() as stack:
        for limit in _LIMITS:
            if count > _SLACK and sysctl.exists(limit):
                stack.enter_context(_lifted(limit, count))
        yield


@contextlib.contextmanager
def _lifted(limit: str, count: int) -> Iterator[None]:
    before = sysctl.read(limit)
    sysctl.write(limit, str(int(before) + count))
    try:
        yield
    finally:
        sysctl.write(limit, before)
