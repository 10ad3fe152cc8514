"""How Yukawa speaks to servers: within a deadline and a number of bytes, to nobody else, and without showing keys."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx2 as httpx

LONGEST_S = 600.0
"""Seconds until a whole exchange must have ended, however often the server is heard of meanwhile."""
LARGEST = 32 << 20
"""Bytes of a reply, after any compression."""
_HEADERS = {"accept-encoding": "identity"}  # a few bytes could become gigabytes


class LimitExceeded(httpx.TransportError):
    """A server sent more, took longer, or led elsewhere than it may."""


def client(
    timeout_s: float, deadline_s: float = LONGEST_S, largest: int = LARGEST, **more: Any
) -> httpx.Client:
    """Make a client that follows no redirect and limits the time and the size of replies.

    Args:
        timeout_s: longest silence, in seconds.
        deadline_s: seconds for each exchange, from the request to the last byte.
        largest: bytes of a reply.
        more: further arguments of `httpx.Client`.
    """
    inner = httpx.HTTPTransport()
    return httpx.Client(
        transport=_Guarded(inner, deadline_s, largest),
        timeout=timeout_s,
        follow_redirects=False,
        headers=_HEADERS,
        **more,
    )


def async_client(
    timeout_s: float, deadline_s: float = LONGEST_S, largest: int = LARGEST, **more: Any
) -> httpx.AsyncClient:
    """Make a client as `client` does, for an event loop."""
    inner = httpx.AsyncHTTPTransport()
    return httpx.AsyncClient(
        transport=_GuardedAsync(inner, deadline_s, largest),
        timeout=timeout_s,
        follow_redirects=False,
        headers=_HEADERS,
        **more,
    )


def redirection(status: int, headers: Mapping[str, str]) -> str:
    """What to say of a reply that leads elsewhere; '' if it does not."""
    where = headers.get("location", "")
    return f"it redirects to {where}, which is not followed" if 300 <= status < 400 and where else ""


def _late(deadline_s: float) -> LimitExceeded:
    return LimitExceeded(f"the reply has not ended after {deadline_s:g} s")


class _Meter:
    """Counts the bytes of one reply against what is allowed."""

    def __init__(self, deadline_s: float, largest: int) -> None:
        self._deadline_s, self._largest = deadline_s, largest
        self._ends = time.monotonic() + deadline_s
        self._bytes = 0

    def check_headers(self, headers: httpx.Headers) -> None:
        packed = headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            raise LimitExceeded(f"the reply is compressed ({packed}), which was not allowed")

    def check(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._largest:
            raise LimitExceeded(f"the reply has more than {self._largest >> 20:,} MiB")
        if time.monotonic() > self._ends:
            raise _late(self._deadline_s)


class _Guarded(httpx.BaseTransport):
    """A transport whose replies are limited in bytes and in seconds."""

    def __init__(self, inner: httpx.BaseTransport, deadline_s: float, largest: int) -> None:
        self._inner, self._limits = inner, (deadline_s, largest)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.BaseTransport`."""
        meter = _Meter(*self._limits)
        response = self._within(self._limits[0], request)
        return _metered(response, _Stream(response.stream, meter), meter)

    def _within(self, deadline_s: float, request: httpx.Request) -> httpx.Response:
        """The beginning of the reply, waited for in a thread: a server may send its headers letter by letter."""
        done: queue.SimpleQueue[httpx.Response | BaseException] = queue.SimpleQueue()

        def wait() -> None:
            """Put the reply, or the error instead of it, into the queue."""
            try:
                done.put(self._inner.handle_request(request))
            except BaseException as error:  # noqa: BLE001 -- raised again by the caller
                done.put(error)

        threading.Thread(target=wait, daemon=True).start()
        try:
            found = done.get(timeout=deadline_s)
        except queue.Empty:
            raise _late(deadline_s) from None
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class _GuardedAsync(httpx.AsyncBaseTransport):
    """An asynchronous transport whose replies are limited in bytes and in seconds."""

    def __init__(self, inner: httpx.AsyncBaseTransport, deadline_s: float, largest: int) -> None:
        self._inner, self._limits = inner, (deadline_s, largest)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        meter = _Meter(*self._limits)
        try:
            async with asyncio.timeout(self._limits[0]):
                response = await self._inner.handle_async_request(request)
        except TimeoutError:
            raise _late(self._limits[0]) from None
        return _metered(response, _AsyncStream(response.stream, meter), meter)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _metered(response: httpx.Response, stream: Any, meter: _Meter) -> httpx.Response:
    meter.check_headers(response.headers)
    return httpx.Response(
        response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
    )


class _Stream(httpx.SyncByteStream):
    def __init__(self, inner: Any, meter: _Meter) -> None:
        self._inner, self._meter = inner, meter

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            self._meter.check(len(piece))
            yield piece

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, inner: Any, meter: _Meter) -> None:
        self._inner, self._meter = inner, meter

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            self._meter.check(len(piece))
            yield piece

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()
