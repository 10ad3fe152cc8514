"""A training on text: the recipe becomes a run with the model or adapter, its metrics and its card."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from yukawa.core.errors import InputError
from yukawa.core.files import expanded, read_object, real
from yukawa.core.reports import write_json
from yukawa.llm.adapters import BASE_SAMPLE, lora_config, sample_weights
from yukawa.llm.folders import ADAPTER_CONFIG, CONFIG
from yukawa.runs.callback import TrainingCallback, TrainingProgress
from yukawa.runs.checkpoints import read_best, written_whole
from yukawa.runs.distributed import Machine, first_process_first
from yukawa.runs.model_card import CURVES, metrics_table, model_card
from yukawa.runs.run import Run, is_run, run_folder
from yukawa.runs.schedule import TrainingPlan
from yukawa.runs.sweep import Steps, Stopped
from yukawa.runs.task import Task, TrainResult, execute
from yukawa.runs.trainer import RunTrainer
from yukawa.training import prepare
from yukawa.training.export import write_for_older_readers, write_tokenizer
from yukawa.training.pairs import pair_trainer
from yukawa.training.recipe import TextRecipe, TextSettings
from yukawa.training.reinforcement import RewardTrainer
from yukawa.training.tiny_model import GENERATED
from yukawa.training.trainer import LanguageTrainer, TextTrainer, arguments, packed_collator

COUNTS = "counts.json"
_DONE = {
    "pretrain": "continued pre-training on documents",
    "sft": "supervised training on conversations (the loss runs over the assistant's words alone)",
    "preference": "preference optimisation on pairs of replies",
    "grpo": "reinforcement learning by GRPO, with rewards of a judge by rules",
}


@dataclass(frozen=True)
class TextResult(TrainResult):
    """How a training on text ended; its loss is that of the last line of metrics, in nats per token (or per pair).

    Attributes:
        tokens: tokens with a loss that were learned from.
        validation_loss: of the last validation, or of the best one where its weights are kept; None without one.
        trained_parameters, parameters: numbers of trained parameters, and of all.
        notes: what a person must know about the text.
    """

    tokens: int
    validation_loss: float | None
    trained_parameters: int
    parameters: int
    notes: tuple[str, ...]

    @property
    def reached(self) -> tuple[Mapping[str, float | None], str]:
        """The losses, and after how many steps."""
        return {"loss": self.loss, "validation loss": self.validation_loss}, f"after {self.steps} steps"


def train(
    recipe: TextRecipe, out: Path, resume: bool = False, progress: TrainingProgress | None = None
) -> TextResult:
    """Train as the recipe says; see `yukawa.runs.task.execute` for arguments and errors.

    Args:
        recipe: from `TextRecipe.load`.
        out: a new folder; with `resume`, a run of this recipe.
        resume: whether to resume from the last checkpoint.
        progress: called after each step with the steps made, the steps in all, and the latest metrics.
    """
    prepare.quiet()
    return execute(TextTask(recipe), out, resume, progress)


@dataclass(frozen=True)
class VariantTask:
    """One recipe of a sweep, and the folder of its run."""

    recipe: TextRecipe
    folder: Path


def run_variant(task: VariantTask, progress: Steps | None = None) -> TextResult:
    """Train one recipe of a sweep, or resume its training; see `yukawa.runs.sweep.run_all`.

    Raises:
        Stopped: somebody asked to stop.
    """
    report = None if progress is None else (lambda step, steps, metrics: progress(step))
    result = train(task.recipe, task.folder, is_run(task.folder), report)
    if result.interrupted:
        raise Stopped
    return result


class TextTask(Task[TextRecipe, TextResult]):
    """A language model that learns from text."""

    free: ClassVar[tuple[str, ...]] = ("data.path", "data.validation", "model.base", "level")
    prepared: prepare.Prepared

    @property
    def loss_unit(self) -> str:  # type: ignore[override]
        """Unit of the loss."""
        return {"preference": "per pair", "grpo": "of GRPO"}.get(self.recipe.training.kind, "nats per token")

    def check(self, machine: Machine) -> None:
        """Refuse what this machine cannot carry out."""
        prepare.check_training_machine(self.recipe, machine)

    def prepare(self, folder: Path, machine: Machine) -> None:
        """Find or make base and text; one process of each host does so before the others look."""
        with first_process_first(machine):
            self.prepared = prepare.prepare(self.recipe, folder / prepare.MADE)

    def inputs(self) -> list[Path]:
        """The files of text and base."""
        return self.prepared.inputs

    def plan(self, machine: Machine) -> TrainingPlan:
        """Load the base, and count the steps."""
        self.model = prepare.load_base(
            self.prepared.base, self.recipe, self.prepared.tokenizer, machine.device
        )
        prepare.check_length(self.recipe, self.model)
        return plan_of(self.prepared, machine.world)

    def describe_data(self, run: Run) -> None:
        """Write what became of the rows."""
        splits = {"train": self.prepared.train, "validation": self.prepared.validation}
        counts = {name: split.to_dict() for name, split in splits.items() if split}
        write_json(run.folder / COUNTS, counts)

    def build_trainer(
        self,
        plan: TrainingPlan,
        callback: TrainingCallback,
        machine: Machine,
        folder: Path,
        checkpoint: Path | None,
    ) -> RunTrainer:
        """TRL's trainer of this kind of training."""
        recipe, prepared, how = self.recipe, self.prepared, self.recipe.training
        lora, adapter = recipe.adapter, None
        if lora.kind != "full":
            adapter = lora_config(
                self.model, targets=lora.targets, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout,
                dora=lora.dora, rslora=lora.rslora,
            )  # fmt: skip
        options: dict[str, Any] = {}
        if how.kind == "preference" and adapter is None and how.preference_loss != "orpo":
            options["ref_model"] = prepare.load_base(
                prepared.base, recipe, prepared.tokenizer, str(self.model.device)
            )
        if how.kind in ("pretrain", "sft") and how.packing:
            pad, attention = prepared.tokenizer.pad_token_id, str(self.model.config._attn_implementation)
            options["data_collator"] = packed_collator(pad, attention)
        trainer = trainer_class(how)(
            settings=how,
            callback=callback,
            args=arguments(recipe, folder, plan.steps, machine),
            model=self.model,
            train_dataset=prepared.train.rows,
            eval_dataset=prepared.validation.rows if prepared.validation else None,
            processing_class=prepared.tokenizer,
            peft_config=adapter,
            **options,
        )
        learned = [weight for weight in trainer.model.parameters() if weight.requires_grad]
        if how.precision == "fp16":
            for weight in learned:  # TRL leaves those beside 4 bits in bf16, whose gradients cannot be scaled
                weight.data = weight.data.float()
        trained = sum(weight.numel() for weight in learned)
        self.parameters = (trained, sum(p.numel() for p in self.model.parameters()))
        return trainer

    def save(self, trainer: RunTrainer, folder: Path) -> None:
        """Write model or adapter as safetensors, and the tokenizer with the template that training used.

        Raises:
            StoreError: the disk refuses; nothing half-written is left, and the last checkpoint is kept.
        """
        prepared, first = self.prepared, bool(trainer.args.should_save)
        if self.recipe.training.best_by is not None:
            trainer.accelerator.wait_for_everyone()  # the first process has written them
            best = read_best(trainer.callback.folder, trainer.callback.best.best_step or 0)
            trainer.model.load_state_dict(best, strict=False)
        with written_whole(folder.parent, first=first) as partial:
            beside = partial / folder.name
            trainer.accelerator.wait_for_everyone()
            trainer.save_model(str(beside))
            if first:
                write_tokenizer(prepared.tokenizer, prepared.base, beside)
                if (beside / CONFIG).is_file():
                    write_for_older_readers(beside)
                _name_base(beside, prepared)
                for name in ("training_args.bin", "README.md"):  # a pickle, and a card that is not ours
                    (beside / name).unlink(missing_ok=True)

    def card(self, run: Run, trainer: RunTrainer) -> str:
        """The model card."""
        recipe, counts, manifest = self.recipe, self.prepared.train.counts, self.prepared.files.manifest
        how, adapter, origin = recipe.training, recipe.adapter, self.prepared.origin
        data = {"rows": f"{counts.rows:,} from `{recipe.place(recipe.data.path)}`; hashes in `data.json`"}
        if manifest is not None:
            data["data set"] = manifest.title
            licences = {name for split in manifest.splits for name in split.licences}
            data["licences"] = ", ".join(sorted(licences))
        data["tokens"] = f"{counts.tokens:,}, of which {counts.trained:,} with a loss"
        if how.kind == "grpo":
            data["tokens"] = (
                f"{counts.tokens:,} of prompts; replies are the model's own, rewarded by the judge `{how.reward}`"
            )
        data["not learned"] = "; ".join(counts.notes(how.length)) or "nothing was cut or omitted"
        commands = {"yukawa evaluate perplexity DATA --model RUN": "measure it on test data"}
        if adapter.kind != "full":
            commands["yukawa merge RUN"] = "put the adapter into its base"
        return model_card(
            f"{recipe.model.base.rsplit('/', 1)[-1]} {recipe.mixture or how.kind}",
            f"`{recipe.model.base}`, after {_DONE[how.kind]}, made with Yukawa.",
            level=level_of(recipe),
            base=f"`{recipe.model.base}`" + (f": {origin}" if origin else ""),
            sections={
                "Data": data,
                "Training": _training_facts(recipe, self.parameters, trainer.callback.plan.steps),
                "Metrics": metrics_table(trainer.callback.metrics),
                "Learning curves": "The validation follows the training; measure the model on test data before you "
                f"quote it. A fall in perplexity does not mean more knowledge.\n\n![learning curves]({CURVES})",
            },
            commands=commands,
        )

    def result(self, trainer: RunTrainer, common: Mapping[str, Any]) -> TextResult:
        """How the training ended."""
        metrics = trainer.callback.metrics
        return TextResult(
            **common, loss=metrics.get("loss"), tokens=int(metrics.get("tokens", 0)),
            validation_loss=trainer.callback.best.best or metrics.get("validation_loss"), trained_parameters=self.parameters[0],
            parameters=self.parameters[1], notes=self.prepared.notes,
        )  # fmt: skip


def trainer_class(settings: TextSettings) -> type[TextTrainer]:
    """The trainer of a kind of training."""
    if settings.kind == "preference":
        return pair_trainer(settings)
    return RewardTrainer if settings.kind == "grpo" else LanguageTrainer


def plan_of(prepared: prepare.Prepared, world: int) -> TrainingPlan:
    """When things happen in a training of this many processes."""
    epoch = prepare.epoch_steps(prepared.recipe, len(prepared.train.rows), world)
    how, validated = prepared.recipe.training, prepared.validation is not None
    if how.best_by is not None and not validated:
        raise InputError(
            "training.best_by=loss needs rows to validate on",
            hint="type: data.validation=FILE, a file of rows",
        )
    return TrainingPlan.of(
        how, epoch, "tokens", validated=validated, best_by=how.best_by, patience=how.patience
    )


def _name_base(folder: Path, prepared: prepare.Prepared) -> None:
    """Let an adapter say which base it belongs to: its name on the hub, or its folder, and some of its numbers."""
    path = folder / ADAPTER_CONFIG
    if not path.exists():
        return
    config = read_object(path)
    name = prepared.recipe.model.base
    on_hub = not name.startswith(GENERATED) and not expanded(name).is_dir()
    config["base_model_name_or_path"] = name if on_hub else str(real(prepared.base))
    write_json(path, config)
    write_json(folder / BASE_SAMPLE, sample_weights(prepared.base))


def level_of(recipe: TextRecipe) -> str:
    """The level of the trained model: the recipe's own, or the one that follows from base and kind of training.

    Documents teach the domain (L2), unless the base is new itself (L0). Conversations and preferences tune to
    converse (L1), unless the base was taught the domain before.
    """
    if recipe.level is not None:
        return recipe.level
    if recipe.training.kind == "pretrain":
        return "L0" if recipe.model.base.startswith(GENERATED) else "L2"
    run = run_folder(recipe.model.base)
    before = None if run is None else Run.open(run).recipe
    taught = before is not None and "adapter" in before and level_of(TextRecipe.parse(before)) == "L2"
    return "L2" if taught else "L1"


def _training_facts(recipe: TextRecipe, parameters: tuple[int, int], steps: int) -> dict[str, str]:
    """How the model was trained, for its card; `parameters` are the trained ones, and all."""
    how, adapter = recipe.training, recipe.adapter
    trained = "all weights"
    if adapter.kind != "full":
        trained = f"{adapter.kind} on {adapter.named}, rank {adapter.rank}, alpha {adapter.alpha:g}, "
        trained += f"dropout {adapter.dropout:g}"
    return {
        "trained": f"{trained}: {parameters[0]:,} of {parameters[1]:,} parameters",
        "steps": f"{steps:,} of {how.batch:,} sequences of at most {how.length:,} tokens",
        "optimiser": f"{how.optimiser}, learning rate {how.learning_rate:g}, {how.schedule}",
        "precision": f"{how.precision}; weights of the base {'nf4' if adapter.kind == 'qlora' else recipe.dtype}",
        "seed": str(how.seed),
        "everything else": "`recipe.yaml`, `environment.json`",
    }
