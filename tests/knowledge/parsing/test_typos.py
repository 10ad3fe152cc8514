"""Slips of the pen: one meaning is taken and said, none or several are left unread."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.typos import allowed_slips, corrections, is_content, meanings, unlikeliness


def test_few_letters_may_be_wrong_in_a_short_word() -> None:
    assert [allowed_slips(n) for n in (3, 4, 7, 8)] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lifetme", "lifetime"), ("widht", "width"), ("upislon", "upsilon"), ("protn", "proton"), ("nuetron", "neutron"),
        ("barion", "baryon"), ("magentic", "magnetic"), ("teh", "the"), ("waht", "what"), ("branchign", "branching"),
        ("masss", "mass"), ("higs", "higgs"), ("porton", "proton"), ("kaonn", "kaon"), ("widh", "width"), ("dcays", "decays"),
        ("kilogrms", "kilograms"), ("wich", "which"),
    ],
)  # fmt: skip
def test_the_likeliest_meaning_of_a_slip_comes_first(written: str, meant: str) -> None:
    assert meanings(written)[0] == meant


@pytest.mark.parametrize(
    "word", ["moon", "change", "person", "phonon", "mass", "proton", "zorblon", "photo", "axion", "xx", "4321", "mit"]
)  # fmt: skip
def test_a_real_word_or_one_like_nothing_is_left(word: str) -> None:
    assert meanings(word) == ()
    assert corrections([word]) == {}


def test_letters_doubled_and_swapped_are_likelier_than_others() -> None:
    assert (
        unlikeliness("masss", "mass")
        == unlikeliness("higs", "higgs")
        == unlikeliness("porton", "proton")
        == 0
    )
    assert 0 < unlikeliness("widh", "width") < unlikeliness("widh", "with")


def test_of_two_particles_that_a_slip_may_mean_none_is_taken() -> None:
    assert (
        plan("mass of the poton").problem == "'poton' may be 'photon' or 'proton': type the one that is meant"
    )


@pytest.mark.parametrize(
    ("question", "property_name"), [("widh of the Higgs", "width"), ("chare of the Delta++", "charge")]
)
def test_the_meaning_that_makes_a_question_is_taken(question: str, property_name: str) -> None:
    assert [w.property for goal in plan(question).goals for w in goal.operands] == [property_name]


@pytest.mark.parametrize(
    ("language", "written", "meant"),
    [
        ("de", "lebensdaur", "lebensdauer"), ("de", "ladugn", "ladung"), ("de", "elektorn", "elektron"), ("de", "fuer", "fur"),
        ("fr", "lageur", "largeur"), ("fr", "chareg", "charge"), ("fr", "nutron", "neutron"), ("fr", "massedu", "masse du"),
        ("en", "massof", "mass of"), ("en", "muonmass", "muon mass"),
    ],
)  # fmt: skip
def test_slips_in_other_languages_and_without_spaces(language: str, written: str, meant: str) -> None:
    assert meanings(written, language)[0] == meant


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("de", "kasse"),
        ("de", "leitung"),
        ("fr", "classe"),
        ("fr", "charme"),
        ("zh", "mass"),
        ("en", "income"),
    ],
)
def test_real_words_of_other_languages_are_no_slips(language: str, word: str) -> None:
    assert corrections([word], language) == {}


def test_only_what_names_something_is_said() -> None:
    assert is_content("width")
    assert is_content("muon")
    assert not is_content("what")
