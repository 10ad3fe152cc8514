"""Worker processes of this machine: they report progress, and end with the process that started them."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

from yukawa.core.errors import YukawaError
from yukawa.core.signals import cause_of_death, ctrl_c_held

P = ParamSpec("P")
Result = TypeVar("Result")
Report = Callable[[int], None]
_SECONDS_BETWEEN_REPORTS = 0.1
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of mallopt(3)
_SPAWN = multiprocessing.get_context("spawn")  # forked, a process would share locks and random numbers

# Of a worker: where its progress goes, and whether it was asked to stop.
_reports: Any = None
_asked = threading.Event()


def usable_cores() -> int:
    """The number of processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


class Workers(ProcessPoolExecutor):
    """`number` new processes with `threads` threads each, which end when the process that started them ends.

    Shut down with `cancel_futures`, it asks the running calls to stop as Ctrl-C would.
    """

    def __init__(self, number: int, threads: int = 1) -> None:
        self.reports = _SPAWN.SimpleQueue()
        super().__init__(number, _SPAWN, _prepare, (threads, self.reports))

    def submit(self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Future[Result]:
        """Send a call to a worker; `fn` and its arguments must be picklable."""
        with ctrl_c_held():
            return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; see the class."""
        if cancel_futures:
            for process in list(self._processes or {}):  # by their numbers
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGINT)
        super().shutdown(wait, cancel_futures=cancel_futures)


def run_tasks(
    work: Callable[[int, Report], Result],
    tasks: Sequence[int],
    workers: int,
    report: Report,
    done: Callable[[Result], None],
) -> None:
    """Call `work(task, report)` for each task and `done` with each result, in the order in which they finish.

    A single worker is this process; more are new ones, to which `work` travels by pickle. When this process is
    interrupted, or a task fails, they stop at their next report.

    Raises:
        YukawaError: a worker died.
        Exception: what `work` raised.
    """
    number = min(workers, len(tasks))
    if number <= 1:
        for task in tasks:
            done(work(task, report))
        return
    pool = Workers(number)
    try:
        running = {pool.submit(_reporting, work, task) for task in tasks}
        processes = list(pool._processes.values())
        while running:
            finished, running = wait(running, _SECONDS_BETWEEN_REPORTS, FIRST_COMPLETED)
            while not pool.reports.empty():
                report(pool.reports.get())
            for future in finished:
                done(future.result())
    except BrokenProcessPool:
        pool.shutdown()
        raise YukawaError(
            f"a worker died{cause_of_death([process.exitcode for process in processes])}",
            hint="the same command resumes; fewer workers need less memory",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _reporting(work: Callable[[int, Report], Result], task: int) -> Result:
    """Do a task in a worker."""
    return work(task, _report)


def _report(count: int) -> None:
    _reports.put(count)
    if _asked.is_set():
        raise KeyboardInterrupt


def _prepare(threads: int, reports: Any) -> None:
    """Set up a worker, before anything is imported that reads the number of threads."""
    global _reports
    _reports = reports
    signal.signal(signal.SIGINT, lambda *_: _asked.set())
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees for its next allocations, where the C library is glibc.

    Each step of a training allocates the same large arrays. By default glibc takes them from the system anew, page
    by page, which costs a ParticleNet on a processor 1.7 times its arithmetic. The memory of the largest step stays
    with the process until it ends.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
