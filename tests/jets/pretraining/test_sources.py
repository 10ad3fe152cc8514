from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.jets.bytes.codes import ByteForm
from yukawa.jets.bytes.encoder import ByteEncoder, QuestionEncoder
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoded import Encoded
from yukawa.jets.io.loader import Streaming
from yukawa.jets.io.source import open_source
from yukawa.jets.pretraining import sources
from yukawa.jets.pretraining.documents import Cutter
from yukawa.jets.pretraining.sources import PATCHES, PREDICTED, JetSequences, Sequences, Texts


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_AT_ONCE", 7)


def write(folder: Path, files: int, rows: int, length: int = 30) -> list[Path]:
    """Documents that begin with their number, of falling lengths."""
    paths = []
    for file in range(files):
        lines = [json.dumps({"t": f"{file * rows + i:06d} " + "x" * (i % length)}) for i in range(rows)]
        paths.append(folder / f"{file}.jsonl")
        paths[-1].write_text("\n".join(lines))
    return paths


def texts(files: list[Path], *, buffer: int = 10, held_out: int = 5, window: int = 4) -> Texts:
    return Texts(files, ["t"], Cutter(8, window), buffer=buffer, held_out=held_out, seed=3)


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
        return texts(write(tmp_path, 3, 25))
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
    if isinstance(source, Texts):  # jets of different splits may look alike
        assert not set(held) & set(each(source.from_number(0, 1), len(source)))


def test_what_is_predicted(place: Path, tmp_path: Path) -> None:
    for source in (texts(write(tmp_path, 1, 25)), jets(place, questions=False), jets(place, questions=True)):
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
    source = texts(write(tmp_path, 4, 50), buffer=20, window=40)  # no document is cut
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


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    peaks = []
    for name, count in (("few", 1), ("many", 8)):
        (tmp_path / name).mkdir()
        files = write(tmp_path / name, count, 1000, length=200)
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
    assert "7 documents in 9 sequences, 2 of them too long for one, 2 left out" in source.facts
    assert (len(source._held), len(source) + source.cutter.pieces(next(iter(source._held.values())))) == (
        1,
        9,
    )


def test_every_document_is_as_likely_to_be_held_out(tmp_path: Path) -> None:
    files = write(tmp_path, 1, 20)
    held = np.zeros(20)
    for seed in range(300):
        source = Texts(files, ["t"], Cutter(8, 4), buffer=5, held_out=5, seed=seed)
        assert len(source._held) == 5
        for _, number in source._held:
            held[number] += 1
    assert np.all(np.abs(held / 300 - 0.25) < 0.1)  # four standard deviations


def test_too_few_documents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 20 documents, of which 0 fit into one patch; 20 are held out"):
        texts(write(tmp_path, 1, 20), held_out=20)
    (tmp_path / "short.jsonl").write_text('{"t": "x"}')
    with pytest.raises(InputError, match="has 1 documents, of which 1 fit into one patch"):
        texts([tmp_path / "short.jsonl"])
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="has 0 documents"):
        texts([tmp_path / "empty.jsonl"])
