"""Seed fission: a seed becomes questions, answers and further questions, in rounds that can be interrupted anywhere.

One round: the Checker picks questions, the Expert answers each from what it is grounded in, the Newbie raises new questions from
each answer, the Checker screens them. After Zhang et al., arXiv:2404.08001, section 3.2.1, with an Expert that quotes and a
Checker that measures. Each step's yield is written in the transaction of its call, and the steps of a round in the order
of its questions: a run that was killed comes to the same pairs as one that was not.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import Field

from yukawa.core.errors import InputError
from yukawa.core.files import hash_file
from yukawa.core.processes import Interruption, Progress
from yukawa.core.settings import ModelSettings
from yukawa.core.validation import StrictModel
from yukawa.data.engine import expert, newbie
from yukawa.data.engine.calls import Budget, Job, JobEnd, Ledger, RunStopped, identity
from yukawa.data.engine.checker import Checker, OpenQuestion, restored
from yukawa.data.engine.grounds import BaseGrounds, Catalogue, Grounds, SourcePassage
from yukawa.data.engine.tables import WorkStore, candidates, evidence, keep, pairs
from yukawa.embedding.registry import open_embedder
from yukawa.knowledge import KnowledgeBase, routing
from yukawa.knowledge.records import DOMAINS
from yukawa.knowledge.store import traces
from yukawa.llm import ChatModel, Message
from yukawa.runs.run import Run

LONGEST_SEED = 50  # words
_RELATIVES = 2  # rounds of questions about what is related to an answer
_FRAMES_AT_ONCE = 2  # in which a model raises questions from one answer
_FREE = ("pairs", "concurrency")  # what may differ when a run is resumed


class FissionRecipe(StrictModel):
    """What decides a run of seed fission.

    Attributes:
        kind: always `fission`.
        seeds: topics, such as "particle physics".
        pairs: accepted pairs wanted of each seed.
        model: the row of the model; None raises and answers questions from the base without one.
        batch: questions that are answered together; what follows from them is decided when all are answered.
        seed: of the random numbers.
        embedding: gives the meaning of questions that are not read as plans.
        prompts: SHA-256 of each prompt file.
        concurrency: calls under way at once.
    """

    kind: Literal["fission"] = "fission"
    seeds: tuple[str, ...] = Field(min_length=1)
    pairs: int = Field(default=50, ge=1)
    model: dict[str, Any] | None = None
    batch: int = Field(default=4, ge=1)
    seed: int = 42
    embedding: str = "auto"
    prompts: dict[str, str] = Field(default_factory=dict)
    concurrency: int = Field(default=8, ge=1)


@dataclass(frozen=True)
class FissionResult:
    """How a run ended.

    Attributes:
        accepted: pairs accepted, by seed.
        candidates: questions that came up, by state.
        ended: why it ended: 'done', 'budget', 'stopped', or 'nothing left' where no question was left to ask.
        unsupported: seeds that nothing in the base supports.
    """

    accepted: dict[str, int]
    candidates: dict[str, int]
    ended: str
    unsupported: tuple[str, ...]


def check_seeds(seeds: Iterable[str]) -> tuple[str, ...]:
    """The seeds without repetition.

    Raises:
        InputError: there is none, or one is empty or no topic but a text.
    """
    found = tuple(dict.fromkeys(" ".join(seed.split()) for seed in seeds))
    if not found or not all(found):
        raise InputError("a seed is empty", hint='type for instance: yukawa data fission "particle physics"')
    for seed in found:
        if len(seed.split()) > LONGEST_SEED:
            raise InputError(
                f"a seed of {len(seed.split()):,} words is not a topic",
                hint=f"name one in up to {LONGEST_SEED} words",
            )
    return found


def run_fission(
    folder: Path, recipe: FissionRecipe, base: KnowledgeBase, *, row: ModelSettings | None = None, model: ChatModel | None = None,
    grounds: Grounds | None = None, budget: Budget | None = None, resume: bool = False, progress: Progress | None = None,
) -> FissionResult:  # fmt: skip
    """Begin or resume a run in `folder`.

    Args:
        base: what the Expert answers from.
        row: the row that `model` was opened from; both or none.
        grounds: other sources of the Expert than the base alone.
        budget: what the run may use, earlier parts of it included.
        progress: called with accepted and wanted pairs.

    Raises:
        InputError: the folder holds something else, another process works on it, or it was begun otherwise.
        StoreError: the disk refuses.
        ModelError: the model is gone; the run can be resumed.
    """
    recipe = recipe.model_copy(
        update={"prompts": {p.name: hash_file(p) for p in sorted(newbie.PROMPTS.glob("*.md"))}}
    )
    recipe = recipe.model_copy(
        update={"model": None if row is None else identity(row), "seeds": check_seeds(recipe.seeds)}
    )
    plain = recipe.model_dump(mode="json")
    if Run.find(folder, plain, resume=resume, free=_FREE) is None:
        Run.create(folder, plain, [])
    traces.note(base.store, folder)
    store = WorkStore(folder, new=True)
    try:
        with store.alone(), Interruption() as interruption:
            work = _Fission(store, recipe, base, grounds or BaseGrounds(base), progress)
            return asyncio.run(work.run(row, model, budget, lambda: interruption.asked))
    finally:
        store.close()


class _Fission:
    def __init__(
        self,
        store: WorkStore,
        recipe: FissionRecipe,
        base: KnowledgeBase,
        grounds: Grounds,
        progress: Progress | None,
    ) -> None:
        self._store, self._recipe, self._grounds, self._progress = store, recipe, grounds, progress
        self._catalogue = Catalogue(base)
        self._templates = newbie.TemplateNewbie(self._catalogue, recipe.seed)
        self._used = newbie.Used()
        self._ledger: Ledger | None = None
        self._round = 0

    async def run(
        self,
        row: ModelSettings | None,
        model: ChatModel | None,
        budget: Budget | None,
        stop: Callable[[], bool],
    ) -> FissionResult:
        """Do rounds until all seeds have their pairs, nothing is left to ask, or a budget is spent."""
        if row is not None and model is not None:
            self._ledger = Ledger(
                self._store, model, row, budget=budget, concurrency=self._recipe.concurrency, stop=stop
            )
        ended = "done"
        try:
            self._begin()
            self._checker = self._restored()
            while not self._is_done():
                if stop():
                    raise RunStopped
                if not await self._one_round():
                    ended = "nothing left"
                    break
        except RunStopped:
            ended = "stopped" if stop() else "budget"
        finally:
            if model is not None:
                await model.aclose()
        return self._result(ended)

    # ---- a round --------------------------------------------------------------------------------------

    async def _one_round(self) -> bool:
        """Finish the round that is under way, or do a new one; False where nothing is left to ask."""
        picked = self._rows(candidates.c.round == self._round)
        if not picked:
            picked = self._pick()
            if not picked:
                return False
        await self._all(self._answered(c) for c in picked if c["state"] == "picked")
        picked = self._rows(candidates.c.round == self._round)
        if self._ledger is None:
            self._raise_from_base(picked)
        else:
            await self._all(
                self._raised(c) for c in picked if c["state"] in ("answered", "seed") and c["raised"] is None
            )
        self._screen(self._rows(candidates.c.round == self._round))
        return True

    async def _all(self, work: Iterable[Any]) -> None:
        """Do all of it; what is under way when one is stopped or fails is finished first."""
        results = await asyncio.gather(*work, return_exceptions=True)
        for error in sorted(
            (r for r in results if isinstance(r, BaseException)), key=lambda e: isinstance(e, RunStopped)
        ):
            raise error

    def _pick(self) -> list[Mapping[str, Any]]:
        chosen = self._checker.pick(self._recipe.batch)
        with self._store.write() as connection:
            for place, asked in enumerate(chosen):
                values = {
                    "state": "picked",
                    "round": self._round,
                    "place": place,
                    "novelty": round(asked.novelty, 6),
                }
                connection.execute(sa.update(candidates).where(candidates.c.id == asked.id).values(values))
        return self._rows(candidates.c.round == self._round)

    # ---- the Expert -----------------------------------------------------------------------------------

    async def _answered(self, candidate: Mapping[str, Any]) -> None:
        question, domain = candidate["question"], candidate["domain"]
        passages = self._grounds.find(question)
        if not passages or self._ledger is None:
            found = (
                expert.quoted(question, passages)
                if passages
                else expert.Judged(refused=True, reason=_UNSUPPORTED)
            )
            with self._store.write() as connection:
                self._settle(candidate, passages, found, None, connection)
            return
        job = Job("expert", expert.messages(question, domain, passages), expert.ExpertReply, expert.options())

        def first(connection: sa.Connection, end: JobEnd[expert.ExpertReply]) -> expert.Judged | None:
            found = _judged(question, end, passages)
            if found.reason and not found.refused and end.value is not None:
                return found  # once more, with the reason
            self._settle(candidate, passages, found, end.call_id, connection)
            return None

        wrong = await self._ledger.ask(job, first)
        if wrong is None:
            return
        again = f"That cannot be used: {wrong.reason}. Follow the rules and answer again."
        said = Message("assistant", wrong.answer or "(nothing)")
        job = replace(job, messages=(*job.messages, said, Message("user", again)))

        def last(connection: sa.Connection, end: JobEnd[expert.ExpertReply]) -> None:
            self._settle(candidate, passages, _judged(question, end, passages), end.call_id, connection)

        await self._ledger.ask(job, last)

    def _settle(
        self, candidate: Mapping[str, Any], passages: Sequence[SourcePassage], found: expert.Judged, call_id: int | None,
        connection: sa.Connection,
    ) -> None:  # fmt: skip
        """Write what became of a question: a pair with its evidence, or the reason why there is none."""
        support = max((p.support for p in passages), default=0.0)
        state = "unanswerable" if found.refused else "rejected" if found.reason else "answered"
        values = {"state": state, "reason": found.reason, "support": support}
        connection.execute(sa.update(candidates).where(candidates.c.id == candidate["id"]).values(values))
        if not found.answer:
            return
        row = {
            "candidate_id": candidate["id"], "question": candidate["question"], "answer": found.answer, "domain": candidate["domain"],
            "model": (self._recipe.model or {}).get("name", "quote"), "call_id": call_id, "support": support,
            "state": "rejected" if found.reason else "accepted", "reason": found.reason, "revision": 1,
        }  # fmt: skip
        made = connection.execute(sa.insert(pairs).values(row)).inserted_primary_key
        rests = [
            {
                "pair_id": made[0] if made else 0, "sentence": rest.sentence, "source_id": rest.passage.source_id,
                "label": rest.passage.label, "url": rest.passage.url, "licence": rest.passage.licence, "start": rest.start,
                "end": rest.end, "quote": rest.quote, "sha256": rest.sha256,
            }
            for rest in found.rests
        ]  # fmt: skip
        if rests:
            connection.execute(sa.insert(evidence), rests)

    # ---- the Newbie -----------------------------------------------------------------------------------

    async def _raised(self, candidate: Mapping[str, Any]) -> None:
        assert self._ledger is not None  # noqa: S101 -- for the type checker: without a model the base raises
        frames = list(newbie.FRAMES)
        count = newbie.FEWEST + int(_digest(self._recipe.seed, candidate["id"]), 16) % (
            newbie.MOST - newbie.FEWEST + 1
        )
        count = newbie.MOST if candidate["state"] == "seed" else count
        collected: list[newbie.Raised] = []
        for turn in range(_FRAMES_AT_ONCE):
            frame = frames[(candidate["id"] * _FRAMES_AT_ONCE + turn) % len(frames)]
            seed = int(_digest(self._recipe.seed, candidate["id"], frame), 16) % 2**31
            prompt = newbie.messages(
                frame,
                candidate["domain"],
                candidate["question"],
                self._answer(candidate),
                count,
                self._near(candidate),
            )
            job = Job("newbie", prompt, newbie.Questions, newbie.options(seed))
            last = turn + 1 == _FRAMES_AT_ONCE

            def settle(
                connection: sa.Connection,
                end: JobEnd[newbie.Questions],
                frame: str = frame,
                last: bool = last,
            ) -> None:
                """Collect what was raised; after the last frame, keep it in the transaction that ends the call."""
                said = newbie.cleaned(end.value.questions) if end.value is not None else []
                collected.extend(newbie.Raised(question, frame) for question in said[: newbie.MOST])
                if last:
                    self._keep_raised(connection, candidate, collected)

            await self._ledger.ask(job, settle)

    def _raise_from_base(self, picked: Sequence[Mapping[str, Any]]) -> None:
        """Questions about what was answered and what is related to it, for the whole round in one transaction."""
        with self._store.write() as connection:
            for candidate in picked:
                if candidate["raised"] is not None or candidate["state"] not in ("answered", "seed"):
                    continue
                found: list[newbie.Raised] = []
                if candidate["state"] == "seed":
                    about = self._templates.begin(candidate["seed"], candidate["domain"])
                    found += self._templates.raised(candidate["id"], about, own=False, used=self._used)
                else:
                    subject = candidate["about"]["subject"]
                    found += self._templates.raised(candidate["id"], [subject], own=True, used=self._used)
                    related = self._catalogue.relatives(subject)
                    for turn in range(_RELATIVES):
                        found += self._templates.raised(
                            candidate["id"] * 10 + turn, related, own=False, used=self._used
                        )
                self._keep_raised(connection, candidate, found)

    def _keep_raised(
        self, connection: sa.Connection, candidate: Mapping[str, Any], found: Sequence[newbie.Raised]
    ) -> None:
        rows = [
            [raised.question, raised.frame, raised.property, raised.subject, raised.channel]
            for raised in found
        ]
        connection.execute(
            sa.update(candidates).where(candidates.c.id == candidate["id"]).values(raised=rows)
        )

    def _answer(self, candidate: Mapping[str, Any]) -> str:
        with self._store.read() as connection:
            query = sa.select(pairs.c.answer).where(pairs.c.candidate_id == candidate["id"])
            return str(connection.execute(query).scalar() or "")

    def _near(self, candidate: Mapping[str, Any]) -> list[str]:
        """What was asked last in the same seed."""
        return [asked.question for asked in self._checker.history[candidate["seed"]]][-5:]

    # ---- screening ------------------------------------------------------------------------------------

    def _screen(self, picked: Sequence[Mapping[str, Any]]) -> None:
        """Screen what a round raised and close the round, in one transaction."""
        with self._store.write() as connection:
            for candidate in picked:
                asked = next(
                    (a for a in self._checker.history[candidate["seed"]] if a.id == candidate["id"]), None
                )
                if asked is not None:
                    asked.state = candidate["state"]
                self._checker.accepted[candidate["seed"]] += candidate["state"] == "answered"
                for row in candidate["raised"] or ():
                    self._add(connection, candidate, newbie.Raised(*row))
            self._round += 1
            keep(connection, "round", self._round)
        if self._progress is not None:
            self._progress(sum(self._checker.accepted.values()), self._recipe.pairs * len(self._recipe.seeds))

    def _add(self, connection: sa.Connection, parent: Mapping[str, Any], raised: newbie.Raised) -> None:
        state, reason, duplicate = self._checker.screen(raised.question)
        domain = parent["domain"] if parent["seed"] in DOMAINS else _field(raised.question, parent["domain"])
        row = _row(raised.question, parent["seed"], domain, raised.frame, state)
        about = {"property": raised.property, "subject": raised.subject} if raised.subject else {}
        row |= {
            "parent_id": parent["id"],
            "depth": parent["depth"] + 1,
            "reason": reason,
            "duplicate_of": duplicate,
            "about": about,
        }
        own = parent["state"] == "seed" or (
            bool(about) and about.get("subject") != parent["about"].get("subject")
        )
        row["topic"] = 0 if own else parent["topic"]
        made = connection.execute(sa.insert(candidates).values(row)).inserted_primary_key
        number = made[0] if made else 0
        if own:
            connection.execute(sa.update(candidates).where(candidates.c.id == number).values(topic=number))
        if state != "duplicate":
            self._checker.add(
                OpenQuestion(
                    number,
                    raised.question,
                    parent["seed"],
                    number if own else parent["topic"],
                    state,
                    raised.frame,
                )
            )

    # ---- state ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Write the seeds of a new run, which are the first round."""
        with self._store.write() as connection:
            if connection.execute(sa.select(sa.func.count()).select_from(candidates)).scalar():
                return
            for place, seed in enumerate(self._recipe.seeds):
                row = _row(
                    seed,
                    seed,
                    seed.lower() if seed.lower() in DOMAINS else _field(seed, DOMAINS[0]),
                    "seed",
                    "seed",
                )
                connection.execute(sa.insert(candidates).values(row | {"round": 0, "place": place}))

    def _restored(self) -> Checker:
        self._round = self._store.note("round", 0)
        rows = self._rows(sa.true())
        for row in rows:
            if row["round"] is not None and (row["round"] < self._round or self._ledger is None):
                for raised in row["raised"] or ():
                    self._used.add(newbie.Raised(*raised))
        done = {row["id"] for row in rows if row["round"] is not None and row["round"] < self._round}
        accepted = Counter(row["seed"] for row in rows if row["state"] == "answered" and row["id"] in done)
        targets = dict.fromkeys(self._recipe.seeds, self._recipe.pairs)
        return restored(rows, accepted, open_embedder(self._recipe.embedding), targets)

    def _is_done(self) -> bool:
        return all(self._checker.accepted[seed] >= self._recipe.pairs for seed in self._recipe.seeds)

    def _rows(self, where: sa.ColumnElement[bool]) -> list[Mapping[str, Any]]:
        order = (candidates.c.place, candidates.c.id) if where is not sa.true() else (candidates.c.id,)
        with self._store.read() as connection:
            query = sa.select(candidates).where(where).order_by(*order)
            return [dict(row) for row in connection.execute(query).mappings()]

    def _result(self, ended: str) -> FissionResult:
        rows = self._rows(sa.true())
        accepted = Counter(row["seed"] for row in rows if row["state"] == "answered")
        supported = {row["seed"] for row in rows if row["state"] not in _WITHOUT_SUPPORT}
        supported |= {
            row["seed"] for row in rows if row["state"] == "seed" and row["raised"] is None
        }  # not known yet
        unsupported = tuple(seed for seed in self._recipe.seeds if seed not in supported)
        states = Counter(row["state"] for row in rows if row["state"] != "seed")
        return FissionResult(
            {s: accepted[s] for s in self._recipe.seeds}, dict(sorted(states.items())), ended, unsupported
        )


# What became of all questions of a seed that nothing supports; a repeated one may be supported by another seed's.
_WITHOUT_SUPPORT = frozenset({"seed", "unanswerable", "off-topic"})
_UNSUPPORTED = "nothing in the base supports an answer"


def _judged(
    question: str, end: JobEnd[expert.ExpertReply], passages: Sequence[SourcePassage]
) -> expert.Judged:
    if end.value is None:
        return expert.Judged(reason=f"no usable reply: {end.reason}")
    return expert.judged(question, end.value, passages)


def _row(question: str, seed: str, domain: str, frame: str, state: str) -> dict[str, Any]:
    return {
        "question": question, "domain": domain, "seed": seed, "frame": frame, "depth": 0, "topic": 0, "state": state,
        "reason": "", "support": 0.0, "about": {},
    }  # fmt: skip


def _field(question: str, otherwise: str) -> str:
    guess = routing.field_of(question)
    return guess.field if guess.known else otherwise


def _digest(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:12]
