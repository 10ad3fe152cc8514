"""The openai embedder against a real local server, which behaves well or badly as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from yukawa.core.errors import InputError, ModelError
from yukawa.core.settings import KnowledgeSettings
from yukawa.embedding import open_embedder
from yukawa.embedding.openai import OpenAIEmbedder

Reply = tuple[int, str | bytes]


def vector(text: str) -> list[float]:
    """What the server says of a text: not of unit length."""
    return [1.0 + len(text), 2.0, -3.0 * text.count("a")]


def rows(texts: list[str]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
    return {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


class Server:
    """Answers POST /v1/embeddings; `script` holds replies to give before good ones."""

    def __init__(self) -> None:
        self.script: list[Callable[[list[str]], Reply]] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(body)
                server.keys.append(self.headers["Authorization"])
                status, reply = 404, "no such page"
                if self.path == "/v1/embeddings":
                    status, reply = 200, json.dumps(rows(body["input"]))
                    if server.script:
                        status, reply = server.script.pop(0)(body["input"])
                content = reply.encode() if isinstance(reply, str) else reply
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def _refuse(status: int) -> Callable[[list[str]], Reply]:
    return lambda _: (status, '{"error": {"message": "not now"}}')


def test_vectors_come_in_order_in_batches_and_of_unit_length(server: Server) -> None:
    embedder = open_embedder(f"openai:m@{server.url}")
    texts = ["a" * i + "\ud800" for i in range(150)] + [""]
    calls: list[int] = []
    found = embedder.embed(texts, progress=calls.append)
    expected = np.array([vector(text.replace("\ud800", "\ufffd") or " ") for text in texts])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5)
    assert found.dtype == np.float32
    assert sum(calls) == len(texts)
    assert all(len(request["input"]) <= 64 for request in server.requests)
    assert {request["model"] for request in server.requests} == {"m"}


def test_dimensions_are_asked_once_and_only_when_needed(server: Server) -> None:
    embedder = open_embedder(f"openai:m@{server.url}")
    assert server.requests == []
    assert embedder.dimensions == 3
    assert embedder.embed([]).shape == (0, 3)
    assert len(server.requests) == 1


def test_rows_out_of_order_are_put_in_order(server: Server) -> None:
    embedder = open_embedder(f"openai:m@{server.url}")
    texts = ["", "a", "aa"]
    expected = embedder.embed(texts)
    server.script = [lambda texts: (200, json.dumps({**rows(texts), "data": rows(texts)["data"][::-1]}))]
    np.testing.assert_array_equal(embedder.embed(texts), expected)


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.script = [_refuse(429), _refuse(503)]
    assert open_embedder(f"openai:m@{server.url}").embed(["a"]).shape == (1, 3)
    assert server.script == []


def test_a_refusal_is_final(server: Server) -> None:
    server.script = [_refuse(400)]
    with pytest.raises(ModelError, match="not now"):
        open_embedder(f"openai:m@{server.url}").embed(["a"])
    assert len(server.requests) == 1


def test_a_server_that_stays_busy_is_given_up(server: Server) -> None:
    server.script = [_refuse(500)] * 5
    with pytest.raises(ModelError, match=r"embedder 'openai:m@.*' failed"):
        OpenAIEmbedder("m", server.url, retries=1).embed(["a"])
    assert len(server.requests) == 2


def test_silence_is_a_clear_error(server: Server) -> None:
    released = threading.Event()

    def silent(_: list[str]) -> Reply:
        released.wait(10)
        return 200, "{}"

    server.script = [silent]
    with pytest.raises(ModelError, match="failed"):
        OpenAIEmbedder("m", server.url, timeout_s=0.1, retries=0).embed(["a"])
    released.set()


def test_no_server_is_a_clear_error(server: Server) -> None:
    url = server.url.replace("/v1", "")
    with pytest.raises(ModelError, match="failed"):
        OpenAIEmbedder("m", url, retries=0).embed(["a"])  # 404
    with pytest.raises(ModelError, match="failed"):
        OpenAIEmbedder("m", "http://127.0.0.1:9/v1", retries=0).embed(["a"])


def _data(*embeddings: Any) -> str:
    return json.dumps({"data": [{"index": i, "embedding": e} for i, e in enumerate(embeddings)]})


@pytest.mark.parametrize(
    "reply",
    [
        "{cut",
        "",
        "[]",
        "null",
        "{}",
        '"text"',
        '{"data": []}',
        '{"data": null}',
        '{"data": [1, 2]}',
        '{"data": [{"embedding": [1, 2]}, {"embedding": [1, 2]}]}',
        b"\xff\xfe\x00",
        _data([1.0, 2.0]),  # one row for two texts
        _data([1.0, 2.0], [1.0]),
        _data([1.0, "x"], [1.0, 2.0]),
        _data(1.0, 2.0),
        _data(None, None),
        _data([], []),
        _data([0.0, 0.0], [1.0, 2.0]),
        _data([float("nan"), 1.0], [1.0, 2.0]),
        _data([float("inf"), 1.0], [1.0, 2.0]),
        json.dumps({"data": [{"index": 1, "embedding": [1, 2]}] * 2}),
    ],
)
def test_a_reply_that_is_no_list_of_vectors_is_refused(server: Server, reply: str | bytes) -> None:
    embedder = OpenAIEmbedder("m", server.url, retries=0)
    assert embedder.dimensions == 3
    server.script = [lambda _: (200, reply)]
    with pytest.raises(ModelError, match="embedder 'openai:m@"):
        embedder.embed(["a", "b"])


def test_vectors_of_another_length_are_refused(server: Server) -> None:
    embedder = OpenAIEmbedder("m", server.url)
    assert embedder.dimensions == 3
    server.script = [lambda texts: (200, _data(*[[1.0, 2.0]] * len(texts)))]
    with pytest.raises(ModelError, match="sent vectors of 2 dimensions after 3"):
        embedder.embed(["a"])


def test_the_key_comes_from_the_named_variable_and_from_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not for this server")
    monkeypatch.setenv("MY_KEY", "secret\n")
    open_embedder(f"openai:m@{server.url}?key=MY_KEY").embed(["a"])
    assert set(server.keys) == {"Bearer secret"}
    server.keys.clear()
    open_embedder(f"openai:m@{server.url}").embed(["a"])
    assert set(server.keys) == {"Bearer none"}


def test_the_name_is_model_and_address_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    assert (
        open_embedder("openai:@cf/bge@https://h.org/v1/?key=MY_KEY").name == "openai:@cf/bge@https://h.org/v1"
    )
    assert open_embedder("openai:bge@https://h.org/v1").name == "openai:bge@https://h.org/v1"


def test_attempts_share_one_deadline(server: Server) -> None:
    def silent(_: list[str]) -> Reply:
        time.sleep(0.25)
        return 503, "{}"

    server.script = [silent] * 99
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"has not ended after 0\.4 s"):
        OpenAIEmbedder("m", server.url, deadline_s=0.4, retries=99).embed(["a"])
    assert time.monotonic() - began < 8
    assert 1 <= len(server.requests) <= 3


@pytest.mark.parametrize(("dimensions", "batch"), [(3, 64), (8192, 16), (1 << 17, 1), (1 << 18, 1)])
def test_a_reply_is_never_too_long(server: Server, dimensions: int, batch: int) -> None:
    embedder = OpenAIEmbedder("m", server.url)
    embedder._dimensions = dimensions
    sizes: list[int] = []

    def request(texts: list[str]) -> np.ndarray:
        sizes.append(len(texts))
        return np.ones((len(texts), dimensions), np.float32)

    embedder._request = request  # type: ignore[method-assign]
    embedder.embed(["a"] * (batch + 1))
    assert sizes == [batch, 1]


def test_an_account_is_sent_and_shown_nowhere(server: Server) -> None:
    spec = f"openai:m@{server.url.replace('//', '//curie:polonium210@')}"
    server.script = [
        lambda _: (401, json.dumps({"error": {"message": f"not {server.keys[-1]}, polonium210"}}))
    ]
    embedder = open_embedder(spec)
    assert embedder.name == f"openai:m@{server.url}"
    with pytest.raises(ModelError) as caught:
        embedder.embed(["a"])
    assert server.keys == ["Basic Y3VyaWU6cG9sb25pdW0yMTA="]
    assert "polonium210" not in f"{caught.value} {vars(embedder)}"
    assert "Y3Vy" not in str(caught.value)
    with pytest.raises(InputError) as wrong:
        open_embedder("openai:http://curie:polonium210@h")
    assert "polonium210" not in str(wrong.value)
    shown = repr(KnowledgeSettings(embedding=spec, url="postgresql://me:polonium210@h/db"))
    assert "polonium210" not in shown
    assert "postgresql://h/db" in shown
    assert f"openai:m@{server.url}" in shown


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("openai:m", "does not say which model"),
        ("openai:@http://h/v1", "does not say which model"),
        ("openai:m@h/v1", "the address 'h/v1', which is not a web address"),
        ("openai:m@ftp://h/v1", "is not a web address"),
        ("openai:m@http://", "is not a web address"),
        ("openai:m@http://[::1", "is not a web address"),
        ("openai:m@http://h:port/v1", "is not a web address"),
        ("openai:m@http://h/v1?keys=A", "unknown option of .* 'keys'"),
        ("openai:m@http://h/v1?key=", "from the variable '', which is not set"),
        (
            "openai:m@http://h/v1?key=NO_SUCH_VARIABLE",
            "from the variable 'NO_SUCH_VARIABLE', which is not set",
        ),
    ],
)
def test_a_wrong_specification_is_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_embedder(spec)
