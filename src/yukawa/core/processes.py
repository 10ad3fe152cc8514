"""Processes that do tasks side by side, tell how far they are, and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from yukawa.core.errors import InputError, StoreError, YukawaError

Result = TypeVar("Result")
Told = Callable[[int], None]

_SECONDS_TO_END = 5.0


def available_cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def run_tasks(
    work: Callable[[int, Told], Result],
    tasks: Sequence[int],
    workers: int,
    told: Told,
    done: Callable[[Result], None],
) -> None:
    """Do `work(task, told)` for each of the tasks and hand each result to `done`, in the order they end in.

    With one worker the work is done in this process; else in `workers` new ones, to which `work` is sent by
    pickle. They end when this process ends, however it does: at the latest when they next call `told`.

    Raises:
        YukawaError: as a worker raised it, or because a worker died.
    """
    team_size = min(workers, len(tasks))
    if team_size <= 1:
        for task in tasks:
            done(work(task, told))
        return
    waiting = iter(tasks)
    team: list[_Worker[Result]] = []
    try:
        for task in list(tasks)[:team_size]:
            team.append(_Worker(work))
            team[-1].give(next(waiting, task))
        busy: dict[Any, _Worker[Result]] = {worker.pipe: worker for worker in team}
        while busy:
            for pipe in wait(list(busy)):
                kind, value = busy[pipe].take()
                if kind == "told":
                    told(value)
                    continue
                done(value)
                following = next(waiting, None)
                if following is None:
                    del busy[pipe]
                else:
                    busy[pipe].give(following)
    except BaseException:  # Ctrl-C too
        for worker in team:
            worker.process.terminate()
        raise
    finally:
        for worker in team:
            worker.pipe.close()
        for worker in team:
            worker.end()


class _Worker(Generic[Result]):
    """One process and the pipe to it."""

    def __init__(self, work: Callable[[int, Told], Result]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, work), daemon=True)
        with _ctrl_c_held():
            self.process.start()
        far.close()  # else a dead worker's pipe would look open

    def give(self, task: int) -> None:
        with suppress(OSError):  # a worker that died says so when it is listened to
            self.pipe.send(task)

    def take(self) -> tuple[str, Any]:
        """What the worker says next: ("told", jets) or ("done", result).

        Raises:
            YukawaError: as the worker raised it, or because it died.
        """
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(_SECONDS_TO_END)
            raise YukawaError(
                f"a worker died{_how(self.process.exitcode)}",
                hint="the same command continues; fewer workers need less memory",
            ) from None
        if kind == "refused":
            family, message, hint = value
            raise family(message, hint=hint)
        if kind == "broken":
            error = RuntimeError(value.strip().splitlines()[-1])
            error.add_note(value)
            raise error
        return kind, value

    def end(self) -> None:
        """Wait until the process has ended; one that does not is killed."""
        self.process.join(_SECONDS_TO_END)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


def _serve(pipe: Connection, work: Callable[[int, Told], Any]) -> None:
    """What a worker does: one task after another, until there are no more or nobody listens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one that started us decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no file stays half-written
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(pipe, work, pipe.recv()))


def _answer(pipe: Connection, work: Callable[[int, Told], Any], task: int) -> tuple[str, Any]:
    try:
        return "done", work(task, lambda jets: pipe.send(("told", jets)))
    except YukawaError as error:
        # By its parts, since not every error can be pickled.
        family = next(kind for kind in (InputError, StoreError, YukawaError) if isinstance(error, kind))
        return "refused", (family, error.message, error.hint)
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - a bug is to be seen where the worker was started
        return "broken", traceback.format_exc()


def _how(code: int | None) -> str:
    """How a process ended, from its exit code."""
    if code is None or code >= 0:
        return "" if code is None else f" with exit code {code}"
    try:
        return f", killed by {signal.Signals(-code).name}"
    except ValueError:
        return f", killed by signal {-code}"


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Keep Ctrl-C back, so that a process started meanwhile never sees one before it can ignore it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
