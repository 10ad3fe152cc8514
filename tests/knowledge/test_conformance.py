"""What a knowledge base promises, on each kind of database: taught is found, unloaded is not, nothing is lost."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from yukawa.core.errors import Changed, InputError, NotFound
from yukawa.knowledge import KnowledgeBase, new_item

OpenAgain = Callable[[], KnowledgeBase]


def _found(base: KnowledgeBase, query: str, **filters: object) -> list[str]:
    return [hit.item_id for hit in base.search(query, k=20, **filters)]  # type: ignore[arg-type]


# ---- teaching ---------------------------------------------------------------------------------------


def test_what_is_taught_is_found_at_once_with_its_provenance(base: KnowledgeBase) -> None:
    item = base.teach(
        "The BESIII endcap TOF resolution is 60 ps.",
        source="BESIII TDR",
        author="Li",
        url="https://example.org/tdr",
        licence="CC-BY-4.0",
    )
    assert (item.status, item.version, item.kind, item.current) == ("taught", 1, "statement", True)
    hit = base.search("endcap time resolution of BESIII")[0]
    assert (hit.item_id, hit.text, hit.version) == (item.id, item.text, 1)
    assert hit.provenance == item.provenance
    assert (hit.provenance.source, hit.provenance.author) == ("BESIII TDR", "Li")
    assert base.show(item.id).text == item.text


def test_each_new_passage_is_found_at_once(base: KnowledgeBase, open_again: OpenAgain) -> None:
    other = open_again()
    for number in range(12):
        item = base.teach(f"Sector {number} of the ring has serial code zq{number}x.")
        assert _found(base, f"zq{number}x")[0] == item.id
        assert _found(other, f"zq{number}x")[0] == item.id


def test_the_same_thing_taught_twice_is_one_item(base: KnowledgeBase, open_again: OpenAgain) -> None:
    first = base.teach("The ring is  cold.", source="a")
    assert first.status == "taught"
    for knowledge in (base, open_again()):
        again = knowledge.teach("The ring is cold. ", source="b")
        assert (again.id, again.status, again.provenance.source) == (first.id, "known", "a")
    assert len(base.list()) == 1
    assert len(base.history(first.id)[1]) == 1


def test_a_question_is_taught_with_its_answer(base: KnowledgeBase) -> None:
    item = base.teach("Twice a year, in May and October.", question="When does the collider pause?")
    assert item.kind == "qa"
    hit = base.search("when does the collider pause")[0]
    assert (hit.item_id, hit.question, hit.text) == (item.id, item.question, item.text)
    # The same words as an answer to another question are another item.
    assert base.teach("Twice a year, in May and October.", question="When are shifts drawn?").id != item.id


def test_a_document_is_found_by_each_of_its_parts(base: KnowledgeBase) -> None:
    text = "# Detector\n\n" + "\n\n".join(
        f"Chapter {n} treats widget w{n}q at length. " * 25 for n in range(5)
    )
    item = base.teach(text)
    assert item.kind == "document"
    for n in range(5):
        hit = base.search(f"widget w{n}q", k=1)[0]
        assert hit.item_id == item.id
        assert f"w{n}q" in hit.text
    base.unload(item.id)
    assert base.search("widget w3q") == []


def test_many_may_be_taught_twice(base: KnowledgeBase) -> None:
    new_items = [new_item(f"Magnet {n} has {n} turns.") for n in range(30)]
    first = base.teach_many([*new_items, new_items[0]], actor="Li", reason="survey")
    assert [i.status for i in first[:30]] == ["taught"] * 30
    assert first[30].id == first[0].id
    second = base.teach_many(new_items)
    assert [i.id for i in second] == [i.id for i in first[:30]]
    assert {i.status for i in second} == {"known"}
    events = base.history(first[3].id)[1]
    assert [(e.actor, e.reason, e.verb) for e in events] == [("Li", "survey", "teach")]
    assert len(base.list()) == 30


def test_a_draft_with_an_id_replaces_what_has_that_id(base: KnowledgeBase) -> None:
    base.build([new_item("The lumi is 5.", kind="data", item_id="run:1")], actor="source")
    (item,) = base.build([new_item("The lumi is 6.", kind="data", item_id="run:1")], actor="source")
    assert (item.status, item.version) == ("updated", 2)
    assert [h.text for h in base.search("lumi")] == ["The lumi is 6."]


# ---- changing ---------------------------------------------------------------------------------------


def test_every_change_shows_in_the_next_search_here_and_elsewhere(
    base: KnowledgeBase, open_again: OpenAgain
) -> None:
    other = open_again()
    item = base.teach("The kicker voltage is 20 kV.")
    assert _found(other, "kicker voltage") == [item.id]
    updated = base.update(item.id, "The kicker voltage is 25 kV.", reason="new supply")
    assert (updated.status, updated.version) == ("updated", 2)
    for knowledge in (base, other):
        assert [h.text for h in knowledge.search("kicker voltage")] == ["The kicker voltage is 25 kV."]
    assert base.unload(item.id, reason="obsolete").status == "unloaded"
    for knowledge in (base, other):
        assert knowledge.search("kicker voltage") == []
    assert other.restore(item.id).status == "restored"
    for knowledge in (base, other):
        assert [h.text for h in knowledge.search("kicker voltage")] == ["The kicker voltage is 25 kV."]
    assert base.update(item.id, "The kicker voltage is 25 kV.").status == "unchanged"
    verbs = [e.verb for e in base.history(item.id)[1]]
    assert verbs == ["teach", "update", "unload", "restore"]
    assert [v.text[-6:] for v in base.history(item.id)[0]] == ["20 kV.", "25 kV.", "25 kV."]


def test_what_is_purged_is_gone_everywhere(base: KnowledgeBase, open_again: OpenAgain) -> None:
    other = open_again()
    keep = base.teach("The kicker is blue.")
    item = base.teach("The kicker was bought from Acme.")
    assert set(_found(other, "kicker")) == {keep.id, item.id}
    base.purge(item.id, actor="Li", reason="asked for")
    for knowledge in (base, other):
        assert _found(knowledge, "kicker from Acme") == [keep.id]
        with pytest.raises(NotFound, match="was erased"):
            knowledge.show(item.id)
    versions, events = base.history(item.id)
    assert versions == []
    assert [e.verb for e in events] == ["teach", "purge", "cleaned"]
    again = base.teach("The kicker was bought from Acme.")
    assert again.id != item.id
    assert set(_found(other, "kicker")) == {keep.id, again.id}
    assert base.verify().problems == ()


def test_an_unloaded_item_is_listed_apart_and_cannot_be_updated(base: KnowledgeBase) -> None:
    item = base.teach("The ring is cold.")
    base.unload(item.id)
    assert base.unload(item.id).status == "unchanged"
    assert base.list() == []
    assert [i.id for i in base.list(unloaded=True)] == [item.id]
    with pytest.raises(InputError, match="is unloaded"):
        base.update(item.id, "The ring is warm.")
    twin = base.teach("The ring is cold.")
    assert twin.id != item.id
    with pytest.raises(InputError, match="teaches the same already"):
        base.restore(item.id)


def test_of_two_who_change_one_version_the_second_is_refused(
    base: KnowledgeBase, open_again: OpenAgain
) -> None:
    item = base.teach("The ring is cold.")
    assert base.update(item.id, "The ring is cool.", version=1).version == 2
    with pytest.raises(Changed, match="is at version 2 now, not at version 1"):
        open_again().update(item.id, "The ring is icy.", version=1)
    assert base.update(item.id, "The ring is cool.", version=1).status == "unchanged"
    base.unload(item.id)
    with pytest.raises(InputError, match="unloaded"):
        base.update(item.id, "The ring is icy.", version=2)
    assert [version.text for version in base.history(item.id)[0]] == [
        "The ring is cold.",
        "The ring is cool.",
    ]


def test_an_unknown_id_is_named_with_its_nearest(base: KnowledgeBase) -> None:
    item = base.teach("The ring is cold.")
    wrong = item.id[:-1] + ("a" if item.id[-1] != "a" else "b")
    for verb in (base.show, base.unload, base.restore, base.purge, base.history):
        with pytest.raises(NotFound, match=f"did you mean {item.id}"):
            verb(wrong)


# ---- moments ----------------------------------------------------------------------------------------


def test_every_past_moment_can_be_asked(base: KnowledgeBase) -> None:
    item = base.teach("The tunnel has 4 doors.")
    base.update(item.id, "The tunnel has 5 doors.")
    base.unload(item.id)
    base.restore(item.id)
    taught, updated, unloaded, restored = (e.time for e in base.history(item.id)[1])
    for moment, texts in (
        (taught, ["The tunnel has 4 doors."]),
        (updated, ["The tunnel has 5 doors."]),
        (unloaded, []),
        (restored, ["The tunnel has 5 doors."]),
        (None, ["The tunnel has 5 doors."]),
    ):
        assert [h.text for h in base.search("doors of the tunnel", as_of=moment)] == texts
        assert [i.text for i in base.list(as_of=moment)] == texts
    assert base.show(item.id, as_of=taught).version == 1


def test_a_moment_before_the_base_or_after_now_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="this base is empty"):
        base.search("ring", as_of="2001-01-01")
    base.teach("The ring is cold.")
    with pytest.raises(InputError, match="this base begins on"):
        base.search("ring", as_of="2001-01-01")
    with pytest.raises(InputError, match="lies in the future"):
        base.search("ring", as_of="2999-01-01")
    with pytest.raises(InputError, match="is not a time"):
        base.search("ring", as_of="yesterday")


# ---- filters ----------------------------------------------------------------------------------------


def test_filters_narrow_search_and_list_alike(base: KnowledgeBase) -> None:
    a = base.teach("The ring one is cold.", author="Li", source="log 100%", domain="accelerator physics")
    b = base.teach("The ring two is cold.", author="Wu", source="log_7", domain="neutron science")
    c = base.teach("Ring three is cold.", question="Which ring is cold?", author="Li", source="Memo")
    everything = {a.id, b.id, c.id}
    for filters, expected in (
        ({}, everything),
        ({"author": "Li"}, {a.id, c.id}),
        ({"domain": "neutron science"}, {b.id}),
        ({"kind": "qa"}, {c.id}),
        ({"source": "LOG"}, {a.id, b.id}),
        ({"source": "%"}, {a.id}),
        ({"source": "_"}, {b.id}),
        ({"author": "Li", "source": "log"}, {a.id}),
        ({"author": "nobody"}, set()),
    ):
        assert set(_found(base, "cold ring", **filters)) == expected, filters
        assert {i.id for i in base.list(**filters)} == expected, filters  # type: ignore[arg-type]
    assert [i.id for i in base.list(limit=2)] == [c.id, b.id]


def test_a_search_needs_words_and_a_positive_number(base: KnowledgeBase) -> None:
    base.teach("The ring is cold.")
    with pytest.raises(InputError, match="is empty"):
        base.search("  ")
    with pytest.raises(InputError, match="k is 0"):
        base.search("ring", k=0)
    for query in ("'; DROP TABLE items; --", "100% \\ _ $$ :x", "\"{}[]'"):
        assert len(base.search(query)) == 1
    item = base.teach("Robert'); DROP TABLE items;-- <script>alert(1)</script> **bold** :x %s {y}")
    assert base.show(item.id).text.startswith("Robert'); DROP TABLE")


# ---- conflicts --------------------------------------------------------------------------------------


def _contradicting(base: KnowledgeBase) -> tuple[str, str]:
    first = base.teach("The mass of the J/psi is 3096.9 MeV.", source="PDG")
    second = base.teach("The J/ψ mass is 3196.9 MeV.", source="a blog")
    assert first.conflicts == ()
    assert len(second.conflicts) == 1
    return first.id, second.id


def test_a_contradicting_value_is_reported_with_both_sources(base: KnowledgeBase) -> None:
    ids = _contradicting(base)
    (conflict,) = base.conflicts()
    assert conflict.item_ids == ids
    assert conflict.sources == ("PDG", "a blog")
    assert set(_found(base, "J/psi mass")) == set(ids)
    assert [len(base.show(i).conflicts) for i in ids] == [1, 1]


def test_compatible_values_are_no_conflict(base: KnowledgeBase) -> None:
    base.teach("The mass of the J/psi is 3096.900 ± 0.006 MeV.")
    base.teach("J/psi mass: 3.097 GeV")
    base.teach("The width of the J/psi is 92.6 keV.")
    base.teach("The psi(2S) mass is 3686.1 MeV.")
    assert base.conflicts() == []


def test_a_conflict_is_settled_for_one_or_for_both(base: KnowledgeBase) -> None:
    first, second = _contradicting(base)
    (conflict,) = base.conflicts()
    with pytest.raises(InputError, match="keep one of"):
        base.resolve(conflict.id, keep="kxxxxxxxx")
    base.resolve(conflict.id, keep=first, actor="Li", reason="PDG is right")
    assert base.conflicts() == []
    assert _found(base, "J/psi mass") == [first]
    assert [e.verb for e in base.history(second)[1]] == ["teach", "resolve", "unload"]
    with pytest.raises(NotFound, match="no open conflict"):
        base.resolve(conflict.id)
    base.restore(second)
    (again,) = base.conflicts()
    base.resolve(again.id)
    assert base.conflicts() == []
    assert set(_found(base, "J/psi mass")) == {first, second}


def test_a_conflict_ends_when_one_side_is_unloaded_or_put_right(base: KnowledgeBase) -> None:
    first, second = _contradicting(base)
    base.update(second, "The J/ψ mass is 3096.9 MeV indeed.")
    assert base.conflicts() == []
    base.update(second, "The J/ψ mass is 3000 MeV.")
    assert len(base.conflicts()) == 1
    base.unload(first)
    assert base.conflicts() == []
    base.restore(first)
    assert len(base.conflicts()) == 1


# ---- symbols ----------------------------------------------------------------------------------------


_SPELLINGS = (
    ("J/psi", "Jpsi", "J/ψ", "$J/\\psi$"),
    ("B_s^0", "Bs0", "$B^0_s$", "B_s⁰"),
    ("K short", "K_S^0", "K0S", "$K^0_S$"),
    ("tau lepton", "τ", "tau", "$\\tau$"),
)


@pytest.mark.parametrize("spelling", range(4))
def test_every_spelling_finds_every_spelling(base: KnowledgeBase, spelling: int) -> None:
    # The sentences differ in the particle alone, so that nothing else can tell them apart.
    taught = [base.teach(f"The trigger keeps every {names[spelling]} it sees.").id for names in _SPELLINGS]
    for item_id, names in zip(taught, _SPELLINGS, strict=True):
        for name in names:
            assert base.search(f"Which trigger keeps the {name}?", k=1)[0].item_id == item_id, name


# ---- answers ----------------------------------------------------------------------------------------


def test_an_answer_is_corrected_by_its_id(base: KnowledgeBase) -> None:
    wrong = base.teach("The J/psi mass is 3000 MeV.", source="old note")
    base.keep_answer(
        "a1",
        "What is the J/psi mass?",
        {"text": "3000 MeV", "sources": [{"id": wrong.id, "label": "old note"}]},
    )
    assert base.answer("a1")["question"] == "What is the J/psi mass?"
    item = base.teach("3096.9 MeV", corrects="a1", author="Li")
    assert (item.kind, item.question) == ("correction", "What is the J/psi mass?")
    assert item.attributes["corrects"] == "a1"
    assert item.conflicts == ()  # it supersedes what the answer rested on
    assert set(_found(base, "What is the J/psi mass?")) == {item.id, wrong.id}
    with pytest.raises(NotFound, match="no answer 'a2'"):
        base.teach("no", corrects="a2")


# ---- many writers -----------------------------------------------------------------------------------


def _teach_numbers(url: str, writer: int, count: int) -> list[str]:
    with KnowledgeBase.open(url, embedding="hash") as knowledge:
        return [
            knowledge.teach(f"Writer {writer} notes reading {n}.", author=f"w{writer}").id
            for n in range(count)
        ]


def _teach_the_same(url: str, start: float) -> list[str]:
    with KnowledgeBase.open(url, embedding="hash") as knowledge:
        time.sleep(max(0.0, start - time.time()))
        return [knowledge.teach(f"Everyone notes reading {n}.").id for n in range(20)]


@pytest.fixture(scope="module")
def writers() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.slow
def test_four_writers_lose_nothing_and_double_nothing(url: str, writers: ProcessPoolExecutor) -> None:
    jobs = [writers.submit(_teach_numbers, url, writer, 250) for writer in range(4)]
    ids = [item_id for job in jobs for item_id in job.result(timeout=300)]
    assert len(set(ids)) == 1000
    with KnowledgeBase.open(url) as base:
        listed = base.list()
        assert {i.id for i in listed} == set(ids)
        assert {i.text for i in listed} == {
            f"Writer {w} notes reading {n}." for w in range(4) for n in range(250)
        }
        assert base.verify().problems == ()
        assert base.search("writer 3 notes reading 249", k=1)[0].text == "Writer 3 notes reading 249."


@pytest.mark.slow_but("sqlite")
def test_what_four_writers_teach_alike_is_one_item(url: str, writers: ProcessPoolExecutor) -> None:
    start = time.time() + 1
    jobs = [writers.submit(_teach_the_same, url, start) for _ in range(4)]
    answers = [job.result(timeout=300) for job in jobs]
    assert all(ids == answers[0] for ids in answers)
    with KnowledgeBase.open(url) as base:
        assert len(base.list()) == 20
        assert base.verify().problems == ()
