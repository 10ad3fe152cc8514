"""A server that sends too much, too slowly, packed, or elsewhere is left within its limits, by both clients."""

import asyncio
import contextlib
import gzip
import socket
import threading
import time

import httpx2 as httpx
import pytest

from yukawa.core import transport
from yukawa.core.transport import LimitExceeded

MIB = 1 << 20
BOMB = gzip.compress(bytes(16 * MIB))


@contextlib.contextmanager
def serving(answer):
    """The address of a server that lets `answer` write to each connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=speak, args=(connection,), daemon=True).start()

    def speak(connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            answer(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


def whole(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def drip_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def endless(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * MIB)


def bomb(connection):
    packed = BOMB
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    )


def moved(connection):
    connection.sendall(
        b"HTTP/1.1 308 Moved\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
    )


def fetch(url, way):
    """The reply of a server, or what it raises, and the seconds that took."""
    limits = {"timeout_s": 2.0, "deadline_s": 0.5, "largest": MIB}
    began = time.monotonic()
    try:
        if way == "sync":
            with transport.client(**limits) as client:
                return client.post(url, content=b"?"), time.monotonic() - began
        return asyncio.run(_fetched(url, limits)), time.monotonic() - began
    except httpx.HTTPError as error:
        return error, time.monotonic() - began


async def _fetched(url, limits):
    async with transport.async_client(**limits) as client:
        return await client.post(url, content=b"?")


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (drip, "has not ended after 0.5 s"),
        (drip_headers, "has not ended after 0.5 s"),
        (endless, "more than 1 MiB"),
        (bomb, "compressed"),
    ],
)
def test_what_never_ends_is_ended(answer, said, way):
    with serving(answer) as url:
        found, seconds = fetch(url, way)
    assert isinstance(found, LimitExceeded)
    assert said in str(found)
    assert seconds < 2.5


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_redirection_is_not_followed(way):
    with serving(moved) as url:
        found, _ = fetch(url, way)
    assert found.status_code == 308
    assert "elsewhere.example" in transport.redirection(found.status_code, found.headers)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_honest_reply_arrives(way):
    with serving(whole) as url:
        found, _ = fetch(url, way)
    assert found.text == "ok"
    assert transport.redirection(found.status_code, found.headers) == ""
