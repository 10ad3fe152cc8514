"""`yukawa serve`: the HTTP server, and the keys of those who may use it."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yukawa.cli import options, session
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import give, need, note, print_json, say
from yukawa.core.errors import InputError, check_name

if TYPE_CHECKING:
    from yukawa import server

KeyId = Annotated[str, argument("KEY", "Id of the key, or the name of its person.")]


Host = Annotated[
    str, option("--host", "ADDRESS", "Address to listen on; any but this machine's own needs keys.")
]
Port = Annotated[int, option("--port", "N", "Port; 0 picks a free one.", min=0, max=65535)]
Workers = Annotated[int, option("--workers", "N", "Number of processes that answer requests.", min=1, max=64)]
NeedKeys = Annotated[bool, option("--need-keys", None, "Require keys on this machine's own address too.")]
Hosts = Annotated[
    list[str] | None,
    option("--allow-host", "NAME", "Another host name of this server, such as that of its proxy."),
]
Origins = Annotated[list[str] | None, option("--allow-origin", "URL", "A site whose pages may call the API.")]
RootPath = Annotated[str, option("--root-path", "PATH", "Path under which a proxy serves it.")]
Certificate = Annotated[Path | None, option("--tls-cert", "FILE", "Certificate, as PEM.")]
CertificateKey = Annotated[
    Path | None, option("--tls-key", "FILE", "Private key of the certificate, as PEM.")
]
Rate = Annotated[
    float, option("--rate", "N", "Maximum number of requests per key and second; 0 for no limit.", min=0)
]
Runs = Annotated[Path, option("--runs", "DIR", "Folder whose runs are shown.")]
Verbose = Annotated[bool, option("--verbose", None, "Log each request on stderr.")]


def run(
    context: typer.Context, host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1, need_keys: NeedKeys = False,
    allow_host: Hosts = None, allow_origin: Origins = None, root_path: RootPath = "", tls_cert: Certificate = None,
    tls_key: CertificateKey = None, rate: Rate = 0.0, runs: Runs = Path("runs"), verbose: Verbose = False,
    as_json: Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Serve questions and teaching over HTTP, until Ctrl-C.

    On this machine's own address no key is needed. Elsewhere each person has one: `yukawa serve keys add NAME`.
    """
    if context.invoked_subcommand is not None:
        return
    need("fastapi", "uvicorn", purpose="yukawa serve", extra="server")
    from yukawa import server
    from yukawa.server.limits import Limits
    from yukawa.server.process import warning

    settings = session.read_settings()
    with session.taught_base(settings):
        pass  # built where it is new; each process opens it for itself
    chosen = server.ServerOptions(
        settings, host, session.me(), need_keys, tuple(allow_host or ()), tuple(allow_origin or ()),
        _path(root_path), Limits(rate=rate), runs,
    )  # fmt: skip
    if not chosen.open:
        with _keys() as keys:
            if not any(row["valid"] for row in keys.all()):
                raise InputError(
                    f"at the address {host} everybody needs a key, and there is none",
                    hint="type: yukawa serve keys add NAME --role admin",
                )
    if words := warning(chosen, encrypted=tls_cert is not None):
        note(words)

    def ready(link: str) -> None:
        """Print the address once the server answers."""
        give(
            as_json,
            {"url": link, "api": f"{link}/v1"},
            ("serving ", "bold green"),
            link,
            ("  (Ctrl-C stops)", "dim"),
        )

    server.serve(
        chosen, port, workers=workers, certificate=tls_cert, key=tls_key, on_ready=ready, verbose=verbose
    )


def _path(root_path: str) -> str:
    path = root_path.rstrip("/")
    if path and not path.startswith("/"):
        raise InputError(
            f"the path {root_path!r} does not begin with /", hint=f"type: --root-path /{root_path}"
        )
    return path


def mcp(
    role: Annotated[str, option("--role", "ROLE", "Role of the program: reader, asker, teacher, reviewer or admin.")] = "teacher",
) -> None:  # fmt: skip
    """Serve the Model Context Protocol on standard input.

    A program that speaks the protocol starts this command.

    Its tools answer questions, search, show items and their history, teach under your name, and check decay cards.
    """
    need("fastapi", "mcp", purpose="yukawa mcp", extra="server")
    import asyncio

    from yukawa import server
    from yukawa.server.keys import ROLES, Person

    check_name("role", role, ROLES)
    allowed = next(one for one in ROLES if one == role)
    settings = session.read_settings()
    with session.taught_base(settings):
        pass
    services = server.open_services(server.ServerOptions(settings, local_name=session.me()), {})
    asyncio.run(server.serve_stdio(services, Person(session.me(), allowed)))


# ---- keys -----------------------------------------------------------------------------------------


def add(
    name: Annotated[str, argument("NAME", "Name of the person; the history of the base shows it.")],
    role: Annotated[
        str,
        option("--role", "ROLE", "Role: reader, asker, teacher, reviewer, admin, or rater, who only judges."),
    ] = "asker",
    expires: Annotated[
        str, option("--expires", "TIME", "Lifetime of the key: 12h, 30d, 8w or 1y; unlimited by default.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Make a key for a person and print it; it is not shown again."""
    with _keys() as keys:
        key, row = keys.add(name, role, expires=expires, actor=session.me())
    give(as_json, row | {"key": key}, key)
    if not as_json:
        note(f"the key of {row['name']} ({row['role']}), id {row['id']}: it is shown this once")


def list_(as_json: Json = False) -> None:
    """List the keys, newest first; their secret parts are not shown."""
    with _keys() as keys:
        rows = keys.all()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = "" if row["valid"] else ("  revoked" if row["revoked"] else "  expired")
        used = f"last used {_day(row['last_used'])}" if row["last_used"] else "never used"
        until = f", until {_day(row['expires'])}" if row["expires"] else ""
        say(
            (row["id"], "bold"),
            f"  {row['prefix']}…  {row['role']:8}  {row['name']}  ({used}{until})",
            (state, "yellow"),
        )
    if not rows:
        note("there is no key; type: yukawa serve keys add NAME")


def revoke(key: KeyId, as_json: Json = False) -> None:
    """Revoke a key, or every key of a person, with immediate effect."""
    with _keys() as keys:
        ended = keys.revoke(key, actor=session.me())
    give(
        as_json,
        {"key": key, "status": "revoked", "keys": ended},
        ("revoked", "bold green"),
        f" {ended} of {key}",
    )


@contextlib.contextmanager
def _keys() -> Iterator[server.Keys]:
    """The keys of this installation's server."""
    need("fastapi", purpose="yukawa serve", extra="server")
    from yukawa import server
    from yukawa.knowledge.store.database import Store

    settings = session.read_settings()
    store = Store(settings.knowledge.url)
    tables = server.ServerTables(store, settings.home)
    try:
        yield server.Keys(tables)
    finally:
        tables.close()
        store.close()


def _day(microseconds: int) -> str:
    return dt.datetime.fromtimestamp(microseconds / 1e6).strftime("%Y-%m-%d")


app = options.new_app(
    "Serve questions and teaching over HTTP, until Ctrl-C. On this machine's own address no key is needed; elsewhere each person"
    " has one: `yukawa serve keys add NAME`."
)
app.callback()(run)
app.add_typer(
    options.new_app("Manage the keys of those who may use the server.", add, list_, revoke), name="keys"
)
