"""The sources of a mixture: endless sequences of texts or jets, whose order depends on a seed alone."""

import glob
import gzip
import zlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError, unreadable
from yukawa.core.files import open_file, parse_row
from yukawa.core.guarded import LONGEST_LINE, lines_of
from yukawa.jets.features.encoder import Encoded, join
from yukawa.jets.io.loader import Loader, run_ahead, tensors
from yukawa.jets.table import Array
from yukawa.jets.training.trainer import DIVISOR, share
from yukawa.runs.batches import StepDataset, TensorBatch

SUFFIXES = (".jsonl", ".jsonl.gz", ".txt")


def text_files(pattern: str) -> list[Path]:
    """The files that a path or pattern names, in the order of their names.

    Raises:
        InputError: there is none, or one is of another kind than `SUFFIXES`.
    """
    files = [Path(path) for path in sorted(glob.glob(pattern))]
    if not files:
        raise InputError(f"{pattern} names no file of text")
    odd = next((path for path in files if not path.name.endswith(SUFFIXES) or not path.is_file()), None)
    if odd is not None:
        raise InputError(f"{odd} is not a known file of text; its name must end in {', '.join(SUFFIXES)}")
    return files


def documents(path: Path, fields: Sequence[str]) -> Iterator[bytes]:
    """The documents of a file in UTF-8, read line by line, each of a size that does not fill the memory.

    A line of JSON Lines is a document: its fields, one on a line of its own each. In a .txt file, documents are
    divided by empty lines.

    Raises:
        InputError: the file cannot be read, a line is not JSON, a field is missing, not text or empty.
    """
    try:
        with open_file(path) as raw, gzip.open(raw) if path.suffix == ".gz" else raw as handle:
            lines = lines_of(handle.readline, str(path))
            yield from _paragraphs(lines, path) if path.suffix == ".txt" else _rows(lines, path, fields)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None


def _rows(lines: Iterator[bytes], path: Path, fields: Sequence[str]) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = parse_row(line, f"{path}:{number}")
            yield "\n".join(_text(row, name, f"{path}:{number}") for name in fields).encode()


def _text(row: Mapping[str, object], name: str, where: str) -> str:
    if name not in row:
        raise InputError(
            f"{where} has no field {name!r}; there are {', '.join(row)}", hint="name them: fields=[NAME, …]"
        )
    text = row[name]
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: the field {name!r} is {text!r}, some text is expected")
    return text.strip()


def _paragraphs(lines: Iterator[bytes], path: Path) -> Iterator[bytes]:
    paragraph: list[bytes] = []
    size = 0
    for line in lines:
        size = size + len(line) if line.strip() else 0
        if size > LONGEST_LINE:
            raise InputError(
                f"{path} has a document of more than {LONGEST_LINE:,} bytes",
                hint="divide documents by empty lines",
            )
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield _checked(b"".join(paragraph).strip(), path)
            paragraph = []
    if paragraph:
        yield _checked(b"".join(paragraph).strip(), path)


def _checked(text: bytes, path: Path) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} in {text[:40]!r}") from None
    return text


@dataclass(frozen=True)
class Cutter:
    """Cuts documents into sequences [BOS, TEXT, bytes, EOS].

    A long one becomes several; only the first begins with BOS, only the last ends with EOS.

    Attributes:
        patch: ids of a patch.
        window: the largest number of patches in a sequence.
    """

    patch: int
    window: int

    def fragments(self, document: bytes) -> int:
        """How many sequences a document becomes; none if it fits one patch, from which nothing is predicted."""
        if len(document) + 3 <= self.patch:
            return 0
        return -(-(len(document) + 1) // (self.patch * self.window - 2))

    def cut(self, document: bytes) -> list[bytes]:
        """The sequences of a document as int16 ids in bytes, without padding; all of nearly one length."""
        fragments = self.fragments(document)
        if not fragments:
            return []
        ids = np.empty(len(document) + 1, np.int16)
        ids[:-1] = np.frombuffer(document, np.uint8)
        ids[-1] = Mark.EOS
        bounds = [number * len(ids) // fragments for number in range(fragments + 1)]
        heads = [[Mark.BOS, Mark.TEXT], *([[Mark.TEXT]] * (fragments - 1))]
        return [
            np.array(head, np.int16).tobytes() + ids[begin:end].tobytes()
            for head, begin, end in zip(heads, bounds[:-1], bounds[1:], strict=True)
        ]

    def patches(self, sequences: Sequence[bytes]) -> tuple[Array, Array]:
        """Sequences padded to whole patches: int16 (N, P), and the patches of each (B,)."""
        counts = np.array([-(-len(ids) // (2 * self.patch)) for ids in sequences], np.int64)
        room = np.array(int(Mark.PAD), np.int16).tobytes()
        padded = [
            ids + room * (int(count) * self.patch - len(ids) // 2)
            for ids, count in zip(sequences, counts, strict=True)
        ]
        return np.frombuffer(bytearray().join(padded), np.int16).reshape(-1, self.patch), counts


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
        """The sequences for the validation, which no pass contains."""

    @property
    @abstractmethod
    def facts(self) -> str:
        """The extent of the source, in words."""


class TextSequences(Sequences):
    """Sequences of the documents of text files; memory does not grow with the files.

    All files are read once to count, and to draw the documents that are held out. Each pass then takes the files in
    an order of its own, and mixes their sequences in a buffer.

    Args:
        fields: of JSON Lines that make a document.
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
        return _marked(Encoded({PATCHES: patches_NP}, counts, np.full(len(counts), -1)))


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
        return _marked(encoded, last_alone=self.questions)


def _marked(encoded: Encoded, *, last_alone: bool = False) -> Encoded:
    """Sequences of which every patch but the first is predicted, or the last alone."""
    ends = np.cumsum(encoded.counts)
    predicted_N = np.full(encoded.counts.sum(), not last_alone)
    predicted_N[ends - 1 if last_alone else ends - encoded.counts] = last_alone
    return replace(encoded, rows={**encoded.rows, PREDICTED: predicted_N})


@dataclass(kw_only=True, eq=False)
class MixtureBatches(StepDataset):
    """The batches of a pre-training.

    How many sequences of each source a step has is drawn beforehand for all steps. Sequences of a batch are mixed, so
    that the shares of several processes are alike.

    See `StepDataset` for the other attributes; the seed decides on the draw and on the order of each source.

    Attributes:
        sources: that are mixed.
        weights: how many of each source are drawn, in proportion.
    """

    sources: Sequence[Sequences]
    weights: Sequence[float]

    @cached_property
    def drawn_SK(self) -> Array:  # noqa: N802 -- its dimensions: steps, sources
        """The number of sequences that each step takes from each source, shape (steps, sources)."""
        shares = np.array(self.weights, float) / sum(self.weights)
        return np.random.default_rng([self.seed, 1]).multinomial(self.batch, shares, size=self.steps)

    def endless(self) -> Iterator[TensorBatch]:
        """All batches from `first` on."""
        batches = self._batches()
        return run_ahead(batches, self.prefetch) if self.prefetch else batches

    def _batches(self) -> Generator[TensorBatch, None, None]:
        before_K = self.drawn_SK[: self.first].sum(0).tolist()
        readers = [
            _Supply(source.from_number(first, self.seed * len(self.sources) + number))
            for number, (source, first) in enumerate(zip(self.sources, before_K, strict=True))
        ]
        for step, drawn_K in enumerate(self.drawn_SK[self.first :].tolist(), start=self.first):
            parts = [reader.take(number) for reader, number in zip(readers, drawn_K, strict=True) if number]
            order = np.random.default_rng([self.seed, 2, step]).permutation(self.batch)
            yield batch_of(*share(join(parts).take(order), self.machine.rank, self.machine.world))


def batch_of(encoded: Encoded, divisor: float) -> TensorBatch:
    """The tensors of some sequences, with the divisor of the sum of their losses."""
    return tensors(encoded) | {DIVISOR: torch.tensor(divisor)}


class _Supply:
    """Takes any number of sequences from an iterator that gives some at a time."""

    def __init__(self, row: Iterator[Encoded]) -> None:
        self.row = row
        self.held: Encoded | None = None
        self.place = 0

    def take(self, number: int) -> Encoded:
        """The next `number` sequences."""
        parts = []
        while number:
            if self.held is None or self.place == len(self.held):
                self.held, self.place = next(self.row), 0
            last = min(self.place + number, len(self.held))
            # The weights are those of jets as examples of classes, which these are not.
            parts.append(replace(self.held.take(np.arange(self.place, last)), weights=None))
            number -= last - self.place
            self.place = last
        return join(parts)
