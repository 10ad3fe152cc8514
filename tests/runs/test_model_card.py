from __future__ import annotations

import pytest

from yukawa.core import plotting
from yukawa.core.errors import InputError
from yukawa.runs.model_card import LEVELS, learning_curves, metrics_table, model_card


def test_a_card_states_level_and_base_and_shows_its_commands():
    page = model_card(
        "small", "A small model.", level="L2", base="`tiny`",
        sections={"Data": {"rows": 3}, "Note": "Some text."},
        commands={"yukawa merge RUN": "put it into its base", "yukawa demo": "show it"},
        advice="Be careful.",
    )  # fmt: skip
    assert page.startswith(
        "# small\n\nA small model.\n\n|  |  |\n| --- | --- |\n| level | L2: a model taught the domain |\n"
    )
    assert "| base | `tiny` |" in page
    assert "## Data\n\n|  |  |\n| --- | --- |\n| rows | 3 |\n\n## Note\n\nSome text.\n" in page
    assert (
        "    yukawa merge RUN  # put it into its base\n    yukawa demo       # show it\n\nBe careful.\n"
        in page
    )


def test_new_weights_and_other_models_are_said_to_be_such():
    page = model_card("tagger", "A tagger.", level=None, base=None, sections={}, commands={})
    assert "| level | not a language model |\n| base | none: all weights are new |" in page
    assert list(LEVELS) == ["L0", "L1", "L2"]


def test_metrics_have_names_for_people():
    assert metrics_table({"validation_loss": 2.51234, "loss": 2}) == {"loss": "2", "validation loss": "2.512"}


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
    monkeypatch.setattr(plotting, "save", lambda figure, path: drawn.append(figure))
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
