"""How words are weighed: a rarer term weighs more, a claim key threefold, and common terms are dropped first."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.search import ranking
from yukawa.knowledge.search.ranking import weighted_terms


@given(st.integers(1, 10**6), st.data())
def test_a_rarer_term_weighs_more(passages: int, data: st.DataObject) -> None:
    few, many = sorted(data.draw(st.tuples(st.integers(0, passages), st.integers(0, passages))))
    assert ranking.term_weight("mass", passages, few) >= ranking.term_weight("mass", passages, many) > 0
    assert math.isclose(
        ranking.term_weight("=key", passages, few),
        ranking.KEY_WEIGHT * ranking.term_weight("mass", passages, few),
    )


@pytest.mark.parametrize(("passages", "frequency"), [(1, 0), (1, 1), (10, 3), (10**6, 40)])
def test_the_weight_is_that_of_bm25(passages: int, frequency: int) -> None:
    expected = math.log((passages + 1) / (frequency + 0.5))  # log(1 + (N - n + 0.5) / (n + 0.5))
    assert ranking.term_weight("mass", passages, frequency) == pytest.approx(expected)


def test_the_commonest_terms_are_dropped_but_never_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "POSTINGS_BUDGET", 10)
    assert [t for t, _ in weighted_terms([(7, "common"), (2, "rare"), (5, "known")], 20)] == ["rare", "known"]
    assert [t for t, _ in weighted_terms([(30, "everywhere"), (40, "more")], 50)] == ["everywhere"]
    assert weighted_terms([], 50) == []
