"""The Model Context Protocol: asking, searching, looking back, teaching and checking cards as tools, over HTTP or standard input.

A person is offered the tools that the role allows, and no other can be called. Over HTTP each request is answered by itself, as JSON.
"""

import asyncio
import contextlib
import contextvars
import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field
from starlette.responses import Response

from yukawa import __version__
from yukawa.core.errors import check_installed
from yukawa.core.redaction import redacted_values
from yukawa.generators import checking, diagnostics
from yukawa.server.keys import Person, Role, allows
from yukawa.server.openai_api import with_sources
from yukawa.server.problems import refusal_of
from yukawa.server.services import Called, Services

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

_LONGEST = 6_000_000
_ABOUT = (
    "Facts of particle physics with their sources, and what this group has taught. Every value comes from an item with a history; where"
    " nothing supports an answer, the reply says so. Quote values with their errors and cite the sources."
)
_caller: contextvars.ContextVar[Person] = contextvars.ContextVar("caller")
Question = Annotated[str, Field(min_length=1, max_length=20_000, description="In any notation.")]
Moment = Annotated[str | None, Field(max_length=40, description="ISO 8601: as it was known then.")]
ItemId = Annotated[str, Field(min_length=1, max_length=200, description="Id of an item, such as k7xq2mzd4.")]
Text = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Line = Annotated[str, Field(max_length=2_000)]


class ToolRow(NamedTuple):
    """A tool: its name, what a person must at least be, and the method of `Tools` that works it."""

    name: str
    role: Role
    work: Callable[..., Coroutine[Any, Any, dict[str, Any]]]


class Tools:
    """What the tools do, in the name of who calls; whatever goes wrong is a sentence.

    Args:
        services: of the server.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def ask(
        self, question: Question, as_of: Moment = None, domain: Line | None = None, model: Line | None = None
    ) -> dict[str, Any]:
        """Answer a question on particles or on what was taught, with sources and checks, or say that nothing supports an answer."""
        answer, whole = await self._services.ask(
            question, _caller.get(), as_of=as_of, domain=domain, model=model
        )
        names = ("id", "abstained", "sources", "checks", "conflicts", "model")
        return {"text": with_sources(answer)} | {name: whole[name] for name in names}

    async def search(
        self, query: Question, k: Annotated[int, Field(ge=1, le=100)] = 5, as_of: Moment = None
    ) -> dict[str, Any]:
        """The passages that fit some words best, by words and meaning, with their sources."""
        hits = await self._services.pool.run(lambda: self._services.base.search(query, k=k, as_of=as_of))
        return {"passages": [hit.as_json() for hit in hits]}

    async def show(self, item_id: ItemId, as_of: Moment = None) -> dict[str, Any]:
        """An item with its source, author, version and contradictions."""
        found = await self._services.pool.run(lambda: self._services.base.show(item_id, as_of=as_of))
        return found.as_json()

    async def history(self, item_id: ItemId) -> dict[str, Any]:
        """Every version of an item, and who changed it when and why."""
        versions, events = await self._services.pool.run(self._services.base.history, item_id)
        return {"versions": [one.as_json() for one in versions], "events": [one.as_json() for one in events]}

    async def teach(
        self, text: Text, question: Line | None = None, source: Line = "", url: Line | None = None, reason: Line = ""
    ) -> dict[str, Any]:  # fmt: skip
        """Teach a statement, an answer to a question or a document under your name; the next answer uses it. Names what it contradicts."""
        services, who = self._services, _caller.get()

        def work() -> dict[str, Any]:
            """Teach, and note it in the chain."""
            item = services.base.teach(
                text, question=question, source=source, url=url, reason=reason, author=who.name
            )
            services.tables.note(who.name, "mcp teach", item.id)
            return item.as_json()

        return await services.pool.run(work)

    async def check_card(self, text: Text, name: Line = "") -> dict[str, Any]:
        """What is wrong with a decay card of EvtGen, job options of BOSS or settings of Pythia; nothing is run or read besides the text."""

        def work() -> dict[str, Any]:
            """The findings, by line."""
            found = checking.check(text, name=name)
            return {"findings": diagnostics.as_objects(name or "card", found)}

        return await self._services.pool.run(work)


TABLE = (
    ToolRow("ask", "asker", Tools.ask), ToolRow("search", "reader", Tools.search), ToolRow("show", "reader", Tools.show),
    ToolRow("history", "reader", Tools.history), ToolRow("teach", "teacher", Tools.teach),
    ToolRow("check_card", "reader", Tools.check_card),
)  # fmt: skip
"""Every tool that there is."""


def mcp_server(services: Services, role: Role) -> "MCPServer[Any]":
    """The server of the protocol with the tools that a role allows."""
    check_installed("mcp", "the Model Context Protocol", "server")
    from mcp.server.mcpserver import MCPServer

    made: MCPServer[Any] = MCPServer(
        "yukawa", title="Yukawa", version=__version__, instructions=_ABOUT, log_level="ERROR"
    )
    tools = Tools(services)
    for row in TABLE:
        if allows(role, row.role):
            made.add_tool(
                _guarded(row, tools), name=row.name, description=row.work.__doc__, structured_output=True
            )
    return made


def _guarded(row: ToolRow, tools: Tools) -> Callable[..., Coroutine[Any, Any, dict[str, Any]]]:
    """A tool whose errors are sentences without secrets; it has the parameters of the method."""
    from mcp.server.mcpserver.exceptions import ToolError

    method = row.work.__get__(tools)

    @functools.wraps(method)
    async def guarded(*given: Any, **named: Any) -> dict[str, Any]:
        """Work the tool."""
        try:
            found: dict[str, Any] = redacted_values(await method(*given, **named))
        except Exception as error:  # noqa: BLE001 -- a program reads it
            raise ToolError(refusal_of(error).message) from None
        return found

    return guarded


# ---- standard input -------------------------------------------------------------------------------


async def serve_stdio(services: Services, who: Person) -> None:
    """Serve one program over standard input and output, in the name of a person, until it ends."""
    _caller.set(who)
    services.upstream.attach()
    try:
        await mcp_server(services, who.role).run_stdio_async()
    finally:
        await services.aclose()


# ---- HTTP -----------------------------------------------------------------------------------------


class McpServers:
    """One server of the protocol for each role, made when somebody of that role first comes.

    Args:
        services: of the server.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._managers: dict[Role, StreamableHTTPSessionManager] = {}
        self._running: list[asyncio.Task[None]] = []
        self._lock = asyncio.Lock()
        self._ended = asyncio.Event()

    async def manager(self, role: Role) -> "StreamableHTTPSessionManager":
        """What answers requests of people with a role."""
        async with self._lock:
            if role not in self._managers:
                server = await self._services.pool.run(mcp_server, self._services, role)
                from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

                made = StreamableHTTPSessionManager(
                    server._lowlevel_server, json_response=True, stateless=True
                )
                ready = asyncio.Event()
                self._running.append(asyncio.create_task(self._run(made, ready)))
                await ready.wait()
                self._managers[role] = made
        return self._managers[role]

    async def _run(self, manager: "StreamableHTTPSessionManager", ready: asyncio.Event) -> None:
        async with manager.run():
            ready.set()
            await self._ended.wait()

    async def aclose(self) -> None:
        """End all of them."""
        self._ended.set()
        await asyncio.gather(*self._running, return_exceptions=True)


async def mcp_post(call: Called) -> Response:
    """One message of the Model Context Protocol; tools are offered by role."""
    servers: McpServers = call.request.app.state.mcp
    manager = await servers.manager(call.who.role)
    body, read = await call.request.body(), False

    async def receive() -> dict[str, Any]:
        """The body, which was read already, and then nothing until the client goes."""
        nonlocal read
        if read:
            await asyncio.Event().wait()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        """Keep a part of the reply."""
        sent.append(message)

    token = _caller.set(call.who)
    try:
        await manager.handle_request(call.request.scope, receive, send)
    finally:
        with contextlib.suppress(ValueError):
            _caller.reset(token)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    reply = Response(content, sent[0]["status"])
    names = (b"content-type", b"mcp-protocol-version", b"allow")
    for name, value in sent[0].get("headers", ()):
        if name.lower() in names:
            reply.headers[name.decode()] = value.decode()
    return reply
