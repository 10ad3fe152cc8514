"""Intervals and tests agree with SciPy and keep their level in simulations."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.bootstrap import TOO_EQUAL, TOO_FEW
from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.statistics import (
    ANY,
    LEVEL,
    ONE_SIGMA,
    SHARE,
    Sample,
    binomial_test,
    chi_square_p,
    clopper_pearson,
    compare,
    difference,
    estimate,
    holm,
    mcnemar_p,
    wilson,
    wilson_estimate,
)

stats = pytest.importorskip("scipy.stats", reason="SciPy is the second implementation")
RNG = np.random.default_rng(5)
SKEWED = RNG.lognormal(1, 0.7, 60)
LOSSES, TOKENS = RNG.gamma(30, 4, 50), RNG.integers(20, 90, 50).astype(float)


def ratio(top, bottom, axis=-1):
    return np.sum(top, axis) / np.sum(bottom, axis)


class TestAgainstSciPy:
    def test_exact_and_random_sign_flips(self):
        few, other_few = SKEWED[:9], SKEWED[:9] + RNG.normal(0.4, 0.5, 9)
        for one, two, exact in ((few, other_few, True), (SKEWED, SKEWED + RNG.normal(0.1, 0.4, 60), False)):
            found = difference(Sample.mean(one), Sample.mean(two), resamples=20_000)
            other = stats.permutation_test(
                (one, two), lambda a, b, axis=-1: np.mean(b - a, axis), permutation_type="samples",
                n_resamples=20_000, vectorized=True, rng=3,
            )  # fmt: skip
            assert found.exact is exact
            assert found.p_permutation == pytest.approx(other.pvalue, abs=1e-12 if exact else 0.015)

    def test_the_standard_error_is_that_of_the_mean(self):
        """With many clusters the interval of bootstrap-t is Student's."""
        values = RNG.normal(3, 1, 4000)
        found = estimate(Sample.mean(values), resamples=2000)
        low, high = stats.t.interval(0.95, 3999, values.mean(), stats.sem(values))
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.1 * (high - low))

    def test_standard_errors(self):
        other = stats.bootstrap((SKEWED,), np.mean, n_resamples=20_000, rng=2).standard_error
        assert estimate(Sample.mean(SKEWED), resamples=9).error == pytest.approx(other, rel=0.03)
        shifted = SKEWED + RNG.normal(0.1, 0.4, 60)
        found = difference(Sample.mean(SKEWED), Sample.mean(shifted), resamples=9)
        assert found.error == pytest.approx(stats.sem(shifted - SKEWED), rel=1e-9)


class TestLaws:
    def test_a_difference_with_oneself_is_none(self):
        sample = Sample.ratio(LOSSES, TOKENS, exponential=True)
        found = difference(sample, sample)
        assert (found.value, found.p_permutation, found.method) == (0, 1, TOO_EQUAL)
        assert math.isnan(found.low)
        assert math.isnan(found.high)

    @pytest.mark.parametrize("within", [ANY, (0.0, 200.0)])
    def test_exchanging_the_systems_turns_the_sign(self, within):
        shift = RNG.integers(-1, 3, 60) / 10
        one, two = Sample.mean(SKEWED, within=within), Sample.mean(SKEWED + shift, within=within)
        there, back = difference(one, two), difference(two, one)
        assert there.method == ("studentized" if within == ANY else "bounded")
        assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
        assert there.p_permutation == back.p_permutation

    @given(st.integers(0, 1000))
    @settings(max_examples=10)
    def test_order_and_seed(self, seed):
        """Rows in any order give the same figures, and a seed gives the same resamples."""
        order = np.random.default_rng(seed).permutation(50)
        clusters = [f"paper {k % 13}" for k in range(50)]
        one = Sample.ratio(LOSSES, TOKENS, clusters)
        two = Sample.ratio(LOSSES[order], TOKENS[order], [clusters[k] for k in order])
        found, again = (estimate(sample, resamples=300, seed=seed) for sample in (one, two))
        assert (found.low, found.high) == pytest.approx((again.low, again.high), rel=1e-9)
        assert found.clusters == 13

    def test_ratios_stay_ratios_under_scaling(self):
        found = estimate(Sample.ratio(LOSSES, TOKENS))
        other = estimate(Sample.ratio(LOSSES * 8, TOKENS * 4))
        assert (other.value, other.low, other.high) == pytest.approx(
            (2 * found.value, 2 * found.low, 2 * found.high)
        )

    def test_copies_of_a_document_add_no_knowledge(self):
        """Ten copies in one cluster leave the interval as it was; taken as independent they shrink it."""
        names = [str(k) for k in range(60)]
        once = estimate(Sample.mean(SKEWED, names))
        copied = estimate(Sample.mean(np.repeat(SKEWED, 10), np.repeat(names, 10)))
        naive = estimate(Sample.mean(np.repeat(SKEWED, 10)))
        assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
        assert naive.high - naive.low < 0.4 * (once.high - once.low)

    def test_pairing_is_seen(self):
        """Noise shared by both systems cancels in their difference."""
        shared, gain = RNG.normal(0, 5, 80), RNG.normal(0.3, 0.3, 80)
        found = compare({"base": Sample.mean(shared), "tuned": Sample.mean(shared + gain)})
        paired = found.differences["base", "tuned"]
        assert paired.low > 0
        assert paired.p_permutation < 0.001
        assert found.estimates["base"].high > found.estimates["tuned"].low
        assert found.resampled.shape == (10_000, 2)

    def test_all_pairs_agree_with_one_at_a_time(self):
        samples = {name: Sample.mean(SKEWED + RNG.normal(k / 5, 0.5, 60)) for k, name in enumerate("abc")}
        found = compare(samples, resamples=500)
        for (one, two), value in found.differences.items():
            alone = difference(samples[one], samples[two], resamples=500)
            assert dataclasses.astuple(alone) == pytest.approx(dataclasses.astuple(value))


class TestFaithfulness:
    """In small simulations; benchmarks/evaluation_coverage.py has the large ones."""

    @pytest.mark.slow_but("40")
    @pytest.mark.parametrize("size", [4, 12, 40])
    @pytest.mark.parametrize("kind", ["normal", "skewed", "clustered", "shares", "ties", "extremes"])
    def test_intervals_hold_the_truth_and_stay_in_range(self, kind, size):
        """As often as 95 % of 250 draws allow (99.9 % band); of skewed values three per cent less are known."""
        rng = np.random.default_rng(11)
        held, printed = 0, 0
        for trial in range(250):
            sample, truth = drawn(kind, size, rng)
            found = estimate(sample, resamples=300, seed=trial)
            printed += not math.isnan(found.low)
            held += found.low <= truth <= found.high
            assert not (found.low < sample.within[0])
            assert not (found.high > sample.within[1])
        assert printed >= 240
        assert held / printed >= 0.95 - 3.3 * math.sqrt(0.95 * 0.05 / 250) - 0.03 * (kind == "skewed")

    def test_no_difference_is_rarely_found(self):
        """The test rejects a true null in five percent of cases at most, however few clusters there are."""
        rng = np.random.default_rng(12)
        for size in (1, 3, 5, 8, 30):
            found = []
            for trial in range(150):
                shared = rng.gamma(20, 3, size)
                one, two = (
                    Sample.ratio(shared + rng.normal(0, 4, size), rng.integers(20, 90, size))
                    for _ in range(2)
                )
                found.append(difference(one, two, resamples=200, seed=trial).p_permutation < 0.05)
            assert np.mean(found) < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 150)

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_too_few_clusters_have_neither_interval_nor_test(self, size):
        for within in (ANY, SHARE):
            samples = [Sample.mean(RNG.random(size), within=within) for _ in range(2)]
            found = difference(*samples)
            assert (estimate(samples[0]).method, found.method) == (TOO_FEW, TOO_FEW)
            assert all(map(math.isnan, (found.low, found.high, found.p_permutation)))
            assert math.isnan(found.error) is (size == 1)
        rows = {"a": samples[0], "b": samples[1], "c": samples[0]}
        tests = [row.p_permutation for row in compare(rows).differences.values()]
        assert all(map(math.isnan, holm(tests)))

    @pytest.mark.parametrize("texts", [4, 20, 300])
    def test_equal_values_of_a_share_have_the_exact_bound(self, texts):
        low, high = clopper_pearson(texts, texts)
        found = estimate(Sample.mean([1.0] * texts, within=SHARE))
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)
        half = estimate(Sample.mean([0.5] * texts, within=SHARE))
        assert half.low < 0.5 < half.high
        assert half.high - half.low == pytest.approx(1 - low, abs=0.05)

    @given(st.integers(5, 40), st.data())
    @settings(max_examples=15, deadline=None)
    def test_of_shares_it_is_clopper_and_pearsons(self, trials, data):
        successes = data.draw(st.integers(0, trials))
        values = np.arange(trials) < successes
        found = estimate(Sample.mean(values.astype(float), within=SHARE), resamples=20_000)
        assert (found.low, found.high) == pytest.approx(clopper_pearson(successes, trials), abs=0.01)

    @given(st.lists(st.floats(-1, 1), min_size=4, max_size=9))
    @settings(max_examples=25, deadline=None)
    def test_no_interval_leaves_the_range(self, values):
        found = estimate(Sample.mean(values, within=(-1, 1)), resamples=100)
        assert math.isnan(found.low) or -1 <= found.low <= found.high <= 1
        other = difference(
            Sample.mean(values, within=(-1, 1)), Sample.mean(values[::-1], within=(-1, 1)), resamples=100
        )
        assert math.isnan(other.low) or -2 <= other.low <= other.high <= 2


def drawn(kind, size, rng):
    """A sample, and the true mean."""
    if kind == "clustered":
        sizes = rng.integers(1, 8, size)
        names = np.repeat(np.arange(size), sizes).astype(str)
        return Sample.mean(
            np.repeat(rng.normal(2, 1, size), sizes) + rng.normal(0, 0.5, sizes.sum()), names
        ), 2
    if kind == "skewed":
        return Sample.mean(rng.lognormal(0, 0.5, size), within=(0, math.inf)), math.exp(0.125)
    if kind == "normal":
        return Sample.mean(rng.normal(2, 1, size)), 2
    if kind == "shares":
        return Sample.mean((rng.random(size) < 0.2).astype(float), within=SHARE), 0.2
    if kind == "ties":
        return Sample.mean(np.where(rng.random(size) < 0.8, 1, rng.random(size)), within=SHARE), 0.9
    return Sample.mean(rng.beta(0.5, 0.5, size), within=SHARE), 0.5


def test_thousands_of_documents_are_quick():
    """Memory stays bounded: resamples come in pieces."""
    values = RNG.lognormal(2, 0.4, 20_000)
    found = compare({"a": Sample.mean(values), "b": Sample.mean(values * 0.99)}, resamples=300)
    assert found.differences["a", "b"].high < 0


class TestBadInput:
    def test_nearly_equal_values_without_bounds_have_no_interval(self):
        """Most resamples of eleven ones and a half have no spread at all."""
        for values in ([1.0] * 11 + [0.5], [2.0] * 9, [0.1 * 3] * 7):
            found = estimate(Sample.mean(values))
            assert (found.method, math.isnan(found.low)) == (TOO_EQUAL, True)

    def test_values_out_of_range(self):
        with pytest.raises(InputError, match=r"between -1 and 1 holds the value 1\.5"):
            Sample.mean([0.5, 1.5], within=(-1, 1))
        with pytest.raises(InputError, match=r"between 1 and inf holds the value 0\.9"):
            Sample.ratio([math.log(0.9)], [1], exponential=True, within=(1, math.inf))

    @pytest.mark.parametrize(
        ("values", "said"),
        [([], "one or more values"), ([1, math.nan], "not finite"), ([[1.0]], "in a row")],
    )
    def test_values(self, values, said):
        with pytest.raises(InputError, match=said):
            Sample.mean(values)

    def test_what_does_not_fit(self):
        with pytest.raises(InputError, match="3 values came with 2 clusters"):
            Sample.mean([1, 2, 3], ["a", "b"])
        with pytest.raises(InputError, match="sum to zero"):
            Sample.ratio([1.0], [0.0])
        with pytest.raises(InputError, match="same documents"):
            difference(Sample.mean([1, 2], ["a", "b"]), Sample.mean([1, 2], ["a", "c"]))
        with pytest.raises(InputError, match="between 0 and 1"):
            estimate(Sample.mean([1, 2]), level=95)
        with pytest.raises(InputError, match="needs at least one resample, not 0"):
            estimate(Sample.mean([1, 2]), resamples=0)


class TestProportions:
    @given(st.integers(1, 60), st.data())
    @settings(max_examples=40)
    def test_wilsons_interval_is_scipys(self, trials, data):
        successes, level = (
            data.draw(st.integers(0, trials)),
            data.draw(st.sampled_from([LEVEL, ONE_SIGMA, 0.5])),
        )
        theirs = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
        found = wilson_estimate(successes, trials, level)
        assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=1e-12)
        assert (found.value, found.level) == (successes / trials, level)

    def test_wilsons_interval_of_many_shares(self):
        low, high = wilson([0.0, 0.3, 1.0, math.nan], [10, 12.5, 10, 0])
        assert (low[0], high[2]) == (0, 1)
        assert low[1] < 0.3 < high[1]
        assert np.isnan([low[3], high[3]]).all()

    def test_an_exact_interval_contains_wilsons_at_the_ends(self):
        assert clopper_pearson(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
        assert clopper_pearson(10, 10) == pytest.approx((0.025**0.1, 1))

    @given(st.integers(0, 40), st.integers(0, 40))
    def test_mcnemar_is_symmetric_and_a_binomial_test(self, first, second):
        p = mcnemar_p(first, second)
        assert p == pytest.approx(mcnemar_p(second, first))
        tail = sum(math.comb(first + second, k) for k in range(min(first, second) + 1)) / 2 ** (
            first + second
        )
        assert p == pytest.approx(min(1, 2 * tail))

    def test_p_values_by_hand(self):
        assert binomial_test(0, 5) == pytest.approx(2 / 32)
        assert binomial_test(1, 1, 0.25) == pytest.approx(0.25)
        assert chi_square_p(2 * math.log(20), 2) == pytest.approx(0.05)
        assert (chi_square_p(0.0, 0), chi_square_p(0.0, 3)) == (1, 1)
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_holm(self, values):
        corrected = holm(values)
        assert holm([math.nan, *values])[1:] == corrected
        assert all(old <= new <= 1 for old, new in zip(values, corrected, strict=True))
        assert min(corrected) == pytest.approx(min(1, min(values) * len(values)))
        order = np.argsort(values, kind="stable")
        assert list(np.array(corrected)[order]) == sorted(corrected)

    def test_bad_input(self):
        with pytest.raises(InputError, match="successes must lie between 0 and trials"):
            wilson_estimate(7, 5)
        with pytest.raises(InputError, match="successes must lie between 0 and trials"):
            clopper_pearson(0, 0)
        with pytest.raises(InputError, match=r"not 1\.5"):
            binomial_test(1, 2, 1.5)
        with pytest.raises(InputError, match="p-values must be between 0 and 1"):
            holm([0.1, 1.2])
        with pytest.raises(InputError, match="between 0 and 1"):
            wilson(0.5, 10, level=95)

    def test_without_scipy_the_extra_is_named(self, monkeypatch):
        def absent(name):
            raise ModuleNotFoundError(name=name.partition(".")[0])

        monkeypatch.setattr("yukawa.core.errors.importlib.import_module", absent)
        with pytest.raises(MissingPackage, match=r"pip install .*\[train\]"):
            mcnemar_p(1, 2)
