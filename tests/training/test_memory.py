from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from yukawa.training.memory import estimate_memory
from yukawa.training.recipe import parse_recipe

GIB = 2**30


@pytest.fixture(scope="module")
def eight_billion():
    """Llama-3.1-8B without weights."""
    config = LlamaConfig(
        vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
        num_attention_heads=32, num_key_value_heads=8,
    )  # fmt: skip
    with torch.device("meta"):
        return LlamaForCausalLM(config)


def recipe(kind, **training):
    return parse_recipe({
        "model": {"base": "x"}, "data": {"path": "x"}, "adapter": {"kind": kind},
        "training": {"steps": 1, "batch": 16, **training},
    })  # fmt: skip


def test_known_sizes(eight_billion):
    count = sum(p.numel() for p in eight_billion.parameters())
    assert count == 8_030_261_248
    full = estimate_memory(recipe("full"), eight_billion, count, 1)
    assert (full.weights, full.gradients, full.optimiser) == (4 * count, 4 * count, 8 * count)
    lora = estimate_memory(recipe("lora"), eight_billion, 10**6, 1)
    assert lora.weights == 2 * count + 4 * 10**6
    # Embeddings and head in bf16 (2.1 GB), 6.98 thousand million weights in 4.127 bits: 5.7 GB on disk and card.
    qlora = estimate_memory(recipe("qlora"), eight_billion, 10**6, 1)
    assert 5.6e9 < qlora.weights < 5.8e9
    assert full.total > lora.total > qlora.total


def test_sharing_divides_and_offloading_moves(eight_billion):
    count = sum(p.numel() for p in eight_billion.parameters())
    one = estimate_memory(recipe("full"), eight_billion, count, 1)
    shared = estimate_memory(recipe("full", distributed="fsdp2"), eight_billion, count, 8)
    assert shared.weights * 8 == one.weights
    assert shared.optimiser * 8 == one.optimiser
    zero2 = estimate_memory(recipe("full", distributed="deepspeed-zero2"), eight_billion, count, 8)
    assert (zero2.weights, zero2.gradients * 8) == (one.weights, one.gradients)
    away = estimate_memory(recipe("full", distributed="fsdp2", offload=True), eight_billion, count, 8)
    assert away.host == shared.weights + shared.gradients + shared.optimiser
    assert away.total < shared.total
    assert one.host == 0


def test_checkpointing_and_accumulation_save_activations(eight_billion):
    def activations(**training):
        return estimate_memory(recipe("lora", **training), eight_billion, 10**6, 1).activations

    assert activations(gradient_checkpointing=True) < activations() / 5
    assert activations(accumulation=4) < activations() / 3
    assert activations(precision="fp32") > 1.5 * activations()
