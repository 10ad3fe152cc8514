"""How sure a model was of each token it wrote, and how varied and clean its texts are, against their length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.core.proportions import wilson
from yukawa.core.statistics import Sample
from yukawa.evaluation.completions import Completion
from yukawa.evaluation.diversity import (
    ARTEFACTS,
    artefacts,
    distinct,
    longest_repeat,
    shannon_entropy,
    words,
)
from yukawa.evaluation.perplexity import begins_with_bos, encoded
from yukawa.evaluation.token_losses import Progress, token_scores
from yukawa.llm.loading import LanguageModel

Array = NDArray[np.float64]
TEXTURES = ("words", "word_entropy", "distinct_1", "distinct_2", "distinct_3", "longest_repeat")


@dataclass(frozen=True, slots=True, eq=False)
class TokenCourse:
    """A figure of tokens against their position in the completions.

    Attributes:
        positions: 1 is the first new token, shape (P,).
        mean: over the completions that reach a position.
        error: standard error of the mean; NaN where one completion only reaches it.
        count: of completions that reach it.
    """

    positions: NDArray[np.int64]
    mean: Array
    error: Array
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Entropies:
    """What a model thought of its own completions, a row a completion.

    Attributes:
        ids: of the documents.
        entropies: of the model's distribution before each token, in bits; None from a service.
        surprisals: minus log2 of the probability of each token that was written.
    """

    ids: tuple[str, ...]
    entropies: tuple[Array, ...] | None
    surprisals: tuple[Array, ...]

    def sample(self) -> Sample:
        """Bits a token: mean over all tokens, clustered by document; entropies where known, else surprisals."""
        rows = self.surprisals if self.entropies is None else self.entropies
        return Sample.ratio([row.sum() for row in rows], [len(row) for row in rows], self.ids)

    def course(self) -> TokenCourse:
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
    """The same from the log-probabilities of a service, which tell surprisals only.

    Raises:
        InputError: the service gave none.
    """
    rows = [row for row in completions if row.logprobs]
    if not rows:
        raise InputError("these completions came without log-probabilities: the service gives none")
    found = tuple(-np.array(row.logprobs, np.float64) / math.log(2) for row in rows)
    return Entropies(tuple(row.id for row in rows), None, found)


def by_position(rows: Sequence[Array]) -> TokenCourse:
    """Mean, standard error and number of rows at each position."""
    longest = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), longest), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    count = np.count_nonzero(~np.isnan(table), axis=0)
    mean = np.nansum(table, axis=0) / count
    spread = np.nansum((table - mean) ** 2, axis=0)
    error = np.sqrt(np.divide(spread, (count - 1) * count, where=count > 1, out=np.full(longest, np.nan)))
    return TokenCourse(np.arange(1, longest + 1), mean, error, count)


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """How varied and clean texts are, a row a text.

    Attributes:
        ids: of the documents.
        values: of `TEXTURES`, each of shape (N,): words, Shannon entropy of the words' frequencies in bits,
            share of different 1-, 2- and 3-grams, longest span that occurs twice.
        artefacts: of each kind, whether a text has it, shape (N,).
    """

    ids: tuple[str, ...]
    values: dict[str, Array]
    artefacts: dict[str, NDArray[np.bool_]]

    def sample(self, name: str) -> Sample:
        """The mean over texts of one of `TEXTURES`, or the share that has an artefact (`any` for one of any kind).

        Raises:
            InputError: there is no such figure.
        """
        if name in self.values:
            return Sample.mean(self.values[name], self.ids)
        if name in ("any", *self.artefacts):
            return Sample.mean(self._with(name).astype(np.float64), self.ids)
        raise InputError(
            f"texts have no figure {name!r}; allowed are {', '.join([*TEXTURES, 'any', *ARTEFACTS])}"
        )

    def shares(self, level: float = 0.95) -> dict[str, dict[str, Any]]:
        """Of each kind of artefact, and of any: texts that have it, their share, and Wilson's interval."""
        found = {}
        for name in ("any", *self.artefacts):
            count = int(self._with(name).sum())
            low, high = wilson(count, len(self.ids), level)
            found[name] = {"texts": count, "share": count / len(self.ids), "low": low, "high": high}
        return found

    def _with(self, name: str) -> NDArray[np.bool_]:
        return np.any(list(self.artefacts.values()), axis=0) if name == "any" else self.artefacts[name]


def textures(ids: Sequence[str], texts: Sequence[str]) -> Textures:
    """Variety, repetition and artefacts of texts.

    Raises:
        InputError: there are no texts.
    """
    if not texts:
        raise InputError("there are no texts to look at")
    split = [words(text) for text in texts]
    values = {
        "words": [len(row) for row in split],
        "word_entropy": [shannon_entropy(row) for row in split],
        **{f"distinct_{n}": [distinct(row, n) for row in split] for n in (1, 2, 3)},
        "longest_repeat": [longest_repeat(row) for row in split],
    }
    found = [artefacts(text) for text in texts]
    return Textures(
        tuple(ids),
        {name: np.array(row, np.float64) for name, row in values.items()},
        {name: np.array([name in row for row in found]) for name in ARTEFACTS},
    )
