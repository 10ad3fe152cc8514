"""The model that is chosen takes the decay; rules by spin and experiment."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
from pathlib import Path

import pytest

from yukawa.generators.amplitudes import BARYON_PAIRS, choose_amplitude
from yukawa.generators.models import decay_models, helicity_arguments
from yukawa.generators.plans import EXPERIMENTS
from yukawa.generators.species import SpeciesNames

NAMES = SpeciesNames()


def chosen(parent: str, daughters: str, experiment: str = "evtgen") -> tuple[str, str]:
    amplitude = choose_amplitude(
        NAMES.get(parent), [NAMES.get(name) for name in daughters.split()], experiment
    )
    return amplitude.model, " ".join(each.name for each in amplitude.daughters)


@pytest.mark.parametrize(
    ("parent", "daughters", "experiment", "expected"),
    [
        ("psi(2S)", "pi- pi+ J/psi", "besiii", ("JPIPI", "J/psi pi+ pi-")),
        ("psi(2S)", "pi- pi+ J/psi", "lhcb", ("VVPIPI", "J/psi pi+ pi-")),
        ("psi(2S)", "chi_c1 gamma", "besiii", ("P2GC1", "gamma chi_c1")),
        ("psi(2S)", "gamma chi_c2", "evtgen", ("HELAMP", "gamma chi_c2")),
        ("J/psi", "eta_c gamma", "besiii", ("JPE", "gamma eta_c")),
        ("J/psi", "mu- mu+", "besiii", ("VLL", "mu+ mu-")),
        ("B0", "mu+ nu_mu D*-", "lhcb", ("ISGW2", "D*- mu+ nu_mu")),
        ("B_c+", "J/psi mu+ nu_mu", "fcc", ("BC_VMN", "J/psi mu+ nu_mu")),
        ("B0", "K*0 mu+ mu-", "lhcb", ("BTOSLLBALL", "K*0 mu+ mu-")),
        ("B+", "K+ J/psi", "lhcb", ("SVS", "J/psi K+")),
        ("B_s0", "J/psi phi", "lhcb", ("SVV_HELAMP", "J/psi phi")),
        ("D*+", "D0 pi+", "lhcb", ("VSS", "D0 pi+")),
        ("D+", "K- pi+ pi+", "besiii", ("D_DALITZ", "K- pi+ pi+")),
        ("eta", "pi0 pi- pi+", "besiii", ("ETA_DALITZ", "pi+ pi- pi0")),
        ("pi0", "gamma e- e+", "besiii", ("PI0_DALITZ", "e+ e- gamma")),
        ("tau-", "nu_tau mu- anti-nu_mu", "belle2", ("TAULNUNU", "mu- nu_tau anti-nu_mu")),
        ("tau-", "nu_tau pi-", "belle2", ("TAUSCALARNU", "pi- nu_tau")),
        ("B0", "K+ pi-", "lhcb", ("PHSP", "K+ pi-")),
        ("J/psi", "anti-Lambda0 Lambda0", "besiii", ("J2BB1", "Lambda0 anti-Lambda0")),
        ("psi(2S)", "Xi- anti-Xi+", "besiii", ("J2BB1", "Xi- anti-Xi+")),
        ("J/psi", "Lambda0 anti-Lambda0", "lhcb", ("PHSP", "Lambda0 anti-Lambda0")),
        ("B0", "K+ pi- pi+ pi-", "lhcb", ("PHSP", "K+ pi- pi+ pi-")),
        ("vpho", "pi+ pi- h_c", "besiii", ("PHSP", "pi+ pi- h_c")),
        ("vpho", "pi+ pi- J/psi", "besiii", ("VVPIPI", "J/psi pi+ pi-")),
        ("Upsilon(5S)", "pi+ pi- h_b", "belle2", ("PHSP", "pi+ pi- h_b")),
        ("B+", "pi- mu+ mu+", "lhcb", ("PHSP", "pi- mu+ mu+")),
        ("B+", "K+ e+ mu-", "lhcb", ("PHSP", "K+ e+ mu-")),
        ("B+", "K+ e+ e-", "lhcb", ("BTOSLLBALL", "K+ e+ e-")),
    ],
)  # fmt: skip
def test_rules(parent, daughters, experiment, expected):
    model, order = chosen(parent, daughters, experiment)
    assert model == expected[0]
    assert sorted(order.split()) == sorted(expected[1].split())
    if model in ("JPIPI", "P2GC1", "JPE", "ISGW2", "ETA_DALITZ"):
        assert order == expected[1]


def test_soft_pions_are_those_between_heavy_quarkonia():
    assert chosen("psi(4260)", "J/psi pi+ pi-")[0] == "VVPIPI"
    assert chosen("J/psi", "phi pi+ pi-", "besiii")[0] == "PHSP"


def test_flat_phase_space_is_said():
    for names, note in (
        ("B0 K+ pi-", "exact"),
        ("B0 K+ pi- pi0", "resonances are ignored"),
        ("Lambda_c+ p+ K_S0", "spins of the decay"),
    ):
        parent, *daughters = map(NAMES.get, names.split())
        amplitude = choose_amplitude(parent, daughters, "lhcb")
        assert amplitude.note.startswith("PHSP: ")
        assert note in amplitude.note


def test_the_angles_of_baryon_pairs_are_from_publications_that_the_review_has():
    pdg = importlib.util.find_spec("pdg")
    file = Path(pdg.origin).with_name("pdg.sqlite")
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as base:
        names = {name for (name,) in base.execute("select publication_name from pdgreference")}
    assert {source for *_, source in BARYON_PAIRS} <= names
    assert all(-1 <= float(alpha) <= 1 for _, _, alpha, _ in BARYON_PAIRS)


def test_what_is_chosen_takes_what_it_is_given():
    """For all pairs of common particles and all experiments."""
    common = [
        NAMES.get(name)
        for name in "pi+ pi0 K*0 rho+ J/psi chi_c1 f_2 gamma e+ e- p+ anti-p- nu_e D_s+ eta".split()
    ]
    for parent in (NAMES.get(name) for name in ("B0", "psi(2S)", "chi_c2", "tau-", "Lambda_b0")):
        for one in common:
            for other in common:
                for experiment in EXPERIMENTS:
                    amplitude = choose_amplitude(parent, [one, other], experiment)
                    model = decay_models()[amplitude.model]
                    assert model.takes(amplitude.daughters)
                    assert model.takes_parent(parent)
                    if model.name == "HELAMP":
                        assert len(amplitude.arguments) == helicity_arguments(parent, amplitude.daughters)
