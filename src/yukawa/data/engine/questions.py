"""Questions and answers from papers: a call for each section, each answer resting on words of it and checked formula by formula.

Without a model the sentences of a paper that say what is new, how it was done, what was found, or what a thing is, are quoted as
answers. What fails a check keeps its row and the reason; review, report and composition take the run as they take any other.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, Field

from yukawa.core.errors import InputError
from yukawa.core.files import hash_file, read_text
from yukawa.core.processes import Interruption, Progress
from yukawa.core.settings import ModelSettings
from yukawa.core.validation import StrictModel
from yukawa.data.engine import expert, newbie
from yukawa.data.engine.calls import Budget, Job, JobEnd, Ledger, RunStopped, identity
from yukawa.data.engine.grounds import SourcePassage
from yukawa.data.engine.papers import opened_papers, section_of, section_text
from yukawa.data.engine.selection import licence_name
from yukawa.data.engine.tables import WorkStore, candidates, evidence, pairs
from yukawa.data.fields import field_of_categories
from yukawa.knowledge import routing
from yukawa.knowledge.documents.blocks import Block, sentences
from yukawa.knowledge.documents.papers import PaperText, find_papers
from yukawa.knowledge.documents.words import named
from yukawa.knowledge.items import blocks_of
from yukawa.knowledge.parsing.quantities import find_quantities
from yukawa.knowledge.records import DOMAINS
from yukawa.llm import ChatModel, GenerationOptions, Message
from yukawa.llm.control import without_control
from yukawa.runs.run import Run

PROMPT = newbie.PROMPTS / "papers" / "questions.md"
LONGEST_SECTION = 1_200
"""Words of a section in one call; longer ones are cut between blocks."""
MOST_PAIRS = 6
_FEWEST_WORDS = 30  # of a section worth a call
_TOKENS = 1_200
_DOUBTFUL = 0.5  # the support of numbers from a text that is not exact
_FREE = ("concurrency",)
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$")
_QUOTED_WORDS = range(6, 61)
# What a sentence that stands by itself does not hold: references, and what its paper shows elsewhere.
_POINTS = re.compile(r"\[[\d?, –-]+\]|\b(?:sections?|figures?|tables?|appendix|eqs?|refs?)\b", re.IGNORECASE)
# How a sentence begins that says something of its own paper, and what is asked of it; the paper's title is put in.
_ASKED: Mapping[str, tuple[re.Pattern[str], str]] = {
    "definition": (
        re.compile(r"(?P<x>(?:The|An?) [A-Za-z][\w $\\{}^-]{2,60}?),? (?:is|are) (?:defined (?:as|by)|called|known as)\b"),
        "What is {x}, as “{title}” uses the term?",
    ),
    "value": (
        re.compile(r"The (?P<x>[a-z][\w $\\{}^-]{3,60}?) (?:is|was|are|were|equals)\b"),
        "What value does “{title}” give for the {x}?",
    ),
    "contribution": (
        re.compile(r"(?:In this \w+,? )?[Ww]e (?:present|propose|introduce|develop|report|study|investigate)\b"),
        "What is the subject of “{title}”?",
    ),
    "result": (
        re.compile(r"(?:In \w+,? |Finally, |Therefore, )?[Ww]e (?:find|found|obtain|observe|measure|conclude|show)\b"),
        "What is a result of “{title}”?",
    ),
    "method": (
        re.compile(r"[Ww]e (?:use|used|apply|fit|employ|simulate|reconstruct|select|compute|calculate)\b"),
        "Which method is used in “{title}”?",
    ),
}  # fmt: skip


class PaperPair(BaseModel):
    """A question with its answer; the quotation precedes the answer, so that a model reads before it concludes."""

    kind: Literal["contribution", "method", "result", "definition", "value"]
    question: newbie.Words
    quote: newbie.Words
    answer: newbie.Words


class PaperPairs(BaseModel):
    """What a model writes of a section."""

    pairs: list[PaperPair] = Field(default_factory=list, max_length=MOST_PAIRS)


class QuestionsRecipe(StrictModel):
    """What decides a run.

    Attributes:
        kind: always `questions`.
        papers: SHA-256 of the sections, in order.
        per_section: pairs wanted of each section, at most.
        model: the row of the model; None quotes.
        prompt: SHA-256 of the prompt.
        concurrency: calls under way at once.
    """

    kind: Literal["questions"] = "questions"
    papers: str = ""
    per_section: int = Field(default=2, ge=1, le=MOST_PAIRS)
    model: dict[str, Any] | None = None
    prompt: str = ""
    concurrency: int = Field(default=8, ge=1)


@dataclass(frozen=True)
class PaperSection:
    """A section of a paper, or a part of a long one, as it is shown to a model."""

    id: str
    title: str
    heading: str
    text: str
    domain: str
    url: str | None
    licence: str | None
    exact: bool

    @property
    def label(self) -> str:
        """Paper and section, for readers."""
        return f"{self.title}, {self.heading}" if self.heading and self.heading != self.title else self.title

    def passage(self) -> SourcePassage:
        """The section as what an answer may quote."""
        return SourcePassage(self.text, self.id, self.label, self.url, self.licence, 1.0)


@dataclass(frozen=True)
class QuestionsResult:
    """How a run ended.

    Attributes:
        sections: how many were read, and how many are done.
        accepted: pairs accepted, by kind.
        rejected: pairs that failed a check, by its name.
        unread: why files could not be read; a line each.
        ended: 'done', 'budget' or 'stopped'.
    """

    sections: tuple[int, int]
    accepted: dict[str, int]
    rejected: dict[str, int]
    unread: tuple[str, ...]
    ended: str


def run_questions(
    paths: Sequence[Path], folder: Path, recipe: QuestionsRecipe, *, row: ModelSettings | None = None, model: ChatModel | None = None,
    budget: Budget | None = None, licence: str | None = None, resume: bool = False, progress: Progress | None = None,
) -> QuestionsResult:  # fmt: skip
    """Begin or resume a run in `folder`.

    Args:
        paths: papers, as `find_papers` takes them.
        row: the row that `model` was opened from; both or none.
        budget: what the run may use, earlier parts of it included.
        licence: of papers that name none.
        progress: called with the sections done and all.

    Raises:
        InputError: no paper can be read, the folder holds something else, or the run was begun otherwise.
        StoreError: the disk refuses.
        ModelError: the model is gone; the run can be resumed.
    """
    unread: list[str] = []
    found = list(read_sections(paths, licence, unread))
    if not found:
        why = f": {unread[0]}" if unread else ", no section is long enough"
        raise InputError(f"there is nothing to ask about{why}")
    digest = hashlib.sha256("\0".join(f"{one.id}\0{one.text}" for one in found).encode()).hexdigest()
    recipe = recipe.model_copy(
        update={
            "papers": digest,
            "model": None if row is None else identity(row),
            "prompt": hash_file(PROMPT),
        }
    )
    plain = recipe.model_dump(mode="json")
    if Run.find(folder, plain, resume=resume, free=_FREE) is None:
        Run.create(folder, plain, [])
    store = WorkStore(folder, new=True)
    try:
        with store.alone(), Interruption() as interruption:
            work = _Questions(store, recipe, found, progress)
            ended = asyncio.run(work.run(row, model, budget, lambda: interruption.asked))
            return work.result(ended, tuple(unread))
    finally:
        store.close()


def read_sections(paths: Sequence[Path], licence: str | None, unread: list[str]) -> Iterator[PaperSection]:
    """The sections of papers that are worth asking about; `unread` gets what cannot be read."""
    names: Counter[str] = Counter()
    for path in find_papers(paths).papers:
        for paper in opened_papers(path, None):
            if isinstance(paper, InputError):
                unread.append(paper.message)
                continue
            try:
                blocks = blocks_of(paper.text, paper.format)
            except InputError as error:
                unread.append(f"{paper.name}: {error.message}")
                continue
            names[paper.name] += 1
            name = paper.name if names[paper.name] == 1 else f"{paper.name}-{names[paper.name]}"
            yield from _sections(name, paper, blocks, licence)


def _sections(
    name: str, paper: PaperText, blocks: Sequence[Block], licence: str | None
) -> Iterator[PaperSection]:
    first = next((block.text for block in blocks if block.kind == "heading" and not block.headings), "")
    title = paper.title or first or paper.name
    home = field_of_categories(paper.categories)
    number = 0
    for headings, group in groupby(blocks, section_of):
        for part in _parts(list(group)):
            text = section_text(part)
            if len(text.split()) < _FEWEST_WORDS:
                continue
            number += 1
            guess = routing.field_of(f"{title}\n{text}")
            domain = home or (guess.field if guess.known else DOMAINS[0])
            yield PaperSection(
                f"{name}#{number}", title, headings[-1] if headings else "", text, domain, paper.url,
                licence_name(paper.licence) or licence, paper.exact,
            )  # fmt: skip


def _parts(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks in parts of at most `LONGEST_SECTION` words; a longer block is one of its own."""
    part: list[Block] = []
    size = 0
    for block in blocks:
        words = len(block.text.split())
        if part and size + words > LONGEST_SECTION:
            yield part
            part, size = [], 0
        part.append(block)
        size += words
    if part:
        yield part


# ---- what is written of a section -------------------------------------------------------------------


def messages(section: PaperSection, count: int) -> tuple[Message, ...]:
    """The prompt of a section."""
    rules = read_text(PROMPT).format(count=count)
    return Message("system", rules), Message(
        "user", without_control(f"Title: {section.title}\n\nSection:\n{section.text}")
    )


def quoted_pairs(section: PaperSection, count: int) -> list[PaperPair]:
    """Pairs without a model: sentences that say of themselves what they are, the rarest kinds first, one of each question."""
    found: dict[str, PaperPair] = {}
    paragraphs = (" ".join(part.split()) for part in section.text.split("\n\n") if not part.startswith("#"))
    for sentence in (one for part in paragraphs for one in sentences(part) if one.endswith((".", "!"))):
        size = len(sentence.split())
        if (
            size not in _QUOTED_WORDS
            or len(sentence) > 500
            or newbie.not_itself(sentence)
            or _POINTS.search(sentence)
        ):
            continue
        for kind, (begins, asked) in _ASKED.items():
            match = begins.match(sentence)
            if match is None or (
                kind == "value" and not any(q.unit not in ("", "1") for q in find_quantities(sentence))
            ):
                continue
            subject = match.groupdict().get("x") or ""
            if subject.startswith(("The ", "A ", "An ")):
                subject = subject[0].lower() + subject[1:]
            question = asked.format(title=section.title, x=subject.strip())
            pair = {"kind": kind, "question": question[:500], "quote": sentence, "answer": sentence}
            found.setdefault(question, PaperPair.model_validate(pair))
            break
    return sorted(found.values(), key=lambda pair: list(_ASKED).index(pair.kind))[:count]


def judged_pair(pair: PaperPair, section: PaperSection) -> expert.Judged:
    """A pair with its evidence, and the first check that it fails.

    The question makes sense by itself, the quotation is in the section verbatim, each quantity of the answer is one of the quotation,
    and each formula is equal to one of it, white space aside.
    """
    question, answer = (" ".join(text.split()) for text in (pair.question, pair.answer))
    wrong = newbie.not_itself(question.replace(section.title, "it"))
    if not wrong and (words := newbie.pointing(answer)):
        wrong = f"the answer refers to {words!r}"
    if wrong:
        return expert.Judged(answer, (), f"not by itself: {wrong}")
    if question.rstrip("?. ").lower() == answer.rstrip("?. ").lower():
        return expert.Judged(answer, (), "repetition: the answer is the question")
    said = expert.ExpertReply(
        answered=True, sentences=[expert.QuotedSentence(quote=pair.quote, passage=1, text=answer)]
    )
    place = expert.find_quote(pair.quote, section.text)
    if place is not None and (wrong := _wrong_formula(answer, section.text[slice(*place)])):
        return expert.Judged(answer, (), f"formula: {wrong}")
    found = expert.judged(question, said, [section.passage()])
    if found.reason.startswith("question:") and pair.kind != "value":  # read as a question for a quantity
        found = replace(found, reason="")
        if not set(named(question)) & set(named(f"{section.label} {found.rests[0].quote}")):
            return replace(found, reason="question: it speaks of something else")
    return found


def _wrong_formula(answer: str, quote: str) -> str:
    """Which formula of an answer is none of the quotation, '' if all are."""
    known = {_bare(formula) for formula in _formulas(quote)}
    for formula in _formulas(answer):
        if formula.count("{") - formula.count("\\{") != formula.count("}") - formula.count("\\}"):
            return f"its braces are not balanced: {formula[:80]}"
        if _bare(formula) not in known:
            return f"it is not in the quotation: {formula[:80]}"
    rest = _FORMULA.sub("", answer)
    return (
        "a dollar is not closed"
        if "$" in rest
        else "a formula without dollars"
        if re.search(r"\\[A-Za-z]", rest)
        else ""
    )


def _formulas(text: str) -> list[str]:
    return [first or second for first, second in _FORMULA.findall(text)]


def _bare(formula: str) -> str:
    return re.sub(r"\s", "", formula)


# ---- the run -----------------------------------------------------------------------------------------


@dataclass
class _Questions:
    store: WorkStore
    recipe: QuestionsRecipe
    sections: Sequence[PaperSection]
    progress: Progress | None
    done: int = 0

    async def run(
        self,
        row: ModelSettings | None,
        model: ChatModel | None,
        budget: Budget | None,
        stop: Callable[[], bool],
    ) -> str:
        """Write pairs of all sections that have none yet; how the run ended."""
        left = self._left()
        self.done = len(self.sections) - len(left)
        try:
            if row is None or model is None:
                for number, section in left:
                    if stop():
                        return "stopped"
                    pairs_ = quoted_pairs(section, self.recipe.per_section)
                    with self.store.write() as connection:
                        self._settle(connection, number, section, pairs_, None)
                return "done"
            ledger = Ledger(
                self.store, model, row, budget=budget, concurrency=self.recipe.concurrency, stop=stop
            )
            results = await asyncio.gather(
                *(self._ask(ledger, number, section) for number, section in left), return_exceptions=True
            )
            for error in sorted(
                (r for r in results if isinstance(r, BaseException)), key=lambda e: isinstance(e, RunStopped)
            ):
                raise error
        except RunStopped:
            return "stopped" if stop() else "budget"
        finally:
            if model is not None:
                await model.aclose()
        return "done"

    async def _ask(self, ledger: Ledger, number: int, section: PaperSection) -> None:
        options = GenerationOptions(temperature=0.0, max_tokens=_TOKENS)
        job = Job("questions", messages(section, self.recipe.per_section), PaperPairs, options)

        def settle(connection: sa.Connection, end: JobEnd[PaperPairs]) -> None:
            said = end.value.pairs[: self.recipe.per_section] if end.value is not None else []
            self._settle(connection, number, section, said, end.call_id, end.reason)

        await ledger.ask(job, settle)

    def _left(self) -> list[tuple[int, PaperSection]]:
        """The sections that are not done, with their rows; a new run gets a row for each."""
        with self.store.write() as connection:
            seeds = sa.select(candidates.c.id, candidates.c.place, candidates.c.raised).where(
                candidates.c.frame == "section"
            )
            found = connection.execute(seeds.order_by(candidates.c.place)).all()
            if not found:
                for place, section in enumerate(self.sections):
                    values = _candidate(section, section.label, "section", "seed") | {
                        "round": 0,
                        "place": place,
                    }
                    connection.execute(sa.insert(candidates).values(values))
                found = connection.execute(seeds.order_by(candidates.c.place)).all()
        return [(row.id, self.sections[row.place]) for row in found if row.raised is None]

    def _settle(
        self, connection: sa.Connection, number: int, section: PaperSection, said: Sequence[PaperPair], call_id: int | None,
        reason: str = "",
    ) -> None:  # fmt: skip
        """Keep the pairs of a section, in the transaction that ends its call."""
        values = {"raised": [[pair.question, pair.kind] for pair in said], "reason": reason}
        connection.execute(sa.update(candidates).where(candidates.c.id == number).values(values))
        for pair in said:
            found = judged_pair(pair, section)
            support = _DOUBTFUL if not section.exact and re.search(r"\d", found.answer) else 1.0
            state = "rejected" if found.reason else "answered"
            asked = _candidate(section, " ".join(pair.question.split()), pair.kind, state) | {
                "reason": found.reason, "support": support, "parent_id": number, "depth": 1, "round": 1,
            }  # fmt: skip
            made = connection.execute(sa.insert(candidates).values(asked)).inserted_primary_key
            row = {
                "candidate_id": made[0] if made else 0, "question": asked["question"], "answer": found.answer, "domain": section.domain,
                "model": (self.recipe.model or {}).get("name", "quote"), "call_id": call_id, "support": support,
                "state": "rejected" if found.reason else "accepted", "reason": found.reason, "revision": 1,
            }  # fmt: skip
            kept = connection.execute(sa.insert(pairs).values(row)).inserted_primary_key
            for rest in found.rests:
                quote = {
                    "pair_id": kept[0] if kept else 0, "sentence": rest.sentence, "source_id": section.id, "label": section.label,
                    "url": section.url, "licence": section.licence, "start": rest.start, "end": rest.end, "quote": rest.quote,
                    "sha256": rest.sha256,
                }  # fmt: skip
                connection.execute(sa.insert(evidence).values(quote))
        self.done += 1
        if self.progress:
            self.progress(self.done, len(self.sections))

    def result(self, ended: str, unread: tuple[str, ...]) -> QuestionsResult:
        """What is there now."""
        with self.store.read() as connection:
            rows = connection.execute(sa.select(candidates).order_by(candidates.c.id)).mappings().all()
        done = sum(row["raised"] is not None for row in rows if row["frame"] == "section")
        accepted = Counter(row["frame"] for row in rows if row["state"] == "answered")
        rejected = Counter(row["reason"].partition(":")[0] for row in rows if row["state"] == "rejected")
        return QuestionsResult(
            (len(self.sections), done),
            dict(sorted(accepted.items())),
            dict(sorted(rejected.items())),
            unread,
            ended,
        )


def _candidate(section: PaperSection, question: str, frame: str, state: str) -> dict[str, Any]:
    return {
        "question": question, "domain": section.domain, "seed": section.title[:200], "frame": frame, "depth": 0, "topic": 0,
        "state": state, "reason": "", "support": 0.0, "about": {},
    }  # fmt: skip
