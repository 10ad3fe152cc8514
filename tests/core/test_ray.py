"""The adapter against a stand-in for Ray's few calls; with Ray itself where it is installed."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, as_completed
from types import SimpleNamespace

import pytest

from yukawa.core.errors import MissingPackage, YukawaError
from yukawa.core.ray import RayExecutor


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
    with pytest.raises(MissingPackage, match="pip install 'yukawa-hep\\[ray\\]'"):
        RayExecutor()


def test_ray_itself():
    pytest.importorskip("ray", reason="Ray is an extra of its own: pip install 'yukawa-hep[ray]'")
    with RayExecutor() as executor:
        futures = [executor.submit(int, text) for text in ("1", "2")]
        assert [future.result(120) for future in futures] == [1, 2]
