"""How varied and clean texts are: repetition, variety of words, and metadata that does not belong to an abstract."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.core.statistics import Estimate, Sample, wilson_estimate

METRICS = ("words", "word_entropy", "distinct_1", "distinct_2", "distinct_3", "longest_repeat")
_WORD = re.compile(r"\w+|[^\w\s]")
# What pages and listings have around an abstract, and what a model that learnt them appends to one.
ARTEFACTS = {
    "arxiv_id": re.compile(
        r"\barXiv\s*:\s*\S+|\b(?:hep|gr|nucl|astro|cond|math|quant|physics|nlin|cs|q-bio)(?:-[a-z]{2,3})?/\d{7}\b"
        r"|\[\d{4}\.\d{4,5}(?:v\d+)?\]",
        re.IGNORECASE,
    ),
    "pacs": re.compile(r"\bPACS(?:\s+(?:numbers?|codes?|nos?\.?))?\s*[:.]?\s*\d{2}\.\d{2}|\bPACS\s*(?:numbers?)?\s*:"),
    "keywords": re.compile(r"\bkey\s*-?\s*words?(?: and phrases)?\s*:", re.IGNORECASE),
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
    "address": re.compile(r"https?://\S+|\b[\w.+-]+@[\w-]+\.[\w.]+\b"),
    "dates": re.compile(r"\b(?:Received|Revised|Accepted|Submitted|Dated|Last modified)\s*:?\s*\(?\d{1,2}\s+[A-Z][a-z]{2}"),
}  # fmt: skip


def words(text: str) -> list[str]:
    """Words and punctuation of a text, without case."""
    return _WORD.findall(text.casefold())


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
    values: dict[str, NDArray[np.float64]]
    artefacts: dict[str, NDArray[np.bool_]]

    def sample(self, name: str) -> Sample:
        """The mean over texts of one of `METRICS`, or the share that has an artefact (`any` for one of any kind).

        Raises:
            InputError: there is no such metric.
        """
        if name in self.values:
            return Sample.mean(self.values[name], self.ids)
        if name in ("any", *self.artefacts):
            return Sample.mean(self._with(name).astype(np.float64), self.ids)
        allowed = ", ".join([*METRICS, "any", *ARTEFACTS])
        raise InputError(f"there is no metric {name!r} of texts; allowed are {allowed}")

    def shares(self, level: float = 0.95) -> dict[str, tuple[int, Estimate]]:
        """Of each kind of artefact, and of any: how many texts have it, and their share with Wilson's interval."""
        counts = {name: int(self._with(name).sum()) for name in ("any", *self.artefacts)}
        return {name: (count, wilson_estimate(count, len(self.ids), level)) for name, count in counts.items()}

    def _with(self, name: str) -> NDArray[np.bool_]:
        return np.any(list(self.artefacts.values()), axis=0) if name == "any" else self.artefacts[name]


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
