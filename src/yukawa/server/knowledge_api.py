"""Our own API of knowledge: ask, teach, correct, change, look back, settle; whose word it is says the key and nothing else."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import Field
from starlette.responses import Response

from yukawa.core.errors import Changed, InputError, NotFound
from yukawa.core.validation import Section
from yukawa.knowledge import Item
from yukawa.knowledge.store.writer import new_id
from yukawa.knowledge.texts import checked_text
from yukawa.server.openai_api import with_sources
from yukawa.server.problems import Refusal
from yukawa.server.services import Called, ServerCall, said
from yukawa.server.streaming import EventStream, event

Words = Annotated[str, Field(min_length=1, max_length=6_000_000)]
Short = Annotated[str, Field(max_length=2_000)]
Name = Annotated[str, Field(max_length=200)]
AsOf = Annotated[str | None, Query(max_length=40)]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class AskForm(Section):
    """A question.

    Attributes:
        question: in any notation.
        history: the questions before it; not together with `chat`.
        chat: the id of a conversation to which it belongs, or 'new'.
        model: the row that writes.
        as_of: from the base as it was at that moment.
        domain: only from this domain.
    """

    question: Annotated[str, Field(max_length=20_000)]
    history: Annotated[tuple[Short, ...], Field(max_length=100, strict=False)] = ()
    chat: Name | None = None
    model: Name | None = None
    as_of: Name | None = None
    domain: Name | None = None


class TeachForm(Section):
    """What is taught; its author is the person of the key."""

    text: Words
    question: Short | None = None
    source: Short = ""
    url: Short | None = None
    licence: Name | None = None
    domain: Name | None = None
    kind: Name | None = None
    reason: Short = ""


class CorrectForm(Section):
    """What an answer should say."""

    text: Words
    source: Short = ""
    url: Short | None = None
    reason: Short = ""
    ask_again: bool = True


class UpdateForm(Section):
    """The new text of an item; what is not given stays."""

    text: Words
    question: Short | None = None
    source: Short | None = None
    url: Short | None = None
    reason: Short = ""


class ReasonForm(Section):
    """Why something is done."""

    reason: Short = ""


class ReviewForm(ReasonForm):
    """Whether a reviewer agrees."""

    agree: bool = True


class ResolveForm(ReasonForm):
    """Which item of a contradiction is kept; both without one."""

    keep: Name | None = None


# ---- asking ---------------------------------------------------------------------------------------


async def ask(call: Called, form: AskForm, accept: Annotated[str, Header()] = "") -> Response:
    """Answer a question with its sources, or say why not; as events where `Accept: text/event-stream` says so."""
    history = await _history(call, form)
    if "text/event-stream" not in accept:
        return said(await _answer(call, form, history))
    return EventStream(
        _events(call, form, history), call.services.limits.alive_s, lambda: _still(call), error_name="error"
    )


async def _still(call: Called) -> bool:
    return await call.quickly(call.services.keys.still_valid, call.who)


async def _history(call: Called, form: AskForm) -> list[str]:
    """The questions before this one.

    Raises:
        Refusal: they are given twice. NotFound: the person has no such conversation.
    """
    checked_text(form.question, "the question")
    if form.chat in (None, "new"):
        return list(form.history)
    if form.history:
        raise Refusal(400, "a conversation has its history: give history or chat", param="history")
    found = await call.quickly(call.services.tables.questions, form.chat, call.who.name)
    if found is None:
        raise NotFound(f"there is no conversation {form.chat!r}", hint='type: "chat": "new"')
    return found


async def _answer(call: Called, form: AskForm, history: list[str], follow: Any = None) -> dict[str, Any]:
    answer, found = await call.services.ask(
        form.question,
        call.who,
        history=history,
        model=form.model,
        as_of=form.as_of,
        domain=form.domain,
        follow=follow,
    )
    found["shown"] = with_sources(answer)
    if form.chat is not None:
        chat, new = (new_id(), True) if form.chat == "new" else (form.chat, False)
        await call.quickly(
            lambda: call.services.tables.add_turn(chat, call.who.name, form.question, answer.id, new=new)
        )
        found["chat"] = chat
    return found


async def _events(call: Called, form: AskForm, history: list[str]) -> AsyncGenerator[bytes]:
    """The steps as they begin, and the answer once it is checked."""
    steps: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(
        _answer(call, form, history, lambda step: loop.call_soon_threadsafe(steps.put_nowait, step))
    )
    number = 0
    try:
        while not work.done() or not steps.empty():
            step = asyncio.ensure_future(steps.get())
            await asyncio.wait({work, step}, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                number += 1
                yield event({"step": step.result()}, "step", number)
            else:
                step.cancel()
        yield event(work.result(), "answer", number + 1)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def answer(call: Called, answer_id: str) -> Response:
    """An earlier answer of this person; reviewers see all."""
    return said(await call.work(call.services.answer_of, answer_id, call.who))


async def correct(call: Called, answer_id: str, form: CorrectForm) -> Response:
    """Teach what an answer should say, and ask its question again."""
    item, question = await call.work(teach_correction, call, answer_id, form)
    found: dict[str, Any] = {"item": item.as_json(), "answer": None}
    if form.ask_again:
        found["answer"] = (await call.services.ask(question, call.who))[1]
    return said(found, 201 if item.status == "taught" else 200, _etag(item))


def teach_correction(call: ServerCall, answer_id: str, form: CorrectForm) -> tuple[Item, str]:
    """Teach what an answer should say: the item, and the question that the answer was for."""
    earlier = call.services.answer_of(answer_id, call.who)
    given: dict[str, Any] = {"source": form.source, "url": form.url, "reason": form.reason}
    item = call.base.teach(form.text, corrects=answer_id, author=call.who.name, **given)
    return item, str(earlier["question"])


async def chats(call: Called) -> Response:
    """The conversations of this person, newest first."""
    return said(await call.quickly(call.services.tables.chats_of, call.who.name))


async def chat(call: Called, chat_id: str) -> Response:
    """The turns of a conversation of this person."""
    return said(_there(await call.quickly(call.services.tables.turns_of, chat_id, call.who.name), chat_id))


async def remove_chat(call: Called, chat_id: str) -> Response:
    """Remove a conversation of this person."""
    _there(await call.quickly(call.services.tables.remove_chat, chat_id, call.who.name) or None, chat_id)
    return said({"id": chat_id, "status": "removed"})


def _there(found: Any, chat_id: str) -> Any:
    if found is None:
        raise NotFound(f"there is no conversation {chat_id!r}")
    return found


# ---- items ----------------------------------------------------------------------------------------


async def teach(call: Called, form: TeachForm) -> Response:
    """Teach a statement, a question with its answer, or a document; the next answer uses it."""
    given = form.model_dump()
    item = await call.work(lambda: call.base.teach(given.pop("text"), author=call.who.name, **given))
    return said(item.as_json(), 201 if item.status == "taught" else 200, _etag(item))


async def items(
    call: Called, domain: str | None = None, kind: str | None = None, author: str | None = None,
    source: str | None = None, unloaded: bool = False, as_of: AsOf = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Current items, or the unloaded ones, newest first."""
    filters: dict[str, Any] = {"domain": domain, "kind": kind, "author": author, "source": source}
    found = await call.work(lambda: call.base.list(**filters, unloaded=unloaded, as_of=as_of, limit=limit))
    return said([item.as_json() for item in found])


async def item(call: Called, item_id: str, as_of: AsOf = None) -> Response:
    """An item, with its version as ETag."""
    found = await call.work(lambda: call.base.show(item_id, as_of=as_of))
    return said(found.as_json(), headers=_etag(found))


async def history(call: Called, item_id: str) -> Response:
    """Every version of an item, and who changed it when."""
    versions, events = await call.work(call.base.history, item_id)
    return said(
        {"versions": [one.as_json() for one in versions], "events": [one.as_json() for one in events]}
    )


async def update(
    call: Called, item_id: str, form: UpdateForm, if_match: Annotated[str | None, Header()] = None
) -> Response:
    """Replace an item by a new version, if the one that `If-Match` names is still current; 409 shows both texts otherwise."""
    version = _version(if_match)
    if version is None:
        raise Refusal(
            428, "If-Match is missing; send the ETag of the version that this text replaces", code="if_match"
        )
    given = form.model_dump()
    try:
        found = await call.work(
            lambda: call.base.update(
                item_id, given.pop("text"), author=call.who.name, version=version, **given
            )
        )
    except Changed as error:
        now = await call.work(call.base.show, item_id)
        raise Refusal(
            409, str(error), code="changed", more={"yours": form.text, "current": now.as_json()}
        ) from None
    return said(found.as_json(), headers=_etag(found))


async def unload(
    call: Called, item_id: str, reason: Annotated[str, Query(max_length=2_000)] = ""
) -> Response:
    """Withdraw an item: no answer uses it until it is restored."""
    found = await call.work(lambda: call.base.unload(item_id, actor=call.who.name, reason=reason))
    return said(found.as_json(), headers=_etag(found))


async def restore(call: Called, item_id: str, form: ReasonForm = ReasonForm()) -> Response:  # noqa: B008 -- frozen
    """Make an unloaded item current again."""
    found = await call.work(lambda: call.base.restore(item_id, actor=call.who.name, reason=form.reason))
    return said(found.as_json(), headers=_etag(found))


async def purge(call: Called, item_id: str, form: ReasonForm = ReasonForm()) -> Response:  # noqa: B008 -- frozen
    """Erase an item and every trace of its content for good; runs and data sets with its text are named."""
    left = await call.work(call.services.purge, item_id, call.who, form.reason)
    return said({"id": item_id, "status": "purged"} | left.as_json())


async def review(call: Called, item_id: str, form: ReviewForm = ReviewForm()) -> Response:  # noqa: B008 -- frozen
    """Agree to what another person taught, or take that back."""
    found = await call.work(
        lambda: call.base.review(item_id, agree=form.agree, actor=call.who.name, reason=form.reason)
    )
    return said(found.as_json(), headers=_etag(found))


async def search(
    call: Called, q: Annotated[str, Query(max_length=20_000)], k: Limit = 5, domain: str | None = None,
    kind: str | None = None, author: str | None = None, source: str | None = None, as_of: AsOf = None,
) -> Response:  # fmt: skip
    """Passages by their words and their meaning, best first, of now or of a moment in the past."""
    filters: dict[str, Any] = {"domain": domain, "kind": kind, "author": author, "source": source}
    hits = await call.work(lambda: call.base.search(q, k=k, as_of=as_of, **filters))
    return said([hit.as_json() for hit in hits])


async def conflicts(call: Called, as_of: AsOf = None) -> Response:
    """Contradictions that nobody has settled."""
    found = await call.work(lambda: call.base.conflicts(as_of=as_of))
    return said([one.as_json() for one in found])


async def resolve(call: Called, conflict_id: int, form: ResolveForm = ResolveForm()) -> Response:  # noqa: B008 -- frozen
    """Settle a contradiction; against a source's data or a reviewed item that takes a reviewer."""
    if conflict_id >= 1 << 63:
        raise NotFound(f"there is no open conflict {conflict_id}")
    await call.work(
        lambda: call.base.resolve(conflict_id, keep=form.keep, actor=call.who.name, reason=form.reason)
    )
    return said({"id": conflict_id, "status": "resolved", "kept": form.keep})


def _etag(found: Item) -> dict[str, str]:
    return {"etag": f'"{found.version}"'}


def _version(if_match: str | None) -> int | None:
    """The version that a header names.

    Raises:
        InputError: it is not the ETag of an item.
    """
    if if_match is None:
        return None
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise InputError(
            f"If-Match is {if_match[:40]!r}, which is not the ETag of an item", hint='send for instance "3"'
        )
    return int(number)
