"""A reviewer agrees to another's word, and without one nothing is settled against a source's data, which stay in any case."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge import Item, KnowledgeBase
from yukawa.knowledge.sources.loader import pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.store import schema

FALSE = "The mass of the W boson is 85 GeV."


@pytest.fixture
def data(base: KnowledgeBase, pdg_statements: list[Statement]) -> Item:
    (item,) = base.build(pdg_items([s for s in pdg_statements if s.id == "pdg:S043M"]), actor="source")
    return item


def test_a_reviewed_item_is_trusted_more_until_it_changes(base: KnowledgeBase) -> None:
    item = base.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", author="Li")
    for actor in ("", "unknown", "Li", "Wu"):
        with pytest.raises(InputError, match="cannot review"):
            base.review(item.id, actor=actor)
    assert base.review(item.id, actor="Marie", reason="checked").trust == "reviewed"
    (found,) = base.find_facts(subjects=["tau-"], property="mass")
    assert found.trust == "reviewed"
    assert base.search("mass of the tau")[0].trust == "reviewed"
    assert [event.verb for event in base.history(item.id)[1]] == ["teach", "review"]
    assert base.verify().clean
    assert base.update(item.id, "The mass of the tau is 1776.8 ± 0.1 MeV.").trust == "taught"


def test_a_past_moment_has_the_trust_of_that_moment(base: KnowledgeBase) -> None:
    item = base.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", author="Li")
    base.review(item.id, actor="Marie")
    base.review(item.id, actor="Chen", agree=False)
    moments = [event.time for event in base.history(item.id)[1]]
    for then, trust in zip([*moments, None], ["taught", "reviewed", "taught", "taught"], strict=True):
        (found,) = base.find_facts(subjects=["tau-"], property="mass", as_of=then)
        (hit,) = base.search("mass of the tau", as_of=then)
        (listed,) = base.list(as_of=then)
        assert {found.trust, hit.trust, listed.trust, base.show(item.id, as_of=then).trust} == {trust}


def test_a_reviewer_is_not_reviewed_by_herself_under_another_name(base: KnowledgeBase) -> None:
    for author in ("Marie", "Particle Data Group"):
        item = base.teach(f"The ring of {author} is cold.", author=author, actor="Marie")
        with pytest.raises(InputError, match="wrote it"):
            base.review(item.id, actor="Marie")
        assert base.review(item.id, actor="Chen").trust == "reviewed"


def test_a_review_can_be_taken_back_and_opens_what_it_had_settled(base: KnowledgeBase, data: Item) -> None:
    item = base.teach(FALSE, author="Li")
    (conflict,) = item.conflicts
    base.review(item.id, actor="Marie")
    base.resolve(conflict.id, keep=item.id, actor="Chen")
    assert base.conflicts() == []
    with pytest.raises(InputError, match="cannot take back"):
        base.review(item.id, actor="Li", agree=False)
    taken = base.review(item.id, actor="Chen", agree=False, reason="a slip")
    assert (taken.trust, taken.status) == ("taught", "review retracted")
    assert [set(c.item_ids) for c in base.conflicts()] == [{data.id, item.id}]
    with pytest.raises(InputError, match="not reviewed"):
        base.review(item.id, actor="Marie", agree=False)
    assert base.review(item.id, actor="Marie").trust == "reviewed"
    assert base.verify().clean


@pytest.mark.slow_but("sqlite")
@pytest.mark.parametrize("actor", ["Li", "Another Name", "", "Particle Data Group", "Marie", "Chen"])
def test_no_resolve_lets_what_is_not_reviewed_prevail(base: KnowledgeBase, data: Item, actor: str) -> None:
    wrong = base.teach(FALSE, author="Li")
    (conflict,) = wrong.conflicts
    with pytest.raises(InputError, match=r"cannot let item|not reviewed|cannot prevail"):
        base.resolve(conflict.id, keep=wrong.id, actor=actor)
    if actor not in ("Marie", "Chen"):
        with pytest.raises(InputError, match="cannot keep both sides"):
            base.resolve(conflict.id, actor=actor)
    assert base.conflicts() == [conflict]
    assert base.show(data.id).current
    base.resolve(conflict.id, keep=data.id, actor=actor)  # anybody may give way
    assert not base.show(wrong.id).current
    assert base.verify().clean


def test_a_correction_is_held_against_the_data_it_corrects(base: KnowledgeBase, data: Item) -> None:
    assert data.trust == "built source"
    base.keep_answer("a1", "What is the mass of the W?", {"text": "80.37 GeV", "sources": [{"id": data.id}]})
    wrong = base.teach("The mass of the W boson is 08.3625 GeV.", corrects="a1", author="Li")
    (conflict,) = wrong.conflicts
    assert set(conflict.item_ids) == {data.id, wrong.id}


def test_a_source_goes_on_stating_what_it_states(base: KnowledgeBase, data: Item) -> None:
    right = base.teach("The mass of the W boson is 81.3625 ± 0.001 GeV.", author="Li")
    (conflict,) = right.conflicts
    base.review(right.id, actor="Marie", reason="new measurement")
    base.resolve(conflict.id, keep=right.id, actor="Marie")
    assert base.show(data.id).current
    assert base.show(right.id).current
    assert base.conflicts() == []
    assert base.verify().clean


def test_a_reviewed_item_gives_way_to_reviewers_alone(base: KnowledgeBase) -> None:
    right = base.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", author="Li")
    base.review(right.id, actor="Marie")
    wrong = base.teach("The mass of the tau is 1790 ± 0.1 MeV.", author="Wu")
    (conflict,) = wrong.conflicts
    assert f"--keep {right.id}" in conflict.way_out
    for keep in (wrong.id, None):
        with pytest.raises(InputError, match=r"cannot (let|keep)"):
            base.resolve(conflict.id, keep=keep, actor="Wu")
    base.resolve(conflict.id, keep=right.id, actor="Wu")
    assert not base.show(wrong.id).current


def test_anybody_settles_what_nobody_reviewed_and_gives_way_to_data(base: KnowledgeBase, data: Item) -> None:
    base.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", author="Li")
    nameless = base.teach("The mass of the tau is 1790 ± 0.1 MeV.")
    (conflict,) = nameless.conflicts
    base.resolve(conflict.id, keep=nameless.id, actor="Wu")
    reviewed = base.review(base.teach(FALSE, author="Li").id, actor="Marie")
    (conflict,) = reviewed.conflicts
    base.resolve(conflict.id, keep=data.id, actor="Wu")
    assert [item.current for item in map(base.show, (nameless.id, reviewed.id, data.id))] == [
        True,
        False,
        True,
    ]


def test_documents_may_hold_what_is_not_seen_and_statements_may_not(base: KnowledgeBase) -> None:
    hidden = "The ring\u200b is cold."
    with pytest.raises(InputError):
        base.teach(hidden)
    with pytest.raises(InputError):
        base.teach("It is cold.", question=hidden)
    assert base.teach(hidden, kind="document").current


@pytest.mark.parametrize(
    "field", ["text", "question", "author", "source", "url", "licence", "actor", "reason"]
)
def test_no_control_character_enters_by_any_door(base: KnowledgeBase, field: str) -> None:
    for number, bad in enumerate(("a\x1b[2Jb", "a\x00b", "a\x9bb", "a\u2028b", "a\u202eb")):
        given = {"text": "The ring is cold.", field: f"The ring is cold: {bad}"}
        first = base.teach(f"Hall {number} is old.", author="Li")
        doors: list[Callable[[], object]] = [lambda given=given: base.teach(**given)]
        if field != "licence":
            changed = {k: v for k, v in given.items() if k != "actor"}
            doors.append(lambda first=first, changed=changed: base.update(first.id, **changed))
        if field in ("actor", "reason"):
            said = {field: given[field]}
            doors.append(lambda first=first, said=said: base.unload(first.id, **said))
            doors.append(lambda first=first, said=said: base.purge(first.id, **said))
        for door in doors:
            with suppress(InputError):
                door()
    with base.store.read() as connection:
        said = [row for t in schema.metadata.sorted_tables for row in connection.execute(sa.select(t))]
    hidden = re.compile("[\x00\x1b\x9b\u2028\u202e]")
    assert not [v for row in said for v in row if isinstance(v, str) and hidden.search(v)]
    assert base.verify().clean


def test_a_correction_hides_no_reviewed_item(base: KnowledgeBase) -> None:
    right = base.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", author="Li")
    base.keep_answer("a1", "What is the mass of the tau?", {"text": "", "sources": [{"id": right.id}]})
    assert base.teach("The mass of the tau is 1790 ± 1 MeV.", corrects="a1", author="Wu").conflicts == ()
    base.review(right.id, actor="Marie")
    assert base.teach("The mass of the tau is 1795 ± 1 MeV.", corrects="a1", author="Wu").conflicts != ()
    base.update(right.id, "The mass of the tau is 1776.8 ± 0.1 MeV.")  # which nobody has reviewed
    later = base.teach("The mass of the tau is 1799 ± 1 MeV.", corrects="a1", author="Wu")
    assert right.id not in {item_id for conflict in later.conflicts for item_id in conflict.item_ids}


def test_a_sources_data_are_not_for_people_to_change_or_remove(base: KnowledgeBase, data: Item) -> None:
    with pytest.raises(InputError, match="what Particle Data Group states"):
        base.update(data.id, FALSE, author="Li")
    with pytest.raises(InputError, match="nothing to review"):
        base.review(data.id, actor="Marie")
    for remove in (base.unload, base.purge):
        with pytest.raises(InputError, match="cannot remove"):
            remove(data.id, actor="Li")
    assert base.unload(data.id, actor="Marie").status == "unloaded"
    with pytest.raises(NotFound):
        base.review("kx", actor="Marie")
    with pytest.raises(NotFound, match="no open conflict"):
        base.resolve(99)
