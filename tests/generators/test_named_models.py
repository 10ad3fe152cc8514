"""The models that a sentence names are kept for exactly the decays that they are named for, or the sentence is refused."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.models import GUNS, HADRONISATION, decay_models
from yukawa.generators.named_models import marked, models_in
from yukawa.generators.requests import requested
from yukawa.generators.sentences import read_plan

NAMED = [name for name in decay_models() if name not in GUNS | HADRONISATION and len(name) > 2]


def found(sentence: str) -> list[tuple[str, ...]]:
    return [words for _, _, words in models_in(marked(sentence))]


@pytest.mark.parametrize(
    "form", ["A -> B C ({})", "A -> B C with the model {}", "A -> B C via {} at LHCb", "use {} for A -> B C"]
)
def test_every_model_is_found_in_every_form_with_its_arguments(form):
    for name in NAMED:
        assert found(form.format(name)) == [(name,)]
        assert found(form.format(f"{name} 1.0 -2 3e-1")) == [(name, "1.0", "-2", "3e-1")]


def test_a_sentence_without_a_model_is_left_as_it_is():
    for sentence in (
        "psi(2S) -> pi+ pi- J/psi, 5000 events at 3.686 GeV",
        "single tag of the D+, a dec file",
        "LHCb, LFV (GGSZ)",
    ):
        assert marked(sentence) == sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "SVV_HELAMP with H+=0.3, H0=0.9 and H-=0.1",
            ("SVV_HELAMP", "0.3", "0.0", "0.9", "0.0", "0.1", "0.0"),
        ),
        ("SVV_HELAMP, H_0 = 1, H_+ = 0, H_- = 0", ("SVV_HELAMP", "0", "0.0", "1", "0.0", "0", "0.0")),
        ("HELAMP (1, 0, 1, 0)", ("HELAMP", "1", "0", "1", "0")),
        ("the model HELAMP with arguments 1 0 -1 0", ("HELAMP", "1", "0", "-1", "0")),
        ("VLL, 5000 events", ("VLL",)),
        ("VLL 20k events", ("VLL",)),
        ("vss", ("VSS",)),
        ("flat phase space", ("PHSP",)),
        ("相空间", ("PHSP",)),
        ("PHOTOS VLL", ("VLL", "PHOTOS")),
    ],
)
def test_arguments(text, words):
    assert found(f"A -> B C with {text}") == [words]


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("B0 -> phi K*0 with the model FOO", "FOO is not a decay model"),
        ("B0 -> phi K*0 (SVV_HELAMB 1 0 0 0 0 0)", "SVV_HELAMB is not a decay model"),
        (
            "B0 -> phi K*0 with SVV_HELAMP, H0 = 1",
            r"the arguments of SVV_HELAMP \(H\+, H0 and H-\) are not read",
        ),
        ("B0 -> phi K*0 with SVV_HELAMP, H+ = 1 exp(i 0.3), H0 = 1, H- = 0", "are not read"),
    ],
)
def test_what_is_no_model_and_arguments_that_are_not_read_are_refused(sentence, reason):
    with pytest.raises(InputError, match=reason):
        marked(sentence)
    requested(sentence)  # a sentence that wants no card is not refused for it


@pytest.mark.parametrize(
    ("sentence", "models"),
    [
        ("psi(2S) -> pi+ pi- J/psi (JPIPI), J/psi -> mu+ mu-", {"psi(2S)": ("JPIPI",), "J/psi": ()}),
        ("psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu- (VLL)", {"psi(2S)": (), "J/psi": ("VLL",)}),
        ("B0 -> J/psi(-> mu+ mu- VLL) K*0(-> K+ pi-) PHSP", {"B0": ("PHSP",), "J/psi": ("VLL",), "K*0": ()}),
        ("B0 -> phi K*0, phi -> K+ K-, with PHSP for the B0 and VSS for the phi", {"B0": ("PHSP",), "phi": ("VSS",)}),
        ("use PHSP for psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-", {"psi(2S)": ("PHSP",), "J/psi": ()}),
        ("psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-, all decays in phase space", {"psi(2S)": ("PHSP",), "J/psi": ("PHSP",)}),
        ("D*+ -> D0 pi+, D0 -> K- pi+, using PHSP for both", {"D*+": ("PHSP",), "D0": ("PHSP",)}),
        ("phase space MC of J/psi -> K+ K- pi0", {"J/psi": ("PHSP",)}),
        ("psi(3770) 用VSS模型衰变到 D+ D-，D+ -> K- pi+ pi+", {"psi(3770)": ("VSS",), "D+": ()}),
    ],
)  # fmt: skip
def test_a_model_belongs_to_the_decay_that_it_is_named_for(sentence, models):
    steps = read_plan(sentence).steps
    assert {step.parent: step.model for step in steps} == models


@pytest.mark.parametrize(
    "sentence",
    [
        "phase space MC of psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-",
        "D0 -> K- pi+ or K- pi+ pi0 with PHSP",
        "psi(2S) -> pi+ pi- J/psi (JPIPI) (PHSP)",
        "B_s0 -> phi phi -> K+ K- K+ K- K_S0, with VSS for the J/psi",
    ],
)
def test_a_model_of_which_the_decay_is_not_certain_is_refused(sentence):
    with pytest.raises(InputError):
        read_plan(sentence)
