from __future__ import annotations

import shutil

import huggingface_hub.constants
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

from yukawa.core.errors import InputError, ModelError
from yukawa.training.bases import (
    adapter_config,
    base_files,
    empty_model,
    fetch_base,
    find_targets,
    load_model,
    load_tokenizer,
    torch_dtype,
    trained_parameters,
)
from yukawa.training.recipe import AdapterRecipe


def small(kind, config):
    with torch.device("meta"):
        return kind(config)


def test_projections_are_found_in_any_architecture(tiny):
    llama = empty_model(tiny)
    assert find_targets(llama, "qkv") == ["k_proj", "q_proj", "v_proj"]
    assert find_targets(llama, "all") == [
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
    ]  # fmt: skip
    gpt2 = small(GPT2LMHeadModel, GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=50))
    assert find_targets(gpt2, "qkv") == ["c_attn"]
    assert adapter_config(gpt2, AdapterRecipe(targets="qkv")).fan_in_fan_out
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


def test_a_base_is_loaded_in_the_type_of_the_recipe(tiny, recipe):
    assert load_model(tiny, recipe(), "cpu").dtype == torch.bfloat16
    model = load_model(tiny, recipe(adapter={"kind": "full"}), "cpu")
    assert model.dtype == torch_dtype("fp32")
    assert trained_parameters(model) == sum(p.numel() for p in empty_model(tiny).parameters())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./none", "there is no folder ./none"),
        ("/no/where", "there is no folder"),
        ("a/b/c", "there is no folder a/b/c"),
    ],
)
def test_a_folder_that_is_not_there(name, said):
    with pytest.raises(InputError, match=said):
        fetch_base(name)


def test_without_a_network_a_hub_name_gets_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="cannot be had from the hub") as caught:
        fetch_base("meta-llama/Llama-3.1-8B")
    assert "\n" not in str(caught.value)
    assert "give a folder" in str(caught.value)


def test_a_damaged_base_gets_one_line(tiny, tmp_path, recipe):
    folder = shutil.copytree(tiny, tmp_path / "base")
    assert [path.name for path in base_files(folder)] == [path.name for path in base_files(tiny)]
    assert fetch_base(str(folder)) == folder
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(folder, recipe(), "cpu")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_tokenizer(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="safetensors is missing"):
        fetch_base(str(folder))
    assert fetch_base(str(folder), weights=False) == folder
