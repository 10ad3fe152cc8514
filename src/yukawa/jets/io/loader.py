"""Batches of encoded jets, from memory or streamed from files: each jet once per epoch, shared among processes."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.jets.features.encoder import Encoded, Encoder, join
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.table import Array, Jets, offsets_of

BUFFER = 32_768
# Jets of several batches that are encoded together: each call and each new array has its cost.
_AT_ONCE = 4096
T = TypeVar("T")


class Loader(ABC):
    """Gives batches of the jets of a source.

    The jets of one pass after another form one endless sequence, each pass in its own order where they are
    shuffled; epoch e is its part from e J to (e + 1) J, where J is `jets_per_epoch`, or one pass. The order
    depends on the seed, the epoch and the number of processes alone.

    Attributes:
        truncated: how many jets lost particles when they were encoded (so far, for a stream).
    """

    truncated: int = 0

    def __init__(self, jets: int, jets_per_epoch: int | None) -> None:
        if jets_per_epoch is not None and jets_per_epoch < 1:
            raise InputError(f"jets_per_epoch is {jets_per_epoch}, a number of at least 1 is expected")
        if not jets:
            raise InputError(
                "there are no jets to load", hint="look at the files, and at the selection of the config"
            )
        self._jets = jets
        self._epoch = jets if jets_per_epoch is None else jets_per_epoch

    def __len__(self) -> int:
        """The number of jets of one pass."""
        return self._jets

    def steps(self, size: int, world: int = 1) -> int:
        """The number of batches per epoch, the same for each of `world` processes."""
        return min(-(-self._largest(world) // size), self._epoch // world)

    def _largest(self, world: int) -> int:
        return -(-self._epoch // world)

    def batches(
        self, size: int, *, seed: int, epoch: int, shuffle: bool, rank: int = 0, world: int = 1, skip: int = 0
    ) -> Iterator[Encoded]:
        """The batches of one epoch for process `rank` of `world`, without the first `skip` of them.

        Each has `size` jets, but the last ones may have fewer (one more, where batches of one jet cannot be
        shared evenly), so that all processes have the same number of batches.

        Raises:
            InputError: a number is out of range, there are fewer jets than processes, or a file is damaged.
        """
        if size < 1 or min(seed, skip, epoch) < 0 or not 0 <= rank < world:
            raise InputError(
                f"batches of {size} jets, seed {seed}, epoch {epoch}, {skip} skipped, process {rank} of {world}: "
                "a batch needs at least 1 jet, the rest must be at least 0, and the process below the number of processes"
            )
        start, stop = _share(self._epoch, rank, world)
        ends = _ends(stop - start, size, self._largest(world), self._epoch // world)
        first = epoch * self._epoch
        return self._batches(
            first + start, first + stop, ends, _Order(seed, epoch, rank) if shuffle else None, skip
        )

    @abstractmethod
    def _batches(
        self, start: int, stop: int, ends: Array, order: "_Order | None", skip: int
    ) -> Iterator[Encoded]:
        """The jets from `start` to `stop` of the endless sequence, cut at `ends`, counted from `start`."""

    def _passes(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The passes over the jets in which `start` to `stop` lies, and where in each it begins and ends."""
        while start < stop:
            number, begin = divmod(start, self._jets)
            end = min(self._jets, begin + stop - start)
            yield number, begin, end
            start += end - begin


@dataclass(frozen=True)
class _Order:
    """Random orders: that of a pass is the same for all processes, that of a buffer is not."""

    seed: int
    epoch: int
    rank: int

    def of_pass(self, number: int, count: int) -> Array:
        """The order of `count` things in one pass over all jets."""
        return np.random.default_rng([self.seed, 0, number]).permutation(count)

    def of_buffer(self) -> np.random.Generator:
        """The generator that draws from the buffer of one process in one epoch."""
        return np.random.default_rng([self.seed, 1, self.epoch, self.rank])

    def of_part(self, number: int) -> np.random.Generator:
        """The generator that shuffles the jets of one part of an epoch."""
        return np.random.default_rng([self.seed, 2, self.epoch, self.rank, number])


def _share(jets: int, rank: int, world: int) -> tuple[int, int]:
    """The range of `jets` of one process; shares differ by one jet at most."""
    if jets < world:
        raise InputError(f"{jets} jets cannot be shared by {world} processes", hint="use fewer processes")
    return rank * jets // world, (rank + 1) * jets // world


def _ends(jets: int, size: int, largest: int, smallest: int) -> Array:
    """Where the batches of a share of `jets` end: as many batches as the largest share has, and none empty."""
    count = min(-(-largest // size), smallest)
    number = np.arange(1, count + 1)
    ends = np.minimum(number * size, jets - (count - number))
    ends[-1] = jets
    return ends


class InMemory(Loader):
    """All jets of a source, encoded once and held as packed rows.

    Attributes:
        encoded: the jets, in the order of the source.

    Raises:
        InputError: a file is damaged, a jet cannot be encoded, or none passes the selection.
    """

    def __init__(self, source: JetSource, encoder: Encoder, *, jets_per_epoch: int | None = None) -> None:
        self.encoded = _encode_all(source, encoder)
        self.truncated = self.encoded.truncated
        super().__init__(len(self.encoded), jets_per_epoch)

    def _batches(
        self, start: int, stop: int, ends: Array, order: _Order | None, skip: int
    ) -> Iterator[Encoded]:
        where = np.concatenate(
            [
                np.arange(begin, end) if order is None else order.of_pass(number, len(self))[begin:end]
                for number, begin, end in self._passes(start, stop)
            ]
        )
        begins = np.concatenate([[0], ends[:-1]])
        for begin, end in zip(begins[skip:], ends[skip:], strict=True):
            yield self.encoded.take(where[begin:end])


def _encode_all(source: JetSource, encoder: Encoder) -> Encoded:
    """The jets of a source, encoded chunk by chunk; no more than one further copy of the rows is held at a time."""
    rows: dict[str, list[Array]] = {}
    rest: list[Encoded] = []
    for jets in source.read_chunks(encoder.columns):
        part = encoder.encode(encoder.select(jets))
        for name, array in part.rows.items():
            rows.setdefault(name, []).append(array)
        rest.append(replace(part, rows={}))
    if not rest:
        return Encoded({}, np.zeros(0, np.int64), np.zeros(0, np.int64))
    return replace(join(rest), rows={name: np.concatenate(rows.pop(name)) for name in list(rows)})


class Streaming(Loader):
    """Jets read chunk by chunk and mixed in a buffer: memory does not grow with the number of jets.

    Chunks come in an order of their own in each pass, and the jets of each are shuffled as it comes. A batch is a
    uniform draw from the up to `buffer` jets of all loaded chunks; the next chunk is loaded as soon as there is room.
    Without shuffling, jets come in the order of the files. What is held are the columns that are read: jets are
    encoded as they leave, and skipped ones not at all.

    Args:
        source: the jets. If the encoder selects among them, its columns are read once to count those that pass.
        encoder: what turns jets into rows.
        buffer: how many jets are mixed; one with 40 particles of 18 columns takes 2 kB, for some time twice that.
        jets_per_epoch: the length of an epoch; one pass over all jets by default.
        ahead: how many batches a thread prepares ahead, for which a second one reads files; 0 for no threads.
    """

    def __init__(
        self,
        source: JetSource,
        encoder: Encoder,
        buffer: int = BUFFER,
        *,
        jets_per_epoch: int | None = None,
        ahead: int = 8,
    ) -> None:
        if buffer < 1 or ahead < 0:
            raise InputError(
                f"a buffer of {buffer} jets and {ahead} batches ahead: at least 1 and 0 are expected"
            )
        self.source = source
        self.encoder = encoder
        self.buffer = buffer
        self.ahead = ahead
        self._counts = np.array(_counts(source, encoder), np.int64)
        super().__init__(int(self._counts.sum()), jets_per_epoch)

    def _batches(
        self, start: int, stop: int, ends: Array, order: _Order | None, skip: int
    ) -> Iterator[Encoded]:
        self.truncated = 0
        parts = [
            part
            for number, begin, end in self._passes(start, stop)
            for part in self._parts(
                begin, end, None if order is None else order.of_pass(number, len(self._counts))
            )
        ]
        stream = self._stream(parts, ends, order, skip)
        return run_ahead(stream, self.ahead) if self.ahead else stream

    def _parts(self, begin: int, end: int, order: Array | None) -> "Iterator[_Span]":
        """The chunks, or parts of them, that hold the jets from `begin` to `end` of one pass."""
        order = np.arange(len(self._counts)) if order is None else order
        offsets = offsets_of(self._counts[order])
        for place in range(np.searchsorted(offsets, begin, "right") - 1, len(order)):
            if offsets[place] >= end:
                break
            first = max(begin - offsets[place], 0)
            last = min(end, offsets[place + 1]) - offsets[place]
            if first < last:
                yield _Span(int(order[place]), int(first), int(last))

    def _stream(
        self, parts: "Sequence[_Span]", ends: Array, order: _Order | None, skip: int
    ) -> Generator[Encoded, None, None]:
        """The batches of `parts`, of which those are not read whose jets are all in skipped batches."""
        reader: Generator[Jets, None, None] | None = None
        held = _Held()
        ranges: list[_Range] = []
        sizes: list[int] = []
        at_once = min(_AT_ONCE, self.buffer // 2)
        try:
            for draw in _draws(parts, ends, self.buffer, order.of_buffer() if order else None):
                if skip:
                    skip -= 1
                    continue
                fresh: Iterable[int] = draw.fresh
                if reader is None:
                    fresh = [*draw.old, *draw.fresh]
                    reader = self._read_all(parts, [*draw.old, *range(draw.fresh.start, len(parts))], order)
                for number in fresh:
                    held.add(number, next(reader))
                ranges += held.take(draw.takes)
                sizes.append(draw.jets)
                if sum(sizes) >= at_once:
                    yield from self._encode(ranges, sizes)
                    ranges, sizes = [], []
            if sizes:
                yield from self._encode(ranges, sizes)
        finally:
            if reader is not None:
                reader.close()

    def _encode(self, ranges: "Sequence[_Range]", sizes: Sequence[int]) -> Iterator[Encoded]:
        """Batches of these sizes from the jets of these ranges."""
        encoded = self.encoder.encode(_together(ranges))
        self.truncated += encoded.truncated
        return _cut(encoded, sizes)

    def _read_all(
        self, parts: "Sequence[_Span]", numbers: Sequence[int], order: _Order | None
    ) -> Generator[Jets, None, None]:
        """The jets of the parts of these numbers, each part shuffled by itself."""
        reader = (self._read(parts[number], order.of_part(number) if order else None) for number in numbers)
        return run_ahead(reader, 1) if self.ahead else reader

    def _read(self, part: "_Span", random: np.random.Generator | None) -> Jets:
        jets = self.encoder.select(self.source.chunks[part.chunk].read(self.encoder.columns))
        jets = jets[part.first : part.last]
        return jets if random is None else jets[random.permutation(len(jets))]


@dataclass(frozen=True)
class _Span:
    """The jets `first` to `last` of a chunk, counted after the selection."""

    chunk: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class _Draw:
    """One batch drawn from the loaded parts.

    Attributes:
        old: the numbers of the parts that were loaded before.
        fresh: the numbers of those to load.
        takes: part, first and last of the drawn jets, in the order of each part.
        jets: how many are drawn.
    """

    old: tuple[int, ...]
    fresh: range
    takes: tuple[tuple[int, int, int], ...]
    jets: int


def _draws(
    parts: Sequence[_Span], ends: Array, buffer: int, random: np.random.Generator | None
) -> Iterator[_Draw]:
    """The batches of an epoch: known from the numbers of jets alone, before any is read."""
    numbers: list[int] = []  # of the loaded parts,
    places = np.zeros(0, np.int64)  # how many jets of each have left,
    left = np.zeros(0, np.int64)  # and how many have not
    part = 0
    for jets in np.diff(ends, prepend=0).tolist():
        old, start, total = tuple(numbers), part, int(left.sum())
        while part < len(parts):
            if total >= jets and (random is None or total + len(parts[part]) > buffer):
                break
            total += len(parts[part])
            part += 1
        fresh = range(start, part)
        numbers += fresh
        left = np.concatenate([left, [len(parts[number]) for number in fresh]]).astype(np.int64)
        places = np.concatenate([places, np.zeros(len(fresh), np.int64)])
        if random is None:
            counts = np.clip(jets - np.cumsum(left) + left, 0, left)
        else:
            counts = random.multivariate_hypergeometric(left, jets, method="marginals")
        rows = zip(numbers, places.tolist(), counts.tolist(), strict=True)
        takes = tuple((number, place, place + count) for number, place, count in rows if count)
        yield _Draw(old, fresh, takes, jets)
        left, places = left - counts, places + counts
        numbers = [number for number, rest in zip(numbers, left.tolist(), strict=True) if rest]
        left, places = left[left > 0], places[left > 0]


_Range = tuple[Jets, int, int]  # jets, and the first and last of them that are meant


class _Held:
    """The loaded parts, each without most of the jets that were drawn."""

    def __init__(self) -> None:
        self.jets: dict[int, tuple[int, Jets]] = {}  # how many jets were dropped, and the others

    def add(self, number: int, jets: Jets) -> None:
        self.jets[number] = (0, jets)

    def take(self, takes: Iterable[tuple[int, int, int]]) -> list[_Range]:
        """The jets of a draw; each is taken once."""
        found = []
        for number, start, stop in takes:
            gone, jets = self.jets[number]
            found.append((jets, start - gone, stop - gone))
            if stop - gone == len(jets):
                del self.jets[number]
            elif 2 * (stop - gone) > len(jets):
                rest = _together([(jets, stop - gone, len(jets))])  # a copy: a view would keep all
                self.jets[number] = (stop, rest)
        return found


def _together(ranges: Sequence[_Range]) -> Jets:
    """The jets of some ranges, copied one after another; as `concatenate` of slices, but each column at once."""
    first = ranges[0][0]
    rows = [(jets, jets.offsets[start], jets.offsets[stop]) for jets, start, stop in ranges]
    return Jets.from_counts(
        np.concatenate([jets.counts[start:stop] for jets, start, stop in ranges]),
        {
            name: np.concatenate([jets.particles[name][a:b] for jets, a, b in rows])
            for name in first.particles
        },
        {name: np.concatenate([jets.scalars[name][a:b] for jets, a, b in ranges]) for name in first.scalars},
    )


def _cut(encoded: Encoded, sizes: Sequence[int]) -> Iterator[Encoded]:
    """The batches of which `encoded` consists; the first has the number of jets that lost particles."""
    offsets = offsets_of(encoded.counts)
    truncated = encoded.truncated
    for start, end in pairwise(np.cumsum([0, *sizes]).tolist()):
        rows = {name: array[offsets[start] : offsets[end]] for name, array in encoded.rows.items()}
        weights = None if encoded.weights is None else encoded.weights[start:end]
        yield Encoded(rows, encoded.counts[start:end], encoded.labels[start:end], weights, truncated)
        truncated = 0


def _counts(source: JetSource, encoder: Encoder) -> list[int]:
    """The number of jets of each chunk that the encoder selects."""
    if not encoder.selection_columns:
        return [chunk.count for chunk in source.chunks]
    return [len(encoder.select(jets)) for jets in source.read_chunks(encoder.selection_columns)]


def run_ahead(items: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """The same items, of which a thread prepares up to `depth` ahead; its errors are raised here.

    The thread ends with the last item, with an error, and when the generator is closed.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="jets-ahead")
    try:
        waiting = deque(pool.submit(next, items, None) for _ in range(depth))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, items, None))
            yield item
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        items.close()


def tensors(encoded: Encoded) -> dict[str, Any]:
    """The rows and `counts_B` as tensors, named as the parameters of `Tagger.forward`; they share memory.

    Raises:
        MissingPackage: PyTorch is not installed.
    """
    torch = require("torch", "training and prediction", "jets")
    arrays = {**encoded.rows, "counts_B": encoded.counts}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
