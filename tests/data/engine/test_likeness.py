"""When two questions are the same: what is read decides, then particulars, then meaning."""

from __future__ import annotations

from itertools import combinations

import pytest

from yukawa.data.engine.likeness import Known, as_particle, comparable, features, overlap
from yukawa.embedding import open_embedder

SAME = [
    ("What is the mass of the J/psi?", "How heavy is the J/psi meson?"),
    ("What is the mass of the J/psi?", "Wie groß ist die Masse des J/psi?"),
    ("What is the mass of the J/psi?", "J/ψ 的质量是多少？"),
    ("What is the lifetime of the tau?", "How long does the tau- live?"),
    ("What is the branching fraction of B0 -> D_s*- K+?", "How often does the B0 decay to K+ D_s*-?"),
    ("Is the Z heavier than the W?", "Is the Z boson heavier than the W boson?"),
]
DIFFERENT = [
    ("What is the mass of the J/psi?", "What is the mass of the psi(2S)?"),
    ("What is the width of the Z?", "What is the width of the W?"),
    ("What is the lifetime of the K_S0?", "What is the lifetime of the K_L0?"),
    ("What is the mass of the Z?", "What is the width of the Z?"),
    (
        "What is the cross section of e+ e- to mu+ mu- at 91 GeV?",
        "What is the cross section of e+ e- to mu+ mu- at 161 GeV?",
    ),
    ("Is the Z heavier than the W?", "Is the W heavier than the Z?"),
    (
        "What is the branching fraction of K+ -> mu+ nu_mu?",
        "What is the branching fraction of K+ -> e+ nu_e?",
    ),
    ("What is the mass of the Z in GeV squared?", "What is the mass of the Z?"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_other_words_and_languages_ask_the_same(one: str, other: str) -> None:
    assert comparable(features(one), features(other)) is True


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_twins_are_different(one: str, other: str) -> None:
    assert comparable(features(one), features(other)) is False


def test_it_does_not_matter_which_comes_first() -> None:
    for one, other in combinations([q for pair in (*SAME, *DIFFERENT) for q in pair], 2):
        assert comparable(features(one), features(other)) == comparable(features(other), features(one))


def test_what_is_not_read_is_left_to_the_meaning() -> None:
    one, other = features("Why is the sky dark at night?"), features("How come the night sky is dark?")
    assert comparable(one, other) is None


def test_known_questions_are_found() -> None:
    known = Known(open_embedder("hash"))
    known.add("What is the mass of the J/psi?", 1)
    known.add("Why is the sky dark at night?", 2)
    assert known.find("How heavy is the J/psi(1S)?") == 1
    assert known.find("why is the sky dark at night") == 2
    assert known.find("Why is the sky so dark at night?") == 2  # the hashing embedder finds spelling
    assert known.find("What is the mass of the psi(2S)?") is None
    assert known.find("Why is the sun bright?") is None


def test_without_vectors_equal_words_count() -> None:
    known = Known(open_embedder("none"))
    known.add("Why is the sky dark at night?", 2)
    assert known.find("Why is the sky dark, at night?") == 2
    assert known.find("Why is the night sky dark?") is None


def test_overlap_is_of_terms() -> None:
    a, b, c = (
        features(f"What is the {p} of the {x}?") for p, x in (("mass", "Z"), ("width", "Z"), ("spin", "tau"))
    )
    assert overlap(a, a) == 1
    assert overlap(a, b) > overlap(a, c)


def test_particles_stand_for_their_antiparticles() -> None:
    assert as_particle("tau+") == "tau-" == as_particle("tau-")
    assert as_particle("constant:alpha") == "constant:alpha"
