"""Words beside a particle: those that repeat what is listed of it change nothing, those that contradict it are noticed."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.described import agrees, belongs
from yukawa.knowledge.parsing.grammar import plan

TRUE = {
    "pi0": "neutral pseudoscalar", "Xi_cc++": "doubly charmed", "Delta(1232)++": "doubly charged", "mu-": "negatively charged",
    "K+": "strange", "Lambda_b0": "neutral bottom", "rho(770)": "vector", "Higgs boson": "scalar",
}  # fmt: skip
FALSE = {
    "pi0": "scalar", "Xi_cc++": "triply charmed", "Delta(1232)++": "singly charged", "mu-": "charmed", "K+": "bottom",
    "Lambda_b0": "charmed", "rho(770)": "scalar", "tau": "tetraquark", "proton": "quark", "pion": "lepton",
}  # fmt: skip


@pytest.mark.parametrize(("name", "words"), TRUE.items())
def test_what_is_true_of_a_particle_changes_no_plan(name: str, words: str) -> None:
    described, bare = plan(f"mass of the {words} {name}"), plan(f"mass of the {name}")
    assert described.complete
    assert [w.thing.names for w in described.goals[0].operands] == [
        w.thing.names for w in bare.goals[0].operands
    ]


@pytest.mark.parametrize(("name", "words"), FALSE.items())
def test_what_contradicts_it_is_refused(name: str, words: str) -> None:
    assert not plan(f"mass of the {words} {name}").complete


def test_a_word_that_cannot_be_checked_gives_no_verdict() -> None:
    assert agrees(["famous"], ["mu-"]) is None
    assert agrees(["doubly"], ["mu-"]) is None
    assert agrees([], ["mu-"]) is None
    assert agrees(["neutral"], ["pi0", "pi+"]) is False


def test_a_class_is_of_its_own_members() -> None:
    assert belongs("meson", ["pi0"])
    assert belongs("vector meson", ["rho(770)0"])
    assert belongs("nucleon resonance", ["pi0"])  # of no quantum numbers: as said
    assert not belongs("meson", ["mu-"])
    assert not belongs("pseudoscalar meson", ["rho(770)0"])


def test_the_meaning_of_a_symbol_may_be_said_beside_it() -> None:
    assert plan("What is |epsilon|, the indirect CP violation parameter in the kaon system?").complete
    assert not plan("What is |epsilon|, the direct CP violation parameter of the muon?").complete


@pytest.mark.parametrize(
    "question",
    [
        "What is the B0-B0bar oscillation frequency Delta m_d?",
        "|epsilon| in kaon mixing",
        "Δm_s for the Bs in ps^-1",
        "Delta m_s of the B_s",
    ],
)
def test_what_belongs_to_a_symbol_may_stand_beside_it(question: str) -> None:
    found = plan(question)
    assert found.complete
    assert [w.property for goal in found.goals for w in goal.operands] == ["other"]


@pytest.mark.parametrize("question", ["|epsilon| in muon mixing", "Delta m_c of the D0"])
def test_what_does_not_belong_to_a_symbol_is_refused(question: str) -> None:
    assert not plan(question).complete
