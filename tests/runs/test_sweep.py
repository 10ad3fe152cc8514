"""Many runs, here or in other processes of this machine."""

from __future__ import annotations

import sys
from concurrent.futures import Executor, Future

import pytest

from yukawa.core.errors import InputError, MissingPackage, ModelError, StoreError
from yukawa.core.processes import RayExecutor, Workers
from yukawa.runs.sweep import Stopped, attempt, executor_of, run_all


def work(cell, progress=None):
    if isinstance(cell, Exception):
        raise cell
    if progress is not None:
        progress(cell)
    return 2 * cell


def test_outcomes_come_one_after_another_and_a_failure_leaves_the_others_going():
    seen: list[int] = []
    broken = ModelError("the loss is nan")
    outcomes = list(run_all(work, [1, broken, 3], progress=seen.append))
    assert [outcome.value for outcome in outcomes] == [2, None, 6]
    assert [outcome.failed for outcome in outcomes] == [False, True, False]
    assert seen == [1, 3]


def test_an_error_that_others_would_meet_too_is_raised():
    with pytest.raises(StoreError, match="the disk is full"):
        _ = attempt(work, StoreError("the disk is full")).failed
    missing = MissingPackage("torch", "pip install torch", purpose="training")
    assert type(attempt(work, missing).error) is MissingPackage


def test_a_stop_is_an_outcome_and_not_a_failure():
    outcome = attempt(work, Stopped())
    assert outcome.interrupted
    assert not outcome.failed


class Waiting(Executor):
    """An executor whose first call ends and whose second never does."""

    def __init__(self):
        self.shut = None

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        if args[1] == 1:
            future.set_result(fn(*args))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.shut = (wait, cancel_futures)


def test_an_executor_is_shut_down_and_stopped_when_nobody_waits():
    executor = Waiting()
    outcomes = run_all(work, [1, 2], executor)
    assert next(outcomes).value == 2
    outcomes.close()
    assert executor.shut == (True, True)


def test_who_runs_side_by_side_is_chosen_once(monkeypatch):
    assert executor_of(1, ray=False, threads=1) is None
    with executor_of(2, ray=False, threads=1) as workers:
        assert isinstance(workers, Workers)
    monkeypatch.setitem(sys.modules, "ray", object())
    assert isinstance(executor_of(1, ray=True, threads=1), RayExecutor)
    with pytest.raises(InputError, match="--ray and --workers exclude each other"):
        executor_of(2, ray=True, threads=1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert executor_of(1, ray=False, threads=1) is None
    with pytest.raises(InputError, match="torchrun"):
        executor_of(2, ray=False, threads=1)
