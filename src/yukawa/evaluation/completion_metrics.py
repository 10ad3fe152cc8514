"""Metrics of completions: SemScore, how sure the model was of each token, how varied and clean the texts are."""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError, unknown_name
from yukawa.core.processes import Progress
from yukawa.core.statistics import SHARE, Range, Sample
from yukawa.embedding.base import Embedder
from yukawa.evaluation.completions import Completion
from yukawa.evaluation.perplexity import begins_with_bos, encoded
from yukawa.evaluation.token_losses import token_scores
from yukawa.llm.loading import LanguageModel

Array = NDArray[np.float64]
SEMSCORE_FORMS = ("continuation", "whole")
COSINE: Range = (-1.0, 1.0)
FROM_ZERO: Range = (0.0, math.inf)
METRICS: dict[str, Range] = {
    "words": FROM_ZERO, "word_entropy": FROM_ZERO, "distinct_1": SHARE, "distinct_2": SHARE, "distinct_3": SHARE,
    "longest_repeat": FROM_ZERO,
}  # fmt: skip


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
    continuation: Array
    whole: Array
    empty: int
    embedder: str

    def sample(self, form: str = "continuation") -> Sample:
        """The mean over documents of one of `SEMSCORE_FORMS`.

        Raises:
            InputError: the form is unknown.
        """
        if form not in SEMSCORE_FORMS:
            raise unknown_name("form of SemScore", form, SEMSCORE_FORMS)
        cosines = self.continuation if form == "continuation" else self.whole
        return Sample.mean(cosines, self.ids, within=COSINE)


def semscore(
    completions: Mapping[str, Sequence[Completion]], embedder: Embedder, *, progress: Progress | None = None
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
        cosines = np.clip(cosines, *COSINE)  # rounding
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


# ---- entropy and surprisal of tokens


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
    """How sure a model was of its own completions, one row per completion.

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
        """What the values are: `entropy`, or `surprisal` if they come from a service."""
        return "surprisal" if self.entropies is None else "entropy"

    def sample(self) -> Sample:
        """Bits per token: mean over all tokens, clustered by document; entropies where known, else surprisals."""
        rows = self.surprisals if self.entropies is None else self.entropies
        sums, sizes = [row.sum() for row in rows], [len(row) for row in rows]
        return Sample.ratio(sums, sizes, self.ids, within=FROM_ZERO)

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
    """The mean, standard error and number of rows at each position, of rows of any lengths (n,)."""
    longest = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), longest), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    count = np.count_nonzero(~np.isnan(table), axis=0)
    mean = np.nansum(table, axis=0) / count
    spread = np.nansum((table - mean) ** 2, axis=0)
    error = np.sqrt(np.divide(spread, (count - 1) * count, where=count > 1, out=np.full(longest, np.nan)))
    return TokenSeries(np.arange(1, longest + 1), mean, error, count)


# ---- variety, repetition and artefacts of texts

WORD = re.compile(r"\w+|[^\w\s]")
# What pages and listings have around an abstract, and what a model that learnt them appends to one.
ARTEFACTS = {
    "arxiv_id": re.compile(
        r"\barXiv\s*:\s*\S+|\b(?:hep|gr|nucl|astro|cond|math|quant|physics|nlin|cs|q-bio)(?:-[a-z]{2,3})?/\d{7}\b"
        r"|\[\d{4}\.\d{4,5}(?:v\d+)?\]",
        re.IGNORECASE,
    ),
    "pacs": re.compile(r"\bPACS(?:\s++(?:numbers?|codes?|nos?\.?))?+\s*+(?:[:.]\s*+)?\d{2}\.\d{2}|\bPACS\s*+(?:numbers?\s*+)?:"),
    "keywords": re.compile(r"\bkey\s*+(?:-\s*+)?words?(?: and phrases)?\s*:", re.IGNORECASE),
    "comments": re.compile(
        r"\bComments?\s*:|\b\d+\s+pages?,\s*(?:\d+|no|one|two|three|four|five|several)\s+(?:\w+\s+)?(?:figures?|tables?)\b",
        re.IGNORECASE,
    ),
    "journal": re.compile(
        r"\b(?:Journal[- ]ref|Report[- ](?:no|number)|DOI|MSC(?:[- ]class)?|Subjects?|Categories|Submitted by|Authors?|Title)"
        r"\s*:|\bdoi\.org/|\b10\.\d{4,9}/\S+",
        re.IGNORECASE,
    ),
    "authors": re.compile(
        r"(?:\b[A-Z]\.\s?(?:[A-Z]\.\s?)?[A-Z][a-z\u00c0-\u017f'-]+(?:,| and|;)\s+){2,}[A-Z]\.\s?(?:[A-Z]\.\s?)?[A-Z][a-z\u00c0-\u017f'-]+"
    ),
    "address": re.compile(r"https?://\S+|(?<![\w.+-])[\w.+-]++@[\w-]+\.[\w.]+\b"),
    "dates": re.compile(r"\b(?:Received|Revised|Accepted|Submitted|Dated|Last modified)\s*+(?::\s*+)?\(?\d{1,2}\s+[A-Z][a-z]{2}"),
}  # fmt: skip


def words(text: str) -> list[str]:
    """Words and punctuation of a text, without case."""
    return WORD.findall(text.casefold())


def shannon_entropy(tokens: Sequence[Hashable]) -> float:
    """Entropy of the tokens' own frequencies, in bits: low where a text repeats itself; 0 for no tokens.

    It grows with the length of a text (at most log2 of it), so compare texts of one length, or its curve.
    """
    size = len(tokens)
    if not size:
        return 0.0
    return max(0.0, -sum(n / size * math.log2(n / size) for n in Counter(tokens).values()))


def distinct(tokens: Sequence[Hashable], n: int) -> float:
    """Different n-grams by all n-grams (Li et al. 2016); 1 where there are none."""
    grams = [tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 1.0


def longest_repeat(tokens: Sequence[Hashable]) -> int:
    """Length of the longest span that occurs twice or more, overlaps allowed.

    Where a span repeats, so does each shorter one: the length is found by bisection.
    """
    return bisect_left(range(1, len(tokens)), True, key=lambda n: distinct(tokens, n) == 1)


def artefacts(text: str) -> dict[str, int]:
    """How often each kind of `ARTEFACTS` occurs in a text; only kinds that do."""
    found = {name: len(pattern.findall(text)) for name, pattern in ARTEFACTS.items()}
    return {name: count for name, count in found.items() if count}


@dataclass(frozen=True, slots=True, eq=False)
class Diversity:
    """How varied and clean N texts are.

    Attributes:
        ids: of the documents.
        values: of `METRICS`, each of shape (N,): words, Shannon entropy of the words' frequencies in bits,
            share of different 1-, 2- and 3-grams, longest span that occurs twice.
        artefacts: of each kind, whether a text has it, shape (N,).
    """

    ids: tuple[str, ...]
    values: dict[str, Array]
    artefacts: dict[str, NDArray[np.bool_]]

    def sample(self, name: str) -> Sample:
        """The mean over texts of one of `METRICS`.

        Raises:
            InputError: the name is unknown.
        """
        if name not in self.values:
            raise unknown_name("metric of texts", name, METRICS)
        return Sample.mean(self.values[name], self.ids, within=METRICS[name])

    def shares(self) -> dict[str, Sample]:
        """The share of texts that have each kind of artefact, or any."""
        of_any = np.any(list(self.artefacts.values()), axis=0)
        found = {"any": of_any, **self.artefacts}
        return {name: Sample.mean(has.astype(float), self.ids, within=SHARE) for name, has in found.items()}


def diversity(ids: Sequence[str], texts: Sequence[str]) -> Diversity:
    """Variety, repetition and artefacts of texts.

    Raises:
        InputError: there are no texts.
    """
    if not texts:
        raise InputError("there are no texts to measure the diversity of")
    split = [words(text) for text in texts]
    values = {
        "words": [len(row) for row in split],
        "word_entropy": [shannon_entropy(row) for row in split],
        **{f"distinct_{n}": [distinct(row, n) for row in split] for n in (1, 2, 3)},
        "longest_repeat": [longest_repeat(row) for row in split],
    }
    found = [artefacts(text) for text in texts]
    return Diversity(
        tuple(ids),
        {name: np.array(row, np.float64) for name, row in values.items()},
        {name: np.array([name in row for row in found]) for name in ARTEFACTS},
    )
