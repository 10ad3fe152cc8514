"""A model whose replies are written beforehand, or computed by a function: for tests and rehearsals."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Self

from yukawa.core.errors import InputError, ModelError
from yukawa.core.files import parse_json, read_text
from yukawa.core.settings import ModelSettings
from yukawa.llm.base import GREEDY, Capabilities, GenerationOptions, Message, Reply, need_messages, needed


class ScriptedModel:
    """Gives the replies of a list one after another, or those of a function of the messages.

    A schema, a temperature and a token limit change nothing: a script says what is written.

    Attributes:
        asked: every conversation that came in, for a test to look at.
    """

    def __init__(
        self, replies: Sequence[str] | Callable[[Sequence[Message]], str], *, name: str = "scripted"
    ) -> None:
        self.name = name
        self.asked: list[list[Message]] = []
        self._script = replies if callable(replies) else _in_turn(list(replies), name)

    @classmethod
    def from_settings(cls, settings: ModelSettings) -> Self:
        """The script in the file `settings.replies`.

        Raises:
            InputError: no file is named, or it cannot be read as replies.
        """
        path = needed(settings, "replies", "replies.jsonl")
        return cls(read_replies(Path(path)), name=settings.name)

    async def chat(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> Reply:
        """The next reply of the script.

        Raises:
            InputError: log-probabilities are requested, or there is no message.
            ModelError: the script has run out.
        """
        if options.logprobs:
            raise InputError(f"model {self.name!r} is scripted and has no log-probabilities")
        return Reply(self._next(messages), model=self.name, finish_reason="stop", usage=None)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = GREEDY
    ) -> AsyncIterator[str]:
        """The next reply, word by word."""
        for piece in re.findall(r"\s*\S+\s*$|\s*\S+|\s+", self._next(messages)):
            yield piece

    async def capabilities(self) -> Capabilities:
        """A script streams, and that is all."""
        return Capabilities(streaming=True, json_schema=False, logprobs=False, context_length=None)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""

    def _next(self, messages: Sequence[Message]) -> str:
        need_messages(messages, self.name)
        self.asked.append(list(messages))
        return self._script(messages)


def read_replies(path: Path) -> list[str]:
    """The replies in a file: `.jsonl` holds one JSON string per line, any other file one reply per line.

    Empty lines count for nothing.

    Raises:
        InputError: the file is absent, not UTF-8, empty, or a line is not a JSON string.
    """
    try:
        lines = read_text(path).split("\n")  # splitlines would break at U+2028
    except InputError as error:
        raise InputError(f"the replies in {error.message}", hint=error.hint) from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise InputError(f"the file {path} does not hold a reply", hint="write one reply per line")
    if path.suffix != ".jsonl":
        return [line for _, line in numbered]
    return [_json_string(line, f"{path}, line {number}") for number, line in numbered]


def _json_string(line: str, where: str) -> str:
    reply = parse_json(line, where)
    if not isinstance(reply, str):
        raise InputError(
            f"{where}: {type(reply).__name__} instead of a string", hint='a line is one JSON string: "..."'
        )
    return reply


def _in_turn(replies: list[str], name: str) -> Callable[[Sequence[Message]], str]:
    left = iter(replies)

    def script(_: Sequence[Message]) -> str:
        """The next reply, whatever was asked."""
        try:
            return next(left)
        except StopIteration:
            raise ModelError(
                f"model {name!r} has given all of its {len(replies)} scripted replies",
                hint="write more replies",
            ) from None

    return script
