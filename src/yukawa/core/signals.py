"""Notes or holds back Ctrl-C during long work, and names the signal that ended a process."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


def cause_of_death(codes: Sequence[int | None]) -> str:
    """How the first of several processes died, from their exit codes; the others were terminated for it."""
    died = [code for code in codes if code]
    code = next((code for code in died if code != -signal.SIGTERM), died[0] if died else 0)
    if code >= 0:
        return f" with exit code {code}" if code else ""
    try:
        return f", killed by {signal.Signals(-code).name}"
    except ValueError:
        return f", killed by signal {-code}"


@contextmanager
def ctrl_c_held() -> Iterator[None]:
    """Hold Ctrl-C back, so that a process started meanwhile does not receive one before it can note it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
