"""Many runs, one after another here or side by side elsewhere; a failed one leaves the others going."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from yukawa.core.errors import InputError, ModelError, YukawaError
from yukawa.core.processes import RayExecutor, Workers
from yukawa.runs.distributed import number_of_processes

CellT = TypeVar("CellT")
Steps = Callable[[int], None]  # called with the steps made so far
# Does one run, or what is left of it: a plain function that any machine can call, since it travels by pickle.
Work = Callable[[CellT, Steps | None], Any]


class Stopped(Exception):
    """Somebody asked a run to stop; the same call resumes it."""


@dataclass(frozen=True)
class Outcome(Generic[CellT]):
    """How one run of a sweep ended.

    Attributes:
        cell: which one.
        value: what the work returned.
        interrupted: whether somebody asked to stop; the same work resumes it.
        error: why it could not be done.
    """

    cell: CellT
    value: Any = None
    interrupted: bool = False
    error: YukawaError | None = None

    @property
    def failed(self) -> bool:
        """Whether this run alone failed.

        Raises:
            YukawaError: the error, if the other runs would meet it too.
        """
        if self.error is not None and not isinstance(self.error, ModelError):
            raise self.error
        return self.error is not None


def attempt(work: Work[CellT], cell: CellT, progress: Steps | None = None) -> Outcome[CellT]:
    """Do the work of one run, and say how it ended."""
    try:
        return Outcome(cell, work(cell, progress))
    except Stopped:
        return Outcome(cell, interrupted=True)
    except YukawaError as error:
        return Outcome(cell, error=error)


def run_all(
    work: Work[CellT], cells: Sequence[CellT], executor: Executor | None = None, progress: Steps | None = None
) -> Generator[Outcome[CellT], None, None]:
    """Do the work of all runs, and give their outcomes in the order in which they end.

    Args:
        work: what to do for each.
        cells: the runs.
        executor: does the work elsewhere, and is shut down at the end; None does it here, where Ctrl-C lets a step
            end and writes a checkpoint. What still runs when the generator is closed is stopped.
        progress: called with the steps that the run at work here has made.
    """
    if executor is None:
        for cell in cells:
            yield attempt(work, cell, progress)
        return
    ended = False
    try:
        for future in as_completed([executor.submit(attempt, work, cell) for cell in cells]):
            yield future.result()
        ended = True
    finally:
        executor.shutdown(wait=True, cancel_futures=not ended)


def executor_of(workers: int, ray: bool, threads: int) -> Executor | None:
    """What runs side by side: a Ray cluster, processes of this machine, or nothing but this process (None).

    Args:
        workers: runs at the same time on this machine.
        ray: whether to use a Ray cluster.
        threads: processor threads of each run.

    Raises:
        InputError: both are given, or torchrun started several processes.
        MissingPackage: Ray is not installed.
    """
    if ray and workers > 1:
        raise InputError("--ray and --workers exclude each other", hint="give one of them")
    if not ray and workers == 1:
        return None
    if number_of_processes() > 1:
        raise InputError(
            "torchrun and --workers or --ray exclude each other", hint="start it without torchrun"
        )
    return RayExecutor(threads) if ray else Workers(workers, threads)
