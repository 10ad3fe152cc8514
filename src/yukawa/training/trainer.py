"""TRL's trainers with our data, schedule, checkpoints and stops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yukawa.core.errors import ModelError, StoreError
from yukawa.core.files import atomic_write
from yukawa.core.optional import require
from yukawa.runs.checkpoints import checkpoints, step_of, tidy, written_whole
from yukawa.training.cpu_kernels import add_summed_loss, attend_to_pieces
from yukawa.training.distributed import Machine
from yukawa.training.packing import PackedRows
from yukawa.training.recipe import Recipe
from yukawa.training.sampler import Order, filled
from yukawa.training.schedule import factor
from yukawa.training.tokenization import IGNORED

BAD_BATCH, PROGRESS = "bad-batch.json", "progress.json"


class Careful:
    """What our trainers do otherwise than TRL's, whichever it is; see `trainer_class`."""

    recipe: Recipe
    tokens = 0  # with a loss, that this process has learned from

    def begin(self, recipe: Recipe, checkpoint: Path | None) -> int:
        """Train from a checkpoint, or from the beginning, to the end; returns the steps made in all."""
        self.recipe = recipe
        me: Any = self
        if checkpoint is not None:
            self.tokens = _read_progress(checkpoint)[me.args.process_index]
            if step_of(checkpoint) >= me.args.max_steps:  # the trainer would make one step too many
                me._load_from_checkpoint(str(checkpoint))
                return step_of(checkpoint)
        me.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        steps: int = me.state.global_step
        return steps

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """What is trained keeps its type: PEFT turns an adapter in 16 bits into one in 32 when it reads it."""
        me: Any = self
        kinds = {name: weight.dtype for name, weight in me.model.named_parameters() if weight.requires_grad}
        super()._load_from_checkpoint(*args, **kwargs)  # type: ignore[misc]
        for name, weight in me.model.named_parameters():
            if name in kinds:
                weight.data = weight.data.to(kinds[name])

    def _get_dataloader(
        self, dataset: Any, *, batch_size: int, is_training: bool = False, **options: Any
    ) -> Any:
        """Batches of rows that the processes share, in one order for any number of them."""
        me: Any = self
        world, seed = me.args.world_size, me.args.seed
        rows = filled(dataset, world * batch_size, me.processing_class.pad_token_id) if world > 1 else dataset
        if is_training:
            options["sampler_fn"] = lambda shared: Order(len(dataset), len(shared), seed)
        return super()._get_dataloader(  # type: ignore[misc]
            rows, batch_size=batch_size, is_training=is_training, **options
        )

    def _validated(self, sums: Callable[[Any, dict[str, Any]], Tensor]) -> list[float]:
        """What `sums` gives of the model and a validation batch, added up over all batches of all processes."""
        me: Any = self
        model, totals = me._wrap_model(me.model, training=False), torch.zeros((), dtype=torch.float64)
        model.eval()
        for batch in me.get_eval_dataloader():
            inputs = me._prepare_inputs(batch)
            with torch.no_grad(), me.compute_loss_context_manager():
                found = sums(model, inputs)
            totals = totals + me.accelerator.gather(found[None]).sum(0).cpu()
        model.train()
        added: list[float] = totals.tolist()
        return added

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The recipe's learning rate."""
        me: Any = self
        me.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or me.optimizer, factor(self.recipe.training, num_training_steps)
        )
        return me.lr_scheduler

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """The run has its own."""

    def training_step(self, model: Any, inputs: Mapping[str, Any], *args: Any, **kwargs: Any) -> Tensor:
        """Forward and backward; stops where the loss is no number."""
        loss: Tensor = super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        if not torch.isfinite(loss):
            self._stop_at(loss, inputs)
        learned = inputs["labels"] != IGNORED if "labels" in inputs else inputs["completion_mask"]
        self.tokens += int(learned.sum())
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Figures with the tokens of all processes."""
        me: Any = self
        # TRL's own count begins anew on a resume, and takes padding for text.
        super().log(logs | {"tokens": float(sum(_of_all(me, self.tokens)))}, start_time)  # type: ignore[misc]

    def _stop_at(self, loss: Tensor, inputs: Mapping[str, Any]) -> None:
        me: Any = self
        path, step = Path(me.args.output_dir).parent / BAD_BATCH, me.state.global_step + 1
        ids = inputs["input_ids"].tolist()
        batch = {
            "step": step,
            "loss": str(loss.item()),
            "text": [me.processing_class.decode(row) for row in ids],
            **{name: value.tolist() for name, value in inputs.items() if isinstance(value, Tensor)},
        }
        atomic_write(path, json.dumps(batch, ensure_ascii=False) + "\n")
        raise ModelError(
            f"the loss is {loss.item()} at step {step}; its batch is in {path}",
            hint="look at its text; else begin anew with a lower training.learning_rate",
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Written beside, then renamed: a checkpoint is whole or not there."""
        me: Any = self
        if not all(bool(torch.isfinite(p).all()) for p in me.model.parameters() if p.requires_grad):
            raise ModelError(
                f"the weights are no numbers any more after step {me.state.global_step}; the checkpoint before stands",
                hint="begin anew with a lower training.learning_rate",
            )
        folder, first = Path(me.args.output_dir), bool(me.args.should_save)
        damaged = require("safetensors", "writing a checkpoint").SafetensorError
        with written_whole(folder, first=first, errors=(OSError, RuntimeError, damaged)) as partial:
            me.accelerator.wait_for_everyone()
            me.args.output_dir = str(partial)
            try:
                super()._save_checkpoint(model, trial)  # type: ignore[misc]
                tokens = _of_all(me, self.tokens)
                if first:
                    _write_progress(partial / f"checkpoint-{me.state.global_step}", tokens)
                me.accelerator.wait_for_everyone()
            finally:
                me.args.output_dir = str(folder)
        if first:
            tidy(folder, self.recipe.training.checkpoints_kept)


class CarefulLanguage(Careful):
    """Learns to go on with text; without a GPU, in the ways of `processor`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        me: Any = self
        base = me.accelerator.unwrap_model(me.model)
        base = base.get_base_model() if hasattr(base, "get_base_model") else base
        if isinstance(me.data_collator, PackedRows):
            attend_to_pieces(base)
        self.sums_its_loss = add_summed_loss(base)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The mean loss of a token, over all passes and processes that make up a step."""
        me: Any = self
        if not self.sums_its_loss or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[misc]
        total, count = model(**inputs, summed_loss=True).unbind()
        if num_items_in_batch is None:
            return total / count.clamp(min=1)
        # It counts the tokens of all processes, whose gradients are then averaged.
        return total / num_items_in_batch * me.accelerator.num_processes

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """The mean loss of a token over all validation tokens, and its perplexity."""
        total, tokens = self._validated(self._summed)
        loss = total / max(tokens, 1)
        figures = {"validation_loss": loss, "validation_perplexity": float(torch.tensor(loss).exp())}
        return _told(self, figures)

    def _summed(self, model: Any, inputs: Mapping[str, Any]) -> Tensor:
        """The loss summed over the tokens of a batch, and how many there are."""
        if self.sums_its_loss:
            sums: Tensor = model(**inputs, summed_loss=True).double()
            return sums
        outputs = model(**inputs, fused_lm_head=True, use_cache=False)
        return torch.stack([-outputs.log_probs.double().sum(), outputs.label_mask.double().sum()])


class CarefulPreference(Careful):
    """Learns to prefer one reply to another."""

    loss_is_scaled_for_ga = True  # passes weigh by their pairs

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """Our rows are tokens already."""
        return dataset

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Tensor:
        """The pairs of a step, over all its passes and processes."""
        me: Any = self
        pairs = sum((_pairs(batch) for batch in batch_samples), torch.tensor(0))
        count: Tensor = me.accelerator.gather(pairs.to(device)[None]).sum()
        return count

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """The mean loss of a pair, over all passes and processes that make up a step."""
        me: Any = self
        mean = super().compute_loss(model, inputs)  # type: ignore[misc]
        size, pairs = len(inputs["completion_mask"]) // 2, _pairs(inputs)
        total = mean * size - math.log(2) * (size - pairs)  # what a pair of equal replies adds
        if num_items_in_batch is None:
            return total / pairs.clamp(min=1)
        processes, passes = me.accelerator.num_processes, me.current_gradient_accumulation_steps
        for name, values in me._metrics["train"].items():  # of a pass, over its rows and the blank ones
            if name.startswith(("rewards/", "logps/")):
                values[-1] *= size * processes * passes / int(num_items_in_batch)
        return total / num_items_in_batch * processes  # the gradients of the processes are averaged

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """The mean loss of a validation pair, and how often the better reply is preferred."""
        me: Any = self
        total, preferred, pairs = self._validated(self._judged)
        me._metrics["eval"].clear()
        figures = {
            "validation_loss": total / max(pairs, 1),
            "validation_preferred": preferred / max(pairs, 1),
        }
        return _told(me, figures)

    def _judged(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """The loss summed over the pairs of a batch, how many of these are preferred rightly, and how many there are."""
        me: Any = self
        mean = me.compute_loss(model, inputs).double()
        pairs, size = _pairs(inputs), len(inputs["completion_mask"]) // 2
        # TRL's share is that of all rows of all processes; a blank one prefers nothing.
        preferred = me._metrics["eval"]["rewards/accuracies"][-1] * size
        return torch.stack([mean * pairs, preferred * torch.ones_like(mean), pairs])


def _pairs(batch: Mapping[str, Any]) -> Tensor:
    """How many pairs of a batch of preferences are not blank."""
    chosen, _ = batch["completion_mask"].chunk(2)
    return chosen.any(1).sum()


@cache
def trainer_class(kind: str) -> Any:
    """The trainer of a kind of training: TRL's, made careful."""
    trl = require("trl", "training")
    if kind == "preference":
        return type("PreferenceTrainer", (CarefulPreference, trl.DPOTrainer), {})
    return type("LanguageTrainer", (CarefulLanguage, trl.SFTTrainer), {})


def arguments(recipe: Recipe, folder: Path, steps: int, machine: Machine) -> Any:
    """The trainer's settings: all that is not ours is turned off.

    Args:
        recipe: how to train.
        folder: for checkpoints.
        steps: length of the training.
        machine: where it runs.
    """
    how, trl = recipe.training, require("trl", "training")
    ours: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": how.batch // machine.world // how.accumulation,
        "per_device_eval_batch_size": max(1, how.batch // machine.world // how.accumulation),
        "gradient_accumulation_steps": how.accumulation,
        "learning_rate": how.learning_rate,
        "optim": {"adamw": "adamw_torch_fused", "adamw-8bit": "adamw_bnb_8bit"}[how.optimiser],
        "adam_beta1": how.betas[0],
        "adam_beta2": how.betas[1],
        "adam_epsilon": how.eps,
        "weight_decay": how.weight_decay,
        "max_grad_norm": how.clip or 0.0,
        "bf16": how.precision == "bf16",
        "tf32": how.tf32 if machine.gpu else None,
        "activation_checkpointing": how.gradient_checkpointing and not _checkpoints_itself(recipe),
        "seed": how.seed,
        "use_cpu": not machine.gpu,
        "max_length": None,  # cut and counted by us
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
        "log_level": "error",
        "ddp_find_unused_parameters": False,
        "ddp_backend": "gloo" if machine.world > 1 and not machine.gpu else None,
        **_distributed(recipe),
    }
    if how.kind == "preference":
        return _one_gpu(trl.DPOConfig(**ours, beta=how.beta))
    return _one_gpu(trl.SFTConfig(**ours, dataset_kwargs={"skip_prepare_dataset": True}))


def _checkpoints_itself(recipe: Recipe) -> bool:
    """Whether FSDP2 checkpoints activations, with a gathering of weights less than the model would need.

    It renames the modules, so that PEFT would save an adapter without weights: those leave it to the model.
    """
    how = recipe.training
    return how.distributed == "fsdp2" and how.gradient_checkpointing and recipe.adapter.kind == "full"


def _distributed(recipe: Recipe) -> dict[str, Any]:
    """How the processes divide the model."""
    how = recipe.training
    if how.distributed == "fsdp2":
        config = {"cpu_offload": how.offload, "activation_checkpointing": _checkpoints_itself(recipe)}
        return {"fsdp": True, "fsdp_config": {"version": 2, **config}}
    if not how.distributed.startswith("deepspeed"):
        return {}
    stage = int(how.distributed[-1])
    zero: dict[str, Any] = {"stage": stage}
    if how.offload:
        zero["offload_optimizer"] = {"device": "cpu"}
        if stage == 3:
            zero["offload_param"] = {"device": "cpu"}
    if stage == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    automatic = ("train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    deepspeed: dict[str, Any] = {"zero_optimization": zero, "bf16": {"enabled": "auto"}}
    deepspeed |= dict.fromkeys(automatic, "auto")
    return {"deepspeed": deepspeed}


def _one_gpu(made: Any) -> Any:
    """Without torchrun one process takes one GPU, whatever else there is."""
    if made.n_gpu > 1:
        made._n_gpu = 1
    return made


def _told(trainer: Any, figures: dict[str, float]) -> dict[str, float]:
    trainer.control = trainer.callback_handler.on_evaluate(
        trainer.args, trainer.state, trainer.control, figures
    )
    return figures


def _of_all(trainer: Any, number: int) -> list[int]:
    """A number of each process."""
    gathered: list[int] = trainer.accelerator.gather(
        torch.tensor([number], device=trainer.accelerator.device)
    ).tolist()
    return gathered


def _write_progress(checkpoint: Path, tokens: list[int]) -> None:
    (checkpoint / PROGRESS).write_text(json.dumps({"tokens": tokens}), encoding="utf-8")


def _read_progress(checkpoint: Path) -> list[int]:
    path = checkpoint / PROGRESS
    try:
        tokens: list[int] = json.loads(path.read_bytes())["tokens"]
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{path} cannot be read: {error}", hint=f"remove {checkpoint} and resume") from None
    return tokens


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint to go on from."""
    return next(reversed(checkpoints(folder)), None)
