"""What the handlers of requests work with: the base, the assistant, models, tables, pools; and questions that can be cancelled."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from yukawa.assistant import Answer, Assistant
from yukawa.assistant.explaining import explain
from yukawa.core.errors import NotFound, YukawaError
from yukawa.core.redaction import redacted_values
from yukawa.core.settings import Settings
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.traces import Tracer, Traces
from yukawa.llm import ChatModel
from yukawa.server.keys import Keys, Person, allows
from yukawa.server.limits import Limits, Rates, WorkPool
from yukawa.server.problems import Refusal
from yukawa.server.shell import Counts
from yukawa.server.tables import ServerTables
from yukawa.server.upstream import Upstream, Waiter

T = TypeVar("T")
log = logging.getLogger(__name__)
_SEARCH_S = 60.0  # for what was made from an erased item
OWNER = "asked_by"
"""The key of a kept answer under which the name of who asked is."""


class Services:
    """Everything that lives as long as the server does.

    Args:
        base: the knowledge base.
        settings: which models there are.
        tables: the server's own.
        keys: who may ask.
        limits: how much is taken on.
        runs: the folder whose runs are shown.
        models: models that are open already, by the name of their row.
    """

    def __init__(
        self, base: KnowledgeBase, settings: Settings, tables: ServerTables, keys: Keys, limits: Limits, runs: Path,
        models: Mapping[str, ChatModel],
    ) -> None:  # fmt: skip
        self.base, self.settings, self.tables, self.keys = base, settings, tables, keys
        self.limits, self.runs = limits, runs
        self.upstream = Upstream(settings, models, limits.streams)
        self.assistant = Assistant(base, settings, models=self.upstream.proxies())
        self.pool = WorkPool(limits.threads, limits.waiting)
        self.quick = WorkPool(
            4, 10_000
        )  # for the server's own tables, so that nobody waits for questions to be recognised
        self.rates, self.counts = Rates(limits.rate, limits.burst), Counts()
        self.ready = False

    def warm(self) -> None:
        """Load what the first question would wait for."""
        try:
            self.assistant.ask("What is the mass of the tau lepton?", keep=False)
            self.base.search("mass")
        except YukawaError as error:  # each question will say so itself
            log.warning("the first question failed: %s", error)
        self.ready = True

    async def aclose(self) -> None:
        """End the threads and close models, tables and base."""
        self.pool.close()
        self.quick.close()
        await self.upstream.aclose()
        self.tables.close()
        self.base.close()

    async def identify(self, request: Request) -> Person | None:
        """Who sends a request (see `Keys.read_credentials`)."""
        if "authorization" in request.headers or "cookie" in request.headers:
            return await self.quick.run(self.keys.read_credentials, request)
        return self.keys.local

    async def ask(
        self, question: str, who: Person, *, history: Sequence[str] = (), model: str | None = None, as_of: str | None = None,
        domain: str | None = None, follow: Callable[[str], object] | None = None,
    ) -> tuple[Answer, dict[str, Any]]:  # fmt: skip
        """The assistant's answer and its JSON, kept under the name of who asked; on cancelling the model is let go."""

        def work() -> tuple[Answer, dict[str, Any]]:
            """Ask, and keep the answer where the base can be written."""
            answer = self.assistant.ask(
                question, history=history, model=model, as_of=as_of, domain=domain, follow=follow, keep=False
            )
            whole = answer.as_json()
            if not self.base.store.readonly:
                reading = [] if answer.plan is None else list(explain(answer.plan))
                self.base.keep_answer(answer.id, question, whole | {OWNER: who.name, "reading": reading})
            return answer, whole

        with Waiter.waiting():
            return await self.pool.run(work)

    def answer_of(self, answer_id: str, who: Person) -> dict[str, Any]:
        """A kept answer, if it is this person's or the person may see all.

        Raises:
            NotFound: there is no such answer for this person; whether another has it is not said.
        """
        try:
            kept = self.base.answer(answer_id)
        except NotFound:
            kept = {"answer": {}, "time": 0}
        answer: dict[str, Any] = dict(kept["answer"])
        if answer.pop(OWNER, None) != who.name and not (answer and allows(who.role, "reviewer")):
            raise NotFound(f"there is no answer {answer_id!r}", hint="each answer has its id")
        return answer | {"asked_at": kept["time"]}

    def purge(self, item_id: str, who: Person, reason: str) -> Traces:
        """Erase an item; returns what was made from it and is left, by the last parts of paths: the log has them whole."""
        tracer = Tracer(self.base.store, item_id)
        self.base.purge(item_id, actor=who.name, reason=reason)
        left = tracer.find([self.runs], _SEARCH_S)
        for line in left.lines():
            log.warning("item %s was erased; %s", item_id, line)
        files, trained = (tuple(Path(*path.parts[-2:]) for path in paths) for paths in left[:2])
        return Traces(files, trained, left.unsearched)


@dataclass(frozen=True, slots=True)
class ServerCall:
    """One request, after it was let in: who sends it, and what it may work with."""

    request: Request
    who: Person
    services: Services

    @property
    def base(self) -> KnowledgeBase:
        """The knowledge base."""
        return self.services.base

    async def work(self, function: Callable[..., T], *given: Any) -> T:
        """The result of a function in a thread."""
        return await self.services.pool.run(function, *given)

    async def quickly(self, function: Callable[..., T], *given: Any) -> T:
        """The result of a function on the server's own tables."""
        return await self.services.quick.run(function, *given)


async def _call(request: Request) -> ServerCall:  # not a plain function: that would be run in a thread
    found: ServerCall = request.state.call
    return found


Called = Annotated[ServerCall, Depends(_call)]
"""The type of a handler's first parameter."""


def said(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A reply of JSON without secrets."""
    text = json.dumps(redacted_values(value), ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "replace"), status, headers, "application/json")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes.

    Raises:
        Refusal: the client has gone.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(gone_away(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refusal(499, "the client has gone")
        return await task
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def gone_away(request: Request) -> None:
    """Return when the client has gone; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
