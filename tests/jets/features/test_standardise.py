from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import yaml

from yukawa.core.errors import InputError
from yukawa.jets.features import DataConfig, FeatureEncoder, load_data_config
from yukawa.jets.features.config import read_config
from yukawa.jets.features.standardise import resolve, standardise
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.table import Jets

ToyJets = Callable[..., Jets]


@dataclass(frozen=True)
class Part:
    """Some jets in memory as a chunk; it must be asked for columns."""

    jets: Jets
    path: Path = Path("memory")

    @property
    def count(self) -> int:
        return len(self.jets)

    def read(self, columns: Collection[str] | None = None) -> Jets:
        assert columns is not None
        return self.jets.pick(columns)


def source(jets: Jets, chunks: int = 1) -> JetSource:
    ends = [len(jets) * i // chunks for i in range(chunks + 1)]
    return JetSource(jets.columns, tuple(Part(jets[a:b]) for a, b in pairwise(ends)))


def config_with(**changes: Any) -> DataConfig:
    text = load_data_config("jetclass-kin").to_dict()
    text["labels"] = {"type": "simple", "value": ["label_b", "label_c"]}
    text["preprocess"] = {"method": "auto", "data_fraction": 1}
    text["inputs"]["pf_features"]["vars"] = [
        "part_pt_log",
        "part_logptrel",
        "part_charge",
        ["part_deltaR", 0.5, 2],
        ["part_dphi", None],
    ]
    return read_config(yaml.safe_dump(text | changes, sort_keys=False))


# ---- laws ----


@pytest.mark.parametrize("selection", [None, "(jet_pt > 20) & (ak.num(part_px) > 2)"])
def test_centers_and_scales_are_those_of_weaver(selection: str | None, toy_jets: ToyJets) -> None:
    from weaver.utils.data import preprocess
    from weaver.utils.data.config import DataConfig as WeaverConfig

    config = config_with(selection=selection)
    jets = toy_jets(300)
    text = config.to_dict()
    del text["preprocess"]["nonfinite"]
    theirs = WeaverConfig(print_info=False, **text)
    columns = {name: ak.unflatten(column, jets.counts) for name, column in jets.particles.items()}
    table = preprocess._apply_selection(
        ak.Array(columns | dict(jets.scalars)), selection, funcs=theirs.var_funcs
    )
    table = preprocess._build_new_variables(table, dict(config.new_variables))
    params = preprocess.AutoStandardizer([], theirs).make_preprocess_params(table)

    found = standardise(config, source(jets, chunks=3))
    for variable in found.inputs["pf_features"].variables[:4]:
        expected = params[variable.name]
        assert variable.center == pytest.approx(expected["center"], rel=1e-6)
        assert variable.scale == pytest.approx(expected["scale"], rel=1e-6)
    assert [v.center for v in found.inputs["pf_features"].variables][-2:] == [0.5, None]
    assert found.inputs["pf_points"] == config.inputs["pf_points"]


def test_standardised_features_have_median_0_and_width_1(toy_jets: ToyJets) -> None:
    jets = toy_jets(500)
    config = resolve(config_with(), source(jets, chunks=4))
    rows = FeatureEncoder(config).encode(jets).rows["features_NF"]
    low, middle, high = np.percentile(rows[:, :2], [16, 50, 84], axis=0)
    assert middle == pytest.approx([0, 0], abs=1e-4)
    assert np.maximum(high, -low) == pytest.approx([1, 1], rel=1e-4)


def test_what_is_resolved_stays_and_can_be_written(toy_jets: ToyJets) -> None:
    jets = source(toy_jets(100))
    config = resolve(config_with(), jets)
    assert config.resolved
    assert resolve(config, jets) is config
    assert read_config(config.to_yaml()) == config
    assert read_config(config.to_yaml()).resolved


def test_the_fraction_is_taken_from_each_piece(toy_jets: ToyJets) -> None:
    jets = toy_jets(200)
    config = config_with(preprocess={"method": "auto", "data_fraction": 0.25})
    index = np.concatenate([np.arange(25), np.arange(100, 125)])
    assert (
        standardise(config, source(jets, chunks=2)).inputs
        == standardise(config_with(), source(jets[index])).inputs
    )


# ---- examples ----


def test_values_that_are_not_finite_are_left_out(toy_jets: ToyJets) -> None:
    jets = toy_jets(100)
    config = config_with()
    jets.particles["part_px"][:7] = np.nan
    variable = standardise(config, source(jets)).inputs["pf_features"].variables[0]
    pt = np.hypot(jets.particles["part_px"], jets.particles["part_py"])[7:]
    assert variable.center == pytest.approx(np.median(np.log(pt)), rel=1e-5)


def test_weights_are_computed_too(toy_jets: ToyJets) -> None:
    weights = {"reweight_method": "flat", "reweight_vars": {"jet_pt": [0, 30, 500], "jet_eta": [0, 500]},
               "reweight_classes": ["label_b", "label_c"]}  # fmt: skip
    config = resolve(config_with(weights=weights), source(toy_jets(300), chunks=2))
    assert config.resolved
    assert config.weights is not None
    assert set(config.weights.histograms or ()) == {"label_b", "label_c"}


# ---- bad input ----


def test_no_jet_passes_the_selection(toy_jets: ToyJets) -> None:
    with pytest.raises(InputError, match=r"no finite value of part_charge.*selection"):
        standardise(config_with(selection="jet_pt < 0"), source(toy_jets(50)))


def test_a_missing_column(toy_jets: ToyJets) -> None:
    jets = toy_jets(10)
    with pytest.raises(InputError, match="no column jet_pt"):
        standardise(config_with(), source(jets.pick(name for name in jets.columns if name != "jet_pt")))
