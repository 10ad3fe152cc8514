"""Computes expressions over jets: with NumPy over flat arrays, or with PyTorch over padded tensors."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, nearest, require
from yukawa.jets.features.expressions import FUNCTIONS, REDUCTIONS, TYPES, Constant, Name, Node
from yukawa.jets.table import Array, Jets

_SMALL = ("int8", "uint8", "int16", "uint16")  # such numbers would overflow


@lru_cache
def _kind(dtype: Any) -> str:
    """The name of a type, which NumPy and PyTorch share."""
    return str(dtype).rpartition(".")[2]


class Level(IntEnum):
    """What has a value of its own; a value of a lower level counts for all that belongs to it."""

    CONSTANT = 0
    JET = 1
    PARTICLE = 2


@dataclass(frozen=True)
class Value:
    """A computed value: a number, an array over jets, or an array over particles."""

    level: Level
    data: Any


class Frame(ABC):
    """The columns of some jets, and the values computed from them, each new variable once.

    Args:
        namespace: the module that has the functions, NumPy or PyTorch.
        particles: columns of particles by name.
        scalars: columns of jets by name.
        variables: trees of the new variables by name; a new variable hides a column of its name.
    """

    aliases: Mapping[str, str] = {}  # functions that the namespace calls otherwise

    def __init__(
        self,
        namespace: Any,
        particles: Mapping[str, Any],
        scalars: Mapping[str, Any],
        variables: Mapping[str, Node],
    ) -> None:
        self.namespace = namespace
        self.particles, self.scalars, self.variables = particles, scalars, variables
        self._computed: dict[str, Value] = {}

    def column(self, name: str) -> Value:
        """The value of a new variable or column.

        Raises:
            InputError: there is neither.
        """
        if name not in self._computed:
            if name in self.variables:
                self._computed[name] = self.evaluate(self.variables[name])
            elif name in self.particles:
                self._computed[name] = Value(Level.PARTICLE, self.particles[name])
            elif name in self.scalars:
                self._computed[name] = Value(Level.JET, self.scalars[name])
            else:
                there = [*self.particles, *self.scalars]
                near = nearest(name, [*self.variables, *there])
                raise InputError(
                    f"there is no column {name}; the jets have: {', '.join(there)}",
                    hint=f"did you mean {near}?" if near else "",
                )
        return self._computed[name]

    def evaluate(self, node: Node) -> Value:
        """Compute an expression; a value of a jet counts for each of its particles.

        Raises:
            InputError: a column is missing, values of jets are reduced, or a function does not take values of
                these types.
        """
        if isinstance(node, Constant):
            return Value(Level.CONSTANT, node.value)
        if isinstance(node, Name):
            return self.column(node.name)
        values = [self.evaluate(argument) for argument in node.arguments]
        if node.function in REDUCTIONS:
            if values[0].level != Level.PARTICLE:
                raise InputError(
                    f"{node.function} works on the particles of a jet, but was given values of whole jets"
                )
            return Value(Level.JET, self.reduce(node.function, values[0].data))
        level = max(value.level for value in values)
        return Value(level, self.apply(node.function, [self.raised(value, level) for value in values]))

    def apply(self, function: str, arguments: Collection[Any]) -> Any:
        """A function of `FUNCTIONS`; values that are not finite come out as such, without warning."""
        truths = FUNCTIONS[function].truths
        given = [self._fitting(self.array(x), truths) for x in arguments]
        if function in TYPES:
            return self.cast(given[0], function)
        if function == "clip":
            x, low, high = given
            return self.namespace.minimum(self.namespace.maximum(x, low), high)
        return getattr(self.namespace, self.aliases.get(function, function))(*given)

    def _fitting(self, x: Any, truths: str) -> Any:
        """Whole numbers of at least 32 bits, and truth values as the type `truths`."""
        kind = _kind(getattr(x, "dtype", ""))
        if kind in _SMALL or (kind == "bool" and truths):
            return self.cast(x, "int32" if kind in _SMALL else truths)
        return x

    def array(self, x: Any) -> Any:
        """An argument as the namespace takes it."""
        return x

    def raised(self, value: Value, level: Level) -> Any:
        """The data of `value` in a shape that meets values of `level`."""
        return value.data

    @abstractmethod
    def cast(self, x: Any, kind: str) -> Any:
        """Values as numbers of a type of `TYPES`."""

    @abstractmethod
    def reduce(self, function: str, x: Any) -> Any:
        """A function of `REDUCTIONS`; the greatest, smallest and mean value of an empty jet are NaN."""


class FlatFrame(Frame):
    """Computes with NumPy over jets in memory: (N,) for particles, (B,) for jets."""

    def __init__(self, jets: Jets, variables: Mapping[str, Node]) -> None:
        super().__init__(np, jets.particles, jets.scalars, variables)
        self.jets = jets

    def raised(self, value: Value, level: Level) -> Any:
        """The data of `value`; those of jets are repeated for their particles."""
        if level == Level.PARTICLE and value.level == Level.JET:
            return np.repeat(value.data, self.jets.counts)
        return value.data

    def apply(self, function: str, arguments: Collection[Any]) -> Any:
        """A function of `FUNCTIONS`."""
        with np.errstate(all="ignore"):
            try:
                return super().apply(function, arguments)
            except (TypeError, ValueError, OverflowError) as error:
                kinds = ", ".join(str(getattr(x, "dtype", x)) for x in arguments)
                raise InputError(f"{function} of {kinds} cannot be computed: {error}") from None

    def cast(self, x: Any, kind: str) -> Any:
        """Values as numbers of a type of `TYPES`."""
        return np.asarray(x).astype(kind)

    def reduce(self, function: str, x: Array) -> Array:
        """A function of `REDUCTIONS`, shape (B,)."""
        counts = self.jets.counts
        if function == "num":
            return counts
        if function == "mean":
            with np.errstate(all="ignore"):
                return self.reduce("sum", x) / counts.astype(np.float32)
        whole = {"sum": 0, "any": False, "all": True}
        ufunc: Any = {"sum": np.add, "max": np.maximum, "min": np.minimum,
                      "any": np.logical_or, "all": np.logical_and}[function]  # fmt: skip
        x = self._fitting(x, "int32") if function == "sum" else x
        dtype = np.dtype(bool) if function in ("any", "all") else x.dtype
        if function in ("max", "min") and not np.all(counts):
            dtype = np.result_type(dtype, np.float32)  # for NaN
        result = np.full(len(counts), whole.get(function, np.nan if dtype.kind == "f" else 0), dtype)
        if np.any(counts):
            # Empty jets have no rows: without their starts, every other group stays whole.
            result[counts > 0] = ufunc.reduceat(x, self.jets.offsets[:-1][counts > 0])
        return result

    def of_jets(self, node: Node, what: str) -> Array:
        """The value of each jet, shape (B,).

        Raises:
            InputError: the expression has a value for each particle; `what` names it in the message.
        """
        value = self.evaluate(node)
        if value.level == Level.PARTICLE:
            raise InputError(
                f"{what} has a value for each particle, one for each jet is expected",
                hint="reduce it, as in ak.any(..., axis=1)",
            )
        return np.broadcast_to(np.asarray(value.data), len(self.jets))


class PaddedFrame(Frame):
    """Computes with PyTorch over padded tensors: (B, P) for particles, (B, 1) for jets; `mask_BP` is true for particles."""

    # Not every operator of PyTorch can be exported to ONNX.
    aliases = {"power": "pow", "invert": "bitwise_not", "equal": "eq"}  # noqa: RUF012 -- never changed

    def __init__(
        self,
        particles: Mapping[str, Any],
        scalars: Mapping[str, Any],
        mask_BP: Any,
        variables: Mapping[str, Node],
    ) -> None:
        torch = require("torch", "computing features for an exported network", "jets")
        super().__init__(torch, particles, scalars, variables)
        self.mask_BP = mask_BP

    def array(self, x: Any) -> Any:
        """Every argument as a tensor."""
        return self.namespace.as_tensor(x, device=self.mask_BP.device)

    def apply(self, function: str, arguments: Collection[Any]) -> Any:
        """A function of `FUNCTIONS`."""
        if function == "hypot":  # PyTorch's own cannot be exported to ONNX
            x, y = map(self.array, arguments)
            return self.namespace.sqrt(self.namespace.square(x) + self.namespace.square(y))
        if function == "where":
            condition, x, y = map(self.array, arguments)
            return self.namespace.where(condition != 0, x, y)
        return super().apply(function, arguments)

    def cast(self, x: Any, kind: str) -> Any:
        """Values as numbers of a type of `TYPES`."""
        return x.to(getattr(self.namespace, kind))

    def reduce(self, function: str, x: Any) -> Any:
        """A function of `REDUCTIONS` over the particles under the mask, (B, 1)."""
        torch, mask_BP = self.namespace, self.mask_BP
        counts = mask_BP.sum(dim=1, keepdim=True)
        match function:
            case "num":
                return counts
            case "any":
                return (x.to(torch.bool) & mask_BP).any(dim=1, keepdim=True)
            case "all":
                return ~(~x.to(torch.bool) & mask_BP).any(dim=1, keepdim=True)
            case "sum" | "mean":
                total = torch.where(mask_BP, x, 0).sum(dim=1, keepdim=True)
                return total if function == "sum" else total / counts
        sign = 1.0 if function == "max" else -1.0
        greatest = torch.where(mask_BP, x.to(torch.float32) * sign, -torch.inf).amax(dim=1, keepdim=True)
        return torch.where(counts > 0, greatest * sign, torch.nan)
