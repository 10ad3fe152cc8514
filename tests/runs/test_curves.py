from __future__ import annotations

import pytest

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
