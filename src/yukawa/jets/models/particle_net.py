"""ParticleNet: edge convolutions over nearest neighbours, first in angle, then in what was learnt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.jets.models.edge_convolution import (
    EdgeConvolution,
    nearest_neighbours,
    nearest_neighbours_padded,
)
from yukawa.jets.models.interface import ParticleTagger, TaggerConfig, pack
from yukawa.jets.models.layout import group_by_length
from yukawa.jets.models.pairs import normalise
from yukawa.jets.models.saving import configure, load_weights


class ParticleNetConfig(TaggerConfig):
    """The sizes of a ParticleNet; the defaults are those of the published network (arXiv:1902.08570).

    Attributes:
        blocks: of each edge convolution the number of neighbours and the features after each of its layers.
        head: of each hidden layer of the classifier its features and its dropout.
        fusion: whether the classifier sees the features after every block, not only after the last.
        input_norm: whether the features pass a batch normalisation first.
    """

    architecture: Literal["particle-net"] = "particle-net"
    features: PositiveInt
    blocks: tuple[tuple[PositiveInt, tuple[PositiveInt, ...]], ...] = Field(
        default=((16, (64, 64, 64)), (16, (128, 128, 128)), (16, (256, 256, 256))), min_length=1
    )
    head: tuple[tuple[PositiveInt, Annotated[float, Field(ge=0, lt=1)]], ...] = ((256, 0.1),)
    fusion: bool = False
    input_norm: bool = True


class ParticleNet(ParticleTagger):
    """ParticleNet (arXiv:1902.08570), computed on packed particles.

    Its results equal those of weaver-core 0.5.3 with the same weights in inference, for any number of
    particles: a neighbour that a short jet lacks counts as a particle with features 0, as padding does there.
    Differences, all on purpose: while training, batch normalisation sees real particles only, never padding; no
    particle is dropped at random to shorten a batch; a particle is never its own neighbour, even beside one
    with the same coordinates; a batch may hold no jet longer than the number of neighbours; an empty jet gives
    finite logits. As there, angles are differences: phi does not wrap around.
    """

    Config = ParticleNetConfig
    config: ParticleNetConfig

    def __init__(self, config: ParticleNetConfig) -> None:
        super().__init__(config)
        self.input_norm = nn.BatchNorm1d(config.features) if config.input_norm else None
        widths = [config.features, *(layers[-1] for _, layers in config.blocks)]
        self.blocks = nn.ModuleList(
            EdgeConvolution(inputs, layers, neighbours)
            for inputs, (neighbours, layers) in zip(widths, config.blocks, strict=False)
        )
        self.fusion = (
            nn.Linear(sum(widths[1:]), _fused(sum(widths[1:])), bias=False) if config.fusion else None
        )
        self.fusion_norm = nn.BatchNorm1d(_fused(sum(widths[1:]))) if config.fusion else None
        sizes = [
            _fused(sum(widths[1:])) if config.fusion else widths[-1],
            *(width for width, _ in config.head),
        ]
        layers: list[nn.Module] = []
        for before, (after, dropout) in zip(sizes, config.head, strict=False):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.head = nn.Sequential(*layers, nn.Linear(sizes[-1], len(config.classes)))

    def forward(self, features_NF: Tensor, momenta_N4: Tensor, points_N2: Tensor, counts_B: Tensor) -> Tensor:
        """Logits (B, C); the momenta are not used, see `ParticleTagger.forward`."""
        layout = group_by_length(counts_B)
        pooled_BC = features_NF.new_zeros(len(counts_B), self.head[0].in_features)
        if len(features_NF):
            x_NC = self._normalised(features_NF[layout.rows])
            points_NC = points_N2[layout.rows]
            found: list[Tensor] = []
            for block in self.blocks:
                x_NC = block(x_NC, nearest_neighbours(points_NC, layout.groups, block.neighbours))
                points_NC = x_NC
                found.append(x_NC)
            x_NC = self._fused(found)
            lengths = torch.cat([group.counts_b for group in layout.groups])
            jet_N = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
            pooled_BC = pooled_BC.to(x_NC.dtype).index_add(0, jet_N, x_NC)[layout.places]
        return self.head(pooled_BC / counts_B.clamp(min=1)[:, None].to(pooled_BC.dtype))

    def forward_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
        """Logits (B, C); the momenta are not used, see `ParticleTagger.forward_padded`."""
        if self.training:  # statistics are of real particles
            packed = [pack(padded, mask_BP) for padded in (features_BPF, momenta_BP4, points_BP2)]
            return self(*packed, mask_BP.sum(dim=1))
        real_X1 = mask_BP.reshape(-1, 1)
        x_XC = self._normalised(features_BPF.flatten(0, 1)).masked_fill(~real_X1, 0)
        found: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            points_BPC = x_XC.view(*mask_BP.shape, x_XC.shape[1]) if number else points_BP2
            points_BPC = points_BPC.masked_fill(~mask_BP[:, :, None], 0)
            neighbours = nearest_neighbours_padded(points_BPC, mask_BP, block.neighbours)
            x_XC = block(x_XC, neighbours).masked_fill(~real_X1, 0)
            found.append(x_XC)
        x_XC = self._fused(found).masked_fill(~real_X1, 0)
        pooled_BC = x_XC.view(*mask_BP.shape, x_XC.shape[1]).sum(dim=1)
        return self.head(pooled_BC / mask_BP.sum(dim=1, keepdim=True).clamp(min=1).to(pooled_BC.dtype))

    def _normalised(self, x_NF: Tensor) -> Tensor:
        return x_NF if self.input_norm is None else normalise(self.input_norm, x_NF)

    def _fused(self, found: Sequence[Tensor]) -> Tensor:
        if self.fusion is None or self.fusion_norm is None:
            return found[-1]
        return F.relu(normalise(self.fusion_norm, self.fusion(torch.cat(list(found), dim=1))))

    @classmethod
    def from_weaver(
        cls, state_dict: Mapping[str, Tensor], hints: Mapping[str, Any] | None = None
    ) -> ParticleNet:
        """A tagger with the weights of a `ParticleNet` of weaver-core, ready for inference.

        Args:
            state_dict: its weights, as `torch.load` gives them; a common prefix such as `mod.` is taken off.
            hints: what no shape shows: `classes` (their names; else class_0, class_1, …), `neighbours` of every edge convolution (default
                16), `dropout` of every hidden layer of the classifier (default 0.1).

        Raises:
            InputError: these are no such weights, or hints that contradict them.
        """
        weights = weights_from_weaver(state_dict)
        tagger = cls(_config_of(weights, dict(hints or {})))
        load_weights(tagger, weights, "the checkpoint")
        return tagger.eval()


def _fused(width: int) -> int:
    """Features after fusion, of `width` features of all blocks: whole multiples of 128, 128 to 1,024."""
    return min(max(width // 128 * 128, 128), 1024)


# Names in weaver's state dict and in ours.
_NAMES = (
    (r"bn_fts\.(\w+)", r"input_norm.\1"),
    (r"edge_convs\.(\d+)\.convs\.(\d+)\.weight", r"blocks.\1.linears.\2.weight"),
    (r"edge_convs\.(\d+)\.bns\.(\d+)\.(\w+)", r"blocks.\1.norms.\2.\3"),
    (r"edge_convs\.(\d+)\.sc\.weight", r"blocks.\1.shortcut.weight"),
    (r"edge_convs\.(\d+)\.sc_bn\.(\w+)", r"blocks.\1.shortcut_norm.\2"),
    (r"fusion_block\.0\.weight", r"fusion.weight"),
    (r"fusion_block\.1\.(\w+)", r"fusion_norm.\1"),
)


def weights_from_weaver(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under our names.

    Raises:
        InputError: these are not the weights of a ParticleNet.
    """
    first = next((key for key in state_dict if key.endswith("edge_convs.0.convs.0.weight")), None)
    if first is None:
        raise InputError("these are not the weights of a ParticleNet of weaver-core")
    prefix = first.removesuffix("edge_convs.0.convs.0.weight")
    weights = {}
    for key, value in state_dict.items():
        # A convolution of width 1 is a linear layer.
        weights[_our_name(key.removeprefix(prefix))] = value.flatten(1) if value.dim() > 2 else value
    return weights


def _our_name(key: str) -> str:
    for theirs, ours in _NAMES:
        if match := re.fullmatch(theirs, key):
            return match.expand(ours)
    if match := re.fullmatch(r"fc\.(\d+)\.(?:0\.)?(weight|bias)", key):
        return f"head.{3 * int(match[1])}.{match[2]}"  # each hidden layer is followed by ReLU and dropout
    return key


def _config_of(weights: Mapping[str, Tensor], hints: dict[str, Any]) -> ParticleNetConfig:
    """The sizes that renamed weaver weights have."""
    neighbours, dropout = hints.pop("neighbours", 16), hints.pop("dropout", 0.1)
    blocks: list[tuple[int, list[int]]] = []
    while widths := _widths(weights, f"blocks.{len(blocks)}.linears.{{}}.weight"):
        blocks.append((neighbours, widths))
    head = _widths(weights, "head.{}.weight", step=3)
    if not head:
        raise InputError("these are not the weights of a ParticleNet of weaver-core: it has no classifier")
    found = {
        "features": weights["blocks.0.linears.0.weight"].shape[1] // 2,
        "classes": [f"class_{number}" for number in range(head[-1])],
        "blocks": blocks,
        "head": [(width, dropout) for width in head[:-1]],
        "fusion": "fusion.weight" in weights,
        "input_norm": "input_norm.weight" in weights,
    }
    config: ParticleNetConfig = configure(ParticleNet, found | hints)
    if head[-1] != len(config.classes):
        raise InputError(
            f"the checkpoint has {head[-1]} outputs, but {len(config.classes)} classes are named"
        )
    return config


def _widths(weights: Mapping[str, Tensor], name: str, step: int = 1) -> list[int]:
    """The output sizes of consecutive linear layers."""
    widths: list[int] = []
    while (weight := weights.get(name.format(step * len(widths)))) is not None:
        widths.append(len(weight))
    return widths
