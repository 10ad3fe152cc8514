"""Scores by several judges: what was planted is found, levels of judges cancel, and tables that are not ones."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.bootstrap import TOO_EQUAL, TOO_FEW
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


def liking(rng, judges, papers=20):
    """Two equal models of which each judge prefers one, by a taste of its own."""
    tastes = rng.normal(0, 0.6, judges)
    return [
        Score(question=f"p{k}", model=model, judge=f"j{j}", value=5 + sign * tastes[j] + rng.normal(0, 0.5))
        for k in range(papers)
        for j in range(judges)
        for model, sign in (("a", -0.5), ("b", 0.5))
    ]


def test_a_note_says_whether_intervals_hold_for_other_judges():
    for judges, method in ((3, "jackknife"), (6, "jackknife, two-way")):
        (found,) = analyse(liking(np.random.default_rng(2), judges), resamples=2)
        assert found.groups[0].method == method
        assert any("do not speak for other judges" in note for note in found.notes) == (judges == 3)


def test_too_few_questions_and_equal_differences_have_neither_interval_nor_p():
    for papers, reason in ((3, TOO_FEW), (6, TOO_EQUAL)):
        rows = [
            Score(
                question=f"p{k}",
                model=model,
                judge=judge,
                value=value + (k if papers == 3 and model == "a" else 0),
            )
            for k in range(papers)
            for judge in ("x", "y")
            for model, value in (("a", 5), ("b", 7))
        ]
        (pair,) = analyse(rows, **FEW)[0].groups
        assert (pair.method, pair.low, pair.p) == pytest.approx((reason, np.nan, np.nan), nan_ok=True)


def test_a_model_that_one_judge_alone_has_judged_leaves_intervals_for_these_judges():
    rows = liking(np.random.default_rng(0), 5)
    rows += [row.model_copy(update={"model": "c"}) for row in rows if row.model == "b" and row.judge == "j0"]
    (found,) = analyse(rows, **FEW)
    assert {one.method for one in found.models.values()} == {"jackknife"}
    assert "without whom models are not connected" in found.notes[0]


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
    assert any("share no answers" in note for note in found.notes)
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
