"""Rules that combine: measurements, arithmetic, comparison, yes or no."""

from __future__ import annotations

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.clauses import Clause, sentences
from yukawa.knowledge.parsing.combining import relation_of, yes_or_no
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import source, tokenise


def clause_of(text: str) -> Clause:
    read = source(text)
    (clause,) = sentences(read.plain, tokenise(read.plain))
    return clause


@pytest.mark.parametrize(
    "text",
    [
        "is the tau a lepton", "could you tell me, is the tau a lepton", "I was wondering is the tau a lepton",
        "does the Z decay to mu+ mu-", "so can the Z decay",
    ],
)  # fmt: skip
def test_questions_of_yes_or_no(text: str) -> None:
    assert yes_or_no(clause_of(text))


@pytest.mark.parametrize(
    "text",
    [
        "what is the mass of the tau",
        "do you know the mass of the tau",
        "how long does a tau live",
        "we are in a pub, mass of the tau",
    ],
)
def test_other_questions(text: str) -> None:
    assert not yes_or_no(clause_of(text))


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("how much heavier is the Z than the W", "Z0"), ("how much lighter is the W than the Z", "Z0"),
        ("mass of the Z minus the mass of the W", "Z0"), ("by what factor is the Z heavier than the W", "Z0"),
        ("Z to W mass ratio", "Z0"),
        ("how many W masses make a Z mass", "Z0"),
    ],
)  # fmt: skip
def test_which_comes_first(question: str, first: str) -> None:
    (goal,) = plan(question).goals
    assert goal.operands[0].thing.names[0] == first


def test_relations() -> None:
    assert relation_of(">") == ">"
    assert relation_of("equal") == "="


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("is the neutron charged", "is charge(n) != 0"), ("is the electron negatively charged", "is charge(e-) < 0"),
        ("is the W neutral", "is charge(W+) = 0"), ("is the proton stable", "is lifetime(p) = stable"),
        ("is the muon unstable", "is lifetime(mu-|mu+) = unstable"), ("stable leptons", "list class(class:lepton) where lifetime = stable"),
        ("is the muon heavier than 100 MeV", "is mass(mu-|mu+) > 100 MeV"),
        ("is the W heavier than the Z and the Higgs", "is mass(W+|W-), mass(Z0) >; is mass(W+|W-), mass(H) >"),
        ("is the pi+ heavier than the mu- and lighter than the K+", "is mass(pi+), mass(mu-) >; is mass(pi+), mass(K+) <"),
        ("second heaviest quark", "which mass(class:quark) by mass descending first 1 from 2"),
        ("what is the second most common decay of the tau", "list decays(tau-|tau+) by branching-fraction descending first 1 from 2"),
        ("mesons between 1 and 1.1 GeV", "list class(class:meson) where mass >= 1 GeV where mass <= 1.1 GeV"),
        ("upper limit on the Z mass", "value mass(Z0) bound=upper"),
        ("limit on the photon charge", "value charge(gamma) bound=any"),
        ("mass of the tau and how it decays", "value mass(tau-|tau+); list decays(tau-|tau+) by branching-fraction descending"),
    ],
)  # fmt: skip
def test_the_whole_question_is_read(question: str, read: str) -> None:
    assert reading(plan(question)) == read


@pytest.mark.parametrize(
    "part", ["how it is measured", "who discovered it", "why it is so heavy", "where it was seen first"]
)
def test_a_further_question_without_an_answer_is_named(part: str) -> None:
    found = plan(f"what is the mass of the tau and {part}?")
    assert found.complete
    assert found.unanswered == (part,)


@pytest.mark.parametrize(
    ("before", "question", "read"),
    [
        ("mass of the W and the Z", "what is the difference?", "difference mass(W+|W-), mass(Z0)"),
        ("mass of the W and the Z", "and their ratio?", "ratio mass(W+|W-), mass(Z0)"),
        ("mass of the W and the Z", "and their sum?", "sum mass(W+|W-), mass(Z0)"),
        ("which lives longer, the muon or the pi+?", "by how much?", "difference lifetime(mu-|mu+), lifetime(pi+)"),
        ("which is heavier, the W or the Z?", "and by what factor?", "ratio mass(W+|W-), mass(Z0)"),
        ("mass of the W and the Z", "which is heavier?", "which mass(W+|W-), mass(Z0) by mass descending"),
        ("mass of the W", "twice that?", "multiple 2 mass(W+|W-)"),
        ("mass of the W", "and squared?", "value mass(W+|W-) power 2"),
        ("mass of the photon", "and the upper limit?", "value mass(gamma) bound=upper"),
        ("mass of the muon", "is it stable?", "is lifetime(mu-|mu+) = stable"),
        ("mass of the muon", "is it charged?", "is charge(mu-) != 0"),
        ("mass of the muon", "is it heavier than the electron?", "is mass(mu-|mu+), mass(e-|e+) >"),
        ("which is the heaviest quark?", "and the second heaviest?", "which mass(class:quark) by mass descending first 1 from 2"),
        ("mass of the muon", "and a unicorn?", "? unicorn"),
        ("", "and their ratio?", "? ratio"),
    ],
)  # fmt: skip
def test_questions_that_go_on_from_the_one_before(before: str, question: str, read: str) -> None:
    assert reading(plan(question, [plan(before)] if before else [])) == read


def test_each_quantity_has_its_unit() -> None:
    assert (
        reading(plan("mass of the Z in GeV and lifetime of the tau in fs"))
        == "value mass(Z0) in GeV; value lifetime(tau-|tau+) in fs"
    )
    assert (
        reading(plan("mass of the muon in MeV and in kg"))
        == "value mass(mu-|mu+) in MeV; value mass(mu-|mu+) in kg"
    )
    assert "cannot be given in seconds" in reading(plan("mass of the Z in GeV and in seconds"))


def test_a_class_beside_what_is_compared_only_says_what_it_is() -> None:
    found = plan("which meson is heavier, the omega(782) or the rho(770)")
    assert all(not w.thing.names[0].startswith("class:") for w in found.goals[0].operands)
    assert plan("Although the W and the Z are bosons, which one is heavier?").goals[-1].operation == "which"
