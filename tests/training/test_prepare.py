from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys

import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from yukawa.core.errors import InputError, ModelError, StoreError
from yukawa.llm.folders import model_files
from yukawa.llm.loading import open_language_model
from yukawa.runs.distributed import Machine
from yukawa.training.dry_run import describe
from yukawa.training.prepare import check_training_machine, epoch_steps, prepare
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import train


def made(recipe, **sections):
    values = recipe.plain()
    for name, changes in sections.items():
        values[name] |= changes
    return TextRecipe.parse(values)


def test_a_run_depends_on_its_base_and_its_text(recipe, rows, tiny, tmp_path):
    prepared = prepare(recipe(), tmp_path)
    assert prepared.inputs == [rows["pretrain"], *model_files(tiny)]
    assert {path.name for path in prepared.inputs} >= {"model.safetensors", "tokenizer.json", "config.json"}
    assert prepared.validation is None


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
    with pytest.raises(InputError, match=f"unknown {section}.{key} 'generated:gold'"):
        prepare(made(recipe(), **{section: {key: "generated:gold"}}), tmp_path)


def test_a_full_disk_leaves_no_half_of_a_base(recipe, tmp_path, monkeypatch):
    chosen = made(recipe(), model={"base": "generated:tiny"})

    def full(folder, *args, **kwargs):
        (folder / "inner").mkdir(parents=True)
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr("yukawa.training.prepare.make_llama", full)
        with pytest.raises(StoreError, match=r"base cannot be written: the disk is full"):
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
    steps = epoch_steps(TextRecipe.parse(values), sequences, world)
    assert steps == math.ceil(sequences / (accumulation * share * world))


CODE = """
from yukawa.training.prepare import quiet
quiet()
import sys, peft, trl, bitsandbytes
from yukawa.training.tiny_model import make_llama
make_llama(sys.argv[1], ["quark"], vocabulary=260, hidden_size=8)
"""


@pytest.mark.slow
def test_nothing_is_printed_but_what_we_say(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "base")], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "base" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("changes", "machine", "said"),
    [
        ({"device": "cuda"}, Machine(), r"training.device=cuda needs a GPU.*type: training.device=cpu"),
        ({"tf32": True}, Machine(), r"training.tf32=true needs a GPU.*training.tf32=false"),
        ({"optimiser": "adamw-8bit"}, Machine(), r"adamw-8bit needs a GPU.*training.optimiser=adamw"),
        (
            {"distributed": "fsdp2", "offload": True},
            Machine(),
            r"fsdp2 needs a GPU.*training.distributed=ddp training.offload=false",
        ),
        ({}, Machine(world=2), r"distributed=none, but 2 processes.*training.distributed=ddp"),
        ({"distributed": "fsdp2"}, Machine(gpu=True), r"a single one.*torchrun"),
        (
            {"batch": 6, "accumulation": 2, "distributed": "ddp"},
            Machine(world=2),
            r"cannot be shared by 2 processes in 2 passes each \(make training.batch a multiple of 4",
        ),
    ],
)
def test_what_a_machine_cannot_do_is_said_with_what_to_type(recipe, changes, machine, said):
    changes = {"device": "auto"} | changes
    with pytest.raises(InputError, match=said):
        check_training_machine(recipe(**changes), machine)
    check_training_machine(recipe(), Machine())


@pytest.fixture
def extended(tiny, tmp_path):
    """A base whose tokenizer knows a token more than its embeddings."""
    folder = shutil.copytree(tiny, tmp_path / "extended")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<jet>"])
    tokenizer.save_pretrained(folder)
    return folder


def test_added_tokens_without_embeddings_are_refused_before_anything_is_written(recipe, extended, tmp_path):
    chosen = made(recipe(), model={"base": str(extended)})
    said = r"adds 1 tokens, such as <jet>, to the \d+ that .* knows .*model.resize_embeddings=true"
    assert re.search(said, describe(chosen).problems[0])
    with pytest.raises(InputError, match=said):
        train(chosen, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_added_tokens_receive_embeddings_on_request(recipe, extended, tmp_path):
    chosen = made(
        recipe(steps=2), model={"base": str(extended), "resize_embeddings": True}, adapter={"kind": "full"}
    )
    parameters = describe(chosen).parameters
    assert train(chosen, tmp_path / "run").parameters == parameters
    trained = open_language_model(tmp_path / "run", device="cpu")
    assert trained.notes == ()
    assert trained.model.get_input_embeddings().weight.shape[0] == len(trained.tokenizer)
    with pytest.raises(InputError, match=r"type: adapter\.kind=full"):
        made(recipe(), model={"resize_embeddings": True})


@pytest.mark.parametrize("kind", ["pretrain", "sft"])
def test_a_base_without_a_tokenizer_is_one_line(recipe, tiny, tmp_path, kind):
    folder = shutil.copytree(
        tiny, tmp_path / "bare", ignore=shutil.ignore_patterns("tokenizer*", "chat*", "special*")
    )
    with pytest.raises(ModelError, match="cannot be loaded as a model") as caught:
        prepare(made(recipe(kind), model={"base": str(folder)}), tmp_path)
    assert "\n" not in str(caught.value)
