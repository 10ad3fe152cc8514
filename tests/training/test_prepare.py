from __future__ import annotations

import math

import pytest
import safetensors
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, StoreError
from yukawa.llm.folders import model_files
from yukawa.training.prepare import epoch_steps, load_base, prepare
from yukawa.training.recipe import parse_recipe


def made(recipe, **sections):
    values = recipe.plain()
    for name, changes in sections.items():
        values[name] |= changes
    return parse_recipe(values)


def test_a_run_depends_on_its_base_and_its_text(recipe, rows, tiny, tmp_path):
    prepared = prepare(recipe(), tmp_path)
    assert prepared.inputs == [rows["pretrain"], *model_files(tiny)]
    assert {path.name for path in prepared.inputs} >= {"model.safetensors", "tokenizer.json", "config.json"}
    assert prepared.validation is None


def test_a_base_is_loaded_in_the_type_of_the_recipe(recipe, tiny):
    beside_an_adapter = load_base(tiny, recipe(), None, "cpu")
    assert (beside_an_adapter.dtype, beside_an_adapter.config.use_cache) == (torch.bfloat16, False)
    assert load_base(tiny, recipe(adapter={"kind": "full"}), None, "cpu").dtype == torch.float32


def test_a_tiny_base_is_made_once_from_the_text(recipe, rows, tmp_path):
    for kind in rows:
        chosen = made(recipe(kind), model={"base": "generated:tiny"})
        first = prepare(chosen, tmp_path / kind)
        before = (first.base / "model.safetensors").stat().st_mtime_ns
        again = prepare(chosen, tmp_path / kind)
        assert again.base == first.base
        assert (first.base / "model.safetensors").stat().st_mtime_ns == before
        assert first.train.counts == again.train.counts


@pytest.mark.parametrize("section", ["model", "data"])
def test_what_cannot_be_made_is_said(recipe, tmp_path, section):
    key = {"model": "base", "data": "path"}[section]
    with pytest.raises(InputError, match=f"{section}.{key}=generated:gold is unknown"):
        prepare(made(recipe(), **{section: {key: "generated:gold"}}), tmp_path)


def test_a_full_disk_leaves_no_half_of_a_base(recipe, tmp_path, monkeypatch):
    chosen = made(recipe(), model={"base": "generated:tiny"})

    def full(folder, *args, **kwargs):
        (folder / "inner").mkdir(parents=True)
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr("yukawa.training.prepare.make_llama", full)
        with pytest.raises(StoreError, match=r"base cannot be made in .*: the disk is full"):
            prepare(chosen, tmp_path)
    assert list(tmp_path.glob(".*")) == []
    assert prepare(chosen, tmp_path).base == tmp_path / "base"


@given(
    sequences=st.integers(1, 500),
    accumulation=st.integers(1, 4),
    share=st.integers(1, 4),
    world=st.integers(1, 3),
)
def test_an_epoch_takes_each_sequence_once(sequences, accumulation, share, world):
    values = {
        "model": {"base": "x"}, "data": {"path": "x"},
        "training": {"steps": 1, "batch": accumulation * share * world, "accumulation": accumulation},
    }  # fmt: skip
    steps = epoch_steps(parse_recipe(values), sequences, world)
    assert steps == math.ceil(sequences / (accumulation * share * world))
