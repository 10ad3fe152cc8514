"""Learning curves of a run: loss of training and validation against steps, as PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yukawa.corpus.extras import require
from yukawa.errors import InputError
from yukawa.files import atomic_write

CURVES = "learning-curves.png"
_COLOURS = ("#0072B2", "#D55E00", "#009E73")  # Okabe and Ito's: told apart by everybody


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
    names = ("loss", "validation_loss", "learning_rate")
    courses = {
        name: [(row["step"], row[name]) for row in rows if row.get(name) is not None] for name in names
    }
    if not courses["loss"] and not courses["validation_loss"]:
        raise InputError("there are no learning curves yet: no row of metrics has a loss")
    figure = require("matplotlib.figure", "plots").Figure(figsize=(6.4, 5.0), layout="constrained", dpi=150)
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for (name, label, style), colour in zip(
        (("loss", "training", "-"), ("validation_loss", "validation", "s--")), _COLOURS, strict=False
    ):
        if courses[name]:
            loss.plot(*zip(*courses[name], strict=True), style, color=colour, lw=1, ms=4, label=label)
    loss.set_ylabel(f"loss ({unit})")
    loss.legend()
    if courses["learning_rate"]:
        rate.plot(*zip(*courses["learning_rate"], strict=True), color=_COLOURS[2], lw=1)
    rate.set_ylabel("learning rate")
    rate.set_xlabel("step")
    # SVG would otherwise hold the time of writing.
    for target, metadata in ((path, {}), (path.with_suffix(".svg"), {"Date": None})):
        picture = io.BytesIO()
        with require("matplotlib", "plots").rc_context({"svg.hashsalt": "yukawa"}):
            figure.savefig(picture, format=target.suffix[1:], metadata=metadata)
        figure.set_layout_engine("none")  # found once, kept for the second
        atomic_write(target, picture.getvalue())
    return path
