"""Rows become tokens: nothing is lost silently, every cut is counted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, TypeVar

from yukawa.core.errors import InputError, unknown_name
from yukawa.data import Conversation, Document, Preference

RowT = TypeVar("RowT")

IGNORED = -100  # a label without loss
_BATCH = 1000  # rows that a tokenizer takes at once
_NAMED = 5  # ids of rows that a note names
_SHIPPED = Path(__file__).with_name("templates")
_PROBE = [{"role": "user", "content": "ping"}, {"role": "assistant", "content": "pong"}]


@dataclass
class RowCounts:
    """Exact numbers of rows and tokens that are kept, divided, cut and omitted, counted while rows are read.

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
        return tuple(lines)


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
    rows: Iterable[Conversation], tokenizer: Any, length: int, counts: RowCounts
) -> Iterator[Columns]:
    """Tokens and labels of each conversation; only what the assistant says has labels."""
    for row in rows:
        messages = [message.model_dump() for message in row.messages]
        made = _rendered(tokenizer, messages, row.id, return_assistant_tokens_mask=True)
        ids, masks = made["input_ids"], made["assistant_masks"]
        labels = [token if said else IGNORED for token, said in zip(ids, masks, strict=True)]
        kept = [IGNORED, *labels[1:length]]  # from nothing, nothing can be predicted
        trained = sum(label != IGNORED for label in kept)
        counts.rows += 1
        if not trained:
            counts.lose(row.id)
            continue
        if len(ids) > length:
            counts.lose(row.id, len(ids) - length)
        counts.tokens += len(kept)
        counts.trained += trained
        yield {"input_ids": ids[:length], "labels": kept}


def tokenise_preferences(
    rows: Iterable[Preference], tokenizer: Any, length: int, counts: RowCounts
) -> Iterator[Columns]:
    """Tokens of the prompt and of both replies; a reply ends where prompt and reply fill `length`."""
    for row in rows:
        prompt = [message.model_dump() for message in row.prompt]
        asked = _rendered(tokenizer, prompt, row.id, add_generation_prompt=True)["input_ids"]
        replies = [
            _rendered(tokenizer, [*prompt, {"role": "assistant", "content": text}], row.id)["input_ids"]
            for text in (row.chosen, row.rejected)
        ]
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


def _rendered(tokenizer: Any, messages: list[dict[str, str]], row_id: str, **options: Any) -> Any:
    try:
        return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **options)
    except Exception as error:
        raise InputError(f"row {row_id}: the chat template cannot render it: {error}") from error


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
    path = _SHIPPED / f"{name_or_path}.jinja" if name_or_path in shipped else Path(name_or_path).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise unknown_name("chat template", name_or_path, [*shipped, "a Jinja file"]) from None


def prepare_template(tokenizer: Any, wanted: str | None, *, marks: bool) -> None:
    """Give the tokenizer the template of a recipe, and see that it does what training needs.

    Args:
        tokenizer: changed in place; it is saved with the model, so that serving uses what training used.
        wanted: a shipped name or a path; None keeps the base's own.
        marks: whether it must mark what the assistant says.

    Raises:
        InputError: there is no template, it cannot be used, or it does not mark the assistant.
    """
    names = ", ".join(shipped_templates())
    hint = f"type: data.template=NAME, one of {names}, or a Jinja file with {{% generation %}}"
    if wanted is not None:
        tokenizer.chat_template = read_template(wanted)
    if not tokenizer.chat_template:
        raise InputError("the base has no chat template", hint=hint)
    try:
        masks = tokenizer.apply_chat_template(
            _PROBE, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )["assistant_masks"]
    except Exception as error:
        raise InputError(f"the chat template cannot be used: {error}", hint=hint) from error
    if marks and not any(masks):
        raise InputError("the chat template does not mark what the assistant says", hint=hint)
