"""A base serves with one embedder, and changes to another without a gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError, ModelError, StoreError
from yukawa.embedding.base import HashEmbedder
from yukawa.knowledge import KnowledgeBase, new_item
from yukawa.knowledge.search import serving
from yukawa.knowledge.search.serving import Serving, serving_row
from yukawa.knowledge.store import schema


def test_a_base_keeps_the_embedder_it_began_with(url: str) -> None:
    with KnowledgeBase.open(url, embedding="hash") as first:
        assert first.embedding == "hash"
    with KnowledgeBase.open(url, embedding="none") as second:
        assert second.embedding == "hash"


def test_groups_come_back_as_they_were(base: KnowledgeBase) -> None:
    serving = Serving(base.store)
    embedder_id, groups = serving.embedded([["a", "b"], [], ["c"]])
    assert [g.shape for g in groups] == [(2, 256), (0, 256), (1, 256)]
    with base.store.read() as connection:
        assert serving_row(connection, "x") == (embedder_id, "hash", 256)
        assert (serving.open(connection)[0].embed(["c"]) == groups[2]).all()


def test_all_is_opened_anew_after_a_change(
    base: KnowledgeBase, open_again: Callable[[], KnowledgeBase]
) -> None:
    serving = Serving(base.store)
    with base.store.read() as connection:
        first = serving.index(connection)
        assert serving.index(connection) is first
        embedder, index = serving.open(connection)
        assert embedder.name == "hash"
        assert index is first
    open_again().reindex("none")
    with base.store.read() as connection:
        assert serving.index(connection) is not first
        assert serving.open(connection)[0].name == "none"


def test_an_embedder_that_changed_its_vectors_is_not_used(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path, embedding="hash") as base, base.store.write() as connection:
        connection.execute(sa.update(schema.embedders).values(dimensions=99))
    with KnowledgeBase.open(tmp_path) as base:
        with pytest.raises(StoreError, match=r"have 99 dimensions.*gives 256.*reindex hash"):
            base.teach("Something.")
        assert base.reindex("hash") is True
        assert base.teach("Something.").status == "taught"
        assert base.verify().clean


def test_a_base_without_embedder_says_so(base: KnowledgeBase) -> None:
    with base.store.write() as connection:
        connection.execute(sa.delete(schema.embedders))
    with pytest.raises(StoreError, match="has no embedder"):
        base.teach("Something.")


TEXTS = [
    f"The {thing} was {done} in run{n}."
    for thing in ("magnet", "cavity")
    for done in ("moved", "cooled")
    for n in range(5)
]


class Slow(HashEmbedder):
    """Another embedder of other vectors, which does as it is told while it embeds."""

    name = "hash:other"
    dimensions = 256

    def __init__(self, meanwhile: Callable[[int], None] = lambda call: None) -> None:
        self.calls = 0
        self.texts: list[str] = []
        self._meanwhile = meanwhile

    def embed(self, texts: Sequence[str], **_: object) -> np.ndarray:
        self.calls += 1
        self._meanwhile(self.calls)
        self.texts += texts
        return super().embed([text[::-1] for text in texts])


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_BATCH", 6)


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Slow], Slow]:
    """Makes an embedder known under its name."""

    def known(embedder: Slow) -> Slow:
        real = serving.open_embedder
        monkeypatch.setattr(
            serving, "open_embedder", lambda spec: embedder if spec == embedder.name else real(spec)
        )
        return embedder

    return known


def taught(base: KnowledgeBase) -> KnowledgeBase:
    base.teach_many([new_item(text, author="A") for text in TEXTS])
    return base


def scores(base: KnowledgeBase) -> list[tuple[str, float]]:
    return [(h.text, round(h.similarity, 3)) for h in base.search("which magnet was moved in run3?", k=20)]


def rows(base: KnowledgeBase) -> tuple[list[tuple[str, bool]], int]:
    with base.store.read() as connection:
        embedders = connection.execute(sa.select(schema.embedders.c.name, schema.embedders.c.serving)).all()
        vectors = connection.execute(sa.select(sa.func.count()).select_from(schema.vectors)).scalar_one()
    return [(r.name, r.serving) for r in embedders], vectors


def test_there_and_back_again_gives_the_same_answers(base: KnowledgeBase, small_batches: None) -> None:
    before = scores(taught(base))
    seen: list[tuple[int, int]] = []
    assert base.reindex("none", actor="B") is True
    assert base.embedding == "none"
    assert rows(base) == ([("none", True)], 0)
    assert {score for _, score in scores(base)} == {0.0}
    assert base.verify().clean
    assert base.reindex("hash", progress=lambda done, total: seen.append((done, total))) is True
    assert scores(base) == before
    assert rows(base) == ([("hash", True)], 20)
    assert seen == [(6, 20), (12, 20), (18, 20), (20, 20)]
    assert base.verify().clean
    item = base.teach("Something taught afterwards.")
    assert base.search("something taught afterwards")[0].item_id == item.id


def test_what_serves_and_is_whole_is_left_alone(base: KnowledgeBase) -> None:
    taught(base)
    assert base.reindex("hash") is False
    assert base.verify().events == 20


def test_the_ledger_tells_of_it(base: KnowledgeBase) -> None:
    taught(base)
    base.reindex("none", actor="Marie")
    with base.store.read() as connection:
        last = (
            connection.execute(sa.select(schema.events).order_by(schema.events.c.seq.desc()))
            .mappings()
            .first()
        )
    assert last is not None
    assert (last["verb"], last["item_id"], last["actor"], last["reason"]) == (
        "reindex",
        None,
        "Marie",
        "embedder none",
    )


def test_the_old_vectors_serve_until_the_new_are_whole(
    base: KnowledgeBase,
    open_again: Callable[[], KnowledgeBase],
    offer: Callable[[Slow], Slow],
    small_batches: None,
) -> None:
    before = scores(taught(base))
    other, during = open_again(), []

    def meanwhile(call: int) -> None:
        if call <= 4:  # later calls are those of searches
            during.append(scores(other))

    offer(Slow(meanwhile))
    base.reindex("hash:other")
    assert len(during) == 4
    assert all(found == before for found in during)
    after = scores(base)
    assert after != before
    assert scores(other) == after
    assert base.verify().clean
    assert other.verify().clean


def test_what_is_taught_and_erased_meanwhile_is_right_at_the_end(
    base: KnowledgeBase,
    open_again: Callable[[], KnowledgeBase],
    offer: Callable[[Slow], Slow],
    small_batches: None,
) -> None:
    taught(base)
    other = open_again()
    last = other.search(TEXTS[-1])[0].item_id

    def meanwhile(call: int) -> None:
        if call == 2:
            other.teach("A thing taught during the change.")
            other.update(other.search(TEXTS[0])[0].item_id, "A thing updated during the change.")
        if call == 4:
            other.purge(last)

    offer(Slow(meanwhile))
    base.reindex("hash:other")
    assert base.verify().problems == ()
    assert rows(base) == ([("hash:other", True)], 21)
    for kb in (base, other):
        assert kb.search("A thing taught during the change")[0].text == "A thing taught during the change."
        assert kb.search("A thing updated during the change")[0].text == "A thing updated during the change."
    # The other one opened its embedder before the change; what it teaches now has vectors of the new one.
    other.teach("A thing taught after the change.")
    other.update(other.search(TEXTS[1])[0].item_id, "A thing updated after the change.")
    assert base.verify().problems == ()
    (hit,) = [h for h in base.search("A thing taught after the change.") if "taught after" in h.text]
    assert hit.similarity > 0.99


def test_a_change_between_embedding_and_writing_is_noticed(
    base: KnowledgeBase, open_again: Callable[[], KnowledgeBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = taught(base).search(TEXTS[0])[0].item_id
    other, real, calls = open_again(), HashEmbedder.embed, []

    def embed(self: HashEmbedder, texts: Sequence[str], **more: object) -> np.ndarray:
        if not calls:
            calls.append(1)
            other.reindex("none")
        return real(self, texts)

    monkeypatch.setattr(HashEmbedder, "embed", embed)
    base.teach("Embedded for an embedder that is gone.")
    assert base.verify().problems == ()
    other.reindex("hash")
    calls.clear()
    base.update(item, "Updated for an embedder that is gone.")
    assert base.verify().problems == ()
    assert base.embedding == "none"


def test_a_failing_embedder_changes_nothing_and_is_continued(
    base: KnowledgeBase, offer: Callable[[Slow], Slow], small_batches: None
) -> None:
    before = scores(taught(base))

    def fail(call: int) -> None:
        if call == 3:
            raise ModelError("the service is away")

    failing = offer(Slow(fail))
    with pytest.raises(ModelError):
        base.reindex("hash:other")
    assert base.embedding == "hash"
    assert scores(base) == before
    assert base.verify().clean
    assert len(failing.texts) == 12
    base.teach("Taught between the two runs.")

    second = offer(Slow())
    assert base.reindex("hash:other") is True
    assert len(second.texts) == 9
    assert not set(second.texts) & set(failing.texts)
    assert rows(base) == ([("hash:other", True)], 21)
    assert base.verify().clean


def test_lost_vectors_are_made_again(base: KnowledgeBase, open_again: Callable[[], KnowledgeBase]) -> None:
    before = scores(taught(base))
    other = open_again()
    with base.store.write() as connection:
        connection.execute(sa.delete(schema.vectors).where(schema.vectors.c.passage_id > 5))
    assert len([p for p in base.verify().problems if "has no vector" in p]) == 15
    assert base.reindex("hash") is True
    for kb in (base, other, open_again()):
        assert kb.verify().clean
        assert scores(kb) == before


def test_data_are_embedded_by_what_they_mean(base: KnowledgeBase, offer: Callable[[Slow], Slow]) -> None:
    meant = {"meaning": "mass of the tau"}
    base.build(
        [new_item("tau: 1776.93 (MeV)", kind="data", attributes=meant, item_id="pdg:x")], actor="source"
    )
    base.teach("1777 MeV", question="What is the mass?", attributes=meant)
    embedder = offer(Slow())
    base.reindex("hash:other")
    assert embedder.texts == ["mass of the tau", "What is the mass? 1777 MeV"]


def test_an_unknown_embedder_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="unknown embedder"):
        taught(base).reindex("hesh")
    assert base.embedding == "hash"


def test_texts_are_embedded_as_those_of_passages(base: KnowledgeBase) -> None:
    made, wanted = base.embed(["one text", "another"]), HashEmbedder().embed(["one text", "another"])
    assert made.tolist() == wanted.tolist()


def test_an_embedder_that_forgets_a_text_is_not_taken_into_service(
    base: KnowledgeBase, offer: Callable[[Slow], Slow], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scores(taught(base))
    forgetful = offer(Slow())
    monkeypatch.setattr(Slow, "embed", lambda self, texts, **_: HashEmbedder.embed(self, texts[1:]))
    with pytest.raises(ValueError, match="shorter"):
        base.reindex(forgetful.name)
    assert base.embedding == "hash"
    assert scores(base) == before
    assert base.verify().clean
