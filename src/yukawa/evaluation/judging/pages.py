"""Reports of judged evaluation: the verdict first, then tables and pictures, from a ranking or from scores."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yukawa.core import plotting
from yukawa.core.files import report_write_errors
from yukawa.core.reports import Bullets, Heading, Page, Paragraph, Picture, ReportBlock, Table, plain
from yukawa.core.statistics import Estimate
from yukawa.evaluation.judging.ranking import LEAST_OVERLAP, PairResult, Ranking
from yukawa.evaluation.judging.scores import ScoreStudy
from yukawa.evaluation.results import probability, with_interval

_SURE = 0.05
_APART = 0.1  # raw and controlled score that differ by more are remarked on
_PAIRS = 15  # of more, only those with the strongest model are shown
_INFLATED = 5.0  # variance that makes an effect of length hardly distinguishable from strength


def interval(found: Estimate, *, signed: bool = False) -> str:
    """A value with its interval; one end is shown alone where the other is infinite."""
    if math.isinf(found.value):
        return f"> {found.low:+.2f}" if found.value > 0 else f"< {found.high:+.2f}"
    return with_interval(plain(found), signed=signed)


def percent(found: Estimate) -> str:
    """A share in percent with its interval."""
    scaled = {name: 100 * getattr(found, name) for name in ("value", "low", "high")}
    return with_interval(plain(scaled)) + " %"


# ---- rankings ----------------------------------------------------------------------------------------------


def ranking_sections(found: Ranking) -> list[ReportBlock]:
    """A ranking as sentences and tables, the verdict first."""
    return [
        Paragraph(verdict(found)), *_warnings(found), *_strength_table(found), *_pair_tables(found), *_effect_table(found),
        *_judge_table(found),
    ]  # fmt: skip


def verdict(found: Ranking) -> str:
    """What the verdicts show, in one or two sentences."""
    best, *others = found.strengths
    beaten: list[str] = []
    open_: list[str] = []
    for pair in found.pairs:
        if best in (pair.first, pair.second):
            other = pair.second if pair.first == best else pair.first
            (beaten if pair.p_holm < _SURE else open_).append(other)
    said = f"{found.verdicts:,} verdicts on {found.questions:,} questions: "
    if not beaten:
        return said + f"no model is shown to be better than {best}, nor {best} better than another."
    text = said + f"{best} is better than {_listed(beaten)}"
    if open_:
        text += f"; it is not shown to be better than {_listed(open_)}"
    unseen = [name for name in others if name not in (*beaten, *open_)]
    text += f"; it was not compared with {_listed(unseen)}" if unseen else ""
    unknown = [one for one in (*found.position.values(), *found.effects.values()) if math.isnan(one.value)]
    return text + (". This assumes that what goes with the models alone had no effect." if unknown else ".")


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:6]) + ([f"{len(names) - 6} others"] if len(names) > 6 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _warnings(found: Ranking) -> list[ReportBlock]:
    lines = [f"{note}." for note in found.notes]
    for pair in found.pairs:
        raw, fair = pair.rates["score"], pair.controlled
        if fair is not None and abs(raw.value - fair.value) > _APART:
            lines.append(
                f"The score of {pair.first} against {pair.second} is {raw.value:.0%}; at equal length and style in a fair order "
                f"it is {fair.value:.0%}. The difference is the judge's."
            )
        if pair.overlap < LEAST_OVERLAP:
            lines.append(
                f"Lengths of {pair.first} and {pair.second} hardly overlap ({pair.overlap:.0%} of the questions): whether the "
                "verdicts are on length cannot be known, and no controlled score is given."
            )
    if found.inflation > _INFLATED:
        lines.append(
            f"Length and style go so closely with the models that the variance of their effects is {found.inflation:.0f} times "
            "larger than it would be alone."
        )
    return [Bullets(lines)] if lines else []


def _strength_table(found: Ranking) -> list[ReportBlock]:
    rows = []
    for name, one in found.strengths.items():
        low, high = found.ranks[name]
        rows.append([name, interval(one, signed=True), str(low) if low == high else f"{low} to {high}"])
    return [Heading("Strengths"), Table(["model", "strength (logarithm of odds)", "rank"], rows)]


def _pair_tables(found: Ranking) -> list[ReportBlock]:
    best = next(iter(found.strengths))
    pairs = [pair for pair in found.pairs if len(found.pairs) <= _PAIRS or best in (pair.first, pair.second)]
    names = [f"{pair.first} against {pair.second}" for pair in pairs]
    rates = [
        [name, *(percent(pair.rates[key]) for key in ("win", "draw", "fail")), str(pair.verdicts)]
        for name, pair in zip(names, pairs, strict=True)
    ]
    tests = [
        [name, percent(pair.rates["score"]), percent(pair.rates["not worse"]), _controlled(pair), interval(pair.difference, signed=True),
         probability(pair.p_holm)]
        for name, pair in zip(names, pairs, strict=True)
    ]  # fmt: skip
    return [
        Heading("Win, draw and fail"),
        Table(["pair", "win", "draw", "fail", "verdicts"], rates),
        Table(
            ["pair", "wins + draws / 2", "wins + draws", "the first, controlled", "difference", "p (Holm)"],
            tests,
        ),
    ]


def _controlled(pair: PairResult) -> str:
    return "not determined" if pair.controlled is None else percent(pair.controlled)


def _effect_table(found: Ranking) -> list[ReportBlock]:
    rows = [[f"shown first, {name}", interval(one, signed=True)] for name, one in found.position.items()]
    rows += [
        [f"more {name}" if name != "length" else "longer", interval(one, signed=True)]
        for name, one in found.effects.items()
    ]
    return [Heading("What else moved the verdicts"), Table(["effect", "logarithm of odds"], rows)]


def _judge_table(found: Ranking) -> list[ReportBlock]:
    rows = []
    for name, (bad, every) in found.invalid.items():
        flipped, twice = found.flipped.get(name, (0, 0))
        rows.append([name, f"{every:,}", f"{bad:,}", f"{flipped:,} of {twice:,}" if twice else "–"])
    head = ["judge", "replies", "cannot be used", "decided by the order"]
    more = (
        [Paragraph(f"{found.both_bad:,} verdicts say that both answers are bad; they count as draws.")]
        if found.both_bad
        else []
    )
    return [Heading("Judges"), Table(head, rows), *more]


def ranking_json(found: Ranking) -> dict[str, Any]:
    """A ranking as JSON; resamples are omitted."""
    data: dict[str, Any] = plain(found)
    del data["resampled"]
    return data | {"verdict": verdict(found)}


# ---- scores ------------------------------------------------------------------------------------------------


def score_sections(studies: Sequence[ScoreStudy]) -> list[ReportBlock]:
    """Scores of each criterion as sentences and tables, the verdict first."""
    blocks: list[ReportBlock] = []
    for study in studies:
        blocks += [
            *([Heading(f"Criterion: {study.criterion}")] if len(studies) > 1 else []),
            Paragraph(score_verdict(study)), *([Bullets([f"{n[0].upper()}{n[1:]}." for n in study.notes])] if study.notes else []),
            *_group_tables(study), *_model_table(study), *_level_table(study), *_agreement_table(study),
        ]  # fmt: skip
    return blocks


def score_verdict(study: ScoreStudy) -> str:
    """What the scores show, in one or two sentences."""
    counted = (
        f"{study.scores:,} scores of {len(study.models) or '?'} models on {study.questions:,} questions by "
        f"{len(study.judges):,} judges: "
    )
    shown = [row for row in study.groups if row.p_holm < _SURE]
    if not study.groups:
        return counted + "models are not compared."
    if not shown:
        return counted + "no group of models is shown to differ from another."
    best = max(shown, key=lambda row: abs(row.value))
    high, low = (best.second, best.first) if best.value > 0 else (best.first, best.second)
    more = f"; {len(shown)} of {len(study.groups)} pairs differ" if len(study.groups) > 1 else ""
    low_end, high_end = sorted((abs(best.low), abs(best.high)))
    size = Estimate(abs(best.value), low_end, high_end)
    return counted + f"{high} is scored higher than {low} by {interval(size)}{more}."


def _group_tables(study: ScoreStudy) -> list[ReportBlock]:
    means = [[name, interval(one)] for name, one in study.plain.items()]
    pairs = sorted(study.groups, key=lambda row: row.p_holm)[:_PAIRS]
    rows = [
        [
            f"{row.second} − {row.first}",
            interval(row, signed=True),
            probability(plain(row.p_holm)),
            f"{row.plain:+.3g}",
        ]
        for row in pairs
    ]
    shown: list[ReportBlock] = [Heading("Groups"), Table(["group", "plain mean"], means)]
    if rows:
        head = ["second minus first", "same questions, same judges", "p (Holm)", "of plain means"]
        shown.append(Table(head, rows))
    if len(study.groups) > _PAIRS:
        shown.append(
            Paragraph(f"The {_PAIRS} surest of {len(study.groups)} pairs are shown; report.json has all.")
        )
    return shown


def _model_table(study: ScoreStudy) -> list[ReportBlock]:
    rows = [[name, interval(one, signed=True)] for name, one in study.models.items()]
    return [Heading("Models"), Table(["model", "from the mean model"], rows)] if rows else []


def _level_table(study: ScoreStudy) -> list[ReportBlock]:
    rows = [
        [
            name,
            f"{one.scores:,}",
            f"{one.mean:.2f} ± {one.spread:.2f}",
            interval(one.level, signed=True) if one.level else "–",
        ]
        for name, one in study.judges.items()
    ]
    return [Heading("Judges"), Table(["judge", "scores", "mean ± spread", "level on the same answers"], rows)]


def _agreement_table(study: ScoreStudy) -> list[ReportBlock]:
    found = study.agreement
    if found is None:
        return [Paragraph("Agreement is not defined: no answer was scored by two judges.")]
    rows = [["Krippendorff's alpha, interval", interval(found.alpha)]]
    if study.agreement_without_levels is not None:
        rows.append(["the same without the levels of judges", interval(study.agreement_without_levels.alpha)])
    rows.append(["exactly the same score, share of pairs", interval(found.raw)])
    return [
        Heading("Agreement"),
        Table(["measure", f"{found.units:,} answers with two judges or more"], rows),
    ]


# ---- files -------------------------------------------------------------------------------------------------


def write_ranking(found: Ranking, folder: Path) -> None:
    """Write `report.md`, `report.html`, `report.json` and `plots/` of a ranking.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    picture = forest(found.strengths, _plots(folder) / "strengths.png", "strength (logarithm of odds)")
    page = Page("Ranking of " + _listed(list(found.strengths)))
    page.add(*ranking_sections(found), Picture(picture, "Strengths with their intervals"))
    page.write(folder, ranking_json(found))


def write_scores(studies: Sequence[ScoreStudy], folder: Path) -> None:
    """Write `report.md`, `report.html`, `report.json` and `plots/` of scores.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    page = Page("Scores: " + _listed([study.criterion for study in studies]))
    page.add(*score_sections(studies))
    for number, study in enumerate(studies, start=1):
        if study.models:
            path = forest(study.models, _plots(folder) / f"models-{number}.png", "score, from the mean model")
            page.add(Picture(path, f"Models with their intervals, {study.criterion}"))
    page.write(folder, score_json(studies))


def score_json(studies: Sequence[ScoreStudy]) -> dict[str, Any]:
    """Scores as JSON."""
    return {"criteria": [plain(study) | {"verdict": score_verdict(study)} for study in studies]}


def _plots(folder: Path) -> Path:
    with report_write_errors(folder):
        (folder / "plots").mkdir(parents=True, exist_ok=True)
    return folder / "plots"


def forest(found: Mapping[str, Estimate], path: Path, label: str) -> Path:
    """Values with their intervals, one below the other; an interval without end is an arrow.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    ends = [x for one in found.values() for x in (one.value, one.low, one.high) if math.isfinite(x)]
    span = (max(ends) - min(ends)) or 1.0 if ends else 1.0
    with plotting.style():
        figure = plotting.new_figure(6.4, 1.2 + 0.3 * len(found))
        axes = figure.add_subplot()
        for k, one in enumerate(found.values()):
            if math.isinf(one.value):
                start, step = (one.low, span / 4) if one.value > 0 else (one.high, -span / 4)
                axes.annotate(
                    "",
                    (start + step, k),
                    (start, k),
                    arrowprops={"arrowstyle": "->", "color": plotting.colour(0)},
                )
                axes.plot([start], [k], "|", color=plotting.colour(0))
                continue
            low, high = (one.value if math.isnan(x) else x for x in (one.low, one.high))
            axes.errorbar(
                [one.value],
                [k],
                xerr=[[one.value - low], [high - one.value]],
                fmt=plotting.marker(0),
                color=plotting.colour(0),
            )
        axes.axvline(0, color="black", lw=0.8)
        axes.set_yticks(range(len(found)), list(found))
        axes.invert_yaxis()
        axes.set_xlabel(label)
        return plotting.save(figure, path)
