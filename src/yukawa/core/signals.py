"""Notes Ctrl-C during long work, so that it ends after a complete step."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interruption:
    """Notes a first Ctrl-C (or SIGTERM) while its block runs; a second one acts immediately.

    Outside the main thread, where Python allows no handlers, it does nothing.

    Attributes:
        asked: whether a stop was requested.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
