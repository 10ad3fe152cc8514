"""Slices of the index: merging is building, saving is loading, and BM25 is what the formula says."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.search import segments
from yukawa.knowledge.search.segments import (
    OPEN_END,
    Part,
    bm25,
    build_part,
    load_part,
    merge_parts,
    save_part,
)

DIMENSIONS = 3
WORDS = ["mass", "tau", "width", "=S035|mass", "J/psi", "of"]


@dataclass(frozen=True)
class Row:
    passage_id: int
    version_id: int
    item_key: int
    valid_from: int
    valid_to: int | None
    terms: str


def make_rows(texts: list[list[str]]) -> list[Row]:
    return [
        Row(10 + 3 * i, 100 + i // 2, i // 2 - 5, i, None if i % 3 else i + 7, " ".join(words))
        for i, words in enumerate(texts)
    ]


def build(rows: list[Row]) -> Part:
    vectors = np.array([[r.passage_id, r.version_id, 1.5] for r in rows], dtype=np.float32)
    return build_part(rows, vectors.reshape(-1, DIMENSIONS))


def plain(part: Part) -> dict[str, object]:
    """What a part says, without the numbers it gives to terms."""
    arrays = {f.name for f in fields(Part)} - {"vocabulary", "starts", "rows", "counts", "words"}
    said: dict[str, object] = {name: getattr(part, name).tolist() for name in arrays}
    said["postings"] = {t: [a.tolist() for a in part.postings(t)] for t in part.vocabulary}
    return said | {"words": part.words}


texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=12)


@given(texts, st.lists(st.integers(0, 12), max_size=4))
def test_merging_parts_gives_what_building_the_whole_gives(words: list[list[str]], cuts: list[int]) -> None:
    rows = make_rows(words)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    pieces = [build(rows[a:b]) for a, b in pairwise(edges)]
    assert plain(merge_parts(pieces)) == plain(build(rows))


@given(texts)
def test_postings_count_the_terms_of_each_row(words: list[list[str]]) -> None:
    part = build(make_rows(words))
    for term in WORDS:
        rows, counts = part.postings(term)
        assert dict(zip(rows.tolist(), counts.tolist(), strict=True)) == {
            i: w.count(term) for i, w in enumerate(words) if term in w
        }
        assert part.frequency(term) == len(rows)


@given(texts, st.lists(st.sampled_from([*WORDS, "unknown"]), unique=True, max_size=5))
def test_bm25_is_the_formula(words: list[list[str]], query: list[str]) -> None:
    """Against the sum written out passage by passage (Robertson and Zaragoza 2009, eq. 3.15)."""
    part = build(make_rows(words))
    weights = {term: 0.5 + i for i, term in enumerate(query)}
    mean = sum(map(len, words)) / len(words) if any(words) else 1.0
    scores, touched = bm25(part, list(weights.items()), mean)
    for i, passage in enumerate(words):
        counts = Counter(passage)
        expected = sum(
            weight * counts[t] * (segments.K1 + 1)
            / (counts[t] + segments.K1 * (1 - segments.B + segments.B * len(passage) / mean))
            for t, weight in weights.items()
        )  # fmt: skip
        assert scores[i] == pytest.approx(expected, rel=1e-5)
        assert touched.tolist().count(i) == sum(1 for t in query if counts[t])


@given(st.integers(1, 10**6), st.data())
def test_a_rarer_term_weighs_more(passages: int, data: st.DataObject) -> None:
    few, many = sorted(data.draw(st.tuples(st.integers(0, passages), st.integers(0, passages))))
    assert segments.term_weight("mass", passages, few) >= segments.term_weight("mass", passages, many) > 0
    assert math.isclose(
        segments.term_weight("=key", passages, few),
        segments.KEY_WEIGHT * segments.term_weight("mass", passages, few),
    )


@pytest.mark.parametrize(
    "words", [[["tau", "mass"], [], ["mass", "mass"]], [[]]], ids=["some", "no term at all"]
)
def test_what_is_saved_is_loaded(words: list[list[str]], tmp_path: Path) -> None:
    part = build(make_rows(words))
    folder = tmp_path / "index"
    save_part(part, folder, {"seq": 7}, lambda beside: (beside / "more").write_bytes(b"x") and None)
    loaded = load_part(folder)
    assert loaded is not None
    assert loaded[1]["seq"] == 7
    assert plain(loaded[0]) == plain(part)
    assert (folder / "more").read_bytes() == b"x"
    assert [p.name for p in tmp_path.iterdir()] == ["index"]


def test_a_loaded_part_takes_new_validity(tmp_path: Path) -> None:
    save_part(build(make_rows([["a"], ["b"]])), tmp_path / "index", {}, lambda _: None)
    loaded = load_part(tmp_path / "index")
    assert loaded is not None
    part = loaded[0]
    part.set_validity(1, 3, 4)
    assert part.in_force.tolist() == (part.valid_to == OPEN_END).tolist() == [False, False]
    part.set_validity(0, 3, OPEN_END)
    assert part.in_force.tolist() == [True, False]


@pytest.mark.parametrize("name", ["manifest.json", "vocabulary.txt", "vectors.npy"])
@pytest.mark.parametrize("how", ["missing", "cut off"])
def test_a_copy_that_is_not_whole_is_not_used(name: str, how: str, tmp_path: Path) -> None:
    save_part(build(make_rows([["a"], ["b"]])), tmp_path / "index", {"seq": 1}, lambda _: None)
    file = tmp_path / "index" / name
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    assert load_part(tmp_path / "index") is None


def test_a_failed_save_leaves_the_old_copy(tmp_path: Path) -> None:
    part = build(make_rows([["a"]]))
    save_part(part, tmp_path / "index", {"seq": 1}, lambda _: None)

    def fail(_: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save_part(part, tmp_path / "index", {"seq": 2}, fail)
    loaded = load_part(tmp_path / "index")
    assert loaded is not None
    assert loaded[1]["seq"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["index"]
