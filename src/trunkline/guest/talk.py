"""What a command in a guest prints and is given, passed on while it runs."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

from trunkline.guest import exchange

Sink = Callable[[bytes], None]


class Talk:
    """The standard streams of request *token*.

    *given* is all of its standard input, or a file descriptor from which it comes.
    """

    def __init__(
        self, directory: Path, token: str, out: Sink, err: Sink, given: bytes | int | None
    ) -> None:
        self.directory = directory
        self.token = token
        self._sinks = {"out": out, "err": err}
        self._read = dict.fromkeys(self._sinks, 0)
        self._parts = 0
        self._from = given if isinstance(given, int) else None
        if isinstance(given, bytes):
            for part in filter(None, (given,)):
                self._give(part)
            self._give(b"")

    def listen(self) -> None:
        """Pass on what the command has printed since the last time."""
        for end, sink in self._sinks.items():
            path = self.directory / "replies" / f"{self.token}.{end}"
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(self._read[end])
                data = file.read()
            if data:
                self._read[end] += len(data)
                sink(data)

    def speak(self, seconds: float) -> None:
        """Wait as long for input, and give the command what there is."""
        if self._from is None:
            time.sleep(seconds)
        elif select.select([self._from], [], [], seconds)[0]:
            data = os.read(self._from, 1 << 16)
            self._give(data)
            if not data:
                self._from = None

    def close(self) -> None:
        """Pass on the rest."""
        self.listen()

    def _give(self, data: bytes) -> None:
        exchange.give(self.directory, self.token, self._parts, data)
        self._parts += 1
