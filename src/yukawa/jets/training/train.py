"""A training on jets: the recipe becomes a run with the best tagger, its metrics and its card."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from yukawa.core.errors import Problems
from yukawa.jets.features.config import DataConfig
from yukawa.jets.features.encoder import Encoder
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.loader import Streaming, tensors
from yukawa.jets.models.tagger import Tagger, save_model
from yukawa.jets.training import setup
from yukawa.jets.training.recipe import JetRecipe, JetSettings
from yukawa.jets.training.trainer import (
    JetBatches,
    JetTrainer,
    Supervised,
    arguments,
    labelled,
    steps_of_an_epoch,
)
from yukawa.runs.batches import StepDataset, TensorBatch
from yukawa.runs.callback import BestSoFar, TrainingCallback, TrainingProgress
from yukawa.runs.checkpoints import check_shapes, read_best, step_of
from yukawa.runs.distributed import Machine, check_machine, this_machine
from yukawa.runs.model_card import model_card
from yukawa.runs.recipe import check_given
from yukawa.runs.run import Run
from yukawa.runs.schedule import TrainingPlan
from yukawa.runs.task import RecipeT, Task, TrainResult, execute, median_speed
from yukawa.runs.trainer import RunTrainer


@dataclass(frozen=True)
class JetResult(TrainResult):
    """How a training ended whose best weights are kept; its loss is their cross entropy on the validation jets.

    Attributes:
        best_step: the step whose weights are in `model/`; None if none was validated.
        accuracy: their accuracy on the validation jets; None where there is none.
        stopped_early: whether the validation had not improved for too long.
    """

    best_step: int | None
    accuracy: float | None
    stopped_early: bool

    @property
    def reached(self) -> tuple[Mapping[str, float | None], str]:
        """The best validation, and its step."""
        early = f"; stopped early, at step {self.steps} of {self.planned}" if self.stopped_early else ""
        return {"accuracy": self.accuracy, "loss": self.loss}, f"at step {self.best_step}{early}"


def train(
    recipe: JetRecipe, out: Path, resume: bool = False, progress: TrainingProgress | None = None
) -> JetResult:
    """Train as the recipe says; see `yukawa.runs.task.execute` for arguments and errors."""
    return execute(JetTask(recipe), out, resume, progress)


class NetworkTask(Task[RecipeT, JetResult]):
    """A network of which the best weights are kept.

    Attributes:
        network: to be trained.
        config: the data config of its inputs.
    """

    network: Tagger
    config: DataConfig
    trainer_class: ClassVar[type[JetTrainer]] = JetTrainer

    @property
    def settings(self) -> JetSettings:
        """How to train."""
        return cast(JetSettings, self.recipe.training)

    @abstractmethod
    def batches(self, plan: TrainingPlan, first: int, machine: Machine) -> StepDataset:
        """The training batches of one process; the `first` ones are None."""

    @abstractmethod
    def validation(self, machine: Machine) -> Iterator[TensorBatch]:
        """The validation batches of one process."""

    def build_trainer(
        self,
        plan: TrainingPlan,
        callback: TrainingCallback,
        machine: Machine,
        folder: Path,
        checkpoint: Path | None,
    ) -> JetTrainer:
        """The trainer of the network; a checkpoint of another network is refused."""
        if checkpoint is not None:
            check_shapes(checkpoint, Supervised(self.network).state_dict())
        return self.trainer_class(
            self.network, self.settings, arguments(self.settings, folder, plan.steps, machine),
            self.batches(plan, step_of(checkpoint), machine), lambda: self.validation(machine), callback,
        )  # fmt: skip

    def save(self, trainer: RunTrainer, folder: Path) -> None:
        """Write the network with its best weights and its data config."""
        if trainer.args.should_save:
            callback = trainer.callback
            self.network.load_state_dict(read_best(callback.folder, callback.best.best_step or 0))
            save_model(folder, self.network, self.config, force=True)

    def result(self, trainer: RunTrainer, common: Mapping[str, Any]) -> JetResult:
        """How the training ended."""
        best = trainer.callback.best
        metrics = best.best_figures or {}
        return JetResult(
            **common, loss=metrics.get("validation_loss"), best_step=best.best_step,
            accuracy=metrics.get("validation_accuracy"), stopped_early=trainer.callback.stopped_early,
        )  # fmt: skip


class JetTask(NetworkTask[JetRecipe]):
    """A tagger that learns from jets."""

    free: ClassVar[tuple[str, ...]] = ("data.path", "data.validation", "data.prefetch", "model.start")
    encoder: Encoder

    def resolve(self) -> None:
        """Build the network, and write out its sizes in the recipe."""
        self.encoder, self.network = setup.build(self.recipe)
        self.config = self.encoder.config
        self.recipe = setup.resolved(self.recipe, self.network)

    def inputs(self) -> list[Path]:
        """The files of the jets, their data config and the model to start from."""
        return setup.inputs(self.recipe.data, self.recipe.model.start)

    def plan(self, machine: Machine) -> TrainingPlan:
        """Open the jets, and count the steps."""
        data, how = self.recipe.data, self.settings
        train_source, validation_source = setup.open_jets(data, how.seed)
        self.jets = setup.load(train_source, self.encoder, data, how.jets_per_epoch)
        self.validation_jets = setup.load(validation_source, self.encoder, data)
        return plan_of(how, steps_of_an_epoch(self.jets, how.batch, machine.world))

    def batches(self, plan: TrainingPlan, first: int, machine: Machine) -> JetBatches:
        """Batches of the training jets."""
        return JetBatches(
            loader=self.jets, batch=plan.batch, steps=plan.steps, seed=self.settings.seed, first=first,
            machine=machine, prefetch=self.recipe.data.prefetch,
        )  # fmt: skip

    def validation(self, machine: Machine) -> Iterator[TensorBatch]:
        """Batches of the validation jets."""
        batches = self.validation_jets.batches(
            self.settings.batch, seed=0, epoch=0, shuffle=False, rank=machine.rank, world=machine.world
        )
        return map(labelled, batches)

    def card(self, run: Run, trainer: RunTrainer) -> str:
        """The model card."""
        plan, recipe, classes = trainer.callback.plan, self.recipe, self.encoder.classes
        parameters = sum(weight.numel() for weight in self.network.parameters())
        data = {
            "jets": recipe.data.path,
            "training": f"{len(self.jets):,} jets, {self.jets.truncated:,} of them cut to as many particles as the "
            "model takes",
            "validation": f"{len(self.validation_jets):,} jets",
            "inputs": f"data config `{recipe.data.config}`, kept in `model/`",
            "hashes": "`data.json`",
        }
        return model_card(
            recipe.model.architecture,
            f"A jet tagger with {parameters:,} parameters, trained with Yukawa. It gives each jet a probability for "
            f"each of {len(classes)} classes: {', '.join(classes)}.",
            level=None,
            base=recipe.model.start,
            sections={
                "Data": data,
                "Training": training_table(recipe.training, plan, median_speed(run, plan.unit)),
                "Metrics": "On the validation jets, by which these weights were chosen; measure the model on test "
                "jets before you quote it.",
                "Best validation": best_table(trainer.callback.best),
            },
            commands={
                "yukawa jets evaluate RUN --data DATA": "measure it on test jets",
                "yukawa jets predict RUN --data JETS --out OUT.parquet": "write its probabilities",
            },
            advice="Its probabilities are right for jets made like its training jets; other simulation, detector or "
            "energy needs its own check.",
        )


def plan_of(settings: JetSettings, epoch: int) -> TrainingPlan:
    """When things happen in a training whose epoch has this many steps."""
    return TrainingPlan.of(settings, epoch, "jets", best_by=settings.best_by, patience=settings.patience)


def training_table(settings: JetSettings, plan: TrainingPlan, speed: float | None) -> dict[str, object]:
    """The table of a training; its speed is in the plan's unit per second."""
    epochs = f" ({plan.steps / plan.epoch:.4g} epochs)" if plan.epoch else ""
    return {
        "steps": f"{plan.steps:,} of {plan.batch:,} {plan.unit}{epochs}",
        "speed": f"{speed:,.0f} {plan.unit}/s" if speed else "not measured",
        "optimiser": f"{settings.optimiser}, learning rate {settings.learning_rate:g}, {settings.schedule}",
        "precision": settings.precision,
        "seed": settings.seed,
        "everything else": "`recipe.yaml`, `environment.json`",
    }


def best_table(best: BestSoFar) -> dict[str, object]:
    """The table of the best validation."""
    metrics = {name.replace("_", " "): f"{value:.4f}" for name, value in (best.best_figures or {}).items()}
    return {
        **metrics,
        "step": f"{best.best_step or 0:,}",
        "all metrics": "`metrics.jsonl`, `learning-curves.png`",
    }


_SAMPLE = 32  # jets on which memory is measured
# fp32 copies of the weights: they, their gradient, two moments; Ranger's slow ones are a fifth.
COPIES = {"adamw": 4, "ranger": 5}


@dataclass(frozen=True)
class JetDryRun:
    """What a recipe would do; what cannot be known on this machine is None, and `problems` says why.

    Attributes:
        recipe: as resolved.
        parameters: of the network.
        train_jets: jets to train on, before the data config's selection.
        jets_per_epoch: jets that an epoch trains on.
        validation_jets: jets to validate on.
        plan: its steps.
        weights_memory: bytes of weights, gradients and the optimiser's state.
        batch_memory: bytes that the network keeps of a batch for its gradient, measured on a few jets.
        data_memory: bytes of the encoded jets that are held at once.
        problems: everything that keeps it from running here, a line each.
    """

    recipe: JetRecipe
    parameters: int | None
    train_jets: int | None
    validation_jets: int | None
    jets_per_epoch: int | None
    plan: TrainingPlan | None
    weights_memory: int | None
    batch_memory: int | None
    data_memory: int | None
    problems: tuple[str, ...] = ()


def describe(recipe: JetRecipe) -> JetDryRun:
    """Say what the recipe would do; the data are looked at, nothing is written.

    Machine, network and jets are described each by itself: without jets the network has its size all the same, and steps
    where the recipe says how long an epoch is.
    """
    how, problems, machine = recipe.training, Problems(), this_machine(recipe.training)
    problems.attempt(lambda: check_machine(how, machine))
    jets = problems.attempt(lambda: _open(recipe))
    # Weights that nothing is computed with need no numbers: those of a large model take seconds to draw.
    with torch.device("cpu" if jets or recipe.model.start else "meta"):
        built = problems.attempt(lambda: setup.build(recipe))
    epoch = how.jets_per_epoch or (len(jets[0]) if jets else None)
    plan = plan_of(how, math.ceil(epoch / how.batch)) if epoch else None
    parameters = sum(weight.numel() for weight in built[1].parameters()) if built else None
    found = problems.attempt(lambda: _memory(recipe, built, jets)) if built and jets else None
    batch_memory, data_memory = found or (None, None)
    return JetDryRun(
        recipe=setup.resolved(recipe, built[1]) if built else recipe,
        parameters=parameters,
        train_jets=len(jets[0]) if jets else None,
        validation_jets=len(jets[1]) if jets else None,
        jets_per_epoch=epoch,
        plan=plan,
        weights_memory=None if parameters is None else 4 * parameters * COPIES[how.optimiser],
        batch_memory=batch_memory,
        data_memory=data_memory,
        problems=problems.lines,
    )


def _open(recipe: JetRecipe) -> tuple[JetSource, JetSource]:
    check_given(recipe.data.path, "data.path")
    return setup.open_jets(recipe.data, recipe.training.seed)


def _memory(
    recipe: JetRecipe, built: tuple[Encoder, Tagger], jets: tuple[JetSource, JetSource]
) -> tuple[int, int]:
    """Bytes that the network keeps of a batch, and of the encoded jets that are held at once."""
    (encoder, network), (train, _) = built, jets
    few = Streaming(JetSource(train.columns, train.chunks[:1]), encoder, _SAMPLE, ahead=0)
    sample = next(few.batches(_SAMPLE, seed=0, epoch=0, shuffle=False))
    row_bytes = sum(array.nbytes for array in sample.rows.values()) / max(len(sample), 1)
    held = [len(some) for some in jets]
    if recipe.data.loading == "streaming":
        held = [min(number, recipe.data.buffer) for number in held]
    kept = kept_for_gradient(network, tensors(sample)) / max(len(sample), 1)
    return round(kept * recipe.training.batch), round(row_bytes * sum(held))


def kept_for_gradient(network: nn.Module, batch: dict[str, Tensor]) -> int:
    """The size in bytes of all tensors that a forward pass keeps for the backward pass, without the weights."""
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = network(**batch)
    del logits
    return sum(kept.values())
