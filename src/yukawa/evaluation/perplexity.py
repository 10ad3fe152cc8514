"""Perplexity of documents in three forms: mean over documents, corpus, and bits per byte."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError, unknown_name
from yukawa.core.files import read_jsonl, write_jsonl
from yukawa.core.processes import Progress
from yukawa.core.statistics import Sample
from yukawa.data.rows import Document
from yukawa.evaluation.token_losses import token_scores
from yukawa.llm.loading import LanguageModel

FORMS = ("document_perplexity", "corpus_perplexity", "bits_per_byte")
LOSSES_HEAD = "yukawa losses"


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The losses of one model on the documents of a test set.

    Attributes:
        model: the model's name.
        options: how it was measured: the model's own options, `bos`, `eos`, `context`, `stride`.
        ids: of the N documents, in the order of the test set.
        clusters: names of the groups that are resampled together; by default the document's id.
        losses: in nats, summed over the scored tokens, shape (N,).
        tokens: number of scored tokens, EOS included where it is scored.
        bytes: length of the scored text in UTF-8.
        windows: number of windows that a document took; more than 1 where it is longer than the context.
        notes: for a reader of the results.
    """

    model: str
    options: dict[str, Any]
    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    losses: NDArray[np.float64]
    tokens: NDArray[np.int64]
    bytes: NDArray[np.int64]
    windows: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @property
    def long(self) -> int:
        """Number of documents that were longer than the context and read in several windows."""
        return int(np.count_nonzero(self.windows > 1))

    @property
    def public_options(self) -> dict[str, Any]:
        """The options without the key by which a cache knows them."""
        return {key: value for key, value in self.options.items() if key != "asked"}

    def sample(self, form: str) -> Sample:
        """One of `FORMS` with its clusters.

        `document_perplexity` is the mean over documents of exp(mean loss of a token), as FeynTune has it;
        `corpus_perplexity` is exp(total loss / total tokens); `bits_per_byte` is total loss in bits by bytes of
        text, the one form by which models of different tokenizers may be compared.

        Raises:
            InputError: the form is unknown.
        """
        if form == "document_perplexity":
            with np.errstate(over="ignore"):
                values = np.exp(self.losses / self.tokens)
            return Sample.mean(values, self.clusters, within=(1, math.inf))
        if form == "corpus_perplexity":
            return Sample.ratio(
                self.losses, self.tokens, self.clusters, exponential=True, within=(1, math.inf)
            )
        if form == "bits_per_byte":
            return Sample.ratio(self.losses / np.log(2), self.bytes, self.clusters, within=(0, math.inf))
        raise unknown_name("form of perplexity", form, FORMS)

    def figures(self) -> dict[str, float]:
        """Each form's value."""
        return {form: self.sample(form).value for form in FORMS}

    def save(self, path: Path) -> None:
        """Write a first line that says how the losses were measured, then one line per document.

        Raises:
            StoreError: the disk refuses.
        """
        head = {"kind": LOSSES_HEAD, "model": self.model, "options": self.options, "notes": list(self.notes)}
        columns = {
            "id": self.ids, "cluster": self.clusters, "loss": self.losses.tolist(), "tokens": self.tokens.tolist(),
            "bytes": self.bytes.tolist(), "windows": self.windows.tolist(),
        }  # fmt: skip
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        write_jsonl(path, (head, *rows))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that `save` wrote.

        Raises:
            InputError: the file cannot be read, is damaged or holds something else.
        """
        head, *rows = list(read_jsonl(path)) or [{}]
        if head.get("kind") != LOSSES_HEAD or not rows:
            raise InputError(f"{path} does not hold losses of documents")
        try:
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            counts = {name: np.array(columns[name], np.int64) for name in ("tokens", "bytes", "windows")}
            return cls(
                model=head["model"], options=head["options"], notes=tuple(head["notes"]),
                ids=tuple(columns["id"]), clusters=tuple(columns["cluster"]),
                losses=np.array(columns["loss"], np.float64), **counts,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is damaged: {error!r}") from None


def document_losses(
    model: LanguageModel,
    documents: Sequence[Document],
    *,
    bos: bool | None = None,
    eos: bool = True,
    context: int | None = None,
    stride: int | None = None,
    batch_tokens: int | None = None,
    clusters: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Losses:
    """The losses of `model` on each document.

    A model should be measured as it was trained: continued pre-training ends each document with EOS, so EOS is scored
    by default (FeynTune trained with it and measured without: `eos=False`). Without BOS nothing comes before the
    first token that could predict it; it and its bytes are omitted.

    Args:
        model: the model.
        documents: the test set.
        bos: begin each document with BOS; None does what the tokenizer does by itself.
        eos: end each document with EOS, and score it.
        context: as for `token_scores`.
        stride: as for `token_scores`.
        batch_tokens: as for `token_scores`.
        clusters: names of groups that are resampled together, one a document; by default its id.
        progress: called with scored tokens and all tokens.

    Raises:
        InputError: there are no documents, an option cannot be used, or the tokenizer lacks BOS or EOS.
        ModelError: a loss is not finite.
    """
    if not documents:
        raise InputError("there are no documents to measure on", hint="give a test set with one row or more")
    starts_with = begins_with_bos(model) if bos is None else bos
    sequences, sizes = encoded(model, [document.text for document in documents], bos=starts_with, eos=eos)
    short = [document.id for document, ids in zip(documents, sequences, strict=True) if len(ids) < 2]
    if short:
        raise InputError(
            f"document {short[0]} has only one token, which nothing precedes ({len(short)} such)",
            hint="score EOS, or remove it from the test set",
        )
    scores = token_scores(
        model, sequences, context=context, stride=stride, batch_tokens=batch_tokens, progress=progress
    )
    names = tuple(document.id for document in documents)
    limit = context or model.context
    options = {
        **model.options, "bos": starts_with, "eos": eos, "context": limit,
        "stride": stride or (limit // 2 if limit else None),
    }  # fmt: skip
    return Losses(
        model.name, options, names, names if clusters is None else tuple(clusters),
        np.array([row.losses.sum() for row in scores]),
        np.array([len(row.losses) for row in scores], np.int64),
        np.array(sizes, np.int64), np.array([row.windows for row in scores], np.int64), model.notes,
    )  # fmt: skip


def begins_with_bos(model: LanguageModel) -> bool:
    """Whether the tokenizer itself puts BOS before a text."""
    first = model.tokenizer.bos_token_id
    ids = model.tokenizer("a")["input_ids"]
    return first is not None and bool(ids) and ids[0] == first


def encoded(
    model: LanguageModel, texts: Sequence[str], *, bos: bool, eos: bool
) -> tuple[list[list[int]], list[int]]:
    """Token ids of texts, and the length in bytes of their scored part.

    Special tokens written out in a text are read as ordinary text.

    Raises:
        InputError: the tokenizer lacks BOS or EOS.
    """
    tokenizer = model.tokenizer
    ends = {"BOS": (bos, tokenizer.bos_token_id), "EOS": (eos, tokenizer.eos_token_id)}
    for kind, (wanted, token) in ends.items():
        if wanted and token is None:
            raise InputError(
                f"the tokenizer of {model.name} has no {kind} token", hint=f"measure without {kind}"
            )
    before, after = ([token] if wanted else [] for wanted, token in ends.values())
    offsets = tokenizer.is_fast and not bos
    found = tokenizer(
        list(texts), add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=offsets
    )
    sizes = []
    for k, text in enumerate(texts):
        unscored = 0
        if not bos and found["input_ids"][k]:
            first = found["input_ids"][k][:1]
            head = text[: found["offset_mapping"][k][0][1]] if offsets else tokenizer.decode(first)
            unscored = len(head.encode("utf-8", "surrogatepass"))
        sizes.append(len(text.encode("utf-8", "surrogatepass")) - unscored)
    return [[*before, *ids, *after] for ids in found["input_ids"]], sizes
