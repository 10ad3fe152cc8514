"""Evidence: a statement that says what is asked outweighs one that says less, or something else."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.knowledge.documents.asking import asked
from yukawa.knowledge.documents.evidence import (
    COMPARED,
    WEIGHTS,
    WEIGHTS_WITH_MEANING,
    Candidate,
    Weighing,
    body_and_headings,
    with_meaning,
)
from yukawa.knowledge.records import Hit, Place, Provenance

NOTE = Provenance("Li", "notes/ring.md", None, None, "particle physics")


def hit(text: str, headings: tuple[str, ...] = ()) -> Hit:
    place = Place(headings, 0, len(text), None)
    whole = f"{' / '.join(headings)}: {text}" if headings else text
    return Hit("k1", 1, whole, 0.5, 0.0, 0.5, "document", None, 1, NOTE, {}, place=place)


def weighed(question: str, *hits: Hit) -> list[Candidate]:
    return list(Weighing(asked(question), hits).candidates(len(hits)))


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("How many layers does the calorimeter have?", "The calorimeter has 12 layers.", "The calorimeter has layers."),
        ("What is the temperature of the argon?", "The temperature of the argon is low.", "The argon is liquid."),
        ("What does TCK stand for?", "TCK stands for trigger configuration key.", "Use the TCK of 2016."),
        ("Who wrote the tutorial?", "The tutorial was written by Jim Pivarski.", "The tutorial was written fast."),
        ("What is the type of Tau_idAntiMu?", "Property: Tau_idAntiMu; Type: UChar_t", "Property: Tau_idAntiEle; Type: Bool_t"),
        ("Where is the ring?", "The ring stands in Beijing.", "Where is the ring?"),
    ],
)  # fmt: skip
def test_what_answers_weighs_more(question: str, right: str, wrong: str) -> None:
    first, second = weighed(question, hit(right), hit(wrong))
    assert first.score > second.score


def test_headings_say_what_a_statement_is_about() -> None:
    under, bare = weighed(
        "How many layers has the calorimeter?", hit("12 layers.", ("Calorimeter",)), hit("12 layers.")
    )
    assert under.covered > bare.covered
    assert under.score > bare.score
    assert body_and_headings(under.hit) == ("12 layers.", ("Calorimeter",))


def test_a_sentence_that_only_leads_to_rows_is_no_answer() -> None:
    found = weighed(
        "Which units does the package use?", hit("The package uses these units:\nmass: GeV; length: cm")
    )
    assert [c.place for c in found] == [1]


def test_a_word_that_no_passage_holds_stands_nowhere() -> None:
    hits = [hit("The stream is 3 GB large.")]
    assert Weighing(asked("How large is the stream?"), hits).nowhere() == []
    assert Weighing(asked("How large is the streaming?"), hits).nowhere() == []
    assert Weighing(asked("How large is the stream of ALICE?"), hits).nowhere() == ["alic"]


def test_only_a_name_that_stands_nowhere_refuses_at_once() -> None:
    hits = [hit("The version of the stream is 3.2.")]
    assert Weighing(asked("How large is the stream of ALICE?"), hits).misses_a_name()
    assert not Weighing(asked("Which verison of the stream was employed?"), hits).misses_a_name()
    assert Weighing(asked("Which verison of the stream was employed?"), hits).nowhere() == ["employ"]


def test_another_name_of_code_is_no_slip() -> None:
    assert Weighing(asked("Where is ttHToGG?"), [hit("There is ttHTobb.")]).misses_a_name()


def test_every_piece_of_evidence_has_its_weight() -> None:
    (only,) = weighed("How many rings?", hit("3 rings."))
    assert only.evidence.keys() == WEIGHTS.keys()
    assert only.covered == 1.0


def test_what_means_the_same_weighs_more() -> None:
    question = "When was the office created?"
    texts = (
        "The office was closed in 2014.",
        "The office was introduced in 2014.",
        "The office moved in 2014.",
    )
    found = weighed(question, *map(hit, texts))

    def embed(read: list[str]):
        return np.array(
            [[1.0, 0.0] if text == question or "introduced" in text else [0.0, 1.0] for text in read]
        )

    best, *others = with_meaning(question, found, embed)
    assert best.statement.text == texts[1]
    assert best.evidence.keys() == WEIGHTS_WITH_MEANING.keys()
    assert best.evidence["means it"] == 1.0
    assert all(best.score > other.score for other in others)


def test_the_meaning_of_a_few_is_compared_under_their_headings() -> None:
    read: list[str] = []

    def embed(texts: list[str]):
        read.extend(texts)
        return np.ones((len(texts), 1))

    found = weighed("How large is it?", *[hit(f"{n} km.", ("Ring", "Size")) for n in range(3, 12)])
    assert len(with_meaning("How large is it?", found, embed)) == COMPARED
    assert read == ["How large is it?", *[f"Ring / Size / {n} km." for n in range(3, 3 + COMPARED)]]
