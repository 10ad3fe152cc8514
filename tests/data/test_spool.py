"""Documents on the disk: found by position, distinct in any order, split by their hashes."""

from __future__ import annotations

import datetime
import errno
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import StoreError
from yukawa.data.ngrams import normalise
from yukawa.data.rows import Document
from yukawa.data.spool import (
    DocumentSpool,
    distinct,
    exact_sizes,
    exact_splits,
    letters_digest,
    order_keys,
    shuffled,
    stable_splits,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
DOCUMENT = st.builds(
    Document,
    id=st.sampled_from(["a", "b", "c", "d"]),
    text=st.sampled_from(["Strings.", "strings", "Branes", "Branes are Dp", "branes ARE dp"]),
    source=st.just("s"),
    created=st.none() | st.dates(datetime.date(1991, 1, 1), datetime.date(1991, 1, 3)),
    title=st.none() | TEXT,
    categories=st.sampled_from([(), ("hep-th",), ("cs.LG", "hep-th")]),
)


def filled(folder: Path, documents: list[Document]) -> DocumentSpool:
    pool = DocumentSpool(folder)
    for document in documents:
        pool.add(document)
    return pool


def whole(pool: DocumentSpool) -> list[Document]:
    return list(pool.read(range(len(pool))))


@settings(max_examples=30)
@given(documents=st.lists(DOCUMENT, max_size=8), data=st.data())
def test_documents_come_back_in_any_order_between_additions(tmp_path_factory, documents, data: st.DataObject):
    with filled(tmp_path_factory.mktemp("pool"), documents) as pool:
        assert whole(pool) == whole(pool) == documents
        places = data.draw(st.permutations(range(len(documents))))
        assert list(pool.read(places)) == [documents[place] for place in places]
        more = Document(id="z", text="More.", source="s")
        pool.add(more)
        assert whole(pool) == [*documents, more]


@settings(max_examples=60)
@given(documents=st.lists(DOCUMENT, max_size=8), data=st.data(), drop_repeats=st.booleans())
def test_what_is_distinct_does_not_depend_on_the_order(tmp_path_factory, documents, data, drop_repeats: bool):
    folder = tmp_path_factory.mktemp("pool")

    def kept(order: list[Document]) -> list[str]:
        with filled(folder, order) as pool:
            places, ids, texts = distinct(pool, drop_repeats)
            found = list(pool.read(places.tolist()))
        assert len(found) + ids + texts == len(order)
        assert len({one.id for one in found}) == len(found)
        if drop_repeats:
            assert len({normalise(one.text) for one in found}) == len(found)
        else:
            assert texts == 0
            assert {one.id for one in found} == {one.id for one in order}
        return sorted(one.model_dump_json() for one in found)

    assert kept(documents) == kept(data.draw(st.permutations(documents)))


def test_of_the_same_words_the_oldest_is_kept(tmp_path: Path):
    days = [None, *(datetime.date(1991, 1, day) for day in range(2, 9))]
    documents = [
        Document(id=str(number), text="A  text!" if number % 2 else "a text", source="s", created=day)
        for number, day in enumerate(days)
    ]
    random.Random(1).shuffle(documents)
    with filled(tmp_path, documents) as pool:
        places, ids, texts = distinct(pool, True)
        assert [one.created for one in pool.read(places.tolist())] == [datetime.date(1991, 1, 2)]
        assert (ids, texts) == (0, len(days) - 1)


@given(TEXT, TEXT)
def test_texts_with_the_same_words_have_the_same_digest(one: str, other: str):
    for text in (one.upper(), one.lower(), f" {one}.", one.replace(" ", "\n")):
        if normalise(text) == normalise(one):
            assert letters_digest(text) == letters_digest(one)
    if normalise(one).replace(" ", "") != normalise(other).replace(" ", ""):
        assert letters_digest(one) != letters_digest(other)


def test_the_short_cut_for_ascii_gives_what_all_texts_get():
    text = "The Anti-de Sitter/CFT correspondence, $AdS_{5} \\times S^5$ (1997)!"
    assert letters_digest(text) == letters_digest(text + "\u2026\u00a0") == letters_digest(text.swapcase())
    assert letters_digest("!!!") != letters_digest("???")  # no letters: told apart by what they are
    assert letters_digest("!!!") == letters_digest(" !!!\n")


def test_texts_wait_on_the_disk(tmp_path: Path):
    tracemalloc.start()
    pool = filled(
        tmp_path, [Document(id=str(number), text=f"{number} " * 2000, source="s") for number in range(10)]
    )
    tracemalloc.reset_peak()
    for number in range(10, 1000):  # 10 MB
        pool.add(Document(id=str(number), text=f"{number} " * 2000, source="s"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    assert len(whole(pool)) == len(pool) == 1000
    with pool:
        assert not list(tmp_path.iterdir())  # the file has no name


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pool = filled(tmp_path, [Document(id="1", text="x", source="s")])

    class Full:
        def __getattr__(self, name: str):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pool, "_file", Full())
    with pytest.raises(StoreError, match="the disk is full"):
        whole(pool)
    with pytest.raises(StoreError, match="does not exist"):
        DocumentSpool(tmp_path / "no")


def test_columns_describe_the_documents(tmp_path: Path):
    rows = [
        Document(id="1", text="x", source="s", categories=("cs.LG", "hep-th")),
        Document(id="2", text="X", source="s", created=datetime.date(1991, 1, 1)),
        Document(id="3", text="y", source="s", categories=("cs.LG",)),
    ]
    with filled(tmp_path, rows) as pool:
        assert pool.names == ("cs.LG", "")
        assert pool.categories.tolist() == [0, 1, 0]
        assert pool.days[1] == datetime.date(1991, 1, 1).toordinal() < pool.days[0] == pool.days[2]
        assert (pool.texts[0] == pool.texts[1]).all()
        assert (pool.texts[0] != pool.texts[2]).all()
        assert len({tuple(one) for one in pool.ids.tolist()}) == 3


COUNTS = st.integers(0, 300)


def texts(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


def test_sizes_are_those_of_feyntune():
    assert exact_sizes(105_384) == (73_768, 15_808, 15_808)


@settings(max_examples=25)
@given(st.integers(2, 2000))
def test_sizes_are_those_of_scikit_learn_called_twice(count: int):
    from sklearn.model_selection import train_test_split

    train, held = train_test_split(np.arange(count), test_size=0.3, random_state=42)
    expected = (len(train), len(held) // 2, len(held) - len(held) // 2)
    assert exact_sizes(count) == expected
    assert sum(exact_sizes(count)) == count


@given(COUNTS, COUNTS, st.integers(-5, 2**70))
def test_each_group_has_its_exact_sizes(first: int, second: int, seed: int):
    keys = order_keys(texts(first + second), seed)
    groups = np.repeat([0, 7], [first, second])
    splits = exact_splits(keys, groups)
    for group, count in ((0, first), (7, second)):
        assert tuple(np.bincount(splits[groups == group], minlength=3)) == exact_sizes(count)


@given(st.lists(st.integers(0, 20), max_size=80), st.randoms())
@pytest.mark.parametrize("exact", [True, False])
def test_equal_texts_share_a_split_and_the_order_changes_nothing(exact: bool, kinds: list[int], shuffle):
    hashes = texts(21)[kinds]
    groups = np.array([shuffle.randrange(3) for _ in kinds], np.int64)

    def split(order: list[int]) -> np.ndarray:
        keys = order_keys(hashes[order], 42)
        return exact_splits(keys, groups[order]) if exact else stable_splits(keys)

    order = list(range(len(kinds)))
    splits = split(order)
    for kind in set(kinds):
        assert len({code for code, one in zip(splits.tolist(), kinds, strict=True) if one == kind}) == 1
    shuffle.shuffle(order)
    np.testing.assert_array_equal(split(order), splits[order])


def test_a_stable_split_is_the_same_in_any_company():
    hashes = texts(20_000)
    all_of_them = stable_splits(order_keys(hashes, 42))
    np.testing.assert_array_equal(stable_splits(order_keys(hashes[::7], 42)), all_of_them[::7])
    shares = np.bincount(all_of_them) / len(hashes)
    np.testing.assert_allclose(shares, (0.70, 0.15, 0.15), atol=4 * 0.0033)  # four standard deviations
    other = stable_splits(order_keys(hashes, 43))
    assert np.mean(other == all_of_them) == pytest.approx(0.7**2 + 2 * 0.15**2, abs=0.02)  # as if drawn anew


def test_ranks_are_an_order_and_ids_decide_between_equal_texts():
    hashes, ids = texts(50)[np.arange(50) // 2], texts(50, 1)
    ranks = shuffled(order_keys(hashes, 1), ids)
    assert sorted(ranks.tolist()) == list(range(50))
    again = np.random.default_rng(2).permutation(50)
    np.testing.assert_array_equal(shuffled(order_keys(hashes[again], 1), ids[again]), ranks[again])
    assert abs(np.corrcoef(ranks, np.arange(50))[0, 1]) < 0.5
