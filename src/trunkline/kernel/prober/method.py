"""What the ways to probe have in common: sending, hearing, and tokens.

Every probe carries its token, random for each run, so that stray packets never count. (ARP has no
room for one: there the pair of addresses in the reply has to do.)
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from trunkline.probe import Probe, Seat

_KEY_SIZE = 12
TOKEN_SIZE = _KEY_SIZE + 4

Reader = Callable[[], Iterator[int]]
"""Takes what waits on a socket and yields the numbers of the probes that it answers."""


@dataclass(frozen=True)
class Task:
    """The probes of one kind, by their number in the run."""

    seats: Mapping[str, Seat]
    probes: Mapping[int, Probe]
    key: bytes
    """Random, the same in all of a run's tokens."""

    def sources(self) -> list[Seat]:
        return [self.seats[name] for name in dict.fromkeys(p.source for p in self.probes.values())]

    def targets(self) -> list[Seat]:
        return [self.seats[name] for name in dict.fromkeys(p.target for p in self.probes.values())]

    def token(self, number: int) -> bytes:
        return self.key + number.to_bytes(4, "big")

    def number(self, data: bytes) -> int | None:
        """Return the number in the token that *data* starts with; None for anything else."""
        if len(data) < TOKEN_SIZE or data[:_KEY_SIZE] != self.key:
            return None
        return int.from_bytes(data[_KEY_SIZE:TOKEN_SIZE], "big")


Action = Callable[[], object]


@dataclass(frozen=True)
class Method:
    """One way to probe, ready to send and to hear."""

    actions: Mapping[int, Iterable[Action]]
    """What sends each probe. A frame that serves several probes is the same object in all."""
    readers: Mapping[socket.socket, Reader]

    def send(self, numbers: Iterable[int]) -> None:
        """Send these probes, for the first time or again."""
        for action in dict.fromkeys(act for number in numbers for act in self.actions[number]):
            # No route, a device that is down, a firewall that forbids output: the probe is not
            # answered, and that is the verdict and no error.
            with contextlib.suppress(OSError):
                action()


def waiting(opened: socket.socket, size: int = 2048) -> Iterator[tuple[bytes, tuple[object, ...]]]:
    """Yield (data, sender's address) of everything that waits on a socket."""
    while True:
        try:
            yield opened.recvfrom(size)
        except BlockingIOError:
            return
        except OSError:  # the device went down or away: nothing more will come
            return
