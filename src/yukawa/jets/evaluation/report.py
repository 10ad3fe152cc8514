"""An evaluation as a page of tables for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from yukawa.jets.evaluation.metrics import Estimate
from yukawa.jets.evaluation.published import PUBLISHED_SOURCE

if TYPE_CHECKING:
    from yukawa.jets.evaluation.evaluate import Measured, Report

_KINDS = {"efficiency": "tagging efficiency", "flip": "charge flip rate", "mean": "mean diagonal"}


def page(report: Report) -> str:
    """The whole page."""
    parts = [
        f"# Evaluation of {', '.join(report.models)}",
        f"{report.jets:,} labelled jets" + (f" of {report.data}." if report.data else "."),
        _figures(report),
        _auc(report),
        *(_rejections(name, measured, len(report.models)) for name, measured in report.models.items()),
        _symmetry(report),
        *_comparisons(report),
        _notes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figures(report: Report) -> str:
    models = report.models.values()
    rows = [
        [
            _words(name),
            *(with_error(measured.confusion.figures[name]) for measured in models),
            *(f"{figures[name]:.3f}" if name in figures else "" for figures in report.published.values()),
        ]
        for name in next(iter(models)).confusion.figures
    ]
    text = "Errors are statistical, one standard deviation, as if all jets were independent"
    ratios = [
        measured.clustered[name] / estimate.error
        for measured in models
        if measured.clustered
        for name, estimate in measured.confusion.figures.items()
        if estimate.error > 0 and not math.isnan(measured.clustered[name])
    ]
    if ratios:
        text += f"; allowing for jets of one event being alike, they are {min(ratios):.2f} to {max(ratios):.2f} times these"
    if report.published:
        text += f". Published: {PUBLISHED_SOURCE}; compare orderings and gaps, not digits"
    return f"## Figures\n\n{table(['', *report.models, *report.published], rows)}\n\n{text}."


def _auc(report: Report) -> str:
    models = list(report.models.values())
    names = [name for name in models[0].confusion.classes if any(name in m.auc for m in models)]
    rows = [[name, *(with_error(m.auc[name]) for m in models)] for name in names]
    rows.append(["mean over pairs of classes", *(with_error(m.auc_pairs) for m in models)])
    return f"## Area under the ROC curve, one class against all others\n\n{table(['', *report.models], rows)}"


def _rejections(name: str, measured: Measured, models: int) -> str:
    signals = list(dict.fromkeys(signal for signal, _ in measured.rejections))
    if not signals:
        return ""
    of = f" ({name})" if models > 1 else ""
    parts = [f"## Background rejection{of}"]
    for k, point in enumerate(next(iter(measured.rejections.values()))):
        rows = [
            [
                signal,
                *(
                    "" if signal == other else rejection(measured.rejections[signal, other][k].rejection)
                    for other in signals
                ),
            ]
            for signal in signals
        ]
        parts.append(
            f"1 / background efficiency where {point.signal_efficiency:.0%} of the signal (rows) pass:"
        )
        parts.append(table(["signal against", *signals], rows))
    return "\n\n".join(parts)


def _symmetry(report: Report) -> str:
    rows = []
    for name, measured in report.models.items():
        if (found := measured.symmetry) is not None:
            cell = f"{found.largest[0]} tagged {found.largest[1]} ({found.pull:+.1f} sigma)"
            rows.append([name, f"{found.chi2:.1f} / {found.dof}", f"{found.p_value:.3g}", cell])
    if not rows:
        return ""
    head = ["", "chi-square / degrees of freedom", "p-value", "largest difference"]
    return f"## Particles and antiparticles tagged alike?\n\n{table(head, rows)}"


def _comparisons(report: Report) -> Iterable[str]:
    for comparison in report.comparisons:
        rows = [[_words(name), *_signed(*pair)] for name, pair in comparison.figures.items()]
        rows += [[f"AUC of {name}", *_signed(*pair)] for name, pair in comparison.auc.items()]
        test = comparison.accuracy
        yield (
            f"## {comparison.second} minus {comparison.first}, on the same jets\n\n"
            f"{table(['', 'difference', 'standard deviations'], rows)}\n\n"
            f"Only {comparison.first} is right on {test.only_first:,} jets, only {comparison.second} on "
            f"{test.only_second:,} (McNemar's test: p = {test.p_value:.3g})."
        )


def _notes(report: Report) -> str:
    notes = [f"- {name}: {note}" for name, measured in report.models.items() for note in measured.notes]
    return "## Remarks\n\n" + "\n".join(notes) if notes else ""


def with_error(estimate: Estimate) -> str:
    """A figure and its error, to two digits of the error; its interval where the error is 0."""
    value, error, low, high = estimate
    if math.isnan(value):
        return "–"
    if not error > 0:
        return f"{value:.4f} ({low:.4f} … {high:.4f})"
    digits = _digits(error)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def rejection(estimate: Estimate) -> str:
    """A rejection and its error; the lower end of its interval where no background passes."""
    if math.isinf(estimate.value):
        return f"> {_rounded(estimate.low)}"
    if estimate.error > estimate.value / 2:  # too few jets for a symmetric error to mean much
        return f"{_rounded(estimate.value)} ({_rounded(estimate.low)} … {_rounded(estimate.high)})"
    return with_error(estimate)


def _rounded(value: float) -> str:
    """Three digits, without powers of ten."""
    if math.isinf(value):
        return "∞"
    return f"{value:.3g}" if value < 100 else f"{float(f'{value:.3g}'):,.0f}"


def _signed(difference: float, error: float) -> list[str]:
    if math.isnan(difference) or not error > 0:
        return ["–" if math.isnan(difference) else f"{difference:+.4f}", ""]
    digits = _digits(error)
    return [f"{difference:+.{digits}f} ± {error:.{digits}f}", f"{difference / error:+.1f}"]


def _digits(error: float) -> int:
    """Decimals that show two digits of an error."""
    return min(max(0, 1 - math.floor(math.log10(error))), 6)


def _words(name: str) -> str:
    kind, _, flavour = name.partition("_")
    if kind == "mean" or not flavour:
        return _KINDS.get(kind, name)
    return f"{_KINDS.get(kind, kind)} {flavour}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a vertical bar in a cell is kept as one."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
