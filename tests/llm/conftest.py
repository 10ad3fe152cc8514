"""A real local server of the OpenAI protocol that misbehaves when told to."""

import json
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from yukawa.core import redaction

# Nothing here may look for a hub, even by mistake.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"


@pytest.fixture(autouse=True)
def _no_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server for all tests has as its password would hold back the ends of pieces here."""
    monkeypatch.setattr(redaction, "_known", redaction._Known(frozenset()))


WORDS = ["The ", "W ", "boson ", "has ", "spin ", "1."]
Behaviour = Callable[["Handler", dict], None]


class Handler(BaseHTTPRequestHandler):
    """One request: the next behaviour of the script, or a good answer."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.gets.append(self.path)
        listed = {"object": "list", "data": [{"id": "tiny", "object": "model", "max_model_len": 4096}]}
        if self.path != "/v1/models" or not self.server.lists_models:
            self.send_json({"error": {"message": "no such path"}}, status=404)
        else:
            self.send_json(listed)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.path != "/v1/chat/completions":
            self.send_json({"error": {"message": "no such path"}}, status=404)
            return
        behave = self.server.script.popleft() if self.server.script else good()
        behave(self, body)

    def send_json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_bytes(json.dumps(value).encode(), "application/json", status, headers)

    def send_bytes(
        self, data: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def start_events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def send_event(self, value: object) -> None:
        self.send_chunk(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n")

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Remembers what came in; `script` says how the next requests are answered."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: deque[Behaviour] = deque()
        self.bodies: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.gets: list[str] = []
        self.lists_models = True
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: object) -> None:
        """A client that hung up is what several tests are about."""


def piece(text: str | None, reason: str | None = None) -> dict:
    delta = {} if text is None else {"content": text}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "tiny",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }


def good(text: str = "".join(WORDS), reason: str = "stop") -> Behaviour:
    """A right answer: streamed if asked so, with log-probabilities if asked so."""

    def behave(handler: Handler, body: dict) -> None:
        if body.get("stream"):
            handler.start_events()
            for word in text.split(" "):
                handler.send_event(piece(word if word == text.split(" ")[0] else f" {word}"))
            handler.send_event(piece(None, reason))
            handler.send_event("[DONE]")
            handler.send_chunk("")
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
        if body.get("logprobs"):
            tokens = [{"token": "The", "logprob": -0.25, "bytes": None, "top_logprobs": []}]
            choice["logprobs"] = {"content": tokens}
        usage = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
        answer = {"id": "c", "object": "chat.completion", "created": 0, "model": "tiny-1"}
        handler.send_json({**answer, "choices": [choice], "usage": usage})

    return behave


def status(code: int, message: str = "no", param: str | None = None, **headers: str) -> Behaviour:
    error = {"error": {"message": message, "type": "x", "param": param, "code": None}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.send_json(error, code, named)


def raw(data: bytes, kind: str = "application/json") -> Behaviour:
    return lambda handler, _: handler.send_bytes(data, kind)


def hang_up(handler: Handler, _: dict) -> None:
    """The connection is gone before a byte of the answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def silence(handler: Handler, _: dict) -> None:
    handler.server.released.wait(10)
    handler.close_connection = True


def events(*values: object, end: str = "clean") -> Behaviour:
    """Server-sent events; `end` is `clean` (as if all were said), `cut` (the socket closes) or `silent`."""

    def behave(handler: Handler, _: dict) -> None:
        handler.start_events()
        for value in values:
            handler.send_event(value)
        if end == "clean":
            handler.send_chunk("")
        elif end == "cut":
            hang_up(handler, {})
        else:
            silence(handler, {})

    return behave


class Behaviours:
    """What a server can be told to do."""

    good = staticmethod(good)
    status = staticmethod(status)
    raw = staticmethod(raw)
    hang_up = staticmethod(hang_up)
    silence = staticmethod(silence)
    events = staticmethod(events)
    piece = staticmethod(piece)


@pytest.fixture
def behaviours() -> type[Behaviours]:
    return Behaviours


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def short_waits(monkeypatch):
    """The waits of the client begin with a millisecond."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
