"""The table of a study: one row for each training, means and spreads over seeds, a page and S-curves."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from yukawa.core.errors import require
from yukawa.core.files import atomic_write, report_write_errors
from yukawa.core.reports import markdown_table
from yukawa.jets.evaluation import plots
from yukawa.jets.evaluation.metrics import tags

Row = Mapping[str, Any]
TABLE, SUMMARY, PAGE, PLOTS = "table", "summary", "study.md", "plots"
_CELL = ("model", "mode", "jets", "seed", "steps", "test_jets")
_HEADINGS = {
    "epochs": "As many epochs for every number of jets",
    "steps": "As many steps for every number of jets",
}
_WORDS = {"accuracy": "accuracy", "mean_diagonal": "mean diagonal", "auc": "AUC, mean over pairs of classes"}
_KINDS = {"efficiency": "tagging efficiency", "flip": "charge flip rate"}


def metrics(rows: Sequence[Row]) -> list[str]:
    """The names of the metrics that the rows have, in their order."""
    names = dict.fromkeys(name for row in rows for name in row if name not in _CELL)
    return [name for name in names if not name.endswith("_error")]


def summarise(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Means over seeds and standard deviations among them (None of a single seed), by model, mode and jets."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["mode"], row["jets"]), []).append(row)
    names = metrics(rows)
    summary = []
    for (model, mode, jets), group in groups.items():
        found: dict[str, Any] = {"model": model, "mode": mode, "jets": jets, "seeds": len(group)}
        for name in names:
            values = sorted(row[name] for row in group if row.get(name) is not None)
            found[name] = fmean(values) if values else None
            found[f"{name}_spread"] = stdev(values) if len(values) > 1 else None
        summary.append(found)
    return summary


def write(rows: Sequence[Row], cells: int, folder: Path) -> None:
    """Write `table` and `summary` as Parquet and CSV, and the page `study.md`.

    Args:
        rows: of the finished trainings, in the order of the study.
        cells: how many trainings the study has.
        folder: of the study.

    Raises:
        MissingPackage: pyarrow is not installed.
        StoreError: the disk refuses.
    """
    summary = summarise(rows)
    for name, lines in ((TABLE, rows), (SUMMARY, summary)):
        atomic_write(folder / f"{name}.csv", _csv(lines))
        atomic_write(folder / f"{name}.parquet", _parquet(lines))
    atomic_write(folder / PAGE, page(summary, len(rows), cells))


def draw(rows: Sequence[Row], classes: Sequence[str], folder: Path) -> None:
    """Draw the metrics against the number of training jets, by mode, with chance as a line.

    A mode gets `overall`, `efficiency` and `flip`, with a panel for each metric that some training has.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    with report_write_errors(folder):
        folder.mkdir(exist_ok=True)
    for mode in dict.fromkeys(row["mode"] for row in rows):
        own = [row for row in rows if row["mode"] == mode]
        known = [name for name in metrics(own) if any(row.get(name) is not None for row in own)]
        for kind in ("", *_KINDS):
            panels = [
                plots.Panel(name, words(name), chance(name, classes)) for name in known if _kind(name) == kind
            ]
            if panels:
                plots.s_curves(own, folder / f"{mode}-{kind or 'overall'}.png", panels)


def _kind(metric: str) -> str:
    """The one of `_KINDS` that a metric belongs to; empty for a metric of all classes."""
    return "" if metric in _WORDS else metric.partition("_")[0]


def chance(metric: str, classes: Sequence[str]) -> float:
    """The value that a tagger reaches by guessing among the classes."""
    kind, _, flavour = metric.partition("_")
    if kind in ("auc", "flip"):
        return 0.5
    return (len(tags(classes)[flavour]) if kind == "efficiency" else 1) / len(classes)


def words(metric: str) -> str:
    """A metric's name for people."""
    kind, _, flavour = metric.partition("_")
    return _WORDS.get(metric) or f"{_KINDS.get(kind, kind)} of {flavour}"


def page(summary: Sequence[Row], finished: int, cells: int) -> str:
    """The page for people."""
    parts = [
        "# Scaling study",
        f"{finished} of {cells} trainings are finished. Means over seeds, ± the standard deviation among seeds; each "
        f"training with its statistical errors is in `{TABLE}.csv` and `{TABLE}.parquet`.",
    ]
    for mode in dict.fromkeys(row["mode"] for row in summary):
        own = [row for row in summary if row["mode"] == mode]
        parts.append(f"## {_HEADINGS[mode]}")
        names = metrics_of_summary(own)
        for kind in ("", *_KINDS):
            chosen = [name for name in names if _kind(name) == kind]
            if chosen:
                parts += ([f"### {_KINDS[kind]}".capitalize()] if kind else []) + [
                    _section(own, chosen, kind)
                ]
    return "\n\n".join(parts) + "\n"


def metrics_of_summary(summary: Sequence[Row]) -> list[str]:
    """The metrics of the rows of a summary."""
    return [name for name in summary[0] if f"{name}_spread" in summary[0]] if summary else []


def _section(rows: Sequence[Row], names: Sequence[str], kind: str) -> str:
    head = ["model", "training jets", "seeds"]
    head += [name.removeprefix(f"{kind}_") if kind else words(name) for name in names]
    models = list(dict.fromkeys(row["model"] for row in rows))
    ordered = sorted(rows, key=lambda row: models.index(row["model"]))
    return markdown_table(head, [_line(row, names) for row in ordered])


def _line(row: Row, names: Sequence[str]) -> list[str]:
    shown = [_with_spread(row[name], row[f"{name}_spread"]) for name in names]
    return [row["model"], f"{row['jets']:,}", str(row["seeds"]), *shown]


def _with_spread(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return "–"
    if not spread:
        return f"{mean:.4f}"
    digits = min(max(1 - math.floor(math.log10(spread)), 2), 6)
    return f"{mean:.{digits}f} ± {spread:.{digits}f}"


def _csv(rows: Sequence[Row]) -> str:
    """Numbers are written so that they are read back the same; None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _parquet(rows: Sequence[Row]) -> bytes:
    pyarrow = require("pyarrow", "writing Parquet")
    parquet = require("pyarrow.parquet", "writing Parquet")
    columns = {name: [row.get(name) for row in rows] for name in _columns(rows)}
    text, whole = ("model", "mode"), ("jets", "seed", "seeds", "steps", "test_jets")
    kinds = {**dict.fromkeys(text, pyarrow.string()), **dict.fromkeys(whole, pyarrow.int64())}
    arrays = {
        name: pyarrow.array(values, kinds.get(name, pyarrow.float64())) for name, values in columns.items()
    }
    packed = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays), packed)
    return packed.getvalue()


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))
