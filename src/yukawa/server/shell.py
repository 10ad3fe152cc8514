"""The outermost layer, in plain ASGI so that streams pass through: whose request it is, what every reply says, counting."""

import ipaddress
import logging
import secrets
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yukawa.server.problems import Refusal, refusal_of, reply

log = logging.getLogger(__name__)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""Headers that a reply has unless it says otherwise."""
_ALLOWED = {
    "access-control-allow-headers": "authorization, content-type, idempotency-key, if-match",
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-expose-headers": "etag, retry-after, x-request-id",
    "access-control-max-age": "600",
    "vary": "origin",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Hosts:
    """The names under which a server may be addressed: a page elsewhere may not let its own name lead here.

    Args:
        bound: the address that the server listens on.
        more: further names, such as that of a proxy.
    """

    def __init__(self, bound: str, more: Iterable[str] = ()) -> None:
        self._every_address = bound in ("0.0.0.0", "::", "")  # noqa: S104 -- compared, not bound
        own = LOOPBACK if is_loopback(bound) or self._every_address else ()
        machine = (socket.gethostname(), socket.getfqdn()) if self._every_address else ()
        self._names = {name.lower() for name in (bound, *own, *machine, *more) if name}

    def knows(self, host: str) -> bool:
        """Whether the host of a request (with or without a port) is this server's."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or (self._every_address and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server on this address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Counts:
    """What the server has done since it started, for Prometheus."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: Counter[tuple[str, float]] = Counter()
        self.total_s: defaultdict[str, float] = defaultdict(float)
        self.running = 0

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note a request that has ended; `route` is the pattern of its path, so that there are few of them."""
        self.requests[route, method, status] += 1
        self.total_s[route] += seconds
        for bound in _BUCKETS:
            self.seconds[route, bound] += seconds <= bound

    def text(self, worker: str, gauges: dict[str, float]) -> str:
        """The counts in Prometheus's text format."""
        who = f'worker="{worker}"'
        lines = ["# TYPE yukawa_requests_total counter"]
        for (route, method, status), number in sorted(self.requests.items()):
            lines.append(
                f'yukawa_requests_total{{{who},route="{route}",method="{method}",status="{status}"}} {number}'
            )
        lines.append("# TYPE yukawa_request_seconds histogram")
        for route in sorted(self.total_s):
            label = f'{who},route="{route}"'
            whole = sum(number for (other, _, _), number in self.requests.items() if other == route)
            for bound in _BUCKETS:
                lines.append(
                    f'yukawa_request_seconds_bucket{{{label},le="{bound:g}"}} {self.seconds[route, bound]}'
                )
            lines.append(f'yukawa_request_seconds_bucket{{{label},le="+Inf"}} {whole}')
            lines.append(f"yukawa_request_seconds_sum{{{label}}} {self.total_s[route]:.6f}")
            lines.append(f"yukawa_request_seconds_count{{{label}}} {whole}")
        for name, value in {"running": float(self.running), **gauges}.items():
            lines += [f"# TYPE yukawa_{name} gauge", f"yukawa_{name}{{{who}}} {value:g}"]
        return "\n".join(lines) + "\n"


class Shell:
    """Checks host and origin, gives each request a number, adds the headers, answers HEAD, counts, and lets no error through.

    Args:
        app: what answers.
        hosts: names of this server.
        origins: origins of pages elsewhere that may call the API.
        counts: where requests are counted.
        root_path: the path under which a proxy shows the server.
    """

    def __init__(
        self, app: ASGIApp, hosts: Hosts, origins: Iterable[str], counts: Counts, root_path: str = ""
    ) -> None:
        self._app, self._hosts, self._counts, self._root_path = app, hosts, counts, root_path
        self._origins = {origin.rstrip("/").lower() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        number, began, status = secrets.token_hex(8), time.perf_counter(), 0
        elsewhere: dict[str, str] = {}
        head = scope["method"] == "HEAD"
        scope = self._as_answered(scope)

        async def sending(message: Message) -> None:
            """Send a message of the reply with the headers that each reply has, and to HEAD without its body."""
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in {**HEADERS, **elsewhere}.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = number
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        self._counts.running += 1
        try:
            headers = Headers(scope=scope)
            elsewhere = self._check(headers)
            if elsewhere and scope["method"] == "OPTIONS":
                await Response(None, 204)(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 -- the last resort of every request
            refusal = refusal_of(error)
            if not status:
                await reply(refusal)(scope, receive, sending)
        finally:
            self._counts.running -= 1
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "other")
            self._counts.count(route, scope["method"], status, seconds)
            shown = scope["path"][:200].encode("unicode_escape").decode()
            log.info("%s %s %s %d %.1f ms", number, scope["method"], shown, status, seconds * 1e3)

    def _as_answered(self, scope: Scope) -> Scope:
        """A request as the table of routes has it: no slash at the end, GET for HEAD, the path under which we are shown."""
        path = scope["path"].rstrip("/") or "/"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        own = {"path": path, "raw_path": path.encode(), "method": method, "root_path": self._root_path}
        return {**scope, **own}

    def _check(self, headers: Headers) -> dict[str, str]:
        """Refuse a request that was meant for another name, or that another site's page sends.

        Returns:
            Headers that let a page of an allowed origin read the reply.

        Raises:
            Refusal: host or origin are not ours.
        """
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._hosts.knows(host):
            raise Refusal(
                421, f"this server is not {host[:100]!r}; name it with --allow-host", code="wrong_host"
            )
        origin = headers.get("origin")
        if origin is None:
            return {}
        if origin.lower() in self._origins:
            return {
                "access-control-allow-origin": origin,
                "cross-origin-resource-policy": "cross-origin",
            } | _ALLOWED
        try:
            theirs = urlsplit(origin)
            same = _with_port(theirs.netloc, theirs.scheme) == _with_port(host, theirs.scheme) and bool(
                theirs.netloc
            )
        except ValueError:
            same = False
        if not same:
            raise Refusal(
                403,
                f"pages of {origin[:100]!r} may not use this server; see --allow-origin",
                code="wrong_origin",
            )
        return {}


def _with_port(netloc: str, scheme: str) -> tuple[str, int]:
    parts = urlsplit(f"//{netloc}")
    return parts.hostname or "", parts.port or (443 if scheme == "https" else 80)
