"""The parts of a data config: variables, inputs, labels and weights, as they stand in its YAML text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from yukawa.core.errors import InputError, nearest
from yukawa.jets.columns import LABEL

AUTO, MASK = "auto", "pf_mask"


@dataclass(frozen=True)
class Variable:
    """One number a particle has: `clip((x - center) * scale, low, high)`, or x itself where center is None.

    `center` is "auto" until it is computed from data. `pad_value` matters to weaver alone: packed rows need no
    padding, so neither it nor an input's `pad_mode` changes what a network sees here.
    """

    name: str
    center: float | str | None = None
    scale: float = 1.0
    low: float = -5.0
    high: float = 5.0
    pad_value: float = 0.0

    def to_list(self) -> list[Any]:
        """As in YAML."""
        if self.center is None:
            return [self.name, None]
        return [self.name, self.center, self.scale, self.low, self.high, self.pad_value]


@dataclass(frozen=True)
class InputGroup:
    """One array that a network takes: at most `length` particles a jet (None: all), each with these variables."""

    variables: tuple[Variable, ...]
    length: int | None = None
    pad_mode: str = "constant"


@dataclass(frozen=True)
class LabelDefinition:
    """Which class a jet is of.

    Attributes:
        classes: their names, in the order of a network's outputs.
        values: one 0-or-1 expression a class (type `simple`), or one expression for the class's number (`custom`).
        kind: "simple" or "custom".
        name: what a custom label is called.
    """

    classes: tuple[str, ...]
    values: tuple[str, ...]
    kind: str = "simple"
    name: str = ""


@dataclass(frozen=True)
class Weights:
    """How much a jet counts: precomputed columns multiplied, or a histogram over two variables for each class."""

    branches: tuple[str, ...] = ()
    method: str = "flat"
    variables: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    class_weights: tuple[float, ...] = ()
    threshold: float = 10.0
    discard_outside: bool = True
    base: str | None = None
    histograms: Mapping[str, list[list[float]]] | None = None

    @property
    def precomputed(self) -> bool:
        """Whether weights are columns of the data."""
        return bool(self.branches)


def read_input(key: str, given: Any, method: str, params: Mapping[str, Any]) -> InputGroup:
    """One entry of `inputs`; `params` is what weaver computed and wrote under `preprocess`."""
    table = table_of(given, f"inputs: {key}", ("length", "pad_mode", "vars"))
    length = table.get("length")
    if length is not None and (not isinstance(length, int) or length < 1):
        raise InputError(f"inputs: {key}: length is {length!r}, a whole number from 1 or null is expected")
    listed = table.get("vars")
    if not isinstance(listed, list) or not listed:
        raise InputError(f"inputs: {key}: vars is {listed!r}, a list of variables is expected")
    return InputGroup(
        tuple(
            _variable(key, one, AUTO if method == AUTO and key != MASK else None, params) for one in listed
        ),
        length,
        choice_of(
            str(table.get("pad_mode") or "constant").lower(), f"inputs: {key}: pad_mode", ("constant", "wrap")
        ),
    )


def _variable(key: str, given: Any, center: str | None, params: Mapping[str, Any]) -> Variable:
    """One entry of `vars`; what `preprocess: params`, written by weaver, says of it comes first."""
    where = f"inputs: {key}: {given!r}"
    parts = given if isinstance(given, list) else [given]
    if not parts or not isinstance(parts[0], str) or len(parts) > 6:
        raise InputError(
            f"{where} is no variable",
            hint="a name, or [name, subtract_by, multiply_by, clip_min, clip_max, pad_value]",
        )
    rest = [center, 1, -5, 5, 0]
    rest[: len(parts) - 1] = parts[1:]
    if known := params.get(parts[0]):
        rest = [
            known.get(key, old)
            for key, old in zip(("center", "scale", "min", "max", "pad_value"), rest, strict=True)
        ]
    first = rest[0] if rest[0] in (None, AUTO) else number_of(rest[0], where)
    numbers = [number_of(value, where) for value in rest[1:]]
    if numbers[1] > numbers[2]:
        raise InputError(f"{where}: clip_min {numbers[1]:g} is above clip_max {numbers[2]:g}")
    return Variable(parts[0], first, *numbers)


def read_labels(given: Any) -> LabelDefinition:
    """What stands under `labels`."""
    table = table_of(given, "labels", ("type", "value", "classes"))
    kind = choice_of(table.get("type"), "labels: type", ("simple", "custom"))
    value = table.get("value")
    if kind == "simple":
        if not isinstance(value, list) or not value:
            raise InputError(f"labels: value is {value!r}, a list of 0-or-1 columns is expected")
        names = names_of(table.get("classes") or list(map(str, value)), "labels: classes")
        if len(names) != len(value):
            raise InputError(f"labels: {len(names)} classes are named for {len(value)} values")
        return LabelDefinition(tuple(name.removeprefix(LABEL) for name in names), tuple(map(str, value)))
    if not isinstance(value, dict) or len(value) != 1:
        raise InputError("labels: a custom label with one expression for the number of the class is expected")
    if not table.get("classes"):
        raise InputError(
            "labels: a custom label does not say what its classes are called", hint="add classes: [name, ...]"
        )
    ((name, text),) = value.items()
    return LabelDefinition(names_of(table["classes"], "labels: classes"), (str(text),), kind, str(name))


def labels_to_dict(labels: LabelDefinition) -> dict[str, Any]:
    """What `read_labels` reads."""
    if labels.kind == "custom":
        return {"type": "custom", "value": {labels.name: labels.values[0]}, "classes": list(labels.classes)}
    found: dict[str, Any] = {"type": "simple", "value": list(labels.values)}
    if labels.classes != tuple(value.removeprefix(LABEL) for value in labels.values):
        found["classes"] = list(labels.classes)
    return found


_WEIGHT_KEYS = ("use_precomputed_weights", "weight_branches", "reweight_method", "reweight_vars", "reweight_classes",
                "class_weights", "reweight_threshold", "reweight_discard_under_overflow", "reweight_basewgt",
                "reweight_hists")  # fmt: skip


def read_weights(given: Any) -> Weights | None:
    """What stands under `weights`."""
    if given is None:
        return None
    table = table_of(given, "weights", _WEIGHT_KEYS)
    if table.get("use_precomputed_weights"):
        branches = names_of(table.get("weight_branches"), "weights: weight_branches")
        if not branches:
            raise InputError("weights: weight_branches, a list of columns, is missing")
        return Weights(branches=branches)
    variables = table_of(table.get("reweight_vars"), "weights: reweight_vars", None)
    classes = names_of(table.get("reweight_classes"), "weights: reweight_classes")
    class_weights = tuple(
        number_of(x, "weights: class_weights", 0) for x in table.get("class_weights") or [1.0] * len(classes)
    )
    if len(variables) != 2 or not classes or len(class_weights) != len(classes):
        raise InputError(
            "weights: reweight_vars needs two variables, and reweight_classes a weight for each class"
        )
    edges = {
        str(name): tuple(number_of(x, f"weights: {name}") for x in bins) for name, bins in variables.items()
    }
    for name, bins in edges.items():
        if len(bins) < 2 or any(a >= b for a, b in pairwise(bins)):
            raise InputError(f"weights: the bin edges of {name} must rise: {list(bins)}")
    threshold, outside = table.get("reweight_threshold"), table.get("reweight_discard_under_overflow")
    return Weights(
        method=choice_of(table.get("reweight_method"), "weights: reweight_method", ("flat", "ref")),
        variables=edges,
        classes=classes,
        class_weights=class_weights,
        threshold=number_of(10 if threshold is None else threshold, "weights: reweight_threshold", 0, 100),
        discard_outside=True if outside is None else bool(outside),
        base=text_of(table.get("reweight_basewgt")),
        histograms=table.get("reweight_hists"),
    )


def weights_to_dict(weights: Weights) -> dict[str, Any]:
    """What `read_weights` reads."""
    if weights.precomputed:
        return {"use_precomputed_weights": True, "weight_branches": list(weights.branches)}
    return {
        "use_precomputed_weights": False,
        "reweight_method": weights.method,
        "reweight_vars": {name: list(bins) for name, bins in weights.variables.items()},
        "reweight_classes": list(weights.classes),
        "class_weights": list(weights.class_weights),
        "reweight_threshold": weights.threshold,
        "reweight_discard_under_overflow": weights.discard_outside,
        "reweight_basewgt": weights.base,
        "reweight_hists": None if weights.histograms is None else dict(weights.histograms),
    }


def table_of(given: Any, where: str, allowed: Sequence[str] | None) -> Mapping[str, Any]:
    """`given` as a table that has no other keys than `allowed` (None: any)."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise InputError(f"{where} is {given!r}, a table of keys and values is expected")
    for key in given if allowed is not None else ():
        if key not in (allowed or ()):
            near = nearest(str(key), allowed or ())
            raise InputError(
                f"{where} has the unknown key {key}; allowed are {', '.join(allowed or ())}",
                hint=f"did you mean {near}?" if near else "",
            )
    return given


def choice_of(given: Any, where: str, allowed: Sequence[str]) -> str:
    """`given` if it is one of `allowed`."""
    if given not in allowed:
        near = nearest(str(given), allowed)
        raise InputError(
            f"{where} is {given!r}, allowed are {', '.join(allowed)}",
            hint=f"did you mean {near}?" if near else "",
        )
    return str(given)


def number_of(given: Any, where: str, least: float = float("-inf"), most: float = float("inf")) -> float:
    """`given` if it is a number between `least` and `most`."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not least <= given <= most:
        between = "" if least == float("-inf") else f" from {least:g} to {most:g}"
        raise InputError(f"{where}: {given!r} where a number{between} is expected")
    return float(given)


def names_of(given: Any, where: str) -> tuple[str, ...]:
    """`given` if it is a list of names; nothing counts as an empty one."""
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise InputError(f"{where} is {given!r}, a list of names is expected")
    return tuple(given)


def text_of(given: Any) -> str | None:
    """An expression on one line, or None where there is none."""
    return None if given is None or not str(given).strip() else " ".join(str(given).split())
