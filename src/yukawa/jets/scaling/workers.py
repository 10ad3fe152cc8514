"""Sends work to processes of this machine, each with as many threads as it is given."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


class Workers(ProcessPoolExecutor):
    """`number` processes that begin anew, with `threads` threads each.

    Ended with `cancel_futures`, the calls that run are asked to stop as by Ctrl-C.
    """

    def __init__(self, number: int, threads: int = 1) -> None:
        # Forked, a process would share locks and random numbers with this one.
        super().__init__(number, get_context("spawn"), _prepare, (threads,))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End; see the class."""
        if cancel_futures:
            for process in list(self._processes or {}):  # by their numbers
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGINT)
        super().shutdown(wait, cancel_futures=cancel_futures)


def _prepare(threads: int) -> None:
    """Limit the threads, before anything is imported that reads it; a training listens to Ctrl-C by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
