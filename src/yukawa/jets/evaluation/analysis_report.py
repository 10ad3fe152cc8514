"""Runs an analysis of files of scores and writes its report: tables of cuts, plots of curves, bins and calibration."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from yukawa.core.errors import InputError
from yukawa.core.files import check_made_folder, new_folder
from yukawa.core.processes import Progress
from yukawa.core.reports import Bullets, Heading, Page, Paragraph, Picture, ReportBlock, Table
from yukawa.core.statistics import Estimate
from yukawa.jets.evaluation import plots
from yukawa.jets.evaluation.analysis import AnalysisPlan, TagCut, TaggingAnalysis, analyse, read_scores
from yukawa.jets.evaluation.evaluate import MADE, with_error


def analyse_scores(
    files: Mapping[str, Path],
    plan: AnalysisPlan,
    out: Path,
    *,
    weight: str | None = None,
    split: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> TaggingAnalysis:
    """Analyse files of scores and write `report.json`, `.html`, `.md` and plots to a new folder `out`, whole or not at all.

    Args:
        files: by the name of the sample; the first is the nominal one, on which cuts are found.
        plan: what to find out.
        out: the folder.
        weight: the column of the jets' weights; None gives each jet the weight 1.
        split: train, validation, test or all; None takes the test jets where a file says which these are.
        progress: called with the files read and their number.
        force: whether an earlier report in the folder is replaced.

    Raises:
        InputError: as in `read_scores` and `analyse`, or `out` holds other files, or a report without `force`.
        StoreError: the disk refuses.
    """
    check_made_folder(out, *MADE, force=force)
    plan.check()
    samples = {}
    for number, (name, path) in enumerate(files.items(), start=1):
        samples[name] = read_scores(path, weight=weight, split=split)
        if progress is not None:
            progress(number, len(files))
    if not samples:
        raise InputError("no file of scores was named")
    found = analyse(samples, plan)
    with new_folder(out, replace=True) as beside:
        page = analysis_page(found)
        curves = {f"{name}: {background}": curve for (name, background), curve in found.curves.items()}
        path = plots.roc_plot(curves, beside / "roc.png", f"efficiency of {plan.signal[0]}", "mistag rate")
        page.add(Picture(path, f"ROC curves of {plan.signal[0]}, by discriminant and background"))
        for number, observable in enumerate(plan.bins, start=1):
            path = plots.bins_plot(found.cuts, observable, beside / f"bins-{number}.png")
            page.add(Picture(path, f"Efficiency and mistag rates by {observable}"))
        path = plots.calibration_plot(found.calibration, beside / "calibration.png")
        page.add(Picture(path, "Calibration: observed share by predicted probability"))
        page.write(beside, found.to_dict())
    return replace(found, folder=Path(out))


def analysis_page(found: TaggingAnalysis) -> Page:
    """The whole page, without plots."""
    page = Page(f"Tagging {found.plan.signal[0]}")
    page.add(*brief(found))
    for observable in found.plan.bins:
        page.add(Heading(f"By {observable}"))
        for cut in found.cuts:
            page.add(*_binned(cut, observable, list(found.plan.groups)))
    page.add(*_calibration(found))
    if found.notes:
        page.add(Heading("Remarks"), Bullets(list(found.notes)))
    return page


def brief(found: TaggingAnalysis) -> list[ReportBlock]:
    """Cuts with what passes them, and how variations change that; for the terminal."""
    groups = list(found.plan.groups)
    nominal, *_ = found.samples
    sums = [
        [name, *(f"{weights[group]:,.6g}" for group in groups)] for name, weights in found.samples.items()
    ]
    formulas = [f"{name} = {formula}" for name, formula in found.plan.discriminants.items()]
    rows = [
        [
            cut.discriminant,
            cut.target,
            f"{cut.threshold:.5g}",
            *(with_error(cut.passed[group]) for group in groups),
        ]
        for cut in found.cuts
    ]
    blocks: list[ReportBlock] = [
        Bullets(formulas),
        Table(["jets (sum of weights)", *groups], sums),
        Heading("Working points"),
        Table(["discriminant", "cut for", "at least", *groups], rows),
        Paragraph(
            f"Shares that pass, with statistical errors of one standard deviation; the cuts are found on {nominal} and taken as fixed."
        ),
    ]
    return blocks + _variations(found, groups)


def _variations(found: TaggingAnalysis, groups: list[str]) -> list[ReportBlock]:
    """The change of each share in the further samples, relative to the nominal one."""
    rows = [
        [cut.discriminant, cut.target, name, *(_change(cut.passed[group], passed[group]) for group in groups)]
        for cut in found.cuts
        for name, passed in cut.variations.items()
    ]
    if not rows:
        return []
    note = "Change relative to the nominal sample in percent; errors as if the samples were independent."
    return [
        Heading("Systematic variations"),
        Table(["discriminant", "cut for", "sample", *groups], rows),
        Paragraph(note),
    ]


def _change(nominal: Estimate, varied: Estimate) -> str:
    if not nominal.value > 0:
        return "–"
    change = varied.value / nominal.value - 1
    error = (varied.error**2 + (varied.value / nominal.value * nominal.error) ** 2) ** 0.5 / nominal.value
    return f"{100 * change:+.1f} ± {100 * error:.1f} %"


def _binned(cut: TagCut, observable: str, groups: list[str]) -> list[ReportBlock]:
    rows = [
        [f"{one.low:g} to {one.high:g}", *(with_error(one.passed[group]) for group in groups)]
        for one in cut.bins[observable]
    ]
    return [Paragraph(f"{cut.discriminant}, cut for {cut.target}:"), Table([observable, *groups], rows)]


def _calibration(found: TaggingAnalysis) -> list[ReportBlock]:
    rows = [
        [flavour, f"{error:.4f}", f"{len(found.calibration[flavour])}"]
        for flavour, error in found.calibration_error.items()
    ]
    note = (
        "Mean distance between the predicted probability of a flavour and the share of jets that are of it, in ten bins of the"
        " probability. It holds for the mixture of classes of this sample."
    )
    return [
        Heading("Calibration"),
        Table(["flavour", "mean distance", "bins with jets"], rows),
        Paragraph(note),
    ]
