"""The server ranks as the process does: both indexes give the same scores in the same order."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from yukawa.knowledge import Hit, KnowledgeBase, new_item
from yukawa.knowledge.search import postgres_index
from yukawa.knowledge.store.schema import Vector

_SUBJECTS = "J/psi|B_s^0|tau lepton|K_S^0|proton|Z boson|top quark|Lambda_b|D meson|muon|BEPCII ring|BESIII detector".split(
    "|"
)
_MATTERS = [
    "mass",
    "lifetime",
    "width",
    "magnetic moment",
    "trigger rate",
    "beam energy",
    "luminosity",
    "alignment",
]
_MANNERS = "was measured|is monitored|was simulated|changed slightly|was calibrated|drifts|is stable|was compared".split(
    "|"
)
_PLACES = "in Beijing|at CERN|during summer|with cosmic rays|by two groups|after the upgrade|in run 3|offline".split(
    "|"
)


def _statements(count: int) -> list[str]:
    generator = random.Random(1)
    texts = {
        f"The {generator.choice(_MATTERS)} of the {generator.choice(_SUBJECTS)} {generator.choice(_MANNERS)} "
        f"{generator.choice(_PLACES)} {'and again ' * generator.randrange(3)}{generator.choice(_PLACES)}."
        for _ in range(2 * count)
    }
    return sorted(texts)[:count]


@pytest.fixture(scope="module")
def twins(
    postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KnowledgeBase, KnowledgeBase]]:
    """Two bases, one on each database, taught the same, with some of it changed or unloaded again."""
    stored = Vector.process_bind_param

    def rounded(self: Vector, value: object, dialect: sa.Dialect) -> object:
        # An embedded base keeps half precision: with the same numbers in both, the ranking alone is compared.
        return stored(self, np.asarray(value, dtype=np.float16).astype(np.float32), dialect)

    texts = _statements(300)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(Vector, "process_bind_param", rounded)
        both = [
            stack.enter_context(KnowledgeBase.open(u, embedding="hash"))
            for u in (tmp_path_factory.mktemp("twin"), postgres())
        ]
        for base in both:
            base.teach_many(
                [new_item(t, author=f"a{i % 3}", item_id=f"item{i:04d}") for i, t in enumerate(texts[:250])]
            )
            for i in range(0, 50, 5):
                base.unload(f"item{i:04d}")
                base.update(f"item{i + 1:04d}", f"Corrected: {texts[i + 1]}")
            base.teach_many([new_item(t, item_id=f"late{i:04d}") for i, t in enumerate(texts[250:])])
        yield both[0], both[1]


def _questions() -> list[str]:
    generator = random.Random(2)
    return [
        f"{generator.choice(['What is the', 'how does the', ''])} {generator.choice(_MATTERS)} of {generator.choice(_SUBJECTS)}"
        f" {generator.choice(_PLACES)}"
        for _ in range(45)
    ] + ["mass", "J/ψ", "entirely unrelated words", "cosmic cosmic rays", "the of"]


def _assert_same(local: list[Hit], server: list[Hit]) -> None:
    assert len(local) == len(server) > 0
    for mine, theirs in zip(local, server, strict=True):
        for part in ("score", "similarity", "lexical"):
            assert getattr(mine, part) == pytest.approx(getattr(theirs, part), abs=1e-4)
    # The same order, but for passages that both hold to be equally good.
    scores = {h.item_id: h.score for h in local}
    for place, hit in enumerate(server):
        assert scores.get(hit.item_id, local[-1].score) == pytest.approx(local[place].score, abs=1e-5)


@pytest.mark.slow
def test_both_give_the_same_scores_in_the_same_order(twins: tuple[KnowledgeBase, KnowledgeBase]) -> None:
    for question in _questions():
        _assert_same(*(base.search(question, k=10) for base in twins))


def test_both_agree_under_filters_and_in_the_past(twins: tuple[KnowledgeBase, KnowledgeBase]) -> None:
    for question in _questions()[:10]:
        _assert_same(*(base.search(question, k=10, author="a1") for base in twins))
        _assert_same(*(
            base.search(question, k=10, as_of=base.history("item0000")[1][0].time) for base in twins
        ))  # fmt: skip


def test_both_agree_where_common_terms_are_left_out(
    twins: tuple[KnowledgeBase, KnowledgeBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    for budget in (1, 20, 100):
        monkeypatch.setattr("yukawa.knowledge.search.ranking.POSTINGS_BUDGET", budget)
        for question in _questions()[:10]:
            _assert_same(*(base.search(question, k=10) for base in twins))


def test_with_the_approximate_index_nothing_in_force_is_missed(
    twins: tuple[KnowledgeBase, KnowledgeBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    local, server = twins
    monkeypatch.setattr(postgres_index, "EXACT_UP_TO", 100)
    server.save_index()
    with server.store.read() as connection:
        names = connection.exec_driver_sql(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'vectors' AND indexdef LIKE '%%hnsw%%'"
        ).scalars()
        assert len(list(names)) == 1
    found = [(local.search(q, k=10), server.search(q, k=10)) for q in _questions()]
    same = sum(len({h.item_id for h in a} & {h.item_id for h in b}) for a, b in found)
    assert same / sum(len(a) for a, _ in found) >= 0.98
    # A filter that few passages pass is answered in full all the same.
    assert len(server.search("mass", k=20, author="a1")) == 20


def test_damage_to_what_is_derived_is_reported(postgres: Callable[[], str]) -> None:
    with KnowledgeBase.open(postgres(), embedding="hash") as base:
        for text in ("The ring is cold.", "The ring is warm today.", "The beam is on."):
            base.teach(text)
        index = postgres_index.ServerIndex(1, 256)
        with base.store.read() as connection:
            assert index.problems(connection) == []
        with base.store.write() as connection:
            connection.exec_driver_sql("UPDATE postings SET frequency = 7 WHERE term = 'cold'")
            connection.exec_driver_sql("UPDATE meta SET value = '5' WHERE key = 'passage_count'")
        with base.store.read() as connection:
            problems = index.problems(connection)
        assert len(problems) == 2
        assert "postings of 1 passages" in problems[0]
        assert "totals" in problems[1]


def test_an_empty_base_finds_nothing(postgres: Callable[[], str]) -> None:
    with KnowledgeBase.open(postgres(), embedding="none") as base:
        assert base.search("anything") == []
        base.teach("The ring is cold.")
        assert [h.similarity for h in base.search("cold ring")] == [0.0]


def test_the_order_of_equals_is_that_of_teaching(tmp_path: Path, postgres: Callable[[], str]) -> None:
    for url in (tmp_path / "base", postgres()):
        with KnowledgeBase.open(url, embedding="hash") as base:
            ids = [
                base.build([new_item("The ring is cold.", kind="data", item_id=f"x:{i}")], actor="source")[
                    0
                ].id
                for i in range(8)
            ]
            assert [h.item_id for h in base.search("cold ring", k=4)] == ids[:4]
