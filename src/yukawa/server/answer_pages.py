"""Pages of questions: ask, conversations, an answer with its sources and checks, and its correction in place."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from yukawa.assistant.assistant import MAX_QUESTION
from yukawa.core.errors import NotFound, YukawaError
from yukawa.knowledge.records import DOMAINS
from yukawa.knowledge.store.writer import new_id
from yukawa.knowledge.texts import checked_text
from yukawa.server.keys import allows
from yukawa.server.knowledge_api import AskForm, CorrectForm, teach_correction
from yukawa.server.pages import field, leads_to, page, read_form
from yukawa.server.rendering import answer_html, seen, to_html
from yukawa.server.services import Called, ServerCall

EXAMPLES = (
    "What is the mass of the tau lepton?", "decays of the tau above 10 %", "Which has the larger width, the W or the Z?",
    "ratio of the tau mass to the muon mass", "lifetime of the Z in seconds", "measurements of the W mass since 2012",
)  # fmt: skip
_MARKERS = re.compile(r"\s?\[\d+\]")
_SENTENCE = re.compile(r"[^.!?\n]{12,}")
_COMPARED = 3_000  # words of a text that is compared with another


# ---- asking ---------------------------------------------------------------------------------------


async def ask_page(call: Called, question: str = "") -> Response:
    """Where a question is asked, with examples and this person's conversations."""
    chats = await call.quickly(call.services.tables.chats_of, call.who.name)
    return page(
        call, "ask.html", question=question[:20_000], examples=EXAMPLES, chats=chats, **_choices(call)
    )


def _choices(call: ServerCall) -> dict[str, Any]:
    return {"models": list(call.services.settings.models), "domains": DOMAINS, "longest": MAX_QUESTION}


async def ask_form(call: Called) -> Response:
    """Answer a question and lead to its conversation, which begins with it where none is named."""
    form = read_form(call, AskForm)
    checked_text(form.question, "the question")
    tables, chat = call.services.tables, form.chat
    history: list[str] | None = []
    if chat is not None:
        history = await call.quickly(tables.questions, chat, call.who.name)
    if history is None:
        raise NotFound(f"there is no conversation {chat!r}")
    answer, whole = await call.services.ask(
        form.question, call.who, history=history, model=form.model, as_of=form.as_of, domain=form.domain
    )
    if call.base.store.readonly:  # no answer is kept: it is shown this once
        return page(call, "answer.html", **_shown(call, whole), **_aside())
    new, chat = chat is None, chat or new_id()
    await call.quickly(lambda: tables.add_turn(chat, call.who.name, form.question, answer.id, new=new))
    return leads_to(call, f"/chats/{chat}#{answer.id}")


async def chat_page(call: Called, chat_id: str) -> Response:
    """A conversation with all its answers, and where the next question is asked."""
    turns = await call.quickly(call.services.tables.turns_of, chat_id, call.who.name)
    if turns is None:
        raise NotFound(f"there is no conversation {chat_id!r}")

    def look() -> list[dict[str, Any]]:
        """Each turn with its answer, if that is still kept."""
        found = []
        for turn in turns:
            try:
                answer = call.services.answer_of(turn["answer_id"], call.who)
            except NotFound:  # what it quoted was erased
                found.append({"answer": None, "question": turn["question"], "at": turn["at"]})
            else:
                found.append(_shown(call, answer))
        return found

    chats = await call.quickly(call.services.tables.chats_of, call.who.name)
    shown = await call.work(look)
    return page(call, "chat.html", turns=shown, chats=chats, chat_id=chat_id, question="", **_choices(call))


async def remove_chat_form(call: Called, chat_id: str) -> Response:
    """Remove a conversation of this person."""
    if not await call.quickly(call.services.tables.remove_chat, chat_id, call.who.name):
        raise NotFound(f"there is no conversation {chat_id!r}")
    return leads_to(call, "/")


# ---- an answer ------------------------------------------------------------------------------------


async def answer_page(call: Called, answer_id: str, before: str = "", item: str = "") -> Response:
    """An answer under an address that stays; after a correction beside the one before it."""

    def look() -> dict[str, Any]:
        """The answer, and what was before it and taught instead."""
        answer = call.services.answer_of(answer_id, call.who)
        aside = _aside()
        if before:
            earlier = call.services.answer_of(before, call.who)
            aside["before"] = earlier
            aside["difference"] = word_difference(str(earlier["answer"]), str(answer["answer"]))
        if item:
            aside["taught"] = call.base.show(item)
        return _shown(call, answer) | aside

    return page(call, "answer.html", **await call.work(look))


def _aside() -> dict[str, Any]:
    """What a page of an answer has beside it."""
    return {"before": None, "difference": None, "taught": None}


def _shown(call: ServerCall, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of an answer needs."""
    by_model = answer["model"] not in ("plan", "quote")
    return {
        "answer": answer, "text": answer_html(answer["answer"], answer["id"], written_by_model=by_model),
        "sources": [(source, marked(source["quote"], _quoted(answer, source))) for source in answer["sources"]],
        "plain": plain_answer(str(answer["answer"])), "corrects": allows(call.who.role, "teacher"),
        "question": answer["question"], "at": answer.get("asked_at"),
    }  # fmt: skip


def plain_answer(text: str) -> str:
    """The sentences of an answer without its markers, formulas and tables, as one begins to correct it."""
    lines = [_MARKERS.sub("", line) for line in text.splitlines() if not line.startswith("  ")]
    return "\n".join(lines).replace(" (derived, not quoted)", "").strip()


def _quoted(answer: Mapping[str, Any], source: Mapping[str, Any]) -> Iterator[str]:
    """The words of a source that an answer uses: values, and sentences that are quoted whole."""
    for row in _rows(answer["results"]):
        if source["id"] in row.get("sources", ()):
            yield from (row[name] for name in ("value", "quoted") if row.get(name))
    yield from (found.strip() for found in _SENTENCE.findall(_MARKERS.sub("", str(answer["answer"]))))


def _rows(results: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The rows of results, with those that values were computed from."""
    rows = [
        row for result in results for name in ("rows", "others", "disputed") for row in result.get(name, ())
    ]
    while rows:
        row = rows.pop()
        yield row
        rows += row.get("derivation", {}).get("inputs", ())


def marked(text: str, words: Iterable[str]) -> Markup:
    """A text in which some words are marked, the longest first and none within another."""
    wanted = sorted({seen(word) for word in words if len(word) > 1}, key=len, reverse=True)[:50]
    text = seen(text)
    if not wanted:
        return Markup("{}").format(text)
    pieces = re.split("(" + "|".join(map(re.escape, wanted)) + ")", text)
    shapes = Markup("{}"), Markup("<mark>{}</mark>")
    return Markup("").join(shapes[n % 2].format(piece) for n, piece in enumerate(pieces))


def word_difference(old: str, new: str) -> Markup | None:
    """What changed from one text to another, word by word; None where they are too long to be compared."""
    before, after = (re.findall(r"\s+|[^\s]+", seen(text)) for text in (old, new))
    if max(len(before), len(after)) > _COMPARED:
        return None
    made = Markup("")
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        gone, come = "".join(before[start:end]), "".join(after[first:last])
        if kind == "equal":
            made += Markup("{}").format(gone)
            continue
        made += Markup("<del>{}</del>").format(gone) if gone else ""
        made += Markup("<ins>{}</ins>").format(come) if come else ""
    return made


# ---- correcting -----------------------------------------------------------------------------------


async def correct_form(call: Called, answer_id: str) -> Response:
    """Show what a correction would contradict, or teach it and lead to the next answer to the same question."""
    form = read_form(call, CorrectForm)
    if field(call, "do") == "teach":
        item, question = await call.work(teach_correction, call, answer_id, form)
        try:
            answer, _ = await call.services.ask(question, call.who)
        except YukawaError:  # what was taught is kept, whatever the model does
            return leads_to(call, f"/knowledge/{item.id}?done=taught")
        return leads_to(call, f"/answers/{answer.id}?before={answer_id}&item={item.id}")

    def look() -> dict[str, Any]:
        """The answer, and what the correction would contradict."""
        answer = call.services.answer_of(answer_id, call.who)
        replaced = [source["id"] for source in answer["sources"]]
        found = call.base.foresee(form.text, question=str(answer["question"]), supersedes=replaced)
        return {"answer": answer, "foreseen": found, "shown": to_html(form.text)}

    return page(call, "correct.html", form=form, **await call.work(look))
