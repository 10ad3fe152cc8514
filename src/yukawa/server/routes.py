"""The one table of routes and roles, and what every request passes before its handler: who, whether, how often, how much."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from yukawa.server import (
    answer_pages,
    knowledge_api,
    knowledge_pages,
    mcp,
    openai_api,
    operations,
    pages,
    record_pages,
)
from yukawa.server.keys import Person, Role, allows, unauthorized
from yukawa.server.limits import parse_body, read_body
from yukawa.server.problems import Refusal, busy, reply
from yukawa.server.services import ServerCall, Services, unless_gone

Handler = Callable[..., Coroutine[Any, Any, Response]]
_SAFE = ("GET", "HEAD", "OPTIONS")
_FORM = "application/x-www-form-urlencoded"


class RouteRow(NamedTuple):
    """A row of the table.

    Attributes:
        method: of HTTP.
        path: the pattern of the path.
        role: what a person must at least be; None for anybody, without a key.
        handler: what answers.
        document: whether the body may be as large as a document.
        asks: whether it ends when the client goes, as it changes nothing; all else is finished and noted in the chain.
        secret: whether the reply holds what must not be kept.
        page: whether it is for a person's browser: bodies are forms, errors are pages.
    """

    method: str
    path: str
    role: Role | None
    handler: Handler
    document: bool = False
    asks: bool = False
    secret: bool = False
    page: bool = False


def _page(method: str, path: str, role: Role | None, handler: Handler, **more: bool) -> RouteRow:
    return RouteRow(method, path, role, handler, page=True, **more)


TABLE = (
    RouteRow("GET", "/health", None, operations.health),
    RouteRow("GET", "/ready", None, operations.ready),
    RouteRow("GET", "/metrics", "reader", operations.metrics),
    RouteRow("GET", "/openapi.json", "reader", operations.openapi),
    # As OpenAI has it.
    RouteRow("GET", "/v1/models", "reader", openai_api.models),
    RouteRow("GET", "/v1/models/{name:path}", "reader", openai_api.model),
    RouteRow("POST", "/v1/chat/completions", "asker", openai_api.chat_completions, asks=True),
    RouteRow("POST", "/v1/embeddings", "asker", openai_api.embeddings, asks=True),
    # Our own.
    RouteRow("GET", "/api/me", "reader", operations.me),
    RouteRow("POST", "/api/session", None, operations.open_session, secret=True),
    RouteRow("DELETE", "/api/session", None, operations.close_session),
    RouteRow("POST", "/api/ask", "asker", knowledge_api.ask, asks=True),
    RouteRow("GET", "/api/answers/{answer_id}", "asker", knowledge_api.answer),
    RouteRow("POST", "/api/answers/{answer_id}/correct", "teacher", knowledge_api.correct),
    RouteRow("GET", "/api/chats", "asker", knowledge_api.chats),
    RouteRow("GET", "/api/chats/{chat_id}", "asker", knowledge_api.chat),
    RouteRow("DELETE", "/api/chats/{chat_id}", "asker", knowledge_api.remove_chat),
    RouteRow("POST", "/api/preview", "reader", operations.preview, asks=True),
    RouteRow("GET", "/api/search", "reader", knowledge_api.search),
    RouteRow("POST", "/api/teach", "teacher", knowledge_api.teach, document=True),
    RouteRow("GET", "/api/items", "reader", knowledge_api.items),
    RouteRow("GET", "/api/items/{item_id}", "reader", knowledge_api.item),
    RouteRow("PUT", "/api/items/{item_id}", "teacher", knowledge_api.update, document=True),
    RouteRow("DELETE", "/api/items/{item_id}", "teacher", knowledge_api.unload),
    RouteRow("GET", "/api/items/{item_id}/history", "reader", knowledge_api.history),
    RouteRow("POST", "/api/items/{item_id}/restore", "teacher", knowledge_api.restore),
    RouteRow("POST", "/api/items/{item_id}/purge", "reviewer", knowledge_api.purge),
    RouteRow("POST", "/api/items/{item_id}/review", "reviewer", knowledge_api.review),
    RouteRow("GET", "/api/conflicts", "reader", knowledge_api.conflicts),
    RouteRow("POST", "/api/conflicts/{conflict_id}/resolve", "teacher", knowledge_api.resolve),
    RouteRow("GET", "/api/runs", "reader", operations.runs),
    RouteRow("GET", "/api/runs/{name:path}", "reader", operations.run),
    RouteRow("GET", "/api/keys", "admin", operations.keys),
    RouteRow("POST", "/api/keys", "admin", operations.add_key, secret=True),
    RouteRow("DELETE", "/api/keys/{key_id}", "admin", operations.revoke_key),
    RouteRow("GET", "/api/audit", "admin", operations.audit),
    # Of the Model Context Protocol; each tool has its role (`yukawa.server.mcp.TABLE`).
    RouteRow("POST", "/mcp", "reader", mcp.mcp_post, document=True, asks=True),
    # Pages.
    _page("GET", "/", "asker", answer_pages.ask_page),
    _page("POST", "/ask", "asker", answer_pages.ask_form, asks=True),
    _page("GET", "/chats/{chat_id}", "asker", answer_pages.chat_page),
    _page("POST", "/chats/{chat_id}/remove", "asker", answer_pages.remove_chat_form),
    _page("GET", "/answers/{answer_id}", "asker", answer_pages.answer_page),
    _page("POST", "/answers/{answer_id}/correct", "teacher", answer_pages.correct_form),
    _page("GET", "/teach", "teacher", knowledge_pages.teach_page),
    _page("POST", "/teach", "teacher", knowledge_pages.teach_form, document=True),
    _page("GET", "/knowledge", "reader", knowledge_pages.knowledge_page),
    _page("GET", "/knowledge/{item_id}", "reader", knowledge_pages.item_page),
    _page("POST", "/knowledge/{item_id}/update", "teacher", knowledge_pages.update_form, document=True),
    _page("POST", "/knowledge/{item_id}/unload", "teacher", knowledge_pages.unload_form),
    _page("POST", "/knowledge/{item_id}/restore", "teacher", knowledge_pages.restore_form),
    _page("POST", "/knowledge/{item_id}/review", "reviewer", knowledge_pages.review_form),
    _page("POST", "/knowledge/{item_id}/purge", "reviewer", knowledge_pages.purge_form),
    _page("GET", "/conflicts", "reader", knowledge_pages.conflicts_page),
    _page("POST", "/conflicts/{conflict_id}/resolve", "teacher", knowledge_pages.resolve_form),
    _page("GET", "/runs", "reader", record_pages.runs_page),
    _page("GET", "/runs/{name:path}", "reader", record_pages.run_page),
    _page("GET", "/files/{name:path}", "reader", record_pages.run_file),
    _page("GET", "/keys", "admin", record_pages.keys_page),
    _page("POST", "/keys", "admin", record_pages.add_key_form, secret=True),
    _page("POST", "/keys/{key_id}/revoke", "admin", record_pages.revoke_key_form),
    _page("GET", "/about", "reader", pages.about_page),
    _page("GET", "/sign-in", None, pages.sign_in_page),
    _page("POST", "/sign-in", None, pages.sign_in_form, secret=True),
    _page("POST", "/sign-out", None, pages.sign_out_form),
    _page("GET", "/static/{name}", None, pages.static_file),
    _page("GET", "/favicon.ico", None, pages.favicon),
)
"""Every route that there is; what is not in it does not exist."""


def add_routes(app: FastAPI) -> None:
    """Give the application the routes of the table, each behind its guard."""
    for entry in TABLE:
        app.router.add_api_route(
            entry.path, entry.handler, methods=[entry.method], response_model=None,
            operation_id=f"{entry.handler.__name__}", include_in_schema=not entry.page, tags=[entry.path.split("/")[1] or "pages"],
            route_class_override=type("Guarded", (_GuardedRoute,), {"entry": entry}),
            openapi_extra={"x-role": entry.role or "anybody", "security": [{"key": []}] if entry.role else []},
        )  # fmt: skip


def methods_of(path: str) -> list[str]:
    """The methods that a path takes, for the header Allow."""
    found = {entry.method for entry in TABLE if _matches(entry.path, path)}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


def _matches(pattern: str, path: str) -> bool:
    mine, theirs = pattern.split("/"), path.split("/")
    if mine[-1].endswith(":path}"):
        theirs = [*theirs[: len(mine) - 1], "/".join(theirs[len(mine) - 1 :])]
    return len(mine) == len(theirs) and all(
        a == b or (a[:1] == "{" and b) for a, b in zip(mine, theirs, strict=True)
    )


class _GuardedRoute(APIRoute):
    """A route whose handler is reached only by who may; no error leaves it but as a reply."""

    entry: RouteRow

    def get_route_handler(self) -> Handler:
        """The guard with the handler behind it."""
        inner, entry = super().get_route_handler(), self.entry

        async def guarded(request: Request) -> Response:
            """Let a request through to the handler, or refuse it."""
            try:
                services: Services = request.app.state.services
                if "\0" in request.url.path or "%00" in request.url.query:
                    raise Refusal(
                        404, "there is nothing under a name with the character U+0000", code="not_found"
                    )
                request.state.who = sender = await services.identify(request)
                who = _allowed(entry, sender)
                services.rates.take(who.key_id or who.name or (request.client.host if request.client else ""))
                body = await _read(request, entry, services)
                _check_token(request, entry, who)
                request.state.call = ServerCall(request, who, services)
                return await _once(
                    entry, services, request, who, body, lambda: _within(entry, services, request, inner)
                )
            except Exception as error:  # noqa: BLE001 -- every error is a reply
                return pages.refused(request, error) if entry.page else reply(error)

        return guarded


def _allowed(entry: RouteRow, who: Person | None) -> Person:
    """The person, if the table lets such a one in.

    Raises:
        Refusal: it does not.
    """
    if entry.role is None:
        return who or Person("", "reader")
    if who is None:
        raise unauthorized("a key is needed")
    if not allows(who.role, entry.role):
        raise Refusal(
            403, f"this needs the role {entry.role!r}, and this key has the role {who.role!r}", code="role"
        )
    return who


async def _read(request: Request, entry: RouteRow, services: Services) -> bytes:
    """The body, which the framework then finds as it was read and parsed here.

    Raises:
        Refusal: it is too large or too slow, not JSON, or nested too deeply.
    """
    limits = services.limits
    body = await read_body(request, limits.document if entry.document else limits.body, limits.body_s)
    request._body = body  # where Starlette keeps it
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = _FORM if entry.page else "application/json"
    if body and entry.method not in _SAFE:
        if kind != wanted:
            raise Refusal(
                415, f"the body is {kind[:60] or 'of no type'!r}; send {wanted}", code="content_type"
            )
        if not entry.page:
            request._json = parse_body(body, limits.depth)
    if entry.page:
        request.state.form = pages.parse_form(body) if entry.method not in _SAFE else {}
    return body


def _check_token(request: Request, entry: RouteRow, who: Person) -> None:
    """Refuse what a browser's session sends without its token: another site's page may have made it.

    Raises:
        Refusal: the token is missing or wrong, or a form comes from nowhere.
    """
    if request.method in _SAFE:
        return
    if entry.page:
        pages.check_origin(request)
    if who.csrf and entry.role is not None:
        sent = request.headers.get("x-csrf-token", "") or (
            request.state.form.get("token", "") if entry.page else ""
        )
        if not hmac.compare_digest(sent.encode(), who.csrf.encode()):
            raise Refusal(403, "the token of this session is missing; send X-CSRF-Token", code="csrf")


async def _within(
    entry: RouteRow,
    services: Services,
    request: Request,
    inner: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    """The reply, within the longest time; what changes something is noted in the chain."""
    try:
        async with asyncio.timeout(services.limits.seconds):
            response = await (unless_gone(request, inner(request)) if entry.asks else inner(request))
    except TimeoutError:
        raise busy(f"it took longer than {services.limits.seconds:g} s", seconds=60) from None
    looked = (
        entry.asks or entry.method in _SAFE or (entry.page and response.status_code == 200)
    )  # only showed
    if entry.role and not looked and response.status_code < 400:
        who: Person = request.state.call.who
        verb, path = entry.handler.__name__.removesuffix("_form"), request.url.path
        await services.quick.run(services.tables.note, who.name, verb, path)
    return response


async def _once(
    entry: RouteRow, services: Services, request: Request, who: Person, body: bytes, answer: Callable[[], Coroutine[Any, Any, Response]]
) -> Response:  # fmt: skip
    """The reply; a request with an `Idempotency-Key` is worked at once, and gets the same reply however often it is sent.

    Raises:
        Refusal: the key was used for another request, or the first one is being worked at.
    """
    key = request.headers.get("idempotency-key")
    if key is None or entry.method != "POST" or not (who.name or entry.secret):
        return await answer()
    if entry.secret:
        raise Refusal(400, "this reply is kept by nobody; send the request without Idempotency-Key")
    if not 0 < len(key) <= 255 or not key.isprintable():
        raise Refusal(400, "Idempotency-Key must have 1 to 255 letters", param="Idempotency-Key")
    tables = services.tables
    what = hashlib.sha256(f"{request.url.path}?{request.url.query}\n".encode() + body).hexdigest()
    found = await services.quick.run(tables.begin_once, who.name, key, what, services.limits.seconds)
    if found == "other":
        raise Refusal(422, "this Idempotency-Key was used for another request", code="idempotency_key")
    if found == "running":
        raise Refusal(
            409, "a request with this Idempotency-Key is being worked at", headers={"retry-after": "1"}
        )
    if not isinstance(found, str):
        status, kept = found
        return Response(kept, status, {"idempotency-replayed": "true"}, "application/json")
    try:
        response = await answer()
    except Exception as error:  # noqa: BLE001 -- kept as the reply that it is
        response = reply(error)
    except BaseException:
        await services.quick.run(tables.end_once, who.name, key, 500, b"")
        raise
    kept = getattr(response, "body", b"")
    await services.quick.run(
        tables.end_once, who.name, key, response.status_code if kept else 500, bytes(kept)
    )
    return response
