"""A synchronous face for scripts and notebooks, usable also where an event loop is already running."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from yukawa.llm import base

T = TypeVar("T")
_END = object()


class SyncChat:
    """Any `ChatModel`, called without `await`.

    The model runs on an event loop in a thread of its own, which starts with the first call and ends with
    `close`. Use it as a context manager, or let the thread end with the program.
    """

    def __init__(self, model: base.ChatModel) -> None:
        self.model = model
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def chat(
        self, messages: Sequence[base.Message], options: base.GenerationOptions = base.GREEDY
    ) -> base.Reply:
        """Call `ChatModel.chat` and wait for the reply."""
        return self._run(self.model.chat(messages, options))

    def structured(
        self,
        messages: Sequence[base.Message],
        schema: type[base.Schema],
        options: base.GenerationOptions = base.GREEDY,
    ) -> base.Schema:
        """Call `yukawa.llm.structured` and wait for its result."""
        return self._run(base.structured(self.model, messages, schema, options))

    def stream(
        self, messages: Sequence[base.Message], options: base.GenerationOptions = base.GREEDY
    ) -> Iterator[str]:
        """`ChatModel.stream`, one string at a time; leaving the loop early stops the model."""
        pieces = self.model.stream(messages, options)
        try:
            while isinstance(piece := self._run(_next(pieces)), str):
                yield piece
        finally:
            # The protocol promises an iterator only; a generator must also learn that nobody listens.
            if hasattr(pieces, "aclose"):
                self._run(pieces.aclose())

    def capabilities(self) -> base.Capabilities:
        """Call `ChatModel.capabilities` and wait for its result."""
        return self._run(self.model.capabilities())

    def close(self) -> None:
        """Close the model and end the thread; a later call starts another one."""
        self._run(self.model.aclose())
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        try:
            return future.result()
        except BaseException:
            # Ctrl-C reaches the caller, not the thread: without this the request would continue unseen.
            future.cancel()
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name=f"chat-{self.model.name}", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _next(pieces: Any) -> object:
    # StopAsyncIteration cannot cross a future, so the end is a value.
    return await anext(pieces, _END)
