"""One loader, one outcome: every fault of a model or adapter, at every caller that loads one.

Each fault is refused with one line, before anything is trained, measured, merged or answered, or it is warned of and
the model is used. Training takes no adapter: a fault of an adapter meets it where the adapter is named as a base.
"""

import asyncio
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from yukawa.core.errors import InputError, ModelError
from yukawa.data import Document, write_rows
from yukawa.evaluation.runner import ModelSpec
from yukawa.llm import GenerationOptions, Message
from yukawa.llm.folders import check_places, model_files
from yukawa.llm.local import TransformersModel
from yukawa.runs.run import Run
from yukawa.training.export import merge
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import train


@dataclass
class Case:
    """A base and an adapter that is right or wrong, and whether four bits are asked for."""

    base: Path
    adapter: Path | None = None
    four_bits: bool = False


class Workshop:
    """Copies of a sound base and adapter, to be damaged."""

    def __init__(self, made: type, base: Path, adapter: Path, folder: Path) -> None:
        self.made, self.folder = made, folder
        self.base = shutil.copytree(base, folder / "base")
        self.adapter = shutil.copytree(adapter, folder / "adapter")
        self.edit(self.adapter / "adapter_config.json", base_model_name_or_path=str(self.base))

    def edit(self, path: Path, **values: object) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def weights(
        self, change: Callable[[dict[str, torch.Tensor]], object], folder: Path | None = None
    ) -> None:
        path = next((folder or self.base).glob("*.safetensors"))
        tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})

    def whole(self) -> Case:
        return Case(self.base)

    def adapted(self) -> Case:
        return Case(self.base, self.adapter)


NORM = "model.norm.weight"


def missing_tensor(shop: Workshop) -> Case:
    shop.weights(lambda tensors: tensors.pop(NORM))
    return shop.whole()


def unexpected_tensor(shop: Workshop) -> Case:
    shop.weights(lambda tensors: tensors.update({"model.vision.weight": torch.ones(2)}))
    return shop.whole()


def wrong_shape(shop: Workshop) -> Case:
    shop.weights(lambda tensors: tensors.update({NORM: torch.ones(7)}))
    return shop.whole()


def wrong_type(shop: Workshop) -> Case:
    shop.weights(lambda tensors: tensors.update({NORM: torch.ones(32, dtype=torch.int64)}))
    return shop.whole()


def not_finite(shop: Workshop, value: float = float("nan")) -> Case:
    shop.weights(lambda tensors: tensors[NORM].__setitem__(3, value))
    return shop.whole()


def infinite(shop: Workshop) -> Case:
    return not_finite(shop, float("inf"))


def not_finite_in_four_bits(shop: Workshop) -> Case:
    name = "model.layers.0.mlp.up_proj.weight"
    shop.weights(lambda tensors: tensors[name].__setitem__((0, 0), float("nan")))
    return Case(shop.base, four_bits=True)


def truncated(shop: Workshop) -> Case:
    path = shop.base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    return shop.whole()


def missing_shard(shop: Workshop) -> Case:
    names = dict.fromkeys(load_file(shop.base / "model.safetensors"), "model-00001-of-00002.safetensors")
    names[NORM] = "model-00002-of-00002.safetensors"
    (shop.base / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    (shop.base / "model.safetensors").rename(shop.base / "model-00001-of-00002.safetensors")
    return shop.whole()


def pickle(shop: Workshop) -> Case:
    torch.save(load_file(shop.base / "model.safetensors"), shop.base / "pytorch_model.bin")
    (shop.base / "model.safetensors").unlink()
    return shop.whole()


def remote_code(shop: Workshop) -> Case:
    (shop.base / "modeling_mine.py").write_text("raise SystemExit('this must never run')\n")
    classes = {"AutoConfig": "modeling_mine.Config", "AutoModelForCausalLM": "modeling_mine.Model"}
    shop.edit(shop.base / "config.json", model_type="mine", auto_map=classes)
    return shop.whole()


def unknown_architecture(shop: Workshop) -> Case:
    shop.edit(shop.base / "config.json", model_type="mine")
    return shop.whole()


def other_vocabulary(shop: Workshop) -> Case:
    shop.weights(
        lambda tensors: tensors.update(
            {name: tensors[name][:200].clone() for name in ("model.embed_tokens.weight", "lm_head.weight")}
        )
    )
    shop.edit(shop.base / "config.json", vocab_size=200, bos_token_id=0, eos_token_id=1)
    (shop.base / "generation_config.json").unlink()
    return shop.whole()


def other_tokenizer(shop: Workshop) -> Case:
    for name in ("config.json", "generation_config.json"):
        shop.edit(shop.base / name, eos_token_id=2)
    return shop.whole()


def added_token_without_a_row(shop: Workshop) -> Case:
    path = shop.base / "tokenizer.json"
    added = json.loads(path.read_text())["added_tokens"]
    shop.edit(path, added_tokens=[*added, added[0] | {"id": 9000, "content": "<extra>"}])
    return shop.whole()


def damaged_tokenizer(shop: Workshop) -> Case:
    (shop.base / "tokenizer.json").write_text("{}")
    return shop.whole()


def four_bits_twice(shop: Workshop) -> Case:
    from yukawa.llm.loading import open_language_model

    pytest.importorskip("bitsandbytes", reason="four bits need bitsandbytes")
    model = open_language_model(shop.base, load_in_4bit=True, device="cpu")
    model.model.save_pretrained(shop.base)
    return Case(shop.base, four_bits=True)


def foreign_width(shop: Workshop) -> Case:
    return Case(shop.made.model(shop.folder / "wide", hidden=64), shop.adapter)


def foreign_modules(shop: Workshop) -> Case:
    shop.edit(shop.adapter / "adapter_config.json", target_modules=["c_attn"])
    return shop.adapted()


def foreign_rank(shop: Workshop) -> Case:
    shop.edit(shop.adapter / "adapter_config.json", r=8)
    return shop.adapted()


def adapter_with_more_layers(shop: Workshop) -> Case:
    shop.edit(shop.base / "config.json", num_hidden_layers=1)
    shop.weights(lambda tensors: [tensors.pop(name) for name in list(tensors) if ".layers.1." in name])
    return shop.adapted()


def adapter_with_fewer_layers(shop: Workshop) -> Case:
    shop.weights(
        lambda tensors: [tensors.pop(name) for name in list(tensors) if ".layers.1." in name], shop.adapter
    )
    return shop.adapted()


def adapter_not_finite(shop: Workshop) -> Case:
    shop.weights(lambda tensors: next(iter(tensors.values())).fill_(float("nan")), shop.adapter)
    return shop.adapted()


def adapter_truncated(shop: Workshop) -> Case:
    path = shop.adapter / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    return shop.adapted()


def adapter_pickled(shop: Workshop) -> Case:
    torch.save(load_file(shop.adapter / "adapter_model.safetensors"), shop.adapter / "adapter_model.bin")
    (shop.adapter / "adapter_model.safetensors").unlink()
    return shop.adapted()


def adapter_of_another_tokenizer(shop: Workshop) -> Case:
    shutil.copy(shop.base / "tokenizer_config.json", shop.adapter)
    tokenizer = json.loads((shop.base / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    first, second = list(vocabulary)[:2]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (shop.adapter / "tokenizer.json").write_text(json.dumps(tokenizer))
    return shop.adapted()


def equal_shapes(shop: Workshop) -> Case:
    from yukawa.llm.adapters import BASE_SAMPLE, sample_weights

    other = shop.made.model(shop.folder / "other", seed=9)
    (shop.adapter / BASE_SAMPLE).write_text(json.dumps(sample_weights(other)))
    return shop.adapted()


def adapter_on_merged(shop: Workshop) -> Case:
    from yukawa.llm.adapters import merged_into
    from yukawa.llm.loading import open_language_model

    adapted = open_language_model(shop.base, adapter=shop.adapter, device="cpu").model
    merged_into(adapted, shop.adapter).save_pretrained(shop.base)
    return shop.adapted()


def moved_base(shop: Workshop) -> Case:
    return Case(shutil.copytree(shop.base, shop.folder / "moved"), shop.adapter)


# The outcome of each fault: an error of this type with this text, or a warning where there is no error.
FAULTS = {
    missing_tensor: (ModelError, "lack 1 tensors, such as model.norm.weight"),
    unexpected_tensor: (None, "1 tensors of .* have no place in the model, such as model.vision.weight"),
    wrong_shape: (ModelError, r"model.norm.weight of .* has the shape \(7,\), its configuration wants \(32,\)"),
    wrong_type: (ModelError, "model.norm.weight of .* has the type I64; allowed are floating-point numbers"),
    not_finite: (ModelError, "model.norm.weight of .* contains NaN or infinity"),
    infinite: (ModelError, "model.norm.weight of .* contains NaN or infinity"),
    not_finite_in_four_bits: (ModelError, "up_proj.weight of .* contains NaN or infinity"),
    truncated: (ModelError, "the weights .*model.safetensors cannot be loaded"),
    missing_shard: (ModelError, "cannot be loaded as a model: .*model-00002-of-00002.safetensors"),
    pickle: (InputError, r"\*.safetensors is missing; pytorch_model.bin is a pickle, which is never loaded"),
    remote_code: (ModelError, "brings Python code of its own, which is not run"),
    unknown_architecture: (ModelError, "cannot be loaded as a model: .*model type `mine`"),
    other_vocabulary: (InputError, "the tokenizer gives token 257, and the model .* knows 200 tokens"),
    other_tokenizer: (None, "tokenizer ends texts with token 257, its configuration with 2"),
    added_token_without_a_row: (None, "the tokens <extra> of the tokenizer are beyond the model's vocabulary"),
    damaged_tokenizer: (ModelError, "cannot be loaded as a model"),
    four_bits_twice: (InputError, r"are quantised already \(bitsandbytes\) and cannot be quantised again"),
    foreign_width: (InputError, "belongs to another base"),
    foreign_modules: (InputError, "belongs to another base"),
    foreign_rank: (InputError, "belongs to another base"),
    equal_shapes: (InputError, "belongs to another base"),
    adapter_with_more_layers: (InputError, "belongs to another base"),
    adapter_with_fewer_layers: (InputError, "belongs to another base"),
    adapter_not_finite: (ModelError, "lora_A.weight of .* contains NaN or infinity"),
    adapter_truncated: (ModelError, "the weights .*adapter_model.safetensors cannot be loaded"),
    adapter_pickled: (InputError, "has no adapter_model.safetensors; adapter_model.bin is a pickle, which is never"),
    adapter_of_another_tokenizer: (InputError, "was trained with another tokenizer than that of"),
    adapter_on_merged: (InputError, "is part of the weights of .* already"),
    moved_base: (None, "the adapter was made on .*base and is used on .*moved"),
}  # fmt: skip


def by_training(case: Case, folder: Path) -> None:
    """One step of a training."""
    rows = [
        Document(id=f"d{n}", text="The W boson decays into leptons. " * 3, source="test") for n in range(4)
    ]
    write_rows(folder / "rows.jsonl", rows, Document)
    adapter = {"kind": "qlora" if case.four_bits else "lora", "rank": 2, "targets": "qkv"}
    train(TextRecipe.parse(recipe_of(case, adapter, str(folder / "rows.jsonl"))), folder / "run")


def recipe_of(case: Case, adapter: dict, data: str = "d") -> dict:
    base = case.adapter or case.base
    how = {"steps": 1, "batch": 2, "length": 64, "device": "cpu", "precision": "fp32"}
    return {"model": {"base": str(base)}, "data": {"path": data}, "adapter": adapter, "training": how}


def by_evaluation(case: Case, folder: Path) -> None:
    """A model of `yukawa evaluate`."""
    four_bits = case.four_bits or None
    adapter = case.adapter and str(case.adapter)
    subject = ModelSpec("mine", str(case.base), adapter, load_in_4bit=four_bits, device="cpu")
    check_places(subject.source, subject.adapter)
    subject.open()


def by_merging(case: Case, folder: Path) -> None:
    """A run whose base and adapter are these."""
    adapter = case.adapter or folder / "adapter"
    recipe = TextRecipe.parse(recipe_of(Case(case.base), {"kind": "lora"})).plain()
    Run.create(folder / "run", recipe, model_files(case.base))
    (folder / "run" / "card.md").write_text("# A model\n")
    shutil.copytree(adapter, folder / "run" / "model")
    for path in case.base.glob("tokenizer*"):
        if not (folder / "run" / "model" / path.name).exists():
            shutil.copy(path, folder / "run" / "model")
    try:
        merge(folder / "run")
    finally:
        left = [path.name for path in (folder / "run").iterdir() if path.name.endswith(".part")]
        assert left == []


def by_chat(case: Case, folder: Path) -> None:
    """A row of `yukawa.toml`."""
    adapter = case.adapter and str(case.adapter)
    model = TransformersModel(str(case.base), adapter=adapter, load_in_4bit=case.four_bits or None)
    asyncio.run(model.chat([Message("user", "Spin of the W?")], GenerationOptions(max_tokens=2)))


CALLERS = {"train": by_training, "evaluate": by_evaluation, "merge": by_merging, "chat": by_chat}
# What a caller does otherwise than the others, with the reason.
OTHERWISE = {
    # Whole weights are merged, never quantised ones; the fault does not lie in them.
    ("merge", not_finite_in_four_bits): (ModelError, "up_proj.weight of .* contains NaN or infinity"),
    ("merge", four_bits_twice): (InputError, "cannot be merged into quantised weights"),
    # Whoever trains would meet the token; the others may never.
    ("train", added_token_without_a_row): (
        InputError,
        "adds 1 tokens, such as <extra>, to the 258 that the model .* knows",
    ),
}


@pytest.fixture
def shop(made, base_folder, adapter_folder, tmp_path) -> Workshop:
    return Workshop(made, base_folder, adapter_folder, tmp_path)


@pytest.mark.slow_but("chat")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_has_its_outcome(shop, tmp_path, caplog, caller, fault):
    error, text = OTHERWISE.get((caller, fault), FAULTS[fault])
    case = fault(shop)
    if caller == "train" and case.adapter is not None:
        error, text = InputError, "holds an adapter, and a whole model is needed here"
    caplog.set_level(logging.WARNING)
    if error is None:
        CALLERS[caller](case, tmp_path)
        said = [record.getMessage() for record in caplog.records if record.name == "yukawa.llm.loading"]
        assert len(said) == 1
        assert re.search(text, said[0])
        return
    with pytest.raises(error, match=text) as caught:
        CALLERS[caller](case, tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "merged").exists()
    assert caller == "merge" or not (tmp_path / "run").exists()


@pytest.mark.parametrize("caller", CALLERS)
def test_sound_models_pass_in_silence(shop, tmp_path, caplog, caller):
    case = shop.whole() if caller == "train" else shop.adapted()
    CALLERS[caller](case, tmp_path)
    assert [record for record in caplog.records if record.name == "yukawa.llm.loading"] == []


def test_code_of_a_model_runs_where_it_is_allowed(shop):
    from yukawa.llm.loading import open_language_model

    (shop.base / "modeling_mine.py").write_text(
        "from transformers import LlamaConfig, LlamaForCausalLM\n\n"
        "class MyConfig(LlamaConfig):\n    model_type = 'mine'\n\n"
        "class MyModel(LlamaForCausalLM):\n    config_class = MyConfig\n"
    )
    classes = {"AutoConfig": "modeling_mine.MyConfig", "AutoModelForCausalLM": "modeling_mine.MyModel"}
    shop.edit(shop.base / "config.json", model_type="mine", auto_map=classes)
    with pytest.raises(ModelError, match="brings Python code of its own"):
        open_language_model(shop.base, device="cpu")
    found = open_language_model(shop.base, device="cpu", trust_remote_code=True)
    assert type(found.model).__name__ == "MyModel"


@pytest.mark.slow
def test_the_libraries_print_nothing(shop):
    pytest.importorskip("bitsandbytes", reason="four bits need bitsandbytes")
    code = (
        "from yukawa.llm.loading import open_language_model\n"
        f"open_language_model({str(shop.base)!r}, adapter={str(shop.adapter)!r}, load_in_4bit=True, device='cpu')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
