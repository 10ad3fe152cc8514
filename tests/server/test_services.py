"""Many people at once: each gets the answer to their own question, and what was begun for who has gone ends."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from yukawa.core.errors import NotFound
from yukawa.server.keys import Person
from yukawa.server.problems import Refusal
from yukawa.server.services import said, unless_gone

QUESTIONS = (
    "What is the mass of the tau lepton?",
    "What is the circumference of the CEPC ring?",
    "zorblon mass",
    "thanks",
)


def test_many_who_ask_at_once_get_what_one_gets(keyed):
    def ask(question):
        with keyed.client("asker") as client:
            return client.post("/api/ask", json={"question": question}).json()["answer"]

    alone = [ask(question) for question in QUESTIONS]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, QUESTIONS * 8)) == alone * 8


def test_an_answer_is_kept_for_who_asked(local):
    services = local.services
    one, two = Person("one", "asker"), Person("two", "asker")

    async def ask():
        return await services.ask(QUESTIONS[0], one)

    answer, whole = asyncio.run(ask())
    assert whole == answer.as_json()
    assert services.answer_of(answer.id, one)["answer"] == answer.text
    assert services.answer_of(answer.id, Person("three", "reviewer"))["id"] == answer.id
    for who, number in (
        (two, answer.id),
        (one, "nothing"),
        (Person("", "reviewer"), "nothing"),
        (Person("", "reader"), answer.id),
    ):
        with pytest.raises(NotFound, match="there is no answer"):
            services.answer_of(number, who)


def test_an_answer_from_the_command_line_is_for_reviewers(local):
    local.services.base.keep_answer("theirs", "a?", {"id": "theirs", "question": "a?"})
    assert local.services.answer_of("theirs", Person("x", "admin"))["question"] == "a?"
    with pytest.raises(NotFound):
        local.services.answer_of("theirs", Person("x", "asker"))


class Gone:
    """A request whose client goes after a while."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    async def receive(self):
        await asyncio.sleep(self._after_s)
        return {"type": "http.disconnect"}


def test_work_for_who_has_gone_is_cancelled():
    ended = threading.Event()

    async def work():
        try:
            await asyncio.sleep(5)
        finally:
            ended.set()

    with pytest.raises(Refusal, match="has gone"):
        asyncio.run(unless_gone(Gone(0.01), work()))
    assert ended.is_set()

    async def quick():
        return 1

    assert asyncio.run(unless_gone(Gone(5), quick())) == 1


def test_a_reply_holds_half_characters_as_marks():
    assert said({"a": "x\ud800"}).body == b'{"a": "x?"}'
