"""Whole runs of tiny Llamas: all kinds, exact resume, and what stops them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from yukawa.core.errors import InputError, ModelError, NotFound, StoreError
from yukawa.data import write_rows
from yukawa.data.rows import Document
from yukawa.runs.checkpoints import checkpoints, read_best
from yukawa.runs.run import Run
from yukawa.training.prepare import prepare
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import TextTask, level_of, train
from yukawa.training.tokenization import RowCounts
from yukawa.training.trainer import LanguageTrainer


def weights(folder):
    files = sorted(folder.glob("*.safetensors"))
    assert files
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def same(one, two):
    assert one.keys() == two.keys()
    return all(torch.equal(one[name], two[name]) for name in one)


def figures(folder):
    """All that was logged but speeds."""
    return [
        {name: value for name, value in row.items() if not name.endswith("_per_second")}
        for row in Run.open(folder).metrics()
    ]


def stopped_at(step):
    """A progress that presses Ctrl-C so that the run stops after a step."""

    def progress(done, total, figures):
        if done == step - 1:  # noted after that step, acted on after the next
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def changed(recipe, **training):
    values = recipe.plain()
    values["training"] |= training
    return TextRecipe.parse(values)


@pytest.mark.slow_but("sft")
@pytest.mark.parametrize("kind", ["pretrain", "sft", "preference"])
@pytest.mark.parametrize("adapter", ["lora", "full"])
def test_every_kind_learns_and_is_kept(recipe, rows, tmp_path, kind, adapter):
    chosen = recipe(
        kind, adapter={"kind": adapter, "dropout": 0.0}, data={"validation": str(rows[kind])}, steps=12,
        evaluate_every=6, log_every=3, batch=8, learning_rate=1e-2, length=96,
    )  # fmt: skip
    result = train(chosen, tmp_path / "run")
    folder = result.folder
    assert (result.steps, result.planned, result.interrupted) == (12, 12, False)
    validated = [row["validation_loss"] for row in figures(folder) if "validation_loss" in row]
    assert len(validated) == 2
    assert validated[1] < validated[0]
    assert weights(folder / "model")
    assert (folder / "model" / "adapter_config.json").exists() == (adapter == "lora")
    assert (result.trained_parameters < result.parameters) == (adapter == "lora")
    assert TextRecipe.of_run(folder) == chosen
    for name in ("environment.json", "data.json", "card.md", "learning-curves.png", "learning-curves.svg"):
        assert (folder / name).stat().st_size > 100
    counts = json.loads((folder / "counts.json").read_text())["train"]
    assert (
        f"{counts['tokens']:,}, of which {counts['trained']:,} with a loss"
        in (folder / "card.md").read_text()
    )
    assert not (folder / "checkpoints" / ".partial").exists()
    assert not list((folder / "model").glob("*.bin"))  # no pickles


def test_tokens_are_counted_exactly(recipe, tmp_path):
    result = train(recipe(epochs=2, batch=4), tmp_path / "run")
    counts = json.loads((tmp_path / "run" / "counts.json").read_text())["train"]
    assert result.tokens == 2 * counts["trained"]


@pytest.mark.slow_but("sft")
@pytest.mark.parametrize(
    ("kind", "adapter", "packing", "stops"),
    [
        ("pretrain", "lora", True, (2, 9)),
        ("pretrain", "full", False, (8,)),
        ("sft", "lora", True, (7,)),
        ("preference", "lora", False, (5,)),
    ],
)
def test_a_stopped_run_goes_on_bit_for_bit(recipe, rows, tmp_path, kind, adapter, packing, stops):
    chosen = recipe(
        kind, adapter={"kind": adapter}, data={"validation": str(rows[kind])}, steps=10, batch=8, accumulation=2,
        log_every=1, packing=packing, evaluate_every=4, checkpoint_every=100, length=96,
    )  # fmt: skip
    whole = train(chosen, tmp_path / "whole")
    for step in stops:
        stopped = train(chosen, tmp_path / "broken", resume=step != stops[0], progress=stopped_at(step))
        assert stopped.interrupted
        assert stopped.steps == step
        assert "--resume" in stopped.message
    done = train(chosen, tmp_path / "broken", resume=True)
    assert (done.steps, done.interrupted, done.tokens) == (10, False, whole.tokens)
    assert same(weights(tmp_path / "whole" / "model"), weights(tmp_path / "broken" / "model"))
    assert figures(tmp_path / "whole") == figures(tmp_path / "broken")


def test_a_finished_run_resumed_stays_as_it_is(recipe, tmp_path):
    chosen = recipe(steps=2)
    train(chosen, tmp_path / "run")
    before = weights(tmp_path / "run" / "model")
    again = train(chosen, tmp_path / "run", resume=True)
    assert again.steps == 2
    assert same(before, weights(tmp_path / "run" / "model"))
    shutil.rmtree(tmp_path / "run" / "model")  # as after a full disk
    train(chosen, tmp_path / "run", resume=True)
    assert same(before, weights(tmp_path / "run" / "model"))


def test_two_runs_of_one_recipe_are_the_same_and_another_seed_is_not(recipe, tmp_path):
    chosen = recipe(steps=2)
    made = [train(chosen, tmp_path / name).folder for name in ("one", "two")]
    made.append(train(changed(chosen, seed=1), tmp_path / "three").folder)
    one, two, three = (weights(folder / "model") for folder in made)
    assert same(one, two)
    assert not same(one, three)


def test_other_data_and_other_recipes_are_not_gone_on_with(recipe, rows, tmp_path):
    chosen = recipe(steps=3)
    train(chosen, tmp_path / "run", progress=stopped_at(1))
    with pytest.raises(InputError, match=r"was begun with training.learning_rate 0.005, not 0.1"):
        train(changed(chosen, learning_rate=0.1), tmp_path / "run", resume=True)
    with pytest.raises(InputError, match=r"already holds a run .*--resume"):
        train(chosen, tmp_path / "run")
    write_rows(rows["pretrain"], [Document(id="1", text="Other text. " * 50, source="test")], Document)
    with pytest.raises(InputError, match="differs from"):
        train(chosen, tmp_path / "run", resume=True)
    with pytest.raises(NotFound, match=r"does not exist.*begin it without --resume"):
        train(chosen, tmp_path / "none", resume=True)


def test_a_loss_that_is_no_number_stops_with_its_batch_kept(recipe, tmp_path, monkeypatch):
    compute = LanguageTrainer.compute_loss

    def broken(self, model, inputs, *args, **kwargs):
        loss = compute(self, model, inputs, *args, **kwargs)
        return loss * float("nan") if self.state.global_step == 3 else loss

    monkeypatch.setattr(LanguageTrainer, "compute_loss", broken)
    with pytest.raises(ModelError, match=r"the loss is nan at step 4; its batch is in .*bad-batch.json"):
        train(recipe(steps=6, checkpoint_every=2), tmp_path / "run")
    batch = json.loads((tmp_path / "run" / "bad-batch.json").read_text())
    assert batch["step"] == 4
    assert "MeV" in batch["text"][0]
    with pytest.raises(ModelError, match=r"at step 4.*--resume meets it again.*lower training.learning_rate"):
        train(recipe(steps=6, checkpoint_every=2), tmp_path / "run", resume=True)
    monkeypatch.undo()
    assert [path.name for path in checkpoints(tmp_path / "run" / "checkpoints")] == ["checkpoint-2"]
    assert train(recipe(steps=6, checkpoint_every=2), tmp_path / "run", resume=True).steps == 6


def test_weights_that_are_no_numbers_are_not_kept(recipe, tmp_path, monkeypatch):
    learn = LanguageTrainer.training_step

    def broken(self, model, *args, **kwargs):
        loss = learn(self, model, *args, **kwargs)  # a number still
        if self.state.global_step == 3:
            next(weight for weight in model.parameters() if weight.grad is not None).grad.fill_(float("nan"))
        return loss

    monkeypatch.setattr(LanguageTrainer, "training_step", broken)
    chosen = recipe(steps=6, checkpoint_every=2, clip=None)
    with pytest.raises(ModelError, match="the weights contain NaN or infinity after step 4"):
        train(chosen, tmp_path / "run")
    monkeypatch.undo()
    assert [path.name for path in checkpoints(tmp_path / "run" / "checkpoints")] == ["checkpoint-2"]
    assert train(chosen, tmp_path / "run", resume=True).steps == 6


@pytest.mark.slow
def test_a_full_disk_in_a_checkpoint_leaves_the_one_before(recipe, tmp_path, monkeypatch):
    chosen, save, calls = recipe(steps=4, checkpoint_every=2), torch.save, []

    def full(*args, **kwargs):
        calls.append(args)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(*args, **kwargs)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        StoreError, match=r"the disk is full.*free some space and type the same command with --resume"
    ):
        train(chosen, tmp_path / "run")
    monkeypatch.undo()
    kept = checkpoints(tmp_path / "run" / "checkpoints")
    assert [path.name for path in kept] == ["checkpoint-2"]
    assert not (tmp_path / "run" / "checkpoints" / ".partial").exists()
    train(chosen, tmp_path / "run", resume=True)
    train(chosen, tmp_path / "whole")
    assert same(weights(tmp_path / "whole" / "model"), weights(tmp_path / "run" / "model"))


def test_four_bits_on_a_processor(recipe, tmp_path):
    pytest.importorskip("bitsandbytes")
    chosen = recipe(
        adapter={"kind": "qlora", "targets": "qkv", "dropout": 0.0}, steps=8, log_every=1, batch=8
    )
    result = train(chosen, tmp_path / "run")
    losses = [row["loss"] for row in figures(tmp_path / "run") if "loss" in row]
    assert losses[-1] < losses[0]
    assert result.trained_parameters < result.parameters
    names = weights(tmp_path / "run" / "model")
    assert {name.split(".")[-3] for name in names} == {"q_proj", "k_proj", "v_proj"}


@pytest.mark.slow
def test_what_cannot_be_trained_on_leaves_no_run(recipe, tmp_path):
    with pytest.raises(InputError, match="longer than the base's context of 256"):
        train(recipe(length=512), tmp_path / "run")
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def task_of(prepared):
    task = TextTask(prepared.recipe)
    task.prepared = prepared
    return task


def saver(save_model):
    accelerator = SimpleNamespace(wait_for_everyone=lambda: None)
    return SimpleNamespace(
        args=SimpleNamespace(should_save=True), accelerator=accelerator, save_model=save_model
    )


def test_model_and_tokenizer_load_from_the_folder(recipe, tiny, tmp_path):
    prepared = prepare(recipe("sft", data={"template": "vicuna"}, length=256), tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    task_of(prepared).save(saver(model.save_pretrained), tmp_path / "model")
    assert (
        AutoModelForCausalLM.from_pretrained(tmp_path / "model").config.vocab_size == model.config.vocab_size
    )
    assert "USER: " in AutoTokenizer.from_pretrained(tmp_path / "model").chat_template


def test_an_adapter_names_its_base(recipe, tiny, tmp_path):
    folder = train(recipe(steps=1), tmp_path / "run").folder
    config = json.loads((folder / "model" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny)


def test_a_full_disk_leaves_what_was_there(recipe, tmp_path):
    prepared = prepare(recipe(), tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("kept")

    def full(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"the disk is full.*--resume"):
        task_of(prepared).save(saver(full), tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["old"]
    assert not list(tmp_path.glob(".*"))


def page(recipe, **counts):
    train_rows = SimpleNamespace(counts=RowCounts(rows=10, tokens=1234, trained=999, **counts))
    files = SimpleNamespace(manifest=None)
    prepared = SimpleNamespace(recipe=recipe, train=train_rows, files=files, origin="made elsewhere")
    task = task_of(prepared)
    task.parameters = (100, 5000)
    callback = SimpleNamespace(plan=SimpleNamespace(steps=7), metrics={"validation_loss": 2.5})
    return task.card(None, SimpleNamespace(callback=callback))


def test_it_says_what_was_trained_on_what(recipe):
    text = page(recipe("sft", adapter={"targets": "qkv"}))
    assert "lora on qkv, rank 4, alpha 8, dropout 0.1: 100 of 5,000 parameters" in text
    assert "1,234, of which 999 with a loss" in text
    assert ": made elsewhere |" in text
    assert "7 of 4 sequences of at most 64 tokens" in text
    assert "| validation loss | 2.5 |" in text
    assert "yukawa merge RUN" in text
    assert "nothing was cut or omitted" in text
    assert "learning-curves.png" in text


def test_what_was_lost_is_told(recipe):
    assert "2 of 10 rows do not fit into 64 tokens" in page(recipe(), cut=2, cut_tokens=9, named=("a", "b"))


def test_a_whole_model_needs_no_merging(recipe):
    assert "yukawa merge" not in page(recipe(adapter={"kind": "full"}))


def test_a_level_follows_from_base_and_training(recipe, tmp_path):
    assert level_of(recipe()) == "L2"
    assert level_of(recipe("sft")) == level_of(recipe("preference")) == "L1"
    assert "| level | L1: a foundation model tuned to converse |" in page(recipe("sft"))
    made = recipe().plain() | {"model": {"base": "generated:tiny", "dtype": None}}
    assert level_of(TextRecipe.parse(made)) == "L0"
    assert level_of(TextRecipe.parse(made | {"level": "L2"})) == "L2"
    Run.create(tmp_path / "taught", recipe().plain(), [])
    on_it = recipe("sft").plain() | {"model": {"base": str(tmp_path / "taught" / "model"), "dtype": None}}
    (tmp_path / "taught" / "model").mkdir()
    assert level_of(TextRecipe.parse(on_it)) == "L2"


def test_the_weights_of_the_best_validation_are_kept(recipe, rows, tmp_path, monkeypatch):
    losses = iter([3.0, 2.0, 4.0, 5.0])

    def evaluate(self, *_, **__):
        return self.report({"validation_loss": next(losses)})

    monkeypatch.setattr(LanguageTrainer, "evaluate", evaluate)
    data = {"validation": str(rows["pretrain"]), "validation_rows": 8}
    done = train(recipe(data=data, best_by="loss", patience=2, evaluate_every=1), tmp_path / "run")
    assert (done.validation_loss, done.steps, done.planned) == (2.0, 4, 6)  # two worse ones end it
    kept = read_best(tmp_path / "run" / "checkpoints", 2)
    saved = load_file(tmp_path / "run" / "model" / "adapter_model.safetensors")
    assert {name.replace(".default", ""): weight.tolist() for name, weight in kept.items()} == {
        name: weight.tolist() for name, weight in saved.items()
    }
    last = load_file(tmp_path / "run" / "checkpoints" / "checkpoint-4" / "adapter_model.safetensors")
    assert not same(last, saved)
    with pytest.raises(InputError, match=r"needs rows to validate on.*data\.validation=FILE"):
        train(recipe(best_by="loss"), tmp_path / "without")
