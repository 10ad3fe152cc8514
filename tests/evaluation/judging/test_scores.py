"""Scores by several judges: what was planted is found, levels of judges cancel, and tables that are not ones."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.scores import analyse, read_score_table
from yukawa.evaluation.judging.verdicts import Score

FEW = {"resamples": 200}
LEVELS = {"strict": -1.5, "mild": 1.0, "plain": 0.0}


def study(seed=0, papers=25, gain=0.8, alone=("strict",), common=12):
    """Base and tuned models on papers; common papers by all judges, the rest of the tuned ones by a strict judge alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for paper in range(papers):
        hard = rng.normal(0, 1)
        for model, group in (("base", "Base"), ("t1", "Tuned"), ("t2", "Tuned")):
            for judge in (
                LEVELS if paper < common else alone if group == "Tuned" or paper % 2 else ("mild", *alone)
            ):
                value = 5 + hard + LEVELS[judge] + gain * (group == "Tuned") + rng.normal(0, 0.7)
                rows.append(
                    Score(question=f"p{paper}", model=model, judge=judge, value=round(value, 2), group=group)
                )
    return rows


def test_a_gain_is_found_within_judges_where_plain_means_hide_it():
    (found,) = analyse(study(), **FEW)
    (pair,) = found.groups
    assert (pair.first, pair.second) == ("Base", "Tuned")
    assert pair.low < 0.8 < pair.high
    assert pair.p < 1e-4
    assert pair.plain < pair.value - 0.1  # the mild judge scored the base more often
    assert list(found.models)[-1] == "base"
    assert sum(one.value for one in found.models.values()) == pytest.approx(0)


def test_levels_of_judges_are_found():
    (found,) = analyse(study(), **FEW)
    mean = np.mean(list(LEVELS.values()))
    for name, level in LEVELS.items():
        one = found.judges[name].level
        assert one is not None
        assert one.low < level - mean < one.high


def test_adding_a_constant_to_one_judge_changes_no_difference():
    rows = study()
    moved = [row.model_copy(update={"value": row.value + 3}) if row.judge == "mild" else row for row in rows]
    one, two = (analyse(part, **FEW)[0].groups[0] for part in (rows, moved))
    assert one.value == pytest.approx(two.value)
    assert one.error == pytest.approx(two.error)
    assert one.plain != pytest.approx(two.plain)


def test_intervals_hold_and_nothing_is_found_where_nothing_is():
    found = [
        analyse(study(seed, papers=15, gain=0.0, common=8), resamples=2)[0].groups[0] for seed in range(40)
    ]
    assert np.mean([one.low <= 0 <= one.high for one in found]) > 0.84
    assert np.mean([one.p < 0.05 for one in found]) < 0.16


def test_criteria_are_analysed_alone_and_unusable_scores_are_counted():
    rows = [
        *study(),
        Score(question="p0", model="base", judge="m", value=None),
        *(r.model_copy(update={"criterion": "clarity"}) for r in study(1)),
    ]
    overall, clarity = analyse(rows, **FEW)
    assert (overall.criterion, overall.unusable, clarity.unusable) == ("overall", 1, 0)


def test_the_last_score_of_a_judge_counts():
    rows = study()
    again = rows[0].model_copy(update={"value": 9.0})
    (found,) = analyse([*rows, again], **FEW)
    assert (found.scores, found.repeated) == (len(rows), 1)


def test_judges_of_different_papers_compare_models_but_not_judges():
    rows = [
        r
        for r in study(common=25)
        if (r.judge == "mild") == (int(r.question[1:]) < 12) and r.judge != "plain"
    ]
    (found,) = analyse(rows, **FEW)
    assert found.agreement is None
    assert found.judges["mild"].level is None
    assert "share no answers" in found.notes[0]
    assert len(found.groups) == 1


def test_models_that_no_judge_compared_are_not_compared():
    rows = [r for r in study(common=25) if (r.judge == "mild") == (r.group == "Base")]
    (found,) = analyse(rows, **FEW)
    assert found.groups == []
    assert "models are not compared" in found.notes[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_are_read_with_any_delimiter_and_mark(tmp_path, delimiter):
    lines = [
        ["\ufeffpaper", "model", "rater", "score", "source", "category"],
        ["1", "a", "score", "7", "bc", "Base"],
        ["1", "b", "model", "8", "", "LoRA"],
    ]
    path = tmp_path / "s.csv"
    path.write_text("\r\n".join(delimiter.join(line) for line in lines), encoding="utf-8")
    one, two = read_score_table(path)
    assert (one.question, one.model, one.judge, one.value, one.group) == ("1", "a", "score", 7, "Base")
    assert two.judge == "model"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column for the question"),
        ("paper,model,rater,score\n", "no scores"),
        ("paper,model,rater\n1,a,x\n", "no column for the value"),
        ("paper,model,rater,score\n1,a,x,nan\n", ":2: the score 'nan'"),
        ("paper,model,rater,score\n1,a,x,high\n", "'high' is not a number"),
        ("paper,model,rater,score\n1,a,x\n", "has 3 columns"),
        ("paper,model,rater,score\n1,,x,3\n", "the model is empty"),
        ("paper,model,rater,score,score\n1,a,x,3,4\n", "two columns 'score'"),
        ('paper,model,rater,score\n1,"a,x,3\n', "not a row of CSV"),
    ],
)
def test_a_table_of_something_else_is_refused_by_its_line(tmp_path, text, words):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_score_table(tmp_path / "s.csv")


def test_a_model_of_two_groups_and_nothing_are_refused():
    rows = study()
    with pytest.raises(InputError, match="in the groups 'Base' and 'Other'"):
        analyse([*rows, rows[0].model_copy(update={"question": "x", "group": "Other"})], **FEW)
    with pytest.raises(InputError, match="no scores"):
        analyse([])
