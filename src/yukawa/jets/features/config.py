"""Data configs: the YAML text that says what a network sees of a jet, in the form that weaver reads."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_serializer, field_validator, model_validator

from yukawa.core.errors import InputError
from yukawa.core.files import read_text
from yukawa.core.validation import StrictModel, checked
from yukawa.core.yaml_files import find, parse_yaml, to_yaml
from yukawa.jets.features.expressions import FourMomentum, Node, columns_of, parse, parse_any
from yukawa.jets.table import LABEL

AUTO = "auto"
POINTS, FEATURES, VECTORS, MASK = "pf_points", "pf_features", "pf_vectors", "pf_mask"
ROWS = {FEATURES: "features_NF", VECTORS: "momenta_N4", POINTS: "points_N2"}
SHIPPED = Path(__file__).parent
_WIDTHS = {VECTORS: (4, "px, py, pz and energy"), POINTS: (2, "the two coordinates"), MASK: (1, "one")}
_UNSUPPORTED = {
    "branch_magic": "rename the columns in the files, or in the config",
    "file_magic": "write the label into the files",
    "bucketing": "remove it: packed rows need no padding, so nothing is gained by buckets",
}

# A text is not a number, nor is a truth value; an expression is one line.
Number = Annotated[float, Field(strict=True, ge=-float("inf"))]
Expression = Annotated[str | None, BeforeValidator(lambda given: " ".join(str(given).split()) or None)]
Names = tuple[str, ...]


class _ConfigTable(StrictModel):
    """A table of a config, in which a key without a value counts as missing."""

    model_config = ConfigDict(allow_inf_nan=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {str(key): value for key, value in given.items() if value is not None}


class Variable(NamedTuple):
    """One number of a particle: `clip((x - center) * scale, low, high)`, or x itself where center is None.

    `center` is "auto" until it is computed from data. `pad_value` matters to weaver alone: packed rows need no
    padding, so neither it nor a group's `pad_mode` changes what a network sees here.
    """

    name: str
    center: Number | Literal["auto"] | None = None
    scale: Number = 1.0
    low: Number = -5.0
    high: Number = 5.0
    pad_value: Number = 0.0


class InputGroup(_ConfigTable):
    """One array that a network takes: at most `length` particles of a jet (None: all), each with these variables."""

    length: Annotated[int, Field(strict=True, ge=1)] | None = None
    pad_mode: Literal["constant", "wrap"] = "constant"
    vars: tuple[Variable, ...] = Field(min_length=1)

    @field_validator("pad_mode", mode="before")
    @classmethod
    def _in_any_case(cls, given: Any) -> Any:
        return given.lower() if isinstance(given, str) else given

    @field_validator("vars", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        if not isinstance(given, (list, tuple)):
            raise ValueError("a list of variables is expected")
        for one in given:
            if isinstance(one, list) and not (1 <= len(one) <= len(Variable._fields)):
                raise ValueError(
                    f"{one} is not a variable: [name, subtract_by, multiply_by, clip_min, clip_max, pad_value]"
                )
        return [(one,) if isinstance(one, str) else one for one in given]

    @model_validator(mode="after")
    def _bounds_rise(self) -> Self:
        for name, _, _, low, high, _ in self.vars:
            if low > high:
                raise ValueError(f"clip_min {low:g} of {name} is above clip_max {high:g}")
        return self

    @field_serializer("vars")
    def _as_lists(self, variables: tuple[Variable, ...]) -> list[list[Any]]:
        return [[*one][: 2 if one.center is None else None] for one in variables]


class Inputs(_ConfigTable):
    """The arrays that a network takes; `pf_mask` is 0 for particles to omit."""

    pf_points: InputGroup
    pf_features: InputGroup
    pf_vectors: InputGroup
    pf_mask: InputGroup | None = None

    @property
    def groups(self) -> dict[str, InputGroup]:
        """The groups that are there, by name."""
        return {name: group for name, group in self if group is not None}

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        for name, group in self.groups.items():
            width, what = _WIDTHS.get(name, (len(group.vars), ""))
            if len(group.vars) != width:
                raise ValueError(f"{name} has {len(group.vars)} vars, expected: {what}")
        lengths = {group.length for group in self.groups.values()}
        if len(lengths) > 1:
            raise ValueError(
                f"all groups need the same length; given are {', '.join(sorted(map(str, lengths)))}"
            )
        return self


class LabelDefinition(_ConfigTable):
    """The definition of the classes: how a jet's class is found.

    Attributes:
        type: `simple`: `value` lists a 0-or-1 expression for each class; `custom`: it gives a name to one
            expression for the number of the class.
        classes: the names of the classes, in the order of a network's outputs; simple labels are named after
            their columns by default.
    """

    type: Literal["simple", "custom"]
    value: Names | dict[str, str] = ()
    classes: Names = ()

    @property
    def names(self) -> Names:
        """The names of the classes."""
        return tuple(name.removeprefix(LABEL) for name in self.classes or self.expressions)

    @property
    def expressions(self) -> Names:
        """One expression for each class, or one for the number of the class."""
        return tuple(self.value.values()) if isinstance(self.value, dict) else self.value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type == "simple":
            if isinstance(self.value, dict) or not self.value:
                raise ValueError("value: a list of 0-or-1 columns is expected")
            if len(self.names) != len(self.value):
                raise ValueError(f"{len(self.names)} classes are named for {len(self.value)} values")
        elif not isinstance(self.value, dict) or len(self.value) != 1:
            raise ValueError("a custom label with one expression for the number of the class is expected")
        elif not self.classes:
            raise ValueError("a custom label does not name its classes: add classes: [name, ...]")
        return self


class Weights(_ConfigTable):
    """How much a jet counts: precomputed columns multiplied, or a histogram over two variables for each class."""

    use_precomputed_weights: bool = False
    weight_branches: Names = ()
    reweight_method: Literal["flat", "ref"] = "flat"
    reweight_vars: dict[str, tuple[Number, ...]] = Field(default_factory=dict)
    reweight_classes: Names = ()
    class_weights: tuple[Annotated[Number, Field(ge=0)], ...] = ()
    reweight_threshold: Annotated[Number, Field(ge=0, le=100)] = 10.0
    reweight_discard_under_overflow: bool = True
    reweight_basewgt: Expression = None
    reweight_hists: dict[str, list[list[float]]] | None = None

    @property
    def by_class(self) -> dict[str, float]:
        """The weight of each class."""
        weights = self.class_weights or (1.0,) * len(self.reweight_classes)
        return dict(zip(self.reweight_classes, weights, strict=True))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.use_precomputed_weights:
            if not self.weight_branches:
                raise ValueError("weight_branches, a list of columns, is missing")
            return self
        named = len(self.class_weights or self.reweight_classes)
        if len(self.reweight_vars) != 2 or not self.reweight_classes or named != len(self.reweight_classes):
            raise ValueError(
                "reweight_vars needs two variables, and reweight_classes a weight for each class"
            )
        for name, edges in self.reweight_vars.items():
            if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
                raise ValueError(f"the bin edges of {name} must increase: {list(edges)}")
        return self


class Preprocess(_ConfigTable):
    """How variables are standardised; `params` is what weaver computed, and moves into the variables."""

    method: Literal["manual", "auto"] = "manual"
    data_fraction: Annotated[Number, Field(ge=0, le=1)] = 0.1
    nonfinite: Literal["refuse", "replace"] = "refuse"
    params: dict[str, dict[str, Any]] = Field(default_factory=dict, exclude=True)


class DataConfig(_ConfigTable):
    """What a network sees of a jet: the only mechanism for all inputs.

    Beyond weaver's keys there are three: `sort_by` (a column of particles: those of a jet beyond `length` are
    cut in falling order of it, rather than in the order of the file), `preprocess: nonfinite` ("refuse", the
    default: a feature that is NaN or infinite is an error; "replace": NaN and infinity become 0, with a warning
    and a count), and `labels: classes` (the names of the classes of a custom label).
    """

    treename: str | None = None
    selection: Expression = None
    test_time_selection: Expression = None
    new_variables: dict[str, str] = Field(default_factory=dict)
    preprocess: Preprocess = Preprocess()
    sort_by: Expression = None
    inputs: Inputs
    labels: LabelDefinition
    observers: Names = ()
    monitor_variables: Names = ()
    weights: Weights | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_weaver_means_it(cls, given: Any) -> Any:
        """The table with the centers that follow from the method and the parameters; unsupported keys are refused."""
        for key, hint in _UNSUPPORTED.items():
            if isinstance(given, Mapping) and given.get(key) is not None:
                raise InputError(f"{key} is not supported", hint=hint)
        found = {key: value for key, value in dict(given).items() if key not in _UNSUPPORTED}
        preprocess, inputs = found.get("preprocess") or {}, found.get("inputs")
        if isinstance(preprocess, Mapping) and isinstance(inputs, Mapping):
            auto, params = preprocess.get("method") == AUTO, preprocess.get("params") or {}
            found["inputs"] = {
                key: _completed(group, auto and key != MASK, params) for key, group in inputs.items()
            }
        return found

    @model_validator(mode="after")
    def _expressions_are_allowed(self) -> Self:
        used = [variable.name for group in self.inputs.groups.values() for variable in group.vars]
        self.columns([*used, *self.observers, *self.monitor_variables])
        for text in (self.selection, self.test_time_selection, *self.labels.expressions):
            if text:
                self.tree(text)
        return self

    @property
    def classes(self) -> Names:
        """The names of the classes, in the order of a network's outputs."""
        return self.labels.names

    @property
    def features(self) -> Names:
        """The names of the features of a particle, in order."""
        return tuple(variable.name for variable in self.inputs.pf_features.vars)

    @property
    def length(self) -> int | None:
        """The largest number of particles that a network sees of a jet; None for all."""
        return self.inputs.pf_features.length

    @property
    def standardised(self) -> bool:
        """Whether every variable's center and scale are known."""
        return all(one.center != AUTO for group in self.inputs.groups.values() for one in group.vars)

    @property
    def resolved(self) -> bool:
        """Whether nothing is left to be computed from data."""
        known = self.weights is None or self.weights.use_precomputed_weights or self.weights.reweight_hists
        return self.standardised and bool(known)

    @property
    def variables(self) -> Mapping[str, Node]:
        """The trees of the new variables, without four-momenta, by name.

        Raises:
            InputError: an expression is not allowed, or variables need each other in a circle.
        """
        return _trees(tuple(self.new_variables.items()))[0]

    def tree(self, text: str) -> Node:
        """The tree of an expression over this config's columns and new variables."""
        return parse(text, _trees(tuple(self.new_variables.items()))[1])

    def columns(self, names: Iterable[str]) -> Names:
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

    def with_variables(self, variables: Mapping[str, tuple[Variable, ...]]) -> "DataConfig":
        """The same config with other variables in the named groups."""
        groups = {
            key: group.model_copy(update={"vars": variables.get(key, group.vars)})
            for key, group in self.inputs.groups.items()
        }
        return self.model_copy(update={"inputs": self.inputs.model_copy(update=groups)})

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the form of the YAML files; `read_config` gives the same config back."""
        found = self.model_dump(mode="json")
        for table in (found["inputs"], found["labels"], found["weights"] or {}, found):
            for key in [key for key, value in table.items() if value in (None, [], {})]:
                del table[key]
        return found

    def to_yaml(self) -> str:
        """The text of a YAML file that `load_data_config` reads back."""
        return to_yaml(self.to_dict(), width=110)


def _completed(group: Any, auto: bool, params: Mapping[str, Any]) -> Any:
    """A group of inputs in which variables without a center are `auto`, and `params` take precedence."""
    if not isinstance(group, Mapping) or not isinstance(group.get("vars"), list):
        return group
    variables = []
    for one in group["vars"]:
        one = [one] if isinstance(one, str) else one
        one = [*one, AUTO] if auto and isinstance(one, list) and len(one) == 1 else one
        if isinstance(one, list) and one and one[0] in params:
            known = params[one[0]]
            full = [*one, *list(Variable._field_defaults.values())[len(one) - 1 :]]
            keys = ("center", "scale", "min", "max", "pad_value")
            one = [one[0], *(known.get(key, old) for key, old in zip(keys, full[1:], strict=True))]
        variables.append(one)
    return {**group, "vars": variables}


@lru_cache(maxsize=64)
def _trees(new_variables: tuple[tuple[str, str], ...]) -> tuple[dict[str, Node], dict[str, FourMomentum]]:
    """The trees of new variables, and those that are four-momenta; one that only repeats a column's name is omitted."""
    trees: dict[str, Node] = {}
    momenta: dict[str, FourMomentum] = {}
    for name, text in new_variables:
        try:
            tree = parse_any(text, momenta)
        except InputError as error:
            raise InputError(f"new variable {name}: {error.message}", hint=error.hint) from None
        if isinstance(tree, FourMomentum):
            momenta[name] = tree
        elif text.strip() != name:
            trees[name] = tree
    try:
        TopologicalSorter({name: columns_of(tree) for name, tree in trees.items()}).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise InputError(
            f"new_variables: {circle} is circular", hint="give a new variable a new name"
        ) from None
    return trees, momenta


# ---- reading ----


def built_in_configs() -> Names:
    """The names of the configs that come with Yukawa."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def load_data_config(name_or_path: str | Path) -> DataConfig:
    """Read a config that comes with Yukawa, by its name, or one of your own by the path of its YAML file.

    Raises:
        InputError: there is none, or something in it is wrong; one line says what, and what is allowed.
    """
    path = find(name_or_path, SHIPPED, "data config")
    return read_config(read_text(path), str(name_or_path))


def read_config(text: str, name: str = "data config") -> DataConfig:
    """Read the YAML text of a config, which messages call `name`.

    Raises:
        InputError: something in it is wrong.
    """
    given = parse_yaml(text, name)
    if not isinstance(given, Mapping):
        raise InputError(f"{name} is not a table of keys and values", hint="write lines like `key: value`")
    try:
        return checked(DataConfig, given, name)
    except InputError as error:
        if error.message.startswith(name):
            raise
        raise InputError(f"{name}: {error.message}", hint=error.hint) from None
