"""What a question says is not meant is set aside where it cannot change the answer, and nowhere else."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.grammar import plan


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("lifetime of the muon (not the half life)", "lifetime of the muon"),
        ("half-life of the neutron rather than its mean life", "half-life of the neutron"),
        ("mass of the muon but not the tau", "mass of the muon"),
        ("top quark pole mass (from cross sections), not the MC mass", "top quark pole mass (from cross sections)"),
        ("Higgs width in MeV, not the SM prediction of 4.1", "Higgs width in MeV"),
        ("branching fraction for H to b bbar? (not the 58% from theory)", "branching fraction for H to b bbar"),
        ("Wie groß ist die mittlere Lebensdauer des D0 (bitte nicht die Halbwertszeit)?",
         "Wie groß ist die mittlere Lebensdauer des D0?"),
        ("中性子の平均寿命を教えてください。半減期ではなく平均寿命です。", "中性子の平均寿命を教えてください。"),
        ("中子的平均寿命是多少,而不是半衰期", "中子的平均寿命是多少"),
    ],
)  # fmt: skip
def test_a_contrast_leaves_the_question_as_it_was(question: str, plain: str) -> None:
    found, other = plan(question), plan(plain)
    assert found.complete, found
    assert [(g.operation, [(w.thing.names, w.property, dict(w.qualifiers)) for w in g.operands], g.unit) for g in found.goals] == [
        (g.operation, [(w.thing.names, w.property, dict(w.qualifiers)) for w in g.operands], g.unit) for g in other.goals
    ]  # fmt: skip


@pytest.mark.parametrize(
    "question",
    [
        "What is not the mass of the muon?",
        "Which mesons decay to K K but not to pi pi?",
        "list the decays of the tau, not the hadronic ones",
        "Is the Z a boson, not a fermion?",
        "mass of the D, not the D0",
        "lifetime of the muon, not at rest",
        "mass of the not charged pion",
        "mass of the muon, not only of the tau",
        "not the mass of the muon",
    ],
)
def test_a_negation_that_may_change_the_answer_is_unread(question: str) -> None:
    assert not plan(question).complete


def test_who_found_a_thing_is_known_and_not_asked() -> None:
    assert plan("branching ratio of B_s → mu+ mu-, first seen by LHCb and CMS").complete
    assert plan("What is the mass of the J/psi discovered in 1974?").complete
    assert not plan("Who discovered the top quark?").complete
    assert not plan("Was the top discovered by CDF?").complete


def test_what_a_thing_is_said_to_have_is_a_condition() -> None:
    assert not plan("What's the mass of the B meson with strangeness?").complete
    assert not plan("What is the mean lifetime of the baryon with charm?").complete
    (condition,) = plan("What is the lightest baryon with charm?").goals[0].filters
    assert (condition.property, condition.relation) == ("charm", "!=")
    assert plan("which particles with charge +2 are there").complete


@pytest.mark.parametrize(
    ("question", "alike"),
    [
        (
            "How much heavier is the tau than the muon, as a factor?",
            "By what factor is the tau heavier than the muon?",
        ),
        (
            "Wie viel schwerer ist das Tau als das Myon (Faktor)?",
            "By what factor is the tau heavier than the muon?",
        ),
        (
            "How much longer does the muon live than the tau, as a ratio?",
            "Ratio of the lifetimes of the muon and the tau",
        ),
    ],
)
def test_a_factor_by_which_two_differ_is_their_ratio(question: str, alike: str) -> None:
    (found,), (other,) = plan(question).goals, plan(alike).goals
    assert (found.operation, [(w.thing.names, w.property) for w in found.operands]) == (
        "ratio", [(w.thing.names, w.property) for w in other.operands],
    )  # fmt: skip


def test_without_a_factor_it_is_their_difference() -> None:
    (found,) = plan("How much heavier is the tau than the muon?").goals
    assert found.operation == "difference"
