"""Means of scores by items and raters: laws, a balanced design by hand, coverage, and bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from yukawa.core.bootstrap import TOO_EQUAL, TOO_FEW
from yukawa.core.crossed import crossed_mean
from yukawa.core.errors import InputError
from yukawa.core.statistics import Sample, estimate

stats = pytest.importorskip("scipy.stats")
RNG = np.random.default_rng(3)


def names(items, raters):
    return np.repeat(np.arange(items), raters).astype(str), np.tile(np.arange(raters), items).astype(str)


def table(rng, items, raters, *, of_items=1.0, of_raters=0.7):
    """Scores of mean zero, shape (items x raters,)."""
    single = rng.normal(0, 1, (items, raters))
    parts = rng.normal(0, of_items, (items, 1)) + rng.normal(0, of_raters, (1, raters)) + single
    return parts.ravel()


def test_raters_that_agree_leave_students_interval_of_the_items():
    means = RNG.normal(5, 1, 12)
    found = crossed_mean(np.repeat(means, 12), *names(12, 12))
    assert found.error == pytest.approx(stats.sem(means))
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.95, 11, means.mean(), stats.sem(means))
    )
    assert found.p_permutation == pytest.approx(stats.ttest_1samp(means, 0).pvalue)


def test_items_and_raters_may_change_places_and_rows_their_order():
    scores, (items, raters) = table(RNG, 9, 5), names(9, 5)
    order = RNG.permutation(45)
    one = crossed_mean(scores, items, raters)
    two = crossed_mean(scores[order], raters[order], items[order])
    assert (one.low, one.high, one.p_permutation) == pytest.approx((two.low, two.high, two.p_permutation))


def test_it_is_wider_than_what_knows_one_kind_of_groups_only():
    scores, (items, raters) = table(RNG, 30, 6), names(30, 6)
    found = crossed_mean(scores, items, raters)
    for groups in (items, raters):
        assert found.error >= estimate(Sample.mean(scores, list(groups)), resamples=9).error * 0.999


@pytest.mark.slow
@pytest.mark.parametrize(("items", "raters"), [(4, 4), (20, 5), (20, 20)])
def test_coverage_and_false_positives(items, raters):
    rng = np.random.default_rng(4)
    found = [crossed_mean(table(rng, items, raters), *names(items, raters)) for _ in range(300)]
    held = np.mean([row.low <= 0 <= row.high for row in found])
    assert held >= 0.95 - 3.3 * math.sqrt(0.95 * 0.05 / 300)
    assert held == pytest.approx(1 - np.mean([row.p_permutation < 0.05 for row in found]))


def test_a_few_missing_scores_and_a_range():
    scores, (items, raters) = np.clip(8 + table(RNG, 8, 5), 1, 10), names(8, 5)
    kept = RNG.random(40) > 0.2
    found = crossed_mean(scores[kept], items[kept], raters[kept], within=(1, 10))
    assert 1 <= found.low < found.value < found.high <= 10


def test_bad_input():
    scores, (items, raters) = table(RNG, 8, 3), names(8, 3)
    few = crossed_mean(scores, items, raters)
    assert (few.method, math.isnan(few.low), few.clusters) == (TOO_FEW, True, 3)
    assert crossed_mean(np.ones(40), *names(8, 5)).method == TOO_EQUAL
    with pytest.raises(InputError, match="must be as many: 24, 24, 23"):
        crossed_mean(scores, items, raters[1:])
    with pytest.raises(InputError, match="not finite"):
        crossed_mean([math.nan] * 24, items, raters)
    with pytest.raises(InputError, match="between 0 and 1"):
        crossed_mean(scores, items, raters, level=95)
