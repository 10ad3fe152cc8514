"""The synchronous face says what the asynchronous one says, wherever it is called."""

import asyncio
import threading

import pytest
from pydantic import BaseModel

from yukawa.core.errors import ModelError
from yukawa.llm import Message, SyncChat
from yukawa.llm.base import GREEDY
from yukawa.llm.openai import OpenAIModel
from yukawa.llm.scripted import ScriptedModel

ASK = [Message("user", "Spin of the W boson?")]
TEXT = "The W boson has spin 1."


class Spin(BaseModel):
    spin: float


class Endless(ScriptedModel):
    """Streams for ever and tells whether somebody stopped it."""

    def __init__(self) -> None:
        super().__init__([])
        self.stopped = threading.Event()

    async def stream(self, messages, options=GREEDY):
        try:
            while True:
                yield "word "
                await asyncio.sleep(0)
        finally:
            self.stopped.set()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_both_faces_agree_over_http(server):
    model = OpenAIModel("tiny", base_url=server.url)
    with SyncChat(model) as chat:
        assert chat.chat(ASK).text == "".join(chat.stream(ASK)) == TEXT
        assert chat.capabilities().context_length == 4096


def test_it_works_inside_a_running_loop(server):
    async def notebook_cell():
        with SyncChat(OpenAIModel("tiny", base_url=server.url)) as chat:
            return [chat.chat(ASK).text, "".join(chat.stream(ASK))]

    assert asyncio.run(notebook_cell()) == [TEXT, TEXT]


def test_structured_replies():
    with SyncChat(ScriptedModel(["no", '{"spin": 1}'])) as chat:
        assert chat.structured(ASK, Spin).spin == 1


def test_errors_arrive_as_they_are_and_leave_it_usable():
    with SyncChat(ScriptedModel(["one"])) as chat:
        assert chat.chat(ASK).text == "one"
        with pytest.raises(ModelError, match="all of its 1"):
            chat.chat(ASK)
        with pytest.raises(ModelError, match="all of its 1"):
            list(chat.stream(ASK))


def test_leaving_a_stream_early_stops_the_model():
    model = Endless()
    with SyncChat(model) as chat:
        pieces = chat.stream(ASK)
        assert [next(pieces), next(pieces)] == ["word ", "word "]
        pieces.close()
        assert model.stopped.is_set()


class Waiting(ScriptedModel):
    """Never replies, and tells whether its work began and whether it was called off."""

    def __init__(self) -> None:
        super().__init__([])
        self.begun, self.stopped = threading.Event(), threading.Event()

    async def chat(self, messages, options=GREEDY):
        self.begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.stopped.set()


def test_whoever_interrupts_the_caller_stops_the_request(monkeypatch):
    def interrupted(self, timeout=None):
        assert model.begun.wait(10)
        raise KeyboardInterrupt

    model = Waiting()
    with SyncChat(model) as chat:
        with monkeypatch.context() as patch:
            patch.setattr("concurrent.futures.Future.result", interrupted)
            with pytest.raises(KeyboardInterrupt):
                chat.chat(ASK)
        assert model.stopped.wait(10)


def test_closing_ends_the_thread_and_may_be_done_twice():
    chat = SyncChat(ScriptedModel(["a", "b"], name="closing"))
    assert "chat-closing" not in threads()  # nothing runs before the first call
    chat.chat(ASK)
    assert "chat-closing" in threads()
    chat.close()
    assert "chat-closing" not in threads()
    assert chat.chat(ASK).text == "b"  # a later call starts anew
    chat.close()
    chat.close()
    assert "chat-closing" not in threads()


def test_many_threads_share_one_face():
    replies = [str(number) for number in range(40)]
    found: list[str] = []
    with SyncChat(ScriptedModel(replies)) as chat:
        crowd = [
            threading.Thread(target=lambda: found.extend(chat.chat(ASK).text for _ in range(10)))
            for _ in range(4)
        ]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
    assert sorted(found, key=int) == replies
