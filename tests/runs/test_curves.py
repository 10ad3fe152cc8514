from __future__ import annotations

import pytest

from yukawa.core import reports
from yukawa.core.errors import InputError
from yukawa.runs.curves import learning_curves

ROWS = [
    {"step": 1, "loss": 3.0, "learning_rate": 0.1},
    {"step": 2, "loss": None, "learning_rate": 0.05},
    {"step": 2, "validation_loss": 2.5},
]


def test_png_and_svg_are_drawn_and_are_the_same_twice(tmp_path):
    for name in ("one", "two"):
        learning_curves(ROWS, tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert b"<svg" in (tmp_path / "one.svg").read_bytes()


def test_without_a_loss_there_are_no_curves(tmp_path):
    with pytest.raises(InputError, match="no learning curves yet"):
        learning_curves([{"step": 1, "learning_rate": 1.0}], tmp_path / "x.png")


def test_the_best_validation_is_marked_and_epochs_are_the_axis_where_all_rows_have_them(
    tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr(reports, "save", lambda figure, path: drawn.append(figure))
    rows = [
        {"step": 2, "epoch": 0.5, "loss": 1.0},
        {"step": 4, "epoch": 1.0, "validation_loss": 0.7, "validation_accuracy": 0.8},
        {"step": 8, "epoch": 2.0, "validation_loss": 0.9, "validation_accuracy": 0.9},
        {"step": 9, "epoch": 3.0, "validation_loss": None, "validation_accuracy": None},
    ]
    learning_curves(rows, tmp_path / "x.png", "cross entropy")
    loss, accuracy = drawn[0].axes
    assert loss.get_ylabel() == "loss (cross entropy)"
    assert [line.get_label() for line in loss.lines] == ["training", "validation", "best: 0.7000"]
    assert [line.get_label() for line in accuracy.lines] == ["validation", "best: 0.9000"]
    assert accuracy.get_xlabel() == "epoch"
    learning_curves(ROWS, tmp_path / "y.png")
    assert [axes.get_ylabel() for axes in drawn[1].axes] == ["loss (nats per token)", "learning rate"]
    assert drawn[1].axes[-1].get_xlabel() == "step"
