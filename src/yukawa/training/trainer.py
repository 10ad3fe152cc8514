"""TRL's trainers with our rows, losses, checkpoints and stops."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from yukawa.core.errors import ModelError, StoreError, require
from yukawa.core.files import atomic_write
from yukawa.runs.batches import EpochSampler
from yukawa.runs.callback import Metrics
from yukawa.runs.checkpoints import PROGRESS
from yukawa.runs.distributed import Machine
from yukawa.runs.trainer import RunTrainer, training_arguments
from yukawa.training.cpu_kernels import add_summed_loss, attend_within_texts
from yukawa.training.recipe import TextRecipe, TextSettings
from yukawa.training.tokenization import IGNORED

trl: Any = require("trl", "training")
SFTTrainer = trl.SFTTrainer


class TextTrainer(RunTrainer):
    """What training on text adds, whichever of TRL's trainers does it: rows, counted tokens, adapters, sharding."""

    settings: TextSettings
    tokens = 0  # with a loss, that this process has learned from

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self.settings.distributed == "fsdp2":
            self.add_callback(ShardingCheck())

    def progress(self) -> dict[str, Any]:
        """The tokens of each process so far."""
        return super().progress() | {"tokens": self._of_all_processes(self.tokens)}

    def restore(self, progress: Mapping[str, Any]) -> None:
        """Go on counting the tokens."""
        if "tokens" not in progress:
            raise StoreError(f"the tokens are missing in {PROGRESS} of the last checkpoint", hint="remove it")
        self.tokens = progress["tokens"][self.args.process_index]

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Go forward and backward, and count the tokens."""
        loss = super().training_step(model, inputs, *args, **kwargs)
        self.tokens += self.learned_tokens(inputs)
        return loss

    def learned_tokens(self, inputs: Any) -> int:
        """How many tokens of a batch have a loss."""
        learned = inputs["labels"] != IGNORED if "labels" in inputs else inputs["completion_mask"]
        return int(learned.sum())

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with the tokens of all processes."""
        # TRL's own count begins anew on a resume, and takes padding for text.
        super().log(logs | {"tokens": float(sum(self._of_all_processes(self.tokens)))}, start_time)

    def keep_bad_batch(self, folder: Path, step: int, batch: Any) -> tuple[Path, str]:
        """Write tokens, text and labels to `bad-batch.json`."""
        path = folder / "bad-batch.json"
        content = {
            "step": step,
            "text": [self.processing_class.decode(row) for row in batch["input_ids"].tolist()],
            **{name: value.tolist() for name, value in batch.items() if isinstance(value, Tensor)},
        }
        atomic_write(path, json.dumps(content, ensure_ascii=False) + "\n")
        return (
            path,
            "look at its text: --resume meets it again; else begin a new run with a lower training.learning_rate",
        )

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Keep the type of what is trained: PEFT turns an adapter in 16 bits into one in 32 when it reads it."""
        kinds = {name: weight.dtype for name, weight in self.model.named_parameters() if weight.requires_grad}
        super()._load_from_checkpoint(*args, **kwargs)
        for name, weight in self.model.named_parameters():
            if name in kinds:
                weight.data = weight.data.to(kinds[name])

    def _get_dataloader(
        self, dataset: Any, *, batch_size: int, is_training: bool = False, **options: Any
    ) -> Any:
        """Give batches of rows that the processes share, in one order for any number of them."""
        world, seed, pad = self.args.world_size, self.args.seed, self.processing_class.pad_token_id
        rows = pad_to_world_size(dataset, world * batch_size, pad) if world > 1 else dataset
        if is_training:
            options["sampler_fn"] = lambda shared: EpochSampler(len(dataset), len(shared), seed)
        return super()._get_dataloader(rows, batch_size=batch_size, is_training=is_training, **options)

    def _of_all_processes(self, number: int) -> list[int]:
        mine = torch.tensor([number], device=self.accelerator.device)
        numbers: list[int] = self.accelerator.gather(mine).tolist()
        return numbers


class LanguageTrainer(TextTrainer, SFTTrainer):  # type: ignore[misc, valid-type]  # untyped there
    """Learns to continue text; without a GPU, by the kernels of `cpu_kernels`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        base = self.accelerator.unwrap_model(self.model)
        base = base.get_base_model() if hasattr(base, "get_base_model") else base
        if isinstance(self.data_collator, PackedRows):
            attend_within_texts(base)
        self.sums_its_loss = add_summed_loss(base)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The mean loss of a token in nats, over all passes and processes that make up a step."""
        if not self.sums_its_loss or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        total, count = model(**inputs, summed_loss=True).unbind()
        if num_items_in_batch is None:
            return total / count.clamp(min=1)
        # It counts the tokens of all processes, whose gradients are then averaged.
        return total / num_items_in_batch * self.accelerator.num_processes

    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """The mean loss of a token over all validation tokens, and its perplexity."""
        total, tokens = self.validation_sums(self.get_eval_dataloader(), self._summed, (2,))
        loss = total / max(tokens, 1)
        perplexity = float(torch.tensor(loss).exp())
        return self.report({"validation_loss": loss, "validation_perplexity": perplexity})

    def _summed(self, model: Any, inputs: Mapping[str, Any]) -> Tensor:
        """The loss summed over the tokens of a batch, and their number."""
        if self.sums_its_loss:
            sums: Tensor = model(**inputs, summed_loss=True).double()
            return sums
        outputs = model(**inputs, fused_lm_head=True, use_cache=False)
        return torch.stack([-outputs.log_probs.double().sum(), outputs.label_mask.double().sum()])


class ShardingCheck(TrainerCallback):  # type: ignore[misc]  # untyped there
    """Sees that the weights were divided: the trainer passes silently over what it cannot divide."""

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Look at the weights.

        Raises:
            ModelError: none of them was divided.
        """
        if model is not None and not any(isinstance(weight, DTensor) for weight in model.parameters()):
            raise ModelError(
                "training.distributed=fsdp2, but the weights were not divided among the processes"
            )


def arguments(recipe: TextRecipe, folder: Path, steps: int, machine: Machine) -> Any:
    """TRL's settings of a training.

    Args:
        recipe: how to train.
        folder: for checkpoints.
        steps: length of the training.
        machine: where it runs.
    """
    how = recipe.training
    share = how.batch // machine.world // how.accumulation
    ours: dict[str, Any] = {
        "per_device_train_batch_size": share,
        "per_device_eval_batch_size": max(1, share),
        "gradient_accumulation_steps": how.accumulation,
        "optim": {"adamw": "adamw_torch_fused", "adamw-8bit": "adamw_bnb_8bit"}[how.optimiser],
        "adam_beta1": how.betas[0],
        "adam_beta2": how.betas[1],
        "adam_epsilon": how.eps,
        "tf32": how.tf32 if machine.gpu else None,
        "activation_checkpointing": how.gradient_checkpointing and not _checkpoints_itself(recipe),
        **sharding(recipe),
    }
    kind, own = _of_kind(recipe)
    return training_arguments(how, folder, steps, machine, kind, **ours, **own)


def _of_kind(recipe: TextRecipe) -> tuple[Any, dict[str, Any]]:
    """TRL's class of settings for a kind of training, and those that only it has."""
    how = recipe.training
    uncut = {"max_length": None}  # cut and counted by us
    if how.kind == "grpo":
        return trl.GRPOConfig, {
            "beta": how.beta, "num_generations": how.group, "max_completion_length": how.new_tokens,
            "temperature": how.temperature, "disable_dropout": True,
        }  # fmt: skip
    if how.kind != "preference":
        return trl.SFTConfig, uncut | {"dataset_kwargs": {"skip_prepare_dataset": True}}
    if how.preference_loss == "kto":  # its order is ours, and its pairs are made as batches are
        return trl.KTOConfig, uncut | {"beta": how.beta, "train_sampling_strategy": "sequential"}
    loss = {"dpo": "sigmoid"}.get(how.preference_loss, how.preference_loss)
    if loss == "orpo":  # needs no untrained base, and so nothing of it is computed
        return trl.DPOConfig, uncut | {"beta": how.beta, "precompute_ref_log_probs": True}
    return trl.DPOConfig, uncut | {"beta": how.beta, "loss_type": [loss]}


def _checkpoints_itself(recipe: TextRecipe) -> bool:
    """Whether FSDP2 checkpoints activations, with a gathering of weights less than the model would need.

    It renames the modules, so that PEFT would save an adapter without weights: those leave it to the model.
    """
    how = recipe.training
    return how.distributed == "fsdp2" and how.gradient_checkpointing and recipe.adapter.kind == "full"


def sharding(recipe: TextRecipe) -> dict[str, Any]:
    """The settings by which processes divide the model."""
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


@dataclass(frozen=True)
class PackedRows:
    """Batches of shape (B, L), one packed sequence per row, with positions that begin anew at each text.

    Without an attention mask, transformers divides attention where positions begin anew. Rows keep it to L x L; one
    row of all sequences, as kernels of variable length want it, would cost B times as much in other kernels.
    Padding at the end of a row has position 0 throughout: each of its tokens is a text of its own.

    Attributes:
        pad: id of the token behind shorter rows.
    """

    pad: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Rows have `input_ids`, `seq_lengths` of their texts, and `labels` where not all is learned."""
        shape = (len(rows), max(len(row["input_ids"]) for row in rows))
        ids = torch.full(shape, self.pad)
        labels, positions = torch.full(shape, IGNORED), torch.zeros(shape, dtype=torch.long)
        for number, row in enumerate(rows):
            length = len(row["input_ids"])
            ids[number, :length] = torch.as_tensor(row["input_ids"])
            labels[number, :length] = torch.as_tensor(row.get("labels", row["input_ids"]))
            positions[number, :length] = torch.cat([torch.arange(n) for n in row["seq_lengths"]])
        labels[positions == 0] = IGNORED  # from nothing, nothing can be predicted
        return {"input_ids": ids, "labels": labels, "position_ids": positions}


def packed_collator(pad: int, attention: str) -> Any:
    """The maker of batches of packed sequences for a kind of attention, such as `sdpa`."""
    if "flash" not in attention:
        return PackedRows(pad)
    collator = require("trl.trainer.sft_trainer", "packing").DataCollatorForLanguageModeling
    return collator(pad_token_id=pad, padding_free=True)


def pad_to_world_size(rows: Any, share: int, pad: int) -> Any:
    """Rows, and so many padding rows behind them that all processes have whole batches.

    Without these the loader would give some rows twice. A padding row has no loss: no label, or two empty replies.

    Args:
        rows: a `datasets.Dataset` of sequences, or of preferences.
        share: rows that the processes take together.
        pad: id of the token in padding rows.
    """
    missing = -len(rows) % share
    if not missing:
        return rows
    padding = {
        "input_ids": [pad], "seq_lengths": [1], "labels": [IGNORED],
        "prompt_ids": [pad, pad], "chosen_ids": [], "rejected_ids": [],
    }  # fmt: skip
    datasets = require("datasets", "training")
    columns = {name: [padding[name]] * missing for name in rows.column_names}
    return datasets.concatenate_datasets([rows, datasets.Dataset.from_dict(columns, features=rows.features)])
