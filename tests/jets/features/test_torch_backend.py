from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features.config import built_in_configs, load_data_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.features.expressions import ELEMENTWISE, Level, evaluate, parse
from yukawa.jets.features.numpy_backend import FlatFrame
from yukawa.jets.features.torch_backend import PaddedFrame, encode_padded
from yukawa.jets.models.tagger import unpack
from yukawa.jets.table import Jets


def padded(jets: Jets) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], torch.Tensor]:
    counts = torch.from_numpy(jets.counts)
    particles = {}
    for name, column in jets.particles.items():
        values, mask = unpack(torch.from_numpy(column)[:, None], counts)
        particles[name] = values[..., 0]
    return particles, {name: torch.from_numpy(column)[:, None] for name, column in jets.scalars.items()}, mask


def both(text: str, jets: Jets) -> tuple[Any, Any]:
    """The value over flat arrays, and the same of padded tensors."""
    flat = evaluate(parse(text), FlatFrame(jets, {}))
    particles, scalars, mask = padded(jets)
    value = evaluate(parse(text), PaddedFrame(particles, scalars, mask, {}))
    assert value.level == flat.level
    data = value.data
    return flat.data, data[mask] if value.level == Level.PARTICLE else data[:, 0]


# ---- laws: both evaluations agree ----


@pytest.mark.parametrize("name", built_in_configs())
def test_padded_features_are_those_of_packed_particles(name: str, toy_jets: Callable[..., Jets]) -> None:
    config = load_data_config(name)
    jets = toy_jets(40, classes=config.classes)
    encoded = FeatureEncoder(config).encode(jets)
    particles, scalars, mask = padded(jets)
    found = encode_padded(config, particles, scalars, mask)
    for row, tensor in (
        ("features_NF", "features_BPF"),
        ("momenta_N4", "momenta_BP4"),
        ("points_N2", "points_BP2"),
    ):
        assert found[tensor].dtype == torch.float32
        np.testing.assert_allclose(found[tensor][mask], encoded.rows[row], rtol=1e-5, atol=1e-6)
        assert not found[tensor][~mask].any()
    assert found["mask_BP"] is mask


# Comparisons stand at the leaves: further up, one bit of rounding would decide them.
COMPARISONS = ["part_px > 0.3", "jet_pt <= 3", "part_charge == 1", "jet_nparticles != 2", "~part_isMuon"]
leaves = st.sampled_from(
    [
        *"part_px part_energy part_charge jet_pt jet_nparticles label_b part_isMuon 2 0.5".split(),
        *(f"({comparison})" for comparison in COMPARISONS),
    ]
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from("abs tanh sqrt log1p sin arctan".split()), inner).map(
            lambda t: f"np.{t[0]}({t[1]})"
        ),
        pairs.map(lambda t: f"np.where(part_charge > 0, {t[0]}, {t[1]})"),
        st.tuples(st.sampled_from("minimum maximum hypot arctan2".split()), pairs).map(
            lambda t: f"np.{t[0]}({t[1][0]}, {t[1][1]})"
        ),
        st.tuples(st.sampled_from("sum max min mean num".split()), inner).map(
            lambda t: f"ak.{t[0]}(part_px * ({t[1]}), axis=1)"
        ),
    )


@given(st.recursive(leaves, _grow, max_leaves=8))
def test_any_expression_has_one_value(text: str) -> None:
    try:
        parse(text)
    except InputError:  # such as 2 / (2 - 2)
        return
    rng = np.random.default_rng(1)
    counts = np.array([2, 0, 1, 4])
    particles = {name: rng.normal(size=7).astype(np.float32) for name in ("part_px", "part_energy")}
    particles |= {"part_charge": rng.integers(-1, 2, 7).astype(np.int8), "part_isMuon": rng.random(7) < 0.5}
    scalars = {"jet_pt": np.ones(4, np.float32) * 3, "jet_nparticles": counts, "label_b": np.arange(4) < 2}
    try:
        flat, dense = both(text, Jets.from_counts(counts, particles, scalars))
    except TypeError:  # a number alone has no shape
        assert (
            evaluate(parse(text), FlatFrame(Jets(np.zeros(1, np.int64), {}, {}), {})).level == Level.CONSTANT
        )
        return
    np.testing.assert_allclose(np.asarray(dense, float), np.asarray(flat, float), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("text", COMPARISONS)
@pytest.mark.parametrize("function", ["any", "all"])
def test_truths_of_particles_have_one_value(function: str, text: str, toy_jets: Callable[..., Jets]) -> None:
    flat, dense = both(f"ak.{function}(({text}) & (part_energy < 2), axis=1)", toy_jets(40))
    np.testing.assert_array_equal(dense, flat)


@pytest.mark.parametrize("function", sorted(ELEMENTWISE))
def test_each_function_has_one_value(function: str, toy_jets: Callable[..., Jets]) -> None:
    arguments = ["part_d0err", "jet_mass / 50", "part_energy"][: ELEMENTWISE[function][0]]
    if function in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert"):
        arguments = [f"({argument} > 0.5)" for argument in arguments]
    flat, dense = both(f"np.{function}({', '.join(arguments)})", toy_jets(20))
    np.testing.assert_allclose(np.asarray(dense, float), np.asarray(flat, float), rtol=1e-5, atol=1e-6)


def test_a_mask_of_the_config_is_added(toy_jets: Callable[..., Jets]) -> None:
    config = load_data_config("jetclass-kin")
    config = replace(config, new_variables={**config.new_variables, "part_mask": "part_isPhoton"})
    jets = toy_jets(30, classes=config.classes)
    encoded = FeatureEncoder(config).encode(jets)
    found = encode_padded(config, *padded(jets))
    np.testing.assert_array_equal(found["mask_BP"].sum(dim=1), encoded.counts)
    np.testing.assert_allclose(found["points_BP2"][found["mask_BP"]], encoded.rows["points_N2"])


def test_what_the_config_replaces_is_replaced(toy_jets: Callable[..., Jets]) -> None:
    config = replace(load_data_config("jetclass-full"), nonfinite="replace")
    jets = toy_jets(30, classes=config.classes)
    jets.particles["part_px"][::3] = jets.particles["part_py"][::3] = 0  # log(0)
    jets.particles["part_d0val"][::5] = np.nan
    with pytest.warns(UserWarning, match="NaN or infinite"):
        encoded = FeatureEncoder(config).encode(jets)
    particles, scalars, mask = padded(jets)
    found = encode_padded(config, particles, scalars, mask)["features_BPF"][mask]
    np.testing.assert_allclose(found, encoded.rows["features_NF"], rtol=1e-5, atol=1e-6)
    assert torch.isfinite(found).all()


# ---- bad input ----


def test_a_missing_column_is_named(toy_jets: Callable[..., Jets]) -> None:
    particles, scalars, mask = padded(toy_jets(4))
    del particles["part_deta"]
    with pytest.raises(InputError, match="no column part_deta"):
        encode_padded(load_data_config("jetclass-kin"), particles, scalars, mask)


def test_a_reduction_of_jets(toy_jets: Callable[..., Jets]) -> None:
    particles, scalars, mask = padded(toy_jets(4))
    with pytest.raises(InputError, match="over the particles"):
        evaluate(parse("ak.sum(jet_pt, axis=1)"), PaddedFrame(particles, scalars, mask, {}))
