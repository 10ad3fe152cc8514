"""The blocks of the transformers: of particles that look at each other, and of a class token that looks at them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.jets.models.attention import Attention, dropout


class ParticleBlock(nn.Module):
    """Attention among the particles of each jet, then a feed-forward network, each added to what came in.

    NormFormer (arXiv:2110.09456): norms also after attention and within the feed-forward network, a factor
    for each head and one for each feature of the second residual.
    """

    def __init__(self, embed: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm = nn.LayerNorm(embed)
        self.in_projection = nn.Linear(embed, 3 * embed)
        self.out_projection = nn.Linear(embed, embed)
        self.head_scale_H = nn.Parameter(torch.ones(heads))
        self.attended_norm = nn.LayerNorm(embed)
        self.feedforward_norm = nn.LayerNorm(embed)
        self.expand = nn.Linear(embed, feedforward)
        self.expanded_norm = nn.LayerNorm(feedforward)
        self.contract = nn.Linear(feedforward, embed)
        self.residual_scale_D = nn.Parameter(torch.ones(embed))

    def forward(self, x_ND: Tensor, attention: Attention, out: tuple[Tensor, Tensor]) -> Tensor:
        """The particles after the block, (N, D).

        Args:
            x_ND: particles, of jets that `attention` knows.
            attention: who looks at whom.
            out: what `scaled_out_projection` gives; the same for all particles of a batch.
        """
        projected = self.in_projection(self.attention_norm(x_ND))
        attended = attention(projected, self.heads, self.dropout if self.training else 0.0)
        return self.after_attention(x_ND, attended, out)

    def after_attention(self, x_ND: Tensor, attended_ND: Tensor, out: tuple[Tensor, Tensor]) -> Tensor:
        """The rest of the block: everything that concerns a particle alone."""
        p = self.dropout if self.training else 0.0
        attended = F.linear(attended_ND, *out)
        x = x_ND + dropout(self.attended_norm(attended), p)
        y = dropout(gelu(self.expand(self.feedforward_norm(x))), p)
        y = dropout(self.contract(self.expanded_norm(y)), p)
        return torch.addcmul(y, x, self.residual_scale_D)

    def scaled_out_projection(self) -> tuple[Tensor, Tensor]:
        """Weight and bias that project and then scale the features of each head."""
        weight, bias = self.out_projection.weight, self.out_projection.bias
        scale = self.head_scale_H.repeat_interleave(len(weight) // self.heads)
        return weight * scale[:, None], bias * scale


class ClassBlock(ParticleBlock):
    """A block in which one class token looks at itself and the particles (CaiT, arXiv:2103.17239)."""

    def forward(self, token_BD: Tensor, x_BPD: Tensor, hidden_B1P: Tensor) -> Tensor:
        """The token after the block, (B, D).

        With one query a head, keys and values need not be made for each particle: q (W u) = (q W) u, and the
        sum of w W u is W times the sum of w u; the bias of the keys is the same for all and drops out.

        Args:
            hidden_B1P: added to the attention logits of the particles; -inf hides one.
        """
        heads, embed = self.heads, token_BD.shape[-1]
        u = self.attention_norm(torch.cat([token_BD[:, None], x_BPD], dim=1))
        # What the token looks at is normalised, the token that asks is not.
        w_q, w_k, w_v = self.in_projection.weight.unflatten(0, (3, heads, -1))
        b_q, _, b_v = self.in_projection.bias.unflatten(0, (3, heads, -1))
        q_BHK = F.linear(token_BD, w_q.flatten(0, 1), b_q.flatten()).unflatten(1, (heads, -1))
        asked_BHD = (q_BHK.transpose(0, 1) @ w_k).transpose(0, 1) / math.sqrt(embed // heads)
        logits = asked_BHD @ u.mT + F.pad(hidden_B1P, (1, 0))
        weights = dropout(logits.softmax(-1), self.dropout if self.training else 0.0)
        seen_BHD = weights @ u
        values = (seen_BHD.transpose(0, 1) @ w_v.mT).transpose(0, 1) + b_v * weights.sum(-1, keepdim=True)
        return self.after_attention(token_BD, values.flatten(1), self.scaled_out_projection())


def initialise_linear(module: nn.Module) -> None:
    """Xavier-uniform weights and zero biases of all linear layers; queries, keys and values each by itself."""
    for name, linear in module.named_modules():
        if not isinstance(linear, nn.Linear):
            continue
        parts = linear.weight.data.chunk(3) if name.endswith("in_projection") else (linear.weight.data,)
        for part in parts:
            nn.init.xavier_uniform_(part)
        nn.init.zeros_(linear.bias)


def initialise_blocks(blocks: nn.ModuleList) -> None:
    """Shrink the last layers of each block, the more the deeper it lies, so that no block drowns the residual."""
    for depth, block in enumerate(blocks, start=1):
        for linear in (block.out_projection, block.contract):
            linear.weight.data.div_(math.sqrt(2 * depth))


def gelu(x: Tensor) -> Tensor:
    """The exact GELU; without gradients in place, which spares the memory of another tensor."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return F.gelu(x)
    activated: Tensor = torch.ops.aten.gelu_(x)
    return activated
