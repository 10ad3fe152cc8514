"""The Review in a knowledge base: keys from the data, a repeatable build, and a newer edition replacing an older one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing import claim_key, decay_keys, find_quantities, read
from yukawa.knowledge.sources import loader
from yukawa.knowledge.sources.loader import AUTHOR, build_pdg, pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.sources.pdg.review import edition


@pytest.fixture(scope="session")
def few(pdg_statements: list[Statement]) -> list[Statement]:
    """The statements on photon, tau, pion and J/psi."""
    return [s for s in pdg_statements if s.particle in {"S000", "S035", "S008", "M070"}]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        yield base


def _edition(monkeypatch: pytest.MonkeyPatch, found: list[Statement]) -> None:
    monkeypatch.setattr(loader, "statements", lambda: found)


# ---- new_items -----------------------------------------------------------------------------------------


def test_every_statement_is_one_item_that_keeps_text_facts_and_provenance(few: list[Statement]) -> None:
    new_items = pdg_items(few)
    assert [(d.item_id, d.text) for d in new_items] == [(s.id, s.text) for s in few]
    assert len({d.item_id for d in new_items}) == len({d.content_key for d in new_items}) == len(few)
    for item, statement in zip(new_items, few, strict=True):
        p = item.provenance
        assert (p.author, p.source, p.url, p.domain) == (
            AUTHOR,
            statement.label,
            statement.url,
            "particle physics",
        )
        assert [Fact.from_json(row) for row in item.attributes["facts"]] == list(statement.facts)
        assert "CC" in str(p.licence)
        assert item.kind == "data"
        assert item.passages[0].meaning
        assert len(item.passages[0].meaning) <= 200


def test_plain_facts_have_the_search_key_of_their_question(few: list[Statement]) -> None:
    keys = {d.item_id: {t[1:] for t in d.passages[0].terms if t[0] == "="} for d in pdg_items(few)}
    assert keys["pdg:S035M"] == {claim_key("tau-", "mass", ())} == set(read("What is the tau mass?").keys())
    assert keys["pdg:S035T"] == {claim_key("tau-", "lifetime", ())}
    assert keys["pdg:M070W"] >= {claim_key("J/psi(1S)", "width", ())}


def test_a_decay_is_keyed_by_its_channel(few: list[Statement]) -> None:
    checked = 0
    for item, statement in zip(pdg_items(few), few, strict=True):
        stated = {t[1:] for t in item.passages[0].terms if t.startswith("=")}
        if statement.kind == "branching fraction" and stated:
            checked += 1
            (fact, *_) = statement.facts
            (subject,) = fact.subjects
            assert stated == set(decay_keys([subject], "branching-fraction", fact.channel))
    assert checked > 100


def test_the_value_of_a_fact_is_the_one_its_sentence_states(pdg_statements: list[Statement]) -> None:
    """The number read from the sentence and the number in the data agree: two roads to one value."""
    scale = {"eV": 1.0, "keV": 1e3, "MeV": 1e6, "GeV": 1e9, "TeV": 1e12, "s": 1.0, "": 1.0}
    compared, wrong = 0, []
    for statement in pdg_statements[::3]:
        fact = statement.facts[0] if statement.facts else None
        if fact is None or fact.value is None or fact.unit not in scale or fact.property not in loader._PLAIN:
            continue
        if (
            "–" in fact.printed
            or fact.bound == "range"
            or not (found := find_quantities(statement.text.split(" is ", 1)[-1]))
        ):
            continue
        compared += 1
        # The sentence is rounded as the PDG rounds, at times to tens: 140 ± 90.
        rounded = abs(found[0].value - fact.value * scale[fact.unit]) <= 5.001 * found[0].resolution
        if not rounded or found[0].bound != (fact.bound if fact.bound in ("upper", "lower") else None):
            wrong.append((statement.text[:160], found[0], fact))
    assert compared > 1000
    assert wrong == []


def test_a_range_contradicts_nothing_within_it(pdg_statements: list[Statement], local: KnowledgeBase) -> None:
    (wide,) = [f for f in pdg_statements if f.text.startswith("The full width of the a_0(980)")]
    assert "between 50 MeV and 100 MeV" in wide.text
    local.build(pdg_items([wide]), actor="source")
    assert local.search("width of the a_0(980)")[0].keys
    assert local.teach("The width of the a_0(980) is 75 ± 1 MeV.").conflicts == ()


# ---- building ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_building_twice_changes_nothing(
    local: KnowledgeBase, few: list[Statement], monkeypatch: pytest.MonkeyPatch
) -> None:
    _edition(monkeypatch, few)
    steps: list[tuple[int, int]] = []
    assert build_pdg(local, progress=lambda done, total: steps.append((done, total))) == len(few)
    assert steps[-1] == (len(few), len(few))
    assert local.get_meta("pdg") == edition()["edition"]
    before = local.verify()
    assert build_pdg(local) == len(few)
    after = local.verify()
    assert before.clean
    assert (after.events, after.items) == (before.events, before.items)
    assert local.conflicts() == []


def test_a_newer_edition_replaces_changes_and_unloads(
    local: KnowledgeBase, few: list[Statement], monkeypatch: pytest.MonkeyPatch
) -> None:
    _edition(monkeypatch, few)
    build_pdg(local)
    mine = local.teach("The tau was found by Martin Perl.", source="history", author="Li")
    (mass,) = [f for f in few if f.id == "pdg:S035M"]
    newer = dataclasses.replace(mass, text=mass.text.replace("1776.9", "1777.9"))
    gone = next(f for f in few if f.id == "pdg:S035T")
    _edition(monkeypatch, [newer if f is mass else f for f in few if f is not gone])
    build_pdg(local)
    assert local.show("pdg:S035M").text == newer.text
    assert [v.text for v in local.history("pdg:S035M")[0]] == [mass.text, newer.text]
    assert not local.show("pdg:S035T").current
    assert local.show(mine.id).current
    _edition(monkeypatch, few)  # back again
    build_pdg(local)
    assert local.show("pdg:S035T").current
    assert local.show("pdg:S035M").text == mass.text
    assert local.verify().clean


@pytest.mark.slow
def test_a_build_cut_short_is_finished_by_the_next(
    local: KnowledgeBase, few: list[Statement], monkeypatch: pytest.MonkeyPatch
) -> None:
    _edition(monkeypatch, few[:50])
    build_pdg(local)
    _edition(monkeypatch, few)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_pdg(local, progress=stop)
    assert build_pdg(local) == len(few)
    assert len(local.list(author=AUTHOR)) == len(few)
    assert local.verify().clean
