"""The projections that get an adapter; how one is put on a base is tested by test_loading_conformance."""

import json
import shutil

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    MambaConfig,
    MambaForCausalLM,
)

from yukawa.core.errors import InputError
from yukawa.llm import adapters
from yukawa.llm.adapters import BASE_SAMPLE, find_targets, lora_config, sample_weights
from yukawa.llm.loading import empty_model, open_language_model


def small(kind, config):
    with torch.device("meta"):
        return kind(config)


def test_projections_are_found_in_any_architecture(base_folder):
    llama = empty_model(base_folder)
    assert find_targets(llama, "qkv") == ["k_proj", "q_proj", "v_proj"]
    assert find_targets(llama, "all") == [
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
    ]  # fmt: skip
    gpt2 = small(GPT2LMHeadModel, GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=50))
    assert find_targets(gpt2, "qkv") == ["c_attn"]
    assert lora_config(gpt2, targets="qkv", rank=4, alpha=8, dropout=0.0).fan_in_fan_out
    neox = GPTNeoXConfig(
        num_hidden_layers=1, num_attention_heads=2, hidden_size=8, vocab_size=50, intermediate_size=16
    )
    assert find_targets(small(GPTNeoXForCausalLM, neox), "qkv") == ["query_key_value"]


def test_a_base_without_the_projections_says_what_it_has():
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.ModuleDict({"mixer": torch.nn.Linear(2, 2)})])

    with pytest.raises(
        InputError, match=r"Odd has no projections for adapter.targets=qkv; its layers have mixer"
    ):
        find_targets(Odd(), "qkv")
    mamba = small(MambaForCausalLM, MambaConfig(num_hidden_layers=1, hidden_size=8, vocab_size=50))
    with pytest.raises(InputError, match=r"its layers have .*in_proj.*adapter.targets=all"):
        find_targets(mamba, "qkv")  # what comes in there is no query
    with pytest.raises(InputError, match=r"no linear modules.*adapter.kind=full"):
        find_targets(torch.nn.Linear(2, 2), "all")


def test_an_adapter_of_another_base_with_equal_shapes_is_refused(made, base_folder, adapter_folder, tmp_path):
    """Names and shapes agree: only the numbers tell the two bases apart, in whatever type they were saved."""
    adapter = shutil.copytree(adapter_folder, tmp_path / "adapter")
    (adapter / BASE_SAMPLE).write_text(json.dumps(sample_weights(base_folder)))
    open_language_model(base_folder, adapter=adapter, device="cpu")
    half = open_language_model(base_folder, dtype="bf16", device="cpu")
    half.model.save_pretrained(tmp_path / "half")
    half.tokenizer.save_pretrained(tmp_path / "half")
    open_language_model(tmp_path / "half", adapter=adapter, device="cpu")
    other = made.model(tmp_path / "other", seed=7)
    with pytest.raises(InputError, match="belongs to another base"):
        open_language_model(other, adapter=adapter, device="cpu")
    for damaged in ("{", "[]", '{"model.norm.weight": "x"}'):
        (adapter / BASE_SAMPLE).write_text(damaged)
        with pytest.raises(InputError, match="belongs to another base"):
            open_language_model(base_folder, adapter=adapter, device="cpu")


@pytest.mark.parametrize("damage", [
    lambda numbers: numbers[:-1], lambda numbers: [*numbers, 0.0], lambda _: 1.0, lambda _: None, lambda _: "abc",
    lambda numbers: ["a"] * len(numbers), lambda numbers: [10**400] * len(numbers), lambda numbers: [n + 1 for n in numbers],
])  # fmt: skip
def test_a_sample_that_is_not_the_bases_is_not_taken_for_it(base_folder, tmp_path, damage):
    recorded = sample_weights(base_folder)
    (tmp_path / BASE_SAMPLE).write_text(json.dumps(recorded))
    assert adapters._same_weights(tmp_path / BASE_SAMPLE, base_folder)
    (tmp_path / BASE_SAMPLE).write_text(json.dumps({name: damage(some) for name, some in recorded.items()}))
    assert not adapters._same_weights(tmp_path / BASE_SAMPLE, base_folder)
