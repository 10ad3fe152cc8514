"""Which sentences want something written, and how a language model reads what the grammar does not."""

from __future__ import annotations

import json

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.requests import plan_of, requested, write_request
from yukawa.llm import SyncChat
from yukawa.llm.scripted import ScriptedModel

UNREAD = "take a J/psi, I want it to turn itself magically into rho0 pi0, the rho0 giving pi+ pi-, 20k events at BESIII"


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("simulate psi(2S) -> pi pi J/psi in BOSS", "decay-card"),
        ("Can you simulate psi(2S) -> pi pi J/psi in BOSS?", "decay-card"),
        ("How do I write a decay card for psi(2S) -> J/psi pi pi?", "decay-card"),
        ("generate 1000 events of J/psi -> mu mu", "decay-card"),
        ("请模拟 psi(2S) 衰变到 pi pi J/psi", "decay-card"),
        ("job options for 50k psi(2S) events", "job-options"),
        ("Pythia 8 settings for B0 -> K+ pi-", "pythia"),
        ("generate pp collisions at 13 TeV", "pythia"),
        ("simulate B0 -> K+ pi- in pp collisions at 13 TeV", "decay-card"),
        ("What is a decay card?", None),
        ("What does the job option KKMC.CMSEnergy mean?", None),
        ("What is the branching fraction of psi(2S) -> J/psi pi+ pi-?", None),
        ("J/psi 的产生截面", None),
        ("How are pions generated in the atmosphere?", None),
        ("simulate the detector response", None),
        ("psi(2S) -> J/psi pi+ pi-", None),
    ],
)
def test_wishes_and_questions(sentence, kind):
    assert requested(sentence) == kind


def test_all_three_kinds_are_written():
    assert "VVPIPI" in write_request("decay-card", "psi(2S) -> J/psi pi pi", "evtgen").text
    assert "GeneratePsiPrime = true" in write_request("job-options", "50k psi(2S) events").text
    assert "511:oneChannel" in write_request("pythia", "B0 -> K+ pi-").text


@pytest.mark.parametrize(
    "sentence", ["B -> tau nu", "B0 -> K+ pi-, anti-B0 -> K- pi+", "B0 -> D- pi+ and c.c."]
)
def test_the_experiment_that_is_given_counts_like_one_in_the_sentence(sentence):
    given = write_request("decay-card", sentence, "belle2")
    assert given.text == write_request("decay-card", f"{sentence} at Belle II").text


def test_a_card_has_no_collision_and_says_what_makes_it():
    with pytest.raises(InputError, match='type: yukawa write pythia "pp collisions at 13 TeV"'):
        write_request("decay-card", "pp collisions at 13 TeV")
    notes = write_request("decay-card", "B0 -> K+ pi- in pp collisions at 13 TeV").notes
    assert "Pythia makes it: yukawa write pythia" in notes[-1]


def reading(*decays: tuple[str, list[str]]) -> SyncChat:
    reply = {"decays": [{"parent": parent, "daughters": daughters} for parent, daughters in decays]}
    return SyncChat(ScriptedModel(lambda _: json.dumps(reply), name="tiny"))


def test_a_model_reads_what_the_grammar_does_not():
    with pytest.raises(InputError):
        plan_of(UNREAD)
    with reading(("J/psi", ["rho0", "pi0"]), ("rho0", ["pi+", "pi-"])) as chat:
        plan = plan_of(UNREAD, chat)
    assert [str(step) for step in plan.steps] == ["J/psi -> rho0 pi0", "rho0 -> pi+ pi-"]
    assert (plan.experiment, plan.events) == ("besiii", 20_000)
    assert plan.notes[0].startswith("read by model 'tiny' as J/psi -> rho0 pi0")


@pytest.mark.parametrize(
    ("decays", "reason"),
    [
        ([("J/psi", ["K+", "K-"])], "'K\\+' is not in the sentence"),
        ([("J/psi", ["rho0", "pi0"])], "pi\\+ is missing"),
        ([("J/psi", ["pi+", "pi0", "pi0"]), ("rho0", ["pi+", "pi-"])], "impossible: charge"),
    ],
)
def test_a_plan_of_a_model_is_checked(decays, reason):
    with reading(*decays) as chat, pytest.raises(InputError, match=reason):
        plan_of(UNREAD, chat)


def test_no_model_is_asked_about_the_impossible():
    model = ScriptedModel([])
    for sentence in ("psi(2S) to two protons", "B0 -> K+ blurb-"):
        with pytest.raises(InputError), SyncChat(model) as chat:
            plan_of(sentence, chat)
    assert model.asked == []
