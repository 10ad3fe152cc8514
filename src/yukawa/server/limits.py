"""What bounds a request: threads with a queue in front of them, rates, the size, the time and the depth of a body."""

import asyncio
import contextvars
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from starlette.requests import ClientDisconnect, Request

from yukawa.core.errors import InputError
from yukawa.core.files import parse_json
from yukawa.server.problems import Refusal, busy

ResultT = TypeVar("ResultT")


class Limits(NamedTuple):
    """How much a server takes on.

    Attributes:
        threads: questions and changes that are worked at, at once.
        waiting: requests that may wait for a thread; more are turned away.
        streams: replies of models that are written at once.
        body: bytes of a request.
        document: bytes of a request that teaches.
        body_s: seconds until all of a request must have come.
        depth: levels of lists and tables in a body.
        rate: requests a second of one key, on average; 0 for any number.
        burst: requests of one key that may come at once.
        seconds: longest time for one request.
        alive_s: seconds of silence after which a stream says that it lives.
    """

    threads: int = min(8, 2 * (os.cpu_count() or 1) + 2)
    waiting: int = 256
    streams: int = 256
    body: int = 1 << 20
    document: int = 10 << 20
    body_s: float = 20.0
    depth: int = 64
    rate: float = 0.0
    burst: int = 100
    seconds: float = 900.0
    alive_s: float = 10.0


class WorkPool:
    """Threads for what blocks, and a bounded queue in front of them.

    Args:
        threads: how many.
        waiting: how much may wait; beyond that `run` refuses at once.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="yukawa-work")
        self._most = threads + waiting
        self._lock = threading.Lock()
        self.pending = 0

    async def run(self, function: Callable[..., ResultT], *given: Any) -> ResultT:
        """The result of a function in a thread, with the caller's context; work that did not begin is dropped on cancelling.

        Raises:
            Refusal: the queue is full.
        """
        with self._lock:
            if self.pending >= self._most:
                raise busy(f"{self.pending} requests are being worked at or wait; try again")
            self.pending += 1
        context = contextvars.copy_context()
        try:
            future = self._pool.submit(context.run, function, *given)
        except RuntimeError:  # it is shut down
            self._done(None)
            raise busy("the server is shutting down", seconds=5) from None
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def _done(self, _: Future[Any] | None) -> None:
        with self._lock:
            self.pending -= 1

    def close(self) -> None:
        """Drop what waits; what is worked at ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Rates:
    """Token buckets, one for each name; the longest unused are forgotten beyond some thousands."""

    _MOST = 10_000

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Count one request.

        Raises:
            Refusal: there were too many.
        """
        if not self._rate:
            return
        left, last = self._buckets.pop(name, (float(self._burst), time.monotonic()))
        at = time.monotonic()
        left = min(self._burst, left + (at - last) * self._rate)
        self._buckets[name] = (left - 1 if left >= 1 else left, at)
        if len(self._buckets) > self._MOST:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = (1 - left) / self._rate
            raise busy(f"more than {self._rate:g} requests a second", 429, max(1, round(wait)))


async def read_body(request: Request, largest: int, seconds: float) -> bytes:
    """All of a request's body.

    Raises:
        Refusal: it is too large, which is noticed before it is read if its header says so, or did not arrive in time.
    """
    said = request.headers.get("content-length", "")
    too_large = Refusal(
        413, f"the body has more than {largest:,} bytes", code="too_large", headers={"connection": "close"}
    )
    if said.isdigit() and int(said) > largest:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > largest:
                    raise too_large
    except TimeoutError:
        raise Refusal(
            408,
            f"the body did not come within {seconds:g} s",
            code="timeout",
            headers={"connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Refusal(499, "the client has gone") from None
    return bytes(body)


def parse_body(body: bytes, depth: int) -> Any:
    """What a body of JSON says.

    Raises:
        Refusal: it is not JSON, not UTF-8, holds numbers that are not finite, or is nested too deeply.
    """
    if _deepest(body) > depth and _deepest(_TEXTS.sub(b"", body)) > depth:
        raise Refusal(400, f"the body is nested more than {depth} levels deep", code="invalid")
    try:
        found = parse_json(body, "the body")
    except InputError as error:
        raise Refusal(400, error.message, code="invalid") from None
    if b"\\u0000" in body and _has_nul(found):  # which no table of PostgreSQL takes
        raise Refusal(400, "the body holds the character U+0000", code="invalid")
    return found


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_has_nul, value)) or any(map(_has_nul, value.values()))
    return isinstance(value, list) and any(map(_has_nul, value))


def _deepest(body: bytes) -> int:
    """A bound on the levels of a JSON text, in which the brackets of half-open intervals in its texts count too."""
    level = most = 0
    for piece in body.translate(None, _NO_BRACKETS):
        level += 1 if piece in b"[{" else -1
        most = max(most, level)
    return most


# A text without an end takes the rest along, so that no other begins in it.
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
