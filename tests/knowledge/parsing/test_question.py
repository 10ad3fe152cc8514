"""Reading a sentence: equal keys mean the same quantity of the same thing, in whatever words and notation."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing import (
    claim_key,
    decay_keys,
    difference_keys,
    particle_table,
    plain_ascii,
    read,
)
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.sources.pdg.text import plain, pretty

DECAYS = [
    ("tau-", ("pi-", "pi0", "nu_tau")), ("mu-", ("e-", "nubar_e", "nu_mu")), ("pi+", ("mu+", "nu_mu")), ("K+", ("pi+", "pi+", "pi-")),
    ("D_s()+", ("K+", "K-", "pi+")), ("B_s()0", ("mu+", "mu-")), ("B0", ("K^*(892)0", "gamma")), ("Lambda_c()+", ("p", "K-", "pi+")),
    ("Sigma+", ("p", "pi0")), ("Sigma-", ("n", "pi-")), ("Omega-", ("Lambda0", "K-")), ("W+", ("e+", "nu_e")), ("t", ("W+", "b")),
    ("n", ("p", "e-", "nubar_e")), ("Lambda_b()0", ("Lambda_c()+", "pi-")), ("J/psi(1S)", ("mu+", "mu-")), ("Delta(1232)++", ("p", "pi+")),
]  # fmt: skip
particles = st.sampled_from(sorted(particle_table().particles))


def sentence(subject: str, products: tuple[str, ...], form: object = str) -> str:
    assert callable(form)
    return f"The branching fraction of {form(subject)} → {' '.join(form(p) for p in products)}"


def conjugate(name: str) -> str:
    return particle_table().particles[name].conjugate


# ---- laws of claim keys -----------------------------------------------------------------------------


@pytest.mark.parametrize(("subject", "products"), DECAYS, ids=[s for s, _ in DECAYS])
def test_a_decay_and_its_charge_conjugate_have_one_key(subject: str, products: tuple[str, ...]) -> None:
    mirrored = conjugate(subject), tuple(conjugate(p) for p in products)
    keys = decay_keys([subject], "branching-fraction", products)
    assert len(keys) == 1
    assert decay_keys([mirrored[0]], "branching-fraction", mirrored[1]) == keys
    for form in (plain, pretty):
        assert keys[0] in set(read(sentence(subject, products, form)).keys())
        assert keys[0] in set(read(sentence(*mirrored, form)).keys())


@given(particles, st.lists(particles, min_size=1, max_size=4))
def test_any_decay_and_its_charge_conjugate_have_one_key(subject: str, products: list[str]) -> None:
    table = particle_table().particles
    if any(table[n].conjugate == n and table[n].charge for n in (subject, *products)):
        return  # exotic states that the data list with one charge only
    if not table[subject].is_antiparticle and table[subject].conjugate == subject:
        return  # its own antiparticle: both decays are its own, and differ
    mirrored = decay_keys([table[subject].conjugate], "width", [table[p].conjugate for p in products])
    assert decay_keys([subject], "width", products) == mirrored


@pytest.mark.parametrize(("subject", "products"), DECAYS, ids=[s for s, _ in DECAYS])
def test_the_order_of_products_does_not_matter(subject: str, products: tuple[str, ...]) -> None:
    keys = {decay_keys([subject], "branching-fraction", p) for p in itertools.permutations(products)}
    assert len(keys) == 1
    assert len({read(sentence(subject, p, pretty)).keys() for p in itertools.permutations(products)}) == 1


@given(particles, st.lists(particles, min_size=1, max_size=4))
def test_charge_is_conserved(subject: str, products: list[str]) -> None:
    table = particle_table().particles
    charges = [table[n].charge for n in (subject, *products)]
    assert None not in charges
    first, *rest = (c or 0.0 for c in charges)
    assert bool(decay_keys([subject], "width", products)) == (abs(sum(rest) - first) < 0.01)


@given(particles, particles)
def test_a_mass_difference_has_the_same_key_from_both_sides(first: str, second: str) -> None:
    assert difference_keys([first], [second]) == difference_keys([second], [first])
    assert difference_keys([conjugate(first)], [second]) == difference_keys([first], [second])
    assert difference_keys([first], [first]) == ()


def test_keys_of_different_properties_and_particles_differ() -> None:
    keys = [claim_key(s, p, ()) for s in ("tau-", "mu-", "pi+", "pi0", "K+") for p in ("mass", "lifetime")]
    assert len(set(keys)) == len(keys)


def test_decays_of_the_pdg_are_read_in_every_notation(pdg_statements: list[Statement]) -> None:
    table = particle_table()
    wrong, total = [], 0
    fractions = (
        f
        for s in pdg_statements[::5]
        for f in s.facts[:1]
        if f.property == "branching-fraction" and f.channel
    )
    for fact in fractions:
        for subject in (name for name in fact.subjects if name in table.particles):
            meant = decay_keys([subject], "branching-fraction", fact.channel)
            if not set(fact.channel) <= table.particles.keys() or len(meant) != 1:
                continue
            for form in (plain, pretty):
                total += 1
                if meant[0] not in set(read(sentence(subject, fact.channel, form)).keys()):
                    wrong.append((sentence(subject, fact.channel, form), meant))
    assert total > 1000
    assert wrong == []


# ---- what is asked ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("prop", "questions"), [
    ("mass", ["What is the mass of the tau?", "How heavy is the τ lepton?", r"$m_\tau$", "tau mass", "m(tau)",
    "How much does the tau weigh?",
              "What is the rest energy of the tau?"]),
    ("lifetime", ["tau lifetime", "How long does the tau live?", "mean life of the τ", "What is the average lifetime of the tau lepton?",
                  "How long does a tau last before it decays?"]),
    ("width", ["Z width", "What is the total width of the Z boson?", "Gamma(Z)", "How broad is the Z?", "the Z's decay width", "Γ_Z"]),
    ("branching-fraction", ["B(B_s0 -> mu+ mu-)", "branching ratio of B_s to two muons", "How often does a B_s^0 decay to mu+ mu-?",
                            "B_s⁰ → μ⁺ μ⁻", "BR(Bs0 → mu+ mu-)", "What fraction of B_s0 decays into mu+ mu-?"]),
    ("quantum-numbers", ["What is the spin of the photon?", "J^PC of the photon", "parity of the photon", "quantum numbers of γ",
                         "What is the electric charge of the photon?"]),
    ("main-decay-modes", ["What are the main decay modes of the tau?", "How does the tau decay?", "What does the tau decay into?",
                          "dominant decay channel of τ"]),
    ("magnetic-moment", ["magnetic moment of the proton", "What is the proton's magnetic dipole moment?"]),
    ("magnetic-moment-anomaly", ["anomalous magnetic moment of the muon", "muon g-2", "magnetic moment anomaly of the electron"]),
    ("mass-difference", ["mass difference of the neutron and the proton", "How much heavier is the neutron than the proton?",
                         "n-p mass splitting"]),
    ("charge-radius", ["charge radius of the proton"]),
    ("electric-dipole-moment", ["neutron EDM", "electric dipole moment of the electron"]),
    (None, ["Who wrote the book?", "The detector is cold."]),
])  # fmt: skip
def test_properties(prop: str | None, questions: list[str]) -> None:
    assert {q: read(q).property for q in questions} == dict.fromkeys(questions, prop)


@pytest.mark.parametrize("text", [
    "branching fraction of B_s^0 to mu+ mu-", "B(B_s0 -> mu+ mu-)", r"$B^0_s \to \mu^+\mu^-$", "B_s⁰ → μ⁺ μ⁻", "B_s -> mu- mu+",
    "How often does the Bs0 decay to mu+ and mu-?", "rate of Bs0 into a muon pair", "Bbar_s0 -> mu+ mu-",
])  # fmt: skip
def test_one_decay_in_many_words_has_one_key(text: str) -> None:
    key = decay_keys(["B_s()0"], "branching-fraction", ["mu+", "mu-"])[0]
    assert key in set(read(text).keys())


def test_a_cascade_is_named_by_its_first_step() -> None:
    reading = read("branching fraction of B+ -> J/psi K+ -> mu+ mu- K+")
    assert reading.subjects == ("B+",)
    assert reading.channel == (("J/psi(1S)",), ("K+",))


def test_multiplicities_count() -> None:
    assert read("J/psi -> 2pi+ 2pi-").keys() == read("J/psi -> pi+ pi+ pi- pi-").keys() != ()
    assert read("pi0 -> two photons").keys() == read("pi0 → γ γ").keys() != ()


def test_words_left_over_are_content() -> None:
    reading = read("What is the mass of the tau sneutrino in the attic?")
    assert set(reading.words) == {"sneutrino", "attic"}


@pytest.mark.parametrize(
    "text", ["mass of the zorblon", "lifetime of X(9173)", "branching fraction of Lambda_q+ -> p K- pi+"]
)
def test_what_is_not_there_has_no_keys(text: str) -> None:
    assert read(text).keys() == ()


# ---- any text ---------------------------------------------------------------------------------------


@given(st.text(max_size=80) | st.lists(st.sampled_from(
    ["tau", "mass of ", "→", " -> ", "B_s^0", "how ", "decay ", "to ", "two ", "0 ", "9 ", "pi+ ", "pairs ",
    "mass difference ", "¤", "§", "?", "(",
     ")", "Gamma", "/", "K", " in ", "٣ ", "than ", "heavier "]), max_size=14).map("".join))  # fmt: skip
def test_any_text_can_be_read(text: str) -> None:
    reading = read(text)
    assert reading.plain == plain_ascii(text)
    assert all(" " not in term and term for term in reading.terms())
    assert len(reading.keys(limit=64)) <= 128


@pytest.mark.slow
@pytest.mark.parametrize("unit", [
    "K_S^0 ", "(", "-", "pi+", "K+→", "→", "mass of ", "natural ", "main ", "how does ", "heavier is ",
    "anomalous ", "a", "\\bar ", "to K ",
    "time ", "Gamma(→", "1,000", "what ", "charged pi+ ",
])  # fmt: skip
def test_time_is_in_proportion_to_the_length(unit: str) -> None:
    text = unit * (50_000 // len(unit))
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 2
