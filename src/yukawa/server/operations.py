"""What keeps a server running: health, readiness, counts, keys, the chain of what was done, sessions, and the runs of this machine."""

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.responses import PlainTextResponse, Response

from yukawa import __version__
from yukawa.core.errors import NotFound, YukawaError
from yukawa.core.files import real
from yukawa.core.validation import Section
from yukawa.runs.run import RECIPE, Run
from yukawa.server.keys import COOKIE, SESSION_S
from yukawa.server.problems import Refusal, busy
from yukawa.server.rendering import to_html
from yukawa.server.services import Called, said

_RUNS, _DEEP = 500, 3
_LINES = 2_000  # of metrics in a reply


class KeyForm(Section):
    """A new key."""

    name: Annotated[str, Field(max_length=200)]
    role: Annotated[str, Field(max_length=20)]
    expires: Annotated[str, Field(max_length=20)] = ""


class SessionForm(Section):
    """A key, from which a browser gets a session."""

    key: Annotated[str, Field(max_length=500)] | None = None


class PreviewForm(Section):
    """A text that somebody writes."""

    text: Annotated[str, Field(max_length=100_000)]


async def health(call: Called) -> Response:
    """That the process lives."""
    return said({"status": "ok", "version": __version__})


async def ready(call: Called) -> Response:
    """That questions are answered: the base can be read and what the first question needs is loaded."""
    if not call.services.ready:
        raise busy("the server is starting")

    def look() -> str:
        """The embedder of the base, which is read for that."""
        with call.base.store.read():
            return call.base.embedding

    return said({"status": "ready", "embedding": await call.quickly(look)})


async def metrics(call: Called) -> Response:
    """What this process has done since it started, as Prometheus reads it."""
    services = call.services
    gauges = {
        "work_pending": float(services.pool.pending), "streams_running": float(services.upstream.running),
        "work_limit": float(services.limits.threads + services.limits.waiting),
    }  # fmt: skip
    return PlainTextResponse(services.counts.text(str(os.getpid()), gauges))


async def openapi(call: Called) -> Response:
    """The description of every route."""
    return said(call.request.app.openapi())


async def me(call: Called) -> Response:
    """Who sends this request, as the key says."""
    return said({"name": call.who.name, "role": call.who.role, "csrf": call.who.csrf or None})


async def preview(call: Called, form: PreviewForm) -> Response:
    """Markdown as a page would show it."""
    return said({"html": await call.quickly(to_html, form.text)})


# ---- keys and sessions ----------------------------------------------------------------------------


async def keys(call: Called) -> Response:
    """Every key, without its secret part."""
    return said(await call.quickly(call.services.keys.all))


async def add_key(call: Called, form: KeyForm) -> Response:
    """A new key, which is shown this once."""
    key, row = await call.quickly(
        lambda: call.services.keys.add(form.name, form.role, expires=form.expires, actor=call.who.name)
    )
    return said(row | {"key": key}, 201)


async def revoke_key(call: Called, key_id: str) -> Response:
    """End a key, or all keys of a person, at once."""
    ended = await call.quickly(lambda: call.services.keys.revoke(key_id, actor=call.who.name))
    return said({"id": key_id, "status": "revoked", "keys": ended})


async def audit(call: Called, limit: Annotated[int, Query(ge=1, le=10_000)] = 200) -> Response:
    """What was done through this server, newest first, and whether the chain is whole."""
    rows, whole = await call.quickly(call.services.tables.noted, limit)
    return said({"whole": whole, "entries": rows})


async def open_session(call: Called, form: SessionForm) -> Response:
    """A session of a browser for the person of a key: a cookie that scripts cannot read, and a token for its forms."""
    found = await call.quickly(call.services.keys.open_session, form.key)
    if found is None:
        raise Refusal(401, "this key is not valid", code="invalid_api_key")
    value, person = found
    await call.quickly(
        call.services.tables.note, person.name, "open session", person.key_id or "without a key"
    )
    reply = said({"name": person.name, "role": person.role, "csrf": person.csrf}, 201)
    secure = call.request.url.scheme == "https"
    reply.set_cookie(
        COOKIE, value, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure, path="/"
    )
    return reply


async def close_session(call: Called) -> Response:
    """End the session of this browser."""
    if value := call.request.cookies.get(COOKIE):
        await call.quickly(call.services.keys.close_session, value)
    reply = said({"status": "closed"})
    reply.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return reply


# ---- runs -----------------------------------------------------------------------------------------


async def runs(call: Called) -> Response:
    """The runs below the folder that the server shows, newest first."""
    return said(await call.work(_runs, call.services.runs))


async def run(call: Called, name: str) -> Response:
    """A run: its recipe, its environment's file and the last lines of its metrics."""
    return said(await call.work(_run, call.services.runs, name))


def _runs(root: Path) -> list[dict[str, Any]]:
    inside = real(root)
    found: list[tuple[float, str]] = []
    for depth in range(1, _DEEP + 1):
        for path in root.glob("/".join(["*"] * depth) + f"/{RECIPE}"):
            if real(path).is_relative_to(inside) and len(found) < _RUNS:
                found.append((path.stat().st_mtime, path.parent.relative_to(root).as_posix()))
    return [{"name": name, "changed": changed} for changed, name in sorted(found, reverse=True)]


def _run(root: Path, name: str) -> dict[str, Any]:
    """A run by the name that the list gives it; any other path leads nowhere.

    Raises:
        NotFound: the list has no such run.
    """
    if name not in {row["name"] for row in _runs(root)}:
        raise NotFound(f"there is no run {name[:200]!r}", hint="GET /api/runs lists them")
    opened = Run.open(root / name)
    try:
        lines = opened.metrics()[-_LINES:]
    except YukawaError as error:
        lines = [{"error": str(error)}]
    return {"name": name, "recipe": opened.recipe, "metrics": lines}
