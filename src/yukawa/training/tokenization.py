"""Rows become tokens: nothing is lost silently, every cut is counted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from yukawa.core.errors import InputError
from yukawa.data import Conversation, Document, Preference

IGNORED = -100  # a label without loss
_BATCH = 1000  # rows that a tokenizer takes at once
_NAMED = 5  # ids of rows that a note names


@dataclass(frozen=True)
class RowCounts:
    """Exact numbers of rows and tokens that are kept, divided, cut and omitted.

    Attributes:
        rows: read.
        tokens: kept; of preferences those of prompt and both replies.
        trained: tokens with a loss, in one pass; of preferences those of both replies.
        divided: texts longer than a sequence that continue in further ones; nothing is lost.
        cut: rows whose end does not fit.
        cut_tokens: tokens lost with it.
        left_out: rows that are omitted, since nothing to learn would be left of them.
        named: ids of the first rows that were cut or omitted.
    """

    rows: int = 0
    tokens: int = 0
    trained: int = 0
    divided: int = 0
    cut: int = 0
    cut_tokens: int = 0
    left_out: int = 0
    named: tuple[str, ...] = ()

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
        return tuple(lines)


@dataclass
class TokenisationLog:
    """Notes rows and tokens while they are read."""

    counts: RowCounts = field(default_factory=RowCounts)

    def add(self, **more: int) -> None:
        """Add to some counts."""
        self.counts = replace(
            self.counts, **{name: getattr(self.counts, name) + value for name, value in more.items()}
        )

    def name(self, row_id: str) -> None:
        """Remember a row that was cut or omitted."""
        if len(self.counts.named) < _NAMED:
            self.counts = replace(self.counts, named=(*self.counts.named, row_id))


Columns = dict[str, list[int]]


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
    rows: Iterable[Document], tokenizer: Any, length: int, counter: TokenisationLog
) -> Iterator[Columns]:
    """Fragments of at most `length` tokens; a document begins with BOS (if the base knows it) and ends with EOS."""
    before, after = specials(tokenizer)
    for batch in _batches(rows):
        found = tokenizer([row.text for row in batch], add_special_tokens=False, split_special_tokens=True)
        for ids in found["input_ids"]:
            ids = [*before, *ids, *after]
            fragments = [ids[start : start + length] for start in range(0, len(ids), length)]
            # The first token of a fragment is not predicted, the others are.
            trained = len(ids) - len(fragments)
            counter.add(rows=1, tokens=len(ids), trained=trained, divided=len(fragments) > 1)
            for fragment in fragments:
                yield {"input_ids": fragment}


def tokenise_conversations(
    rows: Iterable[Conversation], tokenizer: Any, length: int, counter: TokenisationLog
) -> Iterator[Columns]:
    """Tokens and labels of each conversation; only what the assistant says has labels."""
    for row in rows:
        messages = [message.model_dump() for message in row.messages]
        made = _rendered(tokenizer, messages, row.id, return_assistant_tokens_mask=True)
        ids, masks = made["input_ids"], made["assistant_masks"]
        labels = [token if said else IGNORED for token, said in zip(ids, masks, strict=True)]
        kept = [IGNORED, *labels[1:length]]  # from nothing, nothing can be predicted
        trained = sum(label != IGNORED for label in kept)
        counter.add(rows=1)
        if not trained:
            counter.add(left_out=1)
            counter.name(row.id)
            continue
        if len(ids) > length:
            counter.add(cut=1, cut_tokens=len(ids) - length)
            counter.name(row.id)
        counter.add(tokens=len(kept), trained=trained)
        yield {"input_ids": ids[:length], "labels": kept}


def tokenise_preferences(
    rows: Iterable[Preference], tokenizer: Any, length: int, counter: TokenisationLog
) -> Iterator[Columns]:
    """Tokens of the prompt and of both replies; a reply ends where prompt and reply fill `length`."""
    for row in rows:
        prompt = [message.model_dump() for message in row.prompt]
        asked = _rendered(tokenizer, prompt, row.id, add_generation_prompt=True)["input_ids"]
        replies = [
            _rendered(tokenizer, [*prompt, {"role": "assistant", "content": text}], row.id)["input_ids"]
            for text in (row.chosen, row.rejected)
        ]
        start = min(_common(asked, reply) for reply in replies)
        answers = [reply[start:] for reply in replies]
        kept = [answer[: max(0, length - start)] for answer in answers]
        counter.add(rows=1)
        if not all(kept) or kept[0] == kept[1]:  # equal replies prefer nothing
            counter.add(left_out=1)
            counter.name(row.id)
            continue
        lost = sum(map(len, answers)) - sum(map(len, kept))
        if lost:
            counter.add(cut=1, cut_tokens=lost)
            counter.name(row.id)
        trained = sum(map(len, kept))
        counter.add(tokens=start + trained, trained=trained)
        yield {"prompt_ids": asked[:start], "chosen_ids": kept[0], "rejected_ids": kept[1]}


def _rendered(tokenizer: Any, messages: list[dict[str, str]], row_id: str, **options: Any) -> Any:
    try:
        return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **options)
    except Exception as error:
        raise InputError(f"row {row_id}: the chat template cannot be used on it: {error}") from error


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _batches(rows: Iterable[Document]) -> Iterator[list[Document]]:
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        yield batch
