"""What the signals that end a process do while a lab changes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_POLITE = (signal.SIGTERM, signal.SIGHUP)
_ENDING = (signal.SIGINT, *_POLITE)

_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def interrupting() -> Iterator[None]:
    """Make all of them what Ctrl-C is: an exception, so that what was begun is taken back."""
    with _handling(_POLITE, signal.default_int_handler):
        yield


@contextmanager
def waiting() -> Iterator[None]:
    """Let none of them interrupt: what takes something back is not left half-done.

    A handler, not SIG_IGN: what is started meanwhile would ignore them for ever.
    """
    with _handling(_ENDING, lambda _number, _frame: None):
        yield


@contextmanager
def _handling(numbers: tuple[signal.Signals, ...], handler: _Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it gets signals
        return
    before = [(number, signal.signal(number, handler)) for number in numbers]
    try:
        yield
    finally:
        for number, previous in before:
            signal.signal(number, previous)
