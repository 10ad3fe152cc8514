"""Runs the application on uvicorn: a port that is free or a clear word, one process or several, the link when it answers."""

import asyncio
import errno
import functools
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from yukawa.core.errors import InputError
from yukawa.core.redaction import SHAPES, redacted
from yukawa.server.app import ServerOptions, create_app
from yukawa.server.shell import is_loopback

_HEADERS_S = 20.0  # within which the headers of a request must have come
_LONGEST_HEADERS = 64 << 10
_STOP_S = 5
_START_S = 30  # a worker on a busy machine takes long to begin; one that has died is seen at once
_PATIENCE_S = 120.0


def serve(
    options: ServerOptions, port: int, *, workers: int = 1, certificate: Path | None = None, key: Path | None = None,
    on_ready: Callable[[str], None], verbose: bool = False,
) -> None:  # fmt: skip
    """Serve until Ctrl-C.

    Args:
        options: how.
        port: 0 for any that is free.
        workers: processes that answer.
        certificate: of TLS, as PEM, with its `key`.
        on_ready: called with the link once the server answers.
        verbose: whether each request is logged.

    Raises:
        InputError: the port is in use, the address is not one of this machine, or the certificate cannot be used.
    """
    if certificate is not None:
        _check_certificate(certificate, key)
    bound = bind(options.host, port)
    link = (
        address(options.host, bound.getsockname()[1], "https" if certificate else "http") + options.root_path
    )
    threading.Thread(target=_announce, args=(bound, link, on_ready), daemon=True).start()
    config = configuration(options, certificate, key, verbose=verbose, workers=workers)
    if workers > 1:
        Multiprocess(config, sockets=[bound]).run()
    else:
        uvicorn.Server(config).run(sockets=[bound])


def configuration(
    options: ServerOptions, certificate: Path | None = None, key: Path | None = None, *, verbose: bool = False, workers: int = 1
) -> uvicorn.Config:  # fmt: skip
    """How uvicorn is to run it; forwarded addresses count from proxies on this machine alone."""
    return uvicorn.Config(
        functools.partial(create_app, options), factory=True, http=ImpatientProtocol, ws="none", lifespan="on",
        h11_max_incomplete_event_size=_LONGEST_HEADERS, timeout_graceful_shutdown=_STOP_S, timeout_keep_alive=15,
        timeout_worker_healthcheck=_START_S,
        server_header=False, access_log=False, log_config=_logging(verbose), workers=workers,
        ssl_certfile=certificate, ssl_keyfile=key, backlog=1024,
    )  # fmt: skip


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at an address, of IPv4 or IPv6.

    Raises:
        InputError: it cannot.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except socket.gaierror:
        raise InputError(
            f"{host!r} is not an address of this machine", hint="type for instance --host 127.0.0.1"
        ) from None
    except OverflowError:
        raise InputError(f"the port {port} does not exist", hint="give one from 1 to 65535") from None
    except OSError as error:
        hints = {
            errno.EADDRINUSE: (
                "is in use",
                "type --port with another number, or --port 0 for any that is free",
            ),
            errno.EACCES: ("may not be used by this account", "type --port with a number above 1023"),
            errno.EADDRNOTAVAIL: ("is not on this machine", "type for instance --host 127.0.0.1"),
        }
        what, hint = hints.get(error.errno or 0, (f"cannot be used: {error.strerror}", ""))
        raise InputError(
            f"the address {address(host, port).removeprefix('http://')} {what}", hint=hint
        ) from None


# How a server is reached that listens on every address.
_LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- not bound


def address(host: str, port: int, scheme: str = "http") -> str:
    """The link to a server; one that listens on every address is reached under the loopback's."""
    name = _LOOPBACKS.get(host, host)
    return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"


def warning(options: ServerOptions, *, encrypted: bool) -> str:
    """What to say of a server that others reach over a wire that anybody can read; '' if there is nothing to say."""
    if is_loopback(options.host) or encrypted:
        return ""
    return "keys travel unencrypted: put a proxy with TLS in front, or give --tls-cert and --tls-key"


def _check_certificate(certificate: Path, key: Path | None) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"the certificate {certificate} cannot be used: {error}", hint="give PEM files"
        ) from None


def _announce(bound: socket.socket, link: str, on_ready: Callable[[str], None]) -> None:
    """Call `on_ready` once the server answers questions quickly."""
    host, port = bound.getsockname()[:2]
    host = _LOOPBACKS.get(host, host)
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends:
        if link.startswith("https"):
            context = ssl._create_unverified_context()  # noqa: S323 -- to ourselves
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=5, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/ready", headers={"host": link.split("/")[2]})
            if connection.getresponse().status == 200:
                on_ready(link)
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)


class ImpatientProtocol(H11Protocol):
    """HTTP by h11, which is strict; a connection whose next request does not come whole in time is closed."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Some of a request has come."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._timer is None:
            self._wait()

    def on_response_complete(self) -> None:
        """The next request may come."""
        super().on_response_complete()
        self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(_HEADERS_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class RedactingFilter(logging.Filter):
    """Takes keys out of what is logged, those that were read here and whatever looks like one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes, without its secrets."""
        record.msg, record.args = SHAPES.sub("[secret]", redacted(record.getMessage())), ()
        return True


def _logging(verbose: bool) -> dict[str, Any]:
    level = "INFO" if verbose else "WARNING"
    return {
        "version": 1, "disable_existing_loggers": False,
        "filters": {"redacting": {"()": RedactingFilter}},
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(message)s"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["redacting"]}},
        "loggers": {
            "uvicorn": {"handlers": ["out"], "level": "WARNING", "propagate": False},
            "yukawa": {"handlers": ["out"], "level": level, "propagate": False},
        },
    }  # fmt: skip
