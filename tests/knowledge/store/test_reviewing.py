"""A person agrees to another's word, and only a reviewer lets it prevail over a source's data."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge import Item, KnowledgeBase
from yukawa.knowledge.sources.loader import pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement


@pytest.fixture
def data(base: KnowledgeBase, pdg_statements: list[Statement]) -> Item:
    (item,) = base.teach_many(pdg_items([s for s in pdg_statements if s.id == "pdg:S043M"]))
    return item


def test_a_reviewed_item_is_trusted_more_until_it_changes(base: KnowledgeBase) -> None:
    item = base.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", author="Li")
    for actor in ("", "unknown", "Li"):
        with pytest.raises(InputError, match="cannot review"):
            base.review(item.id, actor=actor)
    assert base.review(item.id, actor="Marie", reason="checked").trust == "reviewed"
    (found,) = base.find_facts(subjects=["tau-"], property="mass")
    assert found.trust == "reviewed"
    assert [event.verb for event in base.history(item.id)[1]] == ["teach", "review"]
    assert base.verify().clean
    assert base.update(item.id, "The mass of the tau is 1776.8 ± 0.1 MeV.").trust == "taught"


def test_a_correction_beyond_three_sigma_of_data_is_a_conflict_that_its_author_cannot_settle(
    base: KnowledgeBase, data: Item
) -> None:
    assert data.trust == "built source"
    base.keep_answer("a1", "What is the mass of the W?", {"text": "80.37 GeV", "sources": [{"id": data.id}]})
    wrong = base.teach("The mass of the W boson is 08.3625 GeV.", corrects="a1", author="Li")
    (conflict,) = wrong.conflicts
    assert set(conflict.item_ids) == {data.id, wrong.id}
    with pytest.raises(InputError, match="Li cannot review"):
        base.resolve(conflict.id, keep=wrong.id, actor="Li")
    assert base.show(data.id).current
    base.resolve(conflict.id, keep=data.id, actor="Li")
    assert not base.show(wrong.id).current
    assert base.conflicts() == []


def test_a_reviewer_can_let_a_persons_word_prevail(base: KnowledgeBase, data: Item) -> None:
    right = base.teach("The mass of the W boson is 81.3625 ± 0.001 GeV.", author="Li")
    (conflict,) = right.conflicts
    base.resolve(conflict.id, keep=right.id, actor="Marie", reason="new measurement")
    assert not base.show(data.id).current
    assert base.verify().clean


def test_a_sources_data_are_not_for_people_to_change_or_review(base: KnowledgeBase, data: Item) -> None:
    with pytest.raises(InputError, match="what Particle Data Group states"):
        base.update(data.id, "The mass of the W boson is 85 GeV.", author="Li")
    with pytest.raises(InputError, match="nothing to review"):
        base.review(data.id, actor="Marie")
    with pytest.raises(NotFound):
        base.review("kx", actor="Marie")
    with pytest.raises(NotFound, match="no open conflict"):
        base.resolve(99)
