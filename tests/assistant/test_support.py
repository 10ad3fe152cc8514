"""Support: what states the asked quantity supports fully, and nothing else outweighs it."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.assistant.support import (
    FILLERS,
    FOREIGN,
    THRESHOLD,
    best,
    focus,
    is_filler,
    judge,
    sentence_support,
)
from yukawa.knowledge import Hit, KnowledgeBase, Provenance, new_item
from yukawa.knowledge.parsing import read

PERSON = Provenance("Li", "handbook", None, None, "particle physics")


def hit(
    text: str, item_id: str = "k1", *, kind: str = "statement", question: str | None = None, **changes: object
) -> Hit:
    item = new_item(text, question=question, kind=kind)
    keys = tuple(t[1:] for t in item.passages[0].terms if t.startswith("="))
    made = Hit(item_id, 1, text, 0.5, 0.0, 0.5, kind, question, 1, PERSON, {}, keys)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


MASS = hit("The mass of the tau lepton is 1776.93 ± 0.09 MeV.")
HITS = [
    MASS, hit("The lifetime of the tau lepton is 290.3 ± 0.5 fs.", "k2"), hit("The tau lepton is heavy.", "k3"),
    hit("The mass of the muon is 105.66 MeV.", "k4"), hit("The ring is cold.", "k5"),
]  # fmt: skip


# ---- laws -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    ["What is the mass of the tau?", "tau lifetime", "Is the ring cold?", "muon", "zorblon", "Why?"],
)
def test_the_order_of_hits_does_not_matter(question: str) -> None:
    reading = read(question)
    orders = {
        tuple((s.hit.item_id, s.support) for s in best(reading, list(order)))
        for order in itertools.permutations(HITS)
    }
    supports = {tuple(support for _, support in order) for order in orders}
    assert len(supports) == 1
    (ordered,) = supports
    assert [round(s, 2) for s in ordered] == sorted((round(s, 2) for s in ordered), reverse=True)
    assert len({frozenset(order) for order in orders}) == 1


@given(
    st.sampled_from(["mass of the tau", "Is the ring cold?", "B(tau- -> pi- nu_tau)", "tau", "x"]),
    st.text(max_size=60),
)
def test_support_lies_between_0_and_1(question: str, text: str) -> None:
    if text.strip() and text.isprintable():
        for asked, said in ((question, text), (text, question)):
            assert 0.0 <= judge(read(asked), hit(said)).support <= 1.0
            assert 0.0 <= sentence_support(asked, said) <= 1.0


@pytest.mark.parametrize("question", [
    "What is the mass of the tau?", "How heavy is the τ lepton?", r"mass of $\tau$", "tau mass", "What is the mass of the tau, please?",
    "Could you tell me what the value of the tau mass is?",
])  # fmt: skip
def test_a_passage_that_states_the_quantity_supports_fully(question: str) -> None:
    assert judge(read(question), MASS).support == 1.0
    assert judge(read(question), dataclasses.replace(MASS, kind="data")).support == 1.0
    assert best(read(question), HITS)[0].hit is MASS


def test_each_unexplained_word_lowers_it() -> None:
    questions = [
        "mass of the tau",
        "mass of the tau flibble",
        "mass of the tau flibble gronk",
        "mass of the tau flibble gronk wibble",
    ]
    supports = [judge(read(q), MASS).support for q in questions]
    assert supports == sorted(supports, reverse=True)
    assert len(set(supports)) == len(supports)
    assert supports[-1] < THRESHOLD


@pytest.mark.parametrize("question", [
    "mass of the tau sneutrino", "mass ratio of the tau", "mass of the dark tau", "What is the mass of the zorblon?", "mass of the muon",
    "lifetime of the tau", "width of the tau", "What is the mass of Lambda_q+?", "price of the tau mass in the shop",
])  # fmt: skip
def test_other_questions_are_not_supported(question: str) -> None:
    assert judge(read(question), dataclasses.replace(MASS, kind="data")).support < THRESHOLD


def test_words_of_the_label_explain_a_question() -> None:
    labelled = dataclasses.replace(MASS, provenance=dataclasses.replace(PERSON, source="BESIII scan"))
    question = read("What is the mass of the tau in the BESIII scan?")
    assert judge(question, MASS).support < judge(question, labelled).support == 1.0


# ---- corrections and ranks --------------------------------------------------------------------------


def test_a_correction_supersedes_what_it_corrects() -> None:
    right = hit(
        "The mass of the tau lepton is 1777.0 ± 0.1 MeV.",
        "k9",
        kind="correction",
        attributes={"supersedes": ["k1"]},
    )
    question = read("What is the mass of the tau?")
    assert [s.hit.item_id for s in best(question, [MASS, right])] == ["k9"]
    # A correction of something else leaves it.
    other = dataclasses.replace(right, attributes={"supersedes": ["k7"]})
    assert {s.hit.item_id for s in best(question, [MASS, other])} == {"k1", "k9"}
    # One that does not answer the question takes nothing away.
    cold = hit("The ring is warm.", "k9", kind="correction", attributes={"supersedes": ["k1"]})
    assert MASS in [s.hit for s in best(question, [MASS, cold])]


def test_of_equals_the_preferred_and_the_taught_come_first() -> None:
    question = read("What is the mass of the tau?")
    data = [
        dataclasses.replace(MASS, kind="data", item_id=i, attributes={"preferred": p})
        for i, p in (("a", False), ("b", True))
    ]
    assert [s.hit.item_id for s in best(question, data)] == ["b", "a"]
    assert best(question, [*data, MASS])[0].hit.item_id == "k1"


def test_the_best_sentence_is_the_one_that_answers() -> None:
    question = "What is the lifetime of the tau?"
    sentences = ["The tau is heavy.", "The lifetime of the tau is 290 fs.", "The ring is cold."]
    scores = [sentence_support(question, s) for s in sentences]
    assert max(scores) == scores[1] == 1.0
    assert scores[2] == 0.0


def test_hits_of_a_real_search_are_judged(base: KnowledgeBase) -> None:
    for question, wanted in (
        ("What is the mass of the tau?", "pdg:S035M"),
        ("How long does the tau live?", "pdg:S035T"),
    ):
        ranked = best(read(question), base.search(question, k=20))
        assert (ranked[0].hit.item_id, ranked[0].support) == (wanted, 1.0)


def test_no_word_both_asks_and_changes_what_is_asked() -> None:
    assert not FILLERS & FOREIGN


def test_a_year_is_a_filler_and_another_number_is_not() -> None:
    assert is_filler("2026")
    assert not is_filler("9173")


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("I am preparing a talk; what is the mass of the tau?", "what is the mass of the tau?"),
        ("Hello! For my thesis: J/psi width", "J/psi width"),
        (
            "What is the mass of the tau, on the Mohs scale?",
            "What is the mass of the tau, on the Mohs scale?",
        ),
        ("Where is the cafeteria?", "Where is the cafeteria?"),
    ],
)
def test_only_what_leads_up_is_left_out(question: str, asked: str) -> None:
    assert focus(question) == asked
    assert focus(focus(question)) == focus(question)
