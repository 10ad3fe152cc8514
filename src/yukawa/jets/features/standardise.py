"""Computes from data what a config leaves open: `auto` standardisation, and the histograms of weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.features.config import ROWS, DataConfig
from yukawa.jets.features.encoder import passing
from yukawa.jets.features.expressions import columns_of
from yukawa.jets.features.numpy_backend import FlatFrame
from yukawa.jets.features.schema import AUTO
from yukawa.jets.features.weighting import make_weights, weight_columns
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.table import Array, Jets

MOST_JETS = 1_000_000  # quantiles of that many jets' particles are as exact as float32 shows


def resolve(config: DataConfig, source: JetSource) -> DataConfig:
    """The config with everything computed from `source` that it leaves open; itself if that is nothing.

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
    of `source`, of a million jets in all at most, after the selection; values that are not finite are left out.

    Raises:
        InputError: a column is missing, or no jet passes the selection.
    """
    wanted = {
        (key, i): variable.name
        for key, given in config.inputs.items()
        if key in ROWS
        for i, variable in enumerate(given.variables)
        if variable.center == AUTO
    }
    if not wanted:
        return config
    names = sorted(set(wanted.values()))
    values: dict[str, list[Array]] = {name: [] for name in names}
    fraction = min(config.data_fraction, MOST_JETS / max(len(source), 1))
    for jets in _selected(config, source, config.columns(names), fraction):
        frame = FlatFrame(jets, config.variables)
        for name in names:
            values[name].append(np.array(frame.column(name).data, np.float32, copy=True, ndmin=1))
    found = {name: _center_and_scale(name, values.pop(name)) for name in names}
    return config.with_inputs({place: found[name] for place, name in wanted.items()})


def _center_and_scale(name: str, parts: list[Array]) -> tuple[float, float]:
    column = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    column = column[np.isfinite(column)]
    if not len(column):
        raise InputError(f"no finite value of {name} is left to standardise by", hint="look at the selection")
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
