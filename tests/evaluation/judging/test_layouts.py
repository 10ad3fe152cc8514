"""Files of other programs: every row of each layout, and rows that are none."""

from __future__ import annotations

import json

import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.layouts import read_judgements
from yukawa.evaluation.judging.verdicts import Score, Verdict

PAIR = {
    "question_id": 81, "model_1": "vendor/a", "model_2": "b", "g1_winner": "model_1", "g2_winner": "tie",
    "judge": ["gpt-4", "pair-v2"], "turn": 1, "g1_judgment": "[[A]]",
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def write(rows, name="f.jsonl"):
        text = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
        (tmp_path / name).write_text(text)
        return read_judgements([tmp_path / name])

    return write


def said(rows):
    return [(row.first, row.second, row.verdict) for row in rows]


def test_fastchat_pairs_are_two_games(read):
    found = read([PAIR, PAIR | {"question_id": 82, "g1_winner": "model_2", "g2_winner": "error", "turn": 2}])
    assert said(found.verdicts) == [
        ("vendor/a", "b", "first"), ("b", "vendor/a", "tie"), ("vendor/a", "b", "second"), ("b", "vendor/a", None),
    ]  # fmt: skip
    assert [row.criterion for row in found.verdicts] == ["overall", "overall", "turn 2", "turn 2"]
    assert {(row.judge, row.kind) for row in found.verdicts} == {("gpt-4", "model")}


def test_fastchat_scores_votes_answers_and_questions(read):
    single = {"question_id": 1, "model": "a", "judge": ["gpt-4", "single-v1"], "score": 7, "turn": 1}
    vote = {
        "question_id": 1,
        "model_a": "a",
        "model_b": "b",
        "winner": "tie (bothbad)",
        "judge": "arena_user_1",
    }
    text = {"question_id": 1, "model_id": "a", "choices": [{"index": 0, "turns": ["It is {x}.", "[[A]]"]}]}
    found = read(
        [
            single,
            single | {"score": -1, "turn": 2},
            vote,
            text,
            {"question_id": 1, "turns": ["What?"], "category": "x"},
        ]
    )
    assert [row.value for row in found.scores] == [7, None]
    assert said(found.verdicts) == [("a", "b", "both bad")]
    assert found.verdicts[0].kind == "person"
    assert found.answers == {("1", "a"): "It is {x}.\n\n[[A]]"}
    assert found.prompts == {"1": "What?"}


def test_alpaca_eval(read):
    row = {
        "instruction": "Why?",
        "output_1": "x",
        "output_2": "y",
        "generator_1": "ref",
        "generator_2": "m",
        "annotator": "gpt",
    }
    rows = [row | {"preference": value} for value in (1, 2.0, 1.5, 1.9, None)]
    found = read(rows, "annotations.json")
    assert [one.verdict for one in found.verdicts] == ["first", "second", "tie", "second", None]
    assert found.answers["Why?", "m"] == "y"


def test_argilla(read):
    row = {
        "id": "r1", "fields": {"prompt": "Why?"}, "metadata": {"model": "m", "group": "LoRA"},
        "responses": {
            "clarity": [{"value": 4, "user_id": "u1", "status": "submitted"}, {"value": 2, "user_id": "u2", "status": "draft"}],
            "verdict": [{"value": "Excellent", "user_id": "u1"}], "comment": [{"value": "nice", "user_id": "u1"}],
        },
    }  # fmt: skip
    pair = {
        "id": "r2",
        "metadata": {"model_1": "a", "model_2": "b"},
        "responses": {"better": [{"value": "right", "user_id": "u"}]},
    }
    found = read({"records": [row, pair]}, "records.json")
    assert [(s.criterion, s.value, s.judge, s.group) for s in found.scores] == [
        ("clarity", 4, "u1", "LoRA"), ("verdict", 2, "u1", "LoRA"),
    ]  # fmt: skip
    assert said(found.verdicts) == [("a", "b", "second")]


def test_label_studio(read):
    def result(name, **value):
        return {"from_name": name, "to_name": "t", "type": "x", "value": value}

    task = {
        "id": 5, "data": {"model": "m", "question_id": "q5"},
        "annotations": [
            {"completed_by": 3, "result": [result("rating", rating=4), result("grade", choices=["Pass"])]},
            {"completed_by": {"email": "x"}, "was_cancelled": True, "result": [result("rating", rating=1)]},
        ],
    }  # fmt: skip
    pair = {
        "id": 6, "data": {"model_a": "a", "model_b": "b"},
        "annotations": [{"completed_by": {"email": "li"}, "result": [result("better", selected="left")]}],
    }  # fmt: skip
    found = read([task, pair], "export.json")
    assert [(s.question, s.judge, s.criterion, s.value) for s in found.scores] == [
        ("q5", "3", "rating", 4),
        ("q5", "3", "grade", 1),
    ]
    assert said(found.verdicts) == [("a", "b", "first")]
    assert found.verdicts[0].judge == "li"


def test_tables_and_own_rows_are_read_together(tmp_path):
    verdict = Verdict(question="q", first="a", second="b", verdict="tie", judge="j")
    score = Score(question="q", model="a", judge="j", value=1)
    (tmp_path / "own.jsonl").write_text(f"{verdict.model_dump_json()}\n{score.model_dump_json()}")
    (tmp_path / "t.csv").write_text("paper,model,rater,score\n1,a,x,3\n")
    found = read_judgements([tmp_path / "own.jsonl", tmp_path / "t.csv"])
    assert (found.verdicts, len(found.scores)) == ([verdict], 2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"colour": 1}, "no known layout"),
        (PAIR | {"g1_winner": "A"}, "unknown winner 'A'"),
        (PAIR | {"model_1": ""}, "row 1"),
        ({"question_id": 1, "model_id": "a", "choices": []}, "no turns"),
        ({"winner": "C3", "model_a": "a", "model_b": "b"}, "unknown winner 'C3'"),
        ({"id": 1, "responses": 3}, "not a table"),
        ({"id": 1, "responses": {"q": [5]}}, "row 1: responses to q is not a table"),
        ({"responses": {}, "fields": [["a", 1]]}, "fields is not a table"),
        ({"annotations": 5}, "annotations is not a list"),
        ({"annotations": [{"result": [{"value": "left"}]}]}, "value is not a table"),
        ({"annotations": [], "data": "x"}, "data is not a table"),
        (PAIR | {"g1_winner": []}, "unknown winner"),
        ({"question_id": 1, "turns": 5}, "no turns of text"),
    ],
)
def test_rows_of_no_layout_are_refused_by_their_place(read, row, words):
    with pytest.raises(InputError, match=words):
        read([row])


def test_what_is_there_twice_is_refused(read):
    question = {"question_id": 1, "turns": ["What?"]}
    with pytest.raises(InputError, match="question '1' is there twice"):
        read([question, question])
    text = {"question_id": 1, "model_id": "a", "choices": [{"turns": ["x"]}]}
    with pytest.raises(InputError, match="another answer of 'a'"):
        read([text, text | {"choices": [{"turns": ["y"]}]}])


def test_a_rating_beside_two_models_is_not_a_side(read):
    about = {"question_id": "q", "model_1": "a", "model_2": "b"}
    responses = {"difficulty": [{"value": 1, "user_id": "u"}], "better": [{"value": "right", "user_id": "u"}]}
    found = read([{"responses": responses, "metadata": about}])
    assert [(row.criterion, row.verdict) for row in found.verdicts] == [("better", "second")]
