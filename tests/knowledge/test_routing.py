"""Texts and questions are sorted into the eight fields by their words, and into none where the words say too little."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.records import DOMAINS
from yukawa.knowledge.routing import DATA, READ, UNKNOWN, FieldModel, features, field_of

SAYINGS = {
    "particle physics": "The branching fraction of this B meson decay is large.",
    "particle astrophysics": "LHAASO sees gamma rays from the Crab Nebula.",
    "experimental physics": "The drift chamber of BESIII has a good resolution.",
    "theoretical physics": "The Lagrangian of this gauge theory needs renormalization.",
    "accelerator physics": "The storage ring has a small emittance and a new klystron.",
    "synchrotron radiation": "The HEPS beamline does X-ray diffraction.",
    "neutron science": "CSNS is a spallation neutron source.",
    "computer science": "Compile the software with a Python script.",
}


@pytest.mark.parametrize("field", DOMAINS)
def test_each_field_is_known_by_its_words_in_any_case(field: str) -> None:
    for text in (SAYINGS[field], SAYINGS[field].upper(), SAYINGS[field].replace(" ", "\n  ")):
        assert field_of(text).field == field
        assert field_of(text).known


@pytest.mark.parametrize("text", ["", "?", "你好", "hello", "zxqv", "Where can I buy cheap shoes?"])
def test_what_says_too_little_is_unknown(text: str) -> None:
    guess = field_of(text)
    assert (guess.field, guess.known) == (UNKNOWN, False)
    assert guess.probability == max(guess.probabilities.values())


@given(st.text() | st.lists(st.sampled_from(" ".join(SAYINGS.values()).split())).map(" ".join))
def test_probabilities_are_of_the_eight_and_at_most_one_together(text: str) -> None:
    guess = field_of(text)
    assert tuple(guess.probabilities) == DOMAINS
    assert all(0 <= p <= 1 for p in guess.probabilities.values())
    assert sum(guess.probabilities.values()) <= 1 + 1e-9
    assert guess.field in (*DOMAINS, UNKNOWN)


@given(st.permutations(list("abcdefgh")), st.integers(1, 4))
def test_a_feature_counts_once_and_nothing_that_is_not_known_counts(words: list[str], times: int) -> None:
    sorter = FieldModel(["x", "none"], [0.0, 0.0], 1.0, 0.5, ["a", "b c"], bytes([3, 0, 2, 0]))
    once = sorter.guess(features(" ".join(words)))
    assert sorter.guess(features("\t".join([*words, "z"]))) == once
    assert sorter.guess(features(" z ".join([" ".join(words)] * times))) == once


def test_words_are_read_in_the_singular_with_their_neighbours() -> None:
    assert features("X-ray beamlines: C++") == [
        "x",
        "ray",
        "beamline",
        "c++",
        "x ray",
        "ray beamline",
        "beamline c++",
    ]
    assert features("class axis locus gas lens")[:5] == ["class", "axis", "locus", "gas", "len"]


def test_of_a_long_text_the_beginning_counts() -> None:
    assert field_of("neutron scattering " + "x" * READ + " quark " * 9) == field_of(
        "neutron scattering " + "x" * (READ - 19)
    )


def test_the_weights_are_small_and_whole() -> None:
    files = {file.name: file.stat().st_size for file in DATA.iterdir()}
    words = (DATA / "words.txt").read_text(encoding="utf-8").splitlines()
    assert sum(files.values()) < 1_000_000
    assert files["weights.bin"] == len(words) * (len(DOMAINS) + 1)
    assert words == sorted(set(words))
    assert all(features(word)[-1:] == [word] for word in words)


def test_numpy_is_not_needed() -> None:
    code = "import sys; from yukawa.knowledge.routing import field_of; field_of('neutron'); sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
