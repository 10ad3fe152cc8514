"""Texts as words: for comparisons without case, spacing and punctuation, and hashes of word sequences."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so multiplying loses nothing
_KEPT_WORDS = 1_000_000  # hashes remembered; beyond, they are made anew


class _Spacing(dict[int, str | int]):
    """A table for `str.translate`: keeps letters, marks and digits, and turns all else into a space."""

    def __missing__(self, code: int) -> str | int:
        kept = unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if kept else " "
        return self[code]


class _WordHashes(dict[str, int]):
    """The 64-bit hashes of words, the same in every process."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _KEPT_WORDS:
            self.clear()
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = value = int.from_bytes(digest, "little")
        return value


_SPACING = _Spacing()
_WORD_HASHES = _WordHashes()


def split_words(text: str) -> list[str]:
    """The words of a text: NFKC, case-folded, split at everything that is not a letter, mark or digit.

    `x_1`, `$x_{1}$` and `X 1` have the same words. Words that are joined and split again are the same.
    """
    if text.isascii():
        folded = text.lower()
    else:
        # Folding undoes some compositions and composing undoes some foldings; Unicode requires both twice
        # (toNFKC_Casefold, The Unicode Standard, section 3.13).
        folded = text
        for _ in range(2):
            folded = unicodedata.normalize("NFKC", folded.casefold())
    return folded.translate(_SPACING).split()


def normalise(text: str) -> str:
    """The words of a text with single spaces; a text without words is only stripped of the spaces around it."""
    return " ".join(split_words(text)) or text.strip()


def digest(normalised: str) -> bytes:
    """A hash of 128 bits of a text given by `normalise`; two of 10^9 texts agree by chance once in 10^21 cases."""
    return hashlib.blake2b(normalised.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def hash_words(texts: Iterable[Sequence[str]]) -> tuple[Hashes, Counts]:
    """Hashes of the words of T texts, one after the other, and how many words each has (T,)."""
    rows = list(texts)
    counts = np.fromiter(map(len, rows), np.int64, len(rows))
    found = map(_WORD_HASHES.__getitem__, chain.from_iterable(rows))
    return np.fromiter(found, np.uint64, int(counts.sum())), counts


def hash_sequences(hashes: Hashes, counts: Counts, length: int) -> tuple[Hashes, Counts]:
    """Hashes of every sequence of `length` words within each text, and their number in each text (T,).

    Args:
        hashes: hashes of words, as `hash_words` gives them.
        counts: number of words in each text (T,).
        length: number of words in a sequence; a text with fewer has none.
    """
    per_text = np.maximum(counts - length + 1, 0)
    total = max(len(hashes) - length + 1, 0)
    mixed = np.zeros(total, np.uint64)
    for shift in range(length):
        mixed *= _MULTIPLIER
        mixed += hashes[shift : shift + total]
    return mix(mixed[_within(per_text, counts)]), per_text


def mix(values: Hashes) -> Hashes:
    """Spread 64-bit values over all bits by a bijection.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, doi:10.1145/2660193.2660195).
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _within(per_text: Counts, counts: Counts) -> Counts:
    """The positions in all words at which sequences begin that do not reach into the next text."""
    first_word = np.cumsum(counts) - counts
    first_sequence = np.cumsum(per_text) - per_text
    places: Counts = np.arange(int(per_text.sum())) + np.repeat(first_word - first_sequence, per_text)
    return places
