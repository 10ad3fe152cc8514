"""How much a jet counts: weights that make the distribution of two variables alike in all classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.features.config import DataConfig
from yukawa.jets.features.expressions import columns_of, evaluate
from yukawa.jets.features.numpy_backend import FlatFrame, of_jets
from yukawa.jets.features.schema import Weights
from yukawa.jets.table import Array, Jets

_HEADROOM = 0.9  # the class that is rarest after reweighting keeps this share


def weights_of(config: DataConfig, frame: FlatFrame) -> Array:
    """The weight of each jet, float32, shape (B,).

    weaver keeps a jet with this probability; here it multiplies the jet's loss, which has the same expectation
    and wastes no jet. Divide by the sum of the weights of a batch: they are 0.9 at most.

    Raises:
        InputError: the histograms are not computed yet, or a column is missing.
    """
    weights = config.weights
    if weights is None:
        return np.ones(len(frame.jets), np.float32)
    if weights.precomputed:
        product = np.ones(len(frame.jets), np.float32)
        for name in weights.branches:
            product *= _jet_values(config, frame, name).astype(np.float32)
        return product
    if weights.histograms is None:
        raise InputError(
            "the data config leaves the weights to be computed from data",
            hint="resolve(config, source) of yukawa.jets.features.standardise does so",
        )
    return _from_histograms(config, weights, frame, {k: np.asarray(v) for k, v in weights.histograms.items()})


def make_weights(config: DataConfig, chunks: Iterable[Jets]) -> DataConfig:
    """The same config with the histograms of weights computed from the jets of `chunks`.

    For each class, the histogram H of the two variables gives the weights W of its bins:
    `flat`: W = clip(r / H, 0, 1), where r is the `reweight_threshold` percentile of the bins that hold more than
    a hundredth of the median; `ref`: W = clip(q / Q, 0, 1), where q is the histogram of the first class over
    this one's and Q its 100 - `reweight_threshold` percentile over the bins above 0. Then each class is scaled
    so that the sums of H W, divided by its class weight, agree; the smallest keeps nine tenths. With a base
    weight, all is at last divided by the 100 - `reweight_threshold` percentile of the weights of all jets.

    Raises:
        InputError: a class has no jets within the bins, or a column is missing.
    """
    weights = config.weights
    if weights is None or weights.precomputed:
        return config
    edges = [np.asarray(bins) for bins in weights.variables.values()]
    shape = tuple(len(bins) - 1 for bins in edges)
    plain = {name: np.zeros(shape) for name in weights.classes}
    based = {name: np.zeros(shape) for name in weights.classes}
    kept: list[tuple[dict[str, Array], Array, Array, Array]] = []
    for jets in chunks:
        frame = FlatFrame(jets, config.variables)
        x, y, base, member = _what_counts(config, weights, frame)
        for name in weights.classes:
            where = member[name]
            plain[name] += np.histogram2d(x[where], y[where], bins=edges)[0]
            if weights.base:
                based[name] += np.histogram2d(x[where], y[where], bins=edges, weights=base[where])[0]
        if weights.base:
            kept.append((member, x, y, base))
    raw = {name: h.astype(np.float32) for name, h in (based if weights.base else plain).items()}
    empty = [name for name, histogram in raw.items() if not np.any(histogram > 0)]
    if empty:
        raise InputError(
            f"weights: no jets of {', '.join(empty)} lie within the bins of {', '.join(weights.variables)}"
        )
    made = _equalised(weights, raw)
    if weights.base:
        every = np.concatenate([_look_up(weights, made, m, x, y) * base for m, x, y, base in kept])
        top = np.percentile(every, 100 - weights.threshold)
        made = {name: histogram / top for name, histogram in made.items()}
    return replace(config, weights=replace(weights, histograms={k: v.tolist() for k, v in made.items()}))


def weight_columns(config: DataConfig) -> tuple[str, ...]:
    """The columns that `make_weights` reads."""
    weights = config.weights
    if weights is None:
        return ()
    base = columns_of(config.tree(weights.base)) if weights.base else ()
    return config.columns([*weights.branches, *weights.variables, *weights.classes, *base])


def _what_counts(
    config: DataConfig, weights: Weights, frame: FlatFrame
) -> tuple[Array, Array, Array, dict[str, Array]]:
    """Both variables, the base weight, and which jets are of each class."""
    x, y = (_jet_values(config, frame, name) for name in weights.variables)
    if not weights.discard_outside:
        x, y = (np.clip(v, min(b), max(b)) for v, b in zip((x, y), weights.variables.values(), strict=True))
    base = _jet_values(config, frame, weights.base) if weights.base else np.ones(len(x), np.float32)
    return x, y, base, {name: _jet_values(config, frame, name) == 1 for name in weights.classes}


def _equalised(weights: Weights, raw: dict[str, Array]) -> dict[str, Array]:
    made, sums = {}, {}
    reference = raw[weights.classes[0]]
    for name, class_weight in zip(weights.classes, weights.class_weights, strict=True):
        histogram = raw[name]
        with np.errstate(all="ignore"):
            if weights.method == "flat":
                filled = histogram[histogram > np.median(histogram[histogram > 0]) * 0.01]
                level = np.percentile(filled, weights.threshold)
                made[name] = np.clip(np.nan_to_num(level / histogram, posinf=0), 0, 1)
            else:
                ratio = np.nan_to_num(reference / histogram, posinf=0)
                if not np.any(ratio > 0):
                    raise InputError(
                        f"weights: {name} shares no bin with the reference class {weights.classes[0]}"
                    )
                made[name] = np.clip(ratio / np.percentile(ratio[ratio > 0], 100 - weights.threshold), 0, 1)
        sums[name] = np.sum(histogram * made[name]) / class_weight
    least = min(sums.values()) * _HEADROOM
    return {name: histogram * (float(least) / sums[name]) for name, histogram in made.items()}


def _from_histograms(
    config: DataConfig, weights: Weights, frame: FlatFrame, histograms: dict[str, Array]
) -> Array:
    x, y, base, member = _what_counts(config, weights, frame)
    return (_look_up(weights, histograms, member, x, y) * base).astype(np.float32)


def _look_up(
    weights: Weights, histograms: dict[str, Array], member: dict[str, Array], x: Array, y: Array
) -> Array:
    """Each jet's bin of its class's histogram; 0 outside the bins and for jets of no class."""
    found = np.zeros(len(x), np.float32)
    bins = list(weights.variables.values())
    inside = np.ones(len(x), bool)
    places = []
    for values, edges in zip((x, y), bins, strict=True):
        inside &= (values >= min(edges)) & (values <= max(edges))
        places.append(np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2))
    for name, histogram in histograms.items():
        where = member[name] & inside
        found[where] = histogram[places[0][where], places[1][where]]
    return found


def _jet_values(config: DataConfig, frame: FlatFrame, text: str) -> Array:
    values = of_jets(evaluate(config.tree(text), frame), len(frame.jets), f"weights: {text}")
    if bad := int(np.sum(~np.isfinite(values))):
        raise InputError(f"weights: {text} is NaN or infinite for {bad} jets")
    return values
