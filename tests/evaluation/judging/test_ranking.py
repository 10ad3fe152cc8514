"""A ranking: truth found behind biased judges, rates by hand, and what must not be ranked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.davidson import pair_shares
from yukawa.evaluation.judging.pages import verdict
from yukawa.evaluation.judging.ranking import pair_rates, rank
from yukawa.evaluation.judging.verdicts import Verdict

FEW = {"resamples": 60}


def row(question, first, second, verdict, judge="j", **more):
    return Verdict(question=str(question), first=first, second=second, verdict=verdict, judge=judge, **more)


def arena(seed=0, questions=150, strengths=(0.7, 0.0, -0.7), position=0.0, nu=-0.5, **more):
    rng = np.random.default_rng(seed)
    rows = []
    for q in range(questions):
        i, j = rng.permutation(len(strengths))[:2]
        shares = [float(part) for part in pair_shares(strengths[i] - strengths[j] + position, nu)]
        said = rng.choice(["first", "tie", "second"], p=shares)
        rows.append(row(q, "abcdef"[i], "abcdef"[j], said, **more))
    return rows


def test_the_order_and_the_biases_are_found():
    found = rank(arena(questions=400, position=0.8), **FEW)
    assert list(found.strengths) == ["a", "b", "c"]
    assert found.strengths["a"].low > 0 > found.strengths["c"].high
    assert found.position["people"].low > 0.3
    assert found.ranks["a"][0] == 1
    assert all(pair.p_holm >= pair.p for pair in found.pairs)


@pytest.mark.parametrize("questions", [1, 3])
def test_few_questions_have_no_interval_however_many_verdicts(questions):
    said = ["first", "first", "first", "second", "tie"]
    rows = [row(q, "a", "b", said[(k + q) % 5], f"p{k}") for q in range(questions) for k in range(8)]
    rows += [row(q, "b", "a", "second", f"r{k}") for q in range(questions) for k in range(4)]
    found = rank(rows, **FEW)
    (pair,) = found.pairs
    assert math.isnan(pair.p)
    assert math.isnan(pair.difference.low)
    assert found.strengths["a"].method == "too few for an interval"
    assert set(found.ranks.values()) == {(1, 2)}


def test_a_position_that_goes_with_the_model_is_named_and_not_shared_with_its_strength():
    rng = np.random.default_rng(1)
    rows = [
        row(q, "a", "b", rng.choice(["first", "tie", "second"], p=[0.6, 0.1, 0.3]), kind="model")
        for q in range(100)
    ]
    found = rank(rows, **FEW)
    wins, losses = (sum(r.verdict == word for r in rows) for word in ("first", "second"))
    assert found.pairs[0].difference.value == pytest.approx(math.log(wins / losses), rel=0.01)
    assert math.isnan(found.position["j"].value)
    assert "position of answers before j goes so with the models" in found.notes[0]
    assert "This assumes" in verdict(found)
    both = rank(
        [
            *rows,
            *(row(q, "b", "a", "second", judge="k") for q in range(3)),
            row(4, "a", "b", "second", judge="k"),
        ],
        **FEW,
    )
    assert math.isfinite(both.position["j"].value)  # another judge saw both orders


def test_a_length_that_goes_with_the_model_is_named_and_not_shared_with_its_strength():
    rows = arena(strengths=(0.5, -0.5))
    answers = {(r.question, name): "x" * (900 if name == "a" else 9) for r in rows for name in "ab"}
    found, plain = rank(rows, answers, **FEW), rank(rows, **FEW)
    assert found.pairs[0].difference.value == pytest.approx(plain.pairs[0].difference.value)
    assert math.isnan(found.effects["length"].value)
    assert found.notes[0].startswith("length goes so with the models")


def test_names_and_the_order_of_rows_do_not_matter():
    rows = arena()
    one, two = rank(rows, **FEW), rank(rows[::-1], **FEW)
    for name in "abc":
        assert one.strengths[name].value == pytest.approx(two.strengths[name].value, abs=1e-6)


def test_equal_models_are_not_called_different_by_a_judge_who_likes_the_first_and_the_long():
    """The raw score says that the long model, mostly shown first, is better; the ranking does not."""
    different, raw = 0, []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        rows, answers = [], {}
        for q in range(200):
            lengths = {"long": rng.lognormal(5.2, 0.5), "short": rng.lognormal(4.8, 0.5)}
            answers |= {(str(q), name): "x" * int(size) for name, size in lengths.items()}
            first, second = ("long", "short") if rng.random() < 0.8 else ("short", "long")
            x = (lengths[first] - lengths[second]) / (lengths[first] + lengths[second])
            shares = [float(part) for part in pair_shares(0.7 + 2 * x, 0.0)]
            rows.append(row(q, first, second, rng.choice(["first", "tie", "second"], p=shares)))
        (pair,) = rank(rows, answers, resamples=2).pairs
        different += pair.p < 0.05
        raw.append(pair.rates["score"].value)
    assert different <= 3
    assert np.mean(raw) > 0.6


def test_rates_by_hand():
    rows = [
        row(1, "a", "b", "first"),
        row(2, "b", "a", "first"),
        row(3, "b", "a", "second"),
        row(4, "a", "b", "both bad"),
    ]
    rates = pair_rates(rows, "a")
    assert [rates[name].value for name in ("win", "draw", "fail", "score", "not worse")] == [
        0.5,
        0.25,
        0.25,
        0.625,
        0.75,
    ]


def test_both_orders_enter_the_rates_once():
    rows = []
    for q in range(40):
        best = ("first", "second") if q % 4 else ("first", "first")  # a quarter is decided by the order
        rows += [row(q, "a", "b", best[0], kind="model"), row(q, "b", "a", best[1], kind="model")]
    rows[2], rows[3] = row(0.5, "a", "b", "second"), row(0.5, "b", "a", "first")
    found = rank(rows, **FEW)
    assert found.flipped == {"j": (10, 40)}
    assert found.pairs[0].verdicts == 40
    assert found.verdicts == 80


def test_a_model_that_never_lost_has_a_lower_end_only():
    rows = [
        *arena(questions=200),
        *(
            row(f"n{k}", *(("d", "b") if k % 2 else ("b", "d")), "first" if k % 2 else "second")
            for k in range(30)
        ),
    ]
    found = rank(rows, **FEW)
    best = found.strengths["d"]
    assert next(iter(found.strengths)) == "d"
    assert best.value == best.high == math.inf
    assert 1 < best.low < 5
    pair = next(pair for pair in found.pairs if "d" in (pair.first, pair.second))
    assert pair.difference.value == -math.inf  # of b minus d
    assert pair.p < 1e-6
    assert pair.controlled is None


def test_copies_of_one_question_do_not_prove_that_a_model_never_loses():
    def low(rows):
        return rank([*arena(questions=200), *rows], **FEW).strengths["d"].low

    won = [
        row(f"n{k}", *(("d", "b") if k % 2 else ("b", "d")), "first" if k % 2 else "second") for k in range(6)
    ]
    copies = [one.model_copy(update={"judge": f"person {k}"}) for one in won for k in range(20)]
    assert low(copies) < low(won) + 0.5


def test_two_models_of_which_one_always_wins():
    found = rank(
        [row(q, *("ab" if q % 2 else "ba"), "first" if q % 2 else "second") for q in range(12)], **FEW
    )
    assert list(found.strengths) == ["a", "b"]
    assert found.strengths["a"].low > 0
    assert found.pairs[0].p == pytest.approx(2 / 2**12)


def test_models_that_were_never_compared_are_not_ranked():
    rows = [
        row(1, "a", "b", "first"),
        row(2, "a", "b", "second"),
        row(3, "c", "d", "first"),
        row(4, "c", "d", "second"),
    ]
    with pytest.raises(InputError, match=r"a, b \| c, d"):
        rank(rows)


def test_two_groups_without_a_loss_between_them_are_not_ranked():
    inner = [row(q, *pair, said) for pair in ("ab", "cd") for q, said in enumerate(("first", "second"))]
    with pytest.raises(InputError, match="no verdict is against that order"):
        rank([*inner, row(7, "a", "c", "first"), row(8, "d", "b", "second")])


def test_a_judge_who_always_takes_the_first_says_nothing():
    always = [row(q, *("ab" if q % 2 else "ba"), "first", judge="small", kind="model") for q in range(30)]
    with pytest.raises(InputError, match="small chose the first answer in all 30 verdicts"):
        rank(always)
    found = rank([*always, *arena(strengths=(0.5, -0.5))], **FEW)
    assert list(found.position) == ["people"]
    assert "not used" in found.notes[0]


def test_replies_that_cannot_be_used_are_counted_and_many_refuse():
    rows = arena()
    few = [*rows, *(row(f"x{k}", "a", "b", None, error="cut") for k in range(5))]
    assert rank(few, **FEW).invalid == {"j": (5, 155)}
    many = [*rows, *(row(f"x{k}", "a", "b", None) for k in range(20))]
    with pytest.raises(InputError, match="20 of 170 replies of judge 'j'"):
        rank(many)
    assert rank(many, allow_invalid=True, **FEW).invalid == {"j": (20, 170)}


def test_a_length_controlled_score_needs_overlap():
    rows = arena(strengths=(0.5, -0.5))
    apart = {(r.question, name): "x" * (1000 if name == "a" else 10) for r in rows for name in "ab"}
    pair = rank(rows, apart, **FEW).pairs[0]
    assert (pair.controlled, pair.overlap) == (None, 0)
    rng = np.random.default_rng(1)
    mixed = {key: "x" * int(rng.integers(10, 1000)) for key in apart}
    pair = rank(rows, mixed, **FEW).pairs[0]
    assert pair.overlap > 0.3
    assert pair.controlled is not None
    assert pair.controlled.low < pair.controlled.value < pair.controlled.high
    assert pair.controlled.value == pytest.approx(pair.rates["score"].value, abs=0.06)


def test_nothing_and_mixed_criteria_are_refused():
    with pytest.raises(InputError, match="no verdicts"):
        rank([])
    with pytest.raises(InputError, match="clarity, overall are mixed"):
        rank([row(1, "a", "b", "tie"), row(1, "a", "b", "tie", criterion="clarity")])
    with pytest.raises(InputError, match="2 ties"):
        rank([row(1, "a", "b", "tie"), row(2, "a", "b", "both bad")])
