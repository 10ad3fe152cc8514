from __future__ import annotations

import csv
import math
import random
from statistics import mean, stdev

import pyarrow.parquet
import pytest

from yukawa.core.errors import MissingPackage
from yukawa.jets.columns import JET_ORIGIN
from yukawa.jets.scaling import table

CELL = {"mode": "epochs", "steps": 3, "test_jets": 50}


def row(model="net", jets=100, seed=1, accuracy=0.5, flip=None, **more):
    own = {"accuracy": accuracy, "accuracy_error": 0.01, "flip_b": flip, "flip_b_error": None}
    return {"model": model, **CELL, "jets": jets, "seed": seed, **own, **more}


def test_means_and_spreads_are_those_over_seeds():
    values = [0.5, 0.6, 0.9]
    (found,) = table.summarise([row(seed=k, accuracy=value) for k, value in enumerate(values)])
    assert found["seeds"] == 3
    assert found["accuracy"] == pytest.approx(mean(values))
    assert found["accuracy_spread"] == pytest.approx(stdev(values))
    assert "accuracy_error" not in found


def test_the_order_of_seeds_does_not_matter_to_the_last_bit():
    rows = [row(seed=k, accuracy=random.Random(k).random()) for k in range(9)]
    assert table.summarise(rows) == table.summarise(rows[::-1])


def test_one_seed_has_no_spread_and_an_unknown_figure_no_mean():
    (found,) = table.summarise([row()])
    assert (found["accuracy"], found["accuracy_spread"]) == (0.5, None)
    assert (found["flip_b"], found["flip_b_spread"]) == (None, None)
    (partly,) = table.summarise([row(), row(seed=2, flip=0.25)])
    assert (partly["flip_b"], partly["flip_b_spread"]) == (0.25, None)


def test_both_formats_hold_the_same_numbers_bit_for_bit(tmp_path):
    rows = [row(seed=k, accuracy=1 / (k + 3)) for k in range(3)]
    table.write(rows, 5, tmp_path)
    assert pyarrow.parquet.read_table(tmp_path / "table.parquet").to_pylist() == rows
    with open(tmp_path / "table.csv", newline="") as handle:
        read = list(csv.DictReader(handle))
    assert [float(one["accuracy"]) for one in read] == [one["accuracy"] for one in rows]
    assert {one["flip_b"] for one in read} == {""}
    (summary,) = pyarrow.parquet.read_table(tmp_path / "summary.parquet").to_pylist()
    assert summary == table.summarise(rows)[0]
    # A column without a number keeps its type, so that tables of several studies can be joined.
    assert pyarrow.parquet.read_schema(tmp_path / "table.parquet").field("flip_b").type == pyarrow.float64()


def test_the_page_has_means_with_spreads_by_mode_and_model():
    rows = [
        row(seed=1),
        row(seed=2, accuracy=0.52),
        row(model="other", flip=0.125),
        row(mode="steps", jets=10_000),
    ]
    page = table.page(table.summarise(rows), 4, 9)
    assert "4 of 9 trainings" in page
    assert "| net | 100 | 2 | 0.510 ± 0.014 |" in page
    assert "| other | 100 | 1 | 0.1250 |" in page
    assert (
        page.index("As many epochs")
        < page.index("As many steps")
        < page.index("| net | 10,000 | 1 | 0.5000 |")
    )
    assert "None" not in page
    assert "nan" not in page


def test_a_guessing_tagger_reaches_chance():
    classes = JET_ORIGIN
    flat = [[1 / 11] * 11] * 11
    from yukawa.jets.evaluation.metrics import Confusion

    for name, estimate in Confusion.from_matrix(flat, 100, classes).figures.items():
        assert table.chance(name, classes) == pytest.approx(estimate.value), name
    assert table.chance("auc", classes) == 0.5


def test_each_known_figure_of_each_mode_is_drawn(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        "yukawa.jets.evaluation.plots.s_curves",
        lambda rows, path, panels: drawn.update({path.name: [panel.metric for panel in panels]}),
    )
    table.draw([row(), row(mode="steps", flip=0.5)], ("b", "bbar"), tmp_path / "plots")
    assert drawn == {
        "epochs-overall.png": ["accuracy"], "steps-overall.png": ["accuracy"], "steps-flip.png": ["flip_b"],
    }  # fmt: skip


def test_curves_are_drawn_with_bars_and_chance(tmp_path, monkeypatch, real_curves):
    monkeypatch.setattr("yukawa.jets.evaluation.plots.s_curves", real_curves)
    table.draw([row(), row(seed=2, accuracy=0.6), row(jets=1000)], ("b", "bbar"), tmp_path)
    assert (tmp_path / "epochs-overall.png").stat().st_size > 5000
    assert "chance" in (tmp_path / "epochs-overall.svg").read_text()


def test_words_are_for_people():
    assert table.words("efficiency_b") == "tagging efficiency of b"
    assert table.words("flip_c") == "charge flip rate of c"
    assert table.words("mean_diagonal") == "mean diagonal"


def test_a_missing_pyarrow_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackage, match="yukawa-hep\\[jets\\]"):
        table.write([row()], 1, tmp_path)


def test_spreads_keep_their_digits():
    assert math.isclose(float(table._with_spread(0.5, 0.00123).split(" ± ")[1]), 0.0012)
