"""Workers do every task once, hand on what they meet, and leave nobody behind."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time

import pytest

from yukawa.core.errors import InputError, StoreError, YukawaError
from yukawa.core.processes import available_cores, run_tasks

# Sent to the workers by name, so it must be a module of its own.
WORK = """
import os, signal, time
from yukawa.core.errors import InputError, MissingPackage, StoreError

def square(task, told):
    told(task)
    return task * task

def fail(task, told):
    if task == 0: raise StoreError("the disk is full", hint="free some space")
    if task == 1: raise MissingPackage("pythia8mc", "pip install it", purpose="simulating")
    if task == 2: os.kill(os.getpid(), signal.SIGKILL)
    if task == 3: os._exit(7)
    if task == 4: raise ZeroDivisionError("by nothing")

def linger(task, told):
    with open("pids", "a") as file:
        print(os.getpid(), file=file)
    while True:
        time.sleep(0.05)
        told(0)

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
    told: list[int] = []
    done: list[int] = []
    run_tasks(work.square, range(3), workers, told.append, done.append)
    assert sorted(done) == [0, 1, 4]
    assert sorted(told) == [0, 1, 2]


def test_no_tasks_need_no_worker(work):
    run_tasks(work.square, [], 4, pytest.fail, pytest.fail)


@pytest.mark.parametrize(
    ("task", "kind", "said"),
    [
        (0, StoreError, r"the disk is full \(free some space\)"),
        (1, InputError, r"needs the package 'pythia8mc'.*pip install it"),
        (2, YukawaError, "a worker died, killed by SIGKILL .*the same command continues"),
        (3, YukawaError, "a worker died with exit code 7"),
        (4, RuntimeError, "ZeroDivisionError: by nothing"),
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
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
