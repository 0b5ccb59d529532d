"""Which ifindex each device has, and which it will have: so that requests need not wait.

We choose the ifindex of what we make ourselves. Then a whole plan becomes messages before the
first of them is sent, with no look-up in between.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

from trunkline.errors import KernelError

LOOPBACK = 1
"""The ifindex of every namespace's loopback device."""

Load = Callable[[str], Iterable[tuple[str, int]]]
"""Lists the (name, ifindex) of the devices in a namespace."""
Bridges = Callable[[str], Iterable[str]]
"""Lists the bridges in a namespace: requests about their VLANs are made differently."""


class Indexes:
    """Devices by namespace and name. Each namespace is listed once, when it is first needed."""

    def __init__(self, load: Load, bridges: Bridges, floor: int) -> None:
        """*floor* is where new numbers begin; above what was used lately.

        The kernel does not give a number out again soon, because a program may still be bound to
        a device that is gone; nor do we.
        """
        self._load = load
        self._load_bridges = bridges
        self._floor = floor
        self._known: dict[str, dict[str, int]] = {}
        self._next: dict[str, int] = {}
        self._bridges: dict[str, set[str]] = {}

    def find(self, namespace: str, name: str) -> int | None:
        return self._in(namespace).get(name)

    def of(self, namespace: str, name: str) -> int:
        index = self.find(namespace, name)
        if index is None:
            raise KernelError(f"device '{name}'", errno.ENODEV, "there is no such device")
        return index

    def is_bridge(self, namespace: str, name: str) -> bool:
        if namespace not in self._bridges:
            self._bridges[namespace] = set(self._load_bridges(namespace))
        return name in self._bridges[namespace]

    def new(self, namespace: str, name: str, *, bridge: bool = False) -> int:
        """Return the ifindex for a device to be made; the kernel refuses a name that is taken."""
        if bridge and not self.is_bridge(namespace, name):
            self._bridges[namespace].add(name)
        known = self._in(namespace)
        index = self._next[namespace]
        self._next[namespace] = index + 1
        known.setdefault(name, index)
        return index

    def born(self, namespace: str) -> None:
        """Note that *namespace* is new: but for its loopback there is nothing to list."""
        self._begin(namespace, {"lo": LOOPBACK})
        self._bridges[namespace] = set()

    def drop(self, namespace: str, name: str) -> None:
        self._in(namespace).pop(name, None)

    def forget(self, namespace: str) -> None:
        """Forget a namespace that is gone."""
        self._known.pop(namespace, None)
        self._next.pop(namespace, None)
        self._bridges.pop(namespace, None)

    def _in(self, namespace: str) -> dict[str, int]:
        known = self._known.get(namespace)
        if known is None:
            known = self._begin(namespace, dict(self._load(namespace)))
        return known

    def _begin(self, namespace: str, known: dict[str, int]) -> dict[str, int]:
        self._known[namespace] = known
        self._next[namespace] = max([*known.values(), self._floor]) + 1
        return known
