"""The language models of a server: each open once, on the server's event loop, and let go when nobody waits for it any more."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from yukawa.core.errors import ModelError
from yukawa.core.settings import ModelSettings, Settings
from yukawa.llm import Capabilities, ChatModel, GenerationOptions, Message, Reply, open_model
from yukawa.llm.base import GREEDY
from yukawa.server.problems import busy

T = TypeVar("T")
_END = object()


class Waiter:
    """Whoever waits for an answer; the calls of models that are made meanwhile end when nobody waits any more."""

    current: contextvars.ContextVar["Waiter | None"] = contextvars.ContextVar("waiter", default=None)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: set[concurrent.futures.Future[Any]] = set()
        self._gone = False

    @classmethod
    @contextlib.contextmanager
    def waiting(cls) -> Iterator["Waiter"]:
        """The waiter of what is called in the block, in whatever thread; it has gone if the block is cancelled."""
        waiter = cls()
        token = cls.current.set(waiter)
        try:
            yield waiter
        except BaseException:
            waiter.leave()
            raise
        finally:
            cls.current.reset(token)

    def add(self, call: concurrent.futures.Future[Any]) -> None:
        """Note a call, which is cancelled at once if the waiter has gone."""
        with self._lock:
            self._calls.add(call)
            gone = self._gone
        call.add_done_callback(self._ended)
        if gone:
            call.cancel()

    def _ended(self, call: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            self._calls.discard(call)

    def leave(self) -> None:
        """Cancel the calls that run, and every further one."""
        with self._lock:
            self._gone = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()


class Upstream:
    """The models of the rows of `yukawa.toml`.

    Args:
        settings: which models there are.
        opened: models that are open already, by the name of their row.
        most: conversations at once.
    """

    def __init__(self, settings: Settings, opened: Mapping[str, ChatModel], most: int) -> None:
        self._settings, self._models = settings, dict(opened)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._most = most
        self.running = 0

    def attach(self) -> None:
        """Let the models run on the event loop that runs now."""
        self._loop = asyncio.get_running_loop()

    @property
    def raw(self) -> dict[str, ModelSettings]:
        """The rows that converse by themselves; one that quotes passages does not."""
        return {name: row for name, row in self._settings.models.items() if row.backend != "quote"}

    def proxies(self) -> dict[str, ChatModel]:
        """Each of these models, to be called from any other event loop."""
        return {name: _Elsewhere(name, self) for name in self.raw}

    def model(self, name: str) -> ChatModel:
        """The model of a row, opened when it is first wanted; call it on the server's event loop."""
        if name not in self._models:
            self._models[name] = open_model(self._settings.models[name])
        return self._models[name]

    @contextlib.contextmanager
    def conversation(self) -> Iterator[None]:
        """Counts a conversation while it lasts.

        Raises:
            Refusal: there are too many.
        """
        if self.running >= self._most:
            raise busy(f"{self.running} answers are being written; try again", seconds=2)
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of a coroutine on the server's event loop, from another one.

        Raises:
            ModelError: the server has ended.
        """
        if self._loop is None or self._loop.is_closed():
            raise ModelError("the server has ended")
        call = asyncio.run_coroutine_threadsafe(work(), self._loop)
        if (waiter := Waiter.current.get()) is not None:
            waiter.add(call)
        return await asyncio.wrap_future(call)

    async def aclose(self) -> None:
        """Close all models."""
        while self._models:
            with contextlib.suppress(ModelError, OSError):
                await self._models.popitem()[1].aclose()


class _Elsewhere:
    """A model of the server's event loop, for another one; it opens when it is first called, and the server closes it."""

    def __init__(self, name: str, upstream: Upstream) -> None:
        self.name, self._upstream = name, upstream

    async def chat(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> Reply:
        """See `ChatModel.chat`."""

        async def work() -> Reply:
            """Converse, in the loop of the models."""
            with self._upstream.conversation():
                return await self._upstream.model(self.name).chat(messages, options)

        return await self._upstream.call(work)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = GREEDY
    ) -> AsyncIterator[str]:
        """See `ChatModel.stream`."""
        pieces: list[AsyncIterator[str]] = []

        async def work() -> object:
            """The next piece, or `_END`."""
            if not pieces:
                pieces.append(self._upstream.model(self.name).stream(messages, options))
            return await anext(pieces[0], _END)

        async def end() -> None:
            """Let the model go."""
            if pieces and hasattr(pieces[0], "aclose"):
                await pieces[0].aclose()

        try:
            while isinstance(piece := await self._upstream.call(work), str):
                yield piece
        finally:
            with contextlib.suppress(ModelError):
                await self._upstream.call(end)

    async def capabilities(self) -> Capabilities:
        """Those of the model."""
        return await self._upstream.call(lambda: self._upstream.model(self.name).capabilities())

    async def aclose(self) -> None:
        """Nothing: the server closes the model."""
