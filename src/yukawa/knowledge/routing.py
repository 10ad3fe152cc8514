"""Which field of physics a text or a question belongs to, by its words, and which kind of question it is.

A linear classifier on words and pairs of neighbouring words, trained by `tools/fields.py` on titles and abstracts. Its
weights are package data of two thirds of a megabyte, read when first used. `benchmarks/routing.py` measures it.
"""

import functools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

UNKNOWN = "unknown"
READ = 20_000  # characters at the beginning of a text
DATA = Path(__file__).parent / "fields"
_TOKEN = re.compile(r"[a-z0-9]+\+*")


@dataclass(frozen=True, slots=True)
class FieldGuess:
    """The field of a text.

    Attributes:
        field: one of `yukawa.knowledge.records.DOMAINS`, or 'unknown' where none is probable enough.
        probability: that of `field`; for 'unknown' that of the most probable of the eight.
        probabilities: of each of the eight; they add up to one with that of belonging to none.
    """

    field: str
    probability: float
    probabilities: Mapping[str, float]

    @property
    def known(self) -> bool:
        """Whether a field is probable enough to go by."""
        return self.field != UNKNOWN


def field_of(text: str) -> FieldGuess:
    """The field of physics that `text`, a question or a whole document, belongs to.

    Only English words, abbreviations and names count; of a long text the first 20,000 characters are read.
    """
    return _weights().guess(features(text))


def features(text: str) -> list[str]:
    """The words of `text` in lower case and the singular, and its pairs of neighbouring words, each once."""
    words = [_singular(word) for word in _TOKEN.findall(text[:READ].lower())]
    return list(dict.fromkeys([*words, *map(" ".join, pairwise(words))]))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui" else word


class FieldModel:
    """A linear model: the score of a class is its offset and the mean weight of n known features times the root of n.

    Args:
        classes: names, the last of which means none of the fields.
        offsets: one a class.
        scale: what a step of the weights is worth.
        threshold: the least probability with which a field is known.
        vocabulary: features.
        steps: weights of each feature for each class, from -128 to 127, one byte each in two's complement.
    """

    def __init__(
        self, classes: Sequence[str], offsets: Sequence[float], scale: float, threshold: float,
        vocabulary: Sequence[str], steps: bytes,
    ) -> None:  # fmt: skip
        self._classes, self._offsets = tuple(classes), tuple(offsets)
        self._scale, self._threshold = scale, threshold
        self._places = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
        self._steps = memoryview(steps).cast("b")

    def guess(self, features: Sequence[str]) -> FieldGuess:
        """The field of a text with these features."""
        places = [self._places[word] for word in features if word in self._places]
        if not places:
            return FieldGuess(UNKNOWN, 0.0, dict.fromkeys(self._classes[:-1], 0.0))
        n = len(self._classes)
        scale = self._scale / math.sqrt(len(places))
        scores = [
            offset + scale * sum(self._steps[place * n + k] for place in places)
            for k, offset in enumerate(self._offsets)
        ]
        powers = [math.exp(score - max(scores)) for score in scores]
        probabilities = {
            name: power / sum(powers) for name, power in zip(self._classes[:-1], powers, strict=False)
        }
        best = max(probabilities, key=probabilities.__getitem__)
        known = probabilities[best] >= self._threshold
        return FieldGuess(best if known else UNKNOWN, probabilities[best], probabilities)


@functools.cache
def _weights() -> FieldModel:
    """The weights that come with the package."""
    about = json.loads((DATA / "model.json").read_text(encoding="utf-8"))
    vocabulary = (DATA / "words.txt").read_text(encoding="utf-8").splitlines()
    steps = (DATA / "weights.bin").read_bytes()
    return FieldModel(
        about["classes"], about["offsets"], about["scale"], about["threshold"], vocabulary, steps
    )
