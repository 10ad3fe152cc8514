"""Does a training's loss fall in steps where an epoch ends? FeynTune saw that of LoRA on all projections.

Type `python benchmarks/training_epochs.py RUN [RUN …]`, each RUN of `yukawa train` with two epochs or more. A step is
how far the loss after a border lies below the line of the loss before it: negative where texts seen before are easier
than new ones. Its error is the standard deviation of the same measure at moments that are not a border; that of the mean over
all borders takes them as independent.

The loss of a batch depends on its texts more than on the model. `--less OTHER` takes away the loss of a run that met the
same texts in the same order: what both have in common falls out, and a step is what RUN has beyond OTHER.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from yukawa.core.plotting import colour, new_figure, save, style

PART = 0.2  # of an epoch, on each side of a border


@dataclass(frozen=True)
class Step:
    """What happens to the loss, in nats a token, at one border of epochs, or in the mean of all (None)."""

    run: str
    after_epoch: int | None
    step: float
    error: float


def losses(run: Path) -> dict[float, float]:
    """The mean loss of each logged stretch, by the epoch at its end."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {line["epoch"]: line["loss"] for line in lines if "loss" in line}


def curve(run: Path, less: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Epochs at the middle of each logged stretch, and the mean loss there, less that of another run."""
    own, other = losses(run), losses(less) if less else None
    ends = [end for end in own if other is None or end in other]
    if len(ends) < 0.9 * len(own):  # a run that was interrupted and resumed has one line more
        raise SystemExit(f"{run} and {less} were logged at other moments: they did not meet the same texts")
    middles = (np.array([0.0, *ends[:-1]]) + ends) / 2
    return middles, np.array([own[end] - (other[end] if other else 0) for end in ends])


def height(epochs: np.ndarray, loss: np.ndarray, at: float) -> float:
    """Mean loss within `PART` after a moment, less what the line of the loss within `PART` before it leads to there."""
    before, after = (epochs > at - PART) & (epochs < at), (epochs > at) & (epochs < at + PART)
    if before.sum() < 3 or after.sum() < 3:
        return np.nan
    line = np.polynomial.Polynomial.fit(epochs[before], loss[before], 1)
    return float(np.mean(loss[after] - line(epochs[after])))


def steps(run: Path, less: Path | None = None) -> list[Step]:
    """The steps at all borders of a run, or of its difference from another one; their mean, if there are several."""
    epochs, loss = curve(run, less)
    last = round(float(epochs[-1]))
    quiet = [
        height(epochs, loss, at)
        for epoch in range(last)
        for at in np.arange(epoch + PART, epoch + 1 - PART + 1e-9, PART / 4)
        if epoch  # while the rate warms up all is steep
    ]
    error = float(np.nanstd(quiet))
    found = [Step(run.name, epoch, height(epochs, loss, epoch), error) for epoch in range(1, last)]
    mean = Step(run.name, None, float(np.mean([one.step for one in found])), error / len(found) ** 0.5)
    return [*found, mean] if len(found) > 1 else found


def draw(runs: Sequence[Path], path: Path) -> None:
    """The loss of each run against epochs, and their borders; each point is a mean over a twentieth of an epoch."""
    with style():
        figure = new_figure(6.4, 4.0)
        axes = figure.subplots()
        for number, run in enumerate(runs):
            epochs, loss = curve(run, None)
            bins = np.floor(epochs * 20)
            points = [(epochs[bins == b].mean(), loss[bins == b].mean()) for b in np.unique(bins)]
            axes.plot(*np.transpose(points), color=colour(number), lw=1.2, label=run.name)
        for border in range(1, round(float(epochs[-1]))):
            axes.axvline(border, color="grey", lw=0.8, ls=":")
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss [nat per token]")
        axes.legend()
        save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument(
        "--less", type=Path, metavar="OTHER", help="a run on the same texts in the same order"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the losses of the runs")
    options = parser.parse_args()
    found = [step for run in options.runs for step in steps(run, options.less)]
    show(found)
    if options.plot:
        draw(options.runs, options.plot)
    if options.json:
        options.json.write_text(
            json.dumps([asdict(step) for step in found], indent=2) + "\n", encoding="utf-8"
        )


def show(found: Sequence[Step]) -> None:
    """Print a table."""
    print("| run | after epoch | step of the loss, nats a token |\n| --- | --- | --- |")
    for step in found:
        print(f"| {step.run} | {step.after_epoch or 'mean'} | {step.step:+.4f} ± {step.error:.4f} |")


if __name__ == "__main__":
    main()
