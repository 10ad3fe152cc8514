"""ParticleNet: edge convolutions over nearest neighbours, first in angle, then in what was learnt."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.core.validation import checked
from yukawa.jets.models.layout import LengthGroup, fold, group_by_length, normalise, running_affine
from yukawa.jets.models.tagger import ParticleTagger, TaggerConfig, load_weights, unprefixed

# Numbers of one block of edges in inference, so that what is computed of it stays in the caches (2^17 to 2^19 are best).
BLOCK = 1 << 18


def nearest_neighbours(x_NC: Tensor, groups: Sequence[LengthGroup], neighbours: int) -> Tensor:
    """The nearest particles of the same jet by Euclidean distance, without the particle itself.

    Args:
        x_NC: coordinates of sorted particles; the squared distance is taken as x_i^2 - 2 x_i x_j + x_j^2.
        groups: the jets they belong to, see `group_by_length`.
        neighbours: how many.

    Returns:
        Row numbers (N, neighbours) in no particular order; N in place of those that a jet does not have.
    """
    particles, x_NC = len(x_NC), x_NC.detach()
    found = []
    for group in groups:
        distance = _distances(group.pad(x_NC), group.mask)
        few = min(neighbours, group.length)
        value, place = distance.topk(few, dim=-1, largest=False, sorted=False)
        first = group.first + group.counts_b.cumsum(0) - group.counts_b
        rows = (place + first[:, None, None]).masked_fill_(value.isinf(), particles)
        found.append(F.pad(rows[group.mask], (0, neighbours - few), value=particles))
    return torch.cat(found)


def nearest_neighbours_padded(x_BPC: Tensor, mask_BP: Tensor, neighbours: int) -> Tensor:
    """`nearest_neighbours` for padded particles: row numbers (B * P, neighbours) into (B * P, C)."""
    jets, length = mask_BP.shape
    distance = F.pad(_distances(x_BPC, mask_BP), (0, neighbours), value=float("inf"))
    value, place = distance.topk(neighbours, dim=-1, largest=False, sorted=False)
    first = torch.arange(jets, device=x_BPC.device)[:, None, None] * length
    return torch.where(value.isinf(), jets * length, place + first).flatten(0, 1)


def _distances(x_BPC: Tensor, mask_BP: Tensor) -> Tensor:
    """Squared distances (B, P, P); infinite to padding and to the particle itself."""
    inner = torch.bmm(x_BPC, x_BPC.transpose(1, 2)).mul(-2)
    square = (x_BPC * x_BPC).sum(dim=-1)
    distance = ((square[:, :, None] + inner) + square[:, None, :]).clamp(min=0)
    number = torch.arange(x_BPC.shape[1], device=x_BPC.device)
    itself = number == number[:, None]
    return distance.masked_fill(itself | ~mask_BP[:, None, :], float("inf"))


class EdgeConvolution(nn.Module):
    """Messages from each particle's neighbours, averaged, plus a shortcut (arXiv:1801.07829, arXiv:1902.08570).

    The message along an edge is a stack of layers (linear, batch normalisation, ReLU) over (x_i, x_j - x_i).
    Since the first layer is linear, W_a x_i + W_b (x_j - x_i) = (W_a - W_b) x_i + W_b x_j, it is computed for
    particles and not for edges. A neighbour that a jet does not have counts as one with x_j = 0.

    Args:
        inputs: features of a particle.
        widths: features after each layer.
        neighbours: how many neighbours each particle has.
    """

    def __init__(self, inputs: int, widths: Sequence[int], neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        sizes = [2 * inputs, *widths]
        self.linears = nn.ModuleList(
            nn.Linear(before, after, bias=False) for before, after in pairwise(sizes)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.shortcut: nn.Linear | None = None
        if inputs != widths[-1]:
            self.shortcut = nn.Linear(inputs, widths[-1], bias=False)
            self.shortcut_norm = nn.BatchNorm1d(widths[-1])

    def forward(self, x_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """New features (N, widths[-1]); `neighbours_NK` as `nearest_neighbours` gives them.

        While training, the statistics of the normalisations are those of the edges of real particles.
        """
        weight_a, weight_b = self.linears[0].weight.chunk(2, dim=1)
        centre_NC, other_NC = F.linear(x_NC, weight_a - weight_b), F.linear(x_NC, weight_b)
        messages_of = self._normalised_messages if self.training else self._folded_messages
        messages = messages_of(centre_NC, other_NC, neighbours_NK) / self.neighbours
        if self.shortcut is None:
            return F.relu(x_NC + messages)
        return F.relu(normalise(self.shortcut_norm, self.shortcut(x_NC)) + messages)

    def _normalised_messages(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """The sums of the messages to each particle, normalised by the statistics of the batch."""
        z_EC = F.relu_(
            normalise(self.norms[0], _along_edges(centre_NC, _with_absent(other_NC), neighbours_NK))
        )
        for linear, norm in zip(self.linears[1:], self.norms[1:], strict=True):
            z_EC = F.relu_(normalise(norm, linear(z_EC)))
        return z_EC.unflatten(0, neighbours_NK.shape).sum(dim=1)

    def _folded_messages(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """The same with the running statistics folded into the weights, for blocks of particles."""
        scale, shift = running_affine(self.norms[0])
        centre_NC, other_NC = torch.addcmul(shift, centre_NC, scale), _with_absent(other_NC * scale)
        layers = [fold(linear, norm) for linear, norm in zip(self.linears[1:], self.norms[1:], strict=True)]
        size = max(1, BLOCK // (self.neighbours * max(norm.num_features for norm in self.norms)))
        if centre_NC.is_cuda or torch.compiler.is_compiling():
            blocks = [(centre_NC, neighbours_NK)]
        else:
            blocks = list(zip(centre_NC.split(size), neighbours_NK.split(size), strict=True))
        sums = []
        for centre_nC, neighbours_nK in blocks:
            z_EC = F.relu_(_along_edges(centre_nC, other_NC, neighbours_nK))
            for weight, bias in layers:
                z_EC = F.relu_(F.linear(z_EC, weight, bias))
            sums.append(z_EC.unflatten(0, neighbours_nK.shape).sum(dim=1))
        return torch.cat(sums)


def _with_absent(other_NC: Tensor) -> Tensor:
    """A row of zeros behind the particles: the neighbour that a jet does not have."""
    return F.pad(other_NC, (0, 0, 0, 1))


def _along_edges(centre_NC: Tensor, other_XC: Tensor, neighbours_NK: Tensor) -> Tensor:
    """Each particle's own term plus that of each of its neighbours, (N K, C)."""
    # The gradient of an embedding is a good deal faster than that of `index_select`.
    return (F.embedding(neighbours_NK, other_XC) + centre_NC[:, None]).flatten(0, 1)


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
        together = sum(widths[1:])
        fused = min(max(together // 128 * 128, 128), 1024)  # as in weaver-core
        self.fusion = nn.Linear(together, fused, bias=False) if config.fusion else None
        self.fusion_norm = nn.BatchNorm1d(fused) if config.fusion else None
        sizes = [fused if config.fusion else widths[-1], *(width for width, _ in config.head)]
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

    def _infer_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
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
    ) -> "ParticleNet":
        """A tagger with the weights of a `ParticleNet` of weaver-core, ready for inference.

        Args:
            state_dict: its weights, as `torch.load` gives them; a common prefix such as `mod.` is taken off.
            hints: settings that no shape shows: `classes` (their names; else class_0, class_1, …), `neighbours` of
                every edge convolution (default 16) or a list of each one's, `dropout` of every hidden layer of the
                classifier (default 0.1).

        Raises:
            InputError: these are not such weights, or the hints contradict them.
        """
        weights = weights_from_weaver(state_dict)
        tagger = cls(_config_of(weights, dict(hints or {})))
        load_weights(tagger, weights, "the checkpoint")
        return tagger.eval()


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
    """Rename weaver's weights to our names; shapes as in our network.

    Raises:
        InputError: these are not the weights of a ParticleNet.
    """
    found = unprefixed(state_dict, "edge_convs.0.convs.0.weight", "ParticleNet")
    # A convolution of width 1 is a linear layer.
    return {_our_name(key): value.flatten(1) if value.dim() > 2 else value for key, value in found.items()}


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
    widths: list[list[int]] = []
    while found_widths := _widths(weights, f"blocks.{len(widths)}.linears.{{}}.weight"):
        widths.append(found_widths)
    each = neighbours if isinstance(neighbours, list) else [neighbours] * len(widths)
    if len(each) != len(widths):
        raise InputError(
            f"the checkpoint has {len(widths)} edge convolutions, neighbours are named for {len(each)}"
        )
    head = _widths(weights, "head.{}.weight", step=3)
    if not head:
        raise InputError("these are not the weights of a ParticleNet of weaver-core: it has no classifier")
    found = {
        "features": weights["blocks.0.linears.0.weight"].shape[1] // 2,
        "classes": [f"class_{number}" for number in range(head[-1])],
        "blocks": list(zip(each, widths, strict=True)),
        "head": [(width, dropout) for width in head[:-1]],
        "fusion": "fusion.weight" in weights,
        "input_norm": "input_norm.weight" in weights,
    }
    config = checked(ParticleNetConfig, found | hints, ParticleNet.__name__)
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
