"""Work in other processes: workers of this machine, tasks on a Ray cluster, and the signals that stop them."""

import contextlib
import contextvars
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any, ParamSpec, Self, TypeVar

from yukawa.core.errors import YukawaError, require


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


def lock(file: int | IO[Any]) -> bool:
    """Lock an open file or folder for as long as it is open; False if another process has it locked.

    Windows, and some file systems of networks, lock nothing.
    """
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass
    return True


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


P = ParamSpec("P")
Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]  # called with what is done and with the whole
Tick = Callable[[int], None]  # called with what is done
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


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with the result of `work` on it, as they finish.

    A single one needs no thread. After an error, and when the iterator is closed, those that have not begun are dropped.
    """
    if len(items) == 1:
        yield items[0], work(items[0])
        return
    pool = futures.ThreadPoolExecutor(threads, thread_name_prefix="yukawa")
    try:
        jobs = {pool.submit(work, item): item for item in items}
        for job in futures.as_completed(jobs):
            yield jobs[job], job.result()
    finally:
        pool.shutdown(cancel_futures=True)


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
    work: Callable[[int, Tick], Result],
    tasks: Sequence[int],
    workers: int,
    report: Tick,
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
            finished, running = futures.wait(running, _SECONDS_BETWEEN_REPORTS, futures.FIRST_COMPLETED)
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


def _reporting(work: Callable[[int, Tick], Result], task: int) -> Result:
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


_SECONDS_TO_STOP = 300.0  # a step, a validation and a checkpoint end within this


class RayExecutor(Executor):
    """Runs each call as a Ray task, on one GPU if the cluster has any.

    The cluster is the one that RAY_ADDRESS names, else one on this machine begins and ends with the executor. All
    machines must see the same files under the same paths and have the same packages; tasks work in the current
    folder. A task whose machine dies is done again elsewhere.

    Args:
        cpus: processor cores of a task.

    Raises:
        MissingPackage: Ray is not installed.
    """

    def __init__(self, cpus: int = 1) -> None:
        self._ray: Any = require("ray", "running over Ray")
        self._cpus = cpus
        self._remote: Any = None
        self._ours = False
        self._running: dict[Future[Any], Any] = {}

    def _start(self) -> Any:
        """The function on the cluster; the first call connects to it."""
        if self._remote is None:
            self._ours = not self._ray.is_initialized()
            if self._ours:
                self._ray.init(log_to_driver=False)
            gpus = 1 if self._ray.cluster_resources().get("GPU") else 0
            self._remote = self._ray.remote(num_cpus=self._cpus, num_gpus=gpus)(_call)
        return self._remote

    def submit(self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Future[Result]:
        """Send a call to the cluster; `fn` and its arguments must be picklable."""
        reference = self._start().remote(os.getcwd(), fn, args, kwargs)
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        self._running[future] = reference
        reference.future().add_done_callback(lambda done: self._settle(future, done))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End; with `cancel_futures`, tasks that run are asked to stop as by Ctrl-C."""
        left = dict(self._running)
        if cancel_futures:
            for reference in left.values():
                self._ray.cancel(reference)
        if wait:
            futures.wait(left, timeout=_SECONDS_TO_STOP if cancel_futures else None)
        if self._ours:
            self._ray.shutdown()

    def _settle(self, future: Future[Result], done: Future[Result]) -> None:
        """Hand on how a task ended."""
        self._running.pop(future, None)
        error = done.exception()
        if error is None:
            future.set_result(done.result())
        elif isinstance(error, self._ray.exceptions.RayTaskError):
            future.set_exception(error.cause)  # a mistake of the task itself
        else:
            lost = str(error).strip().partition("\n")[0]
            future.set_exception(YukawaError(f"Ray lost a task: {lost}", hint="the same command continues"))


def within(
    seconds: float, work: Callable[[], Result], late: Callable[[], Exception] = TimeoutError
) -> Result:
    """The result of `work`, which is done in a thread: whatever it waits for, and also where it never ends.

    Code of Python that is late is stopped; what waits for the system ends with that wait.

    Raises:
        TimeoutError: it has not ended in time; another error where `late` makes one.
    """
    done: Future[Result] = Future()

    def run() -> None:
        """Keep the result, or the error instead of it."""
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            done.set_exception(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    thread.start()
    if not futures.wait([done], timeout=seconds).done:
        number = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(SystemExit))
        raise late()
    return done.result()


def _call(
    folder: str, function: Callable[..., Result], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Result:
    """What a worker does: the call, in the folder of the caller."""
    with contextlib.chdir(folder):
        return function(*args, **kwargs)
