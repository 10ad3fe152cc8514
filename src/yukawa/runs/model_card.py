"""The card that goes with a model: its level and base, titled tables, commands that use it, and learning curves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yukawa.core import plotting, reports
from yukawa.core.errors import InputError

CURVES = "learning-curves.png"
# The stages of the Xiwu system's models.
LEVELS = {
    "L0": "a foundation model",
    "L1": "a foundation model tuned to converse",
    "L2": "a model taught the domain",
}
Section = Mapping[str, object] | str


def model_card(
    title: str,
    summary: str,
    *,
    level: str | None,
    base: str | None,
    sections: Mapping[str, Section],
    commands: Mapping[str, str],
    advice: str = "",
) -> str:
    """The card in Markdown.

    Args:
        title: the name of the model.
        summary: one or two sentences: what it is and how it was made.
        level: one of `LEVELS`; None for a model that is not a language model.
        base: what the training began with; None for new weights.
        sections: by their titles, tables (the name of each fact, and the fact) or text.
        commands: command lines that use the model, each with what it does; shown as code.
        advice: the last paragraph.
    """
    kind = "not a language model" if level is None else f"{level}: {LEVELS[level]}"
    blocks = [
        f"# {title}",
        summary,
        reports.facts({"level": kind, "base": base or "none: all weights are new"}),
    ]
    for name, section in sections.items():
        blocks += [f"## {name}", section if isinstance(section, str) else reports.facts(section)]
    width = max(map(len, commands), default=0)
    lines = [f"    {command:<{width}}  # {purpose}" for command, purpose in commands.items()]
    blocks += ["## Use", *(["\n".join(lines)] if lines else []), *([advice] if advice else [])]
    return "\n\n".join(blocks) + "\n"


def metrics_table(metrics: Mapping[str, float], digits: int = 4) -> dict[str, str]:
    """Metrics by their names for people, as a table of a card takes them."""
    return {name.replace("_", " "): f"{value:.{digits}g}" for name, value in sorted(metrics.items())}


def learning_curves(rows: Iterable[Mapping[str, Any]], path: Path, unit: str = "nats per token") -> Path:
    """Draw the metrics of `metrics.jsonl` against epochs, or against steps where there are none.

    An SVG of the same name is written beside the PNG. The best validation is marked by a star.

    Args:
        rows: with `step`, perhaps `epoch`, and any of `loss`, `validation_loss`, `validation_accuracy` and
            `learning_rate`; null leaves a gap.
        path: of the PNG.
        unit: of the loss.

    Raises:
        InputError: no row has a loss.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    rows = list(rows)
    against = "epoch" if rows and all("epoch" in row for row in rows) else "step"
    training, validation, accuracy, rate = (
        plotting.series(rows, against, name)
        for name in ("loss", "validation_loss", "validation_accuracy", "learning_rate")
    )
    if not training[0] and not validation[0]:
        raise InputError("there are no learning curves yet: no row of metrics has a loss")
    heights = {"loss": 3, **({"accuracy": 2} if accuracy[0] else {}), **({"rate": 1} if rate[0] else {})}
    with plotting.style():
        figure = plotting.new_figure(6.4, 1.0 + 1.1 * sum(heights.values()))
        made = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=[*heights.values()])
        panels = dict(zip(heights, made[:, 0], strict=True))
        if training[0]:
            panels["loss"].plot(*training, "-", color=plotting.colour(0), lw=1, label="training")
        _validation(panels["loss"], *validation, choose=min)
        panels["loss"].set_ylabel(f"loss ({unit})")
        panels["loss"].legend()
        if "accuracy" in panels:
            _validation(panels["accuracy"], *accuracy, choose=max)
            panels["accuracy"].set_ylabel("accuracy")
            panels["accuracy"].legend(loc="lower right")
        if "rate" in panels:
            panels["rate"].plot(*rate, color=plotting.colour(2), lw=1)
            panels["rate"].set_ylabel("learning rate")
        made[-1, 0].set_xlabel(against)
        return plotting.save(figure, path)


def _validation(axes: Any, x: Sequence[float], y: Sequence[float], *, choose: Any) -> None:
    """Draw the metrics of the validations, and a star at the best of them."""
    if not x:
        return
    axes.plot(x, y, "s--", color=plotting.colour(1), lw=1.2, ms=4, label="validation")
    finite = [(value, place) for place, value in zip(x, y, strict=True) if not math.isnan(value)]
    if finite:
        best, place = choose(finite, key=lambda one: one[0])
        label = f"best: {best:.4f}"
        axes.plot(place, best, marker="*", ms=12, color=plotting.colour(6), ls="none", label=label)
