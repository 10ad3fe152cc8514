from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features import DataConfig, FeatureEncoder, load_data_config
from yukawa.jets.features import encoder as module
from yukawa.jets.features.config import built_in_configs, read_config
from yukawa.jets.features.encoder import Encoded, Encoder, join
from yukawa.jets.table import Jets


def _encoded(counts: list[int], first: int = 0, weighted: bool = True) -> Encoded:
    total = sum(counts)
    values = np.arange(first, first + total, dtype=np.float32)
    return Encoded(
        {"features_NF": np.stack([values, -values], axis=1), "points_N": values},
        np.array(counts, np.int64),
        np.arange(len(counts)) + first,
        np.arange(len(counts), dtype=np.float32) + first if weighted else None,
        truncated=len(counts),
    )


def _jets(encoded: Encoded) -> list[tuple]:
    cuts = np.cumsum(encoded.counts)[:-1]
    rows = np.split(encoded.rows["features_NF"], cuts) if len(encoded) else []
    weights = encoded.weights if encoded.weights is not None else np.ones(len(encoded))
    return [(r.tolist(), int(y), float(w)) for r, y, w in zip(rows, encoded.labels, weights, strict=True)]


@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=8), data=st.data())
def test_taking_jets_takes_their_rows(counts: list[int], data: st.DataObject):
    encoded = _encoded(counts)
    where = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=9))
    taken = encoded.take(np.array(where, np.int64))
    assert _jets(taken) == [_jets(encoded)[at] for at in where]
    np.testing.assert_array_equal(taken.rows["features_NF"][:, 0], taken.rows["points_N"])


@given(parts=st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=4))
def test_joining_is_adding_lists(parts: list[list[int]]):
    encoded = [_encoded(counts, 100 * at) for at, counts in enumerate(parts)]
    joined = join(encoded)
    assert _jets(joined) == [jet for part in encoded for jet in _jets(part)]
    assert joined.truncated == sum(map(len, parts))


def test_jets_without_weights_stay_without():
    plain = _encoded([1, 2], weighted=False)
    assert join([plain, plain]).weights is None
    assert plain.take(np.array([1])).weights is None


def test_an_encoder_must_say_how():
    with pytest.raises(TypeError, match="encode"):
        Encoder()  # type: ignore[abstract]


DATA = Path(os.environ.get("YUKAWA_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
README_JET = DATA / "joi" / "bbt_readme_jet.json"

ToyJets = Callable[..., Jets]


def same(one: Encoded, other: Encoded) -> None:
    assert one.rows.keys() == other.rows.keys()
    for name in one.rows:
        np.testing.assert_array_equal(one.rows[name], other.rows[name])
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.truncated == other.truncated


def config_with(name: str = "jet-origin", **changes: Any) -> DataConfig:
    """A built-in config with some keys of its YAML text changed; `length` is that of all inputs."""
    text = yaml.safe_load(load_data_config(name).to_yaml())
    if "length" in changes:
        length = changes.pop("length")
        for given in text["inputs"].values():
            given["length"] = length
    return read_config(yaml.safe_dump(text | changes, sort_keys=False))


# ---- laws ----


@pytest.mark.parametrize("name", built_in_configs())
def test_features_are_those_of_weaver(name: str, toy_jets: ToyJets, tmp_path: Path) -> None:
    from weaver.utils.data.config import DataConfig as WeaverConfig
    from weaver.utils.dataset import _preprocess

    config = load_data_config(name)
    length = config.length or 0
    counts = np.random.default_rng(3).integers(1, length + (0 if config.sort_by else 20), 40)
    jets = toy_jets(classes=config.classes, counts=counts)
    text = yaml.safe_load(config.to_yaml())
    text.pop("sort_by", None)
    del text["preprocess"]["nonfinite"]
    for group in text["inputs"].values():
        group["pad_mode"] = "constant"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    theirs = WeaverConfig.load(str(tmp_path / "config.yaml"))
    table = {key: ak.unflatten(column, jets.counts) for key, column in jets.particles.items()} | dict(
        jets.scalars
    )
    options = {"training": True, "shuffle": False, "reweight": False, "mode": "train"}
    batch, _ = _preprocess(ak.Array(table), theirs, options)

    encoded = FeatureEncoder(config).encode(jets)
    mask = batch["_pf_mask"][:, 0] > 0
    np.testing.assert_array_equal(encoded.counts, mask.sum(axis=1))
    np.testing.assert_array_equal(encoded.labels, batch["_label_"])
    for group, row in (
        ("_pf_features", "features_NF"),
        ("_pf_vectors", "momenta_N4"),
        ("_pf_points", "points_N2"),
    ):
        assert encoded.rows[row].dtype == np.float32
        np.testing.assert_allclose(
            encoded.rows[row], batch[group].transpose(0, 2, 1)[mask], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("length", [None, 5])
def test_a_jet_is_encoded_alike_alone_and_among_others(
    length: int | None, toy_jets: ToyJets, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_with(length=length)
    jets = toy_jets(70, classes=config.classes)
    encoder = FeatureEncoder(config)
    whole = encoder.encode(jets)
    same(join([encoder.encode(jets[i : i + 1]) for i in range(len(jets))]), whole)
    monkeypatch.setattr(module, "_BLOCK", 40)
    same(encoder.encode(jets), whole)


def test_few_long_jets_among_many_are_cut_as_many_are(toy_jets: ToyJets) -> None:
    config = config_with(length=40, sort_by=None)
    counts = np.full(100, 39)
    counts[[0, 50, 99]] = 41, 60, 45  # few runs of many particles stay, which are copied run by run
    jets = toy_jets(100, counts=counts, classes=config.classes)
    one = FeatureEncoder(config).encode(jets)
    assert one.truncated == 3
    same(join([FeatureEncoder(config).encode(jets[i : i + 1]) for i in range(100)]), one)
    keep = (np.arange(counts.sum()) - np.repeat(jets.offsets[:-1], counts)) < 40
    np.testing.assert_array_equal(one.rows["momenta_N4"][:, 0], jets.particles["part_px"][keep])


def test_the_order_of_particles_permutes_rows_and_no_more(toy_jets: ToyJets) -> None:
    config = load_data_config("jet-origin-errors")
    jets = toy_jets(30, classes=config.classes, counts=np.random.default_rng(1).integers(0, 70, 30))
    rng = np.random.default_rng(2)
    order = np.concatenate([a + rng.permutation(b - a) for a, b in pairwise(jets.offsets)])
    mixed = Jets(jets.offsets, {name: column[order] for name, column in jets.particles.items()}, jets.scalars)
    one, other = (FeatureEncoder(config).encode(given) for given in (jets, mixed))
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.truncated == other.truncated > 0
    for i in range(30):
        rows = [np.concatenate(list(e.take(np.array([i])).rows.values()), axis=1) for e in (one, other)]
        np.testing.assert_allclose(
            *(np.array(sorted(map(tuple, r))).reshape(r.shape) for r in rows), rtol=1e-6
        )


def test_momenta_and_points_are_the_columns_themselves(toy_jets: ToyJets) -> None:
    config = load_data_config("jetclass-full")
    jets = toy_jets(40, classes=config.classes)
    rows = FeatureEncoder(config).encode(jets).rows
    for i, name in enumerate(["part_px", "part_py", "part_pz", "part_energy"]):
        np.testing.assert_array_equal(rows["momenta_N4"][:, i], jets.particles[name])
    np.testing.assert_array_equal(rows["points_N2"][:, 1], jets.particles["part_dphi"])


def test_an_encoder_survives_pickling(toy_jets: ToyJets) -> None:
    encoder = FeatureEncoder(load_data_config("jet-origin"))
    jets = toy_jets(10, classes=encoder.classes)
    again = pickle.loads(pickle.dumps(encoder))  # noqa: S301 -- our own
    same(again.encode(jets), encoder.encode(jets))


# ---- examples ----


def test_the_numbers_of_one_particle() -> None:
    config = load_data_config("jet-origin-errors")
    particle = {
        name: np.zeros(1, np.float32) for name in FeatureEncoder(config).columns if name.startswith("part_")
    }
    particle |= {name: np.array([value], np.float32) for name, value in {
        "part_px": 3.0, "part_py": 4.0, "part_pz": 12.0, "part_energy": 13.0, "part_deta": 0.3, "part_dphi": -0.4,
        "part_d0val": -1.0, "part_d0err": 0.0034, "part_dzval": 0.0625, "part_charge": -1, "part_isMuon": 1}.items()}  # fmt: skip
    jet = {"jet_pt": np.array([50.0], np.float32), "jet_energy": np.array([60.0], np.float32)}
    jet |= {f"label_{name}": np.array([name == "cbar"]) for name in config.classes}
    encoded = FeatureEncoder(config).encode(Jets.from_counts(np.array([1]), particle, jet))
    found = dict(zip(config.features, encoded.rows["features_NF"][0].tolist(), strict=True))
    expected = {
        "part_deta": 0.3, "part_dphi": -0.4, "part_pt_log": 0.7 * np.log(5), "part_e_log": 0.7 * np.log(13),
        "part_logptrel": 0.7 * (np.log(5 / 50) + 4), "part_logerel": 0.7 * (np.log(13 / 60) + 4),
        "part_deltaR": 2.5 * (0.5 - 0.4), "part_d0": -5 * np.tanh(0.2), "part_dz": 5 * np.tanh(0.1),
        "part_d0_err": 5 * np.tanh(0.2 * 0.0034**0.25), "part_dz_err": 0, "part_charge": -1, "part_isElectron": 0,
        "part_isMuon": 1, "part_isChargedKaon": 0, "part_isChargedPion": 0, "part_isProton": 0,
        "part_isNeutralHadron": 0, "part_isPhoton": 0,
    }  # fmt: skip
    assert found == pytest.approx(expected, rel=1e-5)
    assert encoded.labels.tolist() == [config.classes.index("cbar")]
    assert encoded.labels.dtype == encoded.counts.dtype == np.int64


@pytest.mark.skipif(not README_JET.exists(), reason="the published jet is not here (YUKAWA_TEST_DATA)")
def test_features_of_the_published_jet_are_those_it_was_published_with() -> None:
    import json

    numbers = [
        [float(x) for x in part.partition(": ")[2].replace("(", "").replace(")", "").split(", ")[:-1]]
        for part in json.loads(README_JET.read_text())["data"].rstrip(".").split(". ")
    ]
    charge, energy, px, py, pz, *_, d0, d0err, dz, dzerr = np.array(numbers, np.float32).T
    log_pt, log_pt_rel, log_e_rel, delta_r = (np.array(numbers, np.float32)[:, i] for i in (6, 9, 10, 11))
    mm = {name: np.sign(x) * (np.arctanh(np.abs(x)) / 0.2) ** 4 for name, x in
          {"part_d0val": d0, "part_d0err": d0err, "part_dzval": dz, "part_dzerr": dzerr}.items()}  # fmt: skip
    assert 0.003 < mm["part_d0err"][charge != 0].min() < 0.004  # 3.4 micrometres in mm, so mm is the unit
    config = load_data_config("jet-origin-errors")
    particles = {
        name: np.zeros(len(px), np.float32) for name in FeatureEncoder(config).columns if "part_is" in name
    }
    particles |= mm | {"part_px": px, "part_py": py, "part_pz": pz, "part_energy": energy, "part_charge": charge,
                       "part_deta": np.array(numbers, np.float32)[:, 7], "part_dphi": np.array(numbers, np.float32)[:, 8]}  # fmt: skip
    jet = {
        "jet_pt": np.exp(log_pt[:1] - log_pt_rel[:1]),
        "jet_energy": np.exp(np.log(energy[:1]) - log_e_rel[:1]),
    }
    jets = Jets.from_counts(np.array([len(px)]), particles, jet)
    encoded = FeatureEncoder(config.with_variables(plain(config)), prediction=True).encode(jets)
    found = dict(zip(config.features, encoded.rows["features_NF"].T, strict=True))
    for name, published in {"part_pt_log": log_pt, "part_logptrel": log_pt_rel, "part_logerel": log_e_rel,
                            "part_deltaR": delta_r, "part_d0": d0, "part_dz_err": dzerr}.items():  # fmt: skip
        np.testing.assert_allclose(found[name], published[: len(found[name])], atol=2e-5, err_msg=name)


def plain(config: DataConfig) -> dict[str, Any]:
    """The variables of all inputs without standardisation."""
    return {
        key: tuple(one._replace(center=None) for one in group.vars)
        for key, group in config.inputs.groups.items()
    }


def test_empty_jets_have_no_rows_and_one_particle_is_enough(toy_jets: ToyJets) -> None:
    config = load_data_config("jet-origin")
    encoder = FeatureEncoder(config)
    encoded = encoder.encode(toy_jets(classes=config.classes, counts=[0, 1, 0]))
    assert encoded.counts.tolist() == [0, 1, 0]
    assert encoded.rows["features_NF"].shape == (1, 17)
    empty = encoder.encode(toy_jets(classes=config.classes, counts=[0, 0]))
    assert empty.rows["momenta_N4"].shape == (0, 4)
    none = encoder.encode(toy_jets(classes=config.classes, counts=[0])[:0])
    assert len(none) == 0


def test_particles_beyond_the_limit_are_cut_and_counted(toy_jets: ToyJets) -> None:
    config = config_with("jetclass-kin", length=3)
    jets = toy_jets(classes=config.classes, counts=[2, 3, 5, 4])
    encoded = FeatureEncoder(config).encode(jets)
    assert encoded.truncated == 2
    assert encoded.counts.tolist() == [2, 3, 3, 3]
    first = np.array([0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12])
    np.testing.assert_array_equal(encoded.rows["momenta_N4"][:, 0], jets.particles["part_px"][first])


def test_the_particles_of_highest_energy_stay_in_their_order(toy_jets: ToyJets) -> None:
    config = config_with(length=2, sort_by="part_energy")
    jets = toy_jets(classes=config.classes, counts=[4, 2])
    energy = np.array([3, 9, 1, 5, 0.1, 0.2], np.float32)
    jets.particles["part_energy"][:] = energy
    encoded = FeatureEncoder(config).encode(jets)
    assert encoded.truncated == 1
    np.testing.assert_array_equal(encoded.rows["momenta_N4"][:, 3], np.float32([9, 5, 0.1, 0.2]))


def test_particles_outside_the_mask_are_left_out(toy_jets: ToyJets, changed: Callable[..., Any]) -> None:
    config = config_with("jetclass-kin", length=4)
    config = changed(config, new_variables={**config.new_variables, "part_mask": "part_isPhoton"})
    jets = toy_jets(20, classes=config.classes)
    encoded = FeatureEncoder(config).encode(jets)
    kept = [
        start + np.flatnonzero(jets.particles["part_isPhoton"][start:end][:4])
        for start, end in pairwise(jets.offsets)
    ]
    np.testing.assert_array_equal(
        encoded.rows["momenta_N4"][:, 2], jets.particles["part_pz"][np.concatenate(kept)]
    )
    assert encoded.counts.tolist() == [len(k) for k in kept]


def test_a_prediction_needs_no_labels_and_uses_them_where_they_are(toy_jets: ToyJets) -> None:
    encoder = FeatureEncoder(load_data_config("jet-origin"), prediction=True)
    assert not any(name.startswith("label_") for name in encoder.columns)
    jets = toy_jets(10, classes=encoder.classes)
    labelled = encoder.encode(jets)
    assert (labelled.labels >= 0).all()
    bare = encoder.encode(jets.pick(encoder.columns))
    assert bare.labels.tolist() == [-1] * 10
    np.testing.assert_array_equal(bare.rows["features_NF"], labelled.rows["features_NF"])


def test_selections_of_training_and_test(toy_jets: ToyJets) -> None:
    config = config_with(
        selection="(jet_event % 7 != 0) & (jet_pt > 20)", test_time_selection="jet_event % 7 == 0"
    )
    jets = toy_jets(100, classes=config.classes)
    event, pt = jets.scalars["jet_event"], jets.scalars["jet_pt"]
    train, test = FeatureEncoder(config), FeatureEncoder(config, test=True)
    assert {"jet_event", "jet_pt"} == set(train.selection_columns) < set(train.columns)
    np.testing.assert_array_equal(
        train.select(jets).scalars["jet_event"], event[(event % 7 != 0) & (pt > 20)]
    )
    np.testing.assert_array_equal(test.select(jets).scalars["jet_event"], event[event % 7 == 0])
    assert FeatureEncoder(config_with()).select(jets) is jets
    assert FeatureEncoder(config, prediction=True).selection == config.test_time_selection


def test_labels_by_expressions_and_by_number(toy_jets: ToyJets) -> None:
    jets = toy_jets(30)
    truth = jets.scalars["label_c"].astype(int)
    expressions = config_with(
        labels={"type": "simple", "value": ["1 - label_c", "label_c"], "classes": ["x", "y"]}
    )
    assert FeatureEncoder(expressions).encode(jets).labels.tolist() == truth.tolist()
    number = config_with(
        labels={"type": "custom", "value": {"truth": "2 * label_c"}, "classes": ["x", "y", "z"]}
    )
    assert FeatureEncoder(number).encode(jets).labels.tolist() == (2 * truth).tolist()


def test_precomputed_weights(toy_jets: ToyJets) -> None:
    weights = {"use_precomputed_weights": True, "weight_branches": ["jet_mass", "jet_pt"]}
    config = config_with(weights=weights)
    jets = toy_jets(20, classes=config.classes)
    encoded = FeatureEncoder(config).encode(jets)
    np.testing.assert_allclose(encoded.weights, jets.scalars["jet_mass"] * jets.scalars["jet_pt"], rtol=1e-6)
    assert FeatureEncoder(config, prediction=True).encode(jets).weights is None


def test_values_that_are_not_finite_can_be_replaced_and_are_counted(
    toy_jets: ToyJets, changed: Callable[..., Any]
) -> None:
    config = changed(load_data_config("jetclass-full"), preprocess={"nonfinite": "replace"})
    jets = toy_jets(classes=config.classes, counts=[3, 2])
    jets.particles["part_d0val"][[0, 2]] = np.nan  # not clipped: 0
    jets.particles["part_dzval"][4] = np.inf  # tanh makes it 1
    jets.particles["part_d0err"][3] = np.inf  # clipped at 1
    jets.particles["part_energy"][1] = 0  # log makes it -inf, clipped at -5
    encoder = FeatureEncoder(config)
    with pytest.warns(UserWarning, match=r"part_d0 is NaN or infinite for 2 particles of 1 jets"):
        encoded = encoder.encode(jets)
    found = dict(zip(config.features, encoded.rows["features_NF"].T, strict=True))
    assert (found["part_d0"][[0, 2]].tolist(), found["part_dz"][4]) == ([0, 0], 1)
    assert (found["part_d0err"][3], found["part_e_log"][1]) == (1, -5)
    encoder.encode(jets)  # warns no more, but counts
    assert encoder.replaced == {"part_d0": 4, "part_d0err": 2, "part_e_log": 2, "part_logerel": 2}


# ---- bad input ----


def test_a_missing_column_is_named(toy_jets: ToyJets) -> None:
    encoder = FeatureEncoder(load_data_config("jet-origin"))
    jets = toy_jets(5, classes=encoder.classes)
    left = [name for name in jets.columns if name != "part_isProton"]
    with pytest.raises(InputError, match="no column part_isProton"):
        encoder.encode(jets.pick(left))
    with pytest.raises(InputError, match="no column label_cbar"):
        encoder.encode(jets.pick(name for name in jets.columns if name != "label_cbar"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_with_their_number(
    value: float, toy_jets: ToyJets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 3)
    encoder = FeatureEncoder(load_data_config("jet-origin"))
    jets = toy_jets(classes=encoder.classes, counts=[3, 2, 1, 1, 0, 1])
    jets.particles["part_deta"][[0, 1, 7]] = value
    with pytest.raises(
        InputError, match=r"part_deta is NaN or infinite for 3 particles of 2 jets.*nonfinite"
    ):
        encoder.encode(jets)


def test_labels_outside_the_classes_are_refused_with_their_number(toy_jets: ToyJets) -> None:
    encoder = FeatureEncoder(load_data_config("jet-origin"))
    jets = toy_jets(6, classes=encoder.classes)
    for name in encoder.classes:
        jets.scalars[f"label_{name}"][:2] = False
    with pytest.raises(InputError, match="2 of 6 jets belong to none of the classes b, bbar"):
        encoder.encode(jets)
    assert FeatureEncoder(encoder.config, prediction=True).encode(jets).labels[:3].tolist()[:2] == [-1, -1]
    jets.scalars["label_b"][:] = jets.scalars["label_g"][:] = True
    with pytest.raises(InputError, match="6 jets belong to two classes"):
        encoder.encode(jets)
    custom = config_with(labels={"type": "custom", "value": {"n": "jet_event"}, "classes": ["x"]})
    jets.scalars["jet_event"][:] = [0, 1, -1, 0, 0, 0]
    with pytest.raises(InputError, match="2 of 6 jets belong to none of the classes x"):
        FeatureEncoder(custom).encode(jets)


def test_a_config_that_is_not_resolved() -> None:
    config = config_with(preprocess={"method": "auto"}, inputs=load_data_config("jetclass-kin").to_dict()["inputs"] | {
        "pf_features": {"length": 128, "vars": ["part_deta"]}})  # fmt: skip
    with pytest.raises(InputError, match=r"computed from data.*resolve"):
        FeatureEncoder(config)


def test_a_selection_of_particles(toy_jets: ToyJets) -> None:
    config = config_with(selection="part_energy > 1")
    with pytest.raises(InputError, match="the selection part_energy > 1 has a value for each particle"):
        FeatureEncoder(config).select(toy_jets(5))
