"""Particle Transformer (arXiv:2202.03772): attention among particles, biased by what each pair is like."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.core.validation import checked
from yukawa.jets.models import transformer
from yukawa.jets.models.layout import LengthGroup, attendable
from yukawa.jets.models.pairs import FEATURES, PairEmbedding, PairFeatures
from yukawa.jets.models.tagger import load_weights, unprefixed


class ParticleTransformerConfig(transformer.TransformerConfig):
    """Sizes of a Particle Transformer; the defaults are the published ones (2.14 million parameters).

    Attributes:
        embed_sizes: widths of the layers that embed a particle; the last is the width of the blocks.
        pair_sizes: widths of the hidden layers that embed a pair.
        pair_features: "hadron" (ln kT, ln z, ln Delta, ln m2) or "lepton" (ln m2, cos, sin, ln kT, ln z, ln theta), by the
            collider; "pp" and "ee" are those of weaver-core, rounding errors included, for networks trained with them.
        pair_activated: whether a GELU follows the last layer of the pair embedding too.
        class_layers: blocks of the class token, after those of particles.
        head_sizes: hidden layers between the class token and the logits.
        head_dropout: after each hidden layer of the head.
    """

    architecture: Literal["particle-transformer"] = "particle-transformer"
    embed_sizes: tuple[int, ...] = Field((128, 512, 128), min_length=1)
    pair_sizes: tuple[int, ...] = (64, 64, 64)
    pair_features: PairFeatures = "hadron"
    pair_activated: bool = False
    class_layers: int = Field(2, ge=1)
    head_sizes: tuple[int, ...] = ()
    head_dropout: float = Field(0.1, ge=0, lt=1)


class ParticleTransformer(transformer.TransformerTagger):
    """The Particle Transformer, equal to weaver-core's given its weights.

    It differs in training, on purpose: batch norms see real particles and pairs only, never padding, and no
    particle is dropped at random to shorten a batch.
    """

    Config: ClassVar[type[transformer.TransformerConfig]] = ParticleTransformerConfig
    config: ParticleTransformerConfig

    def __init__(self, config: ParticleTransformerConfig) -> None:
        super().__init__(config)
        width, heads = config.embed_sizes[-1], config.heads
        self.embedding = transformer.ParticleEmbedding(config.features, config.embed_sizes)
        self.pair_embedding = PairEmbedding(
            config.pair_features, config.pair_sizes, heads, config.pair_activated
        )
        self.blocks = transformer.particle_blocks(config, width)
        self.class_token_D = nn.Parameter(torch.empty(width))
        self.class_blocks = nn.ModuleList(
            transformer.ClassBlock(width, heads, config.feedforward * width, 0.0)
            for _ in range(config.class_layers)
        )
        self.norm = nn.LayerNorm(width)
        sizes = (width, *config.head_sizes, len(config.classes))
        self.head = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        initialise(self)

    def _biases(self, momenta_N4: Tensor, groups: Sequence[LengthGroup]) -> Iterator[Tensor]:
        return self.pair_embedding(momenta_N4, groups)

    def _dense_bias(self, momenta_BP4: Tensor, mask_BP: Tensor) -> Tensor:
        momenta_BP4 = momenta_BP4.masked_fill(~mask_BP[..., None], 0)
        return self.pair_embedding.dense(momenta_BP4, attendable(mask_BP))

    def _classify(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        token = self.class_token_D.expand(x_BPD.shape[0], -1)  # len() would be a constant in an export
        hidden = torch.zeros_like(mask_BP, dtype=x_BPD.dtype).masked_fill(~mask_BP, -math.inf)[:, None]
        for block in self.class_blocks:
            token = block(token, x_BPD, hidden)
        out = self.norm(token)
        for linear in self.head[:-1]:
            out = transformer.dropout(F.relu(linear(out)), self.config.head_dropout if self.training else 0.0)
        logits: Tensor = self.head[-1](out)
        return logits

    @classmethod
    def from_weaver(
        cls, state_dict: Mapping[str, Tensor], hints: Mapping[str, Any] | None = None
    ) -> "ParticleTransformer":
        """A tagger with the weights of a `ParticleTransformer` (version 1) of weaver-core.

        Args:
            state_dict: its weights, as `torch.load` gives them; a common prefix such as `mod.` is taken off.
            hints: settings of `ParticleTransformerConfig` that no shape shows: `classes` (their names), `pair_features`
                (if "pp" or "ee"), `pair_activated` (true where it was built with `use_pre_activation_pair=False`), dropouts.

        Raises:
            InputError: these are not such weights, or the hints contradict them.
        """
        weights = weights_from_weaver(state_dict)
        found = _sizes(weights)
        config = checked(ParticleTransformerConfig, {**found, **(hints or {})}, cls.__name__)
        if FEATURES[config.pair_features][0] != FEATURES[found["pair_features"]][0]:
            raise InputError(
                f"the weights take {FEATURES[found['pair_features']][0]} features of a pair, "
                f"{config.pair_features} has {FEATURES[config.pair_features][0]}"
            )
        tagger = cls(config)
        load_weights(tagger, weights, "the checkpoint of weaver-core (version 1 is supported)")
        return tagger


def initialise(tagger: ParticleTransformer) -> None:
    """The published start: Xavier-uniform weights, each block's last layers smaller the deeper it lies."""
    nn.init.trunc_normal_(tagger.class_token_D, std=0.02)
    for module in (tagger.embedding, *tagger.blocks, *tagger.class_blocks, tagger.head):
        transformer.initialise_linear(module)
    transformer.initialise_blocks(tagger.blocks)


def weights_from_weaver(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weaver's weights to our names; shapes as in our network.

    Raises:
        InputError: these are not the weights of a Particle Transformer.
    """
    found = unprefixed(state_dict, "cls_token", "Particle Transformer")
    found["cls_token"] = found["cls_token"].flatten()
    # A convolution over pairs of width 1 is a linear layer.
    return {_our_name(name): value.flatten(1) if value.ndim == 3 else value for name, value in found.items()}


_RENAMED = (
    (r"^cls_token$", "class_token_D"),
    (r"^cls_blocks\.", "class_blocks."),
    (r"^fc\.(\d+)\.(0\.)?", r"head.\1."),
    (r"^embed\.input_bn\.", "embedding.input_norm."),
    (r"^pair_embed\.embed\.0\.", "pair_embedding.input_norm."),
    (r"\.pre_attn_norm\.", ".attention_norm."),
    (r"\.attn\.in_proj[._]", ".in_projection."),
    (r"\.attn\.out_proj\.", ".out_projection."),
    (r"\.post_attn_norm\.", ".attended_norm."),
    (r"\.pre_fc_norm\.", ".feedforward_norm."),
    (r"\.fc1\.", ".expand."),
    (r"\.post_fc_norm\.", ".expanded_norm."),
    (r"\.fc2\.", ".contract."),
    (r"\.c_attn$", ".head_scale_H"),
    (r"\.w_resid$", ".residual_scale_D"),
)


def _our_name(name: str) -> str:
    """Our name of one of weaver's weights; its numbered layers come in threes (norm and linear, activation)."""
    if match := re.match(r"^embed\.embed\.(\d+)\.(.*)", name):
        number = int(match[1])
        return f"embedding.{('norms', 'layers', '?')[number % 3]}.{number // 3}.{match[2]}"
    if (match := re.match(r"^pair_embed\.embed\.(\d+)\.(.*)", name)) and int(match[1]):
        number = int(match[1]) - 1
        return f"pair_embedding.{('layers', 'norms', '?')[number % 3]}.{number // 3}.{match[2]}"
    for pattern, ours in _RENAMED:
        name = re.sub(pattern, ours, name)
    return name


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """The settings that the shapes of weights show."""

    def widths(prefix: str) -> list[int]:
        numbers = sorted(
            int(n.split(".")[-2]) for n in weights if re.fullmatch(re.escape(prefix) + r"\.\d+\.weight", n)
        )
        return [len(weights[f"{prefix}.{number}.weight"]) for number in numbers]

    def count(prefix: str) -> int:
        return len({name.split(".")[1] for name in weights if name.startswith(prefix + ".")})

    embed, pairs, head = widths("embedding.layers"), widths("pair_embedding.layers"), widths("head")
    kinds: dict[int, str] = {4: "pp", 6: "ee"}
    inputs = len(weights.get("pair_embedding.input_norm.weight", ()))
    expand = weights.get("class_blocks.0.expand.weight")
    if not embed or not pairs or not head or inputs not in kinds or expand is None:
        raise InputError("these are not the weights of a Particle Transformer (version 1) of weaver-core")
    return {
        "architecture": "particle-transformer",
        "features": weights["embedding.layers.0.weight"].shape[1],
        "classes": [f"class_{number}" for number in range(head[-1])],
        "embed_sizes": embed,
        "pair_sizes": pairs[:-1],
        "pair_features": kinds[inputs],
        "heads": pairs[-1],
        "layers": count("blocks"),
        "class_layers": count("class_blocks"),
        "feedforward": len(expand) // embed[-1],
        "head_sizes": head[:-1],
    }
