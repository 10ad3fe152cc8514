"""A model proposes how a question is read: what its words bear out is executed, anything else is refused as before."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.knowledge.parsing.test_proposals import HOSTILE

from yukawa.assistant import Assistant
from yukawa.assistant.proposing import proposed
from yukawa.knowledge.parsing.grammar import plan
from yukawa.llm import SyncChat
from yukawa.llm.scripted import ScriptedModel

Scripted = Callable[[Any], tuple[Assistant, ScriptedModel]]
QUESTION = "Take the muon. Now take its lifetime, and then the tau's, whose is longer?"
WHICH = {
    "goals": [
        {
            "operation": "which",
            "words": "longer",
            "quantities": [
                {"thing": "the muon", "property": "lifetime"},
                {"thing": "the tau", "property": "lifetime"},
            ],
        }
    ]
}


def test_a_plan_that_the_words_bear_out_is_executed(scripted: Scripted) -> None:
    assert plan(QUESTION).unread
    assistant, model = scripted([json.dumps(WHICH)])
    answer = assistant.ask(QUESTION)
    assert answer.text.startswith("The longer mean lifetime is that of the muon")
    assert {s.id for s in answer.sources} == {"pdg:S004T", "pdg:S035T"}
    assert len(model.asked) == 1
    assert answer.plan is not None
    assert answer.plan.complete


@pytest.mark.parametrize(("question", "proposal"), HOSTILE)
def test_a_hostile_proposal_changes_nothing(question: str, proposal: Any) -> None:
    text = proposal if isinstance(proposal, str) else json.dumps(proposal)
    found = plan(question)
    assert proposed(found, SyncChat(ScriptedModel(lambda _: text))) == found


@pytest.mark.parametrize("replies", [["no JSON", "nor this"], []])
def test_without_a_proposal_the_question_is_refused_as_ever(scripted: Scripted, replies: list[str]) -> None:
    assistant, _ = scripted(replies)
    answer = assistant.ask(QUESTION)
    assert answer.abstained
    assert "I cannot use" in answer.text


def test_no_model_is_asked_where_the_grammar_reads_it_all_or_nothing_is_read(
    scripted: Scripted, assistant: Assistant
) -> None:
    with_model, model = scripted([])
    for question in ("mass of the tau", "What is the price of gold?", "mass of the tau in seconds", "Hello!"):
        assert with_model.ask(question).text == assistant.ask(question).text
    assert model.asked == []
