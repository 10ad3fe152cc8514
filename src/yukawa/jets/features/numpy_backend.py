"""Computes expressions with NumPy over the flat arrays of jets in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, nearest
from yukawa.jets.features.expressions import ELEMENTWISE, TO_REAL, TO_WHOLE, Level, Node, Value, evaluate
from yukawa.jets.table import Array, Jets


class FlatFrame:
    """Computes over jets in memory; each new variable once.

    Args:
        jets: the columns.
        variables: the trees of the new variables by name.
    """

    def __init__(self, jets: Jets, variables: Mapping[str, Node]) -> None:
        self.jets = jets
        self.variables = variables
        self.computed: dict[str, Value] = {}

    def column(self, name: str) -> Value:
        """The value of a new variable or column; a new variable hides a column of its name.

        Raises:
            InputError: there is neither.
        """
        if name in self.computed:
            return self.computed[name]
        if name in self.variables:
            value = evaluate(self.variables[name], self)
        elif name in self.jets.particles:
            value = Value(Level.PARTICLE, self.jets.particles[name])
        elif name in self.jets.scalars:
            value = Value(Level.JET, self.jets.scalars[name])
        else:
            near = nearest(name, [*self.variables, *self.jets.columns])
            raise InputError(
                f"there is no column {name}; the jets have: {', '.join(self.jets.columns)}",
                hint=f"did you mean {near}?" if near else "",
            )
        self.computed[name] = value
        return value

    def raised(self, value: Value, level: Level) -> Any:
        """The data of `value`; those of jets are repeated for their particles."""
        if level == Level.PARTICLE and value.level == Level.JET:
            return np.repeat(value.data, self.jets.counts)
        return value.data

    def apply(self, function: str, arguments: Sequence[Any]) -> Any:
        """A function of `ELEMENTWISE`; values that are not finite come out as such, without warning.

        Raises:
            InputError: NumPy has no such function of values of these types.
        """
        given = [_fitting(x, function) if isinstance(x, np.ndarray) else x for x in arguments]
        with np.errstate(all="ignore"):
            try:
                return ELEMENTWISE[function][2](*given)
            except (TypeError, ValueError, OverflowError) as error:
                kinds = ", ".join(str(getattr(x, "dtype", x)) for x in arguments)
                raise InputError(f"{function} of {kinds} cannot be computed: {error}") from None

    def reduce(self, function: str, value: Value) -> Array:
        """A function of `REDUCTIONS`; the greatest, smallest and mean of an empty jet are NaN.

        Raises:
            InputError: the values are not of particles.
        """
        if value.level != Level.PARTICLE:
            raise InputError(f"{function} is over the particles of a jet, and was given values of whole jets")
        counts = self.jets.counts
        if function == "num":
            return counts
        if function == "mean":
            with np.errstate(all="ignore"):
                return self.reduce("sum", value) / counts.astype(np.float32)
        whole = {"sum": 0, "any": False, "all": True}
        ufunc: Any = {"sum": np.add, "max": np.maximum, "min": np.minimum,
                      "any": np.logical_or, "all": np.logical_and}[function]  # fmt: skip
        data = _fitting(value.data, "subtract") if function == "sum" else value.data
        dtype = np.dtype(bool) if function in ("any", "all") else data.dtype
        if function in ("max", "min") and not np.all(counts):
            dtype = np.result_type(dtype, np.float32)  # for NaN
        result = np.full(len(counts), whole.get(function, np.nan if dtype.kind == "f" else 0), dtype)
        if np.any(counts):
            # Empty jets have no rows: leaving out their starts leaves every other group whole.
            result[counts > 0] = ufunc.reduceat(data, self.jets.offsets[:-1][counts > 0])
        return result


def _fitting(x: Array, function: str) -> Array:
    """Whole numbers of 32 bits at least, which do not overflow, and truth values as the function needs them."""
    if x.dtype.kind in "iu" and x.dtype.itemsize < 4:
        return x.astype(np.int32)
    if x.dtype.kind == "b" and (function in TO_WHOLE or function in TO_REAL):
        return x.astype(np.int32 if function in TO_WHOLE else np.float32)
    return x


def of_jets(value: Value, jets: int, what: str) -> Array:
    """The data of a value of jets, shape (jets,).

    Raises:
        InputError: it is one of particles; `what` says in the message what it stands for.
    """
    if value.level == Level.PARTICLE:
        raise InputError(
            f"{what} has a value for each particle, one for each jet is expected",
            hint="reduce it, as in ak.any(..., axis=1)",
        )
    return np.broadcast_to(np.asarray(value.data), jets)
