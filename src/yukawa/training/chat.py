"""Conversations as a base writes them: its own template, what of it the assistant says, and nothing that content commands."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from yukawa.core import processes
from yukawa.core.errors import InputError, require

Messages = Sequence[dict[str, str]]
Span = tuple[int, int]

SECONDS = 10.0  # in which a template must have written a conversation
_MARKERS = re.compile(r"\{%-?\s*generation\s*-?%\}")
# What models use as control tokens, written out; [INST] is plain text in some and so not among them.
_CONTROL = re.compile(r"<\|[^|<>\s]{1,40}\|>|<(?:start|end)_of_turn>")
_PRIVATE = 0xF0000  # characters from here on stand for control tokens in content, while a template has them
_IN_CONTENT = re.compile(f"[{chr(_PRIVATE)}-{chr(_PRIVATE + 0xFFFD)}]")
_PROBE = [
    {"role": "user", "content": "ping"}, {"role": "assistant", "content": "pong"},
    {"role": "user", "content": "ding"}, {"role": "assistant", "content": "dong"},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatTokens:
    """A conversation as tokens.

    Attributes:
        ids: of its N tokens.
        said: of each whether the assistant says it, N values.
        missed: replies that the template writes otherwise when others follow, so that they are not marked.
        disarmed: control tokens in the content, which became ordinary text.
    """

    ids: list[int]
    said: list[bool]
    missed: int = 0
    disarmed: int = 0


@dataclass
class Chat:
    """Writes conversations by a chat template and finds what the assistant says, up to the token that ends a reply.

    Where the template marks it with `{% generation %}`, that is taken; otherwise a reply begins where the prompt before
    it ends, as serving would write that prompt, and ends with the first token that ends a text. Structure and content
    are tokenised apart: a control token that is written out in a message is ordinary text.

    Args:
        tokenizer: of the base, with offsets.
        template: the template in Jinja; it may differ from the tokenizer's, which serving uses.
        ends: the tokens at which a reply ends.
    """

    tokenizer: Any
    template: str
    ends: Collection[int]
    closing: str = field(
        default="", init=False
    )  # what ends the last reply, where the template leaves that to the next turn

    def __post_init__(self) -> None:
        special = [str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        words = [self.tokenizer.decode([token]) for token in sorted(self.ends)]
        self._ends = _any_of(words)
        self._commands = _any_of([*special, *words])
        self.marked = bool(_MARKERS.search(self.template))

    def conversation(self, messages: Messages) -> ChatTokens:
        """The tokens of a conversation, and which of them the assistant says.

        Raises:
            InputError: the template refuses the conversation, or does not end.
        """
        harmless, table = self._disarmed(messages)
        text, spans = self._render(harmless)
        if not self.marked:
            spans = list(self._replies(harmless, text))
        replies = sum(message["role"] == "assistant" for message in messages)
        missed = 0 if self.marked else replies - len(spans)
        spans = [self._ended(text, span) for span in spans]
        if self.closing and spans and not self._ends.search(text, spans[-1][0]):
            text = text.rstrip() + self.closing
            spans[-1] = (spans[-1][0], len(text))
        ids, offsets = self._encoded(text, table)
        return ChatTokens(ids, _within(offsets, spans), missed, len(table))

    def prompt(self, messages: Messages) -> list[int]:
        """The tokens of a conversation that a reply is to follow."""
        harmless, table = self._disarmed(messages)
        return self._encoded(self._render(harmless, prompt=True)[0], table)[0]

    def whole(self, messages: Messages) -> list[int]:
        """All tokens of a conversation."""
        harmless, table = self._disarmed(messages)
        return self._encoded(self._render(harmless)[0], table)[0]

    def check(self, *, learns: bool, strict: bool) -> None:
        """See on a small conversation that a reply can be learned, and its end.

        Args:
            learns: whether replies are to be found.
            strict: whether each control token of the template must be one of the tokenizer's.

        Raises:
            InputError: says what cannot be learned.
        """
        text, spans = self._render(_PROBE)
        pieces = [one for one in dict.fromkeys(_CONTROL.findall(text)) if len(self._one(one)) != 1]
        if strict and pieces:
            raise InputError(
                f"the chat template writes {pieces[0]}, which the base's tokenizer does not know: it reads "
                f"{len(self._one(pieces[0]))} pieces of text"
            )
        if not learns:
            return
        if not self.marked:
            spans = list(self._replies(_PROBE, text))
        found = [text[slice(*self._ended(text, span))] for span in spans]
        words = [message["content"] for message in _PROBE if message["role"] == "assistant"]
        if words[-1] not in "".join(found):
            raise InputError("the chat template does not show where the assistant begins to speak")
        begins = zip(words[-len(found) :], found, strict=not self.marked)
        own = self.marked or all(
            re.match(rf"\s*(?:<think>\s*</think>\s*)?{word}", said) for word, said in begins
        )
        if not own or any(word in said for said in found for word in ("ping", "ding")):
            raise InputError("the chat template gives the assistant words that are not the reply's")
        ends = [self._ends.search(said) for said in found]
        if ends[-1] is None and len(ends) > 1 and ends[0] is not None and not self.marked:
            self.closing, ends[-1] = ends[0][0], ends[0]
        if None in ends:
            known = ", ".join(self.tokenizer.decode([token]) for token in sorted(self.ends)) or "none"
            raise InputError(
                f"the chat template ends no reply with a token that ends a text ({known}): no model would learn to stop"
            )

    def _render(self, messages: Messages, *, prompt: bool = False) -> tuple[str, list[Span]]:
        """The text of a conversation, and what the template marks in it, as places of characters."""
        return render(
            self.tokenizer, self.template, messages, prompt=prompt, marks=self.marked and not prompt
        )

    def _replies(self, messages: Messages, text: str) -> Iterator[Span]:
        """Where replies begin in a text without marks, and where the prompt after it begins or the text ends."""
        starts = []
        for number, message in enumerate(messages):
            if message["role"] == "assistant":
                before = self._render(messages[:number], prompt=True)[0] if number else None
                if before is not None and text.startswith(before):
                    starts.append(len(before))
        yield from pairwise([*starts, len(text)])

    def _ended(self, text: str, span: Span) -> Span:
        """A span up to its first token that ends a text; of what is marked, up to the last, without space behind it."""
        start, stop = span
        ends = [found.end() for found in self._ends.finditer(text, start, stop)]
        if ends and (not self.marked or not text[ends[-1] : stop].strip()):
            stop = ends[-1] if self.marked else ends[0]
        return start, stop

    def _disarmed(self, messages: Messages) -> tuple[list[dict[str, str]], list[str]]:
        """The messages with a character for each control token in them, and what these characters stand for."""
        table: list[str] = []

        def stand(found: re.Match[str]) -> str:
            table.append(found[0])
            return chr(_PRIVATE + len(table) - 1)

        commands = re.compile(f"{self._commands.pattern}|{_IN_CONTENT.pattern}")
        return [{**one, "content": commands.sub(stand, one["content"])} for one in messages], table

    def _encoded(self, text: str, table: Sequence[str]) -> tuple[list[int], list[Span]]:
        """Tokens of a text and their places in it; what stands for content is read as ordinary text."""
        ids: list[int] = []
        offsets: list[Span] = []
        place = 0
        for part in re.split(f"({_IN_CONTENT.pattern})", text) if table else [text]:
            if _IN_CONTENT.fullmatch(part):
                own = self._plain(table[ord(part) - _PRIVATE])
                offsets += [(place, place + 1)] * len(own)
                ids += own
            elif part:
                made = self.tokenizer(part, add_special_tokens=False, return_offsets_mapping=True)
                offsets += [(place + first, place + last) for first, last in made["offset_mapping"]]
                ids += made["input_ids"]
            place += len(part)
        return ids, offsets

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)[
            "input_ids"
        ]
        return ids

    def _one(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def render(
    tokenizer: Any, template: str, messages: Messages, *, prompt: bool = False, marks: bool = False
) -> tuple[str, list[Span]]:
    """Write a conversation by a chat template.

    Args:
        tokenizer: has the texts of the special tokens.
        template: in Jinja.
        messages: the turns.
        prompt: whether the beginning of a reply follows.
        marks: whether to find what the template marks by `{% generation %}`.

    Returns:
        The text, and the places in it, in characters, of what is marked.

    Raises:
        InputError: the template refuses the conversation, or does not end.
    """
    write_jinja = require("transformers.utils.chat_template_utils", "chat templates").render_jinja_template

    def write() -> Any:
        return write_jinja(
            conversations=[list(messages)], chat_template=template, return_assistant_tokens_mask=marks,
            add_generation_prompt=prompt, **tokenizer.special_tokens_map,
        )  # fmt: skip

    try:
        texts, spans = processes.within(SECONDS, write)
    except TimeoutError:
        raise InputError(f"the chat template does not end within {SECONDS:g} seconds") from None
    except Exception as error:  # a template can raise anything
        raise InputError(f"the chat template cannot render it: {str(error)[:300]}") from error
    return texts[0], list(spans[0]) if marks else []


def training_template(tokenizer: Any) -> str:
    """The tokenizer's template, or TRL's variant of it that marks the assistant and keeps what was said."""
    own = tokenizer.chat_template
    own = own.get("default", next(iter(own.values()))) if isinstance(own, dict) else own
    if _MARKERS.search(own):
        return str(own)
    trl = require("trl.chat_template_utils", "training on conversations")
    try:
        return str(processes.within(SECONDS, lambda: trl.get_training_chat_template(tokenizer)) or own)
    except Exception:  # noqa: BLE001 -- TRL knows no variant, or the template raises: what it can do is seen later
        return str(own)


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the words, the longest first; without words, nothing."""
    ordered = sorted({word for word in words if word.strip()}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered)) or "(?!)")


def _within(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Of each token whether it lies in a span, or reaches into one."""
    said, number = [], 0
    for first, last in offsets:
        while number < len(spans) and first >= spans[number][1]:
            number += 1
        said.append(number < len(spans) and last > spans[number][0])
    return said
