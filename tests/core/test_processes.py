"""Workers report and end with their parent, a Ray cluster runs tasks as workers do, and Ctrl-C stops both in order."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, as_completed
from pathlib import Path
from types import SimpleNamespace

import pytest

from yukawa.core.errors import MissingPackage, StoreError, YukawaError
from yukawa.core.processes import (
    Interruption,
    RayExecutor,
    Workers,
    cause_of_death,
    ctrl_c_held,
    in_threads,
    run_tasks,
    usable_cores,
    within,
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_request_is_noted(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.asked
        os.kill(os.getpid(), number)
        assert interruption.asked
        assert signal.getsignal(number) is before  # the next one acts
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_acts_at_once():
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked


def test_outside_the_main_thread_nothing_is_noted():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with Interruption():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX")
def test_ctrl_c_is_held_back_until_the_block_ends():
    reached = False
    with pytest.raises(KeyboardInterrupt), ctrl_c_held():  # noqa: PT012 -- it is raised as the block ends
        signal.raise_signal(signal.SIGINT)  # at this thread: others may exist and do not hold it back
        reached = True
    assert reached


@pytest.mark.parametrize(
    ("codes", "cause"),
    [([-15, -9], ", killed by SIGKILL"), ([-15, None], ", killed by SIGTERM"), ([0, 7], " with exit code 7"),
     ([-200], ", killed by signal 200"), ([0, None], "")],
)  # fmt: skip
def test_the_first_death_is_told_from_those_that_follow_it(codes: list[int | None], cause: str):
    assert cause_of_death(codes) == cause


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


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause):
        self.cause = cause


class FakeRay:
    """Does a task when it is told to, as a cluster with so many GPUs would."""

    def __init__(self, gpus=0, initialized=False):
        self.exceptions = SimpleNamespace(RayTaskError=RayTaskError)
        self.initialized, self.gpus, self.calls, self.tasks, self.wanted = initialized, gpus, [], [], None

    def is_initialized(self):
        return self.initialized

    def init(self, **settings):
        self.calls.append("init")

    def shutdown(self):
        self.calls.append("shutdown")

    def cluster_resources(self):
        return {"CPU": 4.0} | ({"GPU": float(self.gpus)} if self.gpus else {})

    def remote(self, **resources):
        self.wanted = resources

        def wrap(function):
            def remote(*args):
                done = Future()
                self.tasks.append((done, function, args))
                return SimpleNamespace(future=lambda: done, done=done)

            return SimpleNamespace(remote=remote)

        return wrap

    def work(self):
        for done, function, args in self.tasks:
            try:
                done.set_result(function(*args))
            except ValueError as error:
                done.set_exception(RayTaskError(error))
        self.tasks = []

    def cancel(self, reference):
        self.calls.append("cancel")
        reference.done.set_exception(RayError("cancelled\nlong tale"))


@pytest.fixture
def fake(monkeypatch):
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    return ray


def test_calls_give_what_they_give_and_errors_are_those_of_the_call(fake):
    with RayExecutor() as executor:
        futures = [executor.submit(int, text) for text in ("1", "2", "three")]
        fake.work()
        assert sorted(f.result() for f in as_completed(futures) if f.exception() is None) == [1, 2]
        with pytest.raises(ValueError, match="three"):
            futures[2].result()
    assert fake.calls == ["init", "shutdown"]


def test_nothing_is_started_before_there_is_work_and_a_cluster_of_others_is_left_alone(fake):
    with RayExecutor():
        pass
    assert fake.calls == []
    fake.initialized = True
    with RayExecutor() as executor:
        executor.submit(int, "1")
        fake.work()
    assert fake.calls == []


@pytest.mark.parametrize("gpus", [0, 3])
def test_a_task_gets_a_gpu_where_there_are_some(fake, gpus):
    fake.gpus = gpus
    RayExecutor(cpus=2).submit(int, "1")
    assert fake.wanted == {"num_cpus": 2, "num_gpus": min(gpus, 1)}


def test_a_task_works_in_the_folder_of_the_one_who_asked(fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    future = RayExecutor().submit(os.getcwd)
    monkeypatch.chdir("/")
    fake.work()
    assert future.result() == str(tmp_path)
    assert os.getcwd() == "/"


def test_what_is_lost_or_cancelled_is_one_line(fake):
    executor = RayExecutor()
    future = executor.submit(int, "1")
    executor.shutdown(cancel_futures=True)
    assert fake.calls == ["init", "cancel", "shutdown"]
    with pytest.raises(YukawaError, match=r"^Ray lost a task: cancelled \(the same command continues\)$"):
        future.result()


def test_a_missing_ray_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match=r"pip install '.*\[ray\]'"):
        RayExecutor()


def test_ray_itself():
    pytest.importorskip("ray", reason="Ray is an extra of its own: pip install '.[ray]'")
    with RayExecutor() as executor:
        futures = [executor.submit(int, text) for text in ("1", "2")]
        assert [future.result(120) for future in futures] == [1, 2]


def test_threads_give_every_item_with_its_result():
    squares = dict(in_threads(lambda number: number**2, range(20), 3))
    assert squares == {number: number**2 for number in range(20)}
    assert list(in_threads(str, [], 2)) == []


def test_a_single_item_needs_no_thread():
    (found,) = in_threads(lambda _: threading.current_thread(), [1], 4)
    assert found[1] is threading.main_thread()


def test_after_an_error_no_item_is_begun():
    begun = []

    def work(number):
        begun.append(number)
        if number == 0:
            raise ValueError("the first one")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="the first one"):
        list(in_threads(work, range(500), 2))
    assert len(begun) < 500


def test_what_does_not_end_in_time_is_stopped() -> None:
    assert within(5, lambda: 1) == 1
    with pytest.raises(ValueError, match="no"):
        within(5, lambda: (_ for _ in ()).throw(ValueError("no")))
    with pytest.raises(TimeoutError):
        within(0.05, lambda: time.sleep(1))
    with pytest.raises(LookupError):
        within(0.05, lambda: time.sleep(1), LookupError)
