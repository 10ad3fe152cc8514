"""Work in other processes of this machine."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import as_completed
from pathlib import Path

import pytest

from yukawa.jets.scaling.study import run_study
from yukawa.jets.scaling.workers import Workers

SMALL = ("sizes=[20]", "seeds=[1, 2]", "lengths.steps=null", "models.wide=null")


def threads() -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("OMP_NUM_THREADS")


def wait_for_ctrl_c(ready: Path) -> str:
    asked: list[bool] = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    ready.touch()
    deadline = time.monotonic() + 60
    while not asked and time.monotonic() < deadline:
        time.sleep(0.01)
    return "asked" if asked else "waited in vain"


def test_each_call_has_a_process_of_its_own_with_so_many_threads():
    with Workers(2, threads=3) as workers:
        found = [future.result() for future in as_completed(workers.submit(threads) for _ in range(4))]
    assert all(number == "3" for _, number in found)
    assert os.getpid() not in {process for process, _ in found}


def test_what_runs_is_asked_to_stop_as_by_ctrl_c(tmp_path):
    workers = Workers(1)
    running = workers.submit(wait_for_ctrl_c, tmp_path / "ready")
    waiting = [workers.submit(threads) for _ in range(5)]
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    workers.shutdown(cancel_futures=True)
    assert running.result() == "asked"
    assert any(future.cancelled() for future in waiting)


@pytest.mark.usefixtures("_quick")
def test_a_study_on_two_processes_has_the_numbers_of_one(load, tmp_path):
    alone = run_study(load(*SMALL), tmp_path / "alone")
    together = run_study(load(*SMALL), tmp_path / "together", Workers(2))
    assert len(alone.rows) == 2
    assert together.rows == alone.rows
