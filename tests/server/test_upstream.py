"""One model for all: called from any thread, let go when nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time

import pytest

from yukawa.core.errors import ModelError
from yukawa.core.settings import ModelSettings, Settings
from yukawa.llm import Message, SyncChat
from yukawa.server.problems import Refusal
from yukawa.server.upstream import Upstream, Waiter

HELLO = [Message("user", "Hello?")]


class Model:
    name = "m"

    def __init__(self):
        self.listening, self.loops = 0, set()

    async def chat(self, messages, options=None):
        self.loops.add(asyncio.get_running_loop())
        self.listening += 1
        try:
            await asyncio.sleep(0.05 if messages[0].content == "Hello?" else 30)
        finally:
            self.listening -= 1
        return "a reply"

    async def stream(self, messages, options=None):
        self.listening += 1
        try:
            for n in range(3 if messages[0].content == "Hello?" else 10_000):
                await asyncio.sleep(0.005)
                yield str(n)
        finally:
            self.listening -= 1

    async def aclose(self):
        self.loops.clear()


@pytest.fixture
def upstream(tmp_path):
    """The models, attached to a loop in a thread."""
    model = Model()
    settings = Settings(home=tmp_path, models={"m": ModelSettings(name="m", backend="scripted")})
    found = Upstream(settings, {"m": model}, 2)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loop.call_soon_threadsafe(found.attach)
    while found._loop is None:
        time.sleep(0.001)
    yield found, model
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_every_thread_calls_the_model_on_one_loop(upstream):
    found, model = upstream
    assert list(found.raw) == ["m"]  # not the one that quotes
    with SyncChat(found.proxies()["m"]) as one, SyncChat(found.proxies()["m"]) as two:
        assert one.chat(HELLO) == two.chat(HELLO) == "a reply"
        assert list(one.stream(HELLO)) == ["0", "1", "2"]
    assert len(model.loops) == 1
    assert (model.listening, found.running) == (0, 0)


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_a_waiter_that_leaves_lets_the_model_go(upstream, how):
    found, model = upstream
    ended = []
    long = [Message("user", "Write for long.")]

    def work(chat):
        try:
            ended.append(list(chat.stream(long)) if how == "stream" else chat.chat(long))
        except BaseException as error:  # noqa: BLE001 -- of several kinds
            ended.append(error)

    with SyncChat(found.proxies()["m"]) as chat:
        thread = _left(lambda: work(chat), model)
        thread.join(timeout=2)
        assert not thread.is_alive()
        time.sleep(0.05)
        assert model.listening == 0
        assert isinstance(ended[0], BaseException)
        assert chat.chat(HELLO) == "a reply"  # others are not disturbed


def _left(work, model):
    """A thread whose waiter has gone since the model was called."""
    with contextlib.suppress(KeyError), Waiter.waiting():
        thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        thread.start()
        while not model.listening:
            time.sleep(0.005)
        raise KeyError
    return thread


def test_who_has_left_calls_nothing_any_more(upstream):
    found, model = upstream
    with SyncChat(found.proxies()["m"]) as chat, Waiter.waiting() as waiter:
        waiter.leave()
        with pytest.raises(BaseException):  # noqa: B017, PT011 -- cancelled, in one of two classes
            chat.chat(HELLO)
    assert model.listening == 0


def test_there_are_only_so_many_conversations(upstream):
    found, _ = upstream
    with found.conversation(), found.conversation():
        with pytest.raises(Refusal) as refused, found.conversation():
            pass
        assert refused.value.status == 503
    assert found.running == 0


def test_a_server_that_has_ended_says_so(tmp_path):
    settings = Settings(home=tmp_path, models={"m": ModelSettings(name="m", backend="scripted")})
    chat = SyncChat(Upstream(settings, {}, 1).proxies()["m"])
    with chat, pytest.raises(ModelError, match="has ended"):
        chat.chat(HELLO)
