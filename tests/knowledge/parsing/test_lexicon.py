"""The words of five languages: headings, phrases, names, measured lists."""

from __future__ import annotations

import pytest

from yukawa.knowledge.facts import PROPERTIES
from yukawa.knowledge.parsing.lexicon import LANGUAGES, language_of, lexicon, names_in, phrases, word_list
from yukawa.knowledge.parsing.particles import find_particles
from yukawa.knowledge.parsing.spelling import plain_ascii

DERIVED = {"half-life", "decay-length", "energy-release", "rest-energy", "decays"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_property_of_the_lexicon_is_one_of_facts(language: str) -> None:
    named = {value for kind, value, _ in lexicon(language).entries if kind == "property"}
    assert named <= set(PROPERTIES) | DERIVED


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_is_read_in_its_place(language: str) -> None:
    for written, english in lexicon(language).names.items():
        assert list(names_in(written, language)) == [(0, len(written), english)]
        if "magneton" not in english:
            mentions = find_particles(plain_ascii(english))
            assert mentions, english
            assert mentions[0].start == 0 or " of the " in english
            assert mentions[-1].end == len(plain_ascii(english))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_stands_twice_under_one_heading(language: str) -> None:
    entries = lexicon(language).entries
    assert len(set(entries)) == len(entries)


def test_english_is_read_in_every_language() -> None:
    asked = {entry for entry in lexicon("en").entries if entry[0] != "stated"}
    assert asked < set(phrases("de"))


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is the mass of the muon?", "en"), ("mass Z", "en"), ("τ_Λ", "en"), ("Wie groß ist die Masse des Myons?", "de"),
        ("Quelle est la masse du boson Z ?", "fr"), ("质子的质量", "zh"), ("陽子の質量は?", "ja"), ("Masse des Z-Bosons in GeV/c²?", "de"),
        ("Masse vom Z-Boson", "de"), ("Magnetisches Moment des Neutrons in Kernmagnetonen?", "de"), ("Isospin du Delta(1232) ?", "fr"),
        ("Masse du quark charm ?", "fr"), ("rayon du proton en fm", "fr"), ("D0 → K- pi+", "en"), ("Lebensdauer Myon", "de"),
        ("mass of the 质 particle", "en"),
    ],
)  # fmt: skip
def test_the_language_of_a_question(question: str, language: str) -> None:
    assert language_of(question) == language


def test_words_of_physics_are_told_from_everyday_ones() -> None:
    physics = word_list("physics")
    assert {"quenched", "supersymmetric", "lattice", "boson", "detector"} <= physics
    assert not {"grandma", "dinner", "tuesday", "thesis", "the", "kitchen"} & physics
    assert {"moon", "change"} <= word_list("everyday")
