"""What bounds a request: nothing waits for ever, nothing is read beyond its size, and who is turned away hears when to come again."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.server.limits import Limits, Rates, WorkPool, parse_body
from yukawa.server.problems import Refusal

JSON = {"content-type": "application/json"}


def test_more_work_than_may_wait_is_refused_and_the_rest_is_done():
    async def work():
        pool, hold = WorkPool(2, 3), threading.Event()
        running = [asyncio.ensure_future(pool.run(hold.wait, 5)) for _ in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises(Refusal) as refused:
            await pool.run(hold.wait)
        running[4].cancel()  # one that waits
        hold.set()
        done = await asyncio.gather(*running, return_exceptions=True)
        assert done[:4] == [True] * 4
        assert pool.pending == 0
        pool.close()
        with pytest.raises(Refusal):
            await pool.run(hold.wait)
        return refused.value

    refusal = asyncio.run(work())
    assert (refusal.status, refusal.headers["retry-after"]) == (503, "1")


def test_a_rate_holds_on_average_and_lets_a_burst_through(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    rates, refused = Rates(2.0, 5), []
    for _ in range(100):
        clock[0] += 0.1
        try:
            rates.take("a")
        except Refusal as refusal:
            refused.append((refusal.status, int(refusal.headers["retry-after"])))
    assert 100 - len(refused) in (24, 25)
    assert set(refused) == {(429, 1)}
    rates.take("b")
    Rates(0.0, 1).take("a")


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=10,
))  # fmt: skip
@settings(max_examples=50)
def test_a_body_is_read_as_json_reads_it(value):
    assert parse_body(json.dumps(value).encode(), 10_000) == value


@pytest.mark.parametrize("body", [
    b"", b"{", b"\xff", b'{"a": NaN}', b'{"a": Infinity}', b'"\\ud800"', b"[" * 100_000, b'{"a":' * 100_000, b"[" * 65 + b"]" * 65,
    b'{"a": ["\\u0000"]}', b'{"\\u0000": 1}', b"1" * 5000, b"'a'",
])  # fmt: skip
def test_a_body_that_is_not_json_is_a_400(body):
    with pytest.raises(Refusal) as refused:
        parse_body(body, 64)
    assert refused.value.status == 400


def test_intervals_that_are_half_open_are_not_levels():
    assert parse_body(rb'"\\u0000"', 64) == r"\u0000"
    text = r"in [0, 1) and \"[2, 3)\" and [ " * 500
    assert parse_body(json.dumps({"text": text}).encode(), 64) == {"text": text}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/ask", "/api/teach", "/v1/embeddings"])
@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"[" * 100_000, b'{"question": NaN}', b'{"text": "\\ud800"}', b"null", b"[]", b'"a"'],
)
def test_a_body_that_is_wrong_is_one_error_on_every_path(local, path, body):
    with local.client() as client:
        found = client.post(path, content=body, headers=JSON)
    assert (found.status_code, found.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(("path", "size", "status"), [
    ("/api/ask", 2 << 20, 413), ("/v1/chat/completions", 2 << 20, 413), ("/api/teach", 11 << 20, 413),
])  # fmt: skip
def test_a_body_that_is_too_large_is_refused_before_it_is_read(local, path, size, status):
    with local.client() as client:
        assert client.post(path, content=b"x" * size, headers=JSON).status_code == status

        def endless():
            while True:
                yield b"x" * 65536

        with contextlib.suppress(httpx.TransportError):  # the connection is closed while we write
            assert client.post(path, content=endless(), headers=JSON).status_code == status


def test_a_packed_body_is_not_unpacked(local):
    with local.client() as client:
        packed = gzip.compress(b"0" * (64 << 20))
        found = client.post("/api/ask", content=packed, headers=JSON | {"content-encoding": "gzip"})
    assert found.status_code == 400


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", ""]
)
def test_a_body_of_another_kind_is_refused(local, kind):
    with local.client() as client:
        found = client.post("/api/teach", content=b'{"text": "A."}', headers={"content-type": kind})
    assert found.status_code == 415


def test_whoever_sends_a_body_letter_by_letter_is_turned_away(serving):
    with serving(limits=Limits(body_s=0.3)) as served, raw(served) as client:
        client.sendall(
            b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
        )
        assert b" 408 " in client.recv(65536)


def raw(served):
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


@pytest.mark.parametrize("sent", [
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 100_000, b"NONSENSE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /api/me HTTP/1.1\r\n\r\n",
    b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
], ids=range(8))  # fmt: skip
def test_what_is_not_http_is_refused_and_the_server_lives(local, sent):
    with raw(local) as client:
        client.sendall(sent)
        assert client.recv(65536)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 421", b"HTTP/1.1 404")
    with local.client() as client:
        assert client.get("/health").status_code == 200


def test_a_server_that_is_full_says_when_to_come_again(serving):
    with serving(limits=Limits(threads=1, waiting=2, streams=1)) as served:
        served.model.words, served.model.pause_s = ["a "] * 60, 0.01

        def ask(_):
            with served.client() as client:
                body = {"model": "slow", "messages": [{"role": "user", "content": "Hello?"}]}
                return client.post("/v1/chat/completions", json=body)

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(ask, range(4)))
        assert {f.status_code for f in found} == {200, 503}
        assert all(f.headers["retry-after"] for f in found if f.status_code == 503)
