"""The sources of a mixture: endless sequences of texts or jets, whose order depends on a seed alone."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.features.encoded import Encoded
from yukawa.jets.io.loader import Loader
from yukawa.jets.pretraining.documents import Cutter, documents
from yukawa.jets.table import Array

PATCHES, PREDICTED = "patches_NP", "predicted_N"
_AT_ONCE = 256  # sequences that are made together: each call and each new array has its cost


class Sequences(ABC):
    """Endless sequences, pass after pass over a source.

    They are `Encoded`: rows `patches_NP`, int16, and `predicted_N`, which patches a model learns to predict.
    """

    @abstractmethod
    def __len__(self) -> int:
        """The sequences of one pass."""

    @abstractmethod
    def from_number(self, first: int, seed: int) -> Iterator[Encoded]:
        """All sequences from number `first` on, some at a time, without an end."""

    @abstractmethod
    def held_out(self) -> Iterator[Encoded]:
        """Those for the validation, which no pass has."""

    @property
    @abstractmethod
    def facts(self) -> str:
        """The extent of the source, in words."""


class TextSequences(Sequences):
    """Sequences of the documents of text files; memory does not grow with the files.

    All files are read once to count, and to draw the documents that are held out. Each pass then takes the files in
    an order of its own, and mixes their sequences in a buffer.

    Args:
        files: of text.
        fields: of JSON Lines that make a document.
        cutter: makes sequences of documents.
        buffer: sequences that are mixed in memory.
        held_out: documents that are held out, drawn by `seed`.
        seed: of that draw.

    Raises:
        InputError: a file is damaged or lacks a field, or there are too few documents.
    """

    def __init__(
        self,
        files: Sequence[Path],
        fields: Sequence[str],
        cutter: Cutter,
        *,
        buffer: int,
        held_out: int,
        seed: int,
    ) -> None:
        self.files, self.fields, self.cutter, self.buffer = tuple(files), tuple(fields), cutter, buffer
        self._held: dict[tuple[int, int], bytes] = {}
        self._count(held_out, np.random.default_rng(seed))

    def _count(self, held_out: int, random: np.random.Generator) -> None:
        """Look at every document once; each is as likely to be held out (reservoir sampling)."""
        self.documents = self.sequences = self.long = self.short = 0
        places: list[tuple[int, int]] = []
        for file, path in enumerate(self.files):
            for number, document in enumerate(documents(path, self.fields)):
                fragments = self.cutter.fragments(document)
                self.documents += 1
                self.sequences += fragments
                self.long += fragments > 1
                self.short += not fragments
                if not fragments:
                    continue
                usable = self.documents - self.short
                place = usable - 1 if usable <= held_out else int(random.integers(usable))
                if place < held_out:
                    if place < len(places):
                        del self._held[places[place]]
                    places[place : place + 1] = [(file, number)]
                    self._held[file, number] = document
        self._length = self.sequences - sum(map(self.cutter.fragments, self._held.values()))
        if not self._length:
            raise InputError(
                f"{self.files[0].parent if self.files[1:] else self.files[0]} has {self.documents} documents, of which "
                f"{self.short} fit into one patch; {held_out} are held out for the validation, and nothing is left",
                hint="lower training.validation, or give more text",
            )

    def __len__(self) -> int:
        return self._length

    @property
    def facts(self) -> str:
        """The extent of the source, in words."""
        return (
            f"{self.documents:,} documents in {self.sequences:,} sequences, {self.long:,} of them too long for one, "
            f"{self.short:,} omitted as they fit into one patch; {len(self._held):,} held out for the validation"
        )

    def from_number(self, first: int, seed: int) -> Iterator[Encoded]:
        """See `Sequences.from_number`."""
        number, skip = divmod(first, self._length)
        for turn in count(number):
            rest = islice(self._mixed(np.random.default_rng([seed, turn])), skip, None)
            while ids := list(islice(rest, _AT_ONCE)):
                yield self._encoded(ids)
            skip = 0

    def held_out(self) -> Iterator[Encoded]:
        """See `Sequences.held_out`: the sequences of as many documents as are held out."""
        ids = (fragment for document in self._held.values() for fragment in self.cutter.cut(document))
        while some := list(islice(ids, _AT_ONCE)):
            yield self._encoded(some)

    def _mixed(self, random: np.random.Generator) -> Iterator[bytes]:
        """The sequences of one pass; each leaves the buffer at random, and the next one takes its place."""
        held: list[bytes] = []
        for ids in self._fragments(random.permutation(len(self.files))):
            if len(held) < self.buffer:
                held.append(ids)
                continue
            place = int(random.integers(self.buffer))
            yield held[place]
            held[place] = ids
        yield from (held[place] for place in random.permutation(len(held)))

    def _fragments(self, order: Array) -> Iterator[bytes]:
        for file in order.tolist():
            for number, document in enumerate(documents(self.files[file], self.fields)):
                if (file, number) not in self._held:
                    yield from self.cutter.cut(document)

    def _encoded(self, ids: Sequence[bytes]) -> Encoded:
        patches_NP, counts = self.cutter.patches(ids)
        encoded = Encoded({PATCHES: patches_NP}, counts, np.full(len(counts), -1))
        return _all_but_first(encoded)


class JetSequences(Sequences):
    """Sequences of jets.

    Args:
        train: gives the jets, with EOS or with answers.
        validation: gives those of the validation.
        questions: whether they are questions with answers, of which the answers alone are learned.
    """

    def __init__(self, train: Loader, validation: Loader, *, questions: bool) -> None:
        self.train, self.validation, self.questions = train, validation, questions

    def __len__(self) -> int:
        return len(self.train)

    @property
    def facts(self) -> str:
        """The extent of the source, in words."""
        return (
            f"{len(self.train):,} jets, {self.train.truncated:,} of them cut so far; {len(self.validation):,} for "
            "the validation"
        )

    def from_number(self, first: int, seed: int) -> Iterator[Encoded]:
        """See `Sequences.from_number`."""
        turn, place = divmod(first, len(self.train))
        skip, rest = divmod(place, _AT_ONCE)
        for epoch in count(turn):
            for encoded in self.train.batches(_AT_ONCE, seed=seed, epoch=epoch, shuffle=True, skip=skip):
                yield self._marked(encoded.take(np.arange(rest, len(encoded))) if rest else encoded)
                rest = 0
            skip = 0

    def held_out(self) -> Iterator[Encoded]:
        """See `Sequences.held_out`."""
        return map(self._marked, self.validation.batches(_AT_ONCE, seed=0, epoch=0, shuffle=False))

    def _marked(self, encoded: Encoded) -> Encoded:
        return _last_alone(encoded) if self.questions else _all_but_first(encoded)


def _all_but_first(encoded: Encoded) -> Encoded:
    """Every patch but the first of each sequence is predicted."""
    predicted_N = np.ones(encoded.counts.sum(), np.bool_)
    predicted_N[np.cumsum(encoded.counts) - encoded.counts] = False
    return replace(encoded, rows={**encoded.rows, PREDICTED: predicted_N})


def _last_alone(encoded: Encoded) -> Encoded:
    """The last patch of each sequence is predicted."""
    predicted_N = np.zeros(encoded.counts.sum(), np.bool_)
    predicted_N[np.cumsum(encoded.counts) - 1] = True
    return replace(encoded, rows={**encoded.rows, PREDICTED: predicted_N})
