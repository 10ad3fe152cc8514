"""BLAS stays on one thread while anyone is inside, and gets its own number back after the last."""

from __future__ import annotations

import threading

import numpy as np
from threadpoolctl import ThreadpoolController

from yukawa.embedding.threads import OneBlasThread, multiplies_small_unpacked, usable_cores


def _blas_threads() -> list[int]:
    return [lib["num_threads"] for lib in ThreadpoolController().select(user_api="blas").info()]


def test_the_limit_holds_inside_also_nested_and_ends_outside() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))  # NumPy's BLAS is loaded
    one = OneBlasThread()
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = _blas_threads()
        assert before
        with one:
            with one:
                assert set(_blas_threads()) == {1}
            assert set(_blas_threads()) == {1}
        assert _blas_threads() == before


def test_the_limit_outlives_the_first_of_two_threads() -> None:
    one = OneBlasThread()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one:
            entered.set()
            leave.wait(10)

    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = _blas_threads()
        thread = threading.Thread(target=other)
        with one:
            thread.start()
            assert entered.wait(10)
        assert set(_blas_threads()) == {1}
        leave.set()
        thread.join()
        assert _blas_threads() == before


def test_what_is_asked_of_the_machine_has_an_answer() -> None:
    assert usable_cores() >= 1
    assert multiplies_small_unpacked() in (True, False)
