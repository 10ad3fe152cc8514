"""The shipped recipes beside what was published: FeynTune, Xiwu, BBT-Neutron and the particle-physics Llama of 3B."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from yukawa.data.mixtures import shipped_mixtures
from yukawa.jets import JetRecipe
from yukawa.training.dry_run import KNOWN_BASES, describe
from yukawa.training.recipe import TextRecipe

FEYNTUNE, XIWU = "arXiv:2508.03716, section 3", "arXiv:2404.08001, section 3.3.3"
NEUTRON, PHYSICS = "BBT-Neutron, section 4.1.3", "the project's page, Training Configuration"
SAME = object()


class Row(NamedTuple):
    """A published value, and where a recipe has it; another value needs a reason."""

    recipe: str
    key: str
    published: Any
    ours: Any = SAME
    why: str = ""


SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TABLES = {
    FEYNTUNE: [
        Row("feyntune", "model.base", "meta-llama/Llama-3.1-8B"),
        Row("feyntune", "adapter.kind", "qlora"),
        Row("feyntune", "adapter.rank", 8),
        Row("feyntune", "adapter.alpha", 32),
        Row("feyntune", "adapter.dropout", 0.05),
        Row("feyntune", "training.epochs", 4),
        Row("feyntune", "training.batch", 16, 4, "packed sequences of 1,024 tokens, the tokens of 16 abstracts"),
        Row("feyntune", "training.learning_rate", 3e-4),
        Row("feyntune", "training.final_learning_rate", 3e-6),
        Row("feyntune", "training.schedule", "cosine"),
        Row("feyntune", "training.warmup", 0.1),
        Row("feyntune", "training.betas", (0.9, 0.95)),
        Row("feyntune", "training.eps", 1e-5),
        Row("feyntune", "training.weight_decay", 0.1),
        Row("feyntune", "training.clip", 1),
        Row("feyntune", "training.precision", "bf16"),
        Row("feyntune", "training.seed", 42),
    ],
    XIWU: [
        Row("xiwu-7b", "model.base", "lmsys/vicuna-7b-v1.5"),
        Row("xiwu-13b", "model.base", "lmsys/vicuna-13b-v1.5"),
        Row("xiwu-7b", "adapter.kind", "full"),
        Row("xiwu-7b", "training.learning_rate", 2e-5),
        Row("xiwu-7b", "training.schedule", "cosine"),
        Row("xiwu-7b", "training.weight_decay", 0),
        Row("xiwu-7b", "training.warmup", 0.03),
        Row("xiwu-7b", "training.accumulation", 16),
        Row("xiwu-7b", "training.batch", 2 * 16 * 2),  # two GPUs of 80 GB
        Row("xiwu-13b", "training.batch", 2 * 16 * 8),  # eight of 40 GB
        Row("xiwu-7b", "training.precision", "bf16"),
        Row("xiwu-7b", "training.tf32", True),
        Row("xiwu-7b", "training.distributed", "fsdp2"),
        Row("xiwu-7b", "training.offload", True),
        Row("xiwu-7b", "training.length", 2048),
        Row("xiwu-7b", "model.attention", "flash", None, "PyTorch's kernel is the same algorithm and is always there"),
        Row("xiwu-7b-pretrain", "training.kind", "pretrain"),
        Row("xiwu-7b", "training.kind", "sft"),
    ],
    PHYSICS: [
        Row(
            "physics-3b", "model.base", "unsloth/Llama-3.2-3B-Instruct", "meta-llama/Llama-3.2-3B-Instruct",
            "the same weights from those who made them",
        ),
        Row("physics-3b", "adapter.kind", "qlora"),
        Row("physics-3b", "adapter.rank", 16),
        Row("physics-3b", "adapter.alpha", 16),
        Row("physics-3b", "adapter.dropout", 0.05),
        Row("physics-3b", "adapter.targets", SEVEN, "all", "all projections of this base are these seven"),
        Row("physics-3b", "training.epochs", 3),
        Row("physics-3b", "training.batch", 2 * 4),
        Row("physics-3b", "training.accumulation", 4),
        Row("physics-3b", "training.learning_rate", 2e-4),
        Row("physics-3b", "training.optimiser", "adamw-8bit"),
        Row("physics-3b", "training.schedule", "cosine"),
        Row("physics-3b", "training.weight_decay", 0.01),
        Row("physics-3b", "training.length", 2048),
        Row("physics-3b", "training.warmup", 5),
        Row("physics-3b", "training.clip", 0.3),
        Row("physics-3b", "training.precision", "fp16 (or bf16)", "auto", "bf16 where the GPU has it, else fp16"),
        Row(
            "physics-3b", "data.system", "its own prompt",
            "You are an expert on experiments at particle colliders. Answer exactly, and say how it was measured.",
            "a prompt in other words, which does not promise what the data do not hold",
        ),
    ],
    NEUTRON: [
        Row("byte-model", "training.batch", 512),
        Row("byte-model", "training.epochs", 30),
        Row("byte-model", "training.jets_per_epoch", None),  # a pass over the data
        Row("byte-model", "training.learning_rate", 1e-4),
        Row("byte-model", "training.schedule", "cosine"),
        Row("byte-model", "training.optimiser", "adamw"),
        Row("byte-model", "model.form", "text", None, "the native form needs no numbers written out"),
        Row("byte-model-text", "model.form", "text"),
        Row("byte-model-text", "model.patch", 16),
        Row("byte-model-text", "training.batch", 512),
        Row("byte-model-text", "training.epochs", 30),
        Row("byte-model-text", "training.jets_per_epoch", None),
    ],
}  # fmt: skip
ROWS = [pytest.param(row, id=f"{row.recipe} {row.key}") for rows in TABLES.values() for row in rows]


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A folder without data, on a machine without a hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("yukawa.training.prepare.fetch_model", lambda *_, **__: pytest.fail("asks the hub"))


def load(name):
    jets = name.startswith("byte-model")
    return JetRecipe.load(name, ["data.path=x"]) if jets else TextRecipe.load(name)


@pytest.mark.parametrize("row", ROWS)
def test_a_published_value_is_that_of_the_recipe_or_has_a_reason(row):
    value = load(row.recipe)
    for part in row.key.split("."):
        value = getattr(value, part, None)
    assert value == (row.published if row.ours is SAME else row.ours)
    assert bool(row.why) == (row.ours is not SAME)
    assert row.ours != row.published


def test_feyntune_s_twenty_variants_and_their_mixtures():
    variants = TextRecipe.variants("feyntune-sweep")
    assert (
        {one.recipe.mixture for one in variants} == set(shipped_mixtures()) == {f"s{n}" for n in range(1, 11)}
    )
    assert {one.recipe.adapter.targets for one in variants} == {"qkv", "all"}
    assert {one.recipe.adapter.rank for one in TextRecipe.variants("feyntune-rank-sweep")} == {4, 8, 16}


@pytest.mark.parametrize(
    ("recipe", "changes", "trained", "whole"),
    [
        ("feyntune", [], 20_971_520, 8_030_261_248),
        ("feyntune", ["lora.targets=qkv"], 4_718_592, 8_030_261_248),
        ("physics-3b", [], 24_313_856, 3_212_749_824),  # published: 24.3 million of 3.2 thousand million
        ("physics-3b", [f"lora.targets=[{','.join(SEVEN)}]"], 24_313_856, 3_212_749_824),
        ("xiwu-7b", [], 6_738_415_616, 6_738_415_616),
        ("xiwu-13b", [], 13_015_864_320, 13_015_864_320),
    ],
)
def test_parameters_are_the_published_ones(recipe, changes, trained, whole, bare):
    found = describe(TextRecipe.load(recipe, changes))
    assert found.trained_parameters == trained
    assert found.parameters == whole + (0 if trained == whole else trained)


def test_the_sizes_of_vicuna_are_those_of_xiwu():
    sizes = KNOWN_BASES["lmsys/vicuna-7b-v1.5"]
    assert (sizes["num_attention_heads"], sizes["intermediate_size"]) == (32, 11008)
    assert (sizes["hidden_size"], sizes["vocab_size"]) == (4096, 32000)
    assert sizes["hidden_size"] // sizes["num_attention_heads"] == 128
