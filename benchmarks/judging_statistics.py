"""How far the statistics of judged evaluation can be trusted, and how fast they are.

Type `python benchmarks/judging_statistics.py` (a quarter of an hour). It counts the 95 % intervals that hold the truth in five
settings, how often two equal models are called different by a biased judge, the intervals of differences of scores where
judges have tastes, and those of a mean that people judged in part and a judge as a whole; then it times a ranking of 20 models
by 50,000 verdicts with 1,000 resamples of the questions.
Where the packages `evalica` and `krippendorff` are installed, they are timed and compared in the same run. See README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.evaluation.judging.calibration import prediction_powered
from yukawa.evaluation.judging.davidson import Comparisons, Davidson, pair_shares
from yukawa.evaluation.judging.effects import effects_within
from yukawa.evaluation.judging.ranking import pair_rates, rank
from yukawa.evaluation.judging.reliability import SCALES, agreement
from yukawa.evaluation.judging.verdicts import Verdict

FOUR, SIX = (0.6, 0.2, -0.2, -0.6), (0.6, 0.4, 0.1, -0.1, -0.4, -0.6)
# Verdicts on one question share what the models know of it: a spread of 0.5 beside strengths up to 0.6.
SETTINGS: dict[str, dict[str, Any]] = {
    "20 questions": {"questions": 20, "each": 6, "strengths": FOUR},
    "100 questions": {"questions": 100, "each": 6, "strengths": FOUR},
    "500 questions, one pair each": {"questions": 500, "each": 1, "strengths": SIX},
    "60 % ties": {"questions": 60, "each": 3, "strengths": (0.6, 0.0, -0.6), "nu": 1.2},
    "one judge of two invalid for one model": {
        "questions": 100, "each": 6, "strengths": FOUR, "positions": (0.6, 0.1), "invalid": 0,
    },
}  # fmt: skip
KINDS = ("strength", "position", "length", "ties")


def drawn(
    rng: np.random.Generator, questions: int, each: int, strengths: tuple[float, ...],
    positions: tuple[float, ...] = (0.35,), nu: float = 0.0, slope: float = 0.8, spread: float = 0.5, invalid: int = -1,
) -> Comparisons:  # fmt: skip
    """Verdicts on random pairs, whose judges like what is first and what is long."""
    models = len(strengths)
    question = np.repeat(np.arange(questions), each)
    size = len(question)
    first = rng.integers(0, models, size)
    second = (first + rng.integers(1, models, size)) % models
    knows = np.array(strengths) + rng.normal(0, spread, (questions, models))
    length = rng.lognormal(0, 0.5, (questions, models)) * np.exp(np.linspace(-0.3, 0.3, models))
    a, b = length[question, first], length[question, second]
    judge = rng.integers(0, len(positions), size)
    x = (a - b) / (a + b)
    win, tie, _ = pair_shares(
        knows[question, first] - knows[question, second] + np.array(positions)[judge] + slope * x, nu
    )
    dice = rng.random(size)
    outcome = np.where(dice < win, 1, np.where(dice < win + tie, 0, -1))
    kept = (
        ~((judge == 0) & ((first == invalid) | (second == invalid))) if invalid >= 0 else np.ones(size, bool)
    )
    _, question = np.unique(question[kept], return_inverse=True)
    columns = (first[kept], second[kept], outcome[kept], question, judge[kept])
    names = (
        tuple("abcdefghijklmnopqrst"[:models]),
        tuple(f"judge {k}" for k in range(len(positions))),
        ("length",),
    )
    return Comparisons(*names, *columns, x[kept, None])


def coverage(draws: int) -> dict[str, dict[str, float]]:
    """Shares of intervals that hold what a fit of 60,000 questions finds, by setting and kind of effect."""
    found = {}
    for name, setting in SETTINGS.items():
        rng = np.random.default_rng(1)
        truth = Davidson(drawn(rng, **{**setting, "questions": 60_000})).fit().effects
        models = len(setting["strengths"])
        kinds = (
            ["strength"] * models + ["position"] * len(setting.get("positions", (0,))) + ["length", "ties"]
        )
        held: dict[str, list[bool]] = {kind: [] for kind in (*KINDS, "rates")}
        rate_truth = shares(drawn(rng, **{**setting, "questions": 60_000}))
        for seed in range(draws):
            data = drawn(rng, **setting)
            fit = Davidson(data).fit()
            for kind, weights, true in zip(kinds, np.eye(len(truth)), truth, strict=True):
                low, high, _ = fit.interval(weights, 0.95)
                held[kind].append(low <= true <= high)
            rates = pair_rates(as_rows(data, 0, 1), "a", resamples=1_000, seed=seed)
            held["rates"] += [
                rates[n].low <= rate_truth[n] <= rates[n].high for n in ("win", "draw", "fail", "score")
            ]
        found[name] = {kind: float(np.mean(values)) for kind, values in held.items()}
    return found


def as_rows(data: Comparisons, one: int, two: int) -> list[Verdict]:
    """The verdicts on one pair as rows."""
    words = {1: "first", 0: "tie", -1: "second"}
    on_pair = ((data.first == one) & (data.second == two)) | ((data.first == two) & (data.second == one))
    return [
        Verdict.model_construct(
            question=str(data.cluster[k]), first=data.models[data.first[k]], second=data.models[data.second[k]],
            verdict=words[int(data.outcome[k])], judge="j", kind="person", criterion="overall",
        )
        for k in np.flatnonzero(on_pair)
    ]  # fmt: skip


def shares(data: Comparisons) -> dict[str, float]:
    """The rates of the first model beside the second, in a large sample."""
    lead = np.concatenate([
        data.outcome[(data.first == 0) & (data.second == 1)], -data.outcome[(data.first == 1) & (data.second == 0)]
    ])  # fmt: skip
    return {
        "win": float((lead > 0).mean()), "draw": float((lead == 0).mean()), "fail": float((lead < 0).mean()),
        "score": float((1 + lead.mean()) / 2),
    }  # fmt: skip


def equal_models(runs: int) -> dict[str, float]:
    """Two models of one strength, of which one writes more and is mostly shown first, before a judge who likes both."""
    called, raw, raw_called = 0, [], 0
    for seed in range(runs):
        rng = np.random.default_rng([7, seed])
        rows: list[Verdict] = []
        answers: dict[tuple[str, str], str] = {}
        for q in range(200):
            size = {"long": rng.lognormal(5.2, 0.5), "short": rng.lognormal(4.8, 0.5)}
            answers |= {(str(q), name): "x" * int(length) for name, length in size.items()}
            first, second = ("long", "short") if rng.random() < 0.8 else ("short", "long")
            x = (size[first] - size[second]) / (size[first] + size[second])
            chances = [float(part) for part in pair_shares(0.7 + 2 * x, 0.0)]
            said: Any = rng.choice(["first", "tie", "second"], p=chances)
            rows.append(Verdict(question=str(q), first=first, second=second, verdict=said, judge="j"))
        (pair,) = rank(rows, answers, resamples=200).pairs
        called += pair.p < 0.05
        raw.append(pair.rates["score"].value)
        raw_called += not pair.rates["score"].low <= 0.5 <= pair.rates["score"].high
    return {
        "called equal": 1 - called / runs, "raw score of the long model": float(np.mean(raw)),
        "called different by the raw score": raw_called / runs,
    }  # fmt: skip


# Questions, judges, and how many of them score each question; every judge has a taste of its own for each model.
SCORED = {
    "20 questions, 5 judges": (20, 5, 5), "25 questions, 4 judges": (25, 4, 4), "25 questions, 3 of 10 judges each": (25, 10, 3),
    "50 questions, 3 of 20 judges each": (50, 20, 3), "100 questions, 3 of 6 judges each": (100, 6, 3),
}  # fmt: skip


def scored(draws: int) -> dict[str, dict[str, float]]:
    """Shares of intervals of the difference of two equal models that hold 0, for these judges alone and for others too."""
    found = {}
    for name, (questions, judges, each) in SCORED.items():
        rng = np.random.default_rng(5)
        held = {"for these judges": 0, "for other judges": 0}
        for _ in range(draws):
            chosen = [rng.choice(judges, each, replace=False) for _ in range(questions)]
            question = np.repeat(np.arange(questions), each * 4)
            judge, model = np.repeat(np.concatenate(chosen), 4), np.tile(np.arange(4), questions * each)
            own, tastes = rng.normal(0, 0.5, (questions, 4)), rng.normal(0, 0.4, (judges, 4))
            levels = rng.normal(0, 1, questions)[question] + rng.normal(0, 1, judges)[judge]
            scores = levels + own[question, model] + tastes[judge, model] + rng.normal(0, 0.7, len(model))
            names = [part.astype(str).tolist() for part in (model, question, judge)]
            for way, crossed in zip(held, (False, True), strict=True):
                effects = effects_within(scores, *names, crossed=crossed)
                assert effects is not None
                one, _ = effects.estimate(np.array([-1.0, 1, 0, 0]), 0.95)
                held[way] += one.low <= 0 <= one.high
        found[name] = {way: number / draws for way, number in held.items()}
    return found


JUDGES = {"good": (0.9, 0.8), "fair": (0.8, 0.6), "useless": (0.6, 0.4)}


def powered(runs: int) -> dict[str, dict[str, float]]:
    """Means of which people judged 100 units and a judge 2,000 more."""
    found = {}
    for name, (sensitivity, specificity) in JUDGES.items():
        rng = np.random.default_rng(3)
        held, width, alone, claims = 0, 0.0, 0.0, 0.0
        for _ in range(runs):
            right = rng.random(2100) < 0.55
            said = np.where(right, rng.random(2100) < sensitivity, rng.random(2100) > specificity).astype(
                float
            )
            one = prediction_powered(right[:100].astype(float), said[:100], said[100:])
            held += one.low <= 0.55 <= one.high
            width += one.high - one.low
            alone += one.people_alone.high - one.people_alone.low
            claims += one.judge_alone
        found[name] = {"coverage": held / runs, "width": width / alone, "judge alone": claims / runs}
    return found


def speed() -> dict[str, float]:
    """Seconds for 20 models, 50,000 verdicts of 5,000 questions and 1,000 resamples, without and with length."""
    data = drawn(np.random.default_rng(0), 5_000, 10, tuple(np.linspace(-1, 1, 20)))
    plain = dataclasses.replace(data, covariates=(), differences=np.zeros((len(data.first), 0)))
    found = {}
    for name, one in (("seconds", plain), ("seconds with length", data)):
        began = time.perf_counter()
        model = Davidson(one)
        model.bootstrap(1_000, 0, model.fit())
        found[name] = time.perf_counter() - began
    evalica = optional("evalica")
    if evalica is not None:
        found |= {f"evalica {name}": value for name, value in of_evalica(evalica, plain).items()}
    return found


def of_evalica(evalica: Any, data: Comparisons, resamples: int = 30) -> dict[str, float]:
    """Its Bradley-Terry fit of the same verdicts (ties as half wins), resampled as its documentation does, per 1,000."""
    names = np.array(data.models)
    words = np.array([evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X])
    xs, ys, winners = (
        names[data.first].tolist(),
        names[data.second].tolist(),
        words[data.outcome + 1].tolist(),
    )
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(resamples):
        drawn_rows = rng.integers(0, len(xs), len(xs)).tolist()
        evalica.bradley_terry(
            [xs[k] for k in drawn_rows], [ys[k] for k in drawn_rows], [winners[k] for k in drawn_rows]
        )
    seconds = (time.perf_counter() - began) * 1_000 / resamples
    whole = evalica.bradley_terry(xs, ys, winners).scores
    ours = Davidson(data).fit().effects[: len(names)]
    theirs = np.log([whole[name] for name in names])
    return {"seconds": seconds, "correlation of strengths": float(np.corrcoef(ours, theirs)[0, 1])}


def alphas(matrices: int = 200) -> float | None:
    """The largest difference from the package `krippendorff` on random matrices with gaps."""
    krippendorff = optional("krippendorff")
    if krippendorff is None:
        return None
    worst = 0.0
    for seed in range(matrices):
        rng = np.random.default_rng(seed)
        table = rng.integers(1, 6, (rng.integers(2, 5), rng.integers(5, 60))).astype(float)
        table[rng.random(table.shape) < 0.3] = np.nan
        judges, units = np.nonzero(~np.isnan(table))
        for scale in SCALES:
            theirs = krippendorff.alpha(reliability_data=table, level_of_measurement=scale)
            ours = agreement(units.tolist(), judges.tolist(), table[judges, units], scale, resamples=1)
            worst = max(worst, abs(ours.alpha.value - theirs))
    return worst


def optional(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=500, help="samples of each setting (default: 500)")
    parser.add_argument("--runs", type=int, default=1_000, help="runs with equal models (default: 1,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    arguments = parser.parse_args()
    found: dict[str, Any] = {"speed": speed(), "largest difference of alpha": alphas()}
    found["prediction-powered"] = powered(4 * arguments.draws)
    found["scores"] = scored(arguments.draws)
    found["coverage"] = coverage(arguments.draws)
    found["equal models"] = equal_models(arguments.runs)
    found["draws"] = arguments.draws
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
