"""Sends work to the machines of a Ray cluster, behind the interface of Python's own executors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from typing import Any, ParamSpec, TypeVar

from yukawa.core.errors import MissingPackage, YukawaError, install_line

P = ParamSpec("P")
T = TypeVar("T")
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
        try:
            import ray
        except ModuleNotFoundError:
            raise MissingPackage("ray", install_line("ray"), purpose="running over Ray") from None
        self._ray: Any = ray
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

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Send a call to the cluster; `fn` and its arguments must be picklable."""
        reference = self._start().remote(os.getcwd(), fn, args, kwargs)
        future: Future[T] = Future()
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
            wait_for(left, timeout=_SECONDS_TO_STOP if cancel_futures else None)
        if self._ours:
            self._ray.shutdown()

    def _settle(self, future: Future[T], done: Future[T]) -> None:
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


def _call(folder: str, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """What a worker does: the call, in the folder of the caller."""
    with contextlib.chdir(folder):
        return function(*args, **kwargs)
