"""Answers on disk: one a question, resumed after a failure or a torn line, and refused where begun otherwise."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError, ModelError
from yukawa.core.processes import lock
from yukawa.evaluation.judging.answering import chat_asker, collect_answers
from yukawa.evaluation.judging.questions import AskedQuestion, CitedPassage, read_answers
from yukawa.llm import SyncChat
from yukawa.llm.scripted import ScriptedModel

QUESTIONS = [AskedQuestion(id=f"q{k}", turns=(f"Question {k}?",)) for k in range(8)]


def echo(question):
    return f"{question.text} {{x}} [[A]]", (CitedPassage(text="source"),)


def test_every_question_has_one_answer_in_order(tmp_path):
    made = collect_answers("m", echo, QUESTIONS, tmp_path / "m.jsonl", {"seed": 1})
    assert [answer.question for answer in made] == [question.id for question in QUESTIONS]
    assert sorted(read_answers([tmp_path / "m.jsonl"]), key=lambda a: a.question) == made


def test_what_is_there_is_not_asked_again_after_a_failure_and_a_torn_line(tmp_path):
    path, asked = tmp_path / "m.jsonl", []

    def fails(question):
        if question.id == "q5":
            raise ModelError("gone")
        asked.append(question.id)
        return echo(question)

    with pytest.raises(ModelError):
        collect_answers("m", fails, QUESTIONS, path, {}, at_once=1)
    path.write_bytes(path.read_bytes()[:-9])
    whole = (
        {answer.question for answer in read_answers([path])} if path.read_bytes().endswith(b"\n") else set()
    )
    before = len(path.read_bytes().splitlines()) - 2
    asked.clear()

    def again(question):
        asked.append(question.id)
        return echo(question)

    made = collect_answers("m", again, QUESTIONS, path, {})
    assert len(made) == 8
    assert len(asked) == 8 - before
    assert len(read_answers([path])) == 8
    assert not whole


def test_another_model_row_or_set_of_questions_is_refused(tmp_path):
    path = tmp_path / "m.jsonl"
    collect_answers("m", echo, QUESTIONS, path, {"seed": 1})
    for name, how, questions, words in (
        ("n", {"seed": 1}, QUESTIONS, "another model"), ("m", {"seed": 2}, QUESTIONS, "another row"),
        ("m", {"seed": 1}, QUESTIONS[:3], "other questions"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            collect_answers(name, echo, questions, path, how)
    (tmp_path / "mine.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="holds no answers"):
        collect_answers("m", echo, QUESTIONS, tmp_path / "mine.jsonl", {})


def test_two_processes_do_not_write_one_file(tmp_path):
    path = tmp_path / "m.jsonl"
    collect_answers("m", echo, QUESTIONS[:2], path, {})
    with open(path, "ab") as other:
        assert lock(other)
        with pytest.raises(InputError, match="another process writes"):
            collect_answers("m", echo, QUESTIONS[:2], path, {})
    assert len(collect_answers("m", echo, QUESTIONS[:2], path, {})) == 2


def test_a_chat_model_hears_all_turns():
    model = ScriptedModel(["It is 91 GeV.", "It is 2.5 GeV."])
    with SyncChat(model) as chat:
        text, passages = chat_asker(chat)(AskedQuestion(id="q", turns=("Mass of the Z?", "And its width?")))
    assert (text, passages) == ("It is 91 GeV.\n\nIt is 2.5 GeV.", ())
