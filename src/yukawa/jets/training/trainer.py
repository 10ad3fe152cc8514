"""The trainer of networks on jets: our batches, loss, optimiser and validation."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from yukawa.core.errors import require
from yukawa.core.files import atomic_write
from yukawa.core.processes import keep_freed_memory
from yukawa.jets.training.batches import DIVISOR, LABELS, WEIGHTS
from yukawa.jets.training.optimiser import Ranger
from yukawa.jets.training.recipe import JetSettings
from yukawa.runs import checkpoints
from yukawa.runs.batches import StepDataset, TensorBatch
from yukawa.runs.callback import Metrics, TrainingCallback
from yukawa.runs.distributed import Machine
from yukawa.runs.trainer import RunTrainer, training_arguments


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


class JetTrainer(RunTrainer):
    """Trains a network on batches of jets.

    Args:
        network: called as `network(**tensors)`, gives logits of shape (B, C).
        settings: how to train.
        args: made by `arguments`.
        batches: the training batches.
        validation: gives the validation batches of this process, each time anew.
        callback: decides what happens when.
    """

    supervised: ClassVar[type[Supervised]] = Supervised
    settings: JetSettings

    def __init__(
        self,
        network: nn.Module,
        settings: JetSettings,
        args: Any,
        batches: StepDataset,
        validation: Callable[[], Iterator[TensorBatch]],
        callback: TrainingCallback,
    ) -> None:
        self.batches, self.validation = batches, validation
        if args.world_size > 1 and args.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        if args.device.type == "cpu":
            keep_freed_memory()
        super().__init__(settings=settings, callback=callback, args=args, model=self.supervised(network))

    def get_train_dataloader(self) -> Any:
        """The training batches."""
        return self.batches.data_loader()

    def num_examples(self, dataloader: Any) -> int:
        """Jets in the whole training."""
        return len(self.batches) * self.batches.batch

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Make the settings' optimiser over all parameters."""
        parameters = [p for p in (model or self.model).parameters() if p.requires_grad]
        kind = Ranger if self.settings.optimiser == "ranger" else torch.optim.AdamW
        rate, decay = self.settings.learning_rate, self.settings.weight_decay
        self.optimizer = kind(parameters, lr=rate, weight_decay=decay)
        return self.optimizer

    def compute_loss(
        self,
        model: nn.Module,
        inputs: TensorBatch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Cross entropy: the mean over a batch's jets of weight times -ln of the true class's probability."""
        loss, logits = _loss(model, inputs)
        return (loss, logits) if return_outputs else loss

    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """Loss and accuracy on the validation jets of all processes."""
        loss, weight, right, jets = self.validation_sums(self.validation(), self._measure, (4,))
        return self.report({"validation_loss": loss / weight, "validation_accuracy": right / jets})

    def _measure(self, model: nn.Module, inputs: TensorBatch) -> Tensor:
        """Of a validation batch: the sums of losses and weights, the right answers, the jets."""
        loss, logits = _loss(model, inputs)
        right = (logits.argmax(dim=1) == inputs[LABELS]).sum()
        jets = torch.tensor(len(logits), device=loss.device)
        return torch.stack([loss * inputs[DIVISOR], inputs[DIVISOR], right, jets])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Pass metrics to the callbacks, which write them; the trainer's own history stays empty."""
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def keep_bad_batch(self, folder: Path, step: int, batch: TensorBatch) -> tuple[Path, str]:
        """Write all tensors to `bad-batch.npz`, and name those that are not finite."""
        content, path = io.BytesIO(), folder / "bad-batch.npz"
        arrays = {name: tensor.cpu().numpy() for name, tensor in batch.items()}
        np.savez_compressed(content, allow_pickle=False, **arrays)
        atomic_write(path, content.getvalue())
        bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        if bad:
            return path, f"look at {', '.join(bad)}, not all finite"
        return path, "the inputs are finite: lower the learning rate"

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights, and nothing that would have to be unpickled."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            save_file = require("safetensors.torch", "writing a checkpoint").save_file
            save_file(self.model.state_dict(), folder / checkpoints.WEIGHTS)

    def floating_point_ops(self, inputs: TensorBatch) -> int:
        """Count none."""
        return 0

    def _get_grad_norm(self, model: nn.Module, grad_norm: Tensor | None = None) -> Tensor | None:
        """The gradient's length where it is limited; the trainer would work it out at every step for its log."""
        return grad_norm


def arguments(settings: JetSettings, folder: Path, steps: int, machine: Machine) -> Any:
    """The trainer's own settings; see `training_arguments`."""
    return training_arguments(
        settings, folder, steps, machine,
        per_device_train_batch_size=settings.batch, remove_unused_columns=False,
    )  # fmt: skip


def _loss(model: nn.Module, inputs: TensorBatch) -> tuple[Tensor, Tensor]:
    """The loss of a batch and its logits."""
    tensors = {name: value for name, value in inputs.items() if name not in (LABELS, WEIGHTS, DIVISOR)}
    logits = model(**tensors).float()
    if WEIGHTS not in inputs:
        loss = functional.cross_entropy(logits, inputs[LABELS], reduction="sum")
    else:
        each = functional.cross_entropy(logits, inputs[LABELS], reduction="none")
        loss = each @ inputs[WEIGHTS]
    return loss / inputs[DIVISOR], logits
