"""Effects of models, or levels of judges, from scores within blocks: what is common to a block cancels, whatever its members are."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from yukawa.core.bootstrap import FEWEST
from yukawa.core.crossed import jackknife
from yukawa.core.statistics import Estimate

Array = NDArray[np.float64]
_CELLS = 1 << 20  # of matrices that are solved at a time


class BlockEffects:
    """Effects of things that were scored within blocks, whose mean is zero.

    Args:
        names: of the T things.
        effects: shape (T,).
        left_out: effects without each question, shape (groups, T); or without each question, each judge, each block.
    """

    def __init__(self, names: Sequence[str], effects: Array, left_out: Sequence[Array]) -> None:
        self.names, self.effects, self._left_out = list(names), effects, left_out

    @property
    def for_other_judges(self) -> bool:
        """Whether intervals hold for other judges too, not for other questions alone."""
        return len(self._left_out) > 1

    def estimate(self, weights: Array, level: float) -> tuple[Estimate, float]:
        """A weighted sum of effects with its interval, and the p-value of its being zero."""
        found = jackknife(
            float(weights @ self.effects), [part @ weights for part in self._left_out], level=level
        )
        shared = (found.value, found.low, found.high, found.error, found.level, found.method, found.clusters)
        return Estimate(*shared), found.p_permutation

    def of(self, names: Sequence[str]) -> Array:
        """Weights of the mean of some things."""
        return np.array([names.count(name) / len(names) if name in names else 0.0 for name in self.names])

    def at(self, names: Sequence[str]) -> Array:
        """The effect of each of some things, shape (len(names),)."""
        known = dict(zip(self.names, self.effects, strict=True))
        return np.array([known[name] for name in names])

    def ranked(self, level: float) -> dict[str, Estimate]:
        """Every effect with its interval, largest first."""
        found = {name: self.estimate(self.of([name]), level)[0] for name in self.names}
        return dict(sorted(found.items(), key=lambda item: -item[1].value))


def effects_within(
    values: Array, things: Sequence[str], questions: Sequence[str], others: Sequence[str], *, crossed: bool
) -> BlockEffects | None:
    """Least squares of value = thing + block, a block being a question with an other; None where blocks do not connect all things.

    With the blocks eliminated, the normal equations are those of a graph: a block links the things that were scored in it.

    Args:
        values: of N scores.
        things: whose effects are wanted, of each score.
        questions: of each score.
        others: what else a score is of: the judge where things are models, the model where they are judges.
        crossed: whether intervals are to hold for more others too, where there are enough of them.
    """
    names, thing = np.unique(np.array(things, dtype=str), return_inverse=True)
    block = _numbers(list(zip(questions, others, strict=True)))
    blocks, size = int(block.max()) + 1, len(names)
    counts, sums, totals = np.zeros((blocks, size)), np.zeros((blocks, size)), np.bincount(block, values)
    np.add.at(counts, (block, thing), 1)
    np.add.at(sums, (block, thing), values)
    members = counts.sum(axis=1)
    right = sums - counts * (totals / members)[:, None]
    effects = _solved(_laplacian(counts, members)[None], right.sum(axis=0)[None])[0]
    if size < 2 or np.isnan(effects).any():
        return None
    first = np.unique(block, return_index=True)[1]
    question, other = (_numbers([part[k] for k in first]) for part in (questions, others))
    kinds = [question, other, np.arange(blocks)] if crossed and other.max() + 1 >= FEWEST else [question]
    left_out = [_left_out(counts, members, right, kind) for kind in kinds]
    if (
        len(kinds) > 1 and np.isnan(left_out[1]).any()
    ):  # without one judge the others do not connect the models
        left_out = left_out[:1]
    return BlockEffects(names.tolist(), effects, left_out)


def _numbers(names: Sequence[Hashable]) -> NDArray[np.int64]:
    """A number for each name, from 0 in their order."""
    place = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names])


def _laplacian(counts: Array, members: Array) -> Array:
    """The matrix of the normal equations of some blocks, shape (T, T)."""
    return np.asarray(np.diag(counts.sum(axis=0)) - (counts / members[:, None]).T @ counts)


def _left_out(counts: Array, members: Array, right: Array, group: NDArray[np.int64]) -> Array:
    """The effects without each group of blocks, shape (groups, T); NaN where the rest does not connect all things."""
    matrix, vector = _laplacian(counts, members), right.sum(axis=0)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1])
    step = max(1, _CELLS // matrix.size)
    found = []
    for start in range(0, len(parts), step):
        some = parts[start : start + step]
        matrices = np.stack([matrix - _laplacian(counts[rows], members[rows]) for rows in some])
        found.append(_solved(matrices, np.stack([vector - right[rows].sum(axis=0) for rows in some])))
    return np.concatenate(found)


def _solved(laplacians: Array, right: Array) -> Array:
    """Effects with mean zero of several graphs, shape (G, T); NaN where a graph is not connected."""
    joined = laplacians + 1 / laplacians.shape[-1]
    apart = np.linalg.eigvalsh(joined)[:, 0] < 1e-9
    joined[apart] = np.eye(joined.shape[-1])
    found = np.linalg.solve(joined, right[..., None])[..., 0]
    found[apart] = math.nan
    return np.asarray(found)
