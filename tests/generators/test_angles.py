"""Weights of models: their formulas, the d-functions, and the bound that acceptance needs."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.generators.angles import LONGITUDINAL, TRANSVERSE, UNPOLARISED, cosine, model_weight, wigner_d
from yukawa.generators.phase_space import weighted_decays
from yukawa.generators.species import SpeciesNames

NAMES = SpeciesNames()
ANGLE = np.linspace(0, np.pi, 41)


def weight(model, parent, daughters, spin=TRANSVERSE, arguments=()):
    species = [NAMES.get(name) for name in daughters.split()]
    return model_weight(model, arguments, NAMES.get(parent), species, spin)


def values(found, parent, daughters, count=4000):
    species = [NAMES.get(name) for name in daughters.split()]
    masses = np.tile([each.mass for each in species], (count, 1))
    momenta, _ = weighted_decays(np.full(count, NAMES.get(parent).mass), masses, np.random.default_rng(1))
    axis = np.tile([0.0, 0.0, 1.0], (count, 1))
    return found.weigh(momenta, axis), cosine(momenta[:, 0], axis)


@pytest.mark.parametrize("twice_j", [0, 1, 2, 3, 4])
def test_d_functions_are_unitary(twice_j):
    spins = range(-twice_j, twice_j + 1, 2)
    for m in spins:
        assert sum(wigner_d(twice_j, m, n, ANGLE) ** 2 for n in spins) == pytest.approx(np.ones_like(ANGLE))


def test_d_functions_of_the_review():
    assert wigner_d(2, 2, 2, ANGLE) == pytest.approx((1 + np.cos(ANGLE)) / 2)
    assert wigner_d(2, 2, 0, ANGLE) == pytest.approx(-np.sin(ANGLE) / 2**0.5)
    assert wigner_d(1, 1, 1, ANGLE) == pytest.approx(np.cos(ANGLE / 2))
    assert wigner_d(4, 0, 0, ANGLE) == pytest.approx((3 * np.cos(ANGLE) ** 2 - 1) / 2)


@pytest.mark.parametrize(
    ("model", "parent", "daughters", "spin", "formula"),
    [
        ("VLL", "J/psi", "mu+ mu-", TRANSVERSE, lambda c: 1 + c**2),
        ("VLL", "J/psi", "mu+ mu-", LONGITUDINAL, lambda c: 1 - c**2),
        ("VSS", "psi(3770)", "D+ D-", TRANSVERSE, lambda c: 1 - c**2),
        ("VSS", "psi(3770)", "D+ D-", LONGITUDINAL, lambda c: c**2),
        ("P2GC1", "psi(2S)", "gamma chi_c1", TRANSVERSE, lambda c: 1 - c**2 / 3),
        ("P2GC2", "psi(2S)", "gamma chi_c2", TRANSVERSE, lambda c: 1 + c**2 / 13),
        ("JPE", "J/psi", "gamma eta_c", TRANSVERSE, lambda c: 1 + c**2),
    ],
)
def test_angles(model, parent, daughters, spin, formula):
    found = weight(model, parent, daughters, spin)
    given, angle = values(found, parent, daughters)
    assert given == pytest.approx(formula(angle))
    assert given.max() <= found.greatest + 1e-12


def test_helicity_amplitudes_agree_with_the_special_models():
    equal = weight("HELAMP", "psi(2S)", "gamma chi_c0", arguments=(1.0, 0.0, 1.0, 0.0))
    given, angle = values(equal, "psi(2S)", "gamma chi_c0")
    assert given / (1 + angle**2) == pytest.approx(np.full(len(given), given[0] / (1 + angle[0] ** 2)))
    e1 = weight("HELAMP", "psi(2S)", "gamma chi_c1", arguments=(1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0))
    given, angle = values(e1, "psi(2S)", "gamma chi_c1")
    assert given / (1 - angle**2 / 3) == pytest.approx(
        np.full(len(given), given[0] / (1 - angle[0] ** 2 / 3))
    )
    assert given.max() <= e1.greatest


def test_a_pion_pair_keeps_the_spin_and_its_bound():
    found = weight("JPIPI", "psi(2S)", "J/psi pi+ pi-")
    assert "approximated by VVPIPI" in found.note
    assert found.spins[0] == "parent"
    given, _ = values(found, "psi(2S)", "J/psi pi+ pi-")
    assert given.max() <= found.greatest


def test_what_is_not_known_is_said():
    assert weight("D_DALITZ", "D+", "K- pi+ pi+").note == "D_DALITZ: flat phase space is used"
    assert weight("VLL", "J/psi", "mu+ mu-", UNPOLARISED).weigh is None
    assert weight("SVS", "B0", "J/psi K_S0").spins[0] == "longitudinal"
