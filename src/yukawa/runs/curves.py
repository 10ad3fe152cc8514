"""Learning curves of a run: loss of training and validation against steps, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.plotting import colour, new_figure, save, series, style

CURVES = "learning-curves.png"


def learning_curves(rows: Iterable[Mapping[str, Any]], path: Path, unit: str = "nats per token") -> Path:
    """Draw what `metrics.jsonl` holds; an SVG of the same name is written beside the PNG.

    Args:
        rows: with `step`, and `loss`, `validation_loss` or `learning_rate`; null leaves a gap.
        path: of the PNG.
        unit: of the loss.

    Raises:
        InputError: no row has a loss.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    rows = list(rows)
    training, validation, rates = (
        series(rows, "step", name) for name in ("loss", "validation_loss", "learning_rate")
    )
    if not training[0] and not validation[0]:
        raise InputError("there are no learning curves yet: no row of metrics has a loss")
    with style():
        figure = new_figure(6.4, 5.0)
        loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        if training[0]:
            loss.plot(*training, "-", color=colour(0), lw=1, label="training")
        if validation[0]:
            loss.plot(*validation, "s--", color=colour(1), lw=1, ms=4, label="validation")
        loss.set_ylabel(f"loss ({unit})")
        loss.legend()
        rate.plot(*rates, color=colour(2), lw=1)
        rate.set_ylabel("learning rate")
        rate.set_xlabel("step")
        return save(figure, path)
