from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features import DataConfig, FeatureEncoder
from yukawa.jets.features.config import (
    AUTO,
    InputGroup,
    LabelDefinition,
    Variable,
    built_in_configs,
    load_data_config,
    read_config,
)
from yukawa.jets.table import JET_COLUMNS, JET_ORIGIN, PARTICLE_COLUMNS

SMALL: dict[str, Any] = {
    "new_variables": {"part_pt": "np.hypot(part_px, part_py)", "part_mask": "ak.ones_like(part_px)"},
    "inputs": {
        "pf_points": {"length": 9, "vars": [["part_deta", None], ["part_dphi", None]]},
        "pf_features": {"length": 9, "vars": ["part_pt", ["part_energy", 1, 2, -3, 3]]},
        "pf_vectors": {"length": 9, "vars": ["part_px", "part_py", "part_pz", "part_energy"]},
        "pf_mask": {"length": 9, "vars": [["part_mask", None]]},
    },
    "labels": {"type": "simple", "value": ["label_b", "label_c"]},
}


def read(**changes: Any) -> DataConfig:
    return read_config(yaml.safe_dump(SMALL | changes))


def with_vars(variables: list[Any], method: str = "manual", **group: Any) -> DataConfig:
    """A config whose features are these variables."""
    features = {"length": 9, "vars": variables} | group
    return read(inputs=SMALL["inputs"] | {"pf_features": features}, preprocess={"method": method})


def one(given: Any, method: str = "manual") -> Variable:
    (variable,) = with_vars([given], method).inputs.pf_features.vars
    return variable


# ---- laws ----


@pytest.mark.parametrize("name", built_in_configs())
def test_a_config_written_and_read_is_the_same(name: str) -> None:
    config = load_data_config(name)
    assert read_config(config.to_yaml()) == config
    assert yaml.safe_load(read_config(config.to_yaml()).to_yaml()) == yaml.safe_load(config.to_yaml())


def test_a_config_with_everything_written_and_read_is_the_same() -> None:
    config = read(
        treename="tree",
        selection="(jet_pt > 5) &\n (jet_pt < 900)",
        test_time_selection="jet_pt > 5",
        preprocess={"method": "auto", "data_fraction": 0.5, "nonfinite": "replace"},
        sort_by="part_energy",
        observers=["jet_pt"],
        weights={
            "use_precomputed_weights": False, "reweight_method": "ref", "reweight_classes": ["label_b", "label_c"],
            "reweight_vars": {"jet_pt": [0, 50, 900], "jet_eta": [-3, 0, 3]}, "class_weights": [1, 2],
            "reweight_threshold": 15, "reweight_discard_under_overflow": False, "reweight_basewgt": "jet_mass",
            "reweight_hists": {"label_b": [[1, 2], [3, 4]], "label_c": [[1, 2], [3, 4]]},
        },
    )  # fmt: skip
    assert read_config(config.to_yaml()) == config
    assert config.selection == "(jet_pt > 5) & (jet_pt < 900)"
    assert not config.resolved


@pytest.mark.parametrize("name", built_in_configs())
def test_weaver_reads_what_is_written(name: str, tmp_path: Path) -> None:
    from weaver.utils.data.config import DataConfig as WeaverConfig

    config = load_data_config(name)
    text = yaml.safe_load(config.to_yaml())
    ours = {"sort_by": text.pop("sort_by", None), "nonfinite": text["preprocess"].pop("nonfinite")}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    theirs = WeaverConfig.load(str(tmp_path / "config.yaml"))
    assert ours["nonfinite"] == "refuse"
    assert tuple(theirs.input_dicts["pf_features"]) == config.features
    assert theirs.train_load_branches == set(
        FeatureEncoder(config.model_copy(update={"sort_by": None})).columns
    )
    for group in config.inputs.groups.values():
        for variable in group.vars:
            params = theirs.preprocess_params[variable.name]
            assert (params["center"], params["length"]) == (variable.center, group.length)
            if variable.center is not None:
                assert (params["scale"], params["min"], params["max"]) == (
                    variable.scale,
                    variable.low,
                    variable.high,
                )


finite = st.floats(-1e6, 1e6)


@given(finite, finite, finite, st.floats(0, 1e6), finite)
def test_a_variable_written_and_read_is_the_same(
    center: float, scale: float, low: float, more: float, pad: float
) -> None:
    variable = Variable("part_x", center, scale, low, low + more, pad)
    config = with_vars([list(variable)])
    assert config.inputs.pf_features.vars == (variable,)
    assert config.inputs.pf_features.model_dump()["vars"] == [list(variable)]


# ---- examples ----


def test_the_forms_of_a_variable() -> None:
    assert one("part_x") == Variable("part_x")
    assert one(["part_x", None]) == Variable("part_x")
    assert one(["part_x", 1.5]) == Variable("part_x", 1.5, 1, -5, 5, 0)
    assert one(["part_x", 0, 1, 0, 1, 7]) == Variable("part_x", 0, 1, 0, 1, 7)
    assert one(["part_x", 0, 1, float("-inf"), float("inf")]).high == float("inf")


def test_the_method_says_what_an_unspoken_center_is() -> None:
    assert one("part_x", AUTO).center == AUTO
    assert one(["part_x", None], AUTO).center is None
    assert one(["part_x", "auto", 1, -2, 2]).center == AUTO
    mask = read(preprocess={"method": AUTO}).inputs.pf_mask
    assert mask is not None
    assert mask.vars[0].center is None


def test_a_group_of_inputs() -> None:
    group = InputGroup.model_validate({"length": 50, "pad_mode": "WRAP", "vars": ["x", "y"]})
    assert group == InputGroup(vars=(Variable("x"), Variable("y")), length=50, pad_mode="wrap")
    assert InputGroup.model_validate({"vars": ["x"]}).length is None


def test_the_built_in_configs() -> None:
    widths = {name: len(load_data_config(name).features) for name in built_in_configs()}
    assert widths == {"jet-origin": 17, "jet-origin-errors": 19, "jetclass-full": 17, "jetclass-kin": 7, "jetclass-kinpid": 13}  # fmt: skip
    assert load_data_config("jet-origin").classes == JET_ORIGIN
    assert load_data_config("jetclass-kin").classes[:2] == ("QCD", "Hbb")
    for name in ("jet-origin", "jet-origin-errors"):
        ours = {column.name for column in (*PARTICLE_COLUMNS, *JET_COLUMNS)} | {
            f"label_{c}" for c in JET_ORIGIN
        }
        assert set(FeatureEncoder(load_data_config(name)).columns) <= ours
        assert not any("truth" in column for column in FeatureEncoder(load_data_config(name)).columns)


def test_the_columns_that_variables_need() -> None:
    config = read(
        new_variables={"part_pt": "np.hypot(part_px, part_py)", "part_l": "np.log(part_pt / jet_pt)"}
    )
    assert config.columns(["part_l", "part_e"]) == ("jet_pt", "part_e", "part_px", "part_py")


def test_a_variable_that_repeats_its_name_is_the_column() -> None:
    assert read(new_variables={"part_pt": "part_pt"}).columns(["part_pt"]) == ("part_pt",)


def test_a_four_momentum_among_the_new_variables() -> None:
    names = {
        "part_p4": "_p4_from_ptetaphie(part_pt, part_eta, part_phi, part_energy)",
        "part_x": "part_p4.px",
    }
    config = read(new_variables=names, selection="ak.any(part_p4.pt > 3, axis=1)")
    assert config.columns(["part_x"]) == ("part_phi", "part_pt")
    assert read_config(config.to_yaml()) == config


def test_what_weaver_computed_is_taken_over() -> None:
    params = {"part_energy": {"length": 9, "center": 4.5, "scale": 0.25, "min": -5, "max": 5, "pad_value": 0}}
    momenta = [["part_px", None], ["part_py", None], ["part_pz", None], ["part_e", None]]
    config = read(
        preprocess={"method": "auto", "params": params},
        inputs=SMALL["inputs"]
        | {
            "pf_features": {"length": 9, "vars": ["part_energy"]},
            "pf_vectors": {"length": 9, "vars": momenta},
        },
    )
    (variable,) = config.inputs.pf_features.vars
    assert (variable.center, variable.scale) == (4.5, 0.25)
    assert config.resolved


def test_labels_of_other_names_and_custom_labels() -> None:
    assert read(labels={"type": "simple", "value": ["jet_isQ", "label_c"]}).classes == ("jet_isQ", "c")
    custom = read(labels={"type": "custom", "value": {"truth": "jet_label"}, "classes": ["a", "b"]})
    assert custom.classes == ("a", "b")
    assert read_config(custom.to_yaml()) == custom
    named = read(labels={"type": "simple", "value": ["label", "1 - label"], "classes": ["top", "QCD"]})
    assert named.classes == ("top", "QCD")
    assert read_config(named.to_yaml()) == named


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    assert load_data_config(path) == read()


# ---- bad input ----


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"new_varables": {}}, "unknown key new_varables.*did you mean new_variables"),
        ({"inputs": {}}, "inputs.pf_points is missing"),
        (
            {"inputs": SMALL["inputs"] | {"pf_vectors": {"vars": ["part_px"]}}},
            "pf_vectors has 1 vars.*px, py, pz",
        ),
        (
            {"inputs": SMALL["inputs"] | {"sv_features": {"vars": ["sv_pt"]}}},
            "unknown key inputs.sv_features",
        ),
        (
            {"inputs": SMALL["inputs"] | {"pf_points": {"length": 8, "vars": ["x", "y"]}}},
            "the same length; given are 8, 9",
        ),
        ({"inputs": [1]}, "inputs = .1.: expected a table"),
        ({"new_variables": {"a": "b + 1", "b": "a"}}, "a -> b -> a is circular"),
        ({"new_variables": {"part_pt": "part_pt * 2"}}, "part_pt -> part_pt is circular"),
        ({"new_variables": {"a": "os.system('x')"}}, "new variable a: the expression"),
        ({"selection": "jet_pt > np.loop(3)"}, "np.loop.*near is"),
        ({"bucketing": {"var": "n", "bins": 3}}, "bucketing is not supported"),
        ({"preprocess": {"method": "atuo"}}, "preprocess.method = 'atuo'.*did you mean 'auto'"),
        ({"preprocess": {"nonfinite": "ignore"}}, "expected 'refuse' or 'replace'"),
        ({"preprocess": {"data_fraction": 2}}, "preprocess.data_fraction = 2"),
        ({"observers": "jet_pt"}, "observers = .jet_pt.: expected a list"),
        ({"labels": None}, "labels is missing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        read(**changes)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("data config:")


def test_an_unknown_name_or_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no data config 'jet-orgin'.*did you mean jet-origin"):
        load_data_config("jet-orgin")
    with pytest.raises(InputError, match=r"no data config .*none\.yaml"):
        load_data_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(InputError, match="is not valid YAML"):
        load_data_config(tmp_path / "bad.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        load_data_config(tmp_path / "binary.yaml")
    with pytest.raises(InputError, match="not a table of keys"):
        read_config("3")


@pytest.mark.parametrize(
    ("given", "message"),
    [(["part_x", "one"], "expected a number"), ([3], "expected a text"), (["x"] * 7, "is not a variable"),
     ([], "is not a variable"), (["part_x", 0, 1, 5, -5], "clip_min 5 of part_x is above clip_max -5"),
     (["part_x", True], "vars.0.1 = True: expected a number"),
     (["part_x", float("nan")], "greater than or equal")],
)  # fmt: skip
def test_a_wrong_variable(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        one(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"length": 0}, "length = 0"), ({"length": 2.5}, "length = 2.5"), ({"vars": []}, "vars = "), ({"vars": "x"}, "a list of variables"),
     ({"pad_mode": "reflect"}, "expected 'constant' or 'wrap'"), ({"lenght": 3}, "did you mean inputs.pf_features.length")],
)  # fmt: skip
def test_a_wrong_group(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_vars(**{"variables": ["x"]} | given) if "vars" not in given else with_vars(given["vars"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [({"type": "smple", "value": ["a"]}, "did you mean 'simple'"),
     ({"type": "simple", "value": ["a", "b"], "classes": ["a"]}, "1 classes are named for 2"),
     ({"type": "simple", "value": {"t": "x"}}, "a list of 0-or-1"),
     ({"type": "simple"}, "a list of 0-or-1"), ({"value": ["a"]}, "labels.type is missing"),
     ({"type": "custom", "value": {"t": "x"}}, "add classes"), ({"type": "custom", "value": ["t"]}, "one expression")],
)  # fmt: skip
def test_wrong_labels(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(labels=labels)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"reweight_vars": {"x": [0, 1]}}, "needs two variables"), ({"class_weights": [1, 2, 3]}, "a weight for each class"),
     ({"reweight_vars": {"x": [0, 1], "y": [1, 0]}}, "bin edges of y must increase"), ({"reweight_method": "flaat"}, "did you mean 'flat'"),
     ({"reweight_threshold": 200}, "reweight_threshold = 200"), ({"use_precomputed_weights": True}, "weight_branches"),
     ({"reweight_var": 1}, "did you mean weights.reweight_vars")],
)  # fmt: skip
def test_wrong_weights(changes: dict[str, Any], message: str) -> None:
    good = {"reweight_method": "flat", "reweight_vars": {"x": [0, 1], "y": [0, 1]}, "reweight_classes": ["a"]}
    with pytest.raises(InputError, match=message):
        read(weights=good | changes)


def test_labels_are_named_after_their_columns() -> None:
    labels = LabelDefinition(type="simple", value=("label_b", "jet_isC"))
    assert (labels.names, labels.expressions) == (("b", "jet_isC"), ("label_b", "jet_isC"))
