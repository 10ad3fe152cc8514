"""A recipe becomes a run: a folder with the model or adapter, its figures, and all that is needed to go on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from yukawa.checkpoints import step_of
from yukawa.corpus.extras import require
from yukawa.errors import InputError, MissingPackage
from yukawa.files import atomic_write, write_jsonl
from yukawa.interruption import Interruption
from yukawa.runs import METRICS, RECIPE, Run
from yukawa.training.bases import adapter_config, load_model, trained_parameters
from yukawa.training.card import card
from yukawa.training.collating import packed_collator
from yukawa.training.conductor import Conductor, Plan, Progress
from yukawa.training.curves import CURVES, learning_curves
from yukawa.training.machine import Machine, check_machine, this_machine
from yukawa.training.preparing import Prepared, check_length, epoch_steps, prepare
from yukawa.training.quiet import quiet
from yukawa.training.recipe import Recipe, parse_recipe
from yukawa.training.saving import save_result
from yukawa.training.trainer import arguments, last_checkpoint, trainer_class

CHECKPOINTS, MADE, MODEL, CARD, COUNTS = "checkpoints", "made", "model", "card.md", "counts.json"
# In which values a resumed run may differ: where things lie (their hashes decide), and what changes no number.
_FREE = {"data.path", "data.validation", "model.base", "training.checkpoints_kept"}


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes:
        folder: the run.
        steps: steps made, those before a resume too.
        planned: steps of the whole training.
        tokens: with a loss, that were learned from.
        loss: of the last line of figures, in nats per token (or per pair).
        validation_loss: of the last validation; None without one.
        trained_parameters, parameters: that were trained, and all.
        seconds: time of this call.
        interrupted: somebody asked to stop before the end; the run can be resumed.
        notes: what a person must be told about the text.
    """

    folder: Path
    steps: int
    planned: int
    tokens: int
    loss: float | None
    validation_loss: float | None
    trained_parameters: int
    parameters: int
    seconds: float
    interrupted: bool
    notes: tuple[str, ...]

    @property
    def message(self) -> str:
        """One line for people, with what to do next."""
        if self.interrupted:
            return (
                f"stopped after step {self.steps} of {self.planned}; all is kept: "
                f"to go on, type the same command with --resume"
            )
        reached = {"loss": self.loss, "validation loss": self.validation_loss}
        figures = ", ".join(f"{name} {value:.4f}" for name, value in reached.items() if value is not None)
        return f"the model is in {self.folder / MODEL}: {figures} after {self.steps} steps"


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
    run = _check(recipe, out, resume) if machine.rank == 0 else None
    with _first_process_first(machine):
        prepared = prepare(recipe, out / MADE)
    if run is not None:
        run.check_inputs(prepared.inputs)
    model = load_model(prepared.base, recipe, machine.device)
    check_length(recipe, model)
    plan = plan_of(prepared, machine.world)
    adapter = None if recipe.adapter.kind == "full" else adapter_config(model, recipe.adapter)
    if machine.rank == 0 and run is None:
        run = Run.create(out, recipe.plain(), prepared.inputs)
        _write_counts(prepared, out)
    checkpoint = last_checkpoint(out / CHECKPOINTS) if resume else None
    if run is not None:
        _forget_after(run, checkpoint)
    with Interruption() as interruption:
        sharded = recipe.training.distributed == "fsdp2"
        told = progress if machine.rank == 0 else None
        conductor = Conductor(plan, run, told, interruption, sharded)
        trainer = _trainer(
            prepared, model, adapter, arguments(recipe, out / CHECKPOINTS, plan.steps, machine), conductor
        )
        parameters = (trained_parameters(trainer.model), sum(p.numel() for p in model.parameters()))
        if run is not None:
            conductor.go_on(_last_figures(run))
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


def _check(recipe: Recipe, out: Path, resume: bool) -> Run | None:
    """The run to resume, if its recipe is the same; None if there is none and none is asked for."""
    if not resume:
        if (out / RECIPE).exists():
            raise InputError(f"{out} already holds a run", hint="add --resume or choose another folder")
        return None
    run = Run.open(out)
    for name, (old, new) in _differences(run.recipe, recipe.plain()).items():
        if name not in _FREE:
            raise InputError(
                f"{out} was begun with {name} {old!r}, not {new!r}",
                hint="resume with its own recipe, or begin a new run in another folder",
            )
    return run


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], place: str = ""
) -> dict[str, tuple[Any, Any]]:
    """The values that differ, by dotted name."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found |= _differences(before, after, f"{place}{key}.")
        elif before != after:
            found[f"{place}{key}"] = (before, after)
    return found


def _first_process_first(machine: Machine) -> Any:
    """What is made on the spot, or fetched, is so by one process of each host, before the others look."""
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
        options["ref_model"] = load_model(prepared.base, recipe, str(model.device))
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


def _forget_after(run: Run, checkpoint: Path | None) -> None:
    """Figures from after the checkpoint go, they will be made again."""
    last = step_of(checkpoint) if checkpoint else 0
    if (run.folder / METRICS).exists():
        write_jsonl(run.folder / METRICS, [row for row in run.metrics() if row["step"] <= last])


def _last_figures(run: Run) -> dict[str, float]:
    """The latest of each figure so far."""
    figures: dict[str, float] = {}
    for row in run.metrics():
        figures |= {
            name: value for name, value in row.items() if value is not None and name not in ("step", "epoch")
        }
    return figures


def _finish(run: Run, prepared: Prepared, conductor: Conductor, parameters: tuple[int, int]) -> None:
    """Write card and curves."""
    page = card(
        prepared.recipe, prepared.train.counts, prepared.files.manifest,
        parameters=parameters, steps=conductor.plan.steps, figures=conductor.figures,
    )  # fmt: skip
    atomic_write(run.folder / CARD, page)
    unit = "per pair" if prepared.recipe.training.kind == "preference" else "nats per token"
    try:
        learning_curves(run.metrics(), run.folder / CURVES, unit)
    except MissingPackage:  # their figures are in metrics.jsonl all the same
        return
