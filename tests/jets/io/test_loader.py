from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features import FeatureEncoder, load_data_config
from yukawa.jets.features.config import DataConfig, read_config
from yukawa.jets.features.encoder import Encoded, Encoder, join
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.loader import InMemory, Loader, Streaming, run_ahead, tensors
from yukawa.jets.table import Jets

CLASSES = ("b", "c", "g")


@dataclass(frozen=True)
class Made:
    """A chunk whose jets are made when it is read: jet i of the source has the number i as energy."""

    first: int
    count: int
    reads: list[int] = field(default_factory=list, compare=False)
    path: Path = Path("memory")
    particles: int = 6

    def read(self, columns: Collection[str] | None = None) -> Jets:
        self.reads.append(self.first)
        number = np.arange(self.first, self.first + self.count)
        counts = number % self.particles  # some are empty
        rng = np.random.default_rng(self.first)
        names = ["part_px", "part_py", "part_pz", "part_energy", "part_deta", "part_dphi"]
        particles = {name: rng.uniform(1, 2, int(counts.sum())).astype(np.float32) for name in names}
        scalars: dict[str, Any] = {"jet_pt": number + 1.0, "jet_energy": number + 1.0, "jet_event": number}
        scalars |= {f"label_{name}": number % 3 == i for i, name in enumerate(CLASSES)}
        jets = Jets.from_counts(counts, particles, scalars)
        return jets if columns is None else jets.pick(columns)


def source_of(*counts: int, particles: int = 6) -> JetSource:
    chunks = tuple(Made(sum(counts[:i]), count, particles=particles) for i, count in enumerate(counts))
    return JetSource(chunks[0].read().columns, chunks)


class Numbers(Encoder):
    """Rows hold the number of their jet; each jet has as many as it has particles, and at most four."""

    classes = CLASSES
    columns = ("jet_event", "part_px")

    def encode(self, jets: Jets) -> Encoded:
        counts = np.minimum(jets.counts, 4)
        number = jets.scalars["jet_event"]
        rows = {"tokens_N": np.repeat(number, counts)}
        return Encoded(rows, counts, number, truncated=int(np.sum(jets.counts > 4)))


def config_with(**changes: Any) -> DataConfig:
    import yaml

    text = load_data_config("jetclass-kin").to_dict()
    text["labels"] = {"type": "simple", "value": [f"label_{name}" for name in CLASSES]}
    return read_config(yaml.safe_dump(text | changes, sort_keys=False))


def numbers(batches: Iterator[Encoded]) -> list[list[int]]:
    return [batch.labels.tolist() for batch in batches]


Make = Callable[[JetSource], Loader]
LOADERS: dict[str, Make] = {
    "memory": lambda source: InMemory(source, Numbers()),
    "stream": lambda source: Streaming(source, Numbers(), 20, ahead=0),
    "ahead": lambda source: Streaming(source, Numbers(), 20, ahead=3),
}
each_loader = pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())


# ---- laws ----


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(lambda counts: sum(counts) > 4),
    st.integers(1, 12), st.integers(1, 40), st.integers(1, 4), st.booleans(), st.booleans(),
    st.one_of(st.none(), st.integers(5, 200)), st.integers(0, 3),
)  # fmt: skip
def test_each_jet_once_an_epoch_and_as_many_batches_for_each_process(
    counts: list[int],
    size: int,
    buffer: int,
    world: int,
    shuffle: bool,
    memory: bool,
    epoch_jets: int | None,
    epoch: int,
) -> None:
    source = source_of(*counts)
    total = sum(counts)
    loader: Loader = InMemory(source, Numbers(), jets_per_epoch=epoch_jets)
    if not memory:
        loader = Streaming(source, Numbers(), buffer, jets_per_epoch=epoch_jets, ahead=0)
    shares = [
        numbers(loader.batches(size, seed=1, epoch=epoch, shuffle=shuffle, rank=rank, world=world))
        for rank in range(world)
    ]
    assert [len(share) for share in shares] == [loader.steps(size, world)] * world
    sizes = [len(batch) for share in shares for batch in share]
    assert min(sizes) > 0
    assert max(sizes) <= max(size, 2)
    jets = epoch_jets or total
    # One epoch holds each jet as often as whole passes fit in, or once more.
    times = np.bincount([i for share in shares for batch in share for i in batch], minlength=total)
    assert times.sum() == jets
    assert len(loader) == total
    if jets % total == 0:
        assert set(times) == {jets // total}
    else:
        assert times.max() - times.min() <= 2
    again = numbers(loader.batches(size, seed=1, epoch=epoch, shuffle=shuffle, rank=world - 1, world=world))
    assert again == shares[-1]


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(lambda counts: sum(counts) > 4),
    st.integers(1, 12), st.integers(1, 60), st.integers(0, 30), st.booleans(), st.booleans(),
)  # fmt: skip
def test_skipping_batches_leaves_the_others_as_they_are(
    counts: list[int], size: int, buffer: int, skip: int, shuffle: bool, memory: bool
) -> None:
    source = source_of(*counts)
    loader = InMemory(source, Numbers()) if memory else Streaming(source, Numbers(), buffer, ahead=0)
    whole = list(loader.batches(size, seed=4, epoch=1, shuffle=shuffle, rank=1, world=2))
    rest = list(loader.batches(size, seed=4, epoch=1, shuffle=shuffle, rank=1, world=2, skip=skip))
    assert numbers(iter(rest)) == numbers(iter(whole[skip:]))
    for one, other in zip(rest, whole[skip:], strict=True):
        np.testing.assert_array_equal(one.rows["tokens_N"], other.rows["tokens_N"])
        np.testing.assert_array_equal(one.counts, other.counts)


@each_loader
def test_epochs_go_on_where_the_last_one_ended(make: Make) -> None:
    source = source_of(10, 7, 13)
    short = make(source)
    short._epoch = 11
    stream = [
        i
        for epoch in range(6)
        for b in numbers(short.batches(4, seed=2, epoch=epoch, shuffle=False))
        for i in b
    ]
    assert stream == [i % 30 for i in range(66)]


@each_loader
def test_orders_differ_by_seed_and_epoch_alone(make: Make) -> None:
    loader = make(source_of(40, 30, 50))

    def order(seed: int, epoch: int) -> list[list[int]]:
        return numbers(loader.batches(8, seed=seed, epoch=epoch, shuffle=True))

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    straight = [i for batch in numbers(loader.batches(8, seed=9, epoch=3, shuffle=False)) for i in batch]
    assert straight == list(range(120))


def test_both_loaders_give_the_same_rows_for_the_same_jet() -> None:
    source = source_of(30, 0, 25, 45)
    encoder = FeatureEncoder(config_with())
    rows: list[dict[float, bytes]] = []
    for loader in (InMemory(source, encoder), Streaming(source, encoder, 32)):
        found: dict[float, bytes] = {}
        for batch in loader.batches(16, seed=1, epoch=0, shuffle=True):
            ends = np.cumsum(batch.counts)
            for start, end, label in zip(ends - batch.counts, ends, batch.labels, strict=True):
                momenta = batch.rows["momenta_N4"][start:end]
                if len(momenta):
                    found[float(momenta[0, 0])] = batch.rows["features_NF"][start:end].tobytes() + bytes(
                        [label]
                    )
        rows.append(found)
    assert rows[0] == rows[1]
    assert len(rows[0]) == sum(i % 6 > 0 for i in range(100))


def test_pieces_are_mixed_within_the_buffer() -> None:
    source = source_of(*[50] * 20)
    stream = Streaming(source, Numbers(), 400)
    order = np.array([i for b in numbers(stream.batches(25, seed=3, epoch=0, shuffle=True)) for i in b])
    chunks = order.reshape(-1, 25) // 50
    assert np.mean([len(set(batch)) for batch in chunks]) > 6  # of 8 chunks in the buffer
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.04  # 2 in 50, if all followed on one of their chunk


def test_pieces_whose_jets_are_all_skipped_are_not_read() -> None:
    source = source_of(*[50] * 40)
    stream = Streaming(source, Numbers(), 100, ahead=0)
    list(stream.batches(10, seed=1, epoch=0, shuffle=True, skip=190))
    reads = (
        sum(len(chunk.reads) for chunk in source.chunks if isinstance(chunk, Made)) - 1
    )  # one by source_of
    assert reads < 20


# ---- memory, threads ----


def test_memory_does_not_grow_with_the_source() -> None:
    encoder = FeatureEncoder(config_with())
    peaks = []
    for chunks in (8, 40):  # 2 and 10 buffers
        stream = Streaming(source_of(*[250] * chunks, particles=40), encoder, 1000, ahead=2)
        gc.collect()
        tracemalloc.start()
        for batch in stream.batches(50, seed=1, epoch=0, shuffle=True):
            del batch
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.15 * peaks[0]
    held = 1000 * 20 * (7 + 4 + 2) * 4  # a buffer of jets with 20 particles on average
    assert peaks[1] < 6 * held


def test_in_memory_holds_rows_of_32_bits_only() -> None:
    loader = InMemory(source_of(100, 100), FeatureEncoder(config_with()))
    assert {array.dtype.name for array in loader.encoded.rows.values()} == {"float32"}
    assert set(loader.encoded.rows) == {"features_NF", "momenta_N4", "points_N2"}


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("jets-ahead")]


def test_the_thread_ends_with_the_batches_and_when_they_are_left() -> None:
    stream = Streaming(source_of(*[50] * 20), Numbers(), 100, ahead=4)
    for _ in range(2):  # a second run in one process works like the first
        for batch in stream.batches(10, seed=1, epoch=0, shuffle=True):
            assert threads()
            assert len(batch) == 10
        assert not threads()
    batches = stream.batches(10, seed=1, epoch=0, shuffle=True)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert not threads()
    batches = stream.batches(10, seed=1, epoch=0, shuffle=True)
    next(batches)
    del batches
    gc.collect()
    assert not threads()


def test_what_the_thread_raises_is_raised_where_batches_are_used() -> None:
    @dataclass(frozen=True)
    class Broken(Made):
        def read(self, columns: Collection[str] | None = None) -> Jets:
            raise InputError("shard 3 is truncated")

    good = source_of(1000, 1000, 1000)
    source = JetSource(good.columns, (*good.chunks, Broken(3000, 1000)))
    seen: list[int] = []
    batches = Streaming(source, Numbers(), 60, ahead=2).batches(1000, seed=1, epoch=0, shuffle=False)
    with pytest.raises(InputError, match="shard 3 is truncated"):
        seen.extend(len(batch) for batch in batches)
    assert seen == [1000] * 3
    assert not threads()


def test_an_interrupt_where_batches_are_used_ends_the_thread() -> None:
    stream = Streaming(source_of(*[50] * 20), Numbers(), 100, ahead=4)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(stream)
    assert not threads()


def _interrupted(stream: Streaming) -> None:
    for i, _ in enumerate(stream.batches(10, seed=1, epoch=0, shuffle=True)):
        if i == 3:
            raise KeyboardInterrupt


def test_items_are_prepared_while_others_are_used() -> None:
    made = []

    def slow() -> Iterator[int]:
        for i in range(5):
            made.append(i)
            yield i

    items = run_ahead(slow(), 3)  # type: ignore[arg-type]
    assert next(items) == 0
    for _ in range(100):
        if len(made) == 4:
            break
        time.sleep(0.01)
    assert made == [0, 1, 2, 3]
    assert list(items) == [1, 2, 3, 4]


# ---- examples ----


def test_selected_jets_alone_are_loaded() -> None:
    source = source_of(30, 20, 50)
    encoder = FeatureEncoder(config_with(selection="jet_event % 7 == 0"))
    for loader in (InMemory(source, encoder), Streaming(source, encoder, 10)):
        assert len(loader) == 15
        batches = list(loader.batches(4, seed=1, epoch=0, shuffle=True))
        assert [len(batch) for batch in batches] == [4, 4, 4, 3]
        expected = np.bincount(np.arange(0, 100, 7) % 3)
        assert np.bincount(np.concatenate([b.labels for b in batches])).tolist() == expected.tolist()


def test_jets_that_lost_particles_are_counted() -> None:
    source = source_of(30, 30)  # of each 6 jets one has five particles
    stream = Streaming(source, Numbers(), 10)
    for _ in range(2):
        list(stream.batches(7, seed=1, epoch=0, shuffle=True))
        assert stream.truncated == 10
    assert InMemory(source, Numbers()).truncated == 10


def test_tensors_are_named_as_a_tagger_takes_them() -> None:
    encoded = FeatureEncoder(config_with()).encode(source_of(10).read())
    found = tensors(encoded)
    assert set(found) == {"features_NF", "momenta_N4", "points_N2", "counts_B"}
    assert found["features_NF"].dtype == torch.float32
    assert found["counts_B"].dtype == torch.int64
    assert found["counts_B"].sum() == len(found["momenta_N4"])


def test_weights_come_with_their_jets() -> None:
    weights = {"use_precomputed_weights": True, "weight_branches": ["jet_pt"]}
    encoder = FeatureEncoder(config_with(weights=weights))
    source = source_of(20, 20)
    for loader in (InMemory(source, encoder), Streaming(source, encoder, 10)):
        whole = join(list(loader.batches(8, seed=1, epoch=0, shuffle=True)))
        assert whole.weights is not None
        np.testing.assert_array_equal((whole.weights - 1) % 3, whole.labels)
        assert sorted(whole.weights) == list(range(1, 41))


# ---- bad input ----


@each_loader
@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"skip": -1}, {"epoch": -1}, {"rank": 2, "world": 2}, {"rank": -1}, {"seed": -1}],
    ids=str,
)
def test_numbers_out_of_range(make: Make, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="a batch needs at least 1 jet"):
        make(source_of(9)).batches(**({"size": 2, "seed": 1, "epoch": 0, "shuffle": True} | wrong))  # type: ignore[arg-type]


@each_loader
def test_more_processes_than_jets(make: Make) -> None:
    with pytest.raises(InputError, match="3 jets cannot be shared by 4 processes"):
        make(source_of(3)).batches(2, seed=1, epoch=0, shuffle=True, rank=0, world=4)


@each_loader
def test_no_jets(make: Make) -> None:
    with pytest.raises(InputError, match="no jets to load"):
        make(source_of(0))


def test_wrong_settings() -> None:
    with pytest.raises(InputError, match="jets_per_epoch is 0"):
        InMemory(source_of(5), Numbers(), jets_per_epoch=0)
    with pytest.raises(InputError, match="a buffer of 0 jets"):
        Streaming(source_of(5), Numbers(), 0)
    encoder = FeatureEncoder(config_with(selection="jet_pt < 0"))
    with pytest.raises(InputError, match=r"no jets to load.*selection"):
        InMemory(source_of(5), encoder)


def test_a_column_that_is_not_there() -> None:
    encoder = FeatureEncoder(load_data_config("jet-origin"))
    with pytest.raises(InputError, match="label_bbar"):
        InMemory(source_of(5), encoder)
