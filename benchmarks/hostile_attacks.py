"""The hostile model server of `hostile_server.py`: what it does is the first part of a request's path."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from hostile_echoes import ECHOES, KEY, PASSWORD, USER

QUESTION = "What is the circumference of the Ruritania ring?"
STATEMENT = "The circumference of the Ruritania ring is 100 km."
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
        """A well-formed answer of the kind that is wanted, with `text` in it."""
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


def _streaming(piece: bytes, every_s: float = 0.0) -> Behaviour:
    def behave(request: Request) -> None:
        request.send(_OK + _EVENTS + b"\r\n")
        _for_ever(request, piece, every_s)

    return behave


ATTACKS["drip_events"] = _streaming(b'data: {"choices":[{"index":0,"delta":{"content":"a "}}]}\n\n', 0.3)
ATTACKS["drip_comments"] = _streaming(b": still here\n\n", 0.3)
ATTACKS["endless_events"] = _streaming(b'data: {"choices":[{"index":0,"delta":{}}]}\n\n' * 1000)
ATTACKS["endless_event"] = _streaming(b"data: 1\n" * 10000)


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


def _answering(text: str) -> Behaviour:
    return lambda request: request.answer(text)


for _echoed, _make in ECHOES.items():
    ATTACKS[f"echo_{_echoed}"] = _answering(f"The ring is 100 km [1]. {_make(KEY)} | {_make(PASSWORD)} |")


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


def _body(body: bytes, *, more: bytes = _JSON) -> Behaviour:
    return lambda request: request.reply(body, more=more)


def _bytes(data: bytes) -> Behaviour:
    return lambda request: request.send(data)


@attack
def silent_in_body(request: Request) -> None:
    request.send(_OK + _EVENTS + b"\r\ndata: ")
    time.sleep(60)


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
    ATTACKS[f"whole_{_kind}"] = _body(json.dumps(_value).encode())


def _status(line: str, *headers: str) -> Behaviour:
    more = "".join(f"{header}\r\n" for header in headers).encode()
    return lambda request: request.reply(b'{"error": {"message": "later"}}', line.encode(), _JSON + more)


for _code in (408, 409, 429, 500, 503):
    ATTACKS[f"http_{_code}_year"] = _status(f"{_code} Later", "Retry-After: 31536000")
    ATTACKS[f"http_{_code}_100s"] = _status(f"{_code} Later", "Retry-After: 100")
_AFTER = ("9" * 5000, "-1", "nan", "inf", "Fri, 31 Dec 9999 23:59:59 GMT", "²", "1e400", "\t")
for _number, _after in enumerate(_AFTER):
    ATTACKS[f"retry_after_{_number}"] = _status(
        "429 Later", f"Retry-After: {_after}", f"Retry-After-Ms: {_after}"
    )
ATTACKS["always_retry"] = _status("400 Again", "X-Should-Retry: true", "Retry-After: 0")
ATTACKS["odd_status"] = lambda request: request.reply(b"{}", b"999 Odd")
ATTACKS["no_content"] = _bytes(b"HTTP/1.1 204 None\r\n\r\n")
ATTACKS["empty"] = _body(b"")
ATTACKS["html"] = _body(b"<html>log in</html>", more=b"Content-Type: text/html\r\n")
ATTACKS["bytes"] = _body(bytes(range(256)) * 100)
ATTACKS["charset"] = _body(b'"\xff\xfe"', more=b"Content-Type: application/json; charset=utf-7\r\n")
ATTACKS["odd_charset"] = _body(b"{}", more=b"Content-Type: text/html; charset=\xff\r\n")
ATTACKS["closed_at_once"] = lambda request: None
ATTACKS["closed_in_body"] = _bytes(_OK + _JSON + b'Content-Length: 1000\r\n\r\n{"choices": [')
ATTACKS["longer_than_said"] = _bytes(_OK + _JSON + b"Content-Length: 2\r\n\r\n{} HTTP/1.1 200 OK\r\n\r\n")
ATTACKS["negative_length"] = _bytes(_OK + b"Content-Length: -5\r\n\r\n{}")
ATTACKS["two_lengths"] = _bytes(_OK + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}")
ATTACKS["length_of_years"] = _bytes(_OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}")
ATTACKS["no_http"] = _bytes(b"220 ftp ready\r\n" * 10)
ATTACKS["speaks_tls"] = _bytes(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500)
ATTACKS["silent"] = lambda request: time.sleep(60)
ATTACKS["upgrade"] = _bytes(b"HTTP/1.1 101 Switch\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")


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
