"""How sure a model was of each token that it wrote, over all tokens and against their position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.core.statistics import Sample
from yukawa.evaluation.completions import Completion
from yukawa.evaluation.perplexity import begins_with_bos, encoded
from yukawa.evaluation.token_losses import Progress, token_scores
from yukawa.llm.loading import LanguageModel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TokenSeries:
    """A quantity of tokens against their position in the completions.

    Attributes:
        positions: 1 is the first new token, shape (P,).
        mean: over the completions that reach a position.
        error: standard error of the mean; NaN where only one completion reaches it.
        count: number of completions that reach it.
    """

    positions: NDArray[np.int64]
    mean: Array
    error: Array
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Entropies:
    """How sure a model was of its own completions, a row a completion.

    Attributes:
        ids: of the documents.
        entropies: of the model's distribution before each token, in bits; None from a service.
        surprisals: minus log2 of the probability of each token that was written.
    """

    ids: tuple[str, ...]
    entropies: tuple[Array, ...] | None
    surprisals: tuple[Array, ...]

    @property
    def kind(self) -> str:
        """Which of the two is known best: `entropy`, or `surprisal` from a service."""
        return "surprisal" if self.entropies is None else "entropy"

    def sample(self) -> Sample:
        """Bits per token: mean over all tokens, clustered by document; entropies where known, else surprisals."""
        rows = self.surprisals if self.entropies is None else self.entropies
        return Sample.ratio([row.sum() for row in rows], [len(row) for row in rows], self.ids)

    def series(self) -> TokenSeries:
        """Mean bits at each position."""
        return by_position(self.surprisals if self.entropies is None else self.entropies)


def completion_entropies(
    model: LanguageModel,
    completions: Sequence[Completion],
    *,
    bos: bool | None = None,
    batch_tokens: int | None = None,
    progress: Progress | None = None,
) -> Entropies:
    """Entropy and surprisal of each token of completions that `model` wrote.

    Args:
        model: the model that wrote them.
        completions: with their token ids.
        bos: as when they were made.
        batch_tokens: as for `token_scores`.
        progress: called with scored tokens and all tokens.

    Raises:
        InputError: there is no completion with tokens, or one has no token ids.
    """
    rows = [row for row in completions if row.tokens != ()]
    if not rows or any(row.tokens is None for row in rows):
        raise InputError(
            "completions without token ids cannot be measured by a model",
            hint="make them with `yukawa evaluate completions`, or use their log-probabilities",
        )
    starts_with = begins_with_bos(model) if bos is None else bos
    before, _ = encoded(model, [row.prompt for row in rows], bos=starts_with, eos=False)
    sequences = [[*ids, *(row.tokens or ())] for ids, row in zip(before, rows, strict=True)]
    scores = token_scores(
        model, sequences, [len(ids) for ids in before], entropies=True, batch_tokens=batch_tokens, progress=progress
    )  # fmt: skip
    bits = 1 / math.log(2)
    return Entropies(
        tuple(row.id for row in rows),
        tuple(row.entropies * bits for row in scores if row.entropies is not None),
        tuple(row.losses * bits for row in scores),
    )


def chat_surprisals(completions: Sequence[Completion]) -> Entropies:
    """The same from the log-probabilities of a service, which give surprisals only.

    Raises:
        InputError: the service gave none.
    """
    rows = [row for row in completions if row.logprobs]
    if not rows:
        raise InputError("these completions came without log-probabilities: the service gives none")
    found = tuple(-np.array(row.logprobs, np.float64) / math.log(2) for row in rows)
    return Entropies(tuple(row.id for row in rows), None, found)


def by_position(rows: Sequence[Array]) -> TokenSeries:
    """Mean, standard error and number of rows at each position."""
    longest = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), longest), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    count = np.count_nonzero(~np.isnan(table), axis=0)
    mean = np.nansum(table, axis=0) / count
    spread = np.nansum((table - mean) ** 2, axis=0)
    error = np.sqrt(np.divide(spread, (count - 1) * count, where=count > 1, out=np.full(longest, np.nan)))
    return TokenSeries(np.arange(1, longest + 1), mean, error, count)
