"""Plots: the same bytes for the same content, readable without colours."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from yukawa.core import plotting
from yukawa.core.errors import MissingPackage, StoreError


def draw(path, **more):
    with plotting.style(**more):
        figure = plotting.new_figure(3, 2)
        axes = figure.add_subplot()
        for k in range(3):
            axes.plot(
                [1, 2], [k, k + 1], color=plotting.colour(k), marker=plotting.marker(k), ls=plotting.dashes(k)
            )
        return plotting.save(figure, path)


def test_png_and_svg_of_the_same_figure_are_the_same_bytes(tmp_path):
    first, second = draw(tmp_path / "one.png"), draw(tmp_path / "two.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "one.svg", "two.png", "two.svg"]
    for suffix, begin in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        content = first.with_suffix(suffix).read_bytes()
        assert content.startswith(begin)
        assert content == second.with_suffix(suffix).read_bytes()
    assert b"<dc:date>" not in first.with_suffix(".svg").read_bytes()


def test_a_name_keeps_its_points(tmp_path):
    assert draw(tmp_path / "v1.5") == tmp_path / "v1.5.png"
    assert (tmp_path / "v1.5.svg").is_file()


def test_more_settings_go_on_top(tmp_path):
    import matplotlib

    with plotting.style(axes_grid=False, font_size=7):
        assert matplotlib.rcParams["axes.grid"] is False
        assert matplotlib.rcParams["font.size"] == 7


def test_nothing_is_left_in_matplotlib(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw(tmp_path / "a.png")
    assert dict(matplotlib.rcParams) == before


def test_looks_differ_seven_times_and_then_repeat():
    for look in (plotting.colour, plotting.marker, plotting.dashes):
        assert len({look(k) for k in range(7)}) == 7
        assert look(9) == look(2)


def test_a_series_has_gaps_where_a_figure_was_not_finite():
    rows = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": None}, {"step": 2, "other": 1.0}]
    steps, values = plotting.series(rows, "step", "loss")
    assert steps == [1, 2]
    assert values[0] == 3.0
    assert math.isnan(values[1])
    assert plotting.series(rows, "step", "absent") == ([], [])


def test_import_is_light():
    code = "import sys, yukawa.core.plotting, yukawa.core.reports; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert not {"numpy", "matplotlib"} & loaded


def test_errors_are_one_line(tmp_path, monkeypatch):
    with pytest.raises(StoreError, match="its folder does not exist"):
        draw(tmp_path / "nowhere" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match=r"drawing plots needs .* pip install .*\[train\]"):
        draw(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
