from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from yukawa.core.errors import InputError, ModelError, NotFound, StoreError
from yukawa.jets.models.tagger import load_model
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build
from yukawa.jets.training.train import JetResult, describe, kept_for_gradient, plan_of, train
from yukawa.runs.checkpoints import checkpoints
from yukawa.runs.run import Run

Make = Callable[..., JetRecipe]


class Killed(Exception):
    """Takes the place of the end of the process: nothing of ours runs after it."""


def kill_at(step: int) -> Callable[[int, int, Mapping[str, float]], None]:
    def progress(done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == step:
            raise Killed

    return progress


def interrupt_at(step: int) -> Callable[[int, int, Mapping[str, float]], None]:
    def progress(done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def last_weights(out: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(checkpoints(out / "checkpoints")[-1] / "model.safetensors"))


def assert_same(first: Path, second: Path) -> None:
    """The same last weights, bit by bit, the same best model, the same figures but for the speed."""
    one, two = last_weights(first), last_weights(second)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (first / "model/model.safetensors").read_bytes() == (
        second / "model/model.safetensors"
    ).read_bytes()
    rows = [
        [{k: v for k, v in row.items() if k != "jets_per_second"} for row in Run.open(out).metrics()]
        for out in (first, second)
    ]
    assert rows[0] == rows[1]


def limit_files(size: int | None) -> None:
    """What a full disk does: the operating system refuses to write a file beyond `size` bytes."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unbroken") / "run"


@pytest.fixture
def whole(unbroken: Path, recipe: Make) -> Path:
    """An unbroken run of the small recipe, made once: 12 steps, 6 an epoch, validated after 4, 8 and 12."""
    if not unbroken.exists():
        train(recipe(), unbroken)
    return unbroken


def test_it_learns_and_the_saved_model_is_the_one_that_was_validated(tmp_path: Path, recipe: Make) -> None:
    result = train(recipe(steps=60, evaluate_every=20), tmp_path / "run")
    assert result.accuracy is not None
    assert result.accuracy > 0.7  # two classes alike: .5 by chance
    assert not result.interrupted
    assert "the model is in" in result.message

    network, config = load_model(result.folder / "model")
    assert config.classes == ("b", "g")
    best = load_file(result.folder / f"checkpoints/best-{result.best_step:09d}.safetensors")
    assert all(torch.equal(value, best[name]) for name, value in network.state_dict().items())
    rows = [row for row in Run.open(result.folder).metrics() if "validation_accuracy" in row]
    assert result.accuracy == max(row["validation_accuracy"] for row in rows)


def test_a_run_is_a_folder_with_all_that_is_needed(whole: Path, data: Path, recipe: Make) -> None:
    names = {path.name for path in whole.iterdir()}
    assert names == {
        "recipe.yaml",
        "environment.json",
        "data.json",
        "metrics.jsonl",
        "checkpoints",
        "model",
        "card.md",
    }
    inputs = json.loads((whole / "data.json").read_text())["inputs"]
    assert [Path(row["path"]) for row in inputs] == [data / "manifest.json", data / "config.yaml"]
    kept = JetRecipe.of_run(whole)
    assert kept.training == recipe().training
    assert kept.model.model_dump()["dropout"] == 0.1  # every size is written out
    rows = Run.open(whole).metrics()
    assert [row["step"] for row in rows if "loss" in row] == [2, 4, 6, 8, 10, 12]
    assert [row["step"] for row in rows if "validation_loss" in row] == [4, 8, 12]
    assert all(row["epoch"] == row["step"] / 6 for row in rows)
    assert len(checkpoints(whole / "checkpoints")) == 2
    page = (whole / "card.md").read_text()
    assert "300 jets" in page
    assert "b, g" in page


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(
    whole: Path, tmp_path: Path, recipe: Make
) -> None:
    train(recipe(), tmp_path / "again")
    assert_same(whole, tmp_path / "again")
    train(recipe(seed=1), tmp_path / "other")
    one, two = last_weights(whole), last_weights(tmp_path / "other")
    assert not any(torch.equal(one[name], two[name]) for name in one if one[name].ndim == 2)


def test_streaming_has_its_own_order_but_is_as_repeatable(tmp_path: Path, recipe: Make) -> None:
    changes = {"loading": "streaming", "buffer": 100, "steps": 8, "evaluate_every": 3}
    train(recipe(**changes), tmp_path / "unbroken")
    with pytest.raises(Killed):
        train(recipe(**changes), tmp_path / "killed", progress=kill_at(5))
    train(recipe(**changes), tmp_path / "killed", resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "killed")


@pytest.mark.parametrize(
    "step", [1, 4, 7]
)  # before the first checkpoint, just before it is written, after it
def test_a_killed_run_resumes_to_the_same_bits(whole: Path, tmp_path: Path, recipe: Make, step: int) -> None:
    out = tmp_path / "run"
    with pytest.raises(Killed):
        train(recipe(), out, progress=kill_at(step))
    seen: list[int] = []
    train(recipe(), out, resume=True, progress=lambda done, total, figures: seen.append(done))
    assert seen[0] == (5 if step == 7 else 1)  # what the checkpoint holds is not done again
    assert_same(whole, out)


def test_ctrl_c_ends_the_step_and_the_resumed_run_has_the_same_bits(
    whole: Path, tmp_path: Path, recipe: Make
) -> None:
    out = tmp_path / "run"
    before = signal.getsignal(signal.SIGINT)
    result = train(recipe(), out, progress=interrupt_at(5))
    assert result.interrupted
    assert result.steps in (5, 6)
    assert "--resume" in result.message
    assert checkpoints(out / "checkpoints")[-1].name == f"checkpoint-{result.steps}"
    assert signal.getsignal(signal.SIGINT) is before
    assert not (out / "model").exists()

    assert not train(recipe(), out, resume=True).interrupted
    one, two = last_weights(whole), last_weights(out)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_finished_run_resumes_to_itself_and_draws_what_was_missing(
    whole: Path, tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    shutil.rmtree(out / "model")
    monkeypatch.undo()  # with the plots
    result = train(recipe(), out, resume=True)
    assert result.steps == 12
    assert_same(whole, out)
    assert {"learning-curves.png", "learning-curves.svg"} <= {path.name for path in out.iterdir()}


def test_it_stops_early_and_stays_stopped(tmp_path: Path, recipe: Make) -> None:
    quick = recipe(steps=40, evaluate_every=1, patience=2, learning_rate=0.3, clip=1.0)
    result = train(quick, tmp_path / "run")
    assert result.stopped_early
    assert result.steps < 40
    assert result.best_step == result.steps - 2
    again = train(quick, tmp_path / "run", resume=True)
    assert (again.steps, again.best_step) == (result.steps, result.best_step)


def test_the_best_model_is_chosen_by_loss_where_the_recipe_says_so(tmp_path: Path, recipe: Make) -> None:
    result = train(recipe(best_by="loss"), tmp_path / "run")
    rows = [row for row in Run.open(tmp_path / "run").metrics() if "validation_loss" in row]
    assert result.loss == min(row["validation_loss"] for row in rows)


def test_precision_bf16_trains_and_two_precisions_fit_in_one_process(tmp_path: Path, recipe: Make) -> None:
    low = train(recipe(precision="bf16", steps=4), tmp_path / "low")
    full = train(recipe(steps=4), tmp_path / "full")
    assert low.loss == pytest.approx(full.loss, rel=0.05)
    assert low.loss != full.loss
    assert all(value.dtype != torch.bfloat16 for value in last_weights(tmp_path / "low").values())


def test_adamw_and_a_number_of_jets(tmp_path: Path, recipe: Make) -> None:
    chosen = recipe(optimiser="adamw", weight_decay=0.01, train_jets=100, validation_jets=50, steps=4)
    train(chosen, tmp_path / "run")
    assert "100 jets" in (tmp_path / "run/card.md").read_text()


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_batch(tmp_path: Path, recipe: Make) -> None:
    out = tmp_path / "run"
    with pytest.raises(
        ModelError, match=r"the loss is (nan|inf) at step \d+; its batch is in .*lower the"
    ) as caught:
        train(recipe(learning_rate=1e30, optimiser="adamw"), out)
    assert "\n" not in str(caught.value)
    batch = np.load(out / "bad-batch.npz")
    assert batch["labels"].shape == (50,)
    assert batch["features_NF"].shape == (batch["counts_B"].sum(), 4)


def test_a_full_disk_leaves_the_checkpoint_before(whole: Path, tmp_path: Path, recipe: Make) -> None:
    out = tmp_path / "run"

    def progress(done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == 6:
            limit_files(20_000)

    try:
        with pytest.raises(StoreError, match="cannot be written") as caught:
            train(recipe(), out, progress=progress)
    finally:
        limit_files(None)
    assert "\n" not in str(caught.value)
    assert [path.name for path in checkpoints(out / "checkpoints")] == ["checkpoint-4"]
    assert not (out / "checkpoints/.partial").exists()
    train(recipe(), out, resume=True)
    assert_same(whole, out)


def test_a_run_is_not_overwritten_and_not_resumed_where_there_is_none(
    whole: Path, tmp_path: Path, recipe: Make
) -> None:
    with pytest.raises(InputError, match="already holds a run"):
        train(recipe(), whole)
    with pytest.raises(NotFound, match=r"is not a run|does not exist"):
        train(recipe(), tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_changed_data_are_refused(whole: Path, tmp_path: Path, data: Path, recipe: Make) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(data, moved)
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    train(recipe(path=str(moved), config=str(data / "config.yaml")), out, resume=True)  # moved is not changed
    manifest = moved / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(InputError, match=r"manifest\.json differs from"):
        train(recipe(path=str(moved)), out, resume=True)


def test_another_recipe_is_refused(whole: Path, recipe: Make) -> None:
    with pytest.raises(InputError, match=r"was begun with training\.batch 50, not 25"):
        train(recipe(batch=25), whole, resume=True)


def test_a_checkpoint_of_another_shape_is_refused(whole: Path, tmp_path: Path, recipe: Make) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    path = checkpoints(out / "checkpoints")[-1] / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if weights[name].ndim == 2)
    save_file(weights | {name: torch.zeros(3, 5)}, path)
    with pytest.raises(InputError, match=rf"is of another network: {name} is \[3, 5\]"):
        train(recipe(), out, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "nowhere"}, "nowhere"),
        ({"config": "nonsense"}, "nonsense"),
        ({"train_jets": 10_000}, "10000 jets are wanted"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"model": {"architecture": "perceptron"}}, "unknown architecture 'perceptron'"),
        ({"model": {"architecture": "particle-net", "widht": 3}}, "widht"),
        ({"model": {"architecture": "particle-net", "features": 3}}, "follows from the data config"),
    ],
)
def test_a_wrong_recipe_leaves_nothing_behind(
    tmp_path: Path, recipe: Make, changes: dict[str, object], message: str
) -> None:
    if changes.get("precision") == "fp16" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match=message):
        train(recipe(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


BYTES = {
    "architecture": "byte-model", "width": 8, "layers": 1, "heads": 2, "feedforward": 8, "byte_width": 4,
    "patch_width": 8, "dropout": 0.1,
}  # fmt: skip


def test_a_byte_model_is_streamed_saved_and_resumed_to_the_same_bits(tmp_path: Path, recipe: Make) -> None:
    def made(**changes: object) -> JetRecipe:
        return recipe(model=BYTES, loading="streaming", buffer=120, **changes)

    train(made(), tmp_path / "whole")
    with pytest.raises(Killed):
        train(made(checkpoint_every=5), tmp_path / "broken", progress=kill_at(7))
    train(made(checkpoint_every=5), tmp_path / "broken", resume=True)
    one, two = last_weights(tmp_path / "whole"), last_weights(tmp_path / "broken")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert load_model(tmp_path / "whole" / "model")[1].classes == ("b", "g")


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"accuracy": 0.25}, "the model is in here/model: accuracy 0.2500, loss 0.5000 at step 3"),
        ({"accuracy": None}, "the model is in here/model: loss 0.5000 at step 3"),
        ({"accuracy": None, "stopped_early": True}, "at step 3; stopped early, at step 4 of 9"),
        ({"accuracy": None, "interrupted": True}, "stopped after step 4 of 9; .* --resume"),
    ],
)
def test_a_result_says_what_there_is(figures: dict[str, float | None], said: str) -> None:
    plain = {"interrupted": False, "stopped_early": False} | figures
    result = JetResult(Path("here"), 4, 9, best_step=3, loss=0.5, seconds=1.0, asked=False, **plain)  # type: ignore[arg-type]
    assert re.search(said, result.message)


def test_a_batch_that_processes_cannot_share_is_refused(
    tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(
        InputError, match=r"training\.batch=50 cannot be shared by 3 processes \(make training\.batch"
    ):
        train(recipe(), tmp_path / "run")


def test_any_tagger_can_begin_with_a_trained_one(tmp_path: Path, recipe: Make) -> None:
    first = train(recipe(steps=2), tmp_path / "first")
    saved = dict(load_model(tmp_path / "first/model")[0].named_parameters())
    model = recipe().model.model_dump(exclude={"start"})
    small = recipe(model={**model, "start": str(first.folder)}, steps=1, learning_rate=1e-12)
    train(small, tmp_path / "second")
    again = dict(load_model(tmp_path / "second/model")[0].named_parameters())
    assert all(value.allclose(saved[name], atol=1e-6) for name, value in again.items())
    for changes, message in (
        ({"embed_sizes": [16, 32]}, "first has .*embed_sizes .* is expected"),
        ({"start": str(tmp_path / "none")}, "none does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            train(recipe(model={**model, "start": str(first.folder), **changes}), tmp_path / "third")
    other = {
        "architecture": "particle-net",
        "blocks": [[2, [4]]],
        "head": [[4, 0.0]],
        "start": str(first.folder),
    }
    with pytest.raises(
        InputError, match="has the architecture 'particle-transformer', 'particle-net' is expected"
    ):
        train(recipe(model=other), tmp_path / "third")


def test_a_card_says_what_the_model_is_and_what_it_reached(whole: Path) -> None:
    page = (whole / "card.md").read_text()
    best = max(
        row["validation_accuracy"] for row in Run.open(whole).metrics() if "validation_accuracy" in row
    )
    for text in (
        "particle-transformer",
        " parameters",
        "b, g",
        "300 jets",
        "of them cut",
        f"| validation accuracy | {best:.4f} |",
        "| step | ",
        " jets/s",
        "12 of 50 jets (2 epochs)",
        "ranger",
        "yukawa jets evaluate RUN --data DATA",
        "| level | not a language model |",
        "| base | none: all weights are new |",
    ):
        assert text in page
    assert "{" not in page


def test_it_says_what_the_run_then_does(tmp_path: Path, recipe: Make) -> None:
    chosen = recipe(steps=None, epochs=2, train_jets=120)
    said = describe(chosen)
    result = train(chosen, tmp_path / "run")
    assert said.plan.steps == result.steps == 2 * 3  # 50, 50 and 20 jets
    assert (said.train_jets, said.jets_per_epoch, said.validation_jets) == (120, 120, 100)
    assert f"{said.parameters:,} parameters" in (tmp_path / "run/card.md").read_text()


def test_it_counts_parameters_and_writes_nothing(tmp_path: Path, recipe: Make, data: Path) -> None:
    before = sorted(data.rglob("*"))
    said = describe(recipe())
    _, network = build(recipe())
    assert said.parameters == sum(weight.numel() for weight in network.parameters())
    assert said.weights_memory == 4 * 5 * said.parameters
    assert describe(recipe(optimiser="adamw")).weights_memory == 4 * 4 * said.parameters
    assert said.recipe.model.model_dump()["dropout"] == 0.1
    assert sorted(data.rglob("*")) == before


def test_memory_grows_with_the_batch_and_the_jets_held(recipe: Make) -> None:
    small, large = describe(recipe(batch=20)), describe(recipe(batch=40))
    assert large.batch_memory == pytest.approx(2 * small.batch_memory, rel=0.01)
    assert describe(recipe(loading="streaming", buffer=60)).data_memory < small.data_memory / 2


def test_what_a_network_keeps_is_counted_once_and_without_its_weights() -> None:
    class Squares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(10, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.linear(x)
            return (y * y).sum()

    # The input of the linear layer and y, which both factors of the product keep: 2 x 80 numbers.
    assert kept_for_gradient(Squares(), {"x": torch.ones(8, 10)}) == 2 * 80 * 4


def test_a_plan_follows_the_recipe(recipe: Make) -> None:
    plan = plan_of(recipe(steps=None, epochs=3, evaluate_every=None).training, 6)
    assert (plan.steps, plan.epoch, plan.evaluate, plan.checkpoint) == (18, 6, 6, 6)
    plan = plan_of(recipe(steps=4, evaluate_every=None, checkpoint_every=2).training, 6)
    assert (plan.steps, plan.evaluate, plan.checkpoint) == (4, 4, 2)


def test_a_dry_run_names_what_is_wrong_with_a_recipe(recipe: Make) -> None:
    assert any("nowhere" in line for line in describe(recipe(path="nowhere")).problems)
