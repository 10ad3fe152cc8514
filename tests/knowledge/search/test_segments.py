"""Segments of the index: merging is building, saving is loading, and BM25 is what the formula says."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.search import segments
from yukawa.knowledge.search.ranking import K1, B
from yukawa.knowledge.search.segments import (
    OPEN_END,
    IndexSegment,
    build_segment,
    load_segment,
    merge_segments,
    save_segment,
)

DIMENSIONS = 3
WORDS = ["mass", "tau", "width", "=S035|mass", "J/psi", "of"]


@dataclass(frozen=True)
class Row:
    passage_id: int
    version_id: int
    valid_from: int
    valid_to: int | None
    terms: str


def make_rows(texts: list[list[str]]) -> list[Row]:
    return [
        Row(10 + 3 * i, 100 + i // 2, i, None if i % 3 else i + 7, " ".join(words))
        for i, words in enumerate(texts)
    ]


def build(rows: list[Row]) -> IndexSegment:
    vectors = np.array([[r.passage_id, r.version_id, 1.5] for r in rows], dtype=np.float32)
    return build_segment(rows, vectors.reshape(-1, DIMENSIONS))


def plain(segment: IndexSegment) -> dict[str, object]:
    """What a segment says, without the numbers it gives to terms."""
    arrays = {f.name for f in fields(IndexSegment)} - {"vocabulary", "starts", "rows", "counts", "words"}
    said: dict[str, object] = {
        name: (getattr(segment, name).dtype.str, getattr(segment, name).tolist()) for name in arrays
    }
    said["postings"] = {t: [a.tolist() for a in segment.postings(t)] for t in segment.vocabulary}
    return said | {"words": segment.words}


texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=12)


@given(texts, st.lists(st.integers(0, 12), max_size=4))
def test_merging_parts_gives_what_building_the_whole_gives(words: list[list[str]], cuts: list[int]) -> None:
    rows = make_rows(words)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    pieces = [build(rows[a:b]) for a, b in pairwise(edges)]
    assert plain(merge_segments(pieces)) == plain(build(rows))


def test_numbers_are_kept_as_wide_as_they_must_be_and_no_wider() -> None:
    kinds = {
        field.name: getattr(build(make_rows([["tau"], ["mass", "tau"]])), field.name)
        for field in fields(IndexSegment)
    }
    assert {name: array.dtype.name for name, array in kinds.items() if isinstance(array, np.ndarray)} == {
        "passage_ids": "int64", "version_ids": "int64", "valid_from": "int64", "valid_to": "int64", "vectors": "float32",
        "lengths": "float32", "starts": "int64", "rows": "int32", "counts": "float32", "current": "bool",
    }  # fmt: skip


@given(texts)
def test_postings_count_the_terms_of_each_row(words: list[list[str]]) -> None:
    segment = build(make_rows(words))
    for term in WORDS:
        rows, counts = segment.postings(term)
        assert dict(zip(rows.tolist(), counts.tolist(), strict=True)) == {
            i: w.count(term) for i, w in enumerate(words) if term in w
        }
        assert segment.frequency(term) == len(rows)


@given(texts, st.lists(st.sampled_from([*WORDS, "unknown"]), unique=True, max_size=5))
def test_bm25_is_the_formula(words: list[list[str]], query: list[str]) -> None:
    """Against the sum written out passage by passage (Robertson and Zaragoza 2009, eq. 3.15)."""
    segment = build(make_rows(words))
    weights = {term: 0.5 + i for i, term in enumerate(query)}
    mean = sum(map(len, words)) / len(words) if any(words) else 1.0
    scores, touched = segment.bm25(list(weights.items()), mean)
    for i, passage in enumerate(words):
        counts = Counter(passage)
        expected = sum(
            weight * counts[t] * (K1 + 1)
            / (counts[t] + K1 * (1 - B + B * len(passage) / mean))
            for t, weight in weights.items()
        )  # fmt: skip
        assert scores[i] == pytest.approx(expected, rel=1e-5)
        assert touched.tolist().count(i) == sum(1 for t in query if counts[t])


@pytest.mark.parametrize(
    "words", [[["tau", "mass"], [], ["mass", "mass"]], [[]]], ids=["some", "no term at all"]
)
def test_what_is_saved_is_loaded(words: list[list[str]], tmp_path: Path) -> None:
    segment = build(make_rows(words))
    file = tmp_path / "index"
    save_segment(segment, file, {"seq": 7}, {"more": np.arange(3)})
    loaded = load_segment(file)
    assert loaded is not None
    assert loaded[1] == {"seq": 7}
    assert plain(loaded[0]) == plain(segment)
    assert loaded[2]["more"].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [file]


def test_a_large_copy_keeps_its_vectors_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_HALF_PRECISION_UP_TO", 1)
    segment = build_segment(make_rows([["a"], ["b"]]), np.full((2, 3), 1 / 3, dtype=np.float32))
    save_segment(segment, tmp_path / "index", {}, {})
    loaded = load_segment(tmp_path / "index")
    assert loaded is not None
    assert loaded[0].vectors.tolist() == segment.vectors.tolist()


def test_a_loaded_segment_takes_new_validity(tmp_path: Path) -> None:
    save_segment(build(make_rows([["a"], ["b"], ["c"]])), tmp_path / "index", {}, {})
    loaded = load_segment(tmp_path / "index")
    assert loaded is not None
    segment = loaded[0]
    segment.set_validity(100, 3, 4)  # the version of the first two rows
    assert segment.current.tolist() == (segment.valid_to == OPEN_END).tolist() == [False, False, True]
    segment.set_validity(100, 3, OPEN_END)
    segment.set_validity(99, 1, 2)  # of another segment
    assert segment.current.tolist() == [True, True, True]


@pytest.mark.parametrize("kept", [0, 5, 40, 300, -1])
def test_a_copy_that_is_not_whole_is_not_used(kept: int, tmp_path: Path) -> None:
    file = tmp_path / "index"
    save_segment(build(make_rows([["a"], ["b"]])), file, {"seq": 1}, {"more": np.arange(8)})
    file.write_bytes(file.read_bytes()[:kept])
    assert load_segment(file) is None


@pytest.mark.parametrize(
    "content", [b"\xff" * 200, b"\x05\0\0\0\0\0\0\0[[]]]" + b"x" * 99, b"\x02\0\0\0\0\0\0\0{}  "]
)
def test_another_file_is_not_used(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(content)
    assert load_segment(tmp_path / "index") is None
    assert load_segment(tmp_path / "missing") is None
    assert load_segment(tmp_path) is None


def test_a_failed_save_leaves_the_old_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with KnowledgeBase.open(tmp_path, embedding="hash") as base:
        base.teach("A statement about the first magnet.")
        base.save_index()
        copy = (tmp_path / "knowledge.index").read_bytes()
        base.teach("A statement about the second magnet.")

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(segments.np, "ascontiguousarray", fail)
        with pytest.raises(StoreError, match="disk is full"):
            base.save_index()
        monkeypatch.undo()
        assert (tmp_path / "knowledge.index").read_bytes() == copy
        assert not (tmp_path / "knowledge.scratch").exists()
        assert len(base.search("magnet")) == 2


def test_a_changed_byte_of_what_is_read_at_once_is_noticed(tmp_path: Path) -> None:
    segment = build(make_rows([["mass", "tau"], ["width"], ["of", "of"]]))
    save_segment(segment, tmp_path / "whole", {"a": 1}, {})
    written = (tmp_path / "whole").read_bytes()
    length = int.from_bytes(written[:8], "little")
    described = json.loads(written[16 : 16 + length])["arrays"]
    assert load_segment(tmp_path / "whole") is not None
    for name, (_, _, offset, _) in described.items():
        place = 16 + length + offset
        damaged = written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :]
        (tmp_path / "damaged").write_bytes(damaged)
        assert (load_segment(tmp_path / "damaged") is None) == (name not in segments._LARGE), name
