"""A model server that means harm, and every client of ours: each must end in time, in bounds, in one line and without a secret.

The server is real and local; what it does is the first part of the path. Each client meets each behaviour in a process of its
own, whose time, memory beyond what the program has anyway, words and files are measured:

    python benchmarks/hostile_server.py --json FILE
    python benchmarks/hostile_server.py --clients chat embed --attacks drip bomb_gzip     # a few of them
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import logging
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

KEY = "sk-hostile-Zx81kQ0pLm7-end"
PASSWORD = "hush/hush&pass w0rd"
USER = "curie"
QUESTION = "What is the circumference of the Ruritania ring?"
STATEMENT = "The circumference of the Ruritania ring is 100 km."
DEADLINE_S, SILENCE_S = 4.0, 2.0
MIB = 1 << 20
_JSON = b"Content-Type: application/json\r\n"
_EVENTS = b"Content-Type: text/event-stream\r\n"


class Request:
    """What came in, and the connection on which to answer."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        data = b""
        while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
            data += more
        self.head, _, body = data.partition(b"\r\n\r\n")
        length = int((re.search(rb"content-length: (\d+)", self.head, re.IGNORECASE) or [b"", b"0"])[1])
        while len(body) < length and (more := connection.recv(65536)):
            body += more
        self.body = body
        self.path = self.head.split(b" ")[1].decode() if b" " in self.head else "/"
        self.streams = b'"stream":true' in body.replace(b" ", b"")
        self.kind = "embeddings" if "embeddings" in self.path else "models" if self.path.endswith("models") else (
            "chat" if "chat" in self.path else "completions")  # fmt: skip

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.connection.sendall(data)

    def reply(self, body: bytes, status: bytes = b"200 OK", more: bytes = _JSON) -> None:
        """A whole reply with its length."""
        self.send(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n" % (status, more, len(body)))
        self.send(body)

    def answer(self, text: Any, **changed: Any) -> None:
        """A well-formed answer of the kind that was asked for, with `text` in it."""
        if self.streams:
            self.send(b"HTTP/1.1 200 OK\r\n" + _EVENTS + b"\r\n")
            for delta, reason in (({"content": text}, None), ({}, "stop")):
                self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} | changed)
            self.send(b"data: [DONE]\n\n")
            return
        self.reply(json.dumps(self.whole(text) | changed).encode())

    def event(self, value: object) -> None:
        """One event of a stream."""
        self.send(b"data: " + json.dumps(value).encode() + b"\n\n")

    def whole(self, text: Any) -> dict[str, Any]:
        """The JSON of a well-formed answer."""
        if self.kind == "embeddings":
            return {"data": [{"index": 0, "embedding": [0.5, text]}]}
        if self.kind == "models":
            return {
                "data": [
                    {"id": text, "object": "model", "max_model_len": 4096},
                    {"id": "evil", "max_model_len": text},
                ]
            }
        message = {"role": "assistant", "content": text}
        scored = {"tokens": [text], "token_logprobs": [None], "content": [{"token": text, "logprob": -1.0}]}
        return {"model": "evil", "choices": [{"index": 0, "message": message, "finish_reason": "stop", "text": text, "logprobs": scored}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1}}  # fmt: skip


# ---- what it does ----------------------------------------------------------------------------------

Behaviour = Callable[[Request], None]
ATTACKS: dict[str, Behaviour] = {}
_OK = b"HTTP/1.1 200 OK\r\n"


def attack(behaviour: Behaviour) -> Behaviour:
    ATTACKS[behaviour.__name__] = behaviour
    return behaviour


def _for_ever(request: Request, piece: bytes, every_s: float = 0.0) -> None:
    while True:
        request.send(piece)
        time.sleep(every_s)


@attack
def drip(request: Request) -> None:
    request.send(_OK + _JSON + b"\r\n")
    _for_ever(request, b" ", 0.5)


@attack
def drip_events(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\n")
    _for_ever(request, b'data: {"choices":[{"index":0,"delta":{"content":"a "}}]}\n\n', 0.3)


@attack
def drip_comments(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\n")
    _for_ever(request, b": still here\n\n", 0.3)


@attack
def drip_headers(request: Request) -> None:
    request.send(_OK + b"X-Slow: ")
    _for_ever(request, b"x", 0.5)


@attack
def drip_status(request: Request) -> None:
    request.send(b"HTTP/1.1 200 O")
    _for_ever(request, b"K", 0.5)


@attack
def continue_for_ever(request: Request) -> None:
    _for_ever(request, b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)


@attack
def endless_body(request: Request) -> None:
    request.send(_OK + _JSON + b"\r\n" + b'{"choices": [{"message": {"content": "')
    _for_ever(request, b"x" * MIB)


@attack
def endless_headers(request: Request) -> None:
    request.send(_OK)
    _for_ever(request, b"X-More: " + b"y" * 1000 + b"\r\n")


@attack
def endless_events(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\n")
    _for_ever(request, b'data: {"choices":[{"index":0,"delta":{}}]}\n\n' * 1000)


@attack
def endless_event(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\n")
    _for_ever(request, b"data: 1\n" * 10000)


@attack
def endless_line(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\ndata: ")
    _for_ever(request, b"x" * MIB)


@attack
def chunked_for_ever(request: Request) -> None:
    request.send(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    _for_ever(request, b"1\r\n \r\n" * 1000)


@attack
def chunk_never_ends(request: Request) -> None:
    request.send(_OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n")
    _for_ever(request, b" " * 65536)


@attack
def chunk_extension(request: Request) -> None:
    request.send(_OK + b"Transfer-Encoding: chunked\r\n\r\n1;")
    _for_ever(request, b"e" * 65536)


@attack
def trailers_for_ever(request: Request) -> None:
    request.send(_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    _for_ever(request, b"X-T: " + b"t" * 1000 + b"\r\n")


def _packed(name: bytes) -> Behaviour:
    def behave(request: Request) -> None:
        request.send(_OK + _JSON + b"Content-Encoding: " + name + b"\r\n\r\n")
        for piece in BOMBS["gzip" if b"gzip" in name else "deflate" if name == b"deflate" else "other"]:
            request.send(piece)

    return behave


for _name in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip", "GZIP"):
    ATTACKS[f"bomb_{_name.replace(', ', '_')}"] = _packed(_name.encode())


def _bomb(wbits: int) -> list[bytes]:
    """A few megabytes that unfold to 2.7 GB."""
    packer = zlib.compressobj(9, wbits=wbits)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = zlib.compressobj(9, wbits=wbits)
    again.compress(bytes(MIB))
    return [block, *[block[2 if wbits > 0 else 0 :]] * 2700]


BOMBS: dict[str, list[bytes]] = {}


def make_bombs() -> None:
    BOMBS["gzip"] = [gzip.compress(bytes(27 * MIB))] * 100  # members of one file
    BOMBS["deflate"] = _bomb(-15)
    BOMBS["other"] = [bytes.fromhex("28b52ffd") + b"\x00" * 1000] * 3000


def _echo(request: Request) -> str:
    return request.head.decode("latin-1") + f" {PASSWORD} " + request.body[:2000].decode(errors="replace")


@attack
def echo_in_401(request: Request) -> None:
    error = {"error": {"message": f"not you: {_echo(request)}", "param": KEY, "code": KEY, "type": KEY}}
    request.reply(json.dumps(error).encode(), b"401 No")


@attack
def echo_in_400_text(request: Request) -> None:
    request.reply(_echo(request).encode(), b"400 No", b"Content-Type: text/plain\r\n")


@attack
def echo_cut_by_shortening(request: Request) -> None:
    """The key stands where the message is cut: half of it would be shown."""
    for_cut = "x" * (300 - len("HTTP 400: ") - 12)
    request.reply(json.dumps({"error": {"message": f"{for_cut}{KEY}"}}).encode(), b"400 No")


@attack
def echo_in_reason(request: Request) -> None:
    key = re.search(rb"uthorization: (.*)", request.head)
    request.reply(b"{}", b"403 " + (key[1].strip() if key else b"none") + b" " + KEY.encode())


@attack
def echo_in_answer(request: Request) -> None:
    request.answer(f"The circumference of the Ruritania ring is 100 km [1]. {_echo(request)} {KEY}")


@attack
def echo_in_pieces(request: Request) -> None:
    if not request.streams:
        return request.answer(_echo(request))
    request.send(_OK + _EVENTS + b"\r\n")
    for character in f"Key {KEY} and {_echo(request)[:600]} done":
        request.event({"choices": [{"index": 0, "delta": {"content": character}, "finish_reason": None}]})
    request.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    request.send(b"data: [DONE]\n\n")


@attack
def echo_everywhere(request: Request) -> None:
    text = _echo(request)
    request.answer(text, model=text[:150], id=text, system_fingerprint=text, object=text)


@attack
def echo_in_refusal(request: Request) -> None:
    message = {"content": None, "refusal": _echo(request)}
    request.reply(json.dumps({"choices": [{"message": message, "finish_reason": KEY}]}).encode())


@attack
def echo_in_event_error(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\n")
    request.event({"error": {"message": _echo(request), "code": KEY}})


@attack
def echo_in_redirect(request: Request) -> None:
    where = f"http://127.0.0.1:9/{KEY}?{PASSWORD}".replace(" ", "%20")
    request.reply(b"", b"307 Go", b"Location: " + where.encode() + b"\r\n")


def _redirect(status: str, where: str) -> Behaviour:
    def behave(request: Request) -> None:
        if "/landed" in request.path:
            LANDED.append(request.path)
            return request.answer("the prompt went elsewhere")
        target = where.replace("PORT", str(request.connection.getsockname()[1])).replace("PATH", request.path)
        request.reply(b"", status.encode(), b"Location: " + target.encode() + b"\r\n")

    return behave


LANDED: list[str] = []
_PLACES = {
    "host": "http://localhost:PORT/landed", "port": "http://127.0.0.1:9/landed", "https": "https://127.0.0.1:PORT/landed",
    "file": "file:///etc/passwd", "unix": "unix:///var/run/docker.sock", "ftp": "ftp://127.0.0.1/x", "relative": "/landed",
    "loop": "PATH", "none": "", "data": "data:application/json,{}", "account": f"http://{USER}:pw@127.0.0.1:PORT/landed",
}  # fmt: skip
for _place, _where in _PLACES.items():
    ATTACKS[f"redirect_{_place}"] = _redirect(
        "308 Moved" if _place in ("host", "loop") else "302 Found", _where
    )


@attack
def million_tokens(request: Request) -> None:
    request.answer("word " * 10**6)


@attack
def million_events(request: Request) -> None:
    if not request.streams:
        return request.answer(["word "] * 10**6)
    request.send(_OK + _EVENTS + b"\r\n")
    event = b'data: {"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n' * 1000
    for _ in range(1000):
        request.send(event)
    request.send(b"data: [DONE]\n\n")


@attack
def many_choices(request: Request) -> None:
    request.reply(b'{"choices":[' + b",".join([b"{}"] * 10**6) + b"]}")


@attack
def many_lists(request: Request) -> None:
    request.reply(b'{"data":[' + b",".join([b"[]"] * 10**6) + b"]}")


@attack
def many_numbers(request: Request) -> None:
    request.reply(b'{"data":[{"index":0,"embedding":[' + b",".join([b"1"] * 1_900_000) + b"]}]}")


@attack
def many_choices_in_an_event(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\ndata: " + b'{"choices":[' + b",".join([b"{}"] * 80000) + b"]}\n\n")


@attack
def wide_characters(request: Request) -> None:
    request.answer("x" * (3 * MIB) + "\U0001f600")


@attack
def deep(request: Request) -> None:
    request.reply(b'{"choices":' + b"[" * 10**5 + b"]" * 10**5 + b"}")


@attack
def rather_deep(request: Request) -> None:
    request.reply(b'{"choices":' + b'[{"a":' * 400 + b"1" + b"}]" * 400 + b"}")


@attack
def deep_event(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\ndata: " + b"[" * 10**5 + b"\n\n")


@attack
def half_characters(request: Request) -> None:
    request.answer("The ring is \ud800 100 km [1]. \udfff")


@attack
def terminal_commands(request: Request) -> None:
    request.answer("\x1b]0;owned\x07\x1b[2J The circumference is \u202e001\u202c km\x9b31m [1]. \x00\r\n")


def _wrong(**fields: Any) -> Behaviour:
    def behave(request: Request) -> None:
        given = request.whole("ok") | fields
        if request.streams:
            request.send(_OK + _EVENTS + b"\r\n")
            request.event(given)
            request.send(b"data: [DONE]\n\n")
        else:
            request.reply(json.dumps(given).encode())

    return behave


_HUGE = 10**400
_ODD: dict[str, Any] = {"number": 7, "text": "abc", "list": [1, [2]], "object": {"a": {}}, "none": None, "true": True, "nan": float("nan"),
                        "huge": _HUGE, "real": 1e308, "negative": -5}  # fmt: skip
for _kind, _value in _ODD.items():
    ATTACKS[f"choices_{_kind}"] = _wrong(choices=_value, data=_value)
    ATTACKS[f"choice_{_kind}"] = _wrong(choices=[_value], data=[_value])
    ATTACKS[f"message_{_kind}"] = _wrong(
        choices=[{"message": _value, "delta": _value, "logprobs": _value, "finish_reason": "stop"}],
        data=[{"index": 0, "embedding": _value}],
    )
    ATTACKS[f"content_{_kind}"] = _wrong(
        choices=[{"message": {"content": _value}, "delta": {"content": _value}, "finish_reason": _value,
                  "logprobs": {"content": _value, "tokens": _value, "token_logprobs": _value}}],
        data=[{"index": _value, "embedding": [_value], "id": _value, "max_model_len": _value}], model=_value, usage=_value)  # fmt: skip
    ATTACKS[f"usage_{_kind}"] = _wrong(
        usage={"prompt_tokens": _value, "completion_tokens": _value}, model=_value
    )
    ATTACKS[f"whole_{_kind}"] = lambda request, value=_value: request.reply(json.dumps(value).encode())


def _status(line: str, *headers: str) -> Behaviour:
    more = "".join(f"{header}\r\n" for header in headers).encode()
    return lambda request: request.reply(b'{"error": {"message": "later"}}', line.encode(), _JSON + more)


for _code in (408, 409, 429, 500, 503):
    ATTACKS[f"http_{_code}_year"] = _status(f"{_code} Later", "Retry-After: 31536000")
    ATTACKS[f"http_{_code}_100s"] = _status(f"{_code} Later", "Retry-After: 100")
for _number, _after in enumerate(
    ("9" * 5000, "-1", "nan", "inf", "Fri, 31 Dec 9999 23:59:59 GMT", "²", "1e400", "\t")
):
    ATTACKS[f"retry_after_{_number}"] = _status(
        "429 Later", f"Retry-After: {_after}", f"Retry-After-Ms: {_after}"
    )
ATTACKS["always_retry"] = _status("400 Again", "X-Should-Retry: true", "Retry-After: 0")
ATTACKS["odd_status"] = lambda request: request.reply(b"{}", b"999 Odd")
ATTACKS["no_content"] = lambda request: request.send(b"HTTP/1.1 204 None\r\n\r\n")
ATTACKS["empty"] = lambda request: request.reply(b"")
ATTACKS["html"] = lambda request: request.reply(b"<html>log in</html>", more=b"Content-Type: text/html\r\n")
ATTACKS["bytes"] = lambda request: request.reply(bytes(range(256)) * 100)
ATTACKS["charset"] = lambda request: request.reply(
    b'"\xff\xfe"', more=b"Content-Type: application/json; charset=utf-7\r\n"
)
ATTACKS["odd_charset"] = lambda request: request.reply(
    b"{}", more=b"Content-Type: text/html; charset=\xff\r\n"
)
ATTACKS["closed_at_once"] = lambda request: None
ATTACKS["closed_in_body"] = lambda request: request.send(
    _OK + _JSON + b'Content-Length: 1000\r\n\r\n{"choices": ['
)
ATTACKS["longer_than_said"] = lambda request: request.send(
    _OK + _JSON + b"Content-Length: 2\r\n\r\n{} HTTP/1.1 200 OK\r\n\r\n"
)
ATTACKS["negative_length"] = lambda request: request.send(_OK + b"Content-Length: -5\r\n\r\n{}")
ATTACKS["two_lengths"] = lambda request: request.send(
    _OK + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}"
)
ATTACKS["length_of_years"] = lambda request: request.send(
    _OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}"
)
ATTACKS["no_http"] = lambda request: request.send(b"220 ftp ready\r\n" * 10)
ATTACKS["speaks_tls"] = lambda request: request.send(
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500
)
ATTACKS["silent"] = lambda request: time.sleep(60)
ATTACKS["silent_in_body"] = lambda request: (request.send(_OK + _EVENTS + b"\r\ndata: "), time.sleep(60))[0]
ATTACKS["upgrade"] = lambda request: request.send(
    b"HTTP/1.1 101 Switch\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
)


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """The port of the server; the first part of a request's path names what it does."""
    make_bombs()
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=speak, args=(connection,), daemon=True).start()

    def speak(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, IndexError):
            request = Request(connection)
            name = request.path.strip("/").split("/")[0]
            ATTACKS.get(name, ATTACKS["redirect_host"])(request)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


# ---- our clients -----------------------------------------------------------------------------------


def _model(url: str) -> Any:
    from yukawa.llm.openai import OpenAIModel

    return OpenAIModel(
        "evil", name="evil", base_url=url, key_variable="EVIL_KEY", timeout_s=SILENCE_S, deadline_s=DEADLINE_S
    )


def _speak(url: str, how: Callable[[Any], Any]) -> object:
    from yukawa.llm import SyncChat

    model = _model(url)
    print(repr(model))
    with SyncChat(model) as chat:
        return how(chat)


def _messages() -> Any:
    from yukawa.llm import Message

    return [Message("user", QUESTION)]


def chat(url: str, _: Path) -> object:
    return _speak(url, lambda chat: chat.chat(_messages()))


def stream(url: str, _: Path) -> object:
    return _speak(url, lambda chat: "".join(chat.stream(_messages())))


def capabilities(url: str, _: Path) -> object:
    return _speak(url, lambda chat: chat.capabilities())


def structured(url: str, _: Path) -> object:
    from yukawa.core.config import StrictModel

    class Said(StrictModel):
        value: int

    return _speak(url, lambda chat: chat.structured(_messages(), Said))


def complete(url: str, home: Path) -> object:
    from yukawa.data.rows import Document
    from yukawa.evaluation.completions import complete_by_chat

    documents = [
        Document(
            id=f"d{i}", text="The muon is a charged lepton of the second generation. " * 4, source="test"
        )
        for i in range(2)
    ]
    return complete_by_chat(_model(url), documents, home / "completions.jsonl", new_tokens=8)


def score(url: str, _: Path) -> object:
    from yukawa.core.settings import ModelSettings
    from yukawa.data.rows import Document
    from yukawa.evaluation.served_models import Service

    row = ModelSettings(name="evil", backend="openai", model="evil", base_url=url, key_variable="EVIL_KEY",
                        timeout_s=SILENCE_S, deadline_s=DEADLINE_S)  # fmt: skip
    print(repr(row))
    service = Service(row)
    print(service, service.state())
    return service.losses(
        [Document(id=f"d{i}", text="The muon is a lepton.", source="test") for i in range(2)]
    )


def embed(url: str, _: Path) -> object:
    from yukawa.embedding.openai import OpenAIEmbedder

    embedder = OpenAIEmbedder(
        "evil", url, key_variable="EVIL_KEY", timeout_s=SILENCE_S, deadline_s=DEADLINE_S
    )
    print(embedder.name, vars(embedder))
    return embedder.embed(["a", "b"]).shape


def _yukawa(*words: str, typed: str = "") -> Callable[[str, Path], object]:
    def run(url: str, home: Path) -> object:
        from yukawa.cli.main import main
        from yukawa.core.settings import load_settings

        rows = {"backend": "openai", "model": "evil", "base_url": url, "key_variable": "EVIL_KEY",
                "timeout_s": SILENCE_S, "deadline_s": DEADLINE_S}  # fmt: skip
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in rows.items())
        (home / "yukawa.toml").write_text(f"[models.evil]\n{lines}\n", encoding="utf-8")
        os.chdir(home)
        print(repr(load_settings()))
        (home / "yukawa.toml").rename(
            home.parent / "evil.toml"
        )  # the only place where the password may stand
        os.environ["YUKAWA_CONFIG"] = str(home.parent / "evil.toml")
        sys.stdin = io.StringIO(typed)
        return f"exit code {main(list(words))}"

    return run


CLIENTS: dict[str, Callable[[str, Path], object]] = {
    "chat": chat, "stream": stream, "capabilities": capabilities, "structured": structured, "complete": complete,
    "score": score, "embed": embed,
    "ask": _yukawa("ask", "--model", "evil", QUESTION, "--debug"),
    "ask_json": _yukawa("ask", "--model", "evil", QUESTION, "--json", "--debug"),
    "ask_raw": _yukawa("ask", "--raw", "--model", "evil", QUESTION),
    "chat_verb": _yukawa("chat", "--model", "evil", typed=f"{QUESTION}\n"),
    "models": _yukawa("models", "--check", "--json"),
}  # fmt: skip
# Several exchanges, each with its own deadline: a first request and one without log-probabilities, an answer and the list of models.
EXCHANGES = {"complete": 4, "models": 2, "structured": 2, "score": 1, "embed": 1}


def prepared(home: Path) -> None:
    """A small base in `home`, and everything imported that a client needs."""
    from yukawa.cli.main import main

    os.environ |= {"YUKAWA_HOME": str(home), "YUKAWA_KNOWLEDGE__EMBEDDING": "hash", "EVIL_KEY": KEY}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from yukawa.knowledge import KnowledgeBase
        from yukawa.knowledge.sources import loader

        loader.statements = lambda *_: iter(())
        with KnowledgeBase.open(home / "knowledge", embedding="hash") as base:
            base.teach(STATEMENT, source="handbook", author="Li")
        assert main(["ask", QUESTION]) == 0  # what is read once is read before the forks
    for module in ("llm.openai", "llm.probe", "llm.sync", "embedding.openai", "evaluation.served_models", "evaluation.completions",
                   "assistant.passages", "assistant.raw", "cli.session"):  # fmt: skip
        __import__(f"yukawa.{module}")
    import openai.types.chat  # noqa: F401


SECRETS = (KEY, PASSWORD, PASSWORD.replace(" ", "%20"), "hush%2Fhush%26pass%20w0rd", KEY[:16], KEY[8:])


def meet(client: str, name: str, port: int, home: Path) -> dict[str, Any]:
    """What came of one client and one behaviour, measured in a process of its own."""
    room = Path(tempfile.mkdtemp(dir=home.parent))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(
            client, f"http://{USER}:hush%2Fhush%26pass%20w0rd@127.0.0.1:{port}/{name}/v1", home, room, writer
        )
    os.close(writer)
    limit = (
        EXCHANGES.get(client, 1) * DEADLINE_S + 1.5
    ) * 4 + 20  # long beyond what is allowed: then it hangs
    ends, data = time.monotonic() + limit, b""
    os.set_blocking(reader, False)
    while time.monotonic() < ends:
        with contextlib.suppress(BlockingIOError):
            if not (more := os.read(reader, 65536)):
                break
            data += more
            continue
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reader)
    os.waitpid(child, 0)
    found: dict[str, Any] = (
        json.loads(data) if data else {"ended": False, "seconds": limit, "mib": 0, "said": "it hangs"}
    )
    return {"client": client, "attack": name} | judged(found, client)


def _child(client: str, url: str, home: Path, room: Path, writer: int) -> None:
    out = io.StringIO()
    logging.basicConfig(stream=out, level=logging.DEBUG, force=True)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the highest memory so far counts from here
    before, began = _memory("VmRSS"), time.monotonic()
    error = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            print(CLIENTS[client](url, room))
        except BaseException as raised:  # noqa: BLE001 -- the kind is judged
            error = f"{type(raised).__name__}: {raised}"
            kinds = [kind.__name__ for kind in type(raised).__mro__]
            print("YUKAWA" if "YukawaError" in kinds else "FOREIGN", repr(raised))
            print(traceback.format_exc() if "YukawaError" not in kinds else "")
    seconds, peak = time.monotonic() - began, _memory("VmHWM")
    files = b"".join(path.read_bytes() for root in (room, home) for path in root.rglob("*") if path.is_file())
    said = out.getvalue()
    leaked = [secret for secret in SECRETS if secret in said or secret.encode() in files]
    shown = client in ("ask", "ask_raw", "chat_verb", "models")
    row = {
        "ended": True, "seconds": seconds, "mib": (peak - before) / 1024, "said": (error or said)[-3000:], "leaked": leaked,
        "bug": "this is a bug" in said or "FOREIGN" in said, "lines": error.count("\n"), "raw": shown and bool(_RAW.search(said)),
    }  # fmt: skip
    os.write(writer, json.dumps(row).encode())
    os._exit(0)


_RAW = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")


def _memory(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int((re.search(rf"{field}:\s+(\d+)", text) or ["", "0"])[1])


def judged(found: dict[str, Any], client: str) -> dict[str, Any]:
    """The row with what is wrong in it."""
    wrong = []
    if not found["ended"] or found["seconds"] > EXCHANGES.get(client, 1) * DEADLINE_S + 1.5:
        wrong.append("late")
    if found["mib"] > 64:
        wrong.append("large")
    wrong += [name for name in ("leaked", "bug", "raw", "lines") if found.get(name)]
    return found | {"wrong": wrong}


def main() -> None:
    """Every client against every behaviour, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", nargs="*", default=list(CLIENTS), choices=list(CLIENTS))
    parser.add_argument("--attacks", nargs="*", default=None, help="names, or beginnings of names")
    parser.add_argument("--exactly", action="store_true", help="names are whole")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    wanted = tuple(given.attacks) if given.attacks is not None else ("",)
    names = [name for name in ATTACKS if (name in wanted if given.exactly else name.startswith(wanted))]
    rows = []
    with tempfile.TemporaryDirectory() as folder, serving_apart() as port:
        home = Path(folder) / "home"
        home.mkdir()
        prepared(home)
        for client in given.clients:
            for name in names:
                rows.append(row := meet(client, name, port, home))
                mark = ",".join(row["wrong"]) or "ok"
                said = " ".join(row["said"].split())[-150:]
                print(
                    f"{mark:12} {client:12} {name:24} {row['seconds']:6.2f} s {row['mib']:6.1f} MiB  {said}",
                    flush=True,
                )
    result = figures(rows)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps(result))


@contextlib.contextmanager
def serving_apart() -> Iterator[int]:
    """The server in a process of its own: its threads would not survive the forks of the clients."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with serving() as port:
            os.write(writer, str(port).encode())
            signal.pause()
    try:
        yield int(os.read(reader, 20))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and worst cases."""
    wrong = {kind: [f"{row['client']} {row['attack']}" for row in rows if kind in row["wrong"]] for kind in
             ("late", "large", "leaked", "bug", "raw", "lines")}  # fmt: skip
    over = [row["seconds"] - EXCHANGES.get(row["client"], 1) * DEADLINE_S for row in rows]
    return {
        "meetings": len(rows), "clients": len({row["client"] for row in rows}), "attacks": len({row["attack"] for row in rows}),
        "deadline_s": DEADLINE_S, "most_mib": max(row["mib"] for row in rows), "longest_over_deadline_s": max(over),
        "failures": sum(bool(row["wrong"]) for row in rows), "wrong": wrong,
    }  # fmt: skip


if __name__ == "__main__":
    main()
