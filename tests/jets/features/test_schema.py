from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features.schema import (
    AUTO,
    InputGroup,
    LabelDefinition,
    Variable,
    Weights,
    labels_to_dict,
    read_input,
    read_labels,
    read_weights,
    weights_to_dict,
)

finite = st.floats(-1e6, 1e6)


def one(given: Any, method: str = "manual", key: str = "pf_features", params: Any = None) -> Variable:
    (variable,) = read_input(key, {"vars": [given]}, method, params or {}).variables
    return variable


# ---- laws ----


@given(finite, finite, finite, st.floats(0, 1e6), finite)
def test_a_variable_written_and_read_is_the_same(
    center: float, scale: float, low: float, more: float, pad: float
) -> None:
    variable = Variable("part_x", center, scale, low, low + more, pad)
    assert one(variable.to_list()) == variable


@pytest.mark.parametrize(
    "weights",
    [Weights(branches=("a", "b")),
     Weights(variables={"x": (0.0, 1.0), "y": (0.0, 2.0, 3.0)}, classes=("a",), class_weights=(2.0,), base="w")],
)  # fmt: skip
def test_weights_written_and_read_are_the_same(weights: Weights) -> None:
    assert read_weights(weights_to_dict(weights)) == weights


@pytest.mark.parametrize(
    "labels", [LabelDefinition(("b", "c"), ("label_b", "label_c")), LabelDefinition(("t",), ("1 - x",)),
               LabelDefinition(("t", "u"), ("n",), "custom", "truth")],
)  # fmt: skip
def test_labels_written_and_read_are_the_same(labels: LabelDefinition) -> None:
    assert read_labels(labels_to_dict(labels)) == labels


# ---- examples ----


def test_the_forms_of_a_variable() -> None:
    assert one("part_x") == Variable("part_x")
    assert one(["part_x", None]) == Variable("part_x")
    assert one(["part_x", 1.5]) == Variable("part_x", 1.5, 1, -5, 5, 0)
    assert one(["part_x", 0, 1, 0, 1, 7]) == Variable("part_x", 0, 1, 0, 1, 7)


def test_the_method_says_what_an_unspoken_center_is() -> None:
    assert one("part_x", AUTO).center == AUTO
    assert one(["part_x", None], AUTO).center is None
    assert one(["part_x", "auto", 1, -2, 2]).center == AUTO
    assert one("part_mask", AUTO, "pf_mask").center is None


def test_an_input() -> None:
    given = read_input("pf_points", {"length": 50, "pad_mode": "WRAP", "vars": ["x", "y"]}, "manual", {})
    assert given == InputGroup((Variable("x"), Variable("y")), 50, "wrap")
    assert read_input("pf_points", {"vars": ["x"]}, "manual", {}).length is None


# ---- bad input ----


@pytest.mark.parametrize(
    ("given", "message"),
    [(["part_x", "one"], "'one' where a number"), ([3], "no variable"), (["x"] * 7, "no variable"), ([], "no variable"),
     (["part_x", 0, 1, 5, -5], "clip_min 5 is above clip_max -5"), (["part_x", True], "where a number"),
     (["part_x", float("nan")], "where a number")],
)  # fmt: skip
def test_a_wrong_variable(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        one(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"length": 0, "vars": ["x"]}, "length is 0"), ({"length": 2.5, "vars": ["x"]}, "length is 2.5"),
     ({"vars": []}, "vars is"), ({"vars": ["x"], "pad_mode": "reflect"}, "allowed are constant, wrap"),
     ({"vars": ["x"], "lenght": 3}, "did you mean length")],
)  # fmt: skip
def test_a_wrong_input(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_input("pf_points", given, "manual", {})


@pytest.mark.parametrize(
    ("given", "message"),
    [({"type": "smple", "value": ["a"]}, "did you mean simple"), ({"type": "simple", "value": "a"}, "a list of 0-or-1"),
     ({"type": "simple", "value": ["a", "b"], "classes": ["a"]}, "1 classes are named for 2"),
     ({"type": "custom", "value": {"t": "x"}}, "add classes"), ({"type": "custom", "value": ["t"]}, "one expression")],
)  # fmt: skip
def test_wrong_labels(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"reweight_vars": {"x": [0, 1]}}, "needs two variables"), ({"class_weights": [1, 2, 3]}, "a weight for each class"),
     ({"reweight_vars": {"x": [0, 1], "y": [1, 0]}}, "bin edges of y must rise"),
     ({"reweight_method": "flaat"}, "did you mean flat"), ({"reweight_threshold": 200}, "from 0 to 100"),
     ({"use_precomputed_weights": True}, "weight_branches"), ({"reweight_var": 1}, "did you mean reweight_vars")],
)  # fmt: skip
def test_wrong_weights(changes: dict[str, Any], message: str) -> None:
    good = {"reweight_method": "flat", "reweight_vars": {"x": [0, 1], "y": [0, 1]}, "reweight_classes": ["a"]}
    with pytest.raises(InputError, match=message):
        read_weights(good | changes)
