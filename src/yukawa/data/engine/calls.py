"""The ledger of calls: each call of a model is written before it is sent and settled in the transaction that keeps its yield.

A run that was killed therefore repeats only the calls that were under way or had failed, and yields nothing twice. Every call ends
as `done` (the reply fits its schema), `refused` (a reply came that cannot be used: cut, not JSON, of another shape) or `failed` (no
reply came), with the reason; a call that ends badly is tried again as a call of its own, up to `ATTEMPTS` times.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from yukawa.core.errors import ModelError
from yukawa.core.settings import ModelSettings
from yukawa.core.validation import one_line
from yukawa.data.engine.tables import WorkStore, calls
from yukawa.llm.base import ChatModel, GenerationOptions, Message, Reply, doubled, json_part

ATTEMPTS = 3
HOPELESS = 24  # calls that fail one after the other, after which the run stops
_PAUSE_S = 0.5  # before the second attempt where no reply came, doubled for the third
_SHOWN_ERRORS = 3
_TOKENS = 1_000_000  # that a price is for

Value = TypeVar("Value", bound=BaseModel)
T = TypeVar("T")


class RunStopped(Exception):
    """No further call is sent: a budget is spent or the user wants to stop; the run can be resumed."""


@dataclass(frozen=True)
class Budget:
    """What a run may use; None for no limit.

    Attributes:
        calls: calls of the model, those that failed included.
        tokens: tokens of prompts and replies together; calls under way when it is reached are finished.
        money: at the prices of the model's row.
    """

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None


@dataclass(frozen=True)
class Job(Generic[Value]):
    """One thing that a model is to do.

    Attributes:
        role: 'newbie', 'expert', 'ask' or the like, for the report.
        messages: the conversation.
        schema: what the reply must be.
        options: temperature, token limit and seed.
    """

    role: str
    messages: tuple[Message, ...]
    schema: type[Value]
    options: GenerationOptions


@dataclass(frozen=True)
class JobEnd(Generic[Value]):
    """How a job ended: its value and the call that gave it, or why there is none."""

    value: Value | None
    call_id: int | None
    reason: str = ""


@dataclass
class Spent:
    """What the calls of a run have used so far."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0


@dataclass(frozen=True)
class _Outcome:
    state: str
    reply: Reply | None
    error: str
    seconds: float


class Ledger:
    """Sends jobs to a model, a bounded number at once, and keeps every call.

    Args:
        store: where calls are kept.
        model: who answers.
        row: the row that the model was opened from; all of it but its name decides a reply and is part of a call's key.
        budget: what may be used.
        concurrency: calls under way at once.
        stop: whether the user wants to stop.

    Attributes:
        spent: what was used, earlier runs in the same folder included.
    """

    def __init__(
        self, store: WorkStore, model: ChatModel, row: ModelSettings, *, budget: Budget | None = None, concurrency: int = 8,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._store, self._model, self._row = store, model, row
        self._identity = json.dumps(identity(row), sort_keys=True)
        self._budget, self._stop = budget or Budget(), stop
        # The next calls are written while others are under way; one that was sent keeps its place until it is settled, so
        # that a killed run repeats at most `concurrency` calls.
        self._near, self._free = asyncio.Semaphore(2 * concurrency), asyncio.Semaphore(concurrency)
        self._writer = _Writer(store)
        self._failures = 0
        self.spent = Spent()
        with store.read() as connection:
            columns = (
                sa.func.sum(calls.c.sent),
                sa.func.sum(calls.c.prompt_tokens),
                sa.func.sum(calls.c.completion_tokens),
            )
            sent, read, written = connection.execute(sa.select(*columns)).one()
        self._use(sent or 0, read or 0, written or 0)

    async def ask(self, job: Job[Value], settle: Callable[[sa.Connection, JobEnd[Value]], T]) -> T:
        """What `settle` makes of the job's end, in the transaction that marks its last call.

        Raises:
            RunStopped: before anything was sent, or between attempts.
            ModelError: the model failed `HOPELESS` times in a row.
        """
        async with self._near:
            for attempt in range(1, ATTEMPTS + 1):
                self._check()
                self.spent.calls += 1  # at once: others check before it is written
                call = await self._writer(partial(self._begin, job, attempt))
                self.spent.calls -= call.state != "queued"
                if call.state == "queued":
                    async with self._free:
                        outcome, value = await self._made(job)
                        end = self._end(value, call, outcome, attempt)
                        result = await self._writer(partial(self._finish, call.id, outcome, end, settle))
                else:  # made before the run was interrupted, or for another question
                    outcome, value = _parsed(job, call.outcome())
                    end = self._end(value, call, outcome, attempt)
                    result = await self._writer(partial(_settled, end, settle))
                if end is not None:
                    return result  # type: ignore[return-value]  # what `settle` gave
                self._check_hope(outcome)
                job = await self._again(job, outcome, attempt)
            raise AssertionError("the last attempt settles")

    def _end(
        self, value: Value | None, call: "_Call", outcome: _Outcome, attempt: int
    ) -> JobEnd[Value] | None:
        """How the job ends with this call; None where it is tried again, or where the model seems to be gone."""
        if value is not None:
            return JobEnd(value, call.id)
        return (
            JobEnd(None, None, outcome.error) if attempt == ATTEMPTS and self._failures < HOPELESS else None
        )

    def _check_hope(self, outcome: _Outcome) -> None:
        if self._failures >= HOPELESS:
            raise ModelError(
                f"model {self._model.name!r} failed {self._failures} times in a row: {outcome.error}",
                hint="see that it answers, then add --resume",
            )

    def _check(self) -> None:
        limits = (
            (self._budget.calls, self.spent.calls),
            (self._budget.tokens, self.spent.tokens),
            (self._budget.money, self.spent.money),
        )
        if self._stop() or any(limit is not None and used >= limit for limit, used in limits):
            raise RunStopped

    async def _again(self, job: Job[Value], outcome: _Outcome, attempt: int) -> Job[Value]:
        """The job of the next attempt: with room for what was cut, with what was wrong, or the same after a pause."""
        if outcome.reply is None:
            await asyncio.sleep(_PAUSE_S * 2 ** (attempt - 1))
            return job
        if outcome.reply.finish_reason == "length":
            return replace(job, options=replace(job.options, max_tokens=doubled(outcome.reply, job.options)))
        wish = f"That reply is not valid: {outcome.error}. Reply with the corrected JSON and nothing else."
        said = Message("assistant", outcome.reply.text.strip() or "(nothing)")
        return replace(job, messages=(*job.messages, said, Message("user", wish)))

    # ---- one call -------------------------------------------------------------------------------------

    def _begin(self, job: Job[Value], attempt: int, connection: sa.Connection) -> "_Call":
        """The call of this key: a new one is written; one that was under way or failed is to be sent again."""
        key, prompt = _keys(job, self._identity, attempt)
        found = connection.execute(sa.select(calls).where(calls.c.key == key)).mappings().first()
        if found is not None and found["state"] not in ("queued", "failed"):
            return _Call(found["id"], found["state"], dict(found))
        if found is not None:
            values = {"state": "queued", "sent": found["sent"] + 1}
            connection.execute(sa.update(calls).where(calls.c.id == found["id"]).values(values))
            return _Call(found["id"], "queued", dict(found))
        row = {
            "key": key, "role": job.role, "model": self._model.name, "prompt_sha256": prompt, "attempt": attempt, "sent": 1,
            "state": "queued", "text": "", "prompt_tokens": 0, "completion_tokens": 0, "seconds": 0.0, "error": "",
        }  # fmt: skip
        made = connection.execute(sa.insert(calls).values(row)).inserted_primary_key
        return _Call(made[0] if made else 0, "queued", row)

    async def _made(self, job: Job[Value]) -> tuple[_Outcome, Value | None]:
        """Send a call; how it ended, and its value if it has one."""
        began = time.monotonic()
        try:
            reply = await self._model.chat(job.messages, replace(job.options, schema=job.schema))
            outcome = _Outcome(
                "done", replace(reply, text=_storable(reply.text)), "", time.monotonic() - began
            )
        except ModelError as error:
            outcome = _Outcome("failed", None, _storable(str(error)[:500]), time.monotonic() - began)
        self._failures = self._failures + 1 if outcome.reply is None else 0
        used = (outcome.reply and outcome.reply.usage) or {}
        self._use(0, used.get("prompt_tokens", 0), used.get("completion_tokens", 0))
        return _parsed(job, outcome)

    def _use(self, sent: int, read: int, written: int) -> None:
        self.spent.calls += sent
        self.spent.tokens += read + written
        self.spent.money += (read * self._row.price_in + written * self._row.price_out) / _TOKENS

    def _finish(
        self, call_id: int, outcome: _Outcome, end: JobEnd[Value] | None, settle: Callable[[sa.Connection, JobEnd[Value]], T],
        connection: sa.Connection,
    ) -> T | None:  # fmt: skip
        """Write how a call ended and, where the job ends with it, what it yields."""
        reply = outcome.reply
        used = (reply and reply.usage) or {}
        values = {
            "state": outcome.state, "text": reply.text if reply else "", "finish_reason": reply.finish_reason if reply else None,
            "prompt_tokens": used.get("prompt_tokens", 0), "completion_tokens": used.get("completion_tokens", 0),
            "seconds": round(outcome.seconds, 4), "error": outcome.error,
        }  # fmt: skip
        connection.execute(sa.update(calls).where(calls.c.id == call_id).values(values))
        return _settled(end, settle, connection)


def _storable(text: str) -> str:
    """A text without halves of characters and NUL, which servers may send and databases refuse."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")


def _settled(
    end: JobEnd[Value] | None,
    settle: Callable[[sa.Connection, JobEnd[Value]], T],
    connection: sa.Connection,
) -> T | None:
    return None if end is None else settle(connection, end)


@dataclass(frozen=True)
class _Call:
    id: int
    state: str
    row: Mapping[str, Any]

    def outcome(self) -> _Outcome:
        """How the call ended, from its row."""
        row = self.row
        reply = None
        if self.state != "failed":
            reply = Reply(
                row["text"],
                row["model"],
                row["finish_reason"],
                {"completion_tokens": row["completion_tokens"]},
            )
        return _Outcome(self.state, reply, row["error"], row["seconds"])


def _parsed(job: Job[Value], outcome: _Outcome) -> tuple[_Outcome, Value | None]:
    """The outcome of a call, with what is wrong with its reply, and the value of a good one."""
    reply = outcome.reply
    if reply is None:
        return outcome, None
    if reply.finish_reason == "length":  # even where it is valid by chance, its last number may be cut
        return replace(outcome, state="refused", error="cut at the token limit"), None
    try:
        return outcome, job.schema.model_validate_json(json_part(reply.text))
    except ValidationError as error:
        return replace(outcome, state="refused", error=one_line(error, job.schema, _SHOWN_ERRORS)[:500]), None


def identity(row: ModelSettings) -> dict[str, Any]:
    """What of a model's row decides its replies, as JSON: where a key is kept and what it costs do not."""
    return row.model_dump(
        mode="json",
        exclude={"key_variable", "price_in", "price_out", "timeout_s", "deadline_s"},
        exclude_none=True,
    )


def _keys(job: Job[Any], model: str, attempt: int) -> tuple[str, str]:
    """The key of a call and the hash of its prompt."""
    said = json.dumps([asdict(message) for message in job.messages], ensure_ascii=False)
    options = asdict(replace(job.options, schema=None))
    whole = json.dumps(
        [job.role, model, said, job.schema.model_json_schema(), options, attempt],
        sort_keys=True,
        ensure_ascii=False,
    )
    return hashlib.sha256(whole.encode()).hexdigest(), hashlib.sha256(said.encode()).hexdigest()


@dataclass
class _Writer:
    """Writes what many tasks have to write: all that is waiting in one transaction, so that they share its flush to the disk."""

    store: WorkStore
    waiting: list[tuple[Callable[[sa.Connection], Any], asyncio.Future[Any]]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    async def __call__(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns, once it is durable."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.waiting.append((work, future))
        if self.task is None:
            self.task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self.waiting:
                batch, self.waiting = self.waiting, []
                try:
                    results = await asyncio.to_thread(self._commit, [work for work, _ in batch])
                except Exception as error:  # noqa: BLE001 -- each of them hears of it
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
        finally:
            self.task = None

    def _commit(self, works: Iterable[Callable[[sa.Connection], Any]]) -> list[Any]:
        with self.store.write() as connection:
            return [work(connection) for work in works]
