"""What all pages share: templates, forms, how one signs in, static files, errors as pages, and the page about this server."""

import contextlib
import datetime as dt
import functools
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import jinja2
from fastapi import Request
from markupsafe import Markup
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from yukawa import __version__
from yukawa.core.files import read_text
from yukawa.core.redaction import redacted
from yukawa.server.keys import COOKIE, SESSION_S, Person, allows
from yukawa.server.problems import Refusal, refusal_of
from yukawa.server.rendering import seen, to_html
from yukawa.server.services import Called, ServerCall

FormT = TypeVar("FormT", bound=BaseModel)
HERE = Path(__file__).parent
_FIELDS = 100  # of a form
_KEPT = "public, max-age=31536000, immutable"  # of files whose address has their digest
NAVIGATION = (
    ("/", "Ask", "asker"), ("/knowledge", "Knowledge", "reader"), ("/conflicts", "Conflicts", "reader"),
    ("/runs", "Runs", "reader"), ("/keys", "Keys", "admin"), ("/about", "About", "reader"),
)  # fmt: skip


# ---- templates ------------------------------------------------------------------------------------


@functools.cache
def _templates() -> jinja2.Environment:
    """The templates; whatever they show is escaped, and characters that are not seen are made visible."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_finalized,
    )  # fmt: skip
    made.filters |= {"when": when, "markdown": to_html, "segment": lambda name: quote(str(name), safe="")}
    made.filters |= {"address": _address, "path": lambda name: quote(str(name))}
    made.globals |= {"stamp": _stamp(), "version": __version__, "navigation": NAVIGATION, "allows": allows}
    return made


def _finalized(value: object) -> object:
    return value if isinstance(value, Markup) or value is None else seen(str(value))


def _address(url: object) -> str:
    """The address of a source, if a browser may be led there; else nothing."""
    text = str(url or "")
    try:
        fine = urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)
    except ValueError:
        fine = False
    return text if fine and not re.search(r"[\s\x00-\x1f\\]", text) else ""


def when(moment: Any) -> Markup:
    """A moment (a date, ISO text, or microseconds since 1970) as an element that says it in UTC."""
    if isinstance(moment, int):
        moment = dt.datetime.fromtimestamp(moment / 1e6, dt.UTC)
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    at = moment.astimezone(dt.UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")


def page(
    call: ServerCall, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
) -> Response:
    """A page of the person who sends a request."""
    return _page(call.request, call.who, template, status, headers, **shown)


def _page(
    request: Request, who: Person | None, template: str, status: int, headers: Mapping[str, str] | None, **shown: Any
) -> Response:  # fmt: skip
    root = request.scope.get("root_path", "")
    text = _templates().get_template(template).render(
        root=root, path=request.url.path.removeprefix(root), who=who, token=_TOKEN.format(who.csrf if who else ""), **shown
    )  # fmt: skip
    own = {"referrer-policy": "same-origin"}  # without it a browser sends no origin along with a form
    return Response(
        redacted(text).encode("utf-8", "replace"),
        status,
        own | dict(headers or {}),
        "text/html; charset=utf-8",
    )


_TOKEN = Markup('<input type="hidden" name="token" value="{}">')


def leads_to(call: ServerCall, path: str) -> Response:
    """Let the browser get another page of ours after a form."""
    return RedirectResponse(call.request.scope.get("root_path", "") + path, 303)


# ---- forms ----------------------------------------------------------------------------------------


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form; of several of one name the last.

    Raises:
        Refusal: it is not UTF-8, or has too many fields.
    """
    try:
        text = body.decode("ascii")
        found = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except ValueError:
        raise Refusal(400, "the form is not UTF-8 or has too many fields", code="invalid") from None
    fields = {name: value.replace("\r\n", "\n") for name, value in found}
    if any("\0" in value for value in fields.values()):
        raise Refusal(400, "the form holds the character U+0000", code="invalid")
    return fields


def check_origin(request: Request) -> None:
    """Refuse a form that no page of this server sent; the shell has compared the origin, if there is one, with the host.

    Raises:
        Refusal: the browser does not say that it is ours.
    """
    if "origin" not in request.headers and request.headers.get("sec-fetch-site") != "same-origin":
        raise Refusal(
            403, "this form was not sent by a page of this server; programs use /api", code="wrong_origin"
        )


def read_form(call: ServerCall, model: type[FormT]) -> FormT:
    """The fields that a form has for `model`; those that are empty keep their default.

    Raises:
        Refusal: one is missing or wrong.
    """
    given = {
        name: value for name, value in call.request.state.form.items() if name in model.model_fields and value.strip()
    }  # fmt: skip
    try:
        return model.model_validate(given, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        said = "is missing" if first["type"] == "missing" else f"is wrong: {first['msg']}"
        raise Refusal(400, f"the field {name!r} {said}", param=name, code="invalid") from None


def field(call: ServerCall, name: str) -> str:
    """A field of the form that was sent; '' without it."""
    return str(call.request.state.form.get(name, ""))


def chosen(text: str | None) -> str | None:
    """What a field of a search says; None if it is empty."""
    return text.strip() or None if text else None


# ---- signing in -----------------------------------------------------------------------------------


async def sign_in_page(call: Called, next: str = "/") -> Response:  # noqa: A002 -- the name in the address
    """The page that takes a key."""
    return page(call, "sign_in.html", next=_own_path(next), problem="")


async def sign_in_form(call: Called) -> Response:
    """Open a session for the holder of a key, and lead back to where the person came from."""
    wanted = _own_path(field(call, "next"))
    key = field(call, "key").strip()
    found = await call.quickly(call.services.keys.open_session, key) if key else None
    if found is None:
        return page(call, "sign_in.html", 401, next=wanted, problem="This key is not valid.")
    value, person = found
    await call.quickly(call.services.tables.note, person.name, "open session", person.key_id)
    reply = leads_to(call, wanted)
    set_session(call, reply, value)
    return reply


def set_session(call: ServerCall, reply: Response, value: str) -> None:
    """Give the browser the cookie of a session, which scripts and other sites do not get."""
    secure = call.request.url.scheme == "https"
    reply.set_cookie(
        COOKIE, value, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure, path="/"
    )


async def sign_out_form(call: Called) -> Response:
    """End the session of this browser."""
    if value := call.request.cookies.get(COOKIE):
        await call.quickly(call.services.keys.close_session, value)
    reply = leads_to(call, "/sign-in")
    reply.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return reply


def _own_path(path: str) -> str:
    """A path of this server to lead to, never another site."""
    if not path.startswith("/") or path.startswith("//") or re.search(r"[\\\x00-\x20\x7f]", unquote(path)):
        return "/"
    return path[:2_000]


# ---- errors ---------------------------------------------------------------------------------------


def refused(request: Request, error: BaseException) -> Response:
    """An error as a page; where a key is needed, the way to sign in."""
    refusal = refusal_of(error)
    root = request.scope.get("root_path", "")
    if refusal.status == 401 and request.method in ("GET", "HEAD"):
        path = request.url.path.removeprefix(root) + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{root}/sign-in?next={quote(path, safe='')}", 303)
    call = getattr(request.state, "call", None)
    who = call.who if call is not None else getattr(request.state, "who", None)
    kept = {
        name: value
        for name, value in refusal.headers.items()
        if name in ("retry-after", "allow", "connection")
    }
    return _page(request, who, "problem.html", refusal.status, kept, refusal=refusal)


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks: what is not there is shown to it as a page."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return "text/html" in request.headers.get("accept", "") and not path.startswith(("/api/", "/v1/"))


# ---- static files ---------------------------------------------------------------------------------


@functools.cache
def _static() -> dict[str, bytes]:
    return {file.name: read_text(file).encode() for file in sorted((HERE / "static").iterdir())}


@functools.cache
def _stamp() -> str:
    """A digest of all static files: their address changes when they do."""
    return hashlib.sha256(b"\0".join(_static().values())).hexdigest()[:12]


async def static_file(call: Called, name: str) -> Response:
    """Style, script or icon of the pages."""
    if name not in _static():
        raise Refusal(404, f"there is nothing at {call.request.url.path[:200]!r}", code="not_found")
    kept = {"cache-control": _KEPT} if call.request.query_params.get("v") == _stamp() else {}
    kind = "image/svg+xml" if name.endswith(".svg") else f"{mimetypes.guess_type(name)[0]}; charset=utf-8"
    return Response(_static()[name], 200, kept, kind)


async def favicon(call: Called) -> Response:
    """The icon under the name that browsers ask for by themselves."""
    return await static_file(call, "icon.svg")


# ---- about ----------------------------------------------------------------------------------------


async def about_page(call: Called) -> Response:
    """What runs here, on which data, under which licences."""

    def look() -> dict[str, Any]:
        """The base and the models."""
        base = call.base
        return {
            "edition": base.get_meta("pdg") or "", "embedding": base.embedding, "readonly": base.store.readonly,
            "models": list(call.services.settings.models.values()), "default_model": call.services.settings.default_model,
        }  # fmt: skip

    return page(call, "about.html", packages=_packages(), **await call.work(look))


@functools.cache
def _packages() -> list[tuple[str, str, str]]:
    """Name, version and licence of what the server is made of."""
    found = []
    for name in _MADE_OF:
        with contextlib.suppress(metadata.PackageNotFoundError):
            about = metadata.metadata(name).json
            names = [
                line.rpartition(" :: ")[2] for line in about.get("classifier", ()) if "License ::" in line
            ]
            licence = str(
                about.get("license_expression") or next(iter(names), "") or about.get("license", "")
            )
            found.append((str(about["name"]), str(about["version"]), licence.partition("\n")[0][:60]))
    return sorted(found, key=lambda row: row[0].lower())


_MADE_OF = (
    "fastapi", "starlette", "uvicorn", "jinja2", "markupsafe", "markdown-it-py", "mdit-py-plugins", "latex2mathml", "nh3", "pdg",
    "sqlalchemy", "alembic", "numpy", "pydantic", "openai", "tokenizers", "hepunits", "h11", "mcp",
)  # fmt: skip
