"""BLAS stays on one thread while anyone is inside, and gets its own number back after the last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from yukawa.core.threads import OneBlasThread, multiplies_small_unpacked


def _blas_threads() -> list[int]:
    return [lib["num_threads"] for lib in ThreadpoolController().select(user_api="blas").info()]


@pytest.fixture
def _two_blas_threads() -> Iterator[None]:
    """Two BLAS threads also where the environment says one; set by a thread that ends, so that others may set it."""
    np.ones((2, 2)) @ np.ones((2, 2))  # NumPy's BLAS is loaded
    limits = []
    _elsewhere(lambda: limits.append(ThreadpoolController().limit(limits=2, user_api="blas")))
    assert set(_blas_threads()) == {2}
    yield
    _elsewhere(limits[0].restore_original_limits)


def _elsewhere(action: Callable[[], None]) -> None:
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


@pytest.mark.usefixtures("_two_blas_threads")
def test_the_limit_holds_inside_also_nested_and_ends_outside() -> None:
    one = OneBlasThread()
    for _ in range(2):
        with one:
            with one:
                assert set(_blas_threads()) == {1}
            assert set(_blas_threads()) == {1}
        assert set(_blas_threads()) == {2}


@pytest.mark.usefixtures("_two_blas_threads")
def test_the_limit_outlives_the_first_of_two_threads() -> None:
    one = OneBlasThread()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one:
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with one:
        thread.start()
        assert entered.wait(10)
    assert set(_blas_threads()) == {1}
    leave.set()
    thread.join()
    assert set(_blas_threads()) == {2}


@pytest.mark.usefixtures("_two_blas_threads")
def test_threads_that_live_on_may_come_one_after_the_other() -> None:
    one = OneBlasThread()
    with ThreadPoolExecutor(3) as pool:
        barrier = threading.Barrier(3)

        def use() -> list[int]:
            barrier.wait(10)  # so that each of the three threads gets one
            with one:
                return _blas_threads()

        for _ in range(3):
            assert all(
                set(seen) == {1} for seen in [job.result() for job in [pool.submit(use) for _ in range(3)]]
            )
            assert set(_blas_threads()) == {2}


@pytest.mark.usefixtures("_two_blas_threads")
def test_an_error_inside_gives_the_number_back() -> None:
    one = OneBlasThread()
    with pytest.raises(ZeroDivisionError), one:
        1 / 0  # noqa: B018
    assert set(_blas_threads()) == {2}


def test_what_is_asked_of_the_machine_has_an_answer() -> None:
    assert multiplies_small_unpacked() in (True, False)
