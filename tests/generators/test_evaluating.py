"""Cards of models and of the grammar are marked alike, and compared pair by pair."""

from __future__ import annotations

import json

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.evaluating import (
    CodeMarks,
    card_writer,
    code_tasks,
    evaluate_code,
    grammar,
    mark_card,
    plan_writer,
)
from yukawa.llm import SyncChat
from yukawa.llm.scripted import ScriptedModel

TASKS = [task for task in code_tasks() if task.sentence == "jpsi to p pbar"]
RIGHT = "Decay J/psi\n1.0 p+ anti-p- J2BB1 0.68;\nEnddecay\nEnd\n"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (RIGHT, CodeMarks(True, True, True, True)),
        (RIGHT.replace("p+ anti-p-", "n0 anti-n0"), CodeMarks(True, True, False, True)),
        (RIGHT.replace("anti-p-", "p+"), CodeMarks(True, False, False, False)),
        (RIGHT.replace("End\n", ""), CodeMarks()),
        ("I am a language model.", CodeMarks()),
        ("End", CodeMarks()),
    ],
)
def test_marks(text, marks):
    assert mark_card(text, TASKS[0].steps) == marks


def test_a_model_beside_the_grammar():
    plan = json.dumps({"decays": [{"parent": "jpsi", "daughters": ["p", "pbar"]}]})
    replies = {True: f"Here it is:\n```\n{RIGHT.replace('anti-p-', 'p+')}```\n", False: plan}
    with SyncChat(ScriptedModel(lambda messages: replies["card" in messages[0].content])) as chat:
        found = evaluate_code(
            {"grammar": grammar, "m": card_writer(chat), "m, plan": plan_writer(chat)}, TASKS[:1]
        )
    passes = {name: row["passes"]["value"] for name, row in found["shares"].items()}
    assert passes == {"grammar": 1, "m": 0, "m, plan": 1}
    assert found["shares"]["m"]["parses"]["value"] == 1
    first = found["differences"][1]
    assert (first["first"], first["second"], first["mark"], first["value"]) == ("grammar", "m", "passes", -1)
    assert 0 < found["shares"]["grammar"]["passes"]["low"] < 1


def test_the_sentences_of_the_package():
    """What each wants is written, or refused where that is right; a sample, the whole is a benchmark."""
    tasks = code_tasks()
    assert len(tasks) >= 120
    assert {task.experiment for task in tasks} == {"besiii", "lhcb", "belle2", "fcc", "evtgen"}
    sample = [task for task in tasks if task.steps][::17]
    marks = [_marked(task) for task in sample]
    assert sum(each.passes and each.holds for each in marks) >= 0.95 * len(sample)


def _marked(task):
    try:
        return mark_card(grammar(task.sentence), task.steps)
    except InputError:
        return CodeMarks()
