"""Packed sequences give what each gives alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from yukawa.bytelm import packed
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMModel

LENGTHS = [(5, 4, 4), (1,), (9, 2)]


@dataclass
class Rows:
    """A group of sequences, padded by a loop."""

    lengths: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.lengths)

    def padded(self, rows_nX: Tensor, /) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence(rows_nX.split(self.lengths), batch_first=True)

    def unpad(self, padded_bPX: Tensor, /) -> Tensor:
        return torch.cat([rows[:length] for rows, length in zip(padded_bPX, self.lengths, strict=True)])


def model(attention: str | None = None, **sizes: int) -> ByteLMModel:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = ByteLMConfig(patch_size=2, byte_size=4, patch_hidden_size=8, **(small | sizes))
    return ByteLMModel._from_config(config, attn_implementation=attention).double().eval()


@pytest.mark.parametrize(("attention", "shared"), [("sdpa", 4), ("sdpa", 2), ("sdpa", 1), ("eager", 2)])
def test_packed_sequences_are_decoded_as_each_alone(attention: str, shared: int) -> None:
    decoder = model(attention, num_key_value_heads=shared)
    each = [torch.randn(length, 16, dtype=torch.float64) for group in LENGTHS for length in group]
    groups = [Rows(lengths) for lengths in LENGTHS]
    places = torch.cat([torch.arange(len(rows)) for rows in each])
    together = torch.cat(each).requires_grad_()
    found = decoder.decode_packed(together, places, groups)
    expected = torch.cat([decoder.decode(rows[None]).last_hidden_state[0] for rows in each])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    (changed,) = torch.autograd.grad(found[:5].sum(), together)
    assert changed[:5].abs().min() > 0
    assert changed[5:].abs().max() == 0  # one sequence does not see another


def test_recomputed_activations_give_the_same_gradients() -> None:
    decoder = model().train()
    rows, groups = torch.randn(6, 16, dtype=torch.float64), [Rows((4, 2))]
    places = torch.tensor([0, 1, 2, 3, 0, 1])
    gradients = []
    for recompute in (False, True):
        if recompute:
            decoder.decoder.activation_checkpointing_enable()
        decoder.zero_grad()
        decoder.decode_packed(rows, places, groups).square().sum().backward()
        gradients.append([p.grad.clone() for p in decoder.decoder.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 10
    assert all(torch.equal(one, two) for one, two in zip(*gradients, strict=True))


def test_without_groups_it_is_sdpa() -> None:
    ours = model()
    assert ours.decoder.config._attn_implementation == packed.NAME
    ids = torch.randint(0, 256, (2, 8))
    mask = torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1], [1] * 8])
    theirs = model()
    theirs.set_attn_implementation("sdpa")
    assert theirs.decoder.config._attn_implementation == "sdpa"
    assert torch.equal(ours(ids, mask).last_hidden_state, theirs(ids, mask).last_hidden_state)
