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
from yukawa.jets.features.frames import FlatFrame
from yukawa.jets.features.preprocess import make_weights, resolve, standardise, weight_columns, weights_of
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
    for variable in found.inputs.pf_features.vars[:4]:
        expected = params[variable.name]
        assert variable.center == pytest.approx(expected["center"], rel=1e-6)
        assert variable.scale == pytest.approx(expected["scale"], rel=1e-6)
    assert [v.center for v in found.inputs.pf_features.vars][-2:] == [0.5, None]
    assert found.inputs.pf_points == config.inputs.pf_points


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
    variable = standardise(config, source(jets)).inputs.pf_features.vars[0]
    pt = np.hypot(jets.particles["part_px"], jets.particles["part_py"])[7:]
    assert variable.center == pytest.approx(np.median(np.log(pt)), rel=1e-5)


def test_weights_are_computed_too(toy_jets: ToyJets) -> None:
    weights = {"reweight_method": "flat", "reweight_vars": {"jet_pt": [0, 30, 500], "jet_eta": [0, 500]},
               "reweight_classes": ["label_b", "label_c"]}  # fmt: skip
    config = resolve(config_with(weights=weights), source(toy_jets(300), chunks=2))
    assert config.resolved
    assert config.weights is not None
    assert set(config.weights.reweight_hists or ()) == {"label_b", "label_c"}


# ---- bad input ----


def test_no_jet_passes_the_selection(toy_jets: ToyJets) -> None:
    with pytest.raises(InputError, match=r"no finite value of part_charge.*selection"):
        standardise(config_with(selection="jet_pt < 0"), source(toy_jets(50)))


def test_a_missing_column(toy_jets: ToyJets) -> None:
    jets = toy_jets(10)
    with pytest.raises(InputError, match="no column jet_pt"):
        standardise(config_with(), source(jets.pick(name for name in jets.columns if name != "jet_pt")))


WEIGHTS: dict[str, Any] = {
    "use_precomputed_weights": False,
    "reweight_method": "flat",
    "reweight_vars": {"jet_pt": [0, 20, 40, 80, 200], "jet_eta": [0, 20, 60, 150]},
    "reweight_classes": ["label_b", "label_c", "label_g"],
    "class_weights": [1, 2, 0.5],
    "reweight_threshold": 15,
}
CLASSES = ("b", "c", "g")


def weighted(**changes: Any) -> DataConfig:
    text = load_data_config("jetclass-kin").to_dict()
    text["labels"] = {"type": "simple", "value": [f"label_{name}" for name in CLASSES]}
    text["new_variables"]["jet_w"] = "1 + jet_mass / 50"
    text["weights"] = WEIGHTS | changes
    return read_config(yaml.safe_dump(text, sort_keys=False))


def weaver(config: DataConfig, jets: Jets, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """weaver's histograms, and its weights of the jets."""
    from weaver.utils.data import preprocess
    from weaver.utils.data.config import DataConfig as WeaverConfig

    monkeypatch.setattr(
        preprocess.time, "sleep", lambda seconds: None
    )  # it waits where jets are outside the bins
    text = config.to_dict()
    text.pop("sort_by", None)
    del text["preprocess"]["nonfinite"]
    theirs = WeaverConfig(print_info=False, **text)
    columns = dict(jets.scalars)
    table = ak.Array({k: v for k, v in columns.items() if k.startswith(("jet_", "label_"))})
    table = preprocess._build_new_variables(
        table, {k: v for k, v in theirs.var_funcs.items() if k in ("jet_w", "_basewgt_")}
    )
    histograms = preprocess.WeightMaker([], theirs).make_weights(ak.copy(table))
    return histograms, preprocess._build_weights(table, theirs, histograms)


# ---- laws ----


@pytest.mark.parametrize("method", ["flat", "ref"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"class_weights": None, "reweight_threshold": None},
        {"reweight_discard_under_overflow": False},
        {"reweight_basewgt": "jet_w"},
    ],
    ids=["plain", "defaults", "clipped", "base"],
)  # fmt: skip
def test_histograms_and_weights_are_those_of_weaver(
    method: str, changes: dict[str, Any], toy_jets: ToyJets, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {k: v for k, v in (WEIGHTS | changes).items() if v is not None}
    text = weighted().to_dict() | {"weights": changes | {"reweight_method": method}}
    config = read_config(yaml.safe_dump(text, sort_keys=False))
    jets = toy_jets(3000, classes=CLASSES, seed=5)
    # weaver clips a table in place that its histograms then see; its weights look the jets up again.
    histograms, weights = weaver(config, jets, monkeypatch)
    made = make_weights(config, [jets[:1000], jets[1000:]])
    assert made.weights is not None
    for name, histogram in histograms.items():
        np.testing.assert_allclose((made.weights.reweight_hists or {})[name], histogram, rtol=1e-5)
    np.testing.assert_allclose(weights_of(made, FlatFrame(jets, made.variables)), weights, rtol=1e-5)


def test_flat_weights_make_the_classes_alike(toy_jets: ToyJets) -> None:
    config = weighted(reweight_threshold=0, class_weights=[1, 1, 1])
    jets = toy_jets(20_000, classes=CLASSES, seed=1)
    jets = jets[(jets.scalars["label_b"] == 0) | (jets.scalars["jet_pt"] > 30)]  # b jets are harder
    weights = weights_of(made := make_weights(config, [jets]), FlatFrame(jets, made.variables))
    pt = jets.scalars["jet_pt"]
    for low, high in [(40, 80), (80, 200)]:
        sums = [
            weights[(jets.scalars[f"label_{c}"] == 1) & (pt > low) & (pt < high)].sum() for c in ("c", "g")
        ]
        assert sums[0] == pytest.approx(sums[1], rel=0.05)
    totals = [weights[jets.scalars[f"label_{c}"] == 1].sum() for c in CLASSES]
    assert totals == pytest.approx([np.mean(totals)] * 3, rel=1e-3)
    assert weights.max() <= 1


def test_the_config_with_histograms_is_resolved_and_can_be_written(toy_jets: ToyJets) -> None:
    config = weighted()
    jets = toy_jets(1000, classes=CLASSES)
    assert not config.resolved
    made = make_weights(config, [jets])
    assert made.resolved
    again = read_config(made.to_yaml())
    encoded = [FeatureEncoder(one).encode(jets) for one in (made, again)]
    assert encoded[0].weights is not None
    np.testing.assert_allclose(encoded[0].weights, encoded[1].weights, rtol=1e-6)


# ---- examples ----


def test_jets_outside_the_bins_or_the_classes_do_not_count(toy_jets: ToyJets) -> None:
    made = make_weights(weighted(), [toy_jets(2000, classes=CLASSES)])
    jets = toy_jets(4, classes=CLASSES)
    jets.scalars["jet_pt"][:] = [500, 30, 30, 30]
    jets.scalars["jet_eta"][:] = [30, -1, 30, 30]
    for name in CLASSES:
        jets.scalars[f"label_{name}"][:] = name == "b"
    jets.scalars["label_b"][3] = False
    weights = weights_of(made, FlatFrame(jets, made.variables))
    assert (weights > 0).tolist() == [False, False, True, False]


def test_the_columns_of_weights() -> None:
    labels = [f"label_{name}" for name in CLASSES]
    assert weight_columns(weighted(reweight_basewgt="jet_w")) == ("jet_eta", "jet_mass", "jet_pt", *labels)
    assert weight_columns(load_data_config("jet-origin")) == ()


def test_without_weights_all_jets_count_alike(toy_jets: ToyJets) -> None:
    config = load_data_config("jetclass-kin")
    assert make_weights(config, []) is config
    assert weights_of(config, FlatFrame(toy_jets(3), {})).tolist() == [1, 1, 1]


# ---- bad input ----


def test_a_class_without_jets_in_the_bins(toy_jets: ToyJets) -> None:
    jets = toy_jets(100, classes=CLASSES)
    jets.scalars["label_g"][:] = False
    with pytest.raises(InputError, match="no jets of label_g lie within the bins of jet_pt, jet_eta"):
        make_weights(weighted(), [jets])


def test_weights_before_the_histograms(toy_jets: ToyJets) -> None:
    with pytest.raises(InputError, match="resolve"):
        weights_of(weighted(), FlatFrame(toy_jets(3, classes=CLASSES), {}))


def test_weights_that_are_not_finite(toy_jets: ToyJets) -> None:
    config = weighted(use_precomputed_weights=True, weight_branches=["jet_pt"])
    jets = toy_jets(3)
    jets.scalars["jet_pt"][1] = np.nan
    with pytest.raises(InputError, match="weights: jet_pt is NaN or infinite for 1 jets"):
        weights_of(config, FlatFrame(jets, {}))
