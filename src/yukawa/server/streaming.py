"""Server-sent events: sent as they come, with a sign of life in between, ended with an error that clients see, or when nobody reads."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yukawa.core.redaction import redacted_values
from yukawa.server.problems import Refusal, refusal_of

ALIVE = b": working\n\n"
_LOOK_S = 1.0  # between looks at whether the reader may still read
_DRAINED_S = 60.0  # within which a reader must take what it was sent
_HEADERS = {
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}  # proxies shall not collect it


def event(value: Any, name: str = "", number: int | None = None) -> bytes:
    """One event whose data are JSON."""
    head = (f"event: {name}\n" if name else "") + (f"id: {number}\n" if number is not None else "")
    return f"{head}data: {json.dumps(redacted_values(value), ensure_ascii=False)}\n\n".encode(
        "utf-8", "replace"
    )


class EventStream(Response):
    """A reply of events.

    An error becomes a last event with the error, and nothing after it. Where the client goes, the events are closed at once, and
    with them whatever makes them.

    Args:
        events: the events as bytes; a generator.
        alive_s: seconds of silence after which a comment is sent.
        allowed: called at each sign of life: whether the reader may still read.
        error_name: the name of the event of an error; without one it is as OpenAI sends it.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        alive_s: float,
        allowed: Callable[[], Awaitable[bool]],
        error_name: str = "",
    ) -> None:
        self.status_code, self.background = 200, None
        self._events, self._alive_s, self._allowed, self._error_name = events, alive_s, allowed, error_name
        self._turn = asyncio.Lock()
        self._spoken, self._writing = 0.0, False
        self._refused: Refusal | None = None
        self.init_headers(_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end, the client goes, or nobody takes what is sent."""
        sending = asyncio.ensure_future(self._send_all(send))
        others = [asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self._watch(send, sending))]
        try:
            await asyncio.wait({sending, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)
            with contextlib.suppress(Exception):
                await self._events.aclose()  # it may not have begun

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async with contextlib.aclosing(self._events):
                async for data in self._events:
                    await self._say(send, data)
        except asyncio.CancelledError:
            if self._refused is None:
                raise
            await self._say(send, event(self._refused.as_json(), self._error_name))
        except Exception as error:  # noqa: BLE001 -- the status has gone already: the error is the last event
            await self._say(send, event(refusal_of(error).as_json(), self._error_name))
        await self._say(send, b"", more=False)

    async def _say(self, send: Send, data: bytes, *, more: bool = True) -> None:
        async with self._turn:
            self._spoken, self._writing = time.monotonic(), True
            await send({"type": "http.response.body", "body": data, "more_body": more})
            self._writing = False

    async def _watch(self, send: Send, sending: asyncio.Future[None]) -> None:
        """Say that the stream lives where nothing is said, and end it where the reader may not read or does not."""
        self._spoken = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_S)
            silent_s = time.monotonic() - self._spoken
            if self._writing and silent_s > _DRAINED_S:
                return
            if not await self._allowed():
                self._refused = Refusal(401, "this key was revoked or has expired", code="invalid_api_key")
                sending.cancel()
                await asyncio.wait({sending})
                return
            if silent_s >= self._alive_s and not self._writing:
                await self._say(send, ALIVE)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
