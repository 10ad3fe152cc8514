"""How many threads compute: ours, one BLAS thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

# OpenBLAS's names of the processors whose float32 kernels do.
_UNPACKED = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})


def multiplies_small_unpacked() -> bool:
    """Whether NumPy's BLAS has kernels for small operands that skip packing: OpenBLAS on processors with AVX-512."""
    libraries = import_module("threadpoolctl").threadpool_info()
    return any(library.get("architecture") in _UNPACKED for library in libraries)


class OneBlasThread:
    """While any thread is inside, BLAS computes in the calling thread alone; the old limit returns after the last.

    The small products of one short text lose more to waking and waiting for BLAS threads than they gain: up to a
    hundredfold on a busy machine. The setting belongs to the process, so users are counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._controller: Any = None
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._controller is None:
                self._controller = import_module("threadpoolctl").ThreadpoolController()
            if self._users == 0:
                _in_its_own_thread(self._set)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _in_its_own_thread(self._limit.restore_original_limits)

    def _set(self) -> None:
        self._limit = self._controller.limit(limits=1, user_api="blas")


def _in_its_own_thread(action: Callable[[], None]) -> None:
    """Runs `action` in a thread that ends with it.

    threadpoolctl >= 3.8 ignores whoever sets OpenBLAS's number while another living thread has set it; here the one
    who comes first and the one who goes last may be two threads that both live on.
    """
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


one_blas_thread = OneBlasThread()
