"""The laws: order of daughters and charge conjugation change none; slips and searches differ; qrules is of the same mind."""

from __future__ import annotations

import random

import pytest

from yukawa.generators.laws import flavour_change, violations
from yukawa.generators.reading import read_card
from yukawa.generators.species import SpeciesNames, flavours, known_species

NAMES = SpeciesNames()


def conjugate(species):
    return NAMES.get(NAMES.antiparticle(species))


def codes(parent: str, daughters: str, model: str = "PHSP") -> list[str]:
    species = [NAMES.get(name) for name in daughters.split()]
    return [each.code for each in violations(model, NAMES.get(parent), species, conjugate)]


def some_modes(count: int) -> list[tuple[str, str]]:
    numbers = random.Random(20)
    names = [
        name
        for name, each in known_species().items()
        if not each.is_parton and "geantino" not in name and abs(each.number) not in range(40, 102)
    ]
    return [
        (numbers.choice(names), " ".join(numbers.choice(names) for _ in range(numbers.randint(2, 4))))
        for _ in range(count)
    ]


def test_the_order_of_daughters_changes_no_law():
    for parent, daughters in some_modes(300):
        assert codes(parent, daughters) == codes(parent, " ".join(reversed(daughters.split())))


def test_charge_conjugation_changes_no_law():
    for parent, daughters in some_modes(300):
        opposite = " ".join(conjugate(NAMES.get(name)).name for name in daughters.split())
        assert codes(parent, daughters) == codes(conjugate(NAMES.get(parent)).name, opposite), (
            parent,
            daughters,
        )


def test_the_conjugate_of_every_clean_mode_is_clean(own_card):
    for block in read_card(own_card).blocks():
        for mode in block.modes:
            species = [NAMES.get(name) for name in (mode.parent, *mode.daughters)]
            if None not in species:
                found = codes(mode.parent, " ".join(mode.daughters), mode.model)
                opposite = [conjugate(each).name for each in species]
                assert found == codes(opposite[0], " ".join(opposite[1:]), mode.model)


def test_two_identical_particles_without_spin_have_an_even_one():
    """Bose's law for every parent of whole spin, whichever interaction: also of the Z."""
    parents = [
        each
        for each in known_species().values()
        if each.spin2 in (0, 2, 4) and not each.charge3 and each.mass
    ]
    assert any(each.name == "Z0" for each in parents)
    for parent in parents:
        for name in ("pi0", "eta"):
            broken = {code for code in codes(parent.name, f"{name} {name}") if code == "E-SPIN"}
            assert bool(broken) == (parent.spin2 == 2), parent.name


def test_a_pair_of_antiparticles_changes_no_flavour():
    """Law: whatever has no flavour itself goes to a particle and its antiparticle, and to no two of a kind with flavour."""
    for parent in ("J/psi", "chi_c2", "eta_c", "f_2", "vpho"):
        for name in ("K+", "K*0", "D0", "D_s+", "B0", "Lambda0", "Xi-", "Sigma_c0"):
            other = conjugate(NAMES.get(name)).name
            assert not {"E-FLAVOUR", "W-FLAVOUR"} & set(codes(parent, f"{name} {other}"))
            assert flavour_change(NAMES.get(parent), [NAMES.get(name)] * 2) == tuple(
                2 * abs(size) for size in flavours(NAMES.get(name).number)
            )


def test_the_parity_of_three_particles_without_spin_is_the_product_of_theirs():
    scalars = {"+": ("f_0", "chi_c0", "f_0(1710)"), "-": ("eta_c", "eta(1405)", "eta_c(2S)")}
    daughters = {"pi+ pi- eta": "-", "pi+ pi- f_0": "+", "K+ K- pi0": "-"}
    for parity, names in scalars.items():
        for name in names:
            for listed, product in daughters.items():
                assert ("W-P" in codes(name, listed)) == (parity != product), (name, listed)


@pytest.mark.parametrize(
    ("parent", "daughters", "expected"),
    [
        ("psi(2S)", "J/psi pi+ pi+", ["E-CHARGE"]),
        ("chi_c0", "K- p+ Lambda0", ["E-BARYON"]),
        ("Sigma-", "anti-p- pi0", ["E-BARYON"]),
        ("K_S0", "pi+ e- nu_e", ["E-LEPTON"]),
        ("psi(2S)", "B0 anti-B0", ["E-MASS"]),
        ("pi0", "eta", ["E-MASS"]),
        ("eta", "pi0", ["E-MASS"]),
        ("K0", "K_S0", []),
        ("J/psi", "mu+ pi-", ["W-LNV", "E-SPIN"]),
        ("J/psi", "gamma gamma", ["E-SPIN"]),
        ("Z0", "gamma gamma", ["W-SPIN"]),
        ("D_s0*+", "D_s+ gamma", ["E-SPIN"]),
        ("tau-", "mu- mu+ mu-", ["W-LFV"]),
        ("D+", "K- e+ e+", ["W-LNV"]),
        ("tau+", "anti-p- mu+ mu+", ["W-BNV", "W-LNV"]),
        ("J/psi", "K_S0 K_S0", ["W-SPIN"]),
        ("chi_c0", "K+ K- pi0", ["W-P"]),
        ("eta_c", "K+ K- pi0", []),
        ("chi_c1", "K+ K- pi0", []),
        ("K_S0", "pi+ pi- pi0", []),
        ("D*+", "D*+ gamma", ["E-MASS"]),
        ("B0", "B0 pi0 gamma", ["E-MASS"]),
        ("eta_c", "phi phi", []),
        ("chi_c2", "pi0 pi0", []),
        ("J/psi", "eta pi0", ["W-C"]),
        ("eta_c", "pi+ pi-", ["W-P"]),
        ("chi_c1", "pi+ pi-", ["W-P"]),
        ("chi_c1", "pi0 pi0", ["E-SPIN"]),
        ("psi(4260)", "J/psi pi+ pi-", []),
        ("f_0", "K_S0 K_S0", ["I-MASS"]),
        ("J/psi", "rho+ pi-", []),
        ("B0", "K_S0 pi0", []),
        ("vpho", "p+ anti-p-", []),
        ("phi", "K_S0 K_S0", ["W-SPIN"]),
        ("K*0", "K- pi+", ["E-FLAVOUR"]),
        ("K*0", "K_S0 pi0", []),
        ("D*+", "anti-D0 pi+", ["E-FLAVOUR"]),
        ("D_s*+", "D_s+ gamma", []),
        ("B*0", "anti-B0 gamma", ["E-FLAVOUR"]),
        ("J/psi", "K+ pi-", ["E-FLAVOUR"]),
        ("J/psi", "K_S0 pi0", ["E-FLAVOUR"]),
        ("phi", "K_S0 K_L0", []),
        ("vpho", "D_s+ K-", ["E-FLAVOUR"]),
        ("J/psi", "D_s- e+ nu_e", ["W-FLAVOUR"]),
        ("J/psi", "D_s- pi+", ["W-FLAVOUR"]),
        ("J/psi", "D0 mu+ mu-", ["W-FLAVOUR"]),
        ("Sigma0", "Lambda0 gamma", []),
        ("Xi_c*+", "Xi_c0 pi+", []),
        ("D_s2*+", "D0 K+", []),
        ("D+", "K+ pi- pi+", []),
    ],
)  # fmt: skip
def test_laws(parent, daughters, expected):
    assert codes(parent, daughters) == expected


@pytest.mark.parametrize(
    ("parent", "daughters", "right"),
    [
        ("psi(2S)", "J/psi pi+ pi+", ["J/psi pi+ pi-"]),
        ("K_S0", "pi+ e- nu_e", ["pi+ e- anti-nu_e"]),
        ("chi_c0", "K- p+ Lambda0", ["K- p+ anti-Lambda0"]),
        ("B0", "D- pi-", ["D+ pi-", "D- pi+"]),
        ("D+", "K- e+ e+", []),
        ("K*0", "K- pi+", ["K+ pi-"]),
        ("D*+", "anti-D0 pi+", ["D0 pi+"]),
    ],
)
def test_what_would_obey_them(parent, daughters, right):
    species = [NAMES.get(name) for name in daughters.split()]
    found = next(violations("PHSP", NAMES.get(parent), species, conjugate))
    assert [" ".join(each.name for each in state) for state in found.final_states] == right


def test_another_parent_of_the_same_charge():
    species = [NAMES.get("anti-p-"), NAMES.get("pi0")]
    assert next(violations("PHSP", NAMES.get("Sigma-"), species, conjugate)).parent == "anti-Sigma-"


def test_models_that_list_no_real_daughters():
    assert not codes("B0", "u anti-d anti-c d", "PYTHIA")
    assert not codes("B0", "mu+", "SINGLE")
    assert not codes("Upsilon(4S)", "B0 anti-B0 B0 B0", "VSS_BMIX")
