"""Models of the decay tables, and of the sentence, fit their modes and pass the check."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.amplitudes import choose_amplitude
from yukawa.generators.checking import check
from yukawa.generators.listed_models import mode_amplitude, named_amplitude
from yukawa.generators.plans import conjugate_of
from yukawa.generators.sentences import read_plan
from yukawa.generators.species import known_species, table_rows
from yukawa.generators.words import is_number
from yukawa.generators.writing import write_card

ROWS = [
    (letters, parent, order.split(), model, arguments.split())
    for letters, parent, order, model, arguments in table_rows("table_models")
]
OWN = {"L": "lhcb", "B": "belle2"}


def species(*names):
    return [known_species()[name] for name in names]


def test_each_row_is_given_for_its_mode_in_any_order_and_for_its_conjugate():
    given = {
        (letter, parent, *sorted(order)): (model, arguments)
        for letters, parent, order, model, arguments in ROWS
        for letter in letters
    }
    for letters, parent, order, model, arguments in ROWS:
        for letter in letters:
            (own,) = species(parent)
            amplitude = mode_amplitude(own, species(*reversed(order)), OWN[letter])
            assert (amplitude.model, list(amplitude.arguments)) == (model, arguments)
            assert [each.name for each in amplitude.daughters] == order
            other = [conjugate_of(name) for name in order]
            opposite = mode_amplitude(*species(conjugate_of(parent)), species(*other), OWN[letter])
            wanted = given.get((letter, conjugate_of(parent), *sorted(other)), (model, arguments))
            assert (opposite.model, list(opposite.arguments)) == wanted


def test_the_rows_pass_the_check():
    assert all(is_number(word) for *_, arguments in ROWS for word in arguments)
    blocks = [
        f"Decay {parent}\n1 {' '.join((*order, model, *arguments))};\nEnddecay"
        for _, parent, order, model, arguments in ROWS
    ]
    models = ("E-NDAUG", "E-NARG", "E-ARG", "E-MSPIN", "E-ORDER", "E-MODEL")
    assert not [each for each in check("\n".join((*blocks, "End\n")), name="card.dec") if each.code in models]


@pytest.mark.parametrize(
    ("sentence", "mode"),
    [
        ("Lambda_b0 -> Lambda_c+ mu- anti-nu_mu at LHCb", "BaryonPCR 1 1 1 1;"),
        ("Lambda_b0 -> Lambda_c+ tau- anti-nu_tau at LHCb", "Lambda_c+ tau- anti-nu_tau BaryonPCR 1 1 1 1;"),
        ("Lambda_b0 -> Lambda_c+ e- anti-nu_e at FCC-ee", "BaryonPCR 1 1 1 1;"),
        ("B0 -> D*- mu+ nu_mu at LHCb", "HQET2 1.207 0.920 1.406 0.853;"),
        ("B0 -> K*0 gamma at Belle II", "K*0 gamma SVP_HELAMP 1.0 0.0 1.0 0.0;"),
        ("B0 -> J/psi K_S0 at Belle II", "SSD_CP 0.507e12 0.0 1.0 -0.78 1.0 0.0 -1.0 0.0;"),
        ("anti-Lambda_b0 -> anti-Lambda0 gamma at LHCb", "anti-Lambda0 gamma HELAMP 0. 0. 1. 0.;"),
    ],
)
def test_cards_of_an_experiment_have_the_models_of_its_table(sentence, mode):
    card = write_card(read_plan(sentence))
    assert mode in card.text
    assert any("the decay table of" in note for note in card.notes)


def test_a_conjugate_with_other_arguments_is_no_copy():
    text = write_card(read_plan("Lambda_b0 -> Lambda0 gamma at LHCb")).text
    assert "Decay anti-Lambda_b0sig\n1.0000 anti-Lambda0 gamma HELAMP 0. 0. 1. 0.;" in text
    assert "CDecay anti-Lambda_b0sig" not in text


def test_other_experiments_take_a_table_where_phase_space_alone_is_left():
    own, *daughters = species("D0", "K-", "e+", "nu_e")
    assert mode_amplitude(own, daughters, "besiii") == choose_amplitude(own, daughters, "besiii")
    own, *daughters = species("Lambda_b0", "Lambda_c+", "mu-", "anti-nu_mu")
    assert mode_amplitude(own, daughters, "fcc").model == "BaryonPCR"


@pytest.mark.parametrize(
    ("words", "mode", "experiment", "reason"),
    [
        (["VSS"], ["J/psi", "mu+", "mu-"], "besiii", "VSS does not take the spins of J/psi -> mu\\+ mu-"),
        (
            ["VLL"],
            ["J/psi", "pi+", "pi-", "pi0"],
            "besiii",
            "VLL takes 2 daughters, and J/psi -> pi\\+ pi- pi0 has 3",
        ),
        (["JPIPI"], ["psi(2S)", "J/psi", "pi+", "pi-"], "belle2", "JPIPI is not a model of EvtGen"),
        (["BC_VMN", "1"], ["B_c+", "J/psi", "mu+", "nu_mu"], "besiii", "BC_VMN is not a model of BesEvtGen"),
    ],
)
def test_a_named_model_that_does_not_fit_is_refused(words, mode, experiment, reason):
    parent, *daughters = species(*mode)
    with pytest.raises(InputError, match=reason):
        named_amplitude(words, parent, daughters, experiment)


def test_a_named_model_has_its_arguments_and_else_the_usual_ones():
    parent, *daughters = species("B0", "phi", "K*0")
    assert named_amplitude(["SVV_HELAMP", *"100000"], parent, daughters, "lhcb").arguments == tuple("100000")
    usual = mode_amplitude(parent, daughters, "lhcb")
    assert named_amplitude(["SVV_HELAMP"], parent, daughters, "lhcb").arguments == usual.arguments
    assert named_amplitude(["PHSP", "PHOTOS"], parent, daughters, "lhcb").photos
    own, *rest = species("D+", "anti-K*0", "e+", "nu_e")
    assert len(named_amplitude(["SLPOLE"], own, rest, "besiii").arguments) == 16  # of the table of Belle II
    with pytest.raises(InputError, match="SLPOLE takes arguments"):
        named_amplitude(["SLPOLE"], *species("B0"), species("rho-", "e+", "nu_e"), "evtgen")
    with pytest.raises(InputError, match=r"HELAMP .* takes 6 arguments, here 4"):
        write_card(read_plan("B0 -> phi K*0 (HELAMP 1 0 1 0) at LHCb"))


def test_the_neutrino_of_the_tau_is_the_last():
    for order in (
        ("e-", "anti-nu_e", "nu_tau"),
        ("nu_tau", "e-", "anti-nu_e"),
        ("e-", "nu_tau", "anti-nu_e"),
    ):
        parent, *daughters = species("tau-", *order)
        for amplitude in (
            mode_amplitude(parent, daughters, "evtgen"),
            named_amplitude(["TAULNUNU"], parent, daughters, "fcc"),
        ):
            assert [each.name for each in amplitude.daughters] == ["e-", "anti-nu_e", "nu_tau"]
