"""The API of OpenAI: models, conversations with a model or with the assistant, and embeddings."""

import base64
import re
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from starlette.responses import Response

from yukawa.assistant import Answer
from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings
from yukawa.knowledge.store.writer import new_id
from yukawa.llm import CutReply, Message
from yukawa.server.openai_forms import GROUNDED, ChatForm, EmbeddingForm, unknown_model
from yukawa.server.problems import Refusal
from yukawa.server.services import Called, Services, said
from yukawa.server.streaming import EventStream, event

_CREATED = 1_700_000_000  # of all models: clients want a number
_DONE = b"data: [DONE]\n\n"
_TASK = "### Task:"  # so begin the requests for titles, tags and follow-ups that Open WebUI makes by itself
_PIECE = re.compile(r"\S[^\n]*?(?:[.!?](?=\s)|(?=\n)|\Z)\s*|\s+", re.DOTALL)
_MARKER = re.compile(r"\[(\d+)\]")


# ---- models ---------------------------------------------------------------------------------------


def model_names(services: Services) -> list[str]:
    """What a client may name: the assistant, the assistant through each row, each row by itself, and the embedder."""
    rows = list(services.settings.models)
    raw = [name for name in services.upstream.raw if name != GROUNDED]
    embedding = services.base.embedding
    return [
        GROUNDED,
        *(f"{GROUNDED}/{name}" for name in rows),
        *raw,
        *([embedding] if embedding != "none" else []),
    ]


async def models(call: Called) -> Response:
    """The models that answer here."""
    names = await call.quickly(model_names, call.services)
    return said({"object": "list", "data": [_model(name) for name in names]})


async def model(call: Called, name: str) -> Response:
    """One model."""
    names = await call.quickly(model_names, call.services)
    if name not in names:
        raise unknown_model(name, names)
    return said(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "yukawa"}


# ---- conversations --------------------------------------------------------------------------------


async def chat_completions(call: Called, form: ChatForm) -> Response:
    """A reply of a model, or of the assistant, whose answers come after their checks and with their sources."""
    services, conversation = call.services, form.conversation()
    known = services.settings.models
    grounded = form.model == GROUNDED or form.model.startswith(f"{GROUNDED}/")
    row = form.model.removeprefix(GROUNDED).removeprefix("/") if grounded else form.model
    if (row and row not in known) or (not grounded and row not in services.upstream.raw):
        raise unknown_model(form.model, await call.quickly(model_names, services))
    if grounded and conversation[-1].content.lstrip().startswith(_TASK):
        talker = _talker(services, row)
        if talker is None:
            return _replied(call, form, _task_without_model(form))
        return await _raw(call, form, talker, conversation)
    if grounded:
        return await _grounded(call, form, row or None, conversation)
    return await _raw(call, form, known[row], conversation)


def _talker(services: Services, row: str) -> ModelSettings | None:
    """The row that does what is not a question: the one of the assistant, or the first that converses."""
    rows = services.upstream.raw
    return rows.get(row or services.settings.default_model) or next(iter(rows.values()), None)


def _task_without_model(form: ChatForm) -> dict[str, Any]:
    """What is said to a task where no model converses: an object without an entry, which such clients fill themselves."""
    return _completion(form, "{}", _counted(form, "{}"))


async def _grounded(
    call: Called, form: ChatForm, row: str | None, conversation: Sequence[Message]
) -> Response:
    questions = [message.content for message in conversation if message.role == "user"]
    wanted = form.response_format.type if form.response_format else "text"
    if form.logprobs or wanted == "json_schema":
        what, param = ("logprobs", "logprobs") if form.logprobs else ("a schema", "response_format")
        raise Refusal(400, f"the assistant cannot give {what}; name the model itself", param=param)

    async def answered() -> tuple[Answer, str, dict[str, Any]]:
        """The answer, its text in the form that is wanted, and what only this server says."""
        answer, whole = await call.services.ask(
            questions[-1], call.who, history=questions[:-1], model=row, as_of=form.as_of, domain=form.domain
        )
        if wanted == "json_object":
            return answer, bytes(said(whole).body).decode(), _extension(whole)
        return answer, _before(with_sources(answer), form.stops), _extension(whole)

    if form.stream:
        return _stream(call, _grounded_events(form, answered))
    answer, text, extension = await answered()
    completion = _completion(form, text, _counted(form, text), answer.id)
    completion["choices"][0]["message"]["annotations"] = annotations(answer, text)
    return said(completion | extension)


async def _grounded_events(form: ChatForm, answered: Any) -> AsyncGenerator[bytes]:
    """The answer sentence by sentence, once it is checked: nothing is shown that would be withdrawn."""
    yield event(_chunk(form, "", {"role": "assistant", "content": ""}))
    answer, text, extension = await answered()
    for piece in _PIECE.findall(text):
        yield event(_chunk(form, answer.id, {"content": piece}))
    last = _chunk(form, answer.id, {"annotations": annotations(answer, text)}, "stop")
    yield event(last | extension)
    if form.stream_options and form.stream_options.include_usage:
        yield event(_usage_chunk(form, answer.id, _counted(form, text)))
    yield _DONE


async def _raw(call: Called, form: ChatForm, row: ModelSettings, conversation: Sequence[Message]) -> Response:
    services, options = call.services, form.options()
    if form.stream:
        if form.logprobs:
            raise Refusal(
                400, "logprobs are given with whole replies only; set stream to false", param="logprobs"
            )
        return _stream(call, _raw_events(services, form, row, conversation))
    with services.upstream.conversation():
        reply = await services.upstream.model(row.name).chat(conversation, options)
    completion = _completion(
        form, reply.text, reply.usage or _counted(form, reply.text), finish=reply.finish_reason or "stop"
    )
    if reply.logprobs is not None:
        tokens: list[dict[str, Any]] = [
            {"token": t.token, "logprob": t.logprob, "bytes": None, "top_logprobs": []}
            for t in reply.logprobs
        ]
        completion["choices"][0]["logprobs"] = {"content": tokens}
    return said(completion)


async def _raw_events(
    services: Services, form: ChatForm, row: ModelSettings, conversation: Sequence[Message]
) -> AsyncGenerator[bytes]:
    """The pieces of a model's reply as they come."""
    number, text, finish = new_id(), "", "stop"
    with services.upstream.conversation():
        yield event(_chunk(form, number, {"role": "assistant", "content": ""}))
        pieces = services.upstream.model(row.name).stream(conversation, form.options())
        try:
            async with aclosing(pieces):  # type: ignore[type-var]
                async for piece in pieces:
                    text += piece
                    yield event(_chunk(form, number, {"content": piece}))
        except CutReply:
            finish = "length"
    yield event(_chunk(form, number, {}, finish))
    if form.stream_options and form.stream_options.include_usage:
        yield event(_usage_chunk(form, number, _counted(form, text)))
    yield _DONE


def _stream(call: Called, events: AsyncGenerator[bytes]) -> EventStream:
    services = call.services

    async def allowed() -> bool:
        """Whether the key is still valid."""
        return await services.quick.run(services.keys.still_valid, call.who) if call.who.key_id else True

    return EventStream(events, services.limits.alive_s, allowed)


def _replied(call: Called, form: ChatForm, completion: Mapping[str, Any]) -> Response:
    """A reply that is there already, in the form that the client wants."""
    if not form.stream:
        return said(completion)

    async def events() -> AsyncGenerator[bytes]:
        """The reply in one piece."""
        yield event(_chunk(form, completion["id"], dict(completion["choices"][0]["message"])))
        yield event(_chunk(form, completion["id"], {}, "stop"))
        yield _DONE

    return _stream(call, events())


# ---- forms of replies -----------------------------------------------------------------------------


def with_sources(answer: Answer) -> str:
    """The text of an answer, and its sources below it, which every client shows."""
    cited = {int(number) for number in _MARKER.findall(answer.text)}
    lines = [
        f"[{source.marker}] {source.label}" + (f" {source.url}" if source.url else "")
        for source in answer.sources
        if source.marker in cited
    ]
    return answer.text + ("\n\nSources:\n" + "\n".join(lines) if lines else "")


def annotations(answer: Answer, text: str) -> list[dict[str, Any]]:
    """The places where `text` cites sources that have an address."""
    urls = {source.marker: source for source in answer.sources if source.url}
    found = []
    for place in _MARKER.finditer(text.partition("\n\nSources:\n")[0]):
        if (source := urls.get(int(place[1]))) is not None:
            cited = {
                "start_index": place.start(),
                "end_index": place.end(),
                "url": source.url,
                "title": source.label,
            }
            found.append({"type": "url_citation", "url_citation": cited})
    return found


def _extension(whole: Mapping[str, Any]) -> dict[str, Any]:
    """What only this server says: sources as Open WebUI shows them, and how the answer can be judged and corrected."""
    sources = [
        {
            "source": {"name": source["label"], "url": source["url"]}, "document": [source["quote"]],
            "metadata": [{"source": source["url"] or source["label"], "author": source["author"], "trust": source["trust"]}],
        }
        for source in whole["sources"]
    ]  # fmt: skip
    kept = ("id", "abstained", "checks", "conflicts", "model")
    return {"sources": sources, "yukawa": {name: whole[name] for name in kept}}


def _completion(
    form: ChatForm, text: str, usage: Mapping[str, int], number: str = "", finish: str = "stop"
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": f"chatcmpl-{number or new_id()}", "object": "chat.completion", "created": int(time.time()), "model": form.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}], "usage": dict(usage),
    }  # fmt: skip


def _chunk(form: ChatForm, number: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": int(time.time()), "model": form.model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip


def _usage_chunk(form: ChatForm, number: str, usage: Mapping[str, int]) -> dict[str, Any]:
    return _chunk(form, number, {}) | {"choices": [], "usage": dict(usage)}


def _counted(form: ChatForm, text: str) -> dict[str, int]:
    """Words in place of tokens, where no model counted any."""
    asked = sum(len(str(turn.content).split()) for turn in form.messages)
    written = len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def _before(text: str, stops: Sequence[str]) -> str:
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


# ---- embeddings -----------------------------------------------------------------------------------


async def embeddings(call: Called, form: EmbeddingForm) -> Response:
    """Unit vectors of texts, by the embedder that the knowledge base searches with."""
    texts = form.texts()
    name = await call.quickly(lambda: call.base.embedding)
    if name == "none":
        raise InputError("this knowledge base searches by words alone and has no vectors")
    if form.model not in (name, GROUNDED):
        raise unknown_model(form.model, [name])
    vectors = await call.work(call.base.embed, texts)
    width = int(vectors.shape[1])
    if form.dimensions not in (None, width):
        raise Refusal(400, f"dimensions is {form.dimensions}; vectors here have {width}", param="dimensions")
    packed = form.encoding_format == "base64"
    rows = [base64.b64encode(v.astype("<f4").tobytes()).decode() if packed else v.tolist() for v in vectors]
    words = sum(len(text.split()) for text in texts)
    data = [{"object": "embedding", "index": number, "embedding": row} for number, row in enumerate(rows)]
    usage = {"prompt_tokens": words, "total_tokens": words}
    return said({"object": "list", "data": data, "model": form.model, "usage": usage})
