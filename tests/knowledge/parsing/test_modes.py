"""The stored mode that a channel means: its own, never another's."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace

import pytest

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.channels import canonical, pair_condition, read_channel
from yukawa.knowledge.parsing.modes import (
    ANY_FLAVOUR,
    BOTH_CHARGES,
    EITHER_LEPTON,
    MORE_SPECIFIC,
    SAME,
    best_modes,
    charge_problem,
    charges,
    conjugate,
    flavour_violation,
    mode_of,
)  # fmt: skip
from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.parsing.plan import Channel
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.sources.pdg.text import ascii_text, unicode_text

Modes = dict[str, str]  # descriptions by identifier
FORMS = (str, ascii_text, unicode_text)


def channel(text: str) -> Channel:
    plain = plain_ascii(text)
    return read_channel(plain, 0, len(plain))[0]


def found(subjects: str, wanted: str, *stored: str) -> list[tuple[str, int]]:
    modes = [canonical("X → " + text) for text in stored]
    places = best_modes(tuple(subjects.split()), channel(wanted), modes)
    return [(stored[place], level) for place, level in places]


# ---- laws -------------------------------------------------------------------------------------------


def wrong_modes(decay_modes: Modes, sample: set[str]) -> tuple[int, list[str], int]:
    """Numbers of questions and those without an answer, and the identifiers that got another mode's."""
    by_particle: dict[str, list[str]] = defaultdict(list)
    for identifier in decay_modes:
        by_particle[identifier.partition(".")[0]].append(identifier)
    subjects: dict[str, list[str]] = defaultdict(list)
    with closing(sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)) as connection:
        for identifier, name in connection.execute(
            "SELECT pdgid, name FROM pdgparticle WHERE cc_type != 'A'"
        ):
            if name in particle_table().particles:
                subjects[identifier].append(name)
    asked, none, wrong = 0, 0, []
    for particle, members in by_particle.items():
        wanted = [identifier for identifier in members if identifier in sample]
        modes = [canonical(decay_modes[i]) for i in members] if wanted else []
        for identifier in wanted:
            own = modes[members.index(identifier)]
            for form in FORMS:
                text = plain_ascii(form(decay_modes[identifier]))
                arrow = text.find("→")
                read, _ = read_channel(text, arrow + 1, len(text))
                read = replace(read, conditions=read.conditions + pair_condition(text[:arrow]))
                places = best_modes(subjects[particle], read, modes)
                asked += 1
                none += not places
                wrong += [identifier] if any(modes[place] != own for place, _ in places) else []
    return asked, wrong, none


def check(decay_modes: Modes, sample: set[str]) -> None:
    asked, wrong, none = wrong_modes(decay_modes, sample)
    assert asked == len(FORMS) * len(sample)
    assert len(wrong) <= 0.002 * asked, wrong
    assert len(wrong) + none <= 0.01 * asked


def test_a_mode_asked_by_its_name_is_found_as_itself(decay_modes: Modes) -> None:
    check(decay_modes, set(random.Random(5).sample(sorted(decay_modes), 600)))


@pytest.mark.slow
def test_every_mode_asked_by_its_name_is_found_as_itself(decay_modes: Modes) -> None:
    check(decay_modes, set(decay_modes))


def test_conjugation_is_an_involution() -> None:
    for text in (
        "K- pi+",
        "K^*(892) gamma",
        "Kbar pi",
        "lepton+ nu",
        "h- anything",
        "gamma f_0(1500) → gamma K+ K-",
    ):
        one = channel(text)
        assert {frozenset(p) for p in conjugate(conjugate(one)).products} == {
            frozenset(p) for p in one.products
        }


# ---- examples ---------------------------------------------------------------------------------------


def test_levels() -> None:
    assert found("D0", "K- pi+", "K- pi+", "K+ pi-", "K- pi+ pi0") == [("K- pi+", SAME)]
    assert found("Dbar0", "K+ pi-", "K- pi+", "K+ pi-") == [("K- pi+", SAME)]
    assert found("B0", "K* gamma", "K^*(892)0 gamma", "rho0 gamma") == [("K^*(892)0 gamma", MORE_SPECIFIC)]
    assert found("f_1(1285)0", "4pi", "4pi", "2pi0 pi+ pi-", "2pi+ 2pi-") == [("4pi", SAME)]
    assert found("Z0", "e+ mu-", "e+- mu-+", "e+ e-") == [("e+- mu-+", BOTH_CHARGES)]
    assert found("B0", "D- e+ nu_e", "D- lepton+ nu_lepton") == [("D- lepton+ nu_lepton", EITHER_LEPTON)]
    assert found("f_0(980)0", "K K", "K Kbar", "K+ K-") == [("K Kbar", MORE_SPECIFIC)]
    assert found("J/psi(1S)", "K*+ K-", "K^*(892)+ K- + c.c.") == [("K^*(892)+ K- + c.c.", BOTH_CHARGES)]


def test_a_fact_is_on_the_mode_of_its_channel() -> None:
    for name in ("D0 --> K^*(892)- pi+ , K^*()- --> K0S pi-", "f_0(980) --> K+ K- nonresonant"):
        mode = canonical(name)
        fact = Fact(
            "x",
            ("D0",),
            "branching-fraction",
            name,
            channel=mode.channel,
            qualifiers={**mode.qualifiers, "comment": "c"},
        )
        assert mode_of(fact) == mode


def test_virtual_bosons_and_neutrinos_of_either_kind() -> None:
    assert found("p", "K+ nubar", "K+ neutrino") == [("K+ neutrino", ANY_FLAVOUR)]
    assert found("p", "K+ nu", "K+ neutrino") == [("K+ neutrino", MORE_SPECIFIC)]
    assert found("H", "W W", "W W^*", "Z Z^*") == [("W W^*", SAME)]


def test_lepton_flavour_decides_among_equals() -> None:
    assert found("pi+", "mu nu", "mu+ nu_mu", "mu+ nu_e") == [("mu+ nu_mu", MORE_SPECIFIC)]
    stored = ("e- nubar_e nu_tau", "e- nu_e nubar_tau", "mu- nubar_mu nu_tau", "e- gamma")
    assert found("tau+ tau-", "e nu nu", *stored) == [(stored[0], MORE_SPECIFIC)]
    assert found("tau-", "e- nubar nubar", *stored) == []
    assert flavour_violation(("mu-",), ("e-", "gamma")) == 2
    assert flavour_violation(("mu-",), ("e-", "nubar_e", "nu_mu")) == 0


@pytest.mark.parametrize(("wanted", "stored"), [
    ("K- pi+", "(K- pi+)(S-wave)"), ("K- pi+", "K- pi+ nonresonant"), ("K- pi+ nonresonant", "K- pi+"), ("pi+ pi-", "pi pi"),
        ("gamma f_0(1500)", "gamma f_0(1500) → gamma K+ K-"), ("K0 pi0", "K(S)0 pi0"),
    ("pi- nu_tau", "h- nu_tau"), ("4pi", "2pi0 pi+ pi- gamma"),
    ("mu+ nu_mu gamma (SD+)", "mu+ nu_mu gamma"),
])  # fmt: skip
def test_what_is_not_the_same_is_not_found(wanted: str, stored: str) -> None:
    assert found("", wanted, stored) == []


def test_charge() -> None:
    assert charge_problem(("D0",), channel("K- pi+")) == ""
    assert charge_problem(("B+", "B0"), channel("K* gamma")) == ""
    assert charge_problem(("D0",), channel("K- pi+ pi+")) == "the charge of D0 is 0, that of K- pi+ pi+ is +1"
    assert charge_problem(("D0",), channel("K- anything")) == ""
    assert charges([("K+", "K-"), ("pi0",)]) == {1.0, -1.0}
    assert charges([("anything",)]) is None
