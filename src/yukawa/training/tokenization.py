"""Rows become tokens: nothing is lost silently, every cut is counted."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, TypeVar

from yukawa.core.errors import InputError, unknown_name
from yukawa.core.files import expanded, read_text
from yukawa.data import Conversation, Document, Preference, Turn
from yukawa.training.chat import Chat, Messages, training_template
from yukawa.training.rewards import check_judged

RowT = TypeVar("RowT")
T = TypeVar("T")

IGNORED = -100  # a label without loss
_BATCH = 1000  # rows that a tokenizer takes at once
_NAMED = 5  # ids of rows that a note names
_SHIPPED = Path(__file__).with_name("templates")


@dataclass
class RowCounts:
    """Exact numbers of rows and tokens that are kept, divided, cut and omitted, counted while rows are read.

    Attributes:
        rows: read.
        tokens: kept; of preferences those of prompt and both replies.
        trained: tokens with a loss, in one pass; of preferences those of both replies, of prompts none.
        divided: texts longer than a sequence that continue in further ones; nothing is lost.
        cut: rows whose end does not fit.
        cut_tokens: tokens lost with it.
        left_out: rows that are omitted, since nothing to learn would be left of them.
        missed: replies that are read but not learned, since the template writes them otherwise when others follow.
        disarmed: control tokens written out in conversations, which were read as ordinary text.
        named: ids of the first rows that were cut or omitted.
    """

    rows: int = 0
    tokens: int = 0
    trained: int = 0
    divided: int = 0
    cut: int = 0
    cut_tokens: int = 0
    left_out: int = 0
    missed: int = 0
    disarmed: int = 0
    named: tuple[str, ...] = ()

    def lose(self, row_id: str, tokens: int | None = None) -> None:
        """Count a row of which this many tokens are cut at its end, or that is omitted whole."""
        if tokens is None:
            self.left_out += 1
        else:
            self.cut += 1
            self.cut_tokens += tokens
        self.named = (*self.named, row_id)[:_NAMED]

    def notes(self, length: int) -> tuple[str, ...]:
        """What a person must know, a line each."""
        which = f" ({', '.join(self.named)}{', …' if self.cut + self.left_out > len(self.named) else ''})"
        lines = []
        if self.cut:
            lines.append(f"{self.cut:,} of {self.rows:,} rows do not fit into {length:,} tokens; "
                         f"{self.cut_tokens:,} tokens at their ends are lost{which}")  # fmt: skip
        if self.left_out:
            lines.append(f"{self.left_out:,} of {self.rows:,} rows are omitted: within {length:,} tokens "
                         f"they hold nothing to learn from{which}")  # fmt: skip
        if self.missed:
            lines.append(f"{self.missed:,} replies are read but not learned: the chat template writes them otherwise "
                         "when others follow")  # fmt: skip
        if self.disarmed:
            lines.append(
                f"{self.disarmed:,} control tokens written out in the text are read as ordinary text"
            )
        return tuple(lines)


Columns = dict[str, Any]  # lists of tokens, or a text


def specials(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The tokens before and after each document: BOS where the tokenizer itself puts one, and EOS.

    Raises:
        InputError: the tokenizer has no EOS.
    """
    if tokenizer.eos_token_id is None:
        raise InputError("the base's tokenizer has no end-of-text token", hint="choose another base")
    begun = tokenizer("a")["input_ids"][:1]
    bos = tokenizer.bos_token_id
    return ([bos] if bos is not None and begun == [bos] else []), [tokenizer.eos_token_id]


def tokenise_documents(
    rows: Iterable[Document], tokenizer: Any, length: int, counts: RowCounts
) -> Iterator[Columns]:
    """Fragments of at most `length` tokens; a document begins with BOS (if the base knows it) and ends with EOS."""
    before, after = specials(tokenizer)
    for batch in batches(rows, _BATCH):
        found = tokenizer([row.text for row in batch], add_special_tokens=False, split_special_tokens=True)
        for ids in found["input_ids"]:
            ids = [*before, *ids, *after]
            fragments = [ids[start : start + length] for start in range(0, len(ids), length)]
            # The first token of a fragment is not predicted, the others are.
            trained = len(ids) - len(fragments)
            counts.rows += 1
            counts.tokens += len(ids)
            counts.trained += trained
            counts.divided += len(fragments) > 1
            for fragment in fragments:
                yield {"input_ids": fragment}


def tokenise_conversations(
    rows: Iterable[Conversation], chat: Chat, length: int, counts: RowCounts
) -> Iterator[Columns]:
    """Tokens and labels of each conversation; only what the assistant says has labels."""
    for row in rows:
        made = _written(chat.conversation, row.messages, row.id)
        labels = [token if said else IGNORED for token, said in zip(made.ids, made.said, strict=True)]
        kept = [IGNORED, *labels[1:length]]  # from nothing, nothing can be predicted
        trained = sum(label != IGNORED for label in kept)
        counts.rows += 1
        counts.missed += made.missed
        counts.disarmed += made.disarmed
        if not trained:
            counts.lose(row.id)
            continue
        if len(made.ids) > length:
            counts.lose(row.id, len(made.ids) - length)
        counts.tokens += len(kept)
        counts.trained += trained
        yield {"input_ids": made.ids[:length], "labels": kept}


def tokenise_preferences(
    rows: Iterable[Preference], chat: Chat, length: int, counts: RowCounts
) -> Iterator[Columns]:
    """Tokens of the prompt and of both replies; a reply ends where prompt and reply fill `length`."""
    for row in rows:
        asked = _written(chat.prompt, row.prompt, row.id)
        said = [Turn(role="assistant", content=text) for text in (row.chosen, row.rejected)]
        replies = [_written(chat.whole, (*row.prompt, turn), row.id) for turn in said]
        shared = takewhile(lambda tokens: len(set(tokens)) == 1, zip(asked, *replies, strict=False))
        start = sum(1 for _ in shared)
        answers = [reply[start:] for reply in replies]
        kept = [answer[: max(0, length - start)] for answer in answers]
        counts.rows += 1
        if not all(kept) or kept[0] == kept[1]:  # equal replies prefer nothing
            counts.lose(row.id)
            continue
        trained = sum(map(len, kept))
        if lost := sum(map(len, answers)) - trained:
            counts.lose(row.id, lost)
        counts.tokens += start + trained
        counts.trained += trained
        yield {"prompt_ids": asked[:start], "chosen_ids": kept[0], "rejected_ids": kept[1]}


def tokenise_prompts(
    rows: Iterable[Conversation], chat: Chat, length: int, counts: RowCounts, reward: str
) -> Iterator[Columns]:
    """The tokens of each conversation before its last turn, the question there, and the answer that the last turn gives.

    Args:
        rows: each ends with a user's question and the assistant's answer.
        chat: writes them.
        length: of the longest prompt; a longer one is omitted.
        counts: of what is read and omitted.
        reward: the judge that must be able to judge each.

    Raises:
        InputError: a row does not end with a question and an answer, or the judge cannot judge it.
    """
    for row in rows:
        if [turn.role for turn in row.messages[-2:]] != ["user", "assistant"]:
            raise InputError(f"row {row.id} does not end with a question of the user and its answer")
        *_, asked, known = row.messages
        try:
            check_judged(reward, asked.content, known.content)
        except InputError as error:
            raise InputError(f"row {row.id}: {error.message}", hint=error.hint) from error
        ids = _written(chat.prompt, row.messages[:-1], row.id)
        counts.rows += 1
        if len(ids) > length:
            counts.lose(row.id)
            continue
        counts.tokens += len(ids)
        yield {"prompt": ids, "question": asked.content, "answer": known.content}


def _written(write: Callable[[Messages], T], turns: Iterable[Turn], row_id: str) -> T:
    try:
        return write([turn.model_dump() for turn in turns])
    except InputError as error:
        raise InputError(f"row {row_id}: {error.message}") from error


def batches(rows: Iterable[RowT], size: int) -> Iterator[list[RowT]]:
    """The rows, this many at a time."""
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def shipped_templates() -> list[str]:
    """Names of the templates that come with Yukawa."""
    return sorted(path.stem for path in _SHIPPED.glob("*.jinja"))


def read_template(name_or_path: str) -> str:
    """A shipped template by its name, or your own by its path.

    Raises:
        InputError: there is neither.
    """
    shipped = shipped_templates()
    path = _SHIPPED / f"{name_or_path}.jinja" if name_or_path in shipped else expanded(name_or_path)
    try:
        return read_text(path)
    except InputError:
        raise unknown_name("chat template", name_or_path, [*shipped, "a Jinja file"]) from None


def open_chat(tokenizer: Any, wanted: str | None, ends: Collection[int], *, learns: bool) -> Chat:
    """How conversations are written: by the template of a recipe, or by the base's own.

    Args:
        tokenizer: receives the wanted template; it is saved with the model, so that serving uses what training used.
        wanted: a shipped name or a path; None keeps the base's own, or takes TRL's variant of it for training.
        ends: the tokens at which the base ends a text.
        learns: whether what the assistant says is to be learned.

    Raises:
        InputError: there is no template, it cannot be used, or a reply and its end could not be learned with it.
    """
    names = ", ".join(shipped_templates())
    hint = f"type: data.template=NAME, one of {names}, or a Jinja file with {{% generation %}}"
    if wanted is not None:
        if tokenizer.chat_template:
            hint = f"omit data.template for the base's own, or {hint}"
        tokenizer.chat_template = read_template(wanted)
    if not tokenizer.chat_template:
        raise InputError("the base has no chat template", hint=hint)
    if not tokenizer.is_fast:
        raise InputError(
            "the base's tokenizer does not tell where its tokens lie in a text",
            hint="give it a tokenizer.json",
        )
    chat = Chat(tokenizer, training_template(tokenizer), {*ends, tokenizer.eos_token_id} - {None})
    try:
        chat.check(learns=learns, strict=wanted is not None)
    except InputError as error:
        raise InputError(error.message, hint=hint) from error
    return chat
