"""Streams: signs of life, the error as the last event, a key that ends meanwhile, nothing left when the client goes."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from yukawa.core.errors import ModelError
from yukawa.server.streaming import ALIVE, EventStream, event


async def always():
    return True


def run(events, *, alive_s=10.0, allowed=always, gone_after_s=30.0, error_name=""):
    """What is sent of some events."""
    sent = []

    async def receive():
        await asyncio.sleep(gone_after_s)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    stream = EventStream(events, alive_s, allowed, error_name)
    asyncio.run(asyncio.wait_for(stream({"type": "http"}, receive, send), 20))
    return sent


def bodies(sent):
    return [message["body"] for message in sent if message["type"] == "http.response.body"]


async def numbers(count, pause_s=0.0):
    for number in range(count):
        await asyncio.sleep(pause_s)
        yield event({"n": number})


def test_events_come_in_order_and_the_stream_ends():
    sent = run(numbers(3))
    assert bodies(sent) == [*(event({"n": n}) for n in range(3)), b""]
    assert sent[-1]["more_body"] is False
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b"no-transform" in headers[b"cache-control"]


def test_while_nothing_comes_there_are_signs_of_life(monkeypatch):
    monkeypatch.setattr("yukawa.server.streaming._LOOK_S", 0.02)
    found = bodies(run(numbers(1, pause_s=0.3), alive_s=0.05))
    assert found.count(ALIVE) >= 2
    assert found[-2] == event({"n": 0})


def test_an_error_half_way_is_the_last_event():
    async def failing():
        yield event({"n": 0})
        raise ModelError("the model has crashed")

    *_, last, end = bodies(run(failing(), error_name="error"))
    assert end == b""
    name, data = last.decode().strip().split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["message"] == "the model has crashed"


def test_a_key_that_is_revoked_ends_the_stream(monkeypatch):
    monkeypatch.setattr("yukawa.server.streaming._LOOK_S", 0.02)

    async def revoked():
        return False

    last = bodies(run(numbers(100, pause_s=0.05), allowed=revoked))[-2]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "invalid_api_key"


def test_events_are_closed_when_the_client_goes():
    closed = threading.Event()

    async def endless():
        try:
            while True:
                await asyncio.sleep(0.01)
                yield event({})
        finally:
            closed.set()

    run(endless(), gone_after_s=0.1)
    assert closed.is_set()


@pytest.mark.parametrize("text", ["a\nb", "\r\n\r\n", "data: x", "\u2028", "ü", "\ud800"])
def test_no_text_breaks_an_event(text):
    lines = event({"text": text}, "answer", 3).decode().split("\n")
    assert lines[:2] == ["event: answer", "id: 3"]
    assert lines[3:] == ["", ""]
    assert json.loads(lines[2].removeprefix("data: "))["text"] in (text, "?")


def test_a_key_that_is_revoked_half_way_ends_a_reply(keyed):
    key, row = keyed.services.keys.add("a passer-by", "asker", actor="test")
    keyed.model.words, keyed.model.pause_s = ["word "] * 100, 0.05
    with keyed.client(headers={"authorization": f"Bearer {key}"}) as client:
        body = {"model": "slow", "messages": [{"role": "user", "content": "Hello?"}], "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as reply:
            text = ""
            for piece in reply.iter_text():
                if not text:
                    keyed.services.keys.revoke(row["id"], actor="test")
                text += piece
    assert "[DONE]" not in text
    assert "revoked" in text.strip().rpartition("\n\n")[2]
    keyed.model.words, keyed.model.pause_s = ["one "], 0.01


def test_streams_that_are_left_leave_nothing(local, wait_until):
    local.model.words, local.model.pause_s, local.model.failure = ["word "] * 200, 0.02, None
    body = {"model": "slow", "messages": [{"role": "user", "content": "Hello?"}], "stream": True}
    threads = threading.active_count()
    for _ in range(20):
        with local.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as reply:
            next(reply.iter_text())
    wait_until(lambda: local.model.listening == 0 and local.services.upstream.running == 0, seconds=2)
    assert threading.active_count() <= threads + 2
    local.model.words, local.model.pause_s = ["one "], 0.01
