"""SemScore: how close in meaning a completion is to the true continuation, by any embedder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.core.statistics import Sample
from yukawa.embedding.base import Embedder
from yukawa.evaluation.completions import Completion

FORMS = ("continuation", "whole")


@dataclass(frozen=True, slots=True, eq=False)
class SemScores:
    """Cosines of N completions with the true texts.

    Attributes:
        ids: of the documents.
        continuation: of the completion with the true continuation, shape (N,); 0 where nothing was written.
        whole: of prompt and completion with the whole document, as FeynTune has it; the half that both share
            lifts it, so compare systems by `continuation`.
        empty: number of completions in which nothing was written.
        embedder: its name; scores of different embedders must not be compared.
    """

    ids: tuple[str, ...]
    continuation: NDArray[np.float64]
    whole: NDArray[np.float64]
    empty: int
    embedder: str

    def sample(self, form: str = "continuation") -> Sample:
        """The mean over documents of one of `FORMS`.

        Raises:
            InputError: there is no such form.
        """
        if form not in FORMS:
            raise InputError(f"unknown form of SemScore {form!r}; allowed are {', '.join(FORMS)}")
        return Sample.mean(self.continuation if form == "continuation" else self.whole, self.ids)


def semscore(
    completions: Mapping[str, Sequence[Completion]],
    embedder: Embedder,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, SemScores]:
    """SemScores (Aynetdinov and Akbik 2024) of each system's completions; each text is embedded once.

    Args:
        completions: by the system's name.
        embedder: of `yukawa.embedding`; text beyond its window is ignored.
        progress: called with embedded and all texts.

    Raises:
        InputError: a system has no completions, or the embedder gives no vectors.
        ModelError: a service behind the embedder failed.
    """
    if embedder.dimensions == 0:
        raise InputError(f"the embedder {embedder.name!r} gives no vectors", hint="use minilm")
    empty = [name for name, rows in completions.items() if not rows]
    if empty or not completions:
        raise InputError(f"there are no completions of {empty[0] if empty else 'any system'} to score")
    texts = dict.fromkeys(
        text for rows in completions.values() for row in rows for pair in _pairs(row) for text in pair
    )
    done = 0

    def on_progress(number: int) -> None:
        nonlocal done
        done += number
        if progress:
            progress(done, len(texts))

    vectors = embedder.embed(list(texts), progress=on_progress)
    place = {text: k for k, text in enumerate(texts)}
    found = {}
    for name, rows in completions.items():
        pairs = np.array([[[place[text] for text in pair] for pair in _pairs(row)] for row in rows])
        cosines = np.vecdot(vectors[pairs[:, :, 0]], vectors[pairs[:, :, 1]]).astype(np.float64)
        blank = np.array([not row.completion.strip() for row in rows])
        found[name] = SemScores(
            tuple(row.id for row in rows), np.where(blank, 0.0, cosines[:, 0]), cosines[:, 1],
            int(blank.sum()), embedder.name,
        )  # fmt: skip
    return found


def _pairs(row: Completion) -> tuple[tuple[str, str], tuple[str, str]]:
    """The pairs of texts that are compared: continuations, and whole documents."""
    return (row.completion, row.reference), (
        f"{row.prompt} {row.completion}".strip(),
        f"{row.prompt} {row.reference}",
    )
