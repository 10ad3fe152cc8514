"""Resamples and exchanges have the shapes and chances they should have, in pieces of bounded size."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core import bootstrap
from yukawa.core.bootstrap import (
    Bootstrap,
    every_flip,
    random_flips,
    random_weights,
    resampled_counts,
)


def anywhere(systems):
    return np.array([(-np.inf, np.inf)] * systems)


@pytest.mark.parametrize(
    "draw", [resampled_counts, random_flips, lambda *how: random_weights(how[0] - 1, *how[1:])]
)
def test_pieces_are_bounded_and_their_size_changes_no_row_count(draw, monkeypatch):
    monkeypatch.setattr(bootstrap, "_CELLS", 100)
    pieces = list(draw(30, 11, 1))
    assert [piece.shape for piece in pieces] == [(3, 30)] * 3 + [(2, 30)]
    again = list(draw(30, 11, 1))
    assert all((one == two).all() for one, two in zip(pieces, again, strict=True))
    assert not (np.concatenate(list(draw(30, 11, 2))) == np.concatenate(pieces)).all()


def test_resamples_draw_as_many_as_there_are():
    counts = np.concatenate(list(resampled_counts(40, 4000, 3)))
    assert (counts.sum(1) == 40).all()
    assert counts.mean(0) == pytest.approx(np.ones(40), abs=0.08)
    assert counts.var() == pytest.approx(1 - 1 / 40, abs=0.02)


def test_flips():
    flips = np.concatenate(list(random_flips(13, 8000, 3)))
    assert set(np.unique(flips)) == {0, 1}
    assert flips.mean(0) == pytest.approx(np.full(13, 0.5), abs=0.03)
    (all_of_them,) = every_flip(4)
    assert sorted(map(tuple, all_of_them)) == sorted(set(map(tuple, all_of_them)))
    assert all_of_them.shape == (16, 4)


def test_covariances_are_those_of_numpy():
    """Of means, the covariance of two systems is that of their clusters over the number of clusters."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 3))
    found = Bootstrap(values, np.ones((30, 3)), np.zeros(3, bool), anywhere(3), [(0, 1), (1, 2)], 7, 0)
    expected = np.cov(values.T) / 30
    assert found.sample.covariances[0] == pytest.approx([*np.diag(expected), expected[0, 1], expected[1, 2]])
    assert found.difference_error(0, 1) ** 2 == pytest.approx(
        expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
    )


def test_exchanges_of_few_clusters_are_exact():
    values = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 4.0], [0.0, 1.5]])
    p_values, exact = Bootstrap(
        values, np.ones((4, 2)), np.zeros(2, bool), anywhere(2), [(0, 1)], 100, 0
    ).exchange_p_values()
    assert (p_values, exact) == ([2 / 16], True)


def test_random_weights_are_those_of_a_dirichlet_distribution():
    weights = np.concatenate(list(random_weights(9, 20_000, 1)))
    shares = weights / weights.sum(1, keepdims=True)
    assert shares.mean(0) == pytest.approx(np.full(10, 0.1), abs=0.003)
    assert shares.var(0) == pytest.approx(np.full(10, 0.1 * 0.9 / 11), rel=0.1)
