"""Data configs: the YAML text that says what a network sees of a jet, in the form that weaver reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from yukawa.core.errors import InputError, nearest
from yukawa.jets.features.expressions import Momentum, Node, columns_of, parse, parse_any
from yukawa.jets.features.schema import (
    AUTO,
    MASK,
    InputGroup,
    LabelDefinition,
    Weights,
    choice_of,
    labels_to_dict,
    names_of,
    number_of,
    read_input,
    read_labels,
    read_weights,
    table_of,
    text_of,
    weights_to_dict,
)

POINTS, FEATURES, VECTORS = "pf_points", "pf_features", "pf_vectors"
ROWS = {FEATURES: "features_NF", VECTORS: "momenta_N4", POINTS: "points_N2"}
_WIDTHS = {VECTORS: (4, "px, py, pz and energy"), POINTS: (2, "the two coordinates"), MASK: (1, "one")}
NONFINITE = ("refuse", "replace")


@dataclass(frozen=True)
class DataConfig:
    """What a network sees of a jet: the one mechanism for all inputs.

    Beyond weaver's keys there are three: `sort_by` (a column of particles: those of a jet beyond `length` are
    cut in falling order of it, rather than in the order of the file), `preprocess: nonfinite` ("refuse", the
    default: a feature that is NaN or infinite is an error; "replace": NaN becomes 0 and infinity the bound at
    which the variable is clipped, 0 where it is not, with a warning and a count), and `labels: classes` (the
    names of the classes of a custom label).
    """

    inputs: Mapping[str, InputGroup]
    labels: LabelDefinition
    new_variables: Mapping[str, str] = field(default_factory=dict)
    selection: str | None = None
    test_time_selection: str | None = None
    method: str = "manual"
    data_fraction: float = 0.1
    nonfinite: str = "refuse"
    sort_by: str | None = None
    weights: Weights | None = None
    observers: tuple[str, ...] = ()
    monitor_variables: tuple[str, ...] = ()
    treename: str | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of a network's outputs."""
        return self.labels.classes

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features of a particle, in order."""
        return tuple(variable.name for variable in self.inputs[FEATURES].variables)

    @property
    def length(self) -> int | None:
        """The most particles a network sees of a jet."""
        return self.inputs[FEATURES].length

    @property
    def standardised(self) -> bool:
        """Whether every variable's center and scale are known."""
        return all(v.center != AUTO for given in self.inputs.values() for v in given.variables)

    @property
    def resolved(self) -> bool:
        """Whether nothing is left to be computed from data."""
        weights = self.weights
        return self.standardised and not (weights and not weights.precomputed and weights.histograms is None)

    @cached_property
    def variables(self) -> dict[str, Node]:
        """The trees of the new variables, save four-momenta, by name.

        Raises:
            InputError: an expression is not allowed, or variables need each other in a circle.
        """
        trees = {name: tree for name, tree in self._parsed.items() if not isinstance(tree, Momentum)}
        _check_circles(trees)
        return trees

    @cached_property
    def _parsed(self) -> dict[str, Node | Momentum]:
        """The trees of all new variables; one that only repeats a column's name is none."""
        trees: dict[str, Node | Momentum] = {}
        for name, text in self.new_variables.items():
            try:
                tree = parse_any(text, _momenta(trees))
            except InputError as error:
                raise InputError(f"new variable {name}: {error.message}", hint=error.hint) from None
            if text.strip() != name:
                trees[name] = tree
        return trees

    def tree(self, text: str) -> Node:
        """The tree of an expression over this config's columns and new variables."""
        return parse(text, _momenta(self._parsed))

    def columns(self, names: Iterable[str]) -> tuple[str, ...]:
        """The columns of files that these columns and new variables need, sorted."""
        found: set[str] = set()
        queue = list(names)
        while queue:
            name = queue.pop()
            if name in self.variables:
                queue.extend(columns_of(self.variables[name]))
            else:
                found.add(name)
        return tuple(sorted(found))

    def with_inputs(self, centers: Mapping[tuple[str, int], tuple[float, float]]) -> DataConfig:
        """The same with centers and scales filled in, by input and position."""
        inputs = {
            key: replace(
                given,
                variables=tuple(
                    replace(v, center=centers[key, i][0], scale=centers[key, i][1])
                    if (key, i) in centers
                    else v
                    for i, v in enumerate(given.variables)
                ),
            )
            for key, given in self.inputs.items()
        }
        return replace(self, inputs=inputs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the form of the YAML files; `read_config` gives the same config back."""
        found: dict[str, Any] = {
            "treename": self.treename,
            "selection": self.selection,
            "test_time_selection": self.test_time_selection,
            "new_variables": dict(self.new_variables),
            "preprocess": {
                "method": self.method,
                "data_fraction": self.data_fraction,
                "nonfinite": self.nonfinite,
            },
            "sort_by": self.sort_by,
            "inputs": {
                key: {"length": given.length, "pad_mode": given.pad_mode,
                      "vars": [variable.to_list() for variable in given.variables]}
                for key, given in self.inputs.items()
            },
            "labels": labels_to_dict(self.labels),
            "observers": list(self.observers),
            "monitor_variables": list(self.monitor_variables),
            "weights": None if self.weights is None else weights_to_dict(self.weights),
        }  # fmt: skip
        return {key: value for key, value in found.items() if value not in (None, [], {})}

    def to_yaml(self) -> str:
        """The text of a YAML file that `load_data_config` reads back."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=110)


def _momenta(trees: Mapping[str, Node | Momentum]) -> dict[str, Momentum]:
    return {name: tree for name, tree in trees.items() if isinstance(tree, Momentum)}


# ---- reading ------------------------------------------------------------------------------------------------


def built_in_configs() -> tuple[str, ...]:
    """The names of the configs that come with Yukawa."""
    files = resources.files("yukawa.jets.features").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_data_config(name_or_path: str | Path) -> DataConfig:
    """Read a config that comes with Yukawa, by its name, or one of a YAML file.

    Raises:
        InputError: there is none, or something in it is wrong; one line says what, and what is allowed.
    """
    name = str(name_or_path)
    if not name.endswith((".yaml", ".yml")):
        names = built_in_configs()
        if name not in names:
            near = nearest(name, names)
            raise InputError(
                f"there is no data config {name!r}; built in are {', '.join(names)}",
                hint=f"did you mean {near}?" if near else "or name a file that ends in .yaml",
            )
        return read_config(
            resources.files("yukawa.jets.features").joinpath(f"{name}.yaml").read_text("utf-8"), name
        )
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the data config {name} cannot be read: {error}") from None
    return read_config(text, name)


def read_config(text: str, name: str = "data config") -> DataConfig:
    """Read the YAML text of a config; `name` stands in messages.

    Raises:
        InputError: something in it is wrong.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{name} is no YAML: {error}") from None
    try:
        config = _config(table_of(given, "the config", _KEYS))
        check(config)
    except InputError as error:
        raise InputError(f"{name}: {error.message}", hint=error.hint) from None
    return config


def check(config: DataConfig) -> None:
    """Refuse a config that no network could take, or of which an expression is not allowed."""
    for key in ROWS:
        if key not in config.inputs:
            raise InputError(f"inputs: {key} is missing", hint=_MISSING[key])
    for key, given in config.inputs.items():
        width, what = _WIDTHS.get(key, (len(given.variables), ""))
        if len(given.variables) != width:
            raise InputError(f"inputs: {key} has {len(given.variables)} vars, expected: {what}")
    lengths = {given.length for given in config.inputs.values()}
    if len(lengths) > 1:
        raise InputError(f"inputs: all need one length; here are {', '.join(sorted(map(str, lengths)))}")
    used = [v.name for given in config.inputs.values() for v in given.variables]
    config.columns([*used, *config.observers, *config.monitor_variables])
    for text in (config.selection, config.test_time_selection, *config.labels.values):
        if text:
            config.tree(text)


_MISSING = {
    FEATURES: "pf_features: {length: 128, vars: [...]}",
    VECTORS: "pf_vectors: {length: 128, vars: [[part_px, null], [part_py, null], [part_pz, null], [part_energy, null]]}",
    POINTS: "pf_points: {length: 128, vars: [[part_deta, null], [part_dphi, null]]}",
}
_KEYS = ("treename", "branch_magic", "file_magic", "selection", "test_time_selection", "new_variables",
         "preprocess", "sort_by", "inputs", "labels", "observers", "monitor_variables", "weights",
         "bucketing")  # fmt: skip
_UNSUPPORTED = {
    "branch_magic": "rename the columns in the files, or in the config",
    "file_magic": "write the label into the files",
    "bucketing": "remove it: packed rows need no padding, so nothing is gained by buckets",
}


def _config(given: Mapping[str, Any]) -> DataConfig:
    for key, hint in _UNSUPPORTED.items():
        if given.get(key) is not None:
            raise InputError(f"{key} is not supported", hint=hint)
    preprocess = table_of(
        given.get("preprocess"), "preprocess", ("method", "data_fraction", "params", "nonfinite")
    )
    method = choice_of(preprocess.get("method") or "manual", "preprocess: method", ("manual", AUTO))
    fraction = preprocess.get("data_fraction")
    params = table_of(preprocess.get("params"), "preprocess: params", None)
    inputs = table_of(given.get("inputs"), "inputs", (*ROWS, MASK))
    names = table_of(given.get("new_variables"), "new_variables", None)
    return DataConfig(
        treename=text_of(given.get("treename")),
        selection=text_of(given.get("selection")),
        test_time_selection=text_of(given.get("test_time_selection")),
        new_variables={str(key): str(value) for key, value in names.items()},
        method=method,
        data_fraction=number_of(0.1 if fraction is None else fraction, "preprocess: data_fraction", 0, 1),
        nonfinite=choice_of(preprocess.get("nonfinite") or "refuse", "preprocess: nonfinite", NONFINITE),
        sort_by=text_of(given.get("sort_by")),
        inputs={key: read_input(key, value, method, params) for key, value in inputs.items()},
        labels=read_labels(given.get("labels")),
        weights=read_weights(given.get("weights")),
        observers=names_of(given.get("observers"), "observers"),
        monitor_variables=names_of(given.get("monitor_variables"), "monitor_variables"),
    )


def _check_circles(trees: Mapping[str, Node]) -> None:
    """Refuse new variables that need themselves."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        """Follow a variable, needed along `path`, to all that it needs."""
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise InputError(
                f"new_variables: {circle} goes in a circle", hint="give a new variable a new name"
            )
        if name in trees and name not in done:
            for other in columns_of(trees[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in trees:
        visit(name, ())
