"""The pool: documents come back as they were, and which of equal ones is kept never depends on their order."""

from __future__ import annotations

import datetime
import errno
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import StoreError
from yukawa.data.ngrams import normalise
from yukawa.data.rows import Document
from yukawa.data.spool import DocumentSpool, distinct, letters_digest

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


@settings(max_examples=30)
@given(documents=st.lists(DOCUMENT, max_size=8), data=st.data())
def test_documents_come_back_in_any_order_between_additions(tmp_path_factory, documents, data: st.DataObject):
    with filled(tmp_path_factory.mktemp("pool"), documents) as pool:
        assert list(pool) == list(pool) == documents
        places = data.draw(st.permutations(range(len(documents))))
        assert list(pool.read(places)) == [documents[place] for place in places]
        more = Document(id="z", text="More.", source="s")
        pool.add(more)
        assert list(pool) == [*documents, more]


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
    assert sum(1 for _ in pool) == len(pool) == 1000
    with pool:
        assert not list(tmp_path.iterdir())  # the file has no name


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pool = filled(tmp_path, [Document(id="1", text="x", source="s")])

    class Full:
        def __getattr__(self, name: str):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pool, "_file", Full())
    with pytest.raises(StoreError, match="the disk is full"):
        list(pool)
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
