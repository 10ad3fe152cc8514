from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features.config import built_in_configs, load_data_config
from yukawa.jets.features.expressions import Level, evaluate, parse
from yukawa.jets.features.numpy_backend import FlatFrame, of_jets
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
    value = evaluate(parse(text), FlatFrame(jets, {}))
    np.testing.assert_allclose(value.data, flattened(_eval_expr(text, awkward_table(jets))), rtol=2e-6)


def test_the_mass_of_a_four_momentum(toy_jets: Callable[..., Jets]) -> None:
    jets = toy_jets(50)
    value = evaluate(
        parse("_p4_from_pxpypze(part_px, part_py, part_pz, part_energy).mass"), FlatFrame(jets, {})
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
    found = evaluate(parse(f"ak.{name}(part_x, axis=1)"), frame)
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
    value = evaluate(parse("part_x + jet_y"), FlatFrame(jets, {}))
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
    assert evaluate(parse("1 - jet_a"), FlatFrame(jets, {})).data.tolist() == [0, 1]
    assert evaluate(parse("jet_a - jet_a"), FlatFrame(jets, {})).data.tolist() == [0, 0]
    assert evaluate(parse("-jet_a"), FlatFrame(jets, {})).data.tolist() == [-1, 0]


def test_what_is_not_finite_comes_out_so_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    jets = Jets.from_counts(np.array([3]), {"part_x": np.array([0.0, -1.0, 1.0])}, {})
    found = evaluate(parse("np.log(part_x)"), FlatFrame(jets, {})).data
    assert np.isneginf(found[0])
    assert np.isnan(found[1])
    assert not recwarn.list


# ---- bad input ----


def test_a_missing_column_is_named_with_its_neighbour(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match=r"no column part_energi.*did you mean part_energy"):
        evaluate(parse("np.log(part_energi)"), FlatFrame(toy_jets(3), {}))


def test_a_function_of_values_it_does_not_take(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match="bitwise_and of float32, float32"):
        evaluate(parse("part_px & part_py"), FlatFrame(toy_jets(3), {}))


def test_a_reduction_of_jets(toy_jets: Callable[..., Jets]) -> None:
    with pytest.raises(InputError, match="sum is over the particles"):
        evaluate(parse("ak.sum(jet_pt, axis=1)"), FlatFrame(toy_jets(3), {}))


def test_a_value_of_particles_where_one_of_jets_is_wanted(toy_jets: Callable[..., Jets]) -> None:
    value = evaluate(parse("part_px"), FlatFrame(toy_jets(3), {}))
    with pytest.raises(InputError, match="the selection has a value for each particle"):
        of_jets(value, 3, "the selection")
