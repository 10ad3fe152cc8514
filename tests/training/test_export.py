"""A folder that other programs read: complete as it is made, and whatever is taken from it is missed by name."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from yukawa.training.export import gguf_problems, write_for_older_readers, write_tokenizer
from yukawa.training.tokenization import read_template


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    """The base, written as a merged model is."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.bfloat16).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = read_template("vicuna")
    write_tokenizer(tokenizer, tiny, folder)
    write_for_older_readers(folder)
    return folder


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def edit(path, **values):
    config = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def weights(folder, change):
    found = load_file(folder / "model.safetensors")
    save_file(change(found), folder / "model.safetensors", {"format": "pt"})


def test_what_we_write_is_ready(exported):
    assert gguf_problems(exported) == ()


def test_the_tokenizer_is_the_base_s_with_the_template_of_training(exported, tiny):
    assert (exported / "tokenizer.json").read_bytes() == (tiny / "tokenizer.json").read_bytes()
    config = json.loads((exported / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert (
        config["chat_template"] == (exported / "chat_template.jinja").read_text() == read_template("vicuna")
    )
    one, two = AutoTokenizer.from_pretrained(exported), AutoTokenizer.from_pretrained(tiny)
    text = "The tau weighs 1776.93 MeV, ħ = c = 1."
    assert one(text)["input_ids"] == two(text)["input_ids"]
    assert (one.bos_token, one.eos_token, one.pad_token) == (two.bos_token, two.eos_token, two.pad_token)
    assert one.chat_template == read_template("vicuna")


def test_a_sentencepiece_model_of_the_base_comes_along(tiny, tmp_path):
    base = shutil.copytree(tiny, tmp_path / "base")
    (base / "tokenizer.model").write_bytes(b"pieces")
    write_tokenizer(AutoTokenizer.from_pretrained(tiny), base, tmp_path / "out")
    assert (tmp_path / "out" / "tokenizer.model").read_bytes() == b"pieces"


def test_older_readers_find_type_and_angles(copy):
    edit(copy / "config.json", rope_theta=None, torch_dtype=None, rope_parameters={
        "rope_type": "linear", "factor": 2.0, "rope_theta": 500000.0})  # fmt: skip
    assert (
        "config.json has no rope_theta beside rope_parameters, which older converters need"
        in gguf_problems(copy)
    )
    write_for_older_readers(copy)
    config = json.loads((copy / "config.json").read_text())
    assert (config["rope_theta"], config["torch_dtype"]) == (500000.0, "bfloat16")
    assert config["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}
    read = AutoConfig.from_pretrained(copy)  # and newer ones still read the same
    assert (read.rope_parameters["rope_theta"], read.rope_parameters["factor"]) == (500000.0, 2.0)
    assert read.dtype == torch.bfloat16
    assert gguf_problems(copy) == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("config.json", "config.json is missing"),
        ("generation_config.json", "generation_config.json is missing"),
        ("model.safetensors", "there are no weights"),
        ("tokenizer.json", "there is no tokenizer.json or tokenizer.model"),
        ("tokenizer_config.json", "tokenizer_config.json is missing"),
    ],
)
def test_a_missing_file_is_named(copy, name, said):
    (copy / name).unlink()
    (found,) = gguf_problems(copy)
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("file", "values", "said"),
    [
        ("config.json", {"architectures": None}, "config.json names no architecture"),
        ("config.json", {"quantization_config": {"load_in_4bit": True}}, "the weights are quantised"),
        ("config.json", {"vocab_size": 200}, "vocab_size 200, and model.embed_tokens.weight has"),
        ("config.json", {"tie_word_embeddings": True}, "hold an output layer of their own"),
        ("config.json", {"model_type": "unheard-of"}, "config.json cannot be used"),
        ("tokenizer_config.json", {"eos_token": None}, "tokenizer_config.json names no eos_token"),
        ("tokenizer_config.json", {"chat_template": "{{ messages }}"}, "hold two chat templates"),
    ],
)
def test_a_wrong_value_is_named(copy, file, values, said):
    edit(copy / file, **values)
    assert any(said in line for line in gguf_problems(copy))


def test_wrong_weights_are_named(copy):
    (copy / "adapter_config.json").write_text("{}")
    weights(copy, lambda all_: {k: v for k, v in all_.items() if k != "lm_head.weight"})
    problems = gguf_problems(copy)
    assert "adapter_config.json belongs to an adapter: a whole model is expected" in problems
    assert "tie_word_embeddings is false, and the weights hold no output layer" in problems
    weights(copy, lambda all_: all_ | {"model.norm.weight": torch.ones(32, dtype=torch.uint8)})
    assert "weights are of the types U8; allowed are BF16, F16, F32" in gguf_problems(copy)
    weights(copy, lambda all_: {k: v for k, v in all_.items() if "embed" not in k})
    assert "there is no table of token embeddings among the weights" in gguf_problems(copy)


def test_shards_need_their_index(copy, exported):
    AutoModelForCausalLM.from_pretrained(exported).save_pretrained(copy, max_shard_size="20KB")
    (copy / "model.safetensors").unlink(missing_ok=True)
    write_for_older_readers(copy)
    assert gguf_problems(copy) == ()
    index = json.loads((copy / "model.safetensors.index.json").read_text())
    index["weight_map"]["model.lost.weight"] = "model-00001-of-00002.safetensors"
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert any(
        "names 1 weights that are not there, such as model.lost.weight" in line
        for line in gguf_problems(copy)
    )
    (copy / "model.safetensors.index.json").unlink()
    assert any(line.endswith("model.safetensors.index.json is missing") for line in gguf_problems(copy))


def test_a_token_without_a_row_is_named(copy):
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_tokens(["<extra>"])
    tokenizer.save_pretrained(copy)
    assert any(line.startswith("the tokenizer has ids up to") for line in gguf_problems(copy))
