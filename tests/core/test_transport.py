"""A server that sends too much, too slowly, packed, or elsewhere is left within its limits, by both clients."""

import asyncio
import contextlib
import gzip
import socket
import threading
import time

import httpx2 as httpx
import pytest

from yukawa.core import redaction, transport
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
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):  # what is closed unread is reset
                pass

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


def silent_in_the_body(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nx")
    time.sleep(2)


def continues(connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def of_parts(sign):
    def many(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[" + sign * 100_000)

    return many


def event_without_end(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"data: x\n" * 100_000)


def many_events(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        for _ in range(200):
            connection.sendall(b'data: {"a": [1, 2, {}]}'.ljust(2000, b" ") + end[:1])
            connection.sendall(end[1:])


def moved(connection):
    connection.sendall(
        b"HTTP/1.1 308 Moved\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
    )


def fetch(url, way, headers=None):
    """The reply of a server, or what it raises, and the seconds that took."""
    limits = {"timeout_s": 2.0, "deadline_s": 0.5, "largest": MIB}
    began = time.monotonic()
    try:
        if way == "sync":
            with transport.client(**limits) as client:
                found = transport.within(1.0, lambda: client.post(url, content=b"?", headers=headers))
                return found, time.monotonic() - began
        return asyncio.run(_fetched(url, limits, headers)), time.monotonic() - began
    except (httpx.HTTPError, LimitExceeded) as error:
        return error, time.monotonic() - began


async def _fetched(url, limits, headers):
    async with transport.async_client(**limits) as client:
        return await client.post(url, content=b"?", headers=headers)


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (drip, "has not ended after 0.5 s"),
        (drip_headers, "has not ended after 0.5 s"),
        (endless, "the reply has more than the 1 MiB that are read (check the address"),
        (bomb, "compressed (gzip), and only plain ones are read (switch compression off"),
        (silent_in_the_body, "has not ended after"),
        (continues, "has not ended after 0.5 s"),
        (of_parts(b"{},"), "too many parts: more than 5,242 times '{'"),
        (of_parts(b"[],"), "too many parts: more than 20,971 times '['"),
        (of_parts(b"0,"), "too many parts: more than 65,536 times ','"),
    ],
)
def test_what_never_ends_is_ended(answer, said, way):
    with serving(answer) as url:
        found, seconds = fetch(url, way)
    assert isinstance(found, LimitExceeded)
    assert said in str(found)
    assert seconds < 2.5


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_is_read_in_pieces_is_held_to_its_pieces(way):
    with serving(event_without_end) as url:
        found, _ = fetch(url, way, {"Accept": transport.EVENTS})
    assert "an event of the reply has more than the 0.25 MiB" in str(found)
    with serving(many_events) as url:
        found, _ = fetch(url, way, {"Accept": transport.EVENTS})
        assert len(found.content) > MIB
        assert found.content.count(b"data:") == 600
        assert "the reply has more than the 1 MiB" in str(fetch(url, way)[0])


def test_attempts_share_one_deadline():
    """Whatever waits between them: the clients of others wait as a server tells them."""
    with serving(drip) as url, transport.client(2.0, 0.5) as client:
        begun = time.monotonic()

        def again_and_again():
            while True:
                with contextlib.suppress(LimitExceeded):
                    client.post(url)
                seconds.append(time.monotonic() - begun)
                time.sleep(0.1)

        seconds = []
        with pytest.raises(LimitExceeded, match=r"has not ended after 0\.7 s"):
            transport.within(0.7, again_and_again)
        assert time.monotonic() - begun < 8
    with serving(drip) as url, transport.client(2.0, 5.0) as client:
        begun = time.monotonic()
        with transport.deadline(0.2), pytest.raises(LimitExceeded), transport.deadline(9.0):
            client.post(url)
        assert time.monotonic() - begun < 8


def test_work_within_its_time_gives_its_result_or_its_error():
    assert transport.within(5.0, lambda: 7) == 7
    with pytest.raises(KeyError):
        transport.within(5.0, lambda: {}["a"])


def test_logs_show_no_secret(caplog):
    redaction.keep_secret("abcdefghijk-1")
    with caplog.at_level("DEBUG"), serving(whole) as url:
        fetch(url, "sync", {"Authorization": "Bearer abcdefghijk-1", "X-Also": "abcdefghijk-1"})
        fetch(f"{url}/abcdefghijk-1", "async")
    assert redaction.SHOWN in caplog.text
    assert "abcdefghijk-1" not in caplog.text


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_redirection_is_not_followed(way):
    with serving(moved) as url:
        found, _ = fetch(url, way)
    assert found.status_code == 308
    assert transport.redirection(200, {"location": "x"}) == transport.redirection(304, {}) == ""
    told = transport.redirection(302, {"location": "https://me:pw-of-mine@a.example/x%20y?key=1#z"})
    assert told == "it redirects to https://a.example/x y, which is not followed"
    assert "elsewhere.example" in transport.redirection(found.status_code, found.headers)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_honest_reply_arrives(way):
    with serving(whole) as url:
        found, _ = fetch(url, way)
    assert found.text == "ok"
    assert transport.redirection(found.status_code, found.headers) == ""
