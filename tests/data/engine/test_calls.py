"""The ledger of calls: each one ends with its fate, yields once, is not repeated, and stays within budgets and concurrency."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from yukawa.core.errors import ModelError
from yukawa.core.settings import ModelSettings
from yukawa.data.engine import calls as module
from yukawa.data.engine.calls import ATTEMPTS, HOPELESS, Budget, Job, Ledger, RunStopped, identity
from yukawa.data.engine.tables import WorkStore, calls, keep
from yukawa.llm import GenerationOptions, Message, Reply

ROW = ModelSettings(name="m", backend="openai", model="tiny", price_in=2.0, price_out=4.0)


class Word(BaseModel):
    word: str


class Model:
    """Answers by a function of the conversation and the number of the request."""

    name = "m"

    def __init__(self, say: Callable[[Sequence[Message], int], Reply], delay: float = 0.0) -> None:
        self.say, self.delay, self.asked, self.now, self.most = say, delay, 0, 0, 0

    async def chat(self, messages: Sequence[Message], options: GenerationOptions) -> Reply:
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        number, self.options = self.asked, options
        await asyncio.sleep(self.delay)
        self.now -= 1
        return self.say(messages, number)


def good(messages: Sequence[Message], _: int = 0) -> Reply:
    used = {"prompt_tokens": 10, "completion_tokens": 5}
    return Reply(f'{{"word": "{messages[0].content}"}}', "m", "stop", used)


def job(text: str) -> Job[Word]:
    return Job("expert", (Message("user", text),), Word, GenerationOptions(max_tokens=50))


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = WorkStore(tmp_path, new=True)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)


def kept(store: WorkStore) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(calls).order_by(calls.c.id)).mappings())


def ask(store: WorkStore, model: Model, texts: Sequence[str], **more: Any) -> tuple[list[Any], Ledger]:
    """What a settle function that counts makes of each job."""

    async def work() -> tuple[list[Any], Ledger]:
        ledger = Ledger(store, model, ROW, **more)

        def settle(connection: sa.Connection, end: Any) -> Any:
            keep(connection, f"yield {end.call_id}", 1)
            return end.value.word if end.value else end.reason

        return list(
            await asyncio.gather(*(ledger.ask(job(t), settle) for t in texts), return_exceptions=True)
        ), ledger

    return asyncio.run(work())


def test_every_job_is_answered_once_and_kept(store: WorkStore) -> None:
    model = Model(good)
    said, ledger = ask(store, model, ["a", "b", "c"])
    assert said == ["a", "b", "c"]
    assert [row["state"] for row in kept(store)] == ["done"] * 3
    assert ledger.spent.calls == model.asked == 3
    assert ledger.spent.tokens == 45
    assert ledger.spent.money == pytest.approx(3 * (10 * 2 + 5 * 4) / 1e6)


def test_what_was_answered_is_not_asked_again(store: WorkStore) -> None:
    ask(store, Model(good), ["a", "b"])
    model = Model(good)
    said, ledger = ask(store, model, ["b", "a", "c"])
    assert said == ["b", "a", "c"]
    assert model.asked == 1
    assert ledger.spent.calls == 3


def test_what_was_under_way_is_sent_again(store: WorkStore) -> None:
    ask(store, Model(good), ["a"])
    with store.write() as connection:
        connection.execute(sa.update(calls).values(state="queued", text=""))
    said, _ = ask(store, Model(good), ["a"])
    assert said == ["a"]
    assert [(row["state"], row["sent"]) for row in kept(store)] == [("done", 2)]


@pytest.mark.parametrize("many", [1, 4])
def test_no_more_are_under_way_than_allowed(many: int, store: WorkStore) -> None:
    model = Model(good, delay=0.01)
    ask(store, model, list("abcdefghij"), concurrency=many)
    assert model.most == many


def test_a_reply_that_does_not_fit_is_shown_to_the_model(store: WorkStore) -> None:
    def say(messages: Sequence[Message], number: int) -> Reply:
        return (
            good(messages)
            if len(messages) == 3 and "not valid" in messages[2].content
            else Reply("no", "m", "stop", None)
        )

    assert ask(store, Model(say), ["a"])[0] == ["a"]
    assert [row["state"] for row in kept(store)] == ["refused", "done"]


def test_a_cut_reply_is_void_even_where_it_fits_and_gets_more_room(store: WorkStore) -> None:
    def say(messages: Sequence[Message], number: int) -> Reply:
        return good(messages) if number == 2 else Reply('{"word": "0.8954 × 10⁻¹"}', "m", "length", None)

    model = Model(say)
    assert ask(store, model, ["a"])[0] == ["a"]
    assert model.options.max_tokens == 100
    assert kept(store)[0]["error"] == "cut at the token limit"


def test_a_job_without_a_good_reply_settles_with_the_reason(store: WorkStore) -> None:
    said, _ = ask(store, Model(lambda m, n: Reply('{"word": 3}', "m", "stop", None)), ["a"])
    assert "word" in said[0]
    assert [row["state"] for row in kept(store)] == ["refused"] * ATTEMPTS


def test_a_yield_and_the_fate_of_its_call_are_one_transaction(store: WorkStore) -> None:
    async def work() -> None:
        ledger = Ledger(store, Model(good), ROW)

        def settle(connection: sa.Connection, end: Any) -> None:
            keep(connection, "half", 1)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await ledger.ask(job("a"), settle)

    asyncio.run(work())
    assert kept(store)[0]["state"] == "queued"
    assert store.note("half") is None


@pytest.mark.parametrize("budget", [Budget(calls=4), Budget(tokens=60), Budget(money=4 * 40e-6)])
def test_a_budget_is_kept(budget: Budget, store: WorkStore) -> None:
    model = Model(good)
    said, _ = ask(store, model, list("abcdefgh"), budget=budget, concurrency=1)
    assert (
        sum(isinstance(one, str) for one in said)
        == sum(row["state"] == "done" for row in kept(store))
        == model.asked
    )
    assert all(isinstance(one, (str, RunStopped)) for one in said)
    assert 4 <= model.asked <= 5  # with what was already written when the tokens were spent
    assert ask(store, Model(good), list("abcdefgh"))[0] == list("abcdefgh")


def test_a_model_that_is_gone_ends_the_run(store: WorkStore) -> None:
    def say(messages: Sequence[Message], number: int) -> Reply:
        raise ModelError("nobody there")

    said, _ = ask(store, Model(say), [str(n) for n in range(HOPELESS)], concurrency=2)
    assert any(isinstance(one, ModelError) and "in a row" in str(one) for one in said)
    rows = kept(store)
    assert {row["state"] for row in rows} <= {"failed", "queued"}
    assert all(row["error"] == "nobody there" for row in rows if row["state"] == "failed")


def test_what_failed_is_sent_again_when_the_model_is_back(store: WorkStore) -> None:
    """Not only what was under way when the run gave up: no question is lost because a server was down."""

    def say(messages: Sequence[Message], number: int) -> Reply:
        raise ModelError("nobody there")

    texts = [str(n) for n in range(HOPELESS)]
    given_up = [
        text
        for text, said in zip(texts, ask(store, Model(say), texts, concurrency=2)[0], strict=True)
        if said != "nobody there"
    ]
    assert len(given_up) > 12
    assert ask(store, Model(good), given_up)[0] == given_up


def test_a_reply_of_half_a_character_is_kept(store: WorkStore) -> None:
    said, _ = ask(store, Model(lambda m, n: Reply('{"word": "\ud800"} \udc00', "m", "stop", None)), ["a"])
    assert not isinstance(said[0], Exception)
    assert [row["state"] for row in kept(store)]


def test_what_decides_a_reply_is_in_the_identity_of_a_model() -> None:
    assert identity(ROW) == identity(ROW.model_copy(update={"price_in": 9.0, "timeout_s": 3.0}))
    assert identity(ROW) != identity(ROW.model_copy(update={"temperature": 0.5}))
