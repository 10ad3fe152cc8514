"""What an Expert answers from: facts where a question is read, else passages; none where nothing answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.data.engine.grounds import BaseGrounds, Catalogue, Several, SourcePassage
from yukawa.knowledge import KnowledgeBase


@pytest.fixture(scope="module")
def base(small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    found = KnowledgeBase.open(tmp_path_factory.mktemp("base"), embedding="none")
    found.teach(
        "The mass of the tau is 1776.9 MeV.",
        source="handbook",
        licence="CC-BY-4.0",
        url="https://example.org",
    )
    found.teach("The branching fraction of tau- -> mu- nu_tau anti-nu_mu is 17.39 %.", source="handbook")
    found.teach("The drift chamber of BESIII has 43 sense wire layers.", source="handbook")
    return found


def test_a_fact_answers_whole(base: KnowledgeBase) -> None:
    (found,) = BaseGrounds(base).find("How heavy is the tau lepton?")
    assert found.text == "The mass of the tau is 1776.9 MeV."
    assert (found.exact, found.support, found.licence, found.url) == (
        True,
        1.0,
        "CC-BY-4.0",
        "https://example.org",
    )


def test_words_answer_where_no_fact_does(base: KnowledgeBase) -> None:
    found = BaseGrounds(base).find("How many sense wire layers does the drift chamber of BESIII have?")
    assert found
    assert not found[0].exact
    assert "43" in found[0].text


@pytest.mark.parametrize(
    "question",
    [
        "How heavy is the muon?",
        "How heavy is the tau in its pole scheme?",
        "Where is the best pizza in Beijing?",
    ],
)
def test_nothing_answers_what_is_not_stated(question: str, base: KnowledgeBase) -> None:
    assert BaseGrounds(base).find(question) == []


def test_the_first_source_that_answers_is_used(base: KnowledgeBase) -> None:
    class Empty:
        def find(self, question: str) -> list[SourcePassage]:
            return []

    assert Several([Empty(), BaseGrounds(base)]).find("How heavy is the tau?")
    assert Several([Empty()]).find("How heavy is the tau?") == []


def test_the_catalogue_has_things_their_quantities_and_relatives(base: KnowledgeBase, tmp_path: Path) -> None:
    catalogue = Catalogue(base)
    assert {listed.property for listed in catalogue.of["tau-"]} == {"mass", "branching-fraction"}
    assert catalogue.subjects("particle physics") == ["tau-"]
    assert catalogue.subjects("neutron science") == []
    assert catalogue.relatives("tau-") == []
    assert catalogue.made_by["mu-"] == ["tau-"]
