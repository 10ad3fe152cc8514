"""The particles of a sentence, by every table's names; what may be another particle is refused, and a hint is never a guess."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.naming import named_particles
from yukawa.generators.plans import UnreadSentence
from yukawa.generators.species import known_species
from yukawa.knowledge.parsing.particles import particle_table


def names(plain: str) -> list[tuple[str, ...]]:
    return [each.options for each in named_particles(plain)]


def test_every_particle_of_the_table_that_the_review_lists_is_read_by_its_name():
    numbered = particle_table().numbers
    lost = []
    for name, each in known_species().items():
        if each.number in numbered and not each.is_parton and each.mass is not None:
            found = names(f"B0 → {name} pi0")
            if len(found) != 3 or each.number not in {known_species()[option].number for option in found[1]}:
                lost.append(name)
    assert lost == ["Y(4260)"]  # read as psi(4260), under another number


def test_an_antiparticle_is_read_by_its_charge_alone():
    assert names("Lambda_c+ Lambda_c- Xi- Xi+ p-")[1::2] == [("anti-Lambda_c-",), ("anti-Xi+",)]


@pytest.mark.parametrize(
    ("plain", "hint"),
    [
        ("B0 → K+ blurb-", ""), ("B0 → L pi0", ""), ("B0 → K_z+ pi-", ""),
        ("B0 → chi_c7 K+", ""), ("B0 → Lambda_bb K+", ""), ("psi(2S) → Xi_c*+++ pi0", ""), ("B0 → rhoo+ pi-", "write rho+"),
    ],
)  # fmt: skip
def test_a_hint_is_given_for_a_slip_of_one_letter_in_a_long_name_alone(plain, hint):
    with pytest.raises(InputError, match="which is not a particle of the tables") as raised:
        named_particles(plain)
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    ("plain", "flags"),
    [
        ("A0, B0 and K+", ["apart", "listed"]), ("K+ with pi- and", ["begins"]), ("pi+ pi-", []),
        ("K+ K- or pi+", ["instead"]), ("mu+- e-+", ["either"]), ("the K+ of both phi → K+", ["every"]),
    ],
)  # fmt: skip
def test_what_comes_between(plain, flags):
    found = named_particles(plain, strict=False)
    assert all(any(getattr(each, flag) for each in found) for flag in flags)
    if not flags:
        assert not any(each.begins or each.listed or each.joined for each in found)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("bs", "Bs"), ("bd", "Bd"), ("lb", "Lb"), ("d0", "D0"), ("d0bar", "D0bar"), ("d*+", "D*+"), ("k*0", "K*0"), ("ds-", "Ds-"),
        ("bc+", "Bc+"), ("lc+", "Lc+"), ("b-", "B-"),
    ],
)  # fmt: skip
def test_a_name_without_its_capital_letter_is_the_same_particle(typed, meant):
    assert names(f"{typed} pi0") == names(f"{meant} pi0")


@pytest.mark.parametrize(
    "plain",
    ["xyz to J/psi phi, J/psi to mu+ mu-", "D0 → k pi pi0", "D0 → m pi0"],
)
def test_what_may_be_a_particle_never_vanishes(plain):
    with pytest.raises(UnreadSentence, match="beside the particles means is not read"):
        named_particles(plain)


@pytest.mark.parametrize("plain", ["10k events of D0 → K- pi+", "D0 → K- pi+ with 2 M events, 1e6 of them"])
def test_a_thousand_is_no_particle(plain):
    assert len(named_particles(plain)) == 3
