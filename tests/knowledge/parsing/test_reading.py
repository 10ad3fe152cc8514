"""Questions as they are read: slips mended, plus and minus told from charges, goals placed."""

from __future__ import annotations

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Goal, Thing, Wanted
from yukawa.knowledge.parsing.reading import placeless, read_question


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("mass of the tau minus the mass of the muon", "mass of the tau reduced by the mass of the muon"),
        ("BR of tau minus to pi minus nu", "BR of tau- to pi- nu"), ("sigma minus lifetime", "Sigma- lifetime"),
        ("what decays to Lambda plus photon", "what decays to Lambda and photon"), ("mass of a B0 plus a K+", "mass of a B0 added to a K+"),
        ("tau → pi plus nu", "tau → pi+ nu"), ("widht of the Z", "width of the Z"),
    ],
)  # fmt: skip
def test_what_is_read(question: str, plain: str) -> None:
    assert read_question(question).read.plain == plain


def test_places_lead_back_over_mended_words() -> None:
    read = read_question("widht of the protn")
    (clause,) = read.clauses
    spans = [read.read.span(t.start, t.end) for t in clause.tokens]
    assert [read.question[start:end] for start, end in spans] == ["widht", "of", "the", "protn"]
    assert read.suggestions == (("widht", "width"), ("protn", "proton"))


def test_a_plan_without_goals_names_what_is_strange() -> None:
    found = read_question("mass of the zorblon").plan([])
    assert [text for text, _ in found.unread] == ["zorblon"]
    assert not found.complete


def test_placeless() -> None:
    wanted = Wanted(Thing(("Z0",), "Z", (3, 4)), "mass", spans=((0, 2),))
    (operand,) = placeless(Goal("value", (wanted,), spans=((0, 2),))).operands
    assert operand.thing.span == (0, 0)
    assert operand.spans == ((0, 0),)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("The lifetime of the neutron is about ___ s.", "value lifetime(n) in s"),
        (
            "The J/psi has a mass of ____ GeV and a width of ____ keV.",
            "value mass(J/psi(1S)) in GeV; value width(J/psi(1S)) in keV",
        ),
        ("The quark content of the proton is ____.", "value quark-content(p)"),
        ("Which is the mass of the Higgs: a) 91 b) 125 c) 173 GeV?", "value mass(H)"),
        (
            "Which of these is the lifetime of the muon: (a) 2.2 ns (b) 2.2 µs (c) 2.2 ms?",
            "value lifetime(mu-|mu+)",
        ),
        ("What is the spin of the Higgs? A. 0 B. 1/2 C. 1", "value spin(H)"),
        ("Is the mass of the Higgs 91, 125 or 173 GeV?", "value mass(H)"),
        (
            "Which is the heaviest: a) electron b) muon c) tau?",
            "which mass(e-|e+), mass(mu-|mu+), mass(tau-|tau+) by mass descending",
        ),
    ],
)
def test_gaps_and_choices_of_a_quiz(question: str, said: str) -> None:
    assert reading(plan(question)) == said


def test_a_choice_between_names_of_a_kind_gets_a_verdict_on_each() -> None:
    found = plan("Which of these particles is a meson: a) proton b) pion c) muon?")
    assert [goal.asserted for goal in found.goals] == ["class:meson"] * 3
    assert not plan("Which of these is the best: a) proton b) pion?").complete


def test_a_rank_may_be_written_with_a_hyphen() -> None:
    plain = [
        t.text
        for c in read_question("the third-largest branching fraction of the K+").clauses
        for t in c.tokens
    ]
    assert plain[1:3] == ["third", "largest"]
