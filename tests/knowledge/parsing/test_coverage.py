"""Coverage: frames around a question are neutral, modifiers of what is asked are not; measured on lines not tuned on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.lexicon import is_physics
from yukawa.knowledge.parsing.plan import Plan

FRAMES = Path(__file__).with_name("frames.txt")
QUESTIONS = (
    "what is the mass of the muon", "how long does a B0 live", "what is the branching fraction of the K+ to mu+ nu_mu",
    "is the proton heavier than the neutron",
)  # fmt: skip
QUANTITIES = (("mass", "muon"), ("lifetime", "neutron"), ("width", "Higgs boson"))


def lines(heading: str) -> Iterator[str]:
    inside = False
    for line in FRAMES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            inside = line == f"[{heading}]"
        elif inside and line:
            yield line


def wanted(found: Plan) -> Any:
    return [
        (
            g.operation,
            g.power,
            [
                (w.thing.names, w.property, w.channel and w.channel.products, dict(w.qualifiers))
                for w in g.operands
            ],
        )
        for g in found.goals
    ]


def share_of_frames_that_leave_a_question_alone(heading: str) -> float:
    results = []
    for frame in lines(heading):
        for question in QUESTIONS:
            found = plan(frame.format(q=question, Q=question[0].upper() + question[1:]))
            results.append(bool(found.complete and wanted(found) == wanted(plan(question))))
    return sum(results) / len(results)


def share_of_modifiers_that_are_noticed(heading: str) -> float:
    results = []
    for modified in lines(heading):
        for name, thing in QUANTITIES:
            found = plan(modified.format(p=name, t=thing))
            results.append(
                bool(not found.complete or wanted(found) != wanted(plan(f"{name} of the {thing}")))
            )
    return sum(results) / len(results)


@pytest.mark.parametrize(("lot", "least"), [("develop", 0.98), ("held out", 0.92)])
def test_frames_are_neutral(lot: str, least: float) -> None:
    assert share_of_frames_that_leave_a_question_alone(f"neutral {lot}") >= least


@pytest.mark.parametrize("lot", ["develop", "held out"])
def test_modifiers_are_dangerous(lot: str) -> None:
    assert share_of_modifiers_that_are_noticed(f"dangerous {lot}") == 1


def test_physics_is_told_from_everyday_words() -> None:
    assert all(map(is_physics, ("lattice", "Collider", "detectors", "neutrino")))
    assert not any(map(is_physics, ("grandma", "Tuesday", "pub", "poster", "thesis")))


def test_a_purpose_ahead_of_a_colon_says_nothing_of_the_quantity() -> None:
    assert plan(
        "For an estimate of the range of the strong force: what is the value of hbar*c in MeV fm?"
    ).complete
    assert not plan("In nuclear matter: mass of the zork").complete


@pytest.mark.parametrize(
    "question", ["Express the mass of the tau in kg", "Convert the Higgs mass to kilograms"]
)
def test_the_verb_of_a_command_is_no_obstacle(question: str) -> None:
    assert plan(question).complete


@pytest.mark.parametrize(
    "question", ["Dark photon mass", "Assume the muon mass in kg", "Ignore the mass of the tau"]
)
def test_other_first_words_are(question: str) -> None:
    assert not plan(question).complete


def test_adverbs_are_no_obstacle_unless_they_are_of_physics() -> None:
    assert plan("what is the typically quoted mass of the muon?").complete
    assert not plan("lifetime of the gravitationally bound neutron").complete


@pytest.mark.parametrize("further", ["Also the capital of France.", "Furthermore the price of gold."])
def test_a_further_wish_is_not_passed_over(further: str) -> None:
    assert not plan(f"What is the mass of the Z? {further}").complete
    assert plan("What is the mass of the Z? Also I need it by noon.").complete


def test_a_question_of_its_own_is_not_passed_over() -> None:
    assert not plan("Who said 'Who ordered that?' about the muon?").complete
    assert plan("In a HepMC dump I see id 3122. What particle is that?").complete


def test_what_each_is_and_their_difference_are_all_wanted() -> None:
    operations = [g.operation for g in plan("带电π介子和中性π介子的质量各是多少MeV,差多少?").goals]
    assert operations == ["value", "value", "difference"]


def test_a_participle_without_a_subject_speaks_of_the_asker() -> None:
    assert plan("Hi all, writing up a cosmic ray lab. What is the mean lifetime of the muon?").complete
    assert not plan("Assuming CPT violation. What is the mass of the antiproton?").complete
    assert not plan("Using lattice QCD. What is the mass of the proton?").complete


@pytest.mark.parametrize("question", [
    "If the muon had the mass of the electron, what would its lifetime be?",
    "If a muon had the electron's mass, how long would it live?",
    "If the proton had the charge of the neutron what would its mass be?",
    "If the mass of the muon were that of the electron, what is its lifetime?",
    "If baryons did decay to leptons, what is the mass of the proton?",
])  # fmt: skip
def test_what_is_supposed_of_a_particle_is_noticed(question: str) -> None:
    assert not plan(question).complete


@pytest.mark.parametrize(
    "question", ["If anyone knows: what is the mass of the muon?", "If I had a muon, how long would it live?"]
)
def test_what_is_supposed_of_a_person_changes_nothing(question: str) -> None:
    assert plan(question).complete


@pytest.mark.parametrize("formula", ["m(K)", "2 m(K)", "Γ(Z)", "[m(K)]", "mass of the K"])
def test_what_is_said_of_a_formula_behind_its_bracket_is_noticed(formula: str) -> None:
    assert plan(formula).complete
    assert [text for text, _ in plan(f"{formula} of zork").unread] == ["zork"]


def test_neutrinoless_is_said_again_of_a_decay_without_neutrinos() -> None:
    assert plan("limit on neutrinoless tau decay to mu gamma").complete
    assert not plan("limit on neutrinoless tau decay to mu nu nu").complete


def test_a_phrase_of_its_own_that_ends_with_one_says_which_is_meant() -> None:
    assert not plan("What is the mass of the muon, the tree level one?").complete
