"""Shares and corrections agree with SciPy and with what was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.core.proportions import binomial_test, clopper_pearson, holm, wilson

stats = pytest.importorskip("scipy.stats", reason="SciPy is the second implementation")


@given(st.integers(1, 60), st.data())
@settings(max_examples=40)
def test_binomials(trials, data):
    successes = data.draw(st.integers(0, trials))
    share = data.draw(st.sampled_from([0.0, 0.1, 0.5, 0.73, 1.0]))
    theirs = stats.binomtest(successes, trials, share)
    assert binomial_test(successes, trials, share) == pytest.approx(theirs.pvalue, abs=1e-9)
    for ours, name in ((wilson, "wilson"), (clopper_pearson, "exact")):
        interval = theirs.proportion_ci(0.9, method=name)
        assert ours(successes, trials, 0.9) == pytest.approx(tuple(interval), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm(values):
    corrected = holm(values)
    assert all(old <= new <= 1 for old, new in zip(values, corrected, strict=True))
    assert min(corrected) == pytest.approx(min(1, min(values) * len(values)))
    order = np.argsort(values, kind="stable")
    assert list(np.array(corrected)[order]) == sorted(corrected)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_bad_input():
    with pytest.raises(InputError, match="3 of 2 is no share"):
        wilson(3, 2)
    with pytest.raises(InputError, match="0 of 0 is no share"):
        clopper_pearson(0, 0)
    with pytest.raises(InputError, match=r"not 1\.5"):
        binomial_test(1, 2, 1.5)
    with pytest.raises(InputError, match="within 0 and 1"):
        holm([0.1, 1.2])
