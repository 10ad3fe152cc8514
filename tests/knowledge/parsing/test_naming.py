"""Which things a sentence means."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.clauses import Clause, sentences
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import source, tokenise


def clauses(text: str, language: str = "en") -> list[Clause]:
    read = source(text)
    return list(sentences(read.plain, tokenise(read.plain, language), language))


def parts(text: str, *kinds: str, language: str = "en") -> list[str]:
    return [t.text for c in clauses(text, language) for t in c.tokens if t.kind in kinds]


def test_numbers_that_stand_for_particles() -> None:
    assert parts("particle 443", "code") == ["443"]
    assert parts("mass of MC id -321", "code") == ["-321"]
    assert parts("mass of 443 MeV", "code") == []


def test_numbers_that_multiply() -> None:
    assert parts("mass of 5 kaons", "factor") == ["5"]
    assert parts("mass of two protons", "factor") == ["two"]
    assert parts("the two neutral kaons", "factor") == []
    assert parts("out of 1000 K+ decays", "factor") == []


def test_the_antiparticle_of_a_thing_is_meant() -> None:
    (clause,) = clauses("charge of the antiparticle of the Sigma+")
    (thing,) = [t.value for t in clause.tokens if t.kind == "thing"]
    assert thing.names == ("Sigmabar-",)


def test_a_family_beside_its_members_announces_them() -> None:
    assert parts("the two neutral kaons, K-short and K-long", "thing") == ["K short", "K long"]


def test_signs_choose_states() -> None:
    (clause,) = clauses("masse du pion chargé", "fr")
    (thing,) = [t.value for t in clause.tokens if t.kind == "thing"]
    assert set(thing.names) == {"pi+", "pi-"}
    assert thing.state_given


def test_a_class_word_beside_a_thing_says_nothing_new() -> None:
    assert parts("masse du boson Z", "class", language="fr") == []
    assert parts("is the pion a meson", "class") == ["meson"]


def test_the_other_states_of_what_was_named() -> None:
    (clause,) = clauses("the neutral kaon or the charged one")
    neutral, charged = (t.value for t in clause.tokens if t.kind == "thing")
    assert set(charged.names) == {"K+", "K-"}
    assert not set(charged.names) & set(neutral.names)


def test_a_charge_before_its_noun_is_a_thing() -> None:
    assert parts("difference between the masses of the charged and the neutral pion", "thing") == [
        "charged",
        "neutral pion",
    ]
    assert parts("which is heavier, the charged or neutral kaon", "thing") == ["charged", "neutral kaon"]
    assert parts("the charged current and the neutral pion", "thing") == ["neutral pion"]


def test_the_parent_named_again_has_the_property_beside_it() -> None:
    assert parts("branching ratio of K+ → mu+ nu_mu and the K+ lifetime", "thing") == ["K+", "K+"]
    assert parts("Proton decay limit p → e+ pi0", "thing") == ["p"]


def test_words_of_flavour_in_a_row_with_a_quark_are_quarks() -> None:
    assert parts("charm to strange quark mass ratio", "thing") == ["charm", "strange quark"]
    assert parts("mass of the charm and the bottom quark", "thing") == ["charm", "bottom quark"]
    assert parts("Which quark is the lightest: up or down or strange?", "thing") == ["up", "down", "strange"]
    assert parts("strangeness and charm of the D_s+", "thing") == ["D_s+"]
    assert parts("How does it go up and down?", "thing") == []


def test_the_scale_of_a_running_mass() -> None:
    assert parts("mass of the strange quark at 2 GeV", "qualifier") == ["2 GeV"]
    assert parts("mass of the Z at 2 GeV", "qualifier") == []


@pytest.mark.parametrize(("question", "name"), [
    ("quark content of the baryon with MC code 4232", "Xi_c()+"),
    ("Mass of the baryon with Monte Carlo number 3312", "Xi-"),
    ("charge of the meson with id 521", "B+"),
])  # fmt: skip
def test_a_code_says_which_of_a_class(question: str, name: str) -> None:
    assert [[w.thing.names for w in goal.operands] for goal in plan(question).goals] == [[(name,)]]


def test_a_class_beside_a_particle_with_a_code_stays_a_class() -> None:
    operands = [w for goal in plan("mass of the baryons and of particle 443").goals for w in goal.operands]
    assert [w.thing.names[0] for w in operands] == ["class:baryon", "J/psi(1S)"]
