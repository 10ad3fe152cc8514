"""A language model without the knowledge base: its own words, checked by nobody, and marked as such."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from yukawa.assistant.writing import Reader, write
from yukawa.core.errors import InputError, unknown_name
from yukawa.core.settings import Settings
from yukawa.llm import ChatModel, GenerationOptions, Message, SyncChat, open_model

WARNING = "without the knowledge base: nothing here is checked against a source"


@dataclass(frozen=True, slots=True)
class RawReply:
    """What a model says by itself.

    Attributes:
        question: as asked.
        text: the model's words.
        model: the name of its row.
        cut: whether it was cut at its token limit twice, so that the end is missing.
        seconds: how long it took.
    """

    question: str
    text: str
    model: str
    cut: bool
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that `yukawa ask --raw --json` prints."""
        return {
            "raw": True, "checked": False, "warning": f"{self.model} {WARNING}", "question": self.question,
            "answer": self.text, "sources": [], "model": self.model, "cut": self.cut, "seconds": round(self.seconds, 3),
        }  # fmt: skip


class RawConversation:
    """A conversation with a model by itself, which reads what was said before.

    Args:
        settings: which models there are.
        name: the row of the model; the default one if None.
        opened: the model itself, where it is open already.

    Raises:
        InputError: there is no such row, or it only quotes passages.
    """

    def __init__(
        self, settings: Settings, name: str | None = None, *, opened: ChatModel | None = None
    ) -> None:
        name = name or settings.default_model
        if name not in settings.models:
            raise unknown_name("model", name, settings.models)
        self._row = settings.models[name]
        if self._row.backend == "quote":
            others = [row.name for row in settings.models.values() if row.backend != "quote"]
            raise InputError(
                f"the model {name!r} only quotes passages of the knowledge base and has nothing to say without it",
                hint=f"type: --model {others[0]}"
                if others
                else "add a model under [models.NAME] of yukawa.toml",
            )
        self.model = name
        self._chat = SyncChat(opened or open_model(self._row))
        self._said: list[Message] = []

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: Settings, name: str | None = None) -> Iterator[Self]:
        """A conversation that closes its model at the end."""
        conversation = cls(settings, name)
        try:
            yield conversation
        finally:
            conversation._chat.close()

    def ask(self, question: str, reader: Reader | None = None) -> RawReply:
        """The model's answer; an interrupted one is forgotten.

        Raises:
            ModelError: the model failed.
        """
        begun = time.perf_counter()
        messages = [*self._said, Message("user", question)]
        written = write(self._chat, messages, GenerationOptions(max_tokens=self._row.max_tokens), reader)
        self._said = [*messages, Message("assistant", written.text or "(nothing)")]
        return RawReply(question, written.text, self._row.name, written.cut, time.perf_counter() - begun)
