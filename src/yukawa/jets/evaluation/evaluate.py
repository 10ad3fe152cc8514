"""Evaluates one or more taggers on the same jets: finds models and jets, predicts, measures and writes the report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.files import check_made_folder, new_folder, real
from yukawa.core.processes import Progress
from yukawa.core.reports import Bullets, Heading, Page, Paragraph, Picture, ReportBlock, Table
from yukawa.core.statistics import Estimate
from yukawa.jets.evaluation import plots, results
from yukawa.jets.evaluation.prediction import predict
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.source import MANIFEST, open_source
from yukawa.runs.run import MODEL, Run, run_folder

FOLDER = "evaluation"
MADE = (("report.json", "report.html", "report.md"), ("*.png", "*.svg"))


def evaluate(
    models: Path | Sequence[Path] | Mapping[str, Path],
    data: Path | JetSource | None = None,
    *,
    split: str | None = None,
    out: Path | None = None,
    published: bool = False,
    weight: str | None = None,
    batch: int = 1024,
    device: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> results.TaggerReport:
    """Evaluate saved models or runs on the same labelled jets and write `report.json`, `.html`, `.md` and plots.

    Args:
        models: folders of saved models or of runs; with names, or named after their folders.
        data: the jets; None takes the data set of the (first) run.
        split: of a data set; None takes its test jets, or all jets where there are no splits.
        out: the folder to write to; None takes `evaluation` in the run, if there is only one.
        published: show the published values of jet origin as well.
        weight: the column of the jets' weights; None gives each the weight 1.
        batch: jets that go through a network at once.
        device: of PyTorch; None takes a GPU if there is one.
        progress: called with the jets done and to do, over all models.
        force: whether an earlier report in the folder is replaced.

    Raises:
        NotFound: a folder holds neither a model nor a run.
        InputError: no folder is named for the report, or it holds files (with `force`: others than a report), the jets
            have no labels, a weight is negative or not finite, a model's probabilities are not finite, the models have
            different classes or select different jets, or as in `predict`.
        StoreError: the disk refuses.
    """
    named = _named(models)
    folder = _folder(list(named.values()), out)
    check_made_folder(folder, *MADE, force=force)
    from yukawa.jets.models.tagger import model_folder  # needs torch

    source, what = _source(next(iter(named.values())), data, split)
    total = len(source) * len(named)
    scores: dict[str, results.Scores] = {}
    for number, (name, path) in enumerate(named.items()):
        before = number * len(source)

        def report(done: int, _: int, before: int = before) -> None:
            """Move the progress bar."""
            if progress is not None:
                progress(before + done, total)

        kept = [weight] if weight else []
        predictions = predict(
            model_folder(path), source, keep=kept, batch=batch, device=device, progress=report
        )
        scores[name] = results.labelled_scores(predictions, name, weight)
    if weight:
        what += f", weighted by {weight}"
    return write(results.compare(scores, what, published=published), folder, force=force)


def _named(models: Path | Sequence[Path] | Mapping[str, Path]) -> dict[str, Path]:
    """Models by name; a model that lies in a run has the run's name."""
    if isinstance(models, Mapping):
        named = {name: Path(path) for name, path in models.items()}
    else:
        paths = [models] if isinstance(models, (str, Path)) else list(models)
        named = {}
        for path in map(Path, paths):
            whole = real(path)
            name = whole.parent.name if whole.name == MODEL else whole.name
            if name in named:
                raise InputError(
                    f"two models are called {name!r}", hint="give them different names: NAME=FOLDER"
                )
            named[name] = path
    if not named:
        raise InputError("no model was named", hint="name the folder of a run or of a model")
    for name in named:
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise InputError(
                f"{name!r} cannot name a model, since its plots have that name",
                hint="omit slashes and leading dots",
            )
    return named


def _folder(paths: Sequence[Path], out: Path | None) -> Path:
    if out is not None:
        return Path(out)
    run = run_folder(paths[0])
    if len(paths) > 1 or run is None:
        if len(paths) == 1:
            from yukawa.jets.models.tagger import model_folder  # needs torch

            model_folder(paths[0])  # raises where there is none
        what = "several models are" if len(paths) > 1 else f"{paths[0]} is not a run and is"
        raise InputError(f"{what} evaluated, and no folder is named for the report", hint="add --out FOLDER")
    return run / FOLDER


def _source(path: Path, data: Path | JetSource | None, split: str | None) -> tuple[JetSource, str]:
    """The jets, and their description."""
    if isinstance(data, JetSource):
        return data, ", ".join(dict.fromkeys(str(p.parent) for p in data.paths))
    if data is None:
        run = run_folder(path)
        recorded = _recorded(Run.open(run).recipe) if run else ()
        if len(recorded) != 1:
            came = f": it learned from {' and '.join(recorded)}" if recorded else ""
            raise InputError(
                f"{path} does not say which jets to evaluate on{came}", hint="name a data set: --data PATH"
            )
        data = Path(recorded[0])
    if split is None and (Path(data) / MANIFEST).exists():
        split = "test"
    return open_source(data, split), f"{data}" + (f", split {split}" if split else "")


def _recorded(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the jets of a run lie; those of a mixture are the jets of its questions."""
    sources = [recipe.get("data") or {}]
    sources += [each for each in (recipe.get("mixture") or {}).values() if each.get("kind") == "questions"]
    return tuple(dict.fromkeys(source["path"] for source in sources if source.get("path") is not None))


def write(report: results.TaggerReport, folder: Path, *, force: bool = False) -> results.TaggerReport:
    """Write a report with its plots as a new `folder`, whole or not at all; with `force` one takes the place of another.

    Raises:
        InputError: the folder holds something else, or a report without `force`.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    folder = Path(folder)
    check_made_folder(folder, *MADE, force=force)
    with new_folder(folder, replace=True) as beside:
        found = page(report)
        for name, one in report.models.items():
            suffix = f"-{name}" if len(report.models) > 1 else ""
            path = plots.matrix_plot(one.confusion, beside / f"matrix{suffix}.png", name)
            found.add(Picture(path, f"Confusion matrix of {name}"))
            if one.curves:
                label = "efficiency for all other jets"
                path = plots.roc_plot(one.curves, beside / f"roc{suffix}.png", ylabel=label)
                found.add(Picture(path, f"ROC curves of {name}, each class against all others"))
        matrices = {name: one.confusion for name, one in report.models.items()}
        published = {name: one.figures for name, one in report.published.items()}
        path = plots.flavour_plot(matrices, beside / "flavours.png", published)
        found.add(Picture(path, "Efficiencies and charge flip rates with 68 % intervals"))
        found.write(beside, report.to_dict())
    return replace(report, folder=folder)


def page(report: results.TaggerReport) -> Page:
    """The whole page, without plots."""
    found = Page(f"Evaluation of {', '.join(report.models)}")
    found.add(*summary(report))
    for name, one in report.models.items():
        found.add(*_rejections(name, one, len(report.models)))
    found.add(*_symmetry(report.models))
    for comparison in report.comparisons:
        found.add(*_comparison(comparison))
    notes = [f"{name}: {note}" for name, one in report.models.items() for note in one.notes]
    if notes:
        found.add(Heading("Remarks"), Bullets(notes))
    return found


def in_brief(report: results.TaggerReport) -> list[ReportBlock]:
    """The metrics and the comparisons, for the terminal."""
    return [*summary(report), *(block for one in report.comparisons for block in _comparison(one))]


def summary(report: results.TaggerReport) -> list[ReportBlock]:
    """Matrix metrics and AUC of all models."""
    models = list(report.models.values())
    rows = [
        [
            results.words(name),
            *(with_error(one.confusion.figures[name]) for one in models),
        ]
        for name in models[0].confusion.figures
    ]
    names = [name for name in models[0].confusion.classes if any(name in one.auc for one in models)]
    areas = [[name, *(with_error(one.auc[name]) for one in models)] for name in names]
    areas.append(["mean over pairs of classes", *(with_error(one.auc_pairs) for one in models)])
    return [
        Paragraph(f"{report.jets:,} labelled jets" + (f" of {report.data}." if report.data else ".")),
        Heading("Metrics"),
        Table(["", *report.models], rows),
        Paragraph(_about_errors(report)),
        Heading("Area under the ROC curve, one class against all others"),
        Table(["", *report.models], areas),
        *_published(report),
    ]


def _published(report: results.TaggerReport) -> list[ReportBlock]:
    """Efficiencies and flips beside those of published taggers, and where these stand."""
    if not report.published:
        return []
    figures: dict[str, Mapping[str, float]] = {
        name: {key: found.value for key, found in one.confusion.figures.items()}
        for name, one in report.models.items()
    }
    figures |= {name: one.figures for name, one in report.published.items()}
    blocks: list[ReportBlock] = [Heading("Beside published taggers")]
    for kind, label in results.KINDS.items():
        keys = [f"{kind}_{flavour}" for flavour in "bcsudg"]
        keys = [key for key in keys if any(key in values for values in figures.values())]
        rows = [
            [name, *("" if math.isnan(values.get(key, math.nan)) else f"{values[key]:.3f}" for key in keys)]
            for name, values in figures.items()
        ]
        blocks.append(Table([label, *(key.partition("_")[2] for key in keys)], rows))
    sources = [f"{name}: {one.source}" for name, one in report.published.items()]
    note = "Compare orderings and gaps, not digits: simulations and numbers of jets differ. Sources of the published figures:"
    return [*blocks, Paragraph(note), Bullets(sources)]


def _about_errors(report: results.TaggerReport) -> str:
    text = "Errors are statistical, one standard deviation, as if all jets were independent"
    ratios = [
        one.clustered[name] / value.error
        for one in report.models.values()
        if one.clustered
        for name, value in one.confusion.figures.items()
        if value.error > 0 and not math.isnan(one.clustered[name])
    ]
    if ratios:
        text += f"; with jets of one event correlated, they are {min(ratios):.2f} to {max(ratios):.2f} times these"
    return f"{text}."


def _rejections(name: str, one: results.TaggerMetrics, models: int) -> list[ReportBlock]:
    signals = list(dict.fromkeys(signal for signal, _ in one.rejections))
    if not signals:
        return []
    blocks: list[ReportBlock] = [Heading("Background rejection" + (f" ({name})" if models > 1 else ""))]
    for k, point in enumerate(next(iter(one.rejections.values()))):
        cells = {pair: rejection(points[k].rejection) for pair, points in one.rejections.items()}
        rows = [[signal, *(cells.get((signal, other), "") for other in signals)] for signal in signals]
        passed = f"{point.signal_efficiency:.0%} of the signal (rows)"
        blocks += [
            Paragraph(f"1 / background efficiency where {passed} pass:"),
            Table(["signal against", *signals], rows),
        ]
    return blocks


def _symmetry(models: Mapping[str, results.TaggerMetrics]) -> list[ReportBlock]:
    rows = []
    for name, one in models.items():
        if (found := one.symmetry) is not None:
            cell = f"{found.largest[0]} tagged {found.largest[1]} ({found.pull:+.1f} sigma)"
            rows.append([name, f"{found.chi2:.1f} / {found.dof}", f"{found.p_value:.3g}", cell])
    if not rows:
        return []
    head = ["", "chi-square / degrees of freedom", "p-value", "largest difference"]
    return [Heading("Particles and antiparticles tagged alike?"), Table(head, rows)]


def _comparison(found: results.TaggerComparison) -> list[ReportBlock]:
    rows = [[results.words(name), *_signed(*pair)] for name, pair in found.figures.items()]
    rows += [[f"AUC of {name}", *_signed(*pair)] for name, pair in found.auc.items()]
    test = found.mcnemar
    return [
        Heading(f"{found.second} minus {found.first}, on the same jets"),
        Table(["", "difference", "standard deviations"], rows),
        Paragraph(
            f"Only {found.first} is right on {test.only_first:,} jets, only {found.second} on {test.only_second:,} "
            f"(McNemar's test: p = {test.p_value:.3g})."
        ),
    ]


def with_error(found: Estimate) -> str:
    """A value and its error, to two digits of the error; its interval where the error is 0."""
    value, error = found.value, found.error
    if math.isnan(value):
        return "–"
    if not error > 0:
        return f"{value:.4f} ({found.low:.4f} … {found.high:.4f})"
    digits = _digits(error)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def rejection(found: Estimate) -> str:
    """A rejection and its error; the lower end of its interval where no background passes."""
    if math.isinf(found.value):
        return f"> {_rounded(found.low)}"
    if found.error > found.value / 2:  # of too few jets a symmetric error means little
        return f"{_rounded(found.value)} ({_rounded(found.low)} … {_rounded(found.high)})"
    return with_error(found)


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
