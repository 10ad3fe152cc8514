"""A wish to simulate decays is answered by the card that does it."""

from __future__ import annotations

from yukawa.generators.checking import check


def test_a_card_is_written_and_passes_the_check(assistant):
    answer = assistant.ask("simulate psi(2S) -> pi pi J/psi in BOSS")
    assert not answer.abstained
    card = answer.text.split("```")[1]
    assert "J/psi pi+ pi- JPIPI;" in card
    assert check(card, name="card.dec") == []
    assert (answer.domain, answer.model) == ("particle physics", "card")
    assert [each.passed for each in answer.checks] == [True]


def test_what_is_impossible_is_refused_with_the_law(assistant):
    answer = assistant.ask("simulate psi(2S) to two protons")
    assert answer.abstained
    assert "charge: psi(2S) (0) -> p+ p+ (+2)" in answer.text


def test_questions_are_answered_as_before(assistant):
    answer = assistant.ask("What is the branching fraction of J/psi -> mu+ mu-?")
    assert answer.model == "plan"


def test_a_model_reads_what_the_grammar_does_not(scripted):
    reply = '{"decays": [{"parent": "J/psi", "daughters": ["pi+", "pi-", "pi0"]}]}'
    asked, model = scripted(lambda _: reply)
    answer = asked.ask("simulate for me a J/psi that turns itself into pi+ pi- pi0", model="actor")
    assert "Decay J/psi" in answer.text
    assert len(model.asked) == 1
