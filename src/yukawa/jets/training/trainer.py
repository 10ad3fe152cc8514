"""The training loop: transformers' Trainer with our batches, loss, optimiser and checkpoints."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerControl, TrainingArguments

from yukawa.core.errors import InputError, ModelError
from yukawa.core.files import atomic_write
from yukawa.core.optional import require
from yukawa.core.processes import keep_freed_memory
from yukawa.jets.training.batches import DIVISOR, LABELS, WEIGHTS, Batch, Steps
from yukawa.jets.training.callback import Conductor
from yukawa.jets.training.checkpoints import WEIGHTS as WEIGHTS_FILE
from yukawa.jets.training.checkpoints import tidy, write_progress
from yukawa.jets.training.optimiser import Ranger
from yukawa.jets.training.recipe import TrainingRecipe
from yukawa.jets.training.schedule import factor
from yukawa.runs.callback import Figures
from yukawa.runs.checkpoints import step_of, written_whole


class Supervised(nn.Module):
    """A network as the trainer sees it: tensors by name in, logits of shape (B, C) out."""

    # The trainer asks; without an answer it would count labels at every step.
    accepts_loss_kwargs = False

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, **tensors: Tensor) -> Any:
        """The network's logits."""
        logits: Tensor = self.network(**tensors)
        return logits


class JetTrainer(Trainer):
    """Trains a network on a feed of batches.

    Args:
        network: called as `network(**tensors)`, gives logits of shape (B, C).
        recipe: how to train.
        arguments: made by `arguments`.
        feed: the training batches.
        validation: gives the validation batches of this process, each time anew.
        conductor: decides what happens when.
    """

    control: TrainerControl
    supervised: ClassVar[type[Supervised]] = Supervised

    def __init__(
        self,
        network: nn.Module,
        recipe: TrainingRecipe,
        arguments: TrainingArguments,
        feed: Steps,
        validation: Callable[[], Iterator[Batch]],
        conductor: Conductor,
    ) -> None:
        self.recipe, self.feed, self.validation, self.conductor = recipe, feed, validation, conductor
        if arguments.world_size > 1 and arguments.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        if arguments.device.type == "cpu":
            keep_freed_memory()
        super().__init__(self.supervised(network), arguments, callbacks=[conductor])
        self.remove_callback(PrinterCallback)
        self._watch = LossWatch(Path(arguments.output_dir).parent / "bad-batch.npz")

    def go_on(self, checkpoint: Path | None) -> int:
        """Train from a checkpoint, or from the beginning, to the end; returns the steps made in all."""
        if checkpoint is not None and self.conductor.stopped_early:
            return step_of(checkpoint)
        self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        steps: int = self.state.global_step
        return steps

    def get_train_dataloader(self) -> DataLoader[Batch | None]:
        """The feed."""
        return self.feed.loader_for_trainer()

    def num_examples(self, dataloader: DataLoader[Any]) -> int:
        """Jets in the whole training."""
        return len(self.feed) * self.feed.batch

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The recipe's optimiser over all parameters."""
        parameters = [p for p in (model or self.model).parameters() if p.requires_grad]
        kind = Ranger if self.recipe.optimiser == "ranger" else torch.optim.AdamW
        self.optimizer = kind(parameters, lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """The recipe's learning rate."""
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, factor(self.recipe.schedule, num_training_steps)
        )
        return self.lr_scheduler

    def training_step(
        self, model: nn.Module, inputs: Batch, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Forward and backward; stops where the loss is no number."""
        self._watch.check()
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        self._watch.look(self.state.global_step + 1, loss, inputs)
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Cross entropy: the mean over a batch's jets of weight times -ln of the true class's probability."""
        loss, logits = _loss(model, inputs)
        return (loss, logits) if return_outputs else loss

    @torch.no_grad()
    def evaluate(self, *arguments: Any, **options: Any) -> Figures:
        """Loss and accuracy on the validation jets of all processes."""
        self._watch.check()
        self.model.eval()
        sums = torch.zeros(4, dtype=torch.float64, device=self.args.device)
        for batch in self.validation():
            inputs = self._prepare_inputs(batch)
            loss, logits = _loss(self.model, inputs)
            right = (logits.argmax(dim=1) == inputs[LABELS]).sum()
            jets = torch.tensor(len(logits), device=sums.device)
            sums += torch.stack([loss * inputs[DIVISOR], inputs[DIVISOR], right, jets])
        if distributed.is_initialized():
            distributed.all_reduce(sums)
        loss_sum, weight_sum, right_sum, jets_sum = sums.tolist()
        figures = {"validation_loss": loss_sum / weight_sum, "validation_accuracy": right_sum / jets_sum}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Pass figures to the conductor, which writes them; the trainer's own history stays empty."""
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights, and nothing that would have to be unpickled."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            require("safetensors.torch", "writing a checkpoint").save_file(
                self.model.state_dict(), folder / WEIGHTS_FILE
            )

    def floating_point_ops(self, inputs: Batch) -> int:
        """Not counted."""
        return 0

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As the trainer does it, but whole or not at all, and with our own standing beside it."""
        self._watch.check()
        folder, first = Path(self.args.output_dir), self.args.should_save
        broken = require("safetensors", "writing a checkpoint").SafetensorError
        with written_whole(folder, first=first, errors=(OSError, RuntimeError, broken)) as partial:
            self.args.output_dir = str(partial)
            try:
                self.accelerator.wait_for_everyone()
                super()._save_checkpoint(model, trial)
                if first:
                    write_progress(
                        partial / f"checkpoint-{self.state.global_step}", asdict(self.conductor.standing)
                    )
                self.accelerator.wait_for_everyone()
            finally:
                self.args.output_dir = str(folder)
        if first:
            tidy(folder, self.recipe.checkpoints_kept, self.conductor.standing.best_step)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Tensor | None = None) -> Tensor | None:
        """The gradient's length where it is limited; the trainer would work it out at every step for its log."""
        return grad_norm


class LossWatch:
    """Looks at each loss without making the GPU wait, and stops the training at one that is no number.

    On a GPU the answer comes one step late; nothing is saved or validated before it is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: tuple[int, Tensor, Batch] | None = None
        self._arrived: torch.cuda.Event | None = None

    def look(self, step: int, loss: Tensor, batch: Batch) -> None:
        """Remember the loss of a step; on the processor, check it at once."""
        if loss.device.type == "cuda":
            value = torch.empty((), dtype=loss.dtype, pin_memory=True)
            value.copy_(loss.detach(), non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()
            self._last = (step, value, batch)
        else:
            self._last = (step, loss.detach(), batch)
            self.check()

    def check(self) -> None:
        """Check the last loss.

        Raises:
            ModelError: it is no finite number; the batch is in a file that the message names.
        """
        if self._last is None:
            return
        if self._arrived is not None:
            self._arrived.synchronize()
        (step, loss, batch), self._last = self._last, None
        if torch.isfinite(loss):
            return
        content = io.BytesIO()
        arrays = {name: tensor.cpu().numpy() for name, tensor in batch.items()}
        np.savez_compressed(content, allow_pickle=False, **arrays)
        atomic_write(self.path, content.getvalue())
        bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        hint = (
            f"look at {', '.join(bad)}, not all finite"
            if bad
            else "the inputs are finite: lower the learning rate"
        )
        raise ModelError(f"the loss is {loss.item()} at step {step}; its batch is in {self.path}", hint=hint)


def arguments(recipe: TrainingRecipe, folder: Path, steps: int, world: int) -> TrainingArguments:
    """The trainer's settings: all that is not ours is turned off.

    Args:
        recipe: how to train.
        folder: for checkpoints.
        steps: length of the training.
        world: number of processes.

    Raises:
        InputError: the precision needs a GPU and there is none.
    """
    on_gpu = torch.cuda.is_available()
    if recipe.precision == "fp16" and not on_gpu:
        raise InputError(
            "training.precision fp16 needs a GPU, and there is none",
            hint="type: training.precision=bf16 or fp32",
        )
    made = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch,
        max_grad_norm=recipe.clip or 0.0,
        bf16=recipe.precision == "bf16",
        fp16=recipe.precision == "fp16",
        seed=recipe.seed,
        use_cpu=not on_gpu,
        ddp_backend="gloo" if world > 1 and not on_gpu else None,
        ddp_find_unused_parameters=False,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,  # it would wait for the GPU at every step
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )
    # Without torchrun one process takes one GPU: the trainer would cut packed jets in pieces to share them out.
    if made.n_gpu > 1:
        made._n_gpu = 1
    return made


def _loss(model: nn.Module, inputs: Batch) -> tuple[Tensor, Tensor]:
    """The loss of a batch and its logits."""
    tensors = {name: value for name, value in inputs.items() if name not in (LABELS, WEIGHTS, DIVISOR)}
    logits = model(**tensors).float()
    if WEIGHTS not in inputs:
        loss = functional.cross_entropy(logits, inputs[LABELS], reduction="sum")
    else:
        each = functional.cross_entropy(logits, inputs[LABELS], reduction="none")
        loss = each @ inputs[WEIGHTS]
    return loss / inputs[DIVISOR], logits
