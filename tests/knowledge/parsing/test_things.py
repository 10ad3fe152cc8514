"""Particles in questions: the state said is the state found, and what only looks like a name is marked."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Thing
from yukawa.knowledge.parsing.things import edit_distance, find_identifiers, find_things, nearest_name

PARTICLES = particle_table().particles


def only(text: str) -> Thing:
    found = find_things(text)
    assert len(found) == 1, (text, found)
    return found[0]


# ---- laws -------------------------------------------------------------------------------------------


def test_a_name_with_its_charge_is_that_state_alone() -> None:
    wrong = []
    for name, particle in PARTICLES.items():
        if not name.endswith(("+", "-", "0")) or not particle.charge or "(~" in name:
            continue
        found = find_things(f"charge of the {name}")
        if (
            len(found) != 1
            or not found[0].state_given
            or {PARTICLES[n].charge for n in found[0].names} != {particle.charge}
        ):
            wrong.append((name, found))
    assert wrong == []


def test_antiparticles_by_their_prefix_are_the_conjugates() -> None:
    for name, particle in PARTICLES.items():
        if (
            particle.conjugate != name
            and "bar" not in name
            and not particle.is_antiparticle
            and " " not in name
        ):
            (thing,) = find_things(f"anti-{name}") or [Thing((), "", (0, 0))]
            partners = {particle.conjugate}
            # 'anti-Sigma-' is what event generators call the antiparticle of the Sigma+.
            partners |= {
                n for n, p in PARTICLES.items() if p.is_antiparticle and n.replace("bar", "", 1) == name
            }
            assert set(thing.names) <= partners, (name, thing)
            assert thing.names, name


def test_monte_carlo_numbers_lead_to_their_states() -> None:
    for number, name in particle_table().numbers.items():
        assert (only(f"particle {number}").names, only(f"particle {number}").state_given) == ((name,), True)
        assert only(f"mass of PDG ID {number}?").names == (name,)


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["Z'", "pi+", "\u200b", "\u202e", "K", "̄", "⁰", " particle ", "443", "S035", "M", "τ子", "&pi;", "<sup>+</sup>", "\\", "$", "é", "р"]),
    max_size=10).map("".join))  # fmt: skip
def test_things_are_places_of_the_question(text: str) -> None:
    for thing in find_things(text):
        assert text[slice(*thing.span)] == thing.text
        assert set(thing.names) <= PARTICLES.keys()


def test_a_misspelt_name_is_proposed_as_itself() -> None:
    rng = random.Random(3)
    words = [
        "proton",
        "neutron",
        "electron",
        "positron",
        "photon",
        "gluon",
        "upsilon(1S)",
        "upsilon(2S)",
        "lambda_c",
        "neutrino",
    ]
    for word in words:
        for _ in range(20):
            place = rng.randrange(len(word) - 1)
            if not (word[place].isalpha() and word[place + 1].isalpha()) or word[place] == word[place + 1]:
                continue
            swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            found = nearest_name(swapped)
            assert (
                found is None
                or found[1] == find_things(word)[0].names
                or set(found[1]) == set(find_things(word)[0].names)
            ), swapped


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_the_edit_distance_is_symmetric(one: str, other: str) -> None:
    assert edit_distance(one, other, 9) == edit_distance(other, one, 9)
    assert (edit_distance(one, other, 9) == 0) == (one == other)


# ---- examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "name"), [
    ("charge of the pi-", "pi-"), ("K-", "K-"), ("tau+", "tau+"), ("the antiproton", "pbar"), ("the positron", "e+"),
    ("anti-Lambda", "Lambdabar0"), ("mass of the particle with code -321", "K-"), ("MC id 4122", "Lambda_c()+"),
    ("τ轻子的寿命", "tau-"), ("质子的质量", "p"), ("ミューオンの寿命", "mu-"), ("中性子", "n"), ("die Masse des Myons", "mu-"),
    ("la masse de l'électron", "e-"), ("boson Z", "Z0"), ("masa del protón", "p"), ("massa del neutrone", "n"), ("quark top", "t"),
    ("Sigma_plus", "Sigma+"), ("B0bar", "Bbar0"), ("K_short", "K(S)0"), ("&pi;<sup>+</sup>", "pi+"), ("anti-B_s0", "Bbar_s()0"),
    ("B_d", "B0"), ("K∗⁰", "K^*(892)0"), ("D_s*+", "D_s^*()+"), ("π−", "pi-"), ("K＊⁰", "K^*(892)0"), ("the Z's width", "Z0"),
    ("p\u200bi+", "pi+"), ("J/ψ粒子", "J/psi(1S)"), ("S035", "tau-"), ("K介子", "K+"), ("lepton tau", "tau-"),
    ("sigma zero lifetime", "Sigma0"),
    ("das positive Kaon", "K+"), ("el bosón W negativo", "W-"), ("cascade minus", "Xi-"), ("lifetime of the tau-lepton", "tau-"),
    ("c tau of the B0", "B0"), ("K-decays", "K+"), ("le pion chargé", "pi+"), ("negatively charged pion", "pi-"),
])  # fmt: skip
def test_names_in_every_notation(text: str, name: str) -> None:
    assert only(text).names[0] == name or (name in only(text).names and not only(text).state_given)


@pytest.mark.parametrize("text", [
    "Z'", "W'", "t'", "b'", "Z prime", "W-prime", "\\tilde{t}", "t̃", "the charged Higgs", "the dark photon", "sterile neutrino",
    "rho'", "excited electron", "K**0", "PDG ID 99999", "neutral proton", "Z''", "corsika code 5",
])  # fmt: skip
def test_what_only_looks_like_a_name_has_none(text: str) -> None:
    assert only(text).names == ()


@pytest.mark.parametrize("text", [
    "in PDG 2024", "in the 2016 edition", "the lifetime in s", "5 g", "10 电子伏特", "рi+", "К+", "quark model", "bs", "e.g. this",
    "What that",
    "longer than 2e-10 s", "hbar c in MeV fm", "a 0,999c", "existe-t-il", "d'avance",
])  # fmt: skip
def test_what_is_no_particle_gives_nothing(text: str) -> None:
    assert find_things(text) == []


def test_the_state_said_is_the_state_found() -> None:
    for text, names in {
        "le pion chargé": {"pi+", "pi-"},
        "neutral kaon": {"K0", "Kbar0", "K(S)0", "K(L)0"},
        "charged kaons": {"K+", "K-"},
    }.items():
        thing = only(text)
        assert (set(thing.names), thing.state_given) == (names, True)
    assert {n for thing in find_things("Lambda plus photon") for n in thing.names} == {"Lambda0", "gamma"}


def test_identifiers() -> None:
    assert find_identifiers("what is S035M, and S035.7?") == [("S035M", (8, 13)), ("S035.7", (19, 25))]
    assert find_identifiers("A123 items in Room B12") == []


@pytest.mark.parametrize(("written", "meant"), [
    ("upislon(1S)", "Upsilon(1S)"), ("protn", "p"), ("neutorn", "n"), ("elctron", "e-"), ("higs", "H"), ("jspi", "J/psi(1S)"),
])  # fmt: skip
def test_nearest_names(written: str, meant: str) -> None:
    found = nearest_name(written)
    assert found is not None
    assert meant in found[1]


@pytest.mark.parametrize(
    "word",
    ["poton", "psi(3S)", "boson", "branching", "particle", "function", "nation", "pions", "teh", "tua"],
)
def test_no_name_is_near(word: str) -> None:
    assert nearest_name(word) is None
