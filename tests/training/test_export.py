"""A folder that other programs read: complete as it is made, and whatever is taken from it is missed by name."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from yukawa.core.errors import InputError, NotFound, StoreError
from yukawa.training.export import gguf_problems, merge, write_for_older_readers, write_tokenizer
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import train
from yukawa.training.tiny_model import make_llama
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


IDS = torch.arange(3, 60)[None]


@pytest.fixture(scope="module")
def runs():
    """Finished runs by adapter, made when first asked for."""
    return {}


@pytest.fixture
def run_of(recipe, runs, tmp_path_factory):
    def make(kind):
        if kind not in runs:
            chosen = recipe("sft", adapter={"kind": kind}, steps=4, learning_rate=2e-2, length=96)
            runs[kind] = train(chosen, tmp_path_factory.mktemp("runs") / kind).folder
        return runs[kind]

    return make


@pytest.mark.parametrize("kind", ["lora", "qlora"])
def test_merged_equals_base_with_adapter_to_1e_4(run_of, tiny, tmp_path, kind):
    run = run_of(kind)
    merged = merge(run, tmp_path / "merged", "fp32")
    assert (merged.folder, merged.dtype) == (tmp_path / "merged", "fp32")
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, run / "model").eval()
    whole = AutoModelForCausalLM.from_pretrained(merged.folder).eval()
    plain = AutoModelForCausalLM.from_pretrained(tiny).eval()
    with torch.no_grad():
        one, two, three = (model(input_ids=IDS).logits for model in (adapted, whole, plain))
    assert (one - two).abs().max() < 1e-4
    assert (one - three).abs().max() > 1e-2


def test_bf16_is_fp32_rounded_once(run_of, tmp_path):
    exact, rounded = (
        load_file(merge(run_of("lora"), tmp_path / name, dtype).folder / "model.safetensors")
        for name, dtype in (("fp32", "fp32"), ("bf16", None))
    )
    assert all(torch.equal(exact[name].bfloat16(), value) for name, value in rounded.items())


def test_the_folder_is_complete(run_of, tmp_path):
    folder = merge(run_of("lora"), tmp_path / "merged").folder
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "learning-curves.png"} <= names
    assert "{% generation %}" in AutoTokenizer.from_pretrained(folder).chat_template
    assert "Yukawa" in (folder / "README.md").read_text()
    assert json.loads((folder / "config.json").read_text())["use_cache"] is True
    with pytest.raises(InputError, match="holds files already"):
        merge(run_of("lora"), folder)


def test_another_base_is_refused(run_of, tiny, tmp_path):
    run = shutil.copytree(run_of("lora"), tmp_path / "run")
    other = make_llama(tmp_path / "other", ["other text"], vocabulary=300, hidden_size=16)
    recipe = (run / "recipe.yaml").read_text().replace(str(tiny), str(other))
    (run / "recipe.yaml").write_text(recipe)
    with pytest.raises(InputError, match="does not belong to the base"):
        merge(run)


@pytest.mark.parametrize("targets", ["all", "qkv"])
def test_an_adapter_of_another_base_is_refused(run_of, recipe, tmp_path, targets):
    run = shutil.copytree(run_of("lora"), tmp_path / "run")
    sizes = {"hidden_size": 16} if targets == "all" else {"num_hidden_layers": 3, "hidden_size": 32,
             "intermediate_size": 64}  # fmt: skip
    other = make_llama(tmp_path / "other", ["other text"], vocabulary=300, **sizes)
    values = recipe(adapter={"targets": targets}, steps=1).plain()
    values["model"]["base"] = str(other)
    foreign = train(TextRecipe.parse(values), tmp_path / "foreign").folder
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.copy2(foreign / "model" / name, run / "model" / name)
    with pytest.raises(InputError, match="belongs to another base"):
        merge(run)
    assert not (run / "merged").exists()


def test_a_base_that_no_converter_takes_is_told(tiny, tmp_path):
    base = shutil.copytree(tiny, tmp_path / "base")
    config = json.loads((base / "tokenizer.json").read_text())
    config["added_tokens"].append(config["added_tokens"][0] | {"id": 9000, "content": "<extra>"})
    (base / "tokenizer.json").write_text(json.dumps(config))
    assert any("the tokenizer has ids up to" in problem for problem in gguf_problems(base))


def test_what_cannot_be_merged_is_said(recipe, run_of, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"unknown type 'fp8' .*allowed: bf16, fp16, fp32"):
        merge(run_of("lora"), dtype="fp8")
    with pytest.raises(NotFound):
        merge(tmp_path / "none")
    full = train(recipe(adapter={"kind": "full"}, steps=1), tmp_path / "full").folder
    with pytest.raises(InputError, match=r"there is nothing to merge .the model is .*full/model"):
        merge(full)
    shutil.rmtree(full / "model")
    with pytest.raises(InputError, match=r"there is nothing to merge .finish it with --resume"):
        merge(full)
    unfinished = shutil.copytree(run_of("lora"), tmp_path / "unfinished")
    shutil.rmtree(unfinished / "model")
    with pytest.raises(InputError, match=r"is not finished.*--resume"):
        merge(unfinished)


def test_a_full_disk_leaves_nothing(run_of, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(StoreError, match="the disk is full"):
        merge(run_of("lora"), tmp_path / "merged")
    assert list(tmp_path.glob("*merged*")) + list(tmp_path.glob(".*")) == []
