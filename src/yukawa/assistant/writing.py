"""A language model writes a text: piece by piece where somebody reads along, and once more where it was cut."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from yukawa.knowledge.citing import without_reasoning
from yukawa.llm import CutReply, GenerationOptions, Message, Reply, SyncChat
from yukawa.llm.base import GREEDY, doubled

# The beginning of a mark of reasoning may be all that has come of it.
_HALF_A_MARK = re.compile(r"[<\[][^>\]]{0,40}$")
_SENTENCES = re.compile(r".*[.!?][\"')\]]*(?=\s|$)", re.DOTALL)


class Reader(Protocol):
    """Whoever reads along while a model writes."""

    def piece(self, text: str) -> None:
        """The next words."""

    def again(self, reason: str) -> None:
        """What was read so far does not count, for this reason; the text begins anew."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote.

    Attributes:
        text: without its reasoning.
        cut: whether it was cut at the token limit, at double the first limit too.
    """

    text: str
    cut: bool


def write(
    chat: SyncChat,
    messages: Sequence[Message],
    options: GenerationOptions = GREEDY,
    reader: Reader | None = None,
) -> Written:
    """Let a model answer; an answer that is cut at its token limit is requested once more with double the limit.

    Args:
        chat: the model.
        messages: the conversation.
        options: how to answer; its `max_tokens` is the first limit.
        reader: reads along; without one the answer comes whole.

    Raises:
        ModelError: the model failed.
    """
    reply = _reply(chat, messages, options, reader)
    if reply.finish_reason == "length":
        options = replace(options, max_tokens=doubled(reply, options))
        if reader is not None:
            reader.again(f"it was cut at its token limit; once more with {options.max_tokens}")
        reply = _reply(chat, messages, options, reader)
    return Written(without_reasoning(reply.text), cut=reply.finish_reason == "length")


def whole_sentences(text: str) -> str:
    """A text that was cut, up to its last whole sentence: half a sentence may end in half a number."""
    found = _SENTENCES.match(text)
    return found[0] if found else ""


def _reply(
    chat: SyncChat, messages: Sequence[Message], options: GenerationOptions, reader: Reader | None
) -> Reply:
    if reader is None:
        return chat.chat(messages, options)
    text, shown, reason = "", "", "stop"
    try:
        for piece in chat.stream(messages, options):
            text += piece
            shown = _show(without_reasoning(_HALF_A_MARK.sub("", text)), shown, reader)
    except CutReply:
        reason = "length"
    _show(without_reasoning(text), shown, reader)
    return Reply(text, chat.model.name, reason, None)


def _show(text: str, shown: str, reader: Reader) -> str:
    """Show what of a text is not shown yet; gives back what is shown now."""
    if not text.startswith(shown):
        reader.again(
            "that was the model's reasoning"
        )  # which its template had begun, so that only its end was seen
        shown = ""
    if len(text) > len(shown):
        reader.piece(text[len(shown) :])
    return text
