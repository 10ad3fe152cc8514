"""Computes from data what a config leaves open: `auto` standardisation, and the weights of jets."""

from collections.abc import Collection, Iterable, Iterator

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.features.config import AUTO, MASK, DataConfig, Variable, Weights
from yukawa.jets.features.expressions import columns_of
from yukawa.jets.features.frames import FlatFrame
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.table import Array, Jets

_HEADROOM = 0.9  # the class that is rarest after reweighting keeps this share
MOST_JETS = 1_000_000  # quantiles of that many jets' particles are as exact as float32 shows


def resolve(config: DataConfig, source: JetSource) -> DataConfig:
    """The config with everything that it leaves open computed from `source`; a resolved config is returned unchanged.

    Raises:
        InputError: a column is missing, no jet passes the selection, or a class has no jets.
    """
    if config.resolved:
        return config
    return make_weights(standardise(config, source), _selected(config, source, weight_columns(config)))


def standardise(config: DataConfig, source: JetSource) -> DataConfig:
    """The config with each `auto` variable's center and scale computed.

    The center is the median; the scale is one over the greater distance from it to the 16 % and the 84 %
    quantile, or 1 where that is 0. They are taken over all particles of the first `data_fraction` of each chunk
    of `source`, of at most a million jets in all, after the selection; values that are not finite are omitted.

    Raises:
        InputError: a column is missing, or no jet passes the selection.
    """
    groups = {key: group.vars for key, group in config.inputs.groups.items() if key != MASK}
    names = sorted({one.name for group in groups.values() for one in group if one.center == AUTO})
    if not names:
        return config
    values: dict[str, list[Array]] = {name: [] for name in names}
    fraction = min(config.preprocess.data_fraction, MOST_JETS / max(len(source), 1))
    for jets in _selected(config, source, config.columns(names), fraction):
        frame = FlatFrame(jets, config.variables)
        for name in names:
            values[name].append(np.array(frame.column(name).data, np.float32, copy=True, ndmin=1))
    found = {name: _center_and_scale(name, values.pop(name)) for name in names}

    def completed(one: Variable) -> Variable:
        if one.center != AUTO:
            return one
        center, scale = found[one.name]
        return one._replace(center=center, scale=scale)

    return config.with_variables({key: tuple(map(completed, group)) for key, group in groups.items()})


def _center_and_scale(name: str, parts: list[Array]) -> tuple[float, float]:
    column = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    column = column[np.isfinite(column)]
    if not len(column):
        raise InputError(
            f"no finite value of {name} is left for the standardisation", hint="look at the selection"
        )
    low, center, high = np.percentile(column, [16, 50, 84])
    width = max(high - center, center - low)
    return float(center), 1.0 if width == 0 else float(1.0 / width)


def _selected(
    config: DataConfig, source: JetSource, columns: Collection[str], fraction: float = 1.0
) -> Iterator[Jets]:
    """The leading part of each chunk, after the selection."""
    needed = {*columns}
    if config.selection:
        needed.update(config.columns(columns_of(config.tree(config.selection))))
    for chunk in source.chunks:
        jets = chunk.read(needed)
        yield passing(config, config.selection, jets[: int(np.ceil(len(jets) * fraction))])


def weights_of(config: DataConfig, frame: FlatFrame) -> Array:
    """The weight of each jet, float32, shape (B,).

    weaver keeps a jet with this probability; here it multiplies the loss of the jet, which has the same
    expectation and wastes no jet. Divide by the sum of the weights of a batch: they are 0.9 at most.

    Raises:
        InputError: the histograms are not computed yet, or a column is missing.
    """
    weights = config.weights
    if weights is None:
        return np.ones(len(frame.jets), np.float32)
    if weights.use_precomputed_weights:
        product = np.ones(len(frame.jets), np.float32)
        for name in weights.weight_branches:
            product *= _jet_values(config, frame, name).astype(np.float32)
        return product
    if weights.reweight_hists is None:
        raise InputError(
            "the data config leaves the weights to be computed from data",
            hint="resolve(config, source) of yukawa.jets.features.preprocess does so",
        )
    histograms = {name: np.asarray(rows) for name, rows in weights.reweight_hists.items()}
    x, y, base, member = _what_counts(config, weights, frame)
    return (_look_up(weights, histograms, member, x, y) * base).astype(np.float32)


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
    if weights is None or weights.use_precomputed_weights:
        return config
    edges = [np.asarray(bins) for bins in weights.reweight_vars.values()]
    shape = tuple(len(bins) - 1 for bins in edges)
    raw = {name: np.zeros(shape) for name in weights.reweight_classes}
    kept: list[tuple[dict[str, Array], Array, Array, Array]] = []
    for jets in chunks:
        frame = FlatFrame(jets, config.variables)
        x, y, base, member = _what_counts(config, weights, frame)
        for name in weights.reweight_classes:
            where = member[name]
            raw[name] += np.histogram2d(x[where], y[where], bins=edges, weights=base[where])[0]
        if weights.reweight_basewgt:
            kept.append((member, x, y, base))
    raw = {name: histogram.astype(np.float32) for name, histogram in raw.items()}
    empty = [name for name, histogram in raw.items() if not np.any(histogram > 0)]
    if empty:
        raise InputError(
            f"weights: no jets of {', '.join(empty)} lie within the bins of {', '.join(weights.reweight_vars)}"
        )
    made = _equalised(weights, raw)
    if weights.reweight_basewgt:
        every = np.concatenate([_look_up(weights, made, m, x, y) * base for m, x, y, base in kept])
        top = np.percentile(every, 100 - weights.reweight_threshold)
        made = {name: histogram / top for name, histogram in made.items()}
    hists = {"reweight_hists": {name: histogram.tolist() for name, histogram in made.items()}}
    return config.model_copy(update={"weights": weights.model_copy(update=hists)})


def weight_columns(config: DataConfig) -> tuple[str, ...]:
    """The columns that `make_weights` reads."""
    weights = config.weights
    if weights is None:
        return ()
    base = columns_of(config.tree(weights.reweight_basewgt)) if weights.reweight_basewgt else ()
    return config.columns(
        [*weights.weight_branches, *weights.reweight_vars, *weights.reweight_classes, *base]
    )


def _what_counts(
    config: DataConfig, weights: Weights, frame: FlatFrame
) -> tuple[Array, Array, Array, dict[str, Array]]:
    """Both variables, the base weight, and which jets are of each class."""
    x, y = (_jet_values(config, frame, name) for name in weights.reweight_vars)
    if not weights.reweight_discard_under_overflow:
        x, y = (
            np.clip(v, min(b), max(b)) for v, b in zip((x, y), weights.reweight_vars.values(), strict=True)
        )
    base = np.ones(len(x), np.float32)
    if weights.reweight_basewgt:
        base = _jet_values(config, frame, weights.reweight_basewgt)
    return x, y, base, {name: _jet_values(config, frame, name) == 1 for name in weights.reweight_classes}


def _equalised(weights: Weights, raw: dict[str, Array]) -> dict[str, Array]:
    """The weight of each bin and class after flattening the histograms, or after matching them to the first class.

    Args:
        weights: the method, and how much each class shall count.
        raw: by class, the number of jets in each bin, of shape (first variable, second variable).

    Returns:
        Arrays of the same shapes; drawing jets with these probabilities gives the classes their shares.
    """
    made, sums = {}, {}
    reference = raw[weights.reweight_classes[0]]
    for name, class_weight in weights.by_class.items():
        histogram = raw[name]
        with np.errstate(all="ignore"):
            if weights.reweight_method == "flat":
                filled = histogram[histogram > np.median(histogram[histogram > 0]) * 0.01]
                level = np.percentile(filled, weights.reweight_threshold)
                made[name] = np.clip(np.nan_to_num(level / histogram, posinf=0), 0, 1)
            else:
                ratio = np.nan_to_num(reference / histogram, posinf=0)
                if not np.any(ratio > 0):
                    raise InputError(
                        f"weights: {name} shares no bin with the reference class {weights.reweight_classes[0]}"
                    )
                made[name] = np.clip(
                    ratio / np.percentile(ratio[ratio > 0], 100 - weights.reweight_threshold), 0, 1
                )
        sums[name] = np.sum(histogram * made[name]) / class_weight
    least = min(sums.values()) * _HEADROOM
    return {name: histogram * (float(least) / sums[name]) for name, histogram in made.items()}


def _look_up(
    weights: Weights, histograms: dict[str, Array], member: dict[str, Array], x: Array, y: Array
) -> Array:
    """Each jet's bin of its class's histogram; 0 outside the bins and for jets of no class."""
    found = np.zeros(len(x), np.float32)
    bins = list(weights.reweight_vars.values())
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
    values = frame.of_jets(config.tree(text), f"weights: {text}")
    if bad := int(np.sum(~np.isfinite(values))):
        raise InputError(f"weights: {text} is NaN or infinite for {bad} jets")
    return values


def passing(config: DataConfig, selection: str | None, jets: Jets) -> Jets:
    """Select those of `jets` for which the expression `selection` is true; all where it is None.

    Raises:
        InputError: a column is missing, or the selection has a value for each particle.
    """
    if not selection:
        return jets
    frame = FlatFrame(jets, config.variables)
    keep = frame.of_jets(config.tree(selection), f"the selection {selection}").astype(bool)
    return jets if keep.all() else jets[keep]
