"""Faster learning without a GPU: attention text by text in packed rows, and a loss that computes its logits once."""

from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from yukawa.training.tokenization import IGNORED

PACKED = "yukawa_packed"
_CHUNK = 256  # tokens whose logits are in memory at once
# Settings of models that change their logits, or their attention, in ways that are not implemented here.
_LOGITS = (
    "final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling",
    "output_router_logits",
)  # fmt: skip
_ATTENTION = ("sliding_window", "attn_logit_softcapping", "attention_chunk_size", "attention_sink_bias")


class SummedLoss(torch.autograd.Function):  # type: ignore[misc]  # untyped there
    """Cross-entropy of `hidden @ weight.T`, summed over tokens.

    Both gradients are computed while the logits of a few tokens are in memory: nothing is computed twice, and the
    logits of all tokens never exist at once. Only the gradients that are needed are computed.
    """

    @staticmethod
    def forward(ctx: Any, hiddens: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
        """The sum in nats, in fp32, of hidden states (N, D), weights (V, D) and labels (N)."""
        device = hiddens.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hiddens.dtype
        weight = weights.detach().to(kind)
        for_hidden, for_weight = ctx.needs_input_grad[:2]
        grad_hidden = torch.empty_like(hiddens) if for_hidden else None
        grad_weight = torch.zeros_like(weights, dtype=torch.float32) if for_weight else None
        total = hiddens.new_zeros((), dtype=torch.float64)
        for begin in range(0, len(labels), _CHUNK):
            here = slice(begin, begin + _CHUNK)
            hidden, targets = hiddens[here].detach().to(kind), labels[here, None]
            logits = (hidden @ weight.T).float()
            said = logits.gather(1, targets)
            highest = logits.amax(1, keepdim=True)
            scores = logits.sub_(highest).exp_()
            sums = scores.sum(1, keepdim=True)
            total += (sums.log() + highest - said).double().sum()
            if grad_hidden is None and grad_weight is None:
                continue
            gradient = scores.div_(sums).scatter_add_(1, targets, torch.full_like(sums, -1.0)).to(kind)
            if grad_hidden is not None:
                grad_hidden[here] = gradient @ weight
            if grad_weight is not None:
                grad_weight += gradient.T @ hidden
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.kind = weights.dtype
        return total.float()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """The gradients of the hidden states and of the weight, in their shapes."""
        grad_hidden, grad_weight = ctx.saved_tensors
        return (
            None if grad_hidden is None else grad_hidden * scale.to(grad_hidden.dtype),
            None if grad_weight is None else (grad_weight * scale).to(ctx.kind),
            None,
        )


def packed_attention(
    module: Any,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    attention_mask: Tensor | None,
    position_ids: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention of packed rows: each text by itself, in its own length squared, without a mask.

    Queries, keys and values are (B, H, L, D), positions (B, L) or (1, L); what comes back is (B, L, H, D). A text begins
    where positions do. The result at the padding behind the last one is arbitrary.
    """
    length = queries.shape[2]
    if attention_mask is not None or position_ids is None or keys.shape[2] != length:
        found: tuple[Tensor, None] = sdpa_attention_forward(
            module, queries, keys, values, attention_mask, position_ids=position_ids, **options
        )
        return found
    rows = []
    positions = position_ids.expand(len(queries), -1).tolist()
    parts = (queries.split(1), keys.split(1), values.split(1))
    for row, query, key, value in zip(positions, *parts, strict=True):
        sizes = text_sizes(row)
        texts = zip(query.split(sizes, 2), key.split(sizes, 2), value.split(sizes, 2), strict=True)
        rows.append(
            torch.cat([sdpa_attention_forward(module, *text, None, **options)[0] for text in texts], 1)
        )
    return torch.cat(rows), None


def text_sizes(positions: list[int]) -> list[int]:
    """Tokens of each text of a row; padding at its end, position 0 throughout, belongs to the text before it."""
    end = len(positions)
    while end > 1 and positions[end - 1] == 0:
        end -= 1
    starts = [n for n in range(end) if n == 0 or positions[n] == 0]
    return [after - start for start, after in zip(starts, [*starts[1:], len(positions)], strict=True)]


def attend_within_texts(model: Any) -> bool:
    """Give a model on a processor the attention of `packed_attention`, if its own is plain.

    Returns:
        Whether it has this attention now.
    """
    text = model.config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    plain = (
        str(text._attn_implementation) == "sdpa"
        and kinds == {"full_attention"}
        and model.device.type == "cpu"
    )
    if not plain or any(getattr(text, name, None) for name in _ATTENTION):
        return False
    AttentionInterface.register(PACKED, packed_attention)
    AttentionMaskInterface.register(PACKED, _mask_of_padding)
    model.set_attn_implementation(PACKED)
    return True


def add_summed_loss(model: Any) -> bool:
    """Let a model on a processor return its loss from `model(..., labels=labels, summed_loss=True)`.

    The result is a tensor of two numbers: the sum over all tokens with a label, and the number of these tokens.

    Returns:
        Whether it can; it cannot if its logits are more than a product.
    """
    text, head = model.config.get_text_config(), model.get_output_embeddings()
    odd = any(getattr(text, name, None) for name in _LOGITS)
    if model.device.type != "cpu" or odd or type(head) is not nn.Linear or head.bias is not None:
        return False
    before: Callable[..., Any] = model.forward

    @wraps(type(model).forward)  # whose signature others look at
    def forward(self: Any, *args: Any, summed_loss: bool = False, **kwargs: Any) -> Any:
        """The outputs as before, or the summed loss if `summed_loss` is true."""
        if not summed_loss:
            return before(*args, **kwargs)
        labels = kwargs.pop("labels")[:, 1:]
        hidden = self.base_model(*args, use_cache=False, **kwargs).last_hidden_state[:, :-1]
        learned = labels != IGNORED
        total = SummedLoss.apply(hidden[learned], self.get_output_embeddings().weight, labels[learned])
        return torch.stack([total, learned.sum().to(total.dtype)])

    model.forward = MethodType(forward, model)
    return True


def _mask_of_padding(*args: Any, attention_mask: Tensor | None = None, **options: Any) -> Tensor | None:
    """A mask only where one is given: where rows are padded and not packed."""
    return None if attention_mask is None else sdpa_mask(*args, attention_mask=attention_mask, **options)
