from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features.config import built_in_configs, load_data_config
from yukawa.jets.features.encoder import FeatureEncoder, encode_padded
from yukawa.jets.features.expressions import FUNCTIONS, parse
from yukawa.jets.features.frames import FlatFrame, Level, PaddedFrame
from yukawa.jets.models.tagger import unpack
from yukawa.jets.table import Jets

# What public configs of ParT, Sophon, top tagging, quark-gluon and FCC-ee tagging hold beside the built-in ones.
PUBLIC = [
    "part_px / jet_pt * 500",
    "np.hypot(part_px / jet_pt, part_py / jet_pt)",
    "(np.abs(part_truth_pdg)==211) + (np.abs(part_truth_pdg)==321)*0.5 + (np.abs(part_truth_pdg)==2212)*0.2",
    "1-label_b",
    "part_isChargedHadron & (part_charge > 0)",
    "(jet_pt > 10) & (jet_pt < 80) & (np.abs(jet_eta) < 2.5) & ~((jet_mass < 3) | (jet_event % 7 == 0))",
    "part_energy * np.sin(part_deta) * np.cos(part_dphi)",
    "ak.where((label_b + label_c) == 1, 1, 0)",
    "_clip(part_d0val / part_d0err, -5, 5)",
    "np.log1p(np.abs(part_dzval)) * np.sign(part_dzval)",
    "np.minimum(part_energy, 2) + np.maximum(part_pz, -1) - np.arctan2(part_py, part_px)",
    "ak.ones_like(part_energy)",
    "ak.zeros_like(part_energy)",
    "ak.num(part_energy)",
    "ak.sum(part_energy, axis=1)",
    "ak.sum(part_isPhoton, axis=1)",
    "ak.any(part_isMuon, axis=1)",
    "ak.all(part_energy > 0.5, axis=1)",
    "ak.sum(part_charge * part_energy ** 0.5, axis=1) / jet_energy ** 0.5",
    "part_energy / ak.sum(part_energy, axis=1)",
    "np.exp(-part_energy) // 0.1",
    "-part_px",
    "_p4_from_pxpypze(part_px, part_py, part_pz, part_energy).pt",
    "_p4_from_pxpypze(part_px, part_py, part_pz, part_energy).eta",
    "_p4_from_ptetaphie(part_energy, part_deta, part_dphi, part_energy).px",
    "_p4_from_ptetaphim(part_energy, part_deta, part_dphi, 0.14 * ak.ones_like(part_energy)).energy",
    "ak.values_astype(part_charge, 'float32') / 3",
]


def awkward_table(jets: Jets) -> Any:
    particles = {name: ak.unflatten(column, jets.counts) for name, column in jets.particles.items()}
    return ak.Array(particles | {name: ak.Array(column) for name, column in jets.scalars.items()})


def flattened(values: Any) -> np.ndarray[Any, Any]:
    return ak.to_numpy(ak.flatten(values, axis=None))


# ---- laws: agreement with weaver's own evaluation ----


@pytest.mark.parametrize("name", built_in_configs())
def test_new_variables_of_built_in_configs_are_those_of_weaver(
    name: str, toy_jets: Callable[..., Jets]
) -> None:
    from weaver.utils.data.preprocess import _build_new_variables

    config = load_data_config(name)
    jets = toy_jets(50)
    table = _build_new_variables(awkward_table(jets), dict(config.new_variables))
    frame = FlatFrame(jets, config.variables)
    for variable in config.new_variables:
        np.testing.assert_allclose(
            frame.column(variable).data, flattened(table[variable]), rtol=1e-6, err_msg=variable
        )


@pytest.mark.parametrize("text", PUBLIC)
def test_expressions_of_public_configs_have_the_values_of_weaver(
    text: str, toy_jets: Callable[..., Jets]
) -> None:
    from weaver.utils.data.eval_utils import _eval_expr

    jets = toy_jets(50)
    value = FlatFrame(jets, {}).evaluate(parse(text))
    np.testing.assert_allclose(value.data, flattened(_eval_expr(text, awkward_table(jets))), rtol=2e-6)


def test_the_mass_of_a_four_momentum(toy_jets: Callable[..., Jets]) -> None:
    jets = toy_jets(50)
    value = FlatFrame(jets, {}).evaluate(
        parse("_p4_from_pxpypze(part_px, part_py, part_pz, part_energy).mass")
    )
    np.testing.assert_allclose(value.data, np.sqrt(0.02), rtol=1e-4)  # as the jets were made


@given(
    st.sampled_from(["sum", "max", "min", "mean", "any", "all", "num"]),
    st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=6),
)
def test_reductions_are_those_of_each_jet_alone(name: str, jets: Sequence[list[int]]) -> None:
    counts = np.array([len(jet) for jet in jets])
    flat = np.array([x for jet in jets for x in jet], np.float32)
    frame = FlatFrame(Jets.from_counts(counts, {"part_x": flat}, {}), {})
    found = frame.evaluate(parse(f"ak.{name}(part_x, axis=1)"))
    assert found.level == Level.JET
    alone: dict[str, Callable[[list[int]], float]] = {
        "sum": sum, "any": any, "all": all, "num": len,
        "max": lambda jet: max(jet, default=np.nan), "min": lambda jet: min(jet, default=np.nan),
        "mean": lambda jet: np.mean(jet) if jet else np.nan,
    }  # fmt: skip
    np.testing.assert_allclose(found.data, [alone[name](jet) for jet in jets], rtol=1e-6)


def test_jet_values_count_for_each_particle() -> None:
    jets = Jets.from_counts(
        np.array([2, 0, 1]), {"part_x": np.array([1.0, 2.0, 3.0])}, {"jet_y": np.array([10.0, 20.0, 30.0])}
    )
    value = FlatFrame(jets, {}).evaluate(parse("part_x + jet_y"))
    assert value.level == Level.PARTICLE
    assert value.data.tolist() == [11, 12, 33]


def test_a_new_variable_is_computed_once_and_hides_a_column() -> None:
    jets = Jets.from_counts(np.array([1]), {"part_x": np.array([1.0])}, {})
    frame = FlatFrame(
        jets, {"part_x": parse("2 * part_y"), "part_y": parse("np.abs(3)"), "z": parse("part_x")}
    )
    assert frame.column("part_x").data == 6
    assert frame.column("z") is frame.column("z")


def test_truth_values_can_be_subtracted_and_negated() -> None:
    jets = Jets.from_counts(np.array([1, 1]), {}, {"jet_a": np.array([True, False])})
    assert FlatFrame(jets, {}).evaluate(parse("1 - jet_a")).data.tolist() == [0, 1]
    assert FlatFrame(jets, {}).evaluate(parse("jet_a - jet_a")).data.tolist() == [0, 0]
    assert FlatFrame(jets, {}).evaluate(parse("-jet_a")).data.tolist() == [-1, 0]


def test_what_is_not_finite_comes_out_so_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    jets = Jets.from_counts(np.array([3]), {"part_x": np.array([0.0, -1.0, 1.0])}, {})
    found = FlatFrame(jets, {}).evaluate(parse("np.log(part_x)")).data
    assert np.isneginf(found[0])
    assert np.isnan(found[1])
    assert not recwarn.list


# ---- bad input ----


def test_a_missing_column_is_named_with_its_neighbour(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match=r"no column part_energi.*did you mean part_energy"):
        FlatFrame(toy_jets(3), {}).evaluate(parse("np.log(part_energi)"))


def test_a_function_of_values_it_does_not_take(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match="bitwise_and of float32, float32"):
        FlatFrame(toy_jets(3), {}).evaluate(parse("part_px & part_py"))


def test_a_reduction_of_jets(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match="sum works on the particles"):
        FlatFrame(toy_jets(3), {}).evaluate(parse("ak.sum(jet_pt, axis=1)"))


def test_a_value_of_particles_where_one_of_jets_is_wanted(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match="the selection has a value for each particle"):
        FlatFrame(toy_jets(3), {}).of_jets(parse("part_px"), "the selection")


def padded(jets: Jets) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], torch.Tensor]:
    counts = torch.from_numpy(jets.counts)
    particles = {}
    for name, column in jets.particles.items():
        values, mask = unpack(torch.from_numpy(column)[:, None], counts)
        particles[name] = values[..., 0]
    return particles, {name: torch.from_numpy(column)[:, None] for name, column in jets.scalars.items()}, mask


def both(text: str, jets: Jets) -> tuple[Any, Any]:
    """The value over flat arrays, and the same of padded tensors."""
    flat = FlatFrame(jets, {}).evaluate(parse(text))
    particles, scalars, mask = padded(jets)
    value = PaddedFrame(particles, scalars, mask, {}).evaluate(parse(text))
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


# Comparisons are at the leaves: further up, one bit of rounding would decide them.
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
            FlatFrame(Jets(np.zeros(1, np.int64), {}, {}), {}).evaluate(parse(text)).level == Level.CONSTANT
        )
        return
    np.testing.assert_allclose(np.asarray(dense, float), np.asarray(flat, float), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("text", COMPARISONS)
@pytest.mark.parametrize("function", ["any", "all"])
def test_truths_of_particles_have_one_value(function: str, text: str, toy_jets: Callable[..., Jets]) -> None:
    flat, dense = both(f"ak.{function}(({text}) & (part_energy < 2), axis=1)", toy_jets(40))
    np.testing.assert_array_equal(dense, flat)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_each_function_has_one_value(function: str, toy_jets: Callable[..., Jets]) -> None:
    arguments = ["part_d0err", "jet_mass / 50", "part_energy"][: FUNCTIONS[function].arguments]
    if function in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert"):
        arguments = [f"({argument} > 0.5)" for argument in arguments]
    flat, dense = both(f"np.{function}({', '.join(arguments)})", toy_jets(20))
    np.testing.assert_allclose(np.asarray(dense, float), np.asarray(flat, float), rtol=1e-5, atol=1e-6)


def test_a_mask_of_the_config_is_added(toy_jets: Callable[..., Jets], changed: Callable[..., Any]) -> None:
    config = load_data_config("jetclass-kin")
    config = changed(config, new_variables={**config.new_variables, "part_mask": "part_isPhoton"})
    jets = toy_jets(30, classes=config.classes)
    encoded = FeatureEncoder(config).encode(jets)
    found = encode_padded(config, *padded(jets))
    np.testing.assert_array_equal(found["mask_BP"].sum(dim=1), encoded.counts)
    np.testing.assert_allclose(found["points_BP2"][found["mask_BP"]], encoded.rows["points_N2"])


def test_what_the_config_replaces_is_replaced(
    toy_jets: Callable[..., Jets], changed: Callable[..., Any]
) -> None:
    config = changed(load_data_config("jetclass-full"), preprocess={"nonfinite": "replace"})
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


def test_a_reduction_of_padded_jets(toy_jets: Callable[..., Jets]) -> None:
    particles, scalars, mask = padded(toy_jets(4))
    with pytest.raises(InputError, match="works on the particles"):
        PaddedFrame(particles, scalars, mask, {}).evaluate(parse("ak.sum(jet_pt, axis=1)"))
