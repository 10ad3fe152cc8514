"""Puts the server together: the base, the tables, the keys, the table of routes, the shell around all of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from yukawa import __version__
from yukawa.core.settings import Settings
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.database import Store
from yukawa.llm import ChatModel
from yukawa.server.forgetting import ServerTexts, forget_erased
from yukawa.server.keys import KeyReviewers, Keys, Person
from yukawa.server.limits import Limits
from yukawa.server.mcp import McpServers
from yukawa.server.pages import refused, wants_page
from yukawa.server.problems import Refusal, handle, refusal_of, reply
from yukawa.server.routes import add_routes, methods_of
from yukawa.server.services import Services
from yukawa.server.shell import Hosts, Shell, is_loopback
from yukawa.server.tables import ServerTables


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is run; it can be sent to other processes.

    Attributes:
        settings: of the installation.
        host: the address that it listens on; without keys only if programs on this machine alone reach it.
        local_name: who asks without a key.
        need_keys: whether keys are needed on the loopback interface too.
        hosts: further names under which it is addressed.
        origins: origins of pages elsewhere that may call the API.
        root_path: the path under which a proxy shows it.
        limits: how much it takes on.
        runs: the folder whose runs are shown.
    """

    settings: Settings
    host: str = "127.0.0.1"
    local_name: str = "unknown"
    need_keys: bool = False
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    root_path: str = ""
    limits: Limits = field(default_factory=Limits)
    runs: Path = Path("runs")

    @property
    def open(self) -> bool:
        """Whether everybody who reaches it may do everything."""
        return is_loopback(self.host) and not self.need_keys


def create_app(options: ServerOptions, *, models: Mapping[str, ChatModel] | None = None) -> ASGIApp:
    """The application, for any ASGI server; the base is opened when it starts.

    Args:
        options: how it is run.
        models: models that are open already, by the name of their row.
    """
    services = open_services(options, models or {})
    app = FastAPI(
        title="Yukawa", version=__version__, docs_url=None, redoc_url=None,
        lifespan=_lifespan, redirect_slashes=False, openapi_url=None,
        exception_handlers={HTTPException: _unknown, Refusal: handle},
    )  # fmt: skip
    app.state.services = services
    add_routes(app)
    return Shell(app, Hosts(options.host, options.hosts), options.origins, services.counts, options.root_path)


def open_services(options: ServerOptions, models: Mapping[str, ChatModel]) -> Services:
    """Open the base and all that works with it."""
    settings = options.settings
    local = Person(options.local_name, "admin") if options.open else None
    chosen = settings.knowledge
    store = Store(chosen.url)
    tables = ServerTables(store, settings.home)
    store.elsewhere.append(ServerTexts(store, settings.home))
    base = KnowledgeBase(
        store, chosen.embedding, KeyReviewers(tables, chosen.reviewers if options.open else ())
    )
    forget_erased(store)
    return Services(base, settings, tables, Keys(tables, local), options.limits, options.runs, models)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.upstream.attach()
    app.state.mcp = McpServers(services)
    warming = asyncio.ensure_future(services.pool.run(services.warm))
    try:
        yield
    finally:
        warming.cancel()
        await asyncio.gather(warming, app.state.mcp.aclose(), return_exceptions=True)
        await services.aclose()


async def _unknown(request: Request, error: Exception) -> Response:
    """The reply to a path or a method that is not in the table."""
    refusal = refusal_of(error)
    if refusal.status == 404:
        refusal = Refusal(404, f"there is nothing at {request.url.path[:200]!r}", code="not_found")
    elif refusal.status == 405:
        allowed = ", ".join(methods_of(request.url.path))
        refusal = Refusal(
            405, f"{request.method[:20]} is not allowed here; allowed: {allowed}", headers={"allow": allowed}
        )
    return refused(request, refusal) if wants_page(request) else reply(refusal)
