"""Workers do every task once, hand on what they meet, and leave nobody behind."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import as_completed
from pathlib import Path

import pytest

from yukawa.core.errors import MissingPackage, StoreError, YukawaError
from yukawa.core.processes import Workers, run_tasks, usable_cores

# Sent to the workers by name, so it must be a module of its own.
WORK = """
import os, signal, time
from yukawa.core.errors import InputError, MissingPackage, StoreError

def square(task, report):
    report(task)
    return task * task

def fail(task, report):
    if task == 0: raise StoreError("the disk is full", hint="free some space")
    if task == 1: raise MissingPackage("pythia8mc", "pip install it", purpose="simulating")
    if task == 2: os.kill(os.getpid(), signal.SIGKILL)
    if task == 3: os._exit(7)
    if task == 4: raise ZeroDivisionError("by nothing")

def linger(task, report):
    with open("pids", "a") as file:
        print(os.getpid(), file=file)
    while True:
        time.sleep(0.05)
        report(0)

def threads():
    return os.getpid(), os.environ.get("OMP_NUM_THREADS")

def wait_for_ctrl_c(ready):
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    ready.touch()
    deadline = time.monotonic() + 60
    while not asked and time.monotonic() < deadline:
        time.sleep(0.01)
    return "asked" if asked else "waited in vain"

if __name__ == "__main__":
    from yukawa.core.processes import run_tasks
    import tasks_of_a_test
    run_tasks(tasks_of_a_test.linger, [0, 1], 2, lambda jets: None, print)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "tasks_of_a_test.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tasks_of_a_test", raising=False)
    return importlib.import_module("tasks_of_a_test")


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_each_task_is_done_once(work, workers):
    reported: list[int] = []
    done: list[int] = []
    run_tasks(work.square, range(3), workers, reported.append, done.append)
    assert sorted(done) == [0, 1, 4]
    assert sorted(reported) == [0, 1, 2]


def test_no_tasks_need_no_worker(work):
    run_tasks(work.square, [], 4, pytest.fail, pytest.fail)


@pytest.mark.parametrize(
    ("task", "kind", "said"),
    [
        (0, StoreError, r"the disk is full \(free some space\)"),
        (1, MissingPackage, r"needs the package 'pythia8mc'.*pip install it"),
        (2, YukawaError, "a worker died, killed by SIGKILL .*the same command resumes"),
        (3, YukawaError, "a worker died with exit code 7"),
        (4, ZeroDivisionError, "by nothing"),
    ],
)
def test_what_a_worker_meets_is_raised_here(work, task, kind, said):
    began = time.monotonic()
    with pytest.raises(kind, match=said):
        run_tasks(work.fail, [task, 9], 2, lambda jets: None, lambda result: None)
    assert time.monotonic() - began < 20


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_one_that_started_them(work, tmp_path, how):
    script = tmp_path / "tasks_of_a_test.py"
    with subprocess.Popen(
        [sys.executable, str(script)], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        pids = tmp_path / "pids"
        wait_for(lambda: pids.exists() and pids.read_text().count("\n") == 2)
        if how == signal.SIGINT:  # as a terminal does: to all of them
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        said = process.stderr.read()
    assert process.returncode == -how
    workers = [int(line) for line in pids.read_text().split()]
    wait_for(lambda: not any(map(alive, workers)))
    assert said.count("Traceback") == (how == signal.SIGINT)  # that of the one process that was asked


def wait_for(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within 20 seconds")


def test_at_least_one_core_is_there():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


# ---- the pool itself ----


def test_each_call_has_a_process_of_its_own_with_so_many_threads(work):
    with Workers(2, threads=3) as workers:
        found = [future.result() for future in as_completed(workers.submit(work.threads) for _ in range(4))]
    assert all(number == "3" for _, number in found)
    assert os.getpid() not in {process for process, _ in found}


def test_what_runs_is_asked_to_stop_as_by_ctrl_c(work, tmp_path: Path):
    workers = Workers(1)
    running = workers.submit(work.wait_for_ctrl_c, tmp_path / "ready")
    waiting = [workers.submit(work.threads) for _ in range(5)]
    wait_for((tmp_path / "ready").exists)
    workers.shutdown(cancel_futures=True)
    assert running.result() == "asked"
    assert any(future.cancelled() for future in waiting)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_memory_that_is_freed_is_kept_for_the_next_allocation() -> None:
    code = """
import resource
from yukawa.core.processes import keep_freed_memory
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
keep_freed_memory()
bytearray(1 << 26)
before = faults()
bytearray(1 << 26)
print(faults() - before)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 1000  # 64 MiB have 16,384 pages
