"""Long completions window by window: whether a model, the longer it writes, repeats itself, is too sure, or writes metadata."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.reports import Heading, Paragraph, ReportBlock, Table, plain
from yukawa.core.statistics import SHARE, Range, Sample, estimate
from yukawa.evaluation.completion_metrics import (
    FROM_ZERO,
    WORD,
    Array,
    Entropies,
    artefacts,
    distinct,
    shannon_entropy,
)
from yukawa.evaluation.completions import Completion
from yukawa.evaluation.recipe import Statistics
from yukawa.evaluation.results import share, with_interval

SIZE = 256
GRAM = 4  # words of a span that counts as repeated
MEASURES: dict[str, Range] = {
    "repeated": SHARE, "distinct_3": SHARE, "word_entropy": FROM_ZERO, "artefacts": SHARE, "bits_per_token": FROM_ZERO,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextWindow:
    """A piece of one completion.

    Attributes:
        words: its words, without case.
        text: as it was written.
        repeated: the share of its spans of four words that the prompt or the completion had before.
    """

    words: tuple[str, ...]
    text: str
    repeated: float


def text_windows(prompt: str, text: str, size: int = SIZE) -> list[TextWindow]:
    """A completion in windows of `size` words each; words at the end that fill none are left.

    Raises:
        InputError: the size is below the length of a span.
    """
    if size < GRAM:
        raise InputError(f"windows of {size} words are too small", hint=f"type --window N, at least {GRAM}")
    places = list(WORD.finditer(text))
    words = [place[0].casefold() for place in places]
    before = [place[0].casefold() for place in WORD.finditer(prompt)]
    whole, first = [*before, *words], len(before)
    new = _first_times(whole)
    found = []
    for start in range(0, len(words) - size + 1, size):
        spans = new[first + start : first + start + size - GRAM + 1]
        piece = text[places[start].start() : places[start + size - 1].end()]
        repeated = 1 - sum(spans) / len(spans)
        found.append(TextWindow(tuple(words[start : start + size]), piece, repeated))
    return found


def _first_times(words: Sequence[str]) -> list[bool]:
    """Of each span of `GRAM` words whether it is there for the first time."""
    seen: set[tuple[str, ...]] = set()
    new = []
    for start in range(len(words) - GRAM + 1):
        span = tuple(words[start : start + GRAM])
        new.append(span not in seen)
        seen.add(span)
    return new


def windows_of(
    completions: Sequence[Completion], size: int = SIZE, bits: Entropies | None = None
) -> list[dict[str, Sample]]:
    """The measures of `MEASURES` in each window, over the completions that fill it, by document.

    Text is cut after every `size` words, entropies after every `size` tokens.

    Args:
        completions: of one model.
        size: of a window.
        bits: entropies of their tokens, if they are known.

    Raises:
        InputError: no completion fills a window.
    """
    rows = {row.id: text_windows(row.prompt, row.completion, size) for row in completions}
    most = max(map(len, rows.values()), default=0)
    if not most:
        raise InputError(
            f"no completion has {size} words, a window's size",
            hint="type a smaller --window, or make completions with --new-tokens 2048 --least-tokens 2048",
        )
    found = []
    for k in range(most):
        there = {name: pieces[k] for name, pieces in rows.items() if len(pieces) > k}
        values = {name: _measured(piece) for name, piece in there.items()}
        found.append({
            measure: Sample.mean([row[measure] for row in values.values()], list(there), within=MEASURES[measure])
            for measure in ("repeated", "distinct_3", "word_entropy", "artefacts")
        })  # fmt: skip
        if bits is not None and (means := dict(_means(bits, k, size))):
            found[-1]["bits_per_token"] = Sample.mean(list(means.values()), list(means), within=FROM_ZERO)
    return found


def windows_json(windows: Sequence[Mapping[str, Sample]], size: int, how: Statistics) -> list[dict[str, Any]]:
    """The windows with intervals; `texts` is the number of completions that fill one."""
    return [
        {
            "from": k * size + 1, "to": (k + 1) * size, "texts": len(row["repeated"].clusters),
            **{name: plain(estimate(sample, **how.plain())) for name, sample in row.items()},
        }
        for k, row in enumerate(windows)
    ]  # fmt: skip


def windows_section(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[ReportBlock]:
    """A table of windows for each model."""
    blocks: list[ReportBlock] = [
        Heading("Windows"),
        Paragraph(
            f"Along the completions: the share of spans of {GRAM} words that were there before, different 3-grams, entropy "
            "of the words' frequencies, texts with artefacts; over the texts that fill a window."
        ),
    ]
    for name, rows in found.items():
        cells = [
            [
                f"{row['from']:,}-{row['to']:,}", f"{row['texts']:,}", share(row["repeated"]),
                with_interval(row["distinct_3"]), with_interval(row["word_entropy"]), share(row["artefacts"]),
                with_interval(row["bits_per_token"]) if "bits_per_token" in row else "–",
            ]
            for row in rows
        ]  # fmt: skip
        head = [
            name,
            "texts",
            "% repeated",
            "distinct 3",
            "word entropy",
            "% with artefacts",
            "bits per token",
        ]
        blocks.append(Table(head, cells))
    return blocks


def _measured(window: TextWindow) -> dict[str, float]:
    return {
        "repeated": window.repeated,
        "distinct_3": distinct(window.words, 3),
        "word_entropy": shannon_entropy(window.words),
        "artefacts": float(bool(artefacts(window.text))),
    }


def _means(bits: Entropies, window: int, size: int) -> Iterator[tuple[str, float]]:
    """Mean bits per token of each completion that fills a window of tokens."""
    rows: Sequence[Array] = bits.surprisals if bits.entropies is None else bits.entropies
    for name, row in zip(bits.ids, rows, strict=True):
        piece = row[window * size : (window + 1) * size]
        if len(piece) == size:
            yield name, float(np.mean(piece))
