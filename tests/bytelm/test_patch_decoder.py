"""The decoder within a patch: it sees the bytes before a byte and no others, all at once or one by one."""

from __future__ import annotations

import pytest
import torch

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM
from yukawa.bytelm.patch_decoder import InnerDecoder


def _decoder(size: int, layers: int = 2, attention: str = "sdpa") -> InnerDecoder:
    torch.manual_seed(0)
    config = ByteLMConfig.named("tiny", patch_size=size, inner_layers=layers, inner_size=16, inner_heads=2)
    config._attn_implementation = attention
    head = ByteLMForCausalLM(config).eval().head
    assert isinstance(head, InnerDecoder)
    return head


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("size", [2, 5, 8])
def test_a_byte_changes_only_what_predicts_later_bytes_of_its_patch(size: int, attention: str):
    head = _decoder(size, attention=attention)
    vectors, bytes_BTP = torch.randn(2, 3, 64), torch.randint(0, 256, (2, 3, size))
    before = head(vectors, bytes_BTP)
    assert before.shape == (2, 3, size, 272)
    for byte in range(size):
        changed = bytes_BTP.clone()
        changed[:, 1, byte] += 1
        after = head(vectors, changed)
        assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
        assert torch.equal(after[:, 1, : byte + 1], before[:, 1, : byte + 1])
        for later in range(byte + 1, size):
            assert not torch.equal(after[:, 1, later], before[:, 1, later])


def test_every_byte_sees_the_patch_before():
    head = _decoder(4)
    vectors, following = torch.randn(1, 2, 64), torch.randint(0, 256, (1, 2, 4))
    changed = vectors.clone()
    changed[:, 0] += 1
    before, after = head(vectors, following), head(changed, following)
    assert (after[0, 0] != before[0, 0]).any(-1).all()
    assert torch.equal(after[0, 1], before[0, 1])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_byte_by_byte_gives_the_logits_of_all_at_once(size: int):
    head = _decoder(size)
    vectors, following = torch.randn(5, 64), torch.randint(0, 256, (5, size))
    steps = head.steps(vectors)
    with torch.no_grad():
        logits = [next(steps)] + [steps.send(following[:, byte]) for byte in range(size - 1)]
        whole = head(vectors[:, None], following[:, None])[:, 0]
    torch.testing.assert_close(torch.stack(logits, 1), whole, atol=1e-5, rtol=0)
