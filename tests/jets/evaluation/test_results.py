"""Metrics of taggers on the same jets, and how taggers differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.evaluation.evaluate import page, write
from yukawa.jets.evaluation.metrics import Confusion
from yukawa.jets.evaluation.prediction import Predictions
from yukawa.jets.evaluation.results import Scores, compare, labelled_scores, measure, published_taggers, words
from yukawa.jets.table import JET_ORIGIN, Jets

CLASSES = ("b", "bbar", "g")


def test_figures_do_not_depend_on_the_order_of_the_jets(scores: Any) -> None:
    one = scores()
    order = np.random.default_rng(1).permutation(len(one.labels))
    other = Scores(one.probabilities[order], one.labels[order], one.events[order], CLASSES)
    first, second = (compare({"A": s}).to_dict()["models"]["A"] for s in (one, other))
    np.testing.assert_allclose(first["matrix"], second["matrix"])
    for name, figure in first["figures"].items():
        assert second["figures"][name] == pytest.approx(figure), name
    for name, figure in first["auc"].items():
        assert second["auc"][name] == pytest.approx(figure), name


def test_classes_in_another_order_are_the_same_classes(scores: Any) -> None:
    one = scores()
    order = [2, 0, 1]
    turned = Scores(
        one.probabilities[:, order],
        np.argsort(order)[one.labels],
        one.events,
        tuple(CLASSES[k] for k in order),
    )
    (comparison,) = compare({"A": one, "B": turned}).comparisons
    assert set(comparison.figures.values()) == {(0.0, 0.0)}
    assert all(difference == 0 for difference, _ in comparison.auc.values())
    assert comparison.mcnemar.p_value == 1.0


def test_a_better_tagger_is_found_and_the_difference_turns_with_the_order(scores: Any) -> None:
    good, poor = scores(0, strength=2.5), scores(1, strength=1.5)
    (up,) = compare({"poor": poor, "good": good}).comparisons
    (down,) = compare({"good": good, "poor": poor}).comparisons
    difference, error = up.figures["accuracy"]
    assert difference > 4 * error > 0
    assert up.mcnemar.p_value < 1e-4
    assert down.figures["accuracy"] == pytest.approx((-difference, error))
    assert (up.mcnemar.only_first, up.mcnemar.only_second) == (
        down.mcnemar.only_second,
        down.mcnemar.only_first,
    )


def test_charges_count_together_in_rejections(scores: Any) -> None:
    measured = measure(scores(classes=("b", "bbar", "c", "cbar", "g")))
    assert set(measured.rejections) == {(s, b) for s in "bcg" for b in "bcg" if s != b}
    assert set(measured.auc) == {"b", "bbar", "c", "cbar", "g"}
    assert set(measured.curves) == set("bcg")


@pytest.mark.usefixtures("no_plots")
def test_classes_without_antiparticles_have_no_charge(tmp_path: Path, scores: Any) -> None:
    found = write(compare({"A": scores(classes=("QCD", "Tbqq", "Hbb"))}), tmp_path)
    assert found.models["A"].symmetry is None
    assert ("Tbqq", "QCD") in found.models["A"].rejections
    assert "flip" not in json.dumps(found.to_dict())


@pytest.mark.usefixtures("no_plots")
def test_a_class_without_jets_is_said_and_left_out(tmp_path: Path, scores: Any) -> None:
    one = scores()
    keep = one.labels != 2
    found = write(compare({"A": Scores(one.probabilities[keep], one.labels[keep], None, CLASSES)}), tmp_path)
    model = json.loads((tmp_path / "report.json").read_text())["models"]["A"]
    assert model["figures"]["efficiency_g"]["value"] is None
    assert model["figures"]["efficiency_b"]["value"] > 0.5
    assert set(model["auc"]) == {"b", "bbar"}
    assert model["rejections"] == {}
    assert "there are no jets of class g" in page(found).markdown(tmp_path)


def test_words_are_for_people():
    assert words("efficiency_b") == "tagging efficiency of b"
    assert words("flip_c") == "charge flip rate of c"
    assert words("mean_diagonal") == "mean diagonal"


def test_published_values_are_shown_on_request(tmp_path: Path, scores: Any) -> None:
    origin = ("b", "bbar", "c", "cbar", "s", "sbar", "u", "ubar", "d", "dbar", "g")
    found = compare({"A": scores(jets=2000, classes=origin)}, published=True)
    shown = page(found).markdown(tmp_path).replace("\\", "")
    assert "| ParT, CEPC fast simulation | 0.908 | 0.822 | 0.668 |" in shown
    for name, one in published_taggers().items():
        assert f"{name}: {one.source}" in shown
        assert found.to_dict()["published"][name] == {"source": one.source, "figures": one.figures}
    assert compare({"A": scores(jets=200, classes=origin)}).to_dict()["published"] is None
    with pytest.raises(InputError, match="for the jet-origin classes, not for b, bbar, g"):
        compare({"A": scores()}, published=True)


def predictions(**columns: np.ndarray) -> Predictions:
    rows = Jets(np.zeros(len(next(iter(columns.values()))) + 1, np.int64), {}, columns)
    return Predictions(("b", "g"), jets=len(rows), rows=rows)


def test_unlabelled_jets_are_counted_and_left_out() -> None:
    half = np.full(4, 0.5)
    found = labelled_scores(
        predictions(
            score_b=half, score_g=half, label_b=np.array([1, 0, 0, 0]), label_g=np.array([0, 1, 0, 0])
        )
    )
    assert found.labels.tolist() == [0, 1]
    assert any("2 jets are of none of the classes" in note for note in found.notes)


def test_bad_input_is_one_clear_line(scores: Any) -> None:
    half = np.full(2, 0.5)
    truth = {"label_b": np.array([True, False]), "label_g": np.array([False, True])}
    with pytest.raises(InputError, match="A gives no finite probability for 1 of 2 jets"):
        labelled_scores(predictions(score_b=np.array([0.5, np.nan]), score_g=half, **truth), "A")
    with pytest.raises(InputError, match="no label column"):
        labelled_scores(predictions(score_b=half, score_g=half))
    nothing = {name: np.zeros(2, bool) for name in truth}
    with pytest.raises(InputError, match="no jet belongs to any class"):
        labelled_scores(predictions(score_b=half, score_g=half, **nothing))
    with pytest.raises(InputError, match="cannot be compared: one distinguishes"):
        compare({"A": scores(), "B": scores(classes=("b", "bbar", "c"))})
    with pytest.raises(InputError, match="not given the same jets"):
        compare({"A": scores(), "B": scores(jets=598)})


def test_names_are_those_of_the_figures() -> None:
    figures = set(Confusion.from_counts(np.eye(11), JET_ORIGIN).figures)
    for one in published_taggers().values():
        assert set(one.figures) <= figures - {"accuracy"}


def test_the_mean_diagonal_follows_from_efficiencies_and_flips() -> None:
    """The diagonal of a flavour's block is what is not flipped."""
    tables = [one.figures for one in published_taggers().values() if "mean_diagonal" in one.figures]
    assert len(tables) == 3
    for table in tables:
        kept = [table[f"efficiency_{q}"] * (1 - table[f"flip_{q}"]) for q in "bcsud"]
        assert abs((2 * sum(kept) + table["efficiency_g"]) / 11 - table["mean_diagonal"]) < 0.001
