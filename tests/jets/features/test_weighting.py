from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest
import yaml

from yukawa.core.errors import InputError
from yukawa.jets.features import DataConfig, FeatureEncoder, load_data_config
from yukawa.jets.features.config import read_config
from yukawa.jets.features.numpy_backend import FlatFrame
from yukawa.jets.features.weighting import make_weights, weight_columns, weights_of
from yukawa.jets.table import Jets

WEIGHTS: dict[str, Any] = {
    "use_precomputed_weights": False,
    "reweight_method": "flat",
    "reweight_vars": {"jet_pt": [0, 20, 40, 80, 200], "jet_eta": [0, 20, 60, 150]},
    "reweight_classes": ["label_b", "label_c", "label_g"],
    "class_weights": [1, 2, 0.5],
    "reweight_threshold": 15,
}
CLASSES = ("b", "c", "g")

ToyJets = Callable[..., Jets]


def config_with(**changes: Any) -> DataConfig:
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
    text = config_with().to_dict() | {"weights": changes | {"reweight_method": method}}
    config = read_config(yaml.safe_dump(text, sort_keys=False))
    jets = toy_jets(3000, classes=CLASSES, seed=5)
    # weaver clips a table in place that its histograms then see; its weights look the jets up again.
    histograms, weights = weaver(config, jets, monkeypatch)
    made = make_weights(config, [jets[:1000], jets[1000:]])
    assert made.weights is not None
    for name, histogram in histograms.items():
        np.testing.assert_allclose((made.weights.histograms or {})[name], histogram, rtol=1e-5)
    np.testing.assert_allclose(weights_of(made, FlatFrame(jets, made.variables)), weights, rtol=1e-5)


def test_flat_weights_make_the_classes_alike(toy_jets: ToyJets) -> None:
    config = config_with(reweight_threshold=0, class_weights=[1, 1, 1])
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
    config = config_with()
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
    made = make_weights(config_with(), [toy_jets(2000, classes=CLASSES)])
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
    assert weight_columns(config_with(reweight_basewgt="jet_w")) == ("jet_eta", "jet_mass", "jet_pt", *labels)
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
        make_weights(config_with(), [jets])


def test_weights_before_the_histograms(toy_jets: ToyJets) -> None:
    with pytest.raises(InputError, match="resolve"):
        weights_of(config_with(), FlatFrame(toy_jets(3, classes=CLASSES), {}))


def test_weights_that_are_not_finite(toy_jets: ToyJets) -> None:
    config = config_with(use_precomputed_weights=True, weight_branches=["jet_pt"])
    jets = toy_jets(3)
    jets.scalars["jet_pt"][1] = np.nan
    with pytest.raises(InputError, match="weights: jet_pt is NaN or infinite for 1 jets"):
        weights_of(config, FlatFrame(jets, {}))
