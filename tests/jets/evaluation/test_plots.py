"""Plots: a PNG and an SVG beside it that show the numbers, the same bytes each time, no global state."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yukawa.core.errors import InputError, MissingPackage, StoreError
from yukawa.jets.evaluation import plots
from yukawa.jets.evaluation.metrics import Confusion
from yukawa.jets.evaluation.roc import roc

CLASSES = ("b", "bbar", "g")
MATRIX = Confusion.from_counts(np.array([[70, 20, 10], [25, 65, 10], [0, 12, 0]]), CLASSES)
TABLE = [
    {"model": "ParT", "jets": jets, "seed": seed, "accuracy": 0.1 + seed / 50, "flip_b": None}
    for jets in (100, 1000)
    for seed in (0, 1)
]


def curves() -> dict[str, object]:
    random = np.random.default_rng(0)
    return {"b": roc(random.normal(2, 1, 9000), random.normal(0, 1, 9000)), "g": roc(np.ones(3), np.zeros(4))}


DRAWN: dict[str, Callable[[Path], Path]] = {
    "matrix": lambda path: plots.matrix_plot(MATRIX, path, "ParT"),
    "flavours": lambda path: plots.flavour_plot(
        {"A": MATRIX, "B": MATRIX}, path, {"published": {"efficiency_b": 0.9}}
    ),
    "roc": lambda path: plots.roc_plot(curves(), path),
    "s-curves": lambda path: plots.s_curves(TABLE, path, [plots.Panel("accuracy", "accuracy", 1 / 3)]),
}


LABELS = {
    # The errors are Wilson's half widths, 0.0456 for 70 of 100.
    "matrix": {"0.700", "±0.0456", "0.200", "0.650", "1.000", "0.000", "predicted class", "true class", r"$\bar{b}$",
               "ParT", "share of the true class"},
    "flavours": {"tagging efficiency", "charge flip rate", "A", "B", "published"},
    "roc": {"signal efficiency", "background efficiency", "no separation"},
    "s-curves": {"training jets", "accuracy", "ParT", "chance"},
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_each_plot_is_a_labelled_png_with_an_svg_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from matplotlib.text import Text

    figures: list[Any] = []
    save = plots.save
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure) or save(figure, path))
    png = DRAWN[name](tmp_path / "plot.png")
    assert sorted(tmp_path.iterdir()) == [png, tmp_path / "plot.svg"]
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    svg = png.with_suffix(".svg").read_bytes()
    assert svg.startswith(b"<?xml")
    assert svg.rstrip().endswith(b"</svg>")
    assert len(svg) < 600_000
    assert LABELS[name] <= {text.get_text() for text in figures[0].findobj(Text)}


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (DRAWN["s-curves"](tmp_path / name) for name in ("one.png", "two"))
    assert (first, second) == (tmp_path / "one.png", tmp_path / "two.png")
    for suffix in (".png", ".svg"):
        assert first.with_suffix(suffix).read_bytes() == second.with_suffix(suffix).read_bytes()


@pytest.mark.slow_but("2")
@pytest.mark.parametrize("number", [2, 4, 6])
def test_each_panel_has_its_figure_and_a_model_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    rows = [{"model": "A", "jets": 10, "x": 0.5}, {"model": "B", "jets": 10, "x": 0.2, "y": 0.3}]
    figures: list[Any] = []
    save = plots.save
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure) or save(figure, path))
    panels = [plots.Panel("x" if k % 2 else "y", f"panel {k}", 0.1) for k in range(number)]
    plots.s_curves(rows, tmp_path / "plot.png", panels)
    drawn = figures[0].axes
    assert [axes.get_ylabel() for axes in drawn] == [panel.words for panel in panels]
    look = {
        (container.get_label(), container[0].get_color()) for axes in drawn for container in axes.containers
    }
    assert len(look) == 2
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == (
        ["B", "A", "chance"]  # the first panel has B alone
    )


def test_a_matrix_with_a_class_without_jets_is_drawn(tmp_path: Path) -> None:
    empty = Confusion.from_counts(np.array([[3, 1, 0], [1, 3, 0], [0, 0, 0]]), CLASSES)
    assert plots.matrix_plot(empty, tmp_path / "matrix.png").exists()
    assert plots.flavour_plot({"A": empty}, tmp_path / "flavours.png").exists()


def test_thinning_keeps_the_ends_and_the_shape() -> None:
    curve = curves()["b"]
    where = plots._thinned(curve)
    assert len(where) <= plots._POINTS
    assert (where[0], where[-1]) == (0, len(curve.thresholds) - 1)
    at = np.linspace(0.05, 1, 50)
    thin = np.interp(at, curve.signal_efficiency[where], curve.background_efficiency[where])
    full = np.interp(at, curve.signal_efficiency, curve.background_efficiency)
    np.testing.assert_allclose(thin, full, atol=2e-3)


def test_a_perfect_tagger_has_a_curve(tmp_path: Path) -> None:
    assert plots.roc_plot({"b": roc(np.ones(5), np.zeros(5))}, tmp_path / "roc.png").exists()


def test_drawing_leaves_no_trace_in_matplotlib(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    DRAWN["roc"](tmp_path / "plot.png")
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_bad_input_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no row of the table has the metric 'flip_b'"):
        plots.s_curves(TABLE, tmp_path / "plot.png", [plots.Panel("flip_b", "flip of b")])
    with pytest.raises(InputError, match="no ROC curve"):
        plots.roc_plot({}, tmp_path / "plot.png")
    other = Confusion.from_counts(np.eye(2), ("QCD", "top"))
    with pytest.raises(InputError, match="same classes"):
        plots.flavour_plot({"A": MATRIX, "B": other}, tmp_path / "plot.png")
    with pytest.raises(StoreError, match="its folder does not exist"):
        DRAWN["roc"](tmp_path / "nowhere" / "plot.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match="pip install"):
        DRAWN["roc"](tmp_path / "plot.png")
    assert list(tmp_path.iterdir()) == []
