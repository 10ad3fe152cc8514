"""The question the other way round: which particle has these quarks, quantum numbers, this number."""

from __future__ import annotations

import itertools

import pytest

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Amount, Goal
from yukawa.knowledge.parsing.searching import contents_equal, contents_hold


def goal(question: str) -> Goal:
    read = plan(question)
    assert read.complete, read
    (found,) = read.goals
    return found


def test_the_order_of_quarks_does_not_matter() -> None:
    for order in itertools.permutations(["u", "dbar", "s"]):
        assert contents_equal("u dbar s", " ".join(order))
    assert contents_equal("u ubar, d dbar", "dbar d")
    assert not contents_equal("uud", "udd")
    assert not contents_equal("c dbar", "cbar d")


def test_what_holds_quarks_holds_fewer_of_them_and_a_quark_may_be_an_antiquark() -> None:
    assert contents_hold("u dbar, s sbar", "s s")
    assert contents_hold("uds", "u d")
    assert contents_hold("c bbar", "b")
    assert not contents_hold("c bbar", "b b")
    assert not contents_hold("cbar b", "bbar")
    assert not contents_hold("u dbar, s sbar", "u s")


@pytest.mark.parametrize(
    ("question", "thing", "quarks"),
    [
        ("what baryon has quark content uss?", "class:baryon", "u s s"),
        ("Which particle is made of three strange quarks?", "class:particle", "s s s"),
        ("Which meson consists of a charm and an anti-down quark?", "class:meson", "c dbar"),
        ("Which particle is made up of two up quarks and a down quark?", "class:particle", "u u d"),
        ("Welches Teilchen besteht aus drei Strange-Quarks?", "class:particle", "s s s"),
        ("Quelle particule est composée de deux quarks up et un quark down ?", "class:particle", "u u d"),
        ("ストレンジクォーク3つからなる粒子は何ですか", "class:particle", "s s s"),
        ("which meson is made of c cbar", "class:meson", "c cbar"),
    ],
)
def test_quarks_in_words_and_letters(question: str, thing: str, quarks: str) -> None:
    found = goal(question)
    assert (found.operation, found.operands[0].thing.names, found.operands[0].property) == (
        "reverse",
        (thing,),
        "quark-content",
    )
    assert isinstance(found.asserted, str)
    assert sorted(found.asserted.split()) == sorted(quarks.split())


def test_of_a_named_particle_the_quarks_are_a_question_of_yes_or_no() -> None:
    found = goal("Is the proton made of uud?")
    assert (found.operation, found.operands[0].thing.names, found.asserted) == ("is", ("p",), "u u d")
    assert goal("what are protons made of?").operation == "value"


@pytest.mark.parametrize("question", ["Which meson is made of one quark?", "Which meson is made of cheese?"])
def test_what_is_no_content_of_quarks_is_not_read_as_one(question: str) -> None:
    assert all(g.asserted is None for g in plan(question).goals)


@pytest.mark.parametrize(
    ("question", "number"),
    [("what is -321?", -321), ("What particle has the number 211?", 211), ("which particle is -13", -13)],
)
def test_a_bare_number_is_a_monte_carlo_number(question: str, number: int) -> None:
    found = goal(question)
    assert found.operands[0].property == "monte-carlo-number"
    assert isinstance(found.asserted, Amount)
    assert found.asserted.value == number


@pytest.mark.parametrize("question", ["what is 42", "what is 2.5", "what is 300 GeV", "what is 211 plus 3"])
def test_other_numbers_are_none(question: str) -> None:
    assert not plan(question).complete


@pytest.mark.parametrize(
    ("question", "numbers"),
    [("Which mesons have J^PC 1^-+?", "1^-+"), ("which mesons are 1-- states", "1^--"), ("baryons with J^P = 1/2^+", "1/2^+"),
     ("which mesons have 0^{++}", "0^++")],
)  # fmt: skip
def test_quantum_numbers(question: str, numbers: str) -> None:
    assert goal(question).asserted == numbers


@pytest.mark.parametrize("question", ["Is the J/psi 1--?", "the tau mass is 1776 +- 1 MeV"])
def test_signs_behind_a_number_are_not_swallowed(question: str) -> None:
    assert not plan(question).complete


def test_whether_a_particle_is_its_own_antiparticle() -> None:
    found = goal("Is the K0 its own antiparticle?")
    assert (found.operation, found.asserted) == ("is", "itself")
    assert len(plan("Are the Z and the photon their own antiparticles?").goals) == 2


def test_further_properties_are_those_of_what_has_the_quarks() -> None:
    goals = plan("Which baryon is made of three strange quarks, and what is its charge and spin?").goals
    assert [(g.operation, g.operands[0].property) for g in goals] == [
        ("reverse", "quark-content"), ("list", "charge"), ("list", "spin"),
    ]  # fmt: skip
    assert all([f.amount for f in g.filters] == ["s s s"] for g in goals[1:])
