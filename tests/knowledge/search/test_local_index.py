"""The index of an embedded base gives what a plain reference gives, and stays in step with the ledger."""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.parsing import read
from yukawa.knowledge.search import local_index
from yukawa.knowledge.search.local_index import LocalIndex, Nearest, largest
from yukawa.knowledge.search.ranking import K1, VECTOR_WEIGHT, B, Query, term_weight
from yukawa.knowledge.store import schema

COUNT, DIMENSIONS = 30_000, 32
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def clustered() -> tuple[Floats, Floats]:
    """Vectors in 300 loose clusters, and questions that lie off the clusters, as questions do off passages."""
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(300, DIMENSIONS))
    own = centres[generator.integers(300, size=COUNT)]
    vectors = unit(own + 0.7 * generator.normal(size=(COUNT, DIMENSIONS)))
    asked = vectors[:200] + generator.normal(size=(200, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    return vectors, unit(asked)


@pytest.fixture(scope="module")
def approximate(clustered: tuple[Floats, Floats]) -> Nearest:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_index, "EXACT_UP_TO", 1000)
        index = Nearest()
        index.cover(clustered[0])
    return index


def test_vectors_of_no_length_need_no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_index, "EXACT_UP_TO", 1000)
    for length, many in ((0, 2000), (4, 1000), (4, 2000), (1, 2000)):
        index = Nearest()
        index.cover(np.random.default_rng(1).normal(size=(many, length)).astype(np.float32))
        assert bool(index.arrays()) == (length > 0 and many > 1000), (length, many)


def exact(vectors: Floats, query: Floats, valid: Mask, k: int) -> set[int]:
    scores = np.where(valid, vectors @ query, -np.inf)
    return set(np.argsort(-scores)[: min(k, int(valid.sum()))].tolist())


def test_recall_at_10_is_at_least_98_percent(
    clustered: tuple[Floats, Floats], approximate: Nearest, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, asked = clustered
    everywhere = np.ones(COUNT, dtype=bool)
    # The law is about the index: the product over all rows, which finds everything, must not step in.
    monkeypatch.setattr(local_index, "largest", lambda *_: pytest.fail("searched exactly"))
    found = [approximate.search(vectors, q, everywhere, 100, frozen=True) for q in asked]
    hit = [
        len(exact(vectors, q, everywhere, 10) & set(f.tolist())) for q, f in zip(asked, found, strict=True)
    ]
    assert np.mean(hit) / 10 >= 0.98
    assert all(len(f) == len(set(f.tolist())) == 100 for f in found)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("share", [0.99, 0.5, 0.1, 0.001, 0.0])
def test_rows_not_valid_are_never_returned(
    clustered: tuple[Floats, Floats], approximate: Nearest, share: float, frozen: bool
) -> None:
    vectors, asked = clustered
    valid = np.random.default_rng(5).random(COUNT) < share
    for query in asked[:10]:
        rows = approximate.search(vectors, query, valid, 20, frozen=frozen)
        assert valid[rows].all()
        assert len(rows) == len(set(rows.tolist())) == min(20, int(valid.sum()))


def test_few_valid_rows_are_all_found(clustered: tuple[Floats, Floats], approximate: Nearest) -> None:
    vectors, asked = clustered
    few = np.zeros(COUNT, dtype=bool)
    few[[5, 17_000, COUNT - 1]] = True
    for query in asked[:5]:
        rows = approximate.search(vectors, query, few, 10, frozen=True)
        assert sorted(rows.tolist()) == [5, 17_000, COUNT - 1]


def test_the_nearest_rows_hidden_the_next_ones_are_found(
    clustered: tuple[Floats, Floats], approximate: Nearest
) -> None:
    """The index offers hidden rows first; what lies behind them must still come."""
    vectors, asked = clustered
    query = asked[0]
    valid = np.ones(COUNT, dtype=bool)
    valid[list(exact(vectors, query, valid, 5000))] = False
    rows = approximate.search(vectors, query, valid, 10, frozen=True)
    assert set(rows.tolist()) == exact(vectors, query, valid, 10)


@given(st.integers(0, 60), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_product_finds_the_exact_best(count: int, k: int, share: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors, query = generator.normal(size=(count, 4)).astype(np.float32), np.float32([1, -1, 0.5, 2])
    valid = generator.random(count) < share
    rows = Nearest().search(vectors, query, valid, k, frozen=True)
    assert set(rows.tolist()) == exact(vectors, query, valid, k)


@given(st.lists(st.floats(-1e3, 1e3, width=32), max_size=30), st.integers(0, 40))
def test_largest_takes_the_largest(values: list[float], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    assert sorted(scores[largest(scores, k)].tolist()) == sorted(values)[max(len(values) - k, 0) :]


def test_what_is_saved_is_loaded(clustered: tuple[Floats, Floats], approximate: Nearest) -> None:
    vectors, asked = clustered
    everywhere = np.ones(COUNT, dtype=bool)
    loaded = Nearest()
    loaded.load(approximate.arrays(), COUNT)
    for query in asked[:20]:
        mine, again = (n.search(vectors, query, everywhere, 50, frozen=True) for n in (approximate, loaded))
        assert mine.tolist() == again.tolist()


@pytest.mark.parametrize("fault", ["none there", "of other vectors"])
def test_an_index_that_does_not_match_is_not_used(
    fault: str, clustered: tuple[Floats, Floats], approximate: Nearest
) -> None:
    vectors, asked = clustered
    rows = vectors[: COUNT - 1] if fault == "of other vectors" else vectors
    loaded = Nearest()
    loaded.load({} if fault == "none there" else approximate.arrays(), len(rows))
    everywhere = np.ones(len(rows), dtype=bool)
    for query in asked[:10]:
        found = loaded.search(rows, query, everywhere, 30, frozen=True)
        assert set(found.tolist()) == exact(rows, query, everywhere, 30)


@pytest.mark.slow
def test_a_grown_base_continues_its_index_and_a_doubled_one_makes_a_new_one(
    clustered: tuple[Floats, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, asked = clustered
    monkeypatch.setattr(local_index, "EXACT_UP_TO", 1000)
    trained: list[int] = []
    train = local_index._trained

    def counted(rows: Floats) -> object:
        trained.append(len(rows))
        return train(rows)

    monkeypatch.setattr(local_index, "_trained", counted)
    index = Nearest()
    for count in (10_000, 10_000, 20_000, 30_000):
        index.cover(vectors[:count])
        everywhere = np.ones(count, dtype=bool)
        for query in asked[:20]:
            found = set(index.search(vectors[:count], query, everywhere, 100, frozen=True).tolist())
            assert len(exact(vectors[:count], query, everywhere, 10) & found) >= 8
    assert trained == [10_000]
    index.cover(vectors[:9_000])  # fewer than it holds: these are not the rows it has
    assert trained == [10_000, 9_000]
    index.cover(vectors)
    assert trained == [10_000, 9_000, 30_000]


def test_a_segment_that_is_not_frozen_is_searched_exactly(
    clustered: tuple[Floats, Floats], approximate: Nearest
) -> None:
    vectors, asked = clustered
    everywhere = np.ones(COUNT, dtype=bool)
    for query in asked[:10]:
        rows = approximate.search(vectors, query, everywhere, 100, frozen=False)
        assert set(rows.tolist()) == exact(vectors, query, everywhere, 100)


def test_without_faiss_everything_is_exact(
    clustered: tuple[Floats, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, asked = clustered
    monkeypatch.setattr(local_index, "EXACT_UP_TO", 1000)
    monkeypatch.setattr(local_index.importlib.util, "find_spec", lambda _: None)
    index = Nearest()
    index.cover(vectors)
    assert index.arrays() == {}
    everywhere = np.ones(COUNT, dtype=bool)
    rows = index.search(vectors, asked[0], everywhere, 100, frozen=True)
    assert set(rows.tolist()) == exact(vectors, asked[0], everywhere, 100)


SUBJECTS = ["beam monitor", "drift chamber", "tau lepton", "J/psi", "cavity", "quench detector", "muon"]
PROPERTIES = ["mass", "voltage", "lifetime", "gain", "alignment", "width"]


def sentence(number: int) -> str:
    subject = SUBJECTS[number % len(SUBJECTS)]
    return f"The {PROPERTIES[number % len(PROPERTIES)]} of {subject} number {number} is stated in logbook {number // 3}."


QUESTIONS = ["mass of the tau lepton", "beam monitor voltage 12", "logbook 4", "nothing of the kind"]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "empty"
    KnowledgeBase.open(folder, embedding="hash").close()
    return folder


def copy_of(folder: Path) -> Path:
    made = folder.with_name(f"copy{next(_numbers)}")
    shutil.copytree(folder, made)
    return made


_numbers = itertools.count()


def answers(base: KnowledgeBase, k: int = 8) -> list[list[tuple[str, int, float]]]:
    found = [base.search(question, k=k) for question in QUESTIONS]
    return [[(h.item_id, h.passage_id, pytest.approx(h.score, abs=1e-5)) for h in hits] for hits in found]


def index_of(base: KnowledgeBase, connection: sa.Connection) -> LocalIndex:
    found = base._serving.index(connection)
    assert isinstance(found, LocalIndex)
    return found


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("teach"), st.integers(0, 60)),
        st.tuples(st.just("bulk"), st.integers(0, 60)),
        st.tuples(st.sampled_from(["update", "unload", "restore", "purge"]), st.integers(0, 20)),
        st.tuples(st.sampled_from(["search", "save", "open again"]), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_any_steps_the_index_is_as_one_built_afresh(
    empty: Path, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]]
) -> None:
    for name, small in {"TAIL_ROWS": 3, "MAX_SEGMENTS": 2, "SAVE_AFTER": 12, "_ROWS_AT_ONCE": 5}.items():
        monkeypatch.setattr(local_index, name, small)
    folder = copy_of(empty)
    base = KnowledgeBase.open(folder)
    ids: list[str] = []
    for verb, number in steps:
        if verb == "teach":
            ids.append(base.teach(sentence(number)).id)
        elif verb == "bulk":
            ids += [base.teach(sentence(n)).id for n in range(number, number + 9)]
        elif verb == "search":
            answers(base)
        elif verb == "save":
            base.save_index()
        elif verb == "open again":
            base.close()
            base = KnowledgeBase.open(folder)
        elif ids:
            change(base, verb, ids[number % len(ids)], number, ids)
    afresh = KnowledgeBase.open(folder)
    afresh._serving.forget()
    (folder / "knowledge.index").unlink(missing_ok=True)
    kept, made = answers(base), answers(afresh)
    base.close()
    afresh.close()
    shutil.rmtree(folder)
    assert kept == made


def change(base: KnowledgeBase, verb: str, item_id: str, number: int, ids: list[str]) -> None:
    """One change of an item, left out where it would rightly be refused."""
    if verb == "purge":
        base.purge(item_id)
        ids[:] = [i for i in ids if i != item_id]
    elif verb == "unload":
        base.unload(item_id)
    else:
        item = base.show(item_id)
        text = sentence(100 + number) if verb == "update" else item.text
        twin = any(i.text == text and i.id != item_id for i in base.list())
        if not twin and (verb == "restore" or item.current):
            base.update(item_id, text) if verb == "update" else base.restore(item_id)


@pytest.fixture(scope="module")
def full(empty: Path) -> Path:
    """Ninety items, taught in several ways and partly unloaded or changed; fewer than the candidates of a search."""
    folder = copy_of(empty)
    with KnowledgeBase.open(folder) as base:
        ids = [base.teach(sentence(n)).id for n in range(80)]
        for n in range(0, 80, 7):
            base.unload(ids[n])
        for n in range(1, 80, 7):
            base.update(ids[n], sentence(200 + n))
    return folder


@pytest.mark.parametrize("k", [1, 5, 40, 500])
@pytest.mark.parametrize("question", [*QUESTIONS, "quench detector gain of the cavity in logbook 12"])
def test_the_best_are_those_that_plain_sums_find(full: Path, question: str, k: int) -> None:
    with KnowledgeBase.open(full) as base:
        found = [(h.passage_id, h.score, h.similarity, h.lexical) for h in base.search(question, k=k)]
        expected = by_plain_sums(base, question)[:k]
    assert [f[1:] for f in found] == [pytest.approx(e[1:], abs=1e-5) for e in expected]
    # Passages of one score may be in any order of rounding; apart from them the order is one.
    apart = [
        i for i, e in enumerate(expected) if all(abs(e[1] - o[1]) > 1e-5 for o in expected if o is not e)
    ]
    assert [found[i][0] for i in apart[:-1]] == [expected[i][0] for i in apart[:-1]]


def by_plain_sums(base: KnowledgeBase, question: str) -> list[tuple[int, float, float, float]]:
    """(passage, score, cosine, relative BM25) of every passage in force, by the formulas and nothing else."""
    p, v, vec = schema.passages, schema.versions, schema.vectors
    with base.store.read() as connection:
        rows = connection.execute(
            sa.select(p.c.id, p.c.terms, v.c.valid_to, vec.c.vector).join_from(p, v).join(vec, vec.c.passage_id == p.c.id)
        ).all()  # fmt: skip
        asked = base._serving.open(connection)[0].embed([question])[0]
    counts = [Counter(r.terms.split()) for r in rows]
    mean = sum(c.total() for c in counts) / len(rows)
    terms = set(read(question).terms())
    weights = {t: term_weight(t, len(rows), sum(t in c for c in counts)) for t in terms}
    scored = []
    for row, count in zip(rows, counts, strict=True):
        if row.valid_to is not None:
            continue
        norm = K1 * (1 - B + B * count.total() / mean)
        lexical = sum(w * count[t] * (K1 + 1) / (count[t] + norm) for t, w in weights.items() if count[t])
        lexical /= (K1 + 1) * math.fsum(weights.values())
        cosine = float(np.dot(row.vector, asked))
        score = VECTOR_WEIGHT * cosine + (1 - VECTOR_WEIGHT) * lexical
        scored.append((row.id, score, cosine, lexical))
    return sorted(scored, key=lambda s: (-s[1], s[0]))


def test_a_moment_of_the_past_is_searched_as_it_stood(empty: Path) -> None:
    folder = copy_of(empty)
    choose = random.Random(7)
    stood: list[tuple[object, set[str]]] = []
    with KnowledgeBase.open(folder) as base:
        ids: list[str] = []
        for n in range(30):
            if n % 3 == 2:
                base.unload(choose.choice(ids))
            else:
                ids.append(base.teach(sentence(n)).id)
            moment = max(e.time for i in ids for e in base.history(i)[1])
            stood.append((moment, {i.id for i in base.list()}))
        for moment, expected in stood:
            hits = base.search("number stated in logbook", k=100, as_of=moment)
            assert {h.item_id for h in hits} == expected


def test_only_allowed_passages_are_found(full: Path) -> None:
    with KnowledgeBase.open(full) as base, base.store.read() as connection:
        allowed = np.array([3, 17, 50], dtype=np.int64)
        in_force = set(
            connection.execute(
                sa.select(schema.passages.c.id)
                .join(schema.versions)
                .where(schema.versions.c.valid_to.is_(None))
            ).scalars()
        )
        embedder, _ = base._serving.open(connection)
        query = Query(lambda: embedder.embed(["logbook"])[0], ("logbook",), None, allowed, 10)
        found = index_of(base, connection).search(connection, query)
        assert {s.passage_id for s in found} == {3, 17, 50} & in_force


def test_a_copy_made_of_another_ledger_is_not_used(empty: Path) -> None:
    mine, other = copy_of(empty), copy_of(empty)
    for folder, first in ((mine, 0), (other, 30)):
        with KnowledgeBase.open(folder) as base:
            for n in range(first, first + 20):
                base.teach(sentence(n))
            base.save_index()
    shutil.copy(other / "knowledge.index", mine / "knowledge.index")
    with KnowledgeBase.open(mine) as base:
        texts = {h.text for h in base.search("number stated in logbook", k=100)}
    assert texts == {sentence(n) for n in range(20)}


def test_the_copy_is_used_by_the_next_process(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of(full)
    with KnowledgeBase.open(folder) as base:
        base.save_index()
        expected = answers(base)
    monkeypatch.setattr(LocalIndex, "_rebuild", lambda *_: pytest.fail("built anew although a copy is there"))
    with KnowledgeBase.open(folder) as base:
        assert answers(base) == expected
        taught = base.teach("The copy knows nothing of this alignment sensor.")
        assert base.search("alignment sensor of the copy", k=1)[0].item_id == taught.id


def test_a_large_base_answers_through_its_approximate_index(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limit lowered FAISS is asked first, and what it leaves out the product finds: nothing may differ."""
    with KnowledgeBase.open(full) as base:
        expected = answers(base)
    monkeypatch.setattr(local_index, "EXACT_UP_TO", 50)
    folder = copy_of(full)
    with KnowledgeBase.open(folder) as base:
        base.save_index()
        assert b"faiss" in (folder / "knowledge.index").read_bytes()
        assert answers(base) == expected
    with KnowledgeBase.open(folder) as base:
        assert answers(base) == expected
        first = base.search(QUESTIONS[0], k=1)[0].item_id
        base.unload(first)
        assert all(h.item_id != first for h in base.search(QUESTIONS[0], k=100))


def test_without_terms_or_without_vectors_the_other_finds(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "none", embedding="none") as base:
        ids = [base.teach(sentence(n)).id for n in range(5)]
        assert base.search("cavity number 4", k=1)[0].item_id == ids[4]
    with KnowledgeBase.open(tmp_path / "hash", embedding="hash") as base:
        base.teach("of the")
        base.save_index()
        base.teach(sentence(1))
        assert {h.text for h in base.search("what is of the", k=5)} == {"of the", sentence(1)}


def test_the_folder_that_earlier_versions_kept_as_a_copy_is_replaced(full: Path) -> None:
    folder = copy_of(full)
    old = folder / "knowledge.index"
    old.unlink(missing_ok=True)
    old.mkdir()
    (old / "vocabulary.txt").write_text("logbook")
    with KnowledgeBase.open(folder) as base:
        expected = answers(base)
        base.save_index()
        assert old.is_file()
        assert answers(base) == expected


def test_each_change_of_another_process_is_seen_at_once(tmp_path: Path) -> None:
    question = "number of the ring"
    with KnowledgeBase.open(tmp_path, embedding="hash") as base, KnowledgeBase.open(tmp_path) as other:
        for number in range(30):
            base.teach(f"The ring has the number {number}.")
        first = base.search(question, k=7)
        assert other.search(question, k=7) == first
        new = other.teach("The number of the ring is the number of the ring.")
        assert base.search(question)[0].item_id == new.id
        other.unload(new.id)
        assert new.id not in {hit.item_id for hit in base.search(question, k=50)}
        other.reindex("none")
        assert {hit.similarity for hit in base.search(question)} == {0.0}
        assert base.search(question, author="nobody") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_searches_with_a_connection_of_its_own(full: Path) -> None:
    with KnowledgeBase.open(full) as base:
        expected = [hit.item_id for hit in base.search(QUESTIONS[0])]
        receiving, sending = multiprocessing.Pipe(duplex=False)

        def run() -> None:
            sending.send([hit.item_id for hit in base.search(QUESTIONS[0])])

        child = multiprocessing.get_context("fork").Process(target=run)
        child.start()
        child.join(30)
        assert receiving.recv() == expected
        assert [hit.item_id for hit in base.search(QUESTIONS[0])] == expected


def test_the_copy_is_renewed_when_enough_was_taught(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_index, "SAVE_AFTER", 3)
    monkeypatch.setattr(local_index, "SAVE_SHARE", 0.0)
    with KnowledgeBase.open(empty) as base:
        kept = empty / "knowledge.index"
        kept.unlink(missing_ok=True)
        for number, there in ((1, False), (2, False), (3, True)):
            base.teach(sentence(number))
            base.search("magnet")
            assert kept.exists() == there, number
