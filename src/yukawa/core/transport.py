"""How Yukawa speaks to servers: within a deadline and a number of bytes, to nobody else, and without showing keys."""

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

import httpx2 as httpx

from yukawa.core import processes
from yukawa.core.addresses import shown_address
from yukawa.core.errors import ModelError
from yukawa.core.redaction import redacted, shortened

Result = TypeVar("Result")

LONGEST_S = 600.0
"""Seconds until a whole exchange must have ended, all attempts together, however often the server is heard of meanwhile."""
LARGEST = 4 << 20
"""Bytes of a reply that is read as a whole, after any compression."""
EVENTS = "text/event-stream"
"""What a request accepts whose reply is read piece by piece."""
_LARGEST_STREAM = 32 << 20
_LARGEST_EVENT = 256 << 10
_HEADERS = {"accept-encoding": "identity"}  # a few bytes could become gigabytes
# Of a few bytes JSON makes objects a hundred times as large: how many bytes of the limit each of these uses up at least.
_PARTS = {b"{": 200, b"[": 50, b",": 16}
_MISTRUST = "check the address: what sends so much is not a model, or not to be trusted"
_LOGGERS = (
    "httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.http2", "httpcore2.proxy", "openai._base_client",
)  # fmt: skip
_ends: contextvars.ContextVar[float] = contextvars.ContextVar("ends", default=float("inf"))


class _Redacting(logging.Filter):
    """What the packages below log of requests and replies, to whoever listens, without secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


_REDACTING = _Redacting()


class LimitExceeded(ModelError):
    """A server sent more, or took longer, than it may; it is not asked again."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Exchanges inside must end within this many seconds from now, all of them together."""
    before = _ends.set(min(_ends.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends.reset(before)


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """The result of `work`, waited for in a thread: whatever it waits for, a server, a lock or its next attempt.

    Raises:
        LimitExceeded: it has not ended in time; its exchanges end then too.
    """

    def limited() -> Result:
        """The work, whose exchanges end by then too."""
        with deadline(seconds):
            return work()

    return processes.within(seconds, limited, lambda: _late(seconds))


def client(
    timeout_s: float, deadline_s: float = LONGEST_S, largest: int = LARGEST, **more: Any
) -> httpx.Client:
    """Make a client that follows no redirect and limits the time and the size of replies.

    Args:
        timeout_s: longest silence, in seconds.
        deadline_s: seconds for each exchange, from the request to the last byte.
        largest: bytes of a reply that is read as a whole; one whose request accepts `EVENTS` may be longer.
        more: further arguments of `httpx.Client`.
    """
    _redact_logs()
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
    _redact_logs()
    inner = httpx.AsyncHTTPTransport()
    return httpx.AsyncClient(
        transport=_GuardedAsync(inner, deadline_s, largest),
        timeout=timeout_s,
        follow_redirects=False,
        headers=_HEADERS,
        **more,
    )


def _redact_logs() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_REDACTING)  # which is added once


def redirection(status: int, headers: Mapping[str, str]) -> str:
    """What to say of a reply that leads elsewhere; '' if it does not."""
    where = headers.get("location", "")
    if not (300 <= status < 400 and where):
        return ""
    return f"it redirects to {shortened(unquote(shown_address(where)))}, which is not followed"


def _late(seconds: float) -> LimitExceeded:
    return LimitExceeded(f"the reply has not ended after {seconds:g} s")


class _Meter:
    """Holds one exchange to its time, and its reply to its size."""

    def __init__(self, request: httpx.Request, deadline_s: float, largest: int) -> None:
        self.deadline_s = deadline_s
        self._ends = min(time.monotonic() + deadline_s, _ends.get())
        self._streams = request.headers.get("accept") == EVENTS
        self._largest = _LARGEST_STREAM if self._streams else largest
        self._whole = _LARGEST_EVENT if self._streams else largest
        self._bytes = self._read = 0
        self._parts = dict.fromkeys(_PARTS, 0)
        self._tail = b""

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return max(self._ends - time.monotonic(), 0.0)

    def check_headers(self, headers: httpx.Headers) -> None:
        """Refuse a compressed reply, of which a few bytes could become gigabytes."""
        packed = headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            raise LimitExceeded(
                f"the reply is compressed ({shortened(packed, 40)}), and only plain ones are read",
                hint="switch compression off in the server, or in the proxy before it",
            )

    def check(self, piece: bytes) -> None:
        """Count a piece of the reply, and end the exchange beyond any limit."""
        if time.monotonic() > self._ends:
            raise _late(self.deadline_s)
        self._bytes += len(piece)
        if self._streams:
            piece = self._last_event(piece)
        self._read += len(piece)
        if self._bytes > self._largest or self._read > self._whole:
            allowed = min(self._largest, self._whole) / 2**20
            what = "an event of the reply" if self._read > self._whole and self._streams else "the reply"
            raise LimitExceeded(f"{what} has more than the {allowed:g} MiB that are read", hint=_MISTRUST)
        for sign, bytes_each in _PARTS.items():
            self._parts[sign] += piece.count(sign)
            if self._parts[sign] * bytes_each > self._whole:
                most = self._whole // bytes_each
                raise LimitExceeded(
                    f"the reply has too many parts: more than {most:,} times {sign.decode()!r}",
                    hint=_MISTRUST,
                )

    def _last_event(self, piece: bytes) -> bytes:
        """What `piece` has of the event that it does not end; the counts begin anew with each event."""
        joined = self._tail + piece
        self._tail = joined[-3:]
        ended = max(joined.rfind(b"\n\n"), joined.rfind(b"\n\r\n"), joined.rfind(b"\r\r"))
        if ended < 0:
            return piece
        self._read, self._parts = 0, dict.fromkeys(_PARTS, 0)
        return joined[ended:]


class _Guarded(httpx.BaseTransport):
    """A transport whose replies are limited in bytes and in seconds."""

    def __init__(self, inner: httpx.BaseTransport, deadline_s: float, largest: int) -> None:
        self._inner, self._limits = inner, (deadline_s, largest)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.BaseTransport`."""
        meter = _Meter(request, *self._limits)
        try:
            # In a thread, as a server may send its headers letter by letter.
            response = within(meter.left_s, lambda: self._inner.handle_request(request))
        except LimitExceeded:
            self._inner.close()  # or the thread would read as long as it is sent something
            raise _late(meter.deadline_s) from None
        return _metered(response, _Stream(response.stream, meter), meter)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class _GuardedAsync(httpx.AsyncBaseTransport):
    """An asynchronous transport whose replies are limited in bytes and in seconds."""

    def __init__(self, inner: httpx.AsyncBaseTransport, deadline_s: float, largest: int) -> None:
        self._inner, self._limits = inner, (deadline_s, largest)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        meter = _Meter(request, *self._limits)
        try:
            async with asyncio.timeout(meter.left_s):
                response = await self._inner.handle_async_request(request)
        except TimeoutError:
            raise _late(meter.deadline_s) from None
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
            self._meter.check(piece)
            yield piece

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, inner: Any, meter: _Meter) -> None:
        self._inner, self._meter = inner, meter

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._inner)
        while True:
            try:
                async with asyncio.timeout(self._meter.left_s):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise _late(self._meter.deadline_s) from None
            self._meter.check(piece)
            yield piece

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()
