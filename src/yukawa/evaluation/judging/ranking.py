"""Ranks models by verdicts: strengths, rates of win, draw and fail, effects of position, length and style, with intervals."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from yukawa.core.bootstrap import FEWEST, TOO_FEW
from yukawa.core.errors import InputError
from yukawa.core.statistics import LEVEL, SHARE, Estimate, Sample, binomial_test, check_options, compare, holm
from yukawa.evaluation.judging.davidson import Array, Comparisons, Davidson, Fit, pair_shares
from yukawa.evaluation.judging.verdicts import Answers, Verdict, comparisons, lead, settle, style

RESAMPLES = 1_000
MOST_INVALID = 0.05  # share of replies of a judge that cannot be used
LEAST_OVERLAP = 0.05  # share of questions in which the model that writes less has the longer answer
UNDETERMINED = "not separated from the strengths"
_WIDEST = 40.0  # a strength beyond which no likelihood is searched


@dataclass(frozen=True, slots=True)
class PairResult:
    """Two models on the same questions; all rates are of the first one.

    Attributes:
        first: a model.
        second: another one.
        verdicts: the number of settled verdicts on the pair.
        rates: `win`, `draw`, `fail`, `score` (wins and half of the draws) and `not worse` (wins and draws).
        difference: of strengths, first minus second.
        p: two-sided p-value of equal strengths.
        p_holm: the same, corrected for the number of pairs.
        controlled: the score that answers of equal length and style would have in a fair order; None where it is not
            determined.
        overlap: share of the questions in which the model that writes less has the longer answer; NaN without texts.
    """

    first: str
    second: str
    verdicts: int
    rates: dict[str, Estimate]
    difference: Estimate
    p: float
    p_holm: float
    controlled: Estimate | None
    overlap: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The models in the order of their strengths, and how far that can be trusted.

    Attributes:
        strengths: by model, strongest first; infinite, with one end, for a model that never lost or never won.
        ranks: the interval of the rank of each model.
        position: the effect of being shown first, by judge; infinite where a judge chose one side alone, NaN where it
            cannot be separated from the strengths.
        effects: of a difference in length and in style as large as it usually is.
        ties: the parameter nu of ties; NaN where there are none.
        pairs: every two models that were compared.
        invalid: replies of each judge that cannot be used, and all of them.
        flipped: pairs of answers that a judge saw in both orders with different verdicts, and all such pairs.
        both_bad: verdicts that both answers are bad; they count as ties.
        inflation: how many times the variance of length and style grows because they resemble the strengths.
        questions: their number.
        verdicts: the number that was used.
        resampled: strengths in resamples of the questions, shape (R, M), in the order of `strengths`.
        notes: what a reader must know, in sentences.
    """

    strengths: dict[str, Estimate]
    ranks: dict[str, tuple[int, int]]
    position: dict[str, Estimate]
    effects: dict[str, Estimate]
    ties: Estimate
    pairs: list[PairResult]
    invalid: dict[str, tuple[int, int]]
    flipped: dict[str, tuple[int, int]]
    both_bad: int
    inflation: float
    questions: int
    verdicts: int
    resampled: Array
    notes: tuple[str, ...]


def rank(
    verdicts: Sequence[Verdict],
    answers: Answers | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    allow_invalid: bool = False,
) -> Ranking:
    """Rank models by verdicts of one criterion, by Davidson's model; every interval is by question.

    Strengths are logarithms of odds: one more than another by 1 wins e times as often as it loses. They sum to zero over
    the models that both won and lost. A judge that saw both orders enters the strengths with both verdicts, and the rates
    with one, which is a win only where both agree.

    Args:
        verdicts: of one criterion.
        answers: the texts, where length and style are to be effects of their own.
        level: of the intervals.
        resamples: number of resamples for the intervals of ranks and rates.
        seed: of the random numbers.
        allow_invalid: whether to rank although more than 5 % of the replies of a judge cannot be used.

    Raises:
        InputError: there is nothing to rank; two criteria are mixed; some models were never compared with the others, or
            never lost to them; too many replies of a judge cannot be used.
    """
    check_options(level, resamples=resamples)
    invalid = _invalid(verdicts, allow_invalid)
    rows, silent = _informative([row for row in verdicts if row.verdict is not None])
    data = comparisons(rows, answers)
    core, above, below = _order(data)
    model = Davidson(data, core)
    fit = model.fit()
    ends = dict.fromkeys(above, math.inf) | dict.fromkeys(below, -math.inf)
    strengths = [_strength(data, model, fit, k, ends.get(k), level) for k in range(len(data.models))]
    drawn = model.bootstrap(resamples, seed, fit)[:, : len(data.models)]
    order = sorted(
        range(len(data.models)), key=lambda k: (-strengths[k].value, above.index(k) if k in above else 0)
    )
    settled = settle(rows)
    pairs = _pairs(data, fit, ends, settled.verdicts, answers, level, resamples, seed)
    return Ranking(
        strengths={data.models[k]: strengths[k] for k in order},
        ranks=_ranks([data.models[k] for k in order], drawn[:, order], level, data.clusters),
        position=_positions(data, model, fit, level),
        effects=_effects(data, model, fit, level),
        ties=_estimate(fit, _weights(fit, {-1: 1.0}), level) if model.has_ties else Estimate(math.nan),
        pairs=pairs, invalid=invalid,
        flipped={name: (settled.flipped[name], count) for name, count in settled.seen_twice.items()},
        both_bad=sum(row.verdict == "both bad" for row in rows),
        inflation=fit.condition(len(data.covariates)), questions=data.clusters, verdicts=len(rows),
        resampled=drawn[:, order], notes=(*silent, *_undetermined(data, model)),
    )  # fmt: skip


def _undetermined(data: Comparisons, model: Davidson) -> list[str]:
    """A sentence on the effects that cannot be separated from the strengths."""
    names = (*(f"the position of answers before {judge}" for judge in data.judges), *data.covariates)
    found = [names[k - len(data.models)] for k in model.undetermined]
    return [
        f"{name} goes so with the models that its effect cannot be separated from their strengths; none is assumed"
        for name in found
    ]


# ---- what can be ranked --------------------------------------------------------------------------------


def _invalid(verdicts: Sequence[Verdict], allow: bool) -> dict[str, tuple[int, int]]:
    """Unusable replies and all of them by judge."""
    if not verdicts:
        raise InputError("there are no verdicts to rank by")
    if len(criteria := sorted({row.criterion for row in verdicts})) > 1:
        raise InputError(
            f"verdicts on {', '.join(criteria)} are mixed", hint="rank by one criterion at a time"
        )
    counts = Counter(row.judge for row in verdicts)
    bad = Counter(row.judge for row in verdicts if row.verdict is None)
    found = {name: (bad[name], counts[name]) for name in sorted(counts)}
    for name, (some, every) in found.items():
        if some > MOST_INVALID * every and not allow:
            raise InputError(
                f"{some:,} of {every:,} replies of judge {name!r} cannot be used, more than {MOST_INVALID:.0%}",
                hint="what it refuses may not be a random part: look at the errors, or add --allow-invalid",
            )
    return found


def _informative(rows: Sequence[Verdict]) -> tuple[list[Verdict], list[str]]:
    """The verdicts of judges who did not choose one side every time, and a sentence on each of the others."""
    sides: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for row in rows:
        sides[row.party].add(row.verdict or "")
        counts[row.party] += 1
    silent = {
        name
        for name, said in sides.items()
        if len(said) == 1 and said & {"first", "second"} and counts[name] > 5
    }
    notes = [
        f"{name} chose the {next(iter(sides[name]))} answer in all {counts[name]:,} verdicts, which therefore say nothing of "
        "the models and are not used"
        for name in sorted(silent)
    ]
    kept = [row for row in rows if row.party not in silent]
    if not kept and notes:
        raise InputError(notes[0], hint="choose another judge")
    return kept, notes


def _order(data: Comparisons) -> tuple[list[int], list[int], list[int]]:
    """The models that won and lost among each other, those that never lost (best first), and those that never won.

    Raises:
        InputError: two groups of models were never compared, or one never lost to the other.
    """
    lost = np.where(data.outcome > 0, data.second, data.first)
    won = np.where(data.outcome > 0, data.first, data.second)
    even = data.outcome == 0
    source, target = np.concatenate([lost, won[even]]), np.concatenate([won, lost[even]])
    shape = (len(data.models), len(data.models))
    graph = sparse.csr_matrix((np.ones(len(source)), (source, target)), shape=shape)
    number, part = csgraph.connected_components(graph, directed=False)
    if number > 1:
        groups = " | ".join(_named(data, np.flatnonzero(part == k)) for k in range(number))
        raise InputError(
            f"no verdict compares these groups of models: {groups}",
            hint="judge questions that both have answered, or rank each group alone",
        )
    number, part = csgraph.connected_components(graph, directed=True, connection="strong")
    sizes = np.bincount(part)
    core = np.flatnonzero(part == int(sizes.argmax()))
    reach = csgraph.shortest_path(graph, unweighted=True)  # from a loser to those that beat it, and so on
    rest = [k for k in range(len(data.models)) if k not in core]
    above = [k for k in rest if math.isfinite(reach[core[0], k])]
    below = [k for k in rest if k not in above]
    if (sizes > 1).sum() > 1:
        other = next(k for k in rest if sizes[part[k]] > 1)
        group, ways = np.flatnonzero(part == part[other]), ("above", "below")
        raise InputError(
            f"how far {_named(data, group)} are {ways[other not in above]} {_named(data, core)} is not determined: "
            "no verdict is against that order",
            hint="judge more questions on pairs across the two groups",
        )
    return core.tolist(), sorted(above, key=lambda k: -np.isfinite(reach[:, k]).sum()), below


def _named(data: Comparisons, numbers: Any) -> str:
    return ", ".join(data.models[k] for k in numbers)


# ---- estimates -----------------------------------------------------------------------------------------


def _weights(fit: Fit, parts: dict[int, float]) -> Array:
    made = np.zeros(len(fit.effects))
    for place, weight in parts.items():
        made[place] += weight
    return made


def _estimate(fit: Fit, weights: Array, level: float) -> Estimate:
    low, high, error = fit.interval(weights, level)
    method = TOO_FEW if math.isnan(error) else "jackknife"
    return Estimate(float(weights @ fit.effects), low, high, error, level, method, fit.clusters)


def _strength(
    data: Comparisons, model: Davidson, fit: Fit, k: int, end: float | None, level: float
) -> Estimate:
    if end is None:
        return _estimate(fit, _weights(fit, {k: 1.0}), level)
    concerned = (data.first == k) | (data.second == k)
    return _one_sided(model, fit, k, end, level, data.cluster[concerned])


def _one_sided(model: Davidson, fit: Fit, effect: int, end: float, level: float, questions: Any) -> Estimate:
    """An effect that the data leave infinite, with the end of a one-sided interval from the profile of the likelihood.

    The verdicts on one question count as one, since they may all have one cause.
    """
    sign = math.copysign(1.0, end)
    share = len(np.unique(questions)) / max(len(questions), 1)
    allowed = NormalDist().inv_cdf(level) ** 2 / (2 * share)
    best = model.profile(effect, sign * _WIDEST, fit.effects)
    inner, outer = -_WIDEST, _WIDEST
    for _ in range(40):
        middle = (inner + outer) / 2
        if best - model.profile(effect, sign * middle, fit.effects) > allowed:
            inner = middle
        else:
            outer = middle
    ends = (outer, math.inf) if sign > 0 else (-math.inf, -outer)
    return Estimate(end, *ends, math.nan, level, "profile, one-sided", len(np.unique(questions)))


def _positions(data: Comparisons, model: Davidson, fit: Fit, level: float) -> dict[str, Estimate]:
    found = {}
    for j, name in enumerate(data.judges):
        own = data.judge == j
        place = len(data.models) + j
        sides = set(data.outcome[own].tolist()) - {0}
        if place in model.undetermined:
            found[name] = Estimate(math.nan, level=level, method=UNDETERMINED)
        elif len(sides) == 1:
            found[name] = _one_sided(model, fit, place, math.inf * sides.pop(), level, data.cluster[own])
        else:
            found[name] = _estimate(fit, _weights(fit, {place: 1.0}), level)
    return found


def _effects(data: Comparisons, model: Davidson, fit: Fit, level: float) -> dict[str, Estimate]:
    found = {}
    for place, name in enumerate(data.covariates, start=len(data.models) + len(data.judges)):
        unknown = Estimate(math.nan, level=level, method=UNDETERMINED)
        found[name] = (
            unknown if place in model.undetermined else _estimate(fit, _weights(fit, {place: 1.0}), level)
        )
    return found


def _ranks(names: Sequence[str], drawn: Array, level: float, questions: int) -> dict[str, tuple[int, int]]:
    """Intervals of ranks, 1 for the strongest; all ranks where questions are too few for intervals."""
    if questions < FEWEST:
        return dict.fromkeys(names, (1, len(names)))
    ranks = 1 + (-drawn).argsort(axis=1).argsort(axis=1)
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    return {name: (int(a), int(b)) for name, a, b in zip(names, low, high, strict=True)}


# ---- pairs ---------------------------------------------------------------------------------------------


def _pairs(
    data: Comparisons, fit: Fit, ends: dict[int, float], settled: Sequence[Verdict], answers: Answers | None,
    level: float, resamples: int, seed: int,
) -> list[PairResult]:  # fmt: skip
    by_pair: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for row in settled:
        by_pair[row.pair].append(row)
    found = []
    for (one, two), rows in sorted(by_pair.items()):
        i, j = data.models.index(one), data.models.index(two)
        rates = pair_rates(rows, one, level=level, resamples=resamples, seed=seed)
        overlap = _overlap(rows, one, two, answers)
        if i in ends or j in ends:
            difference, p = _infinite(data, rows, i, j, level, ends)
            controlled = None
        else:
            weights = _weights(fit, {i: 1.0, j: -1.0})
            difference, p = _estimate(fit, weights, level), fit.p_value(weights)
            controlled = (
                None
                if overlap < LEAST_OVERLAP
                else _controlled(fit, weights, level, bool(np.any(data.outcome == 0)))
            )
        found.append(PairResult(one, two, len(rows), rates, difference, p, p, controlled, overlap))
    corrected = holm([row.p for row in found])
    return [replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True)]


def pair_rates(
    rows: Sequence[Verdict], model: str, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """Shares of verdicts in which a model won, drew and failed, with intervals by question.

    `score` counts a draw as half a win, `not worse` as a whole one: the two things that a "win or draw rate" may mean.
    """
    leads = np.array([lead(row, model) for row in rows])
    questions = [row.question for row in rows]
    values = {
        "win": leads > 0, "draw": leads == 0, "fail": leads < 0, "score": (1 + leads) / 2, "not worse": leads >= 0,
    }  # fmt: skip
    samples = {
        name: Sample.mean(part.astype(float), questions, within=SHARE) for name, part in values.items()
    }
    return compare(samples, level=level, resamples=resamples, seed=seed, pairs=[]).estimates


def _infinite(
    data: Comparisons, rows: Sequence[Verdict], i: int, j: int, level: float, ends: dict[int, float]
) -> tuple[Estimate, float]:
    """The difference of two strengths of which one is infinite: the sign test over questions gives its p-value."""
    above = ends.get(i, 0.0) > ends.get(j, 0.0) or lead(rows[0], data.models[i]) > 0
    model = Davidson(data, [j])
    concerned = (data.first == i) | (data.second == i)
    end = math.inf if above else -math.inf
    difference = _one_sided(model, model.fit(), i, end, level, data.cluster[concerned])
    return difference, binomial_test(0, len({row.question for row in rows}))


def _controlled(fit: Fit, weights: Array, level: float, ties: bool) -> Estimate:
    """Wins and half of the ties at equal length and style in a fair order; its interval is made on the logit."""
    d, nu = float(weights @ fit.effects), float(fit.effects[-1]) if ties else -300.0

    def logit(difference: float, tie: float) -> float:
        win, even, loss = (float(part) for part in pair_shares(difference, tie))
        return math.log((win + even / 2) / (loss + even / 2))

    step = 1e-4
    slope = np.zeros(len(weights))
    slope += weights * (logit(d + step, nu) - logit(d - step, nu)) / (2 * step)
    slope[-1] = (logit(d, nu + step) - logit(d, nu - step)) / (2 * step)
    low, high, error = fit.interval(slope, level)
    shift = logit(d, nu) - float(slope @ fit.effects)
    value, low, high = (1 / (1 + math.exp(-x)) for x in (logit(d, nu), low + shift, high + shift))
    return Estimate(value, low, high, error * value * (1 - value), level, "delta", fit.clusters)


def _overlap(rows: Sequence[Verdict], one: str, two: str, answers: Answers | None) -> float:
    if answers is None:
        return math.nan
    questions = {row.question for row in rows}
    lengths = np.array([[style(answers[q, name])["length"] for name in (one, two)] for q in questions])
    shorter = int(lengths[:, 1].mean() < lengths[:, 0].mean())
    return float((lengths[:, shorter] > lengths[:, 1 - shorter]).mean())
