"""A model proposes how a question is read: what its words bear out is executed, anything else is refused as before."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.knowledge.parsing.test_proposals import HOSTILE

from yukawa.assistant import Assistant
from yukawa.assistant.proposing import proposed
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Plan
from yukawa.llm import SyncChat
from yukawa.llm.scripted import ScriptedModel

Scripted = Callable[[Any], tuple[Assistant, ScriptedModel]]
QUESTION = "What is the mass of the tau?"
MASS = {"goals": [{"operation": "value", "quantities": [{"thing": "the tau", "property": "mass"}]}]}


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grammar reads nothing of any question."""
    monkeypatch.setattr(
        Assistant, "plan", lambda self, question, history=(): Plan(question, unread=((question, (0, 1)),))
    )


@pytest.mark.usefixtures("unread")
def test_a_plan_that_the_words_bear_out_is_executed(scripted: Scripted) -> None:
    assistant, model = scripted([json.dumps(MASS)])
    answer = assistant.ask(QUESTION)
    assert "1776.93 ± 0.09 MeV" in answer.text
    assert len(model.asked) == 1
    assert answer.plan is not None
    assert answer.plan.complete


@pytest.mark.parametrize(("question", "proposal"), HOSTILE)
def test_a_hostile_proposal_changes_nothing(question: str, proposal: Any) -> None:
    text = proposal if isinstance(proposal, str) else json.dumps(proposal)
    found = plan(question)
    assert proposed(found, SyncChat(ScriptedModel(lambda _: text))) == found


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("replies", [["no JSON", "nor this"], []])
def test_without_a_proposal_the_question_is_refused_as_ever(scripted: Scripted, replies: list[str]) -> None:
    assistant, _ = scripted(replies)
    answer = assistant.ask(QUESTION)
    assert answer.abstained
    assert "I do not understand" in answer.text


def test_no_model_is_asked_where_the_grammar_reads_it_all_or_nothing_is_read(
    scripted: Scripted, assistant: Assistant
) -> None:
    with_model, model = scripted([])
    for question in ("mass of the tau", "What is the price of gold?", "mass of the tau in seconds", "Hello!"):
        assert with_model.ask(question).text == assistant.ask(question).text
    assert model.asked == []
