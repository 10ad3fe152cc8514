"""The table of models, and how many arguments the counted ones take."""

from __future__ import annotations

import csv
import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.generators.models import HADRONISATION, decay_models, helicity_arguments, wave_arguments
from yukawa.generators.species import Species, SpeciesNames

NAMES = SpeciesNames()


def species(*names: str) -> list[Species]:
    return [NAMES.get(name) for name in names]


def of_spin(spin2: int) -> Species:
    return Species("X", "X", 9_999_999, 0, spin2, 1.0, 0.0)


def test_the_table_has_every_public_model():
    file = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "decay" / "evtgen_models.tsv"
    if not file.exists():
        pytest.skip("the models of the test data are absent")
    names = {row["model"].rstrip(";") for row in csv.DictReader(file.open(encoding="utf-8"), delimiter="\t")}
    assert names - {""} <= set(decay_models())
    assert HADRONISATION - {"ConExc"} <= set(decay_models())


@given(*[st.integers(0, 4)] * 3)
def test_helicity_and_partial_waves_count_the_same_amplitudes(total, one, other):
    """Of massive particles there are as many couplings (L, S) as pairs of helicities."""
    if (total + one + other) % 2 == 0:
        parent, daughters = of_spin(total), [of_spin(one), of_spin(other)]
        assert helicity_arguments(parent, daughters) == wave_arguments(parent, daughters)


@pytest.mark.parametrize(
    ("parent", "daughters", "count"),
    [
        ("J/psi", ["mu+", "mu-"], 8), ("chi_c1", ["J/psi", "gamma"], 8), ("Upsilon(4S)", ["gamma", "chi_b2"], 12),
        ("B0", ["rho+", "rho-"], 6), ("tau-", ["pi-", "nu_tau"], 2),
    ],
)  # fmt: skip
def test_helicity_arguments(parent, daughters, count):
    assert helicity_arguments(NAMES.get(parent), species(*daughters)) == count


def test_unknown_spins_are_not_counted():
    assert helicity_arguments(of_spin(2), [Species("X", "X", 1, 0, None, 1.0, 0.0), of_spin(0)]) is None


def test_what_a_model_takes_depends_on_the_order():
    models = decay_models()
    for name, right in (
        ("JPIPI", ["J/psi", "pi+", "pi-"]),
        ("PI0_DALITZ", ["e+", "e-", "gamma"]),
        ("ISGW2", ["D-", "mu+", "nu_mu"]),
    ):
        takes = models[name].takes
        assert takes(species(*right))
        assert [order for order in itertools.permutations(species(*right)) if takes(order)] != list(
            itertools.permutations(species(*right))
        )
    assert not models["JPIPI"].takes(species("J/psi", "pi-", "pi+"))
    assert models["VLL"].takes_parent(NAMES.get("J/psi"))
    assert not models["VLL"].takes_parent(NAMES.get("B0"))
    assert models["PHSP"].takes(species("B0", "mu+", "gamma"))
