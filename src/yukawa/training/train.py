"""A recipe becomes a run: a folder with the model or adapter, its figures, and all that is needed to go on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from yukawa.core.errors import MissingPackage
from yukawa.core.files import atomic_write
from yukawa.core.optional import require
from yukawa.core.signals import Interruption
from yukawa.llm.adapters import lora_config
from yukawa.runs.callback import Plan, Progress, Result
from yukawa.runs.checkpoints import step_of
from yukawa.runs.curves import CURVES, learning_curves
from yukawa.runs.run import MODEL, RECIPE, Run
from yukawa.training.callback import Conductor
from yukawa.training.card import card
from yukawa.training.distributed import Machine, check_machine, this_machine
from yukawa.training.packing import packed_collator
from yukawa.training.prepare import Prepared, check_length, epoch_steps, load_base, prepare
from yukawa.training.quiet import quiet
from yukawa.training.recipe import Recipe, parse_recipe
from yukawa.training.save import save_result
from yukawa.training.trainer import arguments, last_checkpoint, trainer_class

CHECKPOINTS, MADE, CARD, COUNTS = "checkpoints", "generated", "card.md", "counts.json"
# In which values a resumed run may differ: where things lie (their hashes decide), and what changes no number.
_FREE = ("data.path", "data.validation", "model.base", "training.checkpoints_kept")


@dataclass(frozen=True)
class TrainResult(Result):
    """How a training ended.

    Attributes:
        tokens: with a loss, that were learned from.
        loss: of the last line of figures, in nats per token (or per pair).
        validation_loss: of the last validation; None without one.
        trained_parameters, parameters: that were trained, and all.
        notes: what a person must be told about the text.
    """

    tokens: int
    loss: float | None
    validation_loss: float | None
    trained_parameters: int
    parameters: int
    notes: tuple[str, ...]

    @property
    def reached(self) -> tuple[Mapping[str, float | None], str]:
        """The losses, and after how many steps."""
        figures = {"loss": self.loss, "validation loss": self.validation_loss}
        return figures, f"after {self.steps} steps"


def train(recipe: Recipe, out: Path, resume: bool = False, progress: Progress | None = None) -> TrainResult:
    """Train as the recipe says; the run is the folder `out`.

    Ctrl-C lets the step end, writes a checkpoint and returns. A resumed run gives the weights of an unbroken one
    (on a GPU up to the rounding of its sums, whose order varies). Started by torchrun, all processes share each batch.

    Args:
        recipe: from `load_recipe`.
        out: a new folder; with `resume`, a run of this recipe.
        resume: go on from the last checkpoint.
        progress: called after each step with the steps made, the steps in all, and the latest figures; in the
            first process only.

    Raises:
        InputError: the recipe, the machine or the data are wrong, `out` holds a run already, or (with `resume`) the
            recipe or the data are not the run's.
        NotFound: `out` holds no run to resume.
        ModelError: the base cannot be loaded, or the loss is no number; the batch and the checkpoints are kept.
        StoreError: the disk refuses; the last checkpoint stands.
    """
    began, out = time.perf_counter(), Path(out)
    quiet()
    machine = this_machine(recipe.training)
    check_machine(recipe.training, machine)
    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    run = Run.find(out, recipe.plain(), resume=resume, free=_FREE) if machine.rank == 0 else None
    with _first_process_first(machine):
        prepared = prepare(recipe, out / MADE)
    if run is not None:
        run.check_inputs(prepared.inputs)
    model = load_base(prepared.base, recipe, prepared.tokenizer, machine.device)
    check_length(recipe, model)
    plan = plan_of(prepared, machine.world)
    how = recipe.adapter
    adapter = None
    if how.kind != "full":
        adapter = lora_config(model, targets=how.targets, rank=how.rank, alpha=how.alpha, dropout=how.dropout)
    if machine.rank == 0 and run is None:
        run = Run.create(out, recipe.plain(), prepared.inputs)
        _write_counts(prepared, out)
    checkpoint = last_checkpoint(out / CHECKPOINTS) if resume else None
    if run is not None:
        run.forget_after(step_of(checkpoint) if checkpoint else 0)
    with Interruption() as interruption:
        sharded = recipe.training.distributed == "fsdp2"
        told = progress if machine.rank == 0 else None
        conductor = Conductor(plan, run, told, interruption, sharded)
        trainer = _trainer(
            prepared, model, adapter, arguments(recipe, out / CHECKPOINTS, plan.steps, machine), conductor
        )
        sizes = [(p.numel(), p.requires_grad) for p in trainer.model.parameters()]
        parameters = (
            sum(size for size, learns in sizes if learns),
            sum(p.numel() for p in model.parameters()),
        )
        if run is not None:
            conductor.go_on(run.last_figures())
        steps = trainer.begin(recipe, checkpoint)
    if not conductor.interrupted:
        save_result(trainer, prepared, out / MODEL)
        if run is not None:
            _finish(run, prepared, conductor, parameters)
    trainer.accelerator.wait_for_everyone()  # the first process has written its files
    return _result(out, conductor, steps, parameters, prepared.notes, time.perf_counter() - began)


def recipe_of(out: Path) -> Recipe:
    """The recipe of a run, as resolved.

    Raises:
        NotFound: `out` holds no run.
        InputError: its recipe is not one of a training on text.
    """
    return parse_recipe(Run.open(out).recipe, str(Path(out) / RECIPE))


def plan_of(prepared: Prepared, world: int) -> Plan:
    """When things happen in a training of so many processes."""
    how = prepared.recipe.training
    epoch = epoch_steps(prepared.recipe, len(prepared.train.rows), world)
    steps = how.steps if how.steps is not None else epoch * (how.epochs or 1)
    every = min(how.evaluate_every or epoch, steps)
    return Plan(
        steps=steps,
        epoch=epoch,
        evaluate=every if prepared.validation else None,
        checkpoint=min(how.checkpoint_every or every, steps),
        log=how.log_every,
    )


def _first_process_first(machine: Machine) -> Any:
    """What is generated or fetched, is so by one process of each host, before the others look."""
    accelerate = require("accelerate", "training")
    options = {} if machine.gpu else {"cpu": True, **({"backend": "gloo"} if machine.world > 1 else {})}
    return accelerate.PartialState(**options).local_main_process_first()


def _result(
    out: Path,
    conductor: Conductor,
    steps: int,
    parameters: tuple[int, int],
    notes: tuple[str, ...],
    seconds: float,
) -> TrainResult:
    figures = conductor.figures
    return TrainResult(
        folder=out, steps=steps, planned=conductor.plan.steps, tokens=int(figures.get("tokens", 0)),
        loss=figures.get("loss"), validation_loss=figures.get("validation_loss"),
        trained_parameters=parameters[0], parameters=parameters[1], seconds=seconds,
        interrupted=conductor.interrupted, notes=notes,
    )  # fmt: skip


def _trainer(prepared: Prepared, model: Any, adapter: Any, settings: Any, conductor: Conductor) -> Any:
    recipe = prepared.recipe
    options: dict[str, Any] = {}
    if recipe.training.kind == "preference" and adapter is None:
        options["ref_model"] = load_base(prepared.base, recipe, prepared.tokenizer, str(model.device))
    if recipe.training.kind != "preference" and recipe.training.packing:
        pad, attention = prepared.tokenizer.pad_token_id, str(model.config._attn_implementation)
        options["data_collator"] = packed_collator(pad, attention)
    trainer = trainer_class(recipe.training.kind)(
        model=model,
        args=settings,
        train_dataset=prepared.train.rows,
        eval_dataset=prepared.validation.rows if prepared.validation else None,
        processing_class=prepared.tokenizer,
        peft_config=adapter,
        callbacks=[conductor],
        **options,
    )
    trainer.remove_callback(require("transformers", "training").PrinterCallback)
    return trainer


def _write_counts(prepared: Prepared, out: Path) -> None:
    counts = {"train": prepared.train.to_dict()}
    if prepared.validation:
        counts["validation"] = prepared.validation.to_dict()
    atomic_write(out / COUNTS, json.dumps(counts, indent=2, ensure_ascii=False) + "\n")


def _finish(run: Run, prepared: Prepared, conductor: Conductor, parameters: tuple[int, int]) -> None:
    """Write card and curves."""
    page = card(
        prepared.recipe, prepared.train.counts, prepared.files.manifest,
        parameters=parameters, steps=conductor.plan.steps, figures=conductor.figures,
    )  # fmt: skip
    atomic_write(run.folder / CARD, page)
    unit = "per pair" if prepared.recipe.training.kind == "preference" else "nats per token"
    with suppress(MissingPackage):  # their figures are in metrics.jsonl all the same
        learning_curves(run.metrics(), run.folder / CURVES, unit)
