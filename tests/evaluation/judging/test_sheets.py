"""Sheets for people: no name in them, sides by chance, and back again."""

from __future__ import annotations

import csv
import io
import json

import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.questions import AskedQuestion, ModelAnswer
from yukawa.evaluation.judging.sheets import KIND, make_sheet, read_sheet

QUESTIONS = [AskedQuestion(id=f"q{k}", turns=(f"Question {k}?",)) for k in range(20)]
ANSWERS = [
    ModelAnswer(question=q.id, model=name, text=f"{start} {q.id}, says {name}.")
    for q in QUESTIONS
    for name, start in (("xiwu-13b", "=HYPERLINK(1)"), ("vicuna", "Left"), ("vendor/third", "Right"))
]


def rows(sheet):
    return list(csv.DictReader(io.StringIO(sheet.text)))


def test_no_model_is_named_and_nothing_is_executed():
    sheet = make_sheet(QUESTIONS, ANSWERS, ["accuracy"])
    assert len(rows(sheet)) == 60
    for name in ("xiwu", "vicuna", "third"):
        assert name not in sheet.text
    assert not [cell for row in rows(sheet) for cell in row.values() if cell.startswith("=")]


def test_sides_and_order_are_drawn_for_each_person():
    one, two = (make_sheet(QUESTIONS, ANSWERS, against="vicuna", seed=seed) for seed in (1, 2))
    assert one == make_sheet(QUESTIONS, ANSWERS, against="vicuna", seed=1)
    assert list(one.key.values()) != list(two.key.values())
    assert len(one.key) == 40
    left = sum(models[0] == "vicuna" for _, *models in one.key.values())
    assert 8 < left < 32


@pytest.fixture
def filled(tmp_path):
    """Writes a sheet with its key, its verdicts set by a function of question and sides."""

    def write(say):
        sheet = make_sheet(QUESTIONS[:3], ANSWERS[:9], ["clarity"])
        out = io.StringIO()
        table = csv.DictWriter(out, ["item", "question", "left", "right", "clarity", "verdict", "remark"])
        table.writeheader()
        table.writerows(row | say(*sheet.key[row["item"]]) for row in rows(sheet))
        (tmp_path / "s.csv").write_text("\ufeff" + out.getvalue())
        (tmp_path / "s.key.json").write_text(json.dumps({"kind": KIND, "items": sheet.key}))
        return tmp_path / "s.csv", tmp_path / "s.key.json"

    return write


def test_verdicts_come_back_to_their_models(filled):
    found = read_sheet(
        *filled(lambda q, left, right: {"verdict": "Left" if left < right else "right", "clarity": "tie"}),
        "Li",
    )
    assert len(found) == 18
    assert all(row.verdict == "tie" for row in found if row.criterion == "clarity")
    for row in found:
        if row.criterion == "overall":
            winner = row.first if row.verdict == "first" else row.second
            assert winner == min(row.first, row.second)


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (lambda *_: {}, "no verdicts yet"), (lambda *_: {"verdict": "D"}, "'D' is not a verdict"),
        (lambda *_: {"item": "99", "verdict": "left"}, "not in the key"), (lambda *_: {"item": "1", "verdict": "left"}, "there twice"),
    ],
)  # fmt: skip
def test_a_sheet_of_something_else_is_refused(filled, say, words):
    with pytest.raises(InputError, match=words):
        read_sheet(*filled(say), "Li")


@pytest.mark.parametrize("items", [{"1": 7}, {"1": ["q"]}, {"1": [[], {}, 3]}, {"1": ["q", "a", None]}])
def test_a_key_whose_items_are_of_other_types_is_refused(filled, items):
    path, key = filled(lambda *_: {"verdict": "left"})
    key.write_text(json.dumps({"kind": KIND, "items": items}))
    with pytest.raises(InputError, match="is damaged: each of its items"):
        read_sheet(path, key, "me")


def test_a_first_line_that_is_no_csv_is_refused(filled):
    path, key = filled(lambda *_: {"verdict": "left"})
    path.write_text('"' + "y" * 200_000 + '",verdict\n')
    with pytest.raises(InputError, match=r"s\.csv:\d is not a row of CSV"):
        read_sheet(path, key, "me")


def test_a_sheet_that_is_damaged_is_refused_by_its_line(filled):
    path, key = filled(lambda *_: {"verdict": "left"})
    path.write_text(path.read_text().replace("Question 1?", "x" * 140_000, 1))
    with pytest.raises(InputError, match=r"s\.csv:\d+ is not a row of CSV"):
        read_sheet(path, key, "Li")


def test_another_key_and_equal_answers_are_refused(filled, tmp_path):
    path, key = filled(lambda *_: {"verdict": "left"})
    key.write_text("{}")
    with pytest.raises(InputError, match="not the key of a sheet"):
        read_sheet(path, key, "Li")
    same = [ModelAnswer(question="q0", model=name, text="x") for name in "ab"]
    with pytest.raises(InputError, match="no question has two different answers"):
        make_sheet(QUESTIONS, same)
