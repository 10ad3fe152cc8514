"""Computes a data config with PyTorch over padded tensors, so that an exported network holds its preprocessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yukawa.core.errors import InputError
from yukawa.core.optional import require
from yukawa.jets.features.config import ROWS, DataConfig
from yukawa.jets.features.encoder import mask_variable
from yukawa.jets.features.expressions import TO_REAL, TO_WHOLE, Level, Node, Value, evaluate
from yukawa.jets.features.schema import InputGroup

if TYPE_CHECKING:
    from torch import Tensor

# Names of ours that differ in PyTorch.
_NAMES = {
    "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne",
    "power": "pow", "invert": "bitwise_not", "arctan2": "atan2", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip


def encode_padded(
    config: DataConfig, particles: Mapping[str, Tensor], scalars: Mapping[str, Tensor], mask_BP: Tensor
) -> dict[str, Tensor]:
    """The inputs of `ParticleTagger.forward_padded`, as `FeatureEncoder` computes them for packed particles.

    Nothing is refused here: features that are not finite come out so, or replaced if the config says that. The
    caller gives the particles that count, at most `config.length` of each jet.

    Args:
        config: what to compute.
        particles: columns of particles, each (B, P).
        scalars: columns of jets, each (B, 1).
        mask_BP: true where there is a particle.

    Returns:
        `features_BPF`, `momenta_BP4`, `points_BP2`, zero where there is no particle, and `mask_BP`.

    Raises:
        InputError: a column is missing.
    """
    torch = require("torch", "computing features for an exported network")
    frame = PaddedFrame(particles, scalars, mask_BP, config.variables)
    if name := mask_variable(config):
        mask_BP = mask_BP & (frame.column(name).data != 0)
    found = {}
    for key, row in ROWS.items():
        stacked = torch.stack(_standardised(frame, config.inputs[key], config), dim=-1)
        found[row.replace("_N", "_BP")] = torch.where(mask_BP[..., None], stacked, 0.0)
    return {**found, "mask_BP": mask_BP}


def _standardised(frame: PaddedFrame, given: InputGroup, config: DataConfig) -> list[Tensor]:
    torch = frame.torch
    columns = []
    for variable in given.variables:
        data = torch.as_tensor(frame.column(variable.name).data).to(torch.float32)
        column = data.expand(frame.mask_BP.shape)
        if variable.center is not None:
            column = ((column - variable.center) * variable.scale).clamp(variable.low, variable.high)
        if config.nonfinite == "replace":
            column = torch.nan_to_num(column, nan=0.0, posinf=0.0, neginf=0.0)
        columns.append(column)
    return columns


class PaddedFrame:
    """Computes expressions over padded tensors; each new variable once. Values of jets are (B, 1)."""

    def __init__(
        self,
        particles: Mapping[str, Tensor],
        scalars: Mapping[str, Tensor],
        mask_BP: Tensor,
        variables: Mapping[str, Node],
    ) -> None:
        self.torch = require("torch", "computing features for an exported network")
        self.particles = particles
        self.scalars = scalars
        self.mask_BP = mask_BP
        self.variables = variables
        self.computed: dict[str, Value] = {}

    def column(self, name: str) -> Value:
        """The value of a new variable or column.

        Raises:
            InputError: there is neither.
        """
        if name not in self.computed:
            if name in self.variables:
                self.computed[name] = evaluate(self.variables[name], self)
            elif name in self.particles:
                self.computed[name] = Value(Level.PARTICLE, self.particles[name])
            elif name in self.scalars:
                self.computed[name] = Value(Level.JET, self.scalars[name])
            else:
                raise InputError(
                    f"there is no column {name}; given are {', '.join([*self.particles, *self.scalars])}"
                )
        return self.computed[name]

    def raised(self, value: Value, level: Level) -> Any:
        """The data of `value`, which PyTorch broadcasts by itself."""
        return value.data

    def apply(self, function: str, arguments: Sequence[Any]) -> Tensor:
        """A function of `ELEMENTWISE`."""
        torch = self.torch
        given = [self._fitting(x, function) for x in arguments]
        match function:
            case "hypot":
                return torch.sqrt(torch.square(given[0]) + torch.square(given[1]))
            case "where":
                return torch.where(given[0] != 0, given[1], given[2])
            case "clip":
                return torch.minimum(torch.maximum(given[0], given[1]), given[2])
            case "float32" | "float64" | "int32" | "int64" | "bool":
                return given[0].to(getattr(torch, function))
        return getattr(torch, _NAMES.get(function, function))(*given)

    def _fitting(self, x: Any, function: str) -> Tensor:
        """A tensor of whole numbers that do not overflow, and of truth values as the function needs them."""
        torch = self.torch
        x = torch.as_tensor(x, device=self.mask_BP.device)
        if x.dtype in (torch.int8, torch.uint8, torch.int16):
            return x.to(torch.int32)
        if x.dtype == torch.bool and (function in TO_WHOLE or function in TO_REAL):
            return x.to(torch.int32 if function in TO_WHOLE else torch.float32)
        return x

    def reduce(self, function: str, value: Value) -> Tensor:
        """A function of `REDUCTIONS` over the particles under the mask, (B, 1).

        Raises:
            InputError: the values are not of particles.
        """
        torch, mask_BP = self.torch, self.mask_BP
        if value.level != Level.PARTICLE:
            raise InputError(f"{function} is over the particles of a jet, and was given values of whole jets")
        counts = mask_BP.sum(dim=1, keepdim=True)
        x = value.data
        match function:
            case "num":
                return counts
            case "any" | "all":
                wanted = x.to(torch.bool) == (function == "any")
                found = (wanted & mask_BP).any(dim=1, keepdim=True)
                return found if function == "any" else ~found
            case "sum":
                return torch.where(mask_BP, x, 0).sum(dim=1, keepdim=True)
            case "mean":
                return torch.where(mask_BP, x, 0).sum(dim=1, keepdim=True) / counts
        sign = 1.0 if function == "max" else -1.0
        greatest = torch.where(mask_BP, x.to(torch.float32) * sign, -torch.inf).amax(dim=1, keepdim=True)
        return torch.where(counts > 0, greatest * sign, torch.nan)
