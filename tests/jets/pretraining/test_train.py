from __future__ import annotations

import json
import math
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError, NotFound
from yukawa.core.processes import Interruption
from yukawa.jets.evaluation.prediction import predict
from yukawa.jets.features.config import load_data_config
from yukawa.jets.io.source import open_source
from yukawa.jets.models import tagger
from yukawa.jets.models.byte_model import (
    ByteLanguageModel,
    ByteLanguageModelConfig,
    ByteModelConfig,
    until_end,
)
from yukawa.jets.models.tagger import load_model
from yukawa.jets.pretraining.train import SOURCE, PretrainingRecipe, PretrainingTrainer, pretrain
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build
from yukawa.jets.training.train import train
from yukawa.jets.training.trainer import DIVISOR, LABELS, arguments
from yukawa.runs.batches import StepDataset, TensorBatch
from yukawa.runs.callback import TrainingCallback
from yukawa.runs.checkpoints import checkpoints
from yukawa.runs.distributed import Machine
from yukawa.runs.run import Run
from yukawa.runs.schedule import TrainingPlan

Make = Callable[..., PretrainingRecipe]
PATHS = [f"mixture.{name}.path=elsewhere" for name in ("text", "jets", "questions")]


def test_a_recipe_survives_being_written_out(recipe: Make) -> None:
    made = recipe()
    assert PretrainingRecipe.parse(made.plain()) == made
    assert made.training.best_by == "loss"
    assert made.mixture["text"].weight == 1.0


@pytest.mark.parametrize("name", ["pretraining-laptop", "pretraining"])
def test_the_shipped_recipes_are_whole(name: str) -> None:
    with pytest.raises(
        InputError, match=r"mixture\.text\.path is missing \(type: mixture\.text\.path=VALUE\)"
    ):
        PretrainingRecipe.load(name)
    recipe = PretrainingRecipe.load(name, PATHS)
    assert {source.kind for source in recipe.mixture.values()} == {"text", "jets", "questions"}
    sizes = recipe.model.model_dump(exclude={"start"})
    ByteLanguageModelConfig.model_validate(sizes | {"features": 17, "classes": ("b",)})
    assert recipe.mixture["jets"].path == "elsewhere"


def test_the_laptop_recipe_fits_that_of_the_tagger() -> None:
    for name in ("", "-laptop"):
        trained = PretrainingRecipe.load(f"pretraining{name}", PATHS).model.model_dump(exclude={"start"})
        tuned = JetRecipe.load(f"byte-model{name}", ["data.path=there"]).model.model_dump(exclude={"start"})
        of_data = {"features": 17, "classes": ("b",)}
        one = ByteLanguageModelConfig.model_validate(trained | of_data)
        assert one.trunk() == ByteModelConfig.model_validate(tuned | of_data).trunk()


def test_a_source_can_be_left_out_and_a_base_changed(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "mixture: {a: {kind: text, path: x.txt}, b: {kind: jets, path: y}}\ntraining: {steps: 5}\n"
    )
    (tmp_path / "child.yaml").write_text("base: base.yaml\nmixture: {a: null}\n")
    made = PretrainingRecipe.load(tmp_path / "child.yaml", ["training.batch=8", "mixture.b.weight=2e0"])
    assert list(made.mixture) == ["b"]
    assert (made.training.batch, made.mixture["b"].weight) == (8, 2.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixture": {"text": {"kind": "picture"}}}, r"mixture\.text\.kind = 'picture': .*'text', 'jets'"),
        ({"mixture": {"text": {"weight": 0}}}, r"mixture\.text\.weight = 0: .*greater than 0"),
        ({"mixture": {"text": {"weight": -1}}}, r"mixture\.text\.weight = -1: .*greater than 0"),
        (
            {"mixture": {"text": {"weigth": 1}}},
            r"unknown key mixture\.text\.weigth \(did you mean mixture\.text\.weight",
        ),
        ({"mixture": {"text": {"fields": []}}}, r"mixture\.text\.fields"),
        ({"mixture": {"text": {"window": 1}}}, r"mixture\.text\.window"),
        ({"mixture": {"text": {"loading": "streaming"}}}, "loading has no meaning for text, omit it"),
        ({"mixture": {"jets": {"window": 4}}}, "window has no meaning for jets"),
        ({"mixture": {"questions": {"fields": ["a"]}}}, "fields has no meaning for questions"),
        ({"mixture": {"a.b": {"kind": "text", "path": "x"}}}, r"'a\.b' cannot name a source"),
        ({"mixture": {"text": None, "jets": None, "questions": None}}, "mixture"),
        ({"training": {"epochs": 3}}, "epochs"),
        ({"training": {"jets_per_epoch": 3}}, "jets_per_epoch has no meaning in a mixture"),
        ({"training": {"best_by": "accuracy"}}, r"training\.best_by = 'accuracy'"),
        ({"training": {"steps": None}}, "give either epochs or steps"),
        ({"training": {"validation": 0}}, r"training\.validation"),
        ({"model": {"architecture": "byte-model"}}, r"model\.architecture = 'byte-model'"),
    ],
)
def test_what_is_no_recipe(
    values: Callable[..., dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        PretrainingRecipe.parse(values(**changes), "test")
    assert "\n" not in str(caught.value)


class Nothing(StepDataset):
    def endless(self) -> Iterator[TensorBatch]:
        return iter(())


def sequences(lengths: list[int], seed: int, predicted: Callable[[int], list[bool]]) -> TensorBatch:
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 256, (sum(lengths), 8), generator=random).short()
    ends = torch.tensor(lengths).cumsum(0) - 1
    ids[ends, 3], ids[ends, 4:] = int(Mark.EOS), int(Mark.PAD)
    marks = torch.tensor([mark for length in lengths for mark in predicted(length)])
    batch = {"patches_NP": ids, "predicted_N": marks, "counts_B": torch.tensor(lengths)}
    return batch | {DIVISOR: torch.tensor(float(len(lengths)))}


@pytest.fixture
def made(
    place: Path, recipe: Callable[..., PretrainingRecipe], tmp_path: Path
) -> tuple[PretrainingTrainer, ByteLanguageModel, list[TensorBatch]]:
    config = load_data_config(str(place / "config.yaml"))
    torch.manual_seed(0)
    sizes: dict[str, Any] = recipe().model.model_dump(exclude={"start"})
    network = tagger.build(sizes | {"features": len(config.features), "classes": config.classes})
    assert isinstance(network, ByteLanguageModel)
    text = sequences([4, 2, 9], 1, lambda length: [False] + [True] * (length - 1)) | {SOURCE: torch.tensor(0)}
    questions = sequences([5, 6], 2, lambda length: [False] * (length - 1) + [True]) | {
        SOURCE: torch.tensor(1)
    }
    questions["patches_NP"][questions["counts_B"].cumsum(0) - 1] = network.answers.short()
    batches = [text, questions | {LABELS: torch.tensor([0, 1])}]
    how = recipe().training
    plan = TrainingPlan(6, None, 3, 3, 1, 16, "sequences", "loss")
    callback = TrainingCallback(plan, None, None, Interruption(), folder=tmp_path / "c")
    settings = arguments(how, tmp_path / "c", 6, Machine())
    trainer = PretrainingTrainer(
        network, how, settings, Nothing(batch=16, steps=6, seed=0), lambda: iter(batches), callback
    )
    trainer.weights = {"text": 1.0, "questions": 3.0}
    return trainer, network, batches


def alone(network: ByteLanguageModel, batch: TensorBatch) -> list[tuple[Tensor, int]]:
    """The mean cross entropy of each sequence by itself, and of how many ids."""
    found = []
    lengths = batch["counts_B"].tolist()
    for ids, marks in zip(
        batch["patches_NP"].split(lengths), batch["predicted_N"].split(lengths), strict=True
    ):
        labels = until_end(ids.long()).masked_fill(~marks[:, None], -100)
        loss = network.model(ids.reshape(1, -1).long(), labels=labels.reshape(1, -1)).loss
        found.append((loss, int((labels != -100).sum())))
    return found


def test_all_sequences_count_alike_in_the_loss(
    made: tuple[PretrainingTrainer, ByteLanguageModel, list[TensorBatch]],
) -> None:
    trainer, network, (text, _) = made
    loss = trainer.compute_loss(trainer.model, {k: v for k, v in text.items() if k != SOURCE})
    expected = torch.stack([mean for mean, _ in alone(network, text)]).mean()
    assert isinstance(loss, Tensor)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)


def test_the_figures_are_those_of_each_source(
    made: tuple[PretrainingTrainer, ByteLanguageModel, list[TensorBatch]],
) -> None:
    trainer, network, (text, questions) = made
    figures = trainer.evaluate()
    losses = []
    with torch.no_grad():
        for name, batch in (("text", text), ("questions", questions)):
            each = alone(network, batch)
            losses.append(float(sum(mean for mean, _ in each) / len(each)))
            assert figures[f"validation_loss_{name}"] == pytest.approx(losses[-1], rel=1e-5)
            nats = float(sum(mean * ids for mean, ids in each))
            real = int((batch["patches_NP"][batch["predicted_N"]] != int(Mark.PAD)).sum())
            assert figures[f"validation_bits_per_byte_{name}"] == pytest.approx(
                nats / real / math.log(2), rel=1e-5
            )
        right = 0
        for ids, label in zip(
            questions["patches_NP"].split(questions["counts_B"].tolist()), (0, 1), strict=True
        ):
            asked = network(ids[:-1], torch.tensor([len(ids) - 1]))
            right += int(asked.argmax()) == label
    assert figures["validation_accuracy_questions"] == right / 2
    assert "validation_accuracy_text" not in figures
    assert figures["validation_loss"] == pytest.approx((losses[0] + 3 * losses[1]) / 4, rel=1e-5)


class Killed(Exception):
    """Takes the place of the end of the process: nothing of ours runs after it."""


def kill_at(step: int) -> Callable[[int, int, Mapping[str, float]], None]:
    def progress(done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == step:
            raise Killed

    return progress


def last_weights(out: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(checkpoints(out / "checkpoints")[-1] / "model.safetensors"))


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "sequences_per_second"} for row in Run.open(out).metrics()]


def assert_same(first: Path, second: Path) -> None:
    """The same last weights, bit by bit, the same best model, the same figures but for the speed."""
    one, two = last_weights(first), last_weights(second)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (first / "model/model.safetensors").read_bytes() == (
        second / "model/model.safetensors"
    ).read_bytes()
    assert rows_of(first) == rows_of(second)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unbroken") / "run"


@pytest.fixture
def whole(unbroken: Path, recipe: Make) -> Path:
    """An unbroken run of the small recipe, made once: 6 steps, validated after 3 and 6."""
    if not unbroken.exists():
        pretrain(recipe(), unbroken)
    return unbroken


def test_a_run_is_a_folder_with_all_that_is_needed(whole: Path, place: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {
        "recipe.yaml", "environment.json", "data.json", "metrics.jsonl", "checkpoints", "model", "card.md",
    }  # fmt: skip
    inputs = json.loads((whole / "data.json").read_text())["inputs"]
    assert [Path(row["path"]) for row in inputs] == [
        place / "texts/one.jsonl.gz", place / "texts/two.jsonl.gz", place / "jets/manifest.json", place / "config.yaml",
    ]  # fmt: skip
    last = rows_of(whole)[-1]
    assert last.keys() == {
        "step", "validation_loss",
        "validation_loss_text", "validation_loss_jets", "validation_loss_questions",
        "validation_bits_per_byte_text", "validation_bits_per_byte_jets", "validation_bits_per_byte_questions",
        "validation_accuracy_questions",
    }  # fmt: skip
    each = [last[f"validation_loss_{name}"] for name in ("text", "jets", "questions")]
    assert last["validation_loss"] == pytest.approx((each[0] + each[1] + 2 * each[2]) / 4)
    page = (whole / "card.md").read_text()
    assert "25% of the sequences" in page
    assert "80 documents" in page
    assert "300 jets" in page


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_killed_run_resumes_to_the_same_bits(whole: Path, tmp_path: Path, recipe: Make, step: int) -> None:
    out = tmp_path / "run"
    with pytest.raises(Killed):
        pretrain(recipe(), out, progress=kill_at(step))
    seen: list[int] = []
    pretrain(recipe(), out, resume=True, progress=lambda done, total, figures: seen.append(done))
    assert seen[0] == (4 if step == 5 else 1)  # what the checkpoint holds is not done again
    assert_same(whole, out)


def test_how_jets_are_loaded_and_prepared_does_not_matter_for_the_rest(
    whole: Path, tmp_path: Path, recipe: Make
) -> None:
    pretrain(recipe(training={"prefetch": 0}), tmp_path / "run")
    assert_same(whole, tmp_path / "run")
    in_memory = {"jets": {"loading": "in-memory"}, "questions": {"loading": "in-memory"}}
    result = pretrain(recipe(mixture=in_memory), tmp_path / "other")
    assert result.loss != rows_of(whole)[-1]["validation_loss"]  # an order of its own


def test_ctrl_c_ends_the_step_and_the_run_can_go_on(whole: Path, tmp_path: Path, recipe: Make) -> None:
    def progress(done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    result = pretrain(recipe(), tmp_path / "run", progress=progress)
    assert result.interrupted
    assert "--resume" in result.message
    assert not (tmp_path / "run/model").exists()
    again = pretrain(recipe(), tmp_path / "run", resume=True)
    assert (again.interrupted, again.accuracy) == (False, None)
    assert "loss" in again.message
    assert "accuracy" not in again.message
    one, two = last_weights(whole), last_weights(tmp_path / "run")
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_it_learns_to_answer_and_a_tagger_begins_with_what_it_learned(
    tmp_path: Path, recipe: Make, place: Path
) -> None:
    result = pretrain(recipe(training={"steps": 120, "evaluate_every": 40}), tmp_path / "run")
    first, *_, last = (row for row in rows_of(tmp_path / "run") if "validation_loss" in row)
    assert last["validation_accuracy_questions"] > 0.9  # two classes alike: .5 by chance
    for name in ("text", "jets", "questions"):
        assert last[f"validation_bits_per_byte_{name}"] < first[f"validation_bits_per_byte_{name}"]
    assert last["validation_bits_per_byte_text"] < 5.5  # 8.1 without any knowledge

    found = predict(result.folder / "model", open_source(place / "jets", "validation"))
    assert found.rows is not None
    truth = found.rows.scalars["label_g"] > 0
    assert ((found.rows.scalars["score_g"] > 0.5) == truth).mean() > 0.9

    saved, _ = load_model(result.folder / "model")
    assert isinstance(saved, ByteLanguageModel)
    sizes = {k: v for k, v in recipe().model.model_dump().items() if k not in ("architecture", "start")}
    model = {"architecture": "byte-model", **sizes, "start": str(result.folder)}
    how = {"steps": 2, "batch": 50, "learning_rate": 1e-3}
    data = {"path": str(place / "jets"), "config": str(place / "config.yaml")}
    tuning = JetRecipe.parse({"data": data, "model": model, "training": how})
    _, network = build(tuning)
    before = saved.state_dict()
    trunk = {name: value for name, value in network.state_dict().items() if name in before}
    assert len(trunk) > 10
    assert all(torch.equal(value, before[name]) for name, value in trunk.items())

    train(tuning, tmp_path / "tuned")
    inputs = [
        Path(row["path"]).name for row in json.loads((tmp_path / "tuned/data.json").read_text())["inputs"]
    ]
    assert inputs[-3:] == ["config.json", "data_config.yaml", "model.safetensors"]
    assert Run.open(tmp_path / "tuned").recipe["model"]["start"] == str(result.folder)
    moved = tmp_path / "moved"
    shutil.copytree(result.folder / "model", moved)
    train(
        JetRecipe.parse(tuning.plain() | {"model": {**model, "start": str(moved)}}),
        tmp_path / "tuned",
        resume=True,
    )
    config = moved / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(InputError, match=r"config\.json differs from"):
        train(
            JetRecipe.parse(tuning.plain() | {"model": {**model, "start": str(moved)}}),
            tmp_path / "tuned",
            resume=True,
        )


def test_it_goes_on_from_another_model(whole: Path, tmp_path: Path, recipe: Make) -> None:
    pretrain(
        recipe(model={"start": str(whole)}, training={"steps": 1, "learning_rate": 1e-9}), tmp_path / "run"
    )
    old, new = (
        load_file(whole / "model/model.safetensors"),
        load_file(tmp_path / "run/model/model.safetensors"),
    )
    assert all(torch.allclose(old[name], new[name], atol=1e-6) for name in old)


def test_text_alone_makes_a_model_too(tmp_path: Path, recipe: Make) -> None:
    alone = {"jets": None, "questions": None}
    result = pretrain(recipe(mixture=alone, training={"steps": 2}), tmp_path / "run")
    assert load_model(result.folder / "model")[1].classes == ("b", "g")


def test_changed_data_and_recipes_are_refused(whole: Path, tmp_path: Path, place: Path, recipe: Make) -> None:
    with pytest.raises(InputError, match="already holds a run"):
        pretrain(recipe(), whole)
    with pytest.raises(NotFound, match=r"is not a run|does not exist"):
        pretrain(recipe(), tmp_path / "none", resume=True)
    with pytest.raises(InputError, match=r"was begun with mixture\.text\.weight 1\.0, not 3"):
        pretrain(recipe(mixture={"text": {"weight": 3}}), whole, resume=True)
    texts = tmp_path / "texts"
    shutil.copytree(place / "texts", texts)
    moved = recipe(mixture={"text": {"path": str(texts / "*.gz")}})
    pretrain(moved, whole, resume=True)  # moved is not changed
    (texts / "zero.jsonl.gz").write_bytes((texts / "two.jsonl.gz").read_bytes())
    with pytest.raises(InputError, match=r"zero\.jsonl\.gz differs"):
        pretrain(moved, whole, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixture": {"text": {"path": "nowhere/*.jsonl"}}}, "nowhere/.* names no file of text"),
        (
            {"mixture": {"text": {"fields": ["body"]}}},
            r"jsonl\.gz:1 has no field 'body'; there are title, abstract",
        ),
        ({"mixture": {"jets": {"path": "nowhere"}}}, "nowhere"),
        ({"training": {"validation": 1000}}, "nothing is left.*lower training.validation"),
        ({"training": {"validation": 70}}, "70 jets are wanted"),
        ({"model": {"patch": 3}}, "a patch of 3 does not fit"),
        ({"model": {"patch": 2}}, "the answer 'b' needs 3 ids, a patch has 2"),
        ({"model": {"start": "nowhere"}}, "nowhere does not exist"),
        ({"model": {"widht": 8}}, "widht"),
        ({"config": "nonsense"}, "nonsense"),
    ],
)
def test_what_is_wrong_leaves_nothing_behind(
    tmp_path: Path, recipe: Make, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        pretrain(recipe(**changes), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_constants_are_not_measured_from_texts(tmp_path: Path, place: Path, recipe: Make) -> None:
    open_config = tmp_path / "open.yaml"
    open_config.write_text(
        (place / "config.yaml")
        .read_text()
        .replace("[part_d0val, 0, 1, -4, 4]", "[part_d0val, auto, 1, -4, 4]")
    )
    alone = {"jets": None, "questions": None}
    with pytest.raises(
        InputError, match="leaves constants to be measured from jets, and the mixture has none"
    ):
        pretrain(recipe(config=str(open_config), mixture=alone), tmp_path / "run")


def test_the_card_says_what_was_read_how_it_went_and_how_to_use_it(whole: Path) -> None:
    page = (whole / "card.md").read_text()
    for line in (
        " parameters",
        "| text | text, 25% of the sequences, from ",
        "| questions | questions, 50% of the sequences",
        "80 documents",
        "| steps | 6 of 16 sequences |",
        " sequences/s |",
        "| validation bits per byte text | ",
        f"model.start={whole.name}",
        "| level | L0: a foundation model |",
    ):
        assert line in page
