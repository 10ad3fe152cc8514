"""The published table: its names are those of our figures, its digits fit the published matrices."""

from __future__ import annotations

import numpy as np

from yukawa.jets.columns import JET_ORIGIN
from yukawa.jets.evaluation.metrics import Confusion
from yukawa.jets.evaluation.published import PUBLISHED


def test_names_are_those_of_the_figures() -> None:
    figures = set(Confusion.from_counts(np.eye(11), JET_ORIGIN).figures)
    for table in PUBLISHED.values():
        assert set(table) == figures - {"accuracy"}


def test_the_mean_diagonal_follows_from_efficiencies_and_flips() -> None:
    """The diagonal of a flavour's block is what is not flipped."""
    for table in PUBLISHED.values():
        kept = [table[f"efficiency_{q}"] * (1 - table[f"flip_{q}"]) for q in "bcsud"]
        assert abs((2 * sum(kept) + table["efficiency_g"]) / 11 - table["mean_diagonal"]) < 0.001
