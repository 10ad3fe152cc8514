"""The decoder within a patch: each byte is predicted from the patches before and from the bytes before it."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor, nn
from transformers import LlamaModel

from yukawa.bytelm.configuration import ByteLMConfig


class InnerDecoder(nn.Module):
    """A small Llama over the P bytes of the patch that follows.

    At byte p it sees a part of its own of the patch vector, and the byte before; it is the local model of MegaByte
    (arXiv:2305.07185).
    """

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__()
        self.size = config.patch_size
        width = config.inner_size
        self.spread = nn.Linear(config.hidden_size, config.patch_size * width, bias=False)
        self.bytes = nn.Embedding(config.vocab_size, width)
        self.decoder = LlamaModel(config.within_patch())
        self.decoder.embed_tokens = None  # it is given embeddings
        self.head = nn.Linear(width, config.vocab_size, bias=False)

    def forward(self, vectors_BTD: Tensor, following_BTP: Tensor) -> Tensor:
        """Logits (B, T, P, V) of the bytes `following_BTP` of the patches after each vector."""
        inputs_NPW = self.spread(vectors_BTD).unflatten(-1, (self.size, -1)).flatten(0, 1)
        before_NPW = self.bytes(following_BTP[..., :-1]).flatten(0, 1)
        inputs_NPW = torch.cat([inputs_NPW[:, :1], inputs_NPW[:, 1:] + before_NPW], dim=1)
        hidden = self.decoder(inputs_embeds=inputs_NPW, use_cache=False).last_hidden_state
        logits: Tensor = self.head(hidden).unflatten(0, vectors_BTD.shape[:2])
        return logits

    def steps(self, vector_BD: Tensor) -> Generator[Tensor, Tensor, None]:
        """A generator that gives the logits (B, V) of one byte after another; it is sent each chosen byte (B,)."""
        inputs_BPW = self.spread(vector_BD).unflatten(-1, (self.size, -1))
        cache, step_BW = None, inputs_BPW[:, 0]
        for byte in range(self.size):
            output = self.decoder(inputs_embeds=step_BW[:, None], cache=cache, use_cache=True)
            cache = output.past_key_values
            chosen_B = yield self.head(output.last_hidden_state[:, 0])
            if byte + 1 < self.size:
                step_BW = inputs_BPW[:, byte + 1] + self.bytes(chosen_B)
