from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.autograd.graph import saved_tensors_hooks
from transformers import LlamaConfig, LlamaForCausalLM

from yukawa.core.yaml_files import RECIPES
from yukawa.llm.loading import empty_model, torch_dtype
from yukawa.training.dry_run import adapter_parameters, describe, estimate_memory
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import train


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [("pretrain", {"targets": "qkv"}), ("sft", {"targets": "all"}), ("preference", {"kind": "full"})],
)
def test_what_it_says_is_what_happens(recipe, tmp_path, kind, adapter):
    chosen = recipe(kind, adapter=adapter, epochs=1, length=96)
    said = describe(chosen)
    done = train(chosen, tmp_path / "run")
    assert said.plan.steps == done.planned
    assert (said.trained_parameters, said.parameters) == (done.trained_parameters, done.parameters)
    assert said.tokens_per_step * said.plan.steps == pytest.approx(done.tokens)
    assert (said.problems, said.notes) == ((), ())


def test_a_recipe_for_a_gpu_is_described_without_one(recipe):
    said = describe(recipe(device="cuda", tf32=True))
    assert said.trained_parameters > 0
    assert len(said.problems) == 1
    assert "needs a GPU" in said.problems[0]


SHIPPED = sorted({path.stem for path in (RECIPES / "text").glob("*.yaml")} - {"smoke"})  # which needs nothing


@pytest.mark.slow_but("preferences")
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_is_described_on_a_bare_machine(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for variant in TextRecipe.variants(name)[:2]:
        said = describe(variant.recipe)
        machine = [line for line in said.problems if "needs a GPU" in line]
        text = [line for line in said.problems if "there is no data at data/" in line]
        base = [line for line in said.problems if "there is no folder runs/" in line]
        assert len(said.problems) >= len(machine) + len(text) + len(base)
        assert bool(machine) == (variant.recipe.training.device == "cuda")
        assert text or variant.recipe.data.path.startswith("generated:")
        unknown = variant.recipe.model.base.startswith(("runs/", "generated:small"))
        assert (said.trained_parameters is None) == (said.memory is None) == unknown
        assert not unknown or bool(base) or name == "small-base"


def test_each_part_is_described_by_itself(recipe, rows, tmp_path):
    chosen = recipe()
    away = chosen.model_copy(
        update={"model": chosen.model.model_copy(update={"base": str(tmp_path / "none")})}
    )
    said = describe(away)
    assert (said.rows, said.counts, said.parameters) == (48, None, None)
    assert len(said.problems) == 1
    lost = chosen.model_copy(
        update={"data": chosen.data.model_copy(update={"path": str(tmp_path / "none.jsonl")})}
    )
    said = describe(lost)
    assert (said.rows, said.plan) == (None, None)
    assert said.parameters > said.trained_parameters > 0
    assert said.memory.total > 0
    assert [line for line in said.problems if "there is no data at" in line]


def test_dora_and_named_projections_are_counted(recipe, tmp_path):
    chosen = recipe(adapter={"targets": ["q_proj", "down_proj"], "dora": True, "rslora": True}, steps=1)
    said, done = describe(chosen), train(chosen, tmp_path / "run")
    assert said.trained_parameters == done.trained_parameters
    assert set(said.targets) == {"q_proj", "down_proj"}
    wrong = describe(recipe(adapter={"targets": ["q_proj", "x_proj"]}))
    assert "its layers have down_proj, gate_proj" in wrong.problems[0]


def test_lora_has_rank_times_inputs_and_outputs(tiny):
    model = empty_model(tiny)
    one = adapter_parameters(model, ("down_proj",), 1)
    assert one == 2 * (32 + 64)
    assert adapter_parameters(model, ("down_proj",), 8) == 8 * one


def test_what_does_not_fit_is_told(recipe):
    said = describe(recipe("sft", length=40))
    assert any("do not fit into 40 tokens" in line for line in said.notes)
    assert "longer than the base's context" in describe(recipe(length=300)).problems[0]


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
    return TextRecipe.parse({
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
    wide = recipe("full", precision="fp32"), recipe("full", precision="bf16")
    fp32, bf16 = (estimate_memory(said, eight_billion, 10**6, 1).activations for said in wide)
    assert fp32 > 1.3 * bf16


@pytest.mark.slow_but("256")
@pytest.mark.parametrize("inner", [256, 896])
@pytest.mark.parametrize("numbers", [("fp32", "fp32"), ("fp32", "bf16"), ("bf16", "bf16")])
@pytest.mark.parametrize("trained", ["full", "qkv", "all"])
def test_activations_are_what_autograd_keeps(trained, numbers, inner):
    layers, batch, length = 12, 2, 64

    def estimated(**more):
        adapter = {"kind": "full"} if trained == "full" else {"kind": "lora", "targets": trained}
        said = TextRecipe.parse({
            "model": {"base": "x", "dtype": numbers[0]}, "data": {"path": "x"}, "adapter": adapter,
            "training": {"steps": 1, "batch": batch, "length": length, "precision": numbers[1], **more},
        })  # fmt: skip
        found = estimate_memory(said, llama(layers, inner), 0, 1).activations
        return found - 2 * 4 * batch * length * 64  # the logits

    whole = kept(llama(layers, inner), trained, numbers, batch, length)
    assert estimated() == pytest.approx(whole, rel=0.15)
    inputs = kept(llama(layers, inner), trained, numbers, batch, length, checkpointing=True)
    one = kept(llama(1, inner), trained, numbers, batch, length)
    assert estimated(gradient_checkpointing=True) == pytest.approx(inputs + one, rel=0.2)


def llama(layers, inner):
    config = LlamaConfig(
        vocab_size=64, hidden_size=256, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=4,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def kept(model, trained, numbers, batch, length, checkpointing=False):
    """Bytes of the tensors, weights apart, that autograd keeps of a forward pass before the head."""
    weights, arithmetic = (torch_dtype(name) for name in numbers)
    model = model.to(weights).train()
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    if trained != "full":
        projections = ["q_proj", "k_proj", "v_proj"]
        projections += ["o_proj", "gate_proj", "up_proj", "down_proj"] if trained == "all" else []
        model = get_peft_model(model, LoraConfig(r=8, target_modules=projections, lora_dropout=0.05))
        model.enable_input_require_grads()
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    ids = torch.randint(0, 64, (batch, length))
    with (
        saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=arithmetic is torch.bfloat16),
    ):
        decoder = model.get_base_model() if trained != "full" else model
        decoder.model(input_ids=ids, use_cache=False)
    return sum(storage.nbytes() for storage in storages.values())
