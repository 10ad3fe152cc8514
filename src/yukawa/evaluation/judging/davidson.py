"""Davidson's model of comparisons with ties, in which position, length and style are effects beside the strengths.

A judge sees the answers of models i and j, that of i first. With d = th_i - th_j + g + b x, the odds of its verdicts
"first", "tie" and "second" are exp(d/2) : exp(nu) : exp(-d/2) (R. R. Davidson, J. Am. Stat. Assoc. 65 (1970) 317; the
effect g of the order as in Davidson and Beaver, Biometrics 33 (1977) 693). Without ties this is the model of Bradley
and Terry. The logarithm of the likelihood is concave, so that Newton's method finds its one maximum.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from yukawa.core.bootstrap import FEWEST, resampled_counts
from yukawa.core.errors import InputError

Array = NDArray[np.float64]
RIDGE = (
    1e-3  # keeps effects finite that the data leave infinite; a single verdict holds much more information
)
_STEPS, _LONGEST, _SMALLEST = 60, 2.0, 1e-7  # of Newton's method
_FAR = 300.0  # exponents that a number still holds
_NONE = 1e-9  # share of the largest eigenvalue below which one is rounding
_MANY = 5_000  # distinct rows
_CELLS = 1 << 19  # resamples x distinct rows that are fitted at a time


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """N verdicts on pairs of answers, as arrays.

    Attributes:
        models: names of the M models.
        judges: names of the J judges; each has a position effect of its own.
        covariates: names of the K differences of answers in length and style.
        first: numbers of the models whose answers were shown first, shape (N,).
        second: those shown second.
        outcome: 1 where the first won, 0 for a tie, -1 where the second won, shape (N,).
        cluster: numbers of the questions, from 0 to C - 1, shape (N,).
        judge: numbers of the judges, shape (N,).
        differences: first minus second, shape (N, K).
    """

    models: tuple[str, ...]
    judges: tuple[str, ...]
    covariates: tuple[str, ...]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    outcome: NDArray[np.int64]
    cluster: NDArray[np.int64]
    judge: NDArray[np.int64]
    differences: Array

    @property
    def clusters(self) -> int:
        """The number of questions."""
        return int(self.cluster.max()) + 1 if len(self.cluster) else 0

    def cells(self) -> NDArray[np.int64]:
        """A number for each verdict, which is the same only where the design is."""
        if self.covariates:
            return np.arange(len(self.first))
        code = (self.judge * len(self.models) + self.first) * len(self.models) + self.second
        found: NDArray[np.int64] = np.unique(code, return_inverse=True)[1].ravel()
        return found

    def design(self) -> Array:
        """The derivatives of d by strengths, position effects and other effects, shape (N, M + J + K)."""
        rows = np.arange(len(self.first))
        made = np.zeros((len(rows), len(self.models) + len(self.judges)))
        made[rows, self.first] += 1
        made[rows, self.second] -= 1
        made[rows, len(self.models) + self.judge] = 1
        return np.concatenate([made, self.differences], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The maximum of the likelihood.

    Attributes:
        effects: strengths, position effects, other effects and nu, shape (P,).
        covariance: of the effects, shape (P, P).
        information: second derivatives of minus the logarithm of the likelihood, shape (P, P).
        log_likelihood: at the maximum.
        clusters: the number of questions.
    """

    effects: Array
    covariance: Array
    information: Array
    log_likelihood: float
    clusters: int

    def interval(self, weights: Array, level: float) -> tuple[float, float, float]:
        """Ends of the interval, and standard error, of a weighted sum of effects: Student's t of clusters - 1.

        All three are NaN of fewer clusters than an interval needs.
        """
        value, error = self._value(weights)
        reach = float(stats.t.ppf((1 + level) / 2, max(self.clusters - 1, 1))) * error
        return value - reach, value + reach, error

    def p_value(self, weights: Array) -> float:
        """Two-sided p-value of the weighted sum of effects being zero; NaN of too few clusters."""
        value, error = self._value(weights)
        if error == 0:
            return 1.0 if value == 0 else 0.0
        return float(2 * stats.t.sf(abs(value) / error, max(self.clusters - 1, 1)))

    def condition(self, effects: int) -> float:
        """Condition number of the information on the last effects before nu, each in units of its own error.

        It is large where length or style can hardly be distinguished from the strengths.
        """
        size = len(self.effects) - 1
        places = np.arange(size - effects, size)
        if not effects:
            return 1.0
        covariance = np.linalg.inv(self.information)[np.ix_(places, places)]
        alone = np.diag(self.information)[places]
        return float(np.max(np.diag(covariance) * alone))

    def _value(self, weights: Array) -> tuple[float, float]:
        value = float(weights @ self.effects)
        if self.clusters < FEWEST:
            return value, math.nan
        return value, math.sqrt(max(float(weights @ self.covariance @ weights), 0.0))


class Davidson:
    """The likelihood of comparisons, over the distinct rows of their design.

    Args:
        data: the comparisons.
        reference: numbers of the models whose strengths sum to zero; None takes all.

    Attributes:
        undetermined: numbers of the effects of position, length and style that cannot be separated from the strengths, such as
            the position where the same model was always shown first; they are taken as zero.

    Raises:
        InputError: there are no verdicts, or all are ties: nothing distinguishes the models.
    """

    def __init__(self, data: Comparisons, reference: Sequence[int] | None = None) -> None:
        if not np.any(data.outcome):
            raise InputError(
                f"no verdict names a better answer ({len(data.outcome):,} ties): strengths are not determined",
                hint="judge more questions, or quote the rates of win, draw and fail",
            )
        self.data = data
        where, row = data.cells(), data.design()
        self.undetermined = _undetermined(row, len(data.models))
        row[:, self.undetermined] = 0
        self.cells = np.empty((int(where.max()) + 1, row.shape[1]))
        self.cells[where] = row
        shape = (data.clusters, len(self.cells))
        ones = np.ones(len(data.outcome))
        # Verdicts, wins of the first minus those of the second, and ties, by question and cell.
        self._parts = [
            sparse.csr_matrix((values, (data.cluster, where)), shape=shape)
            for values in (ones, data.outcome.astype(np.float64), (data.outcome == 0).astype(np.float64))
        ]
        self.has_ties = bool(np.any(data.outcome == 0))
        size = self.cells.shape[1]
        self._upper = np.triu_indices(size)
        self._products = self.cells[:, self._upper[0]] * self.cells[:, self._upper[1]]
        held = np.arange(len(data.models)) if reference is None else np.array(reference)
        self._penalty = np.eye(size + 1) * RIDGE
        self._penalty[np.ix_(held, held)] += (
            1  # the likelihood does not change with the sum: this makes it zero
        )

    def fit(self) -> Fit:
        """The maximum, and the covariance of the effects from leaving out one question at a time, to first order.

        That jackknife (Bell and McCaffrey, Surv. Methodol. 28 (2002) 169) needs no assumption on how the verdicts on one
        question hang together, and is wide enough also for few questions.
        """
        weights = np.ones((1, self.data.clusters))
        effects = self.maxima(weights)[0]
        scores, parts = self._by_question(effects)
        information = parts.sum(axis=0) + self._penalty
        moved = np.linalg.solve(information - parts, scores[..., None])[..., 0]
        clusters = self.data.clusters
        covariance = moved.T @ moved * (clusters - 1) / clusters
        value = self._log_likelihood(effects[None], *self._totals(weights))
        return Fit(effects, covariance, information, float(value[0]), clusters)

    def bootstrap(self, resamples: int, seed: int, fit: Fit) -> Array:
        """Effects at the maxima of resamples of whole questions, shape (R, P), begun at the fit of the data."""
        step = max(1, _CELLS // len(self.cells))
        # Of many cells the second derivatives cost most; so many verdicts change them little from sample to sample.
        fixed = fit.information if len(self.cells) > _MANY else None
        return np.concatenate([
            self.maxima(block[k : k + step], fit.effects, information=fixed)
            for block in resampled_counts(self.data.clusters, resamples, seed)
            for k in range(0, len(block), step)
        ])  # fmt: skip

    def maxima(
        self,
        weights: Array,
        start: Array | None = None,
        fixed: tuple[int, float] | None = None,
        information: Array | None = None,
    ) -> Array:
        """The effects that maximise the likelihood with weighted questions, shape (R, P).

        Args:
            weights: of the questions, shape (R, C).
            start: where Newton's method begins, shape (P,).
            fixed: the number of an effect, and the value that it keeps.
            information: taken for the second derivatives of all steps, shape (P, P); the maximum is the same.
        """
        size = self.cells.shape[1] + 1
        effects = np.tile(np.zeros(size) if start is None else start, (len(weights), 1))
        if fixed:
            effects[:, fixed[0]] = fixed[1]
        totals = self._totals(weights)
        moving = np.arange(len(weights))
        for _ in range(_STEPS):
            parts = [part[moving] for part in totals]
            lead, tie, _ = self._shares(effects[moving])
            gradient = self._gradient(effects[moving], parts, lead, tie)
            if information is None:
                hessian = self._second(parts[0], lead, tie) + self._penalty
            else:
                hessian = np.broadcast_to(information, (len(moving), size, size))
            if fixed:
                gradient[:, fixed[0]] = 0
                hessian[:, fixed[0], :] = hessian[:, :, fixed[0]] = 0
                hessian[:, fixed[0], fixed[0]] = 1
            step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
            longest = np.abs(step).max(axis=1)
            effects[moving] += step * np.minimum(1, _LONGEST / np.maximum(longest, _SMALLEST))[:, None]
            moving = moving[longest > (_SMALLEST if information is None else 1e3 * _SMALLEST)]
            if not len(moving):
                break
        return effects

    def profile(self, effect: int, value: float, start: Array) -> float:
        """The largest logarithm of the likelihood with one effect at a value."""
        weights = np.ones((1, self.data.clusters))
        effects = self.maxima(weights, start, (effect, value))
        return float(self._log_likelihood(effects, *self._totals(weights))[0])

    def _totals(self, weights: Array) -> list[Array]:
        """Verdicts, leads and ties by cell, each of shape (R, cells)."""
        return [np.asarray((part.T @ weights.T).T) for part in self._parts]

    def _shares(self, effects: Array) -> tuple[Array, Array, Array]:
        """P(first) - P(second), P(tie) and the normalisation, each of shape (R, cells)."""
        first = np.exp(np.clip(effects[:, :-1] @ (self.cells.T / 2), -_FAR, _FAR))
        second = 1 / first
        tie = np.exp(np.clip(effects[:, -1:], -_FAR, _FAR)) * self.has_ties
        norm = first + second + tie
        return (first - second) / norm, tie / norm, norm

    def _gradient(self, effects: Array, totals: Sequence[Array], lead: Array, tie: Array) -> Array:
        """Gradient of the logarithm of the likelihood with the ridge, shape (R, P)."""
        counts, leads, ties = totals
        gradient = -effects @ self._penalty
        gradient[:, :-1] += (leads - counts * lead) @ (self.cells / 2)
        gradient[:, -1] += (ties - counts * tie).sum(axis=1)
        return np.asarray(gradient)

    def _log_likelihood(self, effects: Array, counts: Array, leads: Array, ties: Array) -> Array:
        """Logarithm of the likelihood with the ridge, shape (R,)."""
        half = np.clip(effects[:, :-1] @ (self.cells.T / 2), -_FAR, _FAR)
        terms = (
            leads * half
            + ties * np.clip(effects[:, -1:], -_FAR, _FAR)
            - counts * np.log(self._shares(effects)[2])
        )
        return np.asarray(terms.sum(axis=1) - ((effects @ self._penalty) * effects).sum(axis=1) / 2)

    def _second(self, counts: Any, lead: Array, tie: Array) -> Array:
        """Minus the second derivatives of the likelihood of weighted cells, shape (R, P, P); `counts` may be sparse."""
        size = self.cells.shape[1]
        made = np.zeros((counts.shape[0], size + 1, size + 1))
        times = counts.multiply if sparse.issparse(counts) else counts.__mul__
        inner = times((1 - tie - lead**2) / 4) @ self._products
        made[:, self._upper[0], self._upper[1]] = made[:, self._upper[1], self._upper[0]] = inner
        made[:, :-1, -1] = made[:, -1, :-1] = -(times(lead * tie) @ self.cells) / 2
        made[:, -1, -1] = np.asarray(times(tie * (1 - tie)).sum(axis=1)).ravel()
        return made

    def _by_question(self, effects: Array) -> tuple[Array, Array]:
        """Gradient of each question, shape (C, P), and minus its second derivatives, shape (C, P, P)."""
        counts, leads, ties = self._parts
        lead, tie, _ = self._shares(effects[None])
        inner = (leads - counts.multiply(lead)) @ self.cells / 2
        last = np.asarray((ties - counts.multiply(tie)).sum(axis=1)).reshape(-1, 1)
        return np.concatenate([np.asarray(inner), last], axis=1), self._second(counts.tocsr(), lead, tie)


def _undetermined(design: Array, models: int) -> list[int]:
    """Numbers of the effects behind the strengths that these can take over: they lie in the null space of the design."""
    values, vectors = np.linalg.eigh(design.T @ design)
    free = vectors[models:, values < _NONE * max(float(values[-1]), 1.0)]
    return [models + k for k, row in enumerate(free) if np.abs(row).max(initial=0.0) > _NONE]


def pair_shares(difference: Any, nu: Any) -> tuple[Array, Array, Array]:
    """Probabilities of win, tie and loss at a difference d of strengths and a parameter of ties; shapes are broadcast."""
    d, tie = np.broadcast_arrays(np.asarray(difference, np.float64), np.asarray(nu, np.float64))
    top = np.maximum(np.abs(d / 2), tie)
    win, even, loss = np.exp(d / 2 - top), np.exp(tie - top), np.exp(-d / 2 - top)
    whole = win + even + loss
    return win / whole, even / whole, loss / whole
