"""Server-sent events: sent as they come, with a sign of life in between, ended with an error that clients see, or when nobody reads."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yukawa.core.redaction import redacted
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
    return f"{head}data: {redacted(json.dumps(value, ensure_ascii=False))}\n\n".encode("utf-8", "replace")


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
        self.init_headers(_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the client goes."""
        sending = asyncio.ensure_future(self._send_all(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def say(data: bytes, *, more: bool = True) -> None:
            async with asyncio.timeout(_DRAINED_S):
                await send({"type": "http.response.body", "body": data, "more_body": more})

        try:
            async with contextlib.aclosing(self._with_signs_of_life()) as all_data:
                async for data in all_data:
                    await say(data)
        except TimeoutError:
            return  # nobody takes what is sent
        except Exception as error:  # noqa: BLE001 -- the status has gone already: the error is the last event
            await say(event(refusal_of(error).as_json(), self._error_name))
        await say(b"", more=False)

    async def _with_signs_of_life(self) -> AsyncGenerator[bytes]:
        """The events, and comments while there is none; checks at times that the reader may still read."""
        loop = asyncio.get_running_loop()
        spoken = checked = loop.time()
        following = asyncio.ensure_future(anext(self._events, None))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=_LOOK_S)
                at = loop.time()
                if at - checked >= _LOOK_S:
                    checked = at
                    if not await self._allowed():
                        raise Refusal(401, "this key was revoked or has expired", code="invalid_api_key")
                if done:
                    data, spoken = following.result(), at
                    if data is None:
                        return
                    following = asyncio.ensure_future(anext(self._events, None))
                    yield data
                elif at - spoken >= self._alive_s:
                    spoken = at
                    yield ALIVE
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            with contextlib.suppress(Exception):
                await self._events.aclose()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
