"""Agreement of judges: the example of the literature, laws, and what has none."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.reliability import agreement

# Three coders, fifteen units with gaps (0), from the literature on alpha: nominal 0.691, interval 0.811.
EXAMPLE = np.array([
    [0, 0, 0, 0, 0, 3, 4, 1, 2, 1, 1, 3, 3, 0, 3],
    [1, 0, 2, 1, 3, 3, 4, 3, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 2, 1, 3, 4, 4, 0, 2, 1, 1, 3, 3, 0, 4],
])  # fmt: skip


def of(table, scale="nominal", **options):
    judges, units = np.nonzero(table)
    return agreement(units.tolist(), judges.tolist(), table[judges, units], scale, resamples=50, **options)


def test_the_published_example():
    assert of(EXAMPLE).alpha.value == pytest.approx(0.691, abs=5e-4)
    assert of(EXAMPLE, "interval").alpha.value == pytest.approx(0.811, abs=5e-4)
    assert of(EXAMPLE).units == 12


def test_perfect_agreement_is_one_and_chance_is_zero():
    rng = np.random.default_rng(0)
    same = np.tile(rng.integers(1, 4, 200), (3, 1))
    chance = rng.integers(1, 4, (3, 2000))
    for scale in ("nominal", "ordinal", "interval"):
        assert of(same, scale).alpha.value == pytest.approx(1)
        assert of(chance, scale).alpha.value == pytest.approx(0, abs=0.05)
    assert of(same).ac1.value == pytest.approx(1)
    assert of(chance).ac1.value == pytest.approx(0, abs=0.05)


def test_names_of_judges_and_units_do_not_matter():
    turned = of(EXAMPLE[::-1, ::-1])
    assert turned.alpha.value == pytest.approx(of(EXAMPLE).alpha.value)


def test_ranks_ignore_a_stretched_scale_and_numbers_do_not():
    stretched = np.where(EXAMPLE == 4, 40, EXAMPLE)
    assert of(stretched, "ordinal").alpha.value == pytest.approx(of(EXAMPLE, "ordinal").alpha.value)
    assert of(stretched, "interval").alpha.value != pytest.approx(of(EXAMPLE, "interval").alpha.value)


def test_ac1_stays_where_one_class_rules():
    """95 of 100 agree, nearly all in one class: alpha is near zero, AC1 says what one sees."""
    one, two = np.ones(100, int), np.ones(100, int)
    one[:3], two[3:5] = 2, 2
    found = of(np.stack([one, two]))
    assert found.alpha.value < 0.05
    assert found.ac1.value > 0.9
    assert found.raw.value == pytest.approx(0.95)


def test_intervals_hold_their_value_and_shrink():
    rng = np.random.default_rng(1)
    truth = rng.integers(1, 4, 800)
    table = np.where(rng.random((3, 800)) < 0.8, truth, rng.integers(1, 4, (3, 800)))
    few, many = of(table[:, :50]).alpha, of(table).alpha
    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low


def test_all_alike_has_no_alpha():
    found = of(np.ones((2, 10), int))
    assert np.isnan(found.alpha.value)
    assert found.raw.value == 1


@pytest.mark.parametrize(
    ("units", "judges", "values", "words"),
    [
        ([1, 2], [1, 1], [1, 2], "no unit was judged by two"),
        ([1, 1], [1, 1], [1, 2], "judged a unit twice"),
        ([1, 1], [1, 2], [1], "1 values came with 2 units"),
    ],
)
def test_what_has_no_agreement_is_refused(units, judges, values, words):
    with pytest.raises(InputError, match=words):
        agreement(units, judges, values)


def test_an_unknown_scale_is_refused():
    with pytest.raises(InputError, match="ordinal"):
        agreement([1, 1], [1, 2], [1, 2], "ordnal")
