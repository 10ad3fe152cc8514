"""Sentences: where they end, what is used of them."""

from __future__ import annotations

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.clauses import Clause, Context, sentences
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Goal, Thing, Wanted
from yukawa.knowledge.parsing.tokens import source, tokenise


def clauses(text: str) -> list[Clause]:
    read = source(text)
    return list(sentences(read.plain, tokenise(read.plain)))


def test_a_question_is_cut_into_sentences() -> None:
    assert len(clauses("What is the mass of the K+? And the lifetime of the K_S?")) == 2
    assert len(clauses("half-life (not the mean life!) of the neutron")) == 1
    assert len(clauses("mass of 1.5 kaons")) == 1


def test_another_question_behind_and_is_a_sentence() -> None:
    first, second = clauses("what is the mass of the tau and how does it decay")
    assert (first.asks, second.asks) == (False, True)
    assert len(clauses("which is heavier and by how much: the W or the Z")) == 1
    assert len(clauses("what is the mass and what is the width of the Z")) == 1


def test_what_is_used_is_not_found_again() -> None:
    (clause,) = clauses("mass of the Z and the W")
    first, second = clause.places("thing")
    assert clause.use(first) == ((12, 13),)
    assert clause.places("thing") == [second]
    assert first not in clause.essential
    assert clause.contains(["and"])
    assert not clause.contains(["or"])


def test_the_last_operands_are_what_was_said_before() -> None:
    one = Wanted(Thing(("Z0",), "Z", (0, 0)), "mass")
    other = Wanted(Thing(("H",), "H", (0, 0)), "mass")
    assert Context([Goal("value", (one,)), Goal("value", (other,))]).last == (other,)
    assert Context(named=[one]).last == (one,)
    assert Context().last == ()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("The W boson is the carrier of the weak force. What is its mass?", "value mass(W+|W-)"),
        (
            "I read that the J/psi was found in 1974 at both SLAC and Brookhaven. How wide is it?",
            "value width(J/psi(1S))",
        ),
        ("Fermilab discovered the top in 1995; what is the top's full width?", "value width(t)"),
        ("The top quark was discovered by CDF and D0. What is its mass?", "value mass(t)"),
        ("The neutron decays into p e nu. What is its lifetime?", "value lifetime(n)"),
        (
            "Cosmic-ray muons reach sea level. What is the lifetime of a muon at rest?",
            "value lifetime(mu-|mu+)",
        ),
        ("Proton radius puzzle aside, what is the mass of the proton?", "value mass(p)"),
        (
            "In tritium decay one looks at the electron spectrum. What is the mass of the muon?",
            "value mass(mu-|mu+)",
        ),
    ],
)
def test_a_statement_beside_a_question_changes_nothing(question: str, said: str) -> None:
    assert reading(plan(question)) == said


@pytest.mark.parametrize(
    "question",
    [
        "The electron has a heavy partner. What is its mass?",
        "The electron's superpartner is heavy. What is its mass?",
        "The muon is captured by a nucleus. What is its lifetime?",
        "A proton moves at 0.9 c. What is its mass?",
        "The Higgs field is switched off. What is the mass of the W?",
        "Suppose the electron is heavier. What is its mass?",
        "The muon would be heavier there. What is its mass?",
        "Find the energy of the photon. What is the mass of the pion?",
        "Which of them lives longest? What is the mass of the pion?",
    ],
)
def test_a_statement_that_sets_conditions_is_noticed(question: str) -> None:
    assert not plan(question).complete


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("True or false: the kaon is lighter than the proton.", ["is"]),
        ("T/F: the electron is a lepton.", ["is"]),
        ("True or false? The Lambda has strangeness -1.", ["is"]),
        ("The proton weighs 938 MeV, right?", ["is"]),
        ("The pi0 decays to two photons, doesn't it?", ["is"]),
        ("The K+ is its own antiparticle, isn't it?", ["is"]),
        ("My prof says the Lambda_b lives shorter than the B0. Is that true?", ["is"]),
        ("Since the neutron is lighter than the proton, how long does it live?", ["is", "value"]),
        ("The photon is a fermion. What is its spin?", ["is", "value"]),
        ("Because the photon has charge 1, what is its mass?", ["is", "value"]),
        ("The muon is 200 times heavier than the electron. What is the mass of the tau?", ["ratio", "value"]),
    ],
)
def test_a_claim_gets_a_verdict(question: str, said: list[str]) -> None:
    found = plan(question)
    assert found.complete, found.unread
    assert [goal.operation for goal in found.goals] == said


def test_it_behind_a_statement_is_its_subject() -> None:
    found = plan("The neutron is heavier than the proton. What is its lifetime?")
    assert found.goals[-1].operands[0].thing.names[0] == "n"
    assert (
        plan("What is the spin of the Higgs boson, and is it its own antiparticle?").goals[-1].asserted
        == "itself"
    )
    assert len(plan("What is the mass of the omega meson? I only find the Omega baryon.").goals) == 1


def test_a_phrase_ahead_of_a_statement_is_not_its_subject() -> None:
    found = plan("Like the muon, the tau is a charged lepton. What's its charge?")
    assert found.goals[-1].operands[0].thing.names[0] == "tau-"
