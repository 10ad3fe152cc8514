from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.core.guarded import LONGEST_LINE
from yukawa.jets.bytes.encoder import ByteEncoder, ByteForm, QuestionEncoder
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import Encoded
from yukawa.jets.io.loader import Streaming
from yukawa.jets.io.source import open_source
from yukawa.jets.pretraining import sources
from yukawa.jets.pretraining.sources import (
    PATCHES,
    PREDICTED,
    Cutter,
    JetSequences,
    MixtureBatches,
    Sequences,
    TextSequences,
    documents,
    text_files,
)
from yukawa.jets.training.trainer import DIVISOR
from yukawa.runs.batches import TensorBatch
from yukawa.runs.distributed import Machine

BOS, TEXT, EOS, PAD = (int(mark) for mark in (Mark.BOS, Mark.TEXT, Mark.EOS, Mark.PAD))


@given(st.binary(max_size=300), st.integers(3, 40), st.integers(2, 6))
def test_the_sequences_of_a_document_are_its_bytes_in_order(document: bytes, patch: int, window: int) -> None:
    cutter = Cutter(patch, window)
    sequences = [np.frombuffer(ids, np.int16).tolist() for ids in cutter.cut(document)]
    assert len(sequences) == cutter.fragments(document)
    if len(document) + 3 <= patch:
        assert sequences == []
        return
    assert [ids[0] for ids in sequences] == [BOS] + [TEXT] * (len(sequences) - 1)
    joined = [i for ids in sequences for i in ids if i not in (BOS, TEXT)]
    assert joined == [*document, EOS]
    assert max(map(len, sequences)) <= patch * window
    sizes = [len(ids) for ids in sequences[1:]] or [0]
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.binary(min_size=6, max_size=90), min_size=1, max_size=6), st.integers(3, 9))
def test_patches_are_the_sequences_and_padding_behind_them(texts: list[bytes], patch: int) -> None:
    cutter = Cutter(patch, 4)
    sequences = [ids for text in texts for ids in cutter.cut(text)]
    if not sequences:
        return
    patches, counts = cutter.patches(sequences)
    assert (patches.dtype, patches.shape) == (np.int16, (counts.sum(), patch))
    for rows, ids in zip(np.split(patches, np.cumsum(counts)[:-1]), sequences, strict=True):
        row = rows.reshape(-1)
        length = len(ids) // 2
        assert row[:length].tobytes() == ids
        assert (row[length:] == PAD).all()
        assert len(row) - length < patch


def write(path: Path, *rows: object) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_the_fields_of_a_line_are_a_document(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"t": " ä ", "b": "x\ny", "c": 1}, "", {"b": "z", "t": "w"})
    assert list(documents(path, ["t", "b"])) == ["ä\nx\ny".encode(), b"w\nz"]


def test_empty_lines_divide_plain_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n one\ntwo\n\n \n\nthree\n")
    assert list(documents(path, [])) == [b"one\ntwo", b"three"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"title": "x"}, "a.jsonl:2 has no field 'abstract'; there are title"),
        ({"title": "x", "abstract": "  "}, "a.jsonl:2: the field 'abstract' is ' ', some text"),
        ({"title": 7, "abstract": "x"}, "the field 'title' is 7, some text"),
        (["x"], "a.jsonl:2 holds list; expected a JSON object"),
        ("{", "a.jsonl:2 is not valid JSON"),
    ],
)
def test_a_line_that_is_no_document(tmp_path: Path, row: object, message: str) -> None:
    path = write(tmp_path / "a.jsonl", {"title": "x", "abstract": "y"}, row)
    with pytest.raises(InputError, match=message) as caught:
        list(documents(path, ["title", "abstract"]))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jsonl.gz", *[{"t": f"{i} {i * i}"} for i in range(1000)])
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read"):
        list(documents(whole, ["t"]))
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        list(documents(tmp_path / "b.jsonl.gz", ["t"]))
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="is not UTF-8"):
        list(documents(tmp_path / "c.txt", []))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.txt"])
def test_no_line_and_no_document_fills_the_memory(tmp_path: Path, name: str) -> None:
    content = b"x" * (LONGEST_LINE + 1) if "jsonl" in name else b"some text\n" * (LONGEST_LINE // 10 + 1)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    with pytest.raises(InputError, match="more than"):
        list(documents(path, ["t"]))


def test_files_by_a_pattern(tmp_path: Path) -> None:
    for name in ("b.txt", "a.jsonl", "c.csv"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in text_files(str(tmp_path / "[ab].*"))] == ["a.jsonl", "b.txt"]
    with pytest.raises(InputError, match=r"c\.csv is not a known file of text; its name must end in \.jsonl"):
        text_files(str(tmp_path / "*"))
    with pytest.raises(InputError, match="names no file of text"):
        text_files(str(tmp_path / "none"))


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_AT_ONCE", 7)


def write_numbered(folder: Path, files: int, rows: int, length: int = 30) -> list[Path]:
    """Documents that begin with their number, of falling lengths."""
    paths = []
    for file in range(files):
        lines = [json.dumps({"t": f"{file * rows + i:06d} " + "x" * (i % length)}) for i in range(rows)]
        paths.append(folder / f"{file}.jsonl")
        paths[-1].write_text("\n".join(lines))
    return paths


def texts(files: list[Path], *, buffer: int = 10, held_out: int = 5, window: int = 4) -> TextSequences:
    return TextSequences(files, ["t"], Cutter(8, window), buffer=buffer, held_out=held_out, seed=3)


def jets(place: Path, *, questions: bool) -> JetSequences:
    config = load_data_config(str(place / "config.yaml"))
    encoder = (
        QuestionEncoder(config, ByteForm(), answered=True)
        if questions
        else ByteEncoder(config, ByteForm(), ends=True)
    )
    loaders = [
        Streaming(open_source(place / "jets", split), encoder, 90, ahead=0)
        for split in ("train", "validation")
    ]
    return JetSequences(loaders[0], loaders[1], questions=questions)


@pytest.fixture(params=["texts", "jets", "questions"])
def source(request: pytest.FixtureRequest, place: Path, tmp_path: Path) -> Sequences:
    if request.param == "texts":
        return texts(write_numbered(tmp_path, 3, 25))
    return jets(place, questions=request.param == "questions")


def each(parts: Iterator[Encoded], number: int | None = None) -> list[bytes]:
    """The sequences one by one, as bytes."""
    return list(islice((row for part in parts for row in rows(part)), number))


def rows(part: Encoded) -> list[bytes]:
    ends = np.cumsum(part.counts)[:-1]
    return [
        patches.tobytes() + predicted.tobytes()
        for patches, predicted in zip(
            np.split(part.rows[PATCHES], ends), np.split(part.rows[PREDICTED], ends), strict=True
        )
    ]


def test_the_same_seed_gives_the_same_sequences_and_another_an_order_of_its_own(source: Sequences) -> None:
    one, again, other = (each(source.from_number(0, seed), len(source)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert sorted(one) == sorted(other)  # each pass has all of them


def test_skipped_is_read_on(source: Sequences) -> None:
    whole = each(source.from_number(0, 1), 2 * len(source) + 20)
    assert whole[: len(source)] != whole[len(source) : 2 * len(source)]
    for first in (1, 7, 30, len(source) - 1, len(source), 2 * len(source) + 3):
        assert each(source.from_number(first, 1), 10) == whole[first : first + 10]


def test_the_validation_is_always_the_same_and_never_trained_on(source: Sequences) -> None:
    held = each(source.held_out())
    assert held == each(source.held_out())
    assert len(held) >= 5
    if isinstance(source, TextSequences):  # jets of different splits may look alike
        assert not set(held) & set(each(source.from_number(0, 1), len(source)))


def test_what_is_predicted(place: Path, tmp_path: Path) -> None:
    for source in (
        texts(write_numbered(tmp_path, 1, 25)),
        jets(place, questions=False),
        jets(place, questions=True),
    ):
        part = next(source.from_number(0, 1))
        ends = np.cumsum(part.counts) - 1
        firsts = ends - part.counts + 1
        expected = np.zeros(part.counts.sum(), bool)
        if isinstance(source, JetSequences) and source.questions:
            expected[ends] = True
            answers = source.train.encoder.answers_CP  # type: ignore[attr-defined]
            np.testing.assert_array_equal(part.rows[PATCHES][ends], answers[part.labels])
        else:
            expected[:] = True
            expected[firsts] = False
            assert (part.rows[PATCHES][ends] == Mark.EOS).any(1).all()
        np.testing.assert_array_equal(part.rows[PREDICTED], expected)
        assert (part.rows[PATCHES][firsts, 0] == Mark.BOS).all()


def test_texts_are_mixed_within_the_buffer_and_files_in_an_order_of_their_own(tmp_path: Path) -> None:
    source = texts(write_numbered(tmp_path, 4, 50), buffer=20, window=40)  # no document is cut
    numbers = [
        [
            int(bytes(np.frombuffer(row[:32], np.int16)[2:8].astype(np.uint8)))
            for row in each(part, len(source))
        ]
        for part in (source.from_number(0, 1), source.from_number(len(source), 1))
    ]
    for turn in numbers:
        assert (np.diff(turn) < 0).mean() > 0.2
        assert len({number // 50 for number in turn[:20]}) == 1  # one file after the other
    assert numbers[0][0] // 50 != numbers[1][0] // 50


@pytest.mark.slow
def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    peaks = []
    for name, count in (("few", 1), ("many", 8)):
        (tmp_path / name).mkdir()
        files = write_numbered(tmp_path / name, count, 1000, length=200)
        tracemalloc.start()
        source = texts(files, buffer=50, window=40)
        for part in islice(source.from_number(0, 1), count * 100):
            assert len(part) == 7
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(next(source.from_number(len(source) - 3, 1))) == 3
    assert peaks[1] < 1.2 * peaks[0]


def test_what_was_cut_and_left_out_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"t": "x" * length}) for length in (1, 5, 6, 20, 29, 30, 100)))
    source = texts([path], held_out=1)
    assert "7 documents in 9 sequences, 2 of them too long for one, 2 omitted" in source.facts
    assert (len(source._held), len(source) + source.cutter.fragments(next(iter(source._held.values())))) == (
        1,
        9,
    )


def test_every_document_is_as_likely_to_be_held_out(tmp_path: Path) -> None:
    files = write_numbered(tmp_path, 1, 20)
    held = np.zeros(20)
    for seed in range(300):
        source = TextSequences(files, ["t"], Cutter(8, 4), buffer=5, held_out=5, seed=seed)
        assert len(source._held) == 5
        for _, number in source._held:
            held[number] += 1
    assert np.all(np.abs(held / 300 - 0.25) < 0.1)  # four standard deviations


def test_too_few_documents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 20 documents, of which 0 fit into one patch; 20 are held out"):
        texts(write_numbered(tmp_path, 1, 20), held_out=20)
    (tmp_path / "short.jsonl").write_text('{"t": "x"}')
    with pytest.raises(InputError, match="has 1 documents, of which 1 fit into one patch"):
        texts([tmp_path / "short.jsonl"])
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="has 0 documents"):
        texts([tmp_path / "empty.jsonl"])


class Numbers(Sequences):
    """Sequences [source, seed, number] of one patch each, some at a time."""

    def __init__(self, source: int, at_once: int = 5) -> None:
        self.source, self.at_once = source, at_once

    def __len__(self) -> int:
        return 1000

    @property
    def facts(self) -> str:
        return ""

    def from_number(self, first: int, seed: int) -> Iterator[Encoded]:
        while True:
            rows = np.array([[self.source, seed, first + i] for i in range(self.at_once)], np.int16)
            ones = np.ones(self.at_once, np.int64)
            yield Encoded({PATCHES: rows, PREDICTED: ones > 0}, ones, -ones, ones.astype(np.float32))
            first += self.at_once

    def held_out(self) -> Iterator[Encoded]:
        return iter(())


def mixture(weights: list[float], batch: int = 12, steps: int = 9, **options: Any) -> MixtureBatches:
    sources = [Numbers(i) for i in range(len(weights))]
    return MixtureBatches(sources=sources, weights=weights, batch=batch, steps=steps, seed=4, **options)


def same(one: list[TensorBatch | None], two: list[TensorBatch | None]) -> bool:
    return all(a is not None and b is not None and a.keys() == b.keys() and all(map(torch.equal, a.values(), b.values()))
               for a, b in zip(one, two, strict=True))  # fmt: skip


def test_the_proportions_are_the_weights() -> None:
    drawn = mixture([1, 2, 5], batch=100, steps=1000).drawn_SK
    assert (drawn.sum(1) == 100).all()
    np.testing.assert_allclose(drawn.mean(0), [12.5, 25, 62.5], atol=0.6)  # five standard errors


@settings(deadline=None)
@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=4),
    st.integers(1, 20),
    st.integers(0, 8),
    st.integers(0, 2),
)
def test_going_on_gives_the_batches_of_an_unbroken_run(
    weights: list[float], batch: int, first: int, prefetch: int
) -> None:
    whole = list(mixture(weights, batch))
    rest = list(mixture(weights, batch, first=first, prefetch=prefetch))
    assert len(whole) == len(rest) == 9
    assert rest[:first] == [None] * first
    assert same(rest[first:], whole[first:])


def test_each_source_is_read_in_its_order_and_nothing_twice() -> None:
    seen: dict[int, list[int]] = {0: [], 1: []}
    for batch in mixture([1, 3]):
        assert batch is not None
        rows = batch[PATCHES].tolist()
        assert len(rows) == 12
        for source in seen:
            seen[source] += sorted(number for kind, _, number in rows if kind == source)
    assert all(numbers == list(range(len(numbers))) for numbers in seen.values())
    assert len(seen[1]) > len(seen[0]) > 0


def test_sources_have_seeds_of_their_own_and_lie_mixed() -> None:
    batch = next(iter(mixture([1, 1], batch=40)))
    assert batch is not None
    kinds, seeds, _ = batch[PATCHES].T.tolist()
    assert len(set(zip(kinds, seeds, strict=True))) == len(set(seeds)) == 2
    assert kinds not in (sorted(kinds), sorted(kinds, reverse=True))
    assert batch.keys() == {PATCHES, PREDICTED, "counts_B", DIVISOR}  # weights are for examples of classes


@pytest.mark.parametrize("world", [2, 5])
def test_processes_share_the_same_batches(world: int) -> None:
    alone = next(iter(mixture([1, 1])))
    parts = [next(iter(mixture([1, 1], machine=Machine(rank=rank, world=world)))) for rank in range(world)]
    assert alone is not None
    assert torch.equal(torch.cat([part[PATCHES] for part in parts if part]), alone[PATCHES])
    assert all(part is not None and part[DIVISOR] == 12 / world for part in parts)


def test_it_ends_when_it_is_left() -> None:
    assert len(list(islice(iter(mixture([1], steps=10**4, prefetch=3)), 4))) == 4
