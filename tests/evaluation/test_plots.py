"""Plots are written as PNG and SVG, the same bytes for the same figures, and refuse to be empty."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.core.statistics import Sample, compare
from yukawa.evaluation import plots
from yukawa.evaluation.completion_metrics import by_position
from yukawa.evaluation.plots import bootstrap_plot, entropy_plot, learning_plot, matrix_plot

RNG = np.random.default_rng(1)


def comparison():
    values = RNG.lognormal(2, 0.4, 50)
    return compare({"base": Sample.mean(values), "tuned": Sample.mean(values * 0.9)}, resamples=200)


DRAWN = comparison()
ROWS = [RNG.gamma(3, 1, size) for size in (20, 25, 40)]
METRICS = [{"step": k, "loss": 3 / k} for k in range(1, 9)] + [{"step": 9, "validation_loss": None}]
PLOTS = {
    "bootstrap": lambda path: bootstrap_plot(DRAWN, path, "perplexity"),
    "entropy": lambda path: entropy_plot({"base": by_position(ROWS), "empty": by_position([])}, path),
    "learning": lambda path: learning_plot({"run": METRICS, "other": METRICS[:3]}, path),
    "matrix": lambda path: matrix_plot(
        np.array([[-3.0, 2.0], [np.nan, 0.1]]), ["a", "b"], ["hep-th", "cs"], path, "change [%]"
    ),
}


@pytest.mark.parametrize("kind", PLOTS)
def test_png_and_svg(kind, tmp_path):
    path = PLOTS[kind](tmp_path / "one.png")
    again = PLOTS[kind](tmp_path / "two")
    assert path.read_bytes()[:4] == b"\x89PNG"
    svg = path.with_suffix(".svg").read_text()
    assert "<svg" in svg
    assert again.with_suffix(".svg").read_text() == svg


def test_one_cluster_and_equal_values_can_be_drawn(tmp_path):
    for values in ([1.0], [2.0, 2.0, 2.0]):
        found = compare({"a": Sample.mean(values), "b": Sample.mean(values)}, resamples=50)
        assert bootstrap_plot(found, tmp_path / "a.png", "x").is_file()


def test_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="no completions"):
        entropy_plot({"a": by_position([])}, tmp_path / "a.png")
    with pytest.raises(InputError, match="no row of metrics has a loss"):
        learning_plot({"a": [{"step": 1}]}, tmp_path / "a.png")


def drawn(monkeypatch):
    figures = []
    real = plots.save
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure) or real(figure, path))
    return figures


def test_a_curve_of_one_point_is_seen(tmp_path, monkeypatch):
    figures = drawn(monkeypatch)
    learning_plot({"long": METRICS, "one": METRICS[:1]}, tmp_path / "a.png")
    lines = {line.get_label(): line.get_marker() for line in figures[0].axes[0].lines}
    assert lines["long"] == "None"
    assert lines["one"] == "o"


def test_thirteen_lines_look_different_beside_their_legend(tmp_path, monkeypatch):
    figures = drawn(monkeypatch)
    names = [f"variant-{k}" for k in range(13)]
    rows = [*METRICS, {"step": 8, "validation_loss": 1.0}]
    learning_plot(dict.fromkeys(names, rows), tmp_path / "a.png")
    entropy_plot({name: by_position(ROWS) for name in names}, tmp_path / "b.png")
    for figure in figures:
        (axes,) = figure.axes
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == names
        lines = [line for line in axes.lines if line.get_label() in names]
        assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 13
        box = legend.get_window_extent()
        assert box.x0 >= axes.get_window_extent().x1
        assert box.y0 >= 0


def test_a_flat_entropy_is_seen(tmp_path, monkeypatch):
    figures = drawn(monkeypatch)
    entropy_plot({"a": by_position([np.full(9, 11.0), np.full(9, 11.01)])}, tmp_path / "a.png")
    assert figures[0].axes[0].get_ylim()[1] > 11.3


def test_paired_differences_stand_beside_the_figures(tmp_path, monkeypatch):
    figures = drawn(monkeypatch)
    bootstrap_plot(DRAWN, tmp_path / "a.png", "perplexity")
    left, right = figures[0].axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["base", "tuned"]
    (bars,) = right.containers
    ends = bars.lines[2][0].get_segments()[0][:, 0]
    pair = DRAWN.differences["base", "tuned"]
    assert ends == pytest.approx([pair.low, pair.high])
    alone = compare({"a": Sample.mean(RNG.normal(size=9))}, resamples=50)
    bootstrap_plot(alone, tmp_path / "b.png", "perplexity")
    assert len(figures[1].axes) == 1


def test_a_long_label_fits_beside_the_matrix(tmp_path, monkeypatch):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figures = drawn(monkeypatch)
    label = "change of perplexity, mean over documents from the model of the smoke recipe [%]"
    matrix_plot(np.array([[1.0]]), ["a"], ["cs"], tmp_path / "a.png", label)
    (figure,) = figures
    text = figure.axes[1].yaxis.label
    assert " ".join(text.get_text().split()) == label
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = text.get_window_extent(canvas.get_renderer())
    assert box.y0 >= 0
    assert box.y1 <= figure.bbox.y1
