"""Rows of verdicts: both orders as one, style counts, arrays, and files that hold something else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.verdicts import (
    Score,
    Verdict,
    comparisons,
    lead,
    read_rows,
    settle,
    style,
    turned,
)


def said(verdict, question="q", first="a", second="b", judge="j", **more):
    return Verdict(question=question, first=first, second=second, verdict=verdict, judge=judge, **more)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ("first", "second", "first"), ("second", "first", "second"), ("first", "first", "tie"), ("second", "second", "tie"),
        ("tie", "first", "tie"), ("tie", "tie", "tie"), ("first", "tie", "tie"), ("tie", "both bad", "tie"),
    ],
)  # fmt: skip
def test_a_win_needs_both_orders(one, other, kept):
    found = settle([said(one), said(other, first="b", second="a")])
    (row,) = found.verdicts
    assert (row.first, row.verdict) == ("a", kept)
    agreed = (one, other) in {("first", "second"), ("second", "first"), ("tie", "tie"), ("tie", "both bad")}
    assert (found.seen_twice, found.flipped) == ({"j": 1}, {"j": int(not agreed)})


def test_judges_questions_and_criteria_are_settled_alone():
    rows = [
        said("first"),
        said("first", judge="k"),
        said("first", question="r"),
        said("first", criterion="clarity"),
    ]
    assert len(settle([*rows, said(None, first="b", second="a")]).verdicts) == 4


def test_turning_twice_is_the_same():
    for verdict in ("first", "second", "tie", "both bad", None):
        row = said(verdict)
        assert turned(turned(row)) == row
        assert lead(row, "a") == -lead(row, "b") == lead(turned(row), "a")


def test_style_counts_what_a_reader_sees():
    text = "# Width\n\n* one\n2. two\n\nThe **Z** has $\\Gamma = 2.5$ GeV and \\(x\\)."
    found = style(text)
    assert {name: found[name] for name in ("lists", "bold", "headings", "formulas")} == {
        "lists": 2, "bold": 1, "headings": 1, "formulas": 2,
    }  # fmt: skip
    assert style("a b\nc")["length"] == 3


def test_differences_change_sign_with_the_order_and_constant_ones_are_dropped():
    answers = {("q", "a"): "long answer here", ("q", "b"): "short"}
    one, two = (comparisons([row], answers) for row in (said("first"), turned(said("first"))))
    assert one.covariates == ("length",)
    assert one.differences == pytest.approx(-two.differences)
    assert np.sqrt((one.differences**2).mean()) == pytest.approx(1)


def test_people_share_one_position_effect_and_models_have_their_own():
    rows = [said("first", judge="Li"), said("tie", judge="Ann"), said("tie", judge="m", kind="model")]
    assert comparisons(rows).judges == ("m", "people")


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="with itself"):
        comparisons([said("tie", second="a")])
    with pytest.raises(InputError, match="answer of 'a' to question 'q' is missing"):
        comparisons([said("tie")], {("q", "b"): "x"})


def test_files_come_back_as_written(tmp_path):
    rows = [said("first"), said(None, error="not JSON")]
    (tmp_path / "v.jsonl").write_text(
        "\n".join(row.model_dump_json() for row in rows)
    )  # no line feed at the end
    assert read_rows(tmp_path / "v.jsonl", Verdict) == rows


@pytest.mark.parametrize("change", [{"verdict": "C"}, {"first": ""}, {"colour": 1}, {"question": 3}])
def test_another_row_is_refused_by_its_place(tmp_path, change):
    row = json.loads(said("first").model_dump_json()) | change
    (tmp_path / "v.jsonl").write_text(json.dumps(row))
    with pytest.raises(InputError, match="row 1"):
        read_rows(tmp_path / "v.jsonl", Verdict)


def test_an_empty_file_and_a_score_that_is_not_finite_are_refused(tmp_path):
    (tmp_path / "v.jsonl").write_text("\n")
    with pytest.raises(InputError, match="no rows"):
        read_rows(tmp_path / "v.jsonl", Score)
    (tmp_path / "v.jsonl").write_text('{"question": "q", "model": "m", "judge": "j", "value": NaN}')
    with pytest.raises(InputError, match="NaN"):
        read_rows(tmp_path / "v.jsonl", Score)
