"""A sweep: one recipe with every combination of some of its values, one run after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from yukawa.core.config import Table, change
from yukawa.core.errors import InputError
from yukawa.training.recipe import Recipe, changed, parse_recipe, read_recipe

OVER = "over"


@dataclass(frozen=True)
class Variant:
    """One recipe of a sweep, and the name of its run."""

    name: str
    recipe: Recipe


def load_variants(path: str | Path, changes: Sequence[str] = ()) -> list[Variant]:
    """The recipes of a file: one with an empty name, or those of a sweep.

    A sweep has a table `over` of keys with lists of values, such as `mixture: [s1, s2]`; the first key changes slowest.

    Args:
        changes: as for `load_recipe`; one of a swept key leaves only this value.

    Raises:
        InputError: as for `load_recipe`, or `over` is no such table.
    """
    values = read_recipe(path)
    if OVER not in values:
        return [Variant("", parse_recipe(changed(values, changes), str(path)))]
    over = _checked(values.pop(OVER), path)
    plain = []
    for one in changes:
        key = one.partition("=")[0].strip()
        key = "adapter." + key[5:] if key.startswith("lora.") else key
        if key in over:
            over[key] = [_value(change(one))]
        else:
            plain.append(one)
    variants = []
    for chosen in product(*over.values()):
        swept = [f"{key}={value}" for key, value in zip(over, chosen, strict=True)]
        recipe = parse_recipe(changed(values, [*plain, *swept]), str(path))
        variants.append(Variant("-".join(str(value) for value in chosen), recipe))
    return variants


def _checked(over: Any, path: str | Path) -> dict[str, list[Any]]:
    table = isinstance(over, dict) and bool(over)
    if not table or not all(isinstance(values, list) and values for values in over.values()):
        raise InputError(
            f"{path}: over: keys with lists of values are expected", hint="such as mixture: [s1, s2]"
        )
    return {str(key): list(values) for key, values in over.items()}


def _value(table: Table) -> Any:
    """The one value at the bottom of `{"a": {"b": value}}`."""
    found: Any = table
    while isinstance(found, dict):
        found = next(iter(found.values()))
    return found
