"""The trainer of networks on jets: batches, loss, validation, and Ranger, the optimiser of the published recipes."""

import io
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from yukawa.core.errors import InputError, require
from yukawa.core.files import atomic_write
from yukawa.core.processes import keep_freed_memory
from yukawa.jets.features.encoder import Encoded
from yukawa.jets.io.loader import InMemory, Loader, run_ahead, tensors
from yukawa.jets.training.recipe import JetSettings
from yukawa.runs import checkpoints
from yukawa.runs.batches import StepDataset, TensorBatch
from yukawa.runs.callback import Metrics, TrainingCallback
from yukawa.runs.distributed import Machine
from yukawa.runs.trainer import RunTrainer, training_arguments


class Ranger(torch.optim.RAdam):
    """RAdam (arXiv:1908.03265) inside Lookahead (arXiv:1907.08610), without gradient centralisation.

    Every `k` steps the slow weights move the share `alpha` towards the fast ones, which begin anew from there.
    The slow weights are part of the state, so a resumed training is the unbroken one. A weight without a gradient
    stays where it is.

    Args:
        betas: decay of the running mean and of the running mean square of the gradient.
        eps: added to the root of the mean square.
        weight_decay: share of the weights, times `lr`, taken off at each step.
        k: steps between two moves of the slow weights.
        alpha: how far the slow weights move.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.999),
        eps: float = 1e-5,
        weight_decay: float = 0.0,
        k: int = 6,
        alpha: float = 0.5,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decoupled_weight_decay=True, foreach=True)
        self.k, self.alpha = k, alpha

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns what `closure` returns, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        weights = [w for group in self.param_groups for w in group["params"] if w.grad is not None]
        first = {weight: weight.clone() for weight in weights if not self.state[weight]}
        super().step()
        for weight, slow in first.items():
            self.state[weight]["slow"] = slow
        moved = [weight for weight in weights if int(self.state[weight]["step"]) % self.k == 0]
        if moved:
            slow_ones = [self.state[weight]["slow"] for weight in moved]
            torch._foreach_lerp_(slow_ones, moved, self.alpha)
            torch._foreach_copy_(moved, slow_ones)
        return loss


# Beside the network's tensors a batch holds the classes, how much each jet counts, and the divisor of the sum of the
# jets' losses.
LABELS, WEIGHTS, DIVISOR = "labels", "weights", "divisor"


@dataclass(kw_only=True, eq=False)
class JetBatches(StepDataset):
    """The batches of jets, epoch after epoch.

    Of jets in memory, each process takes its share of every batch: the batches are the same for any number of
    processes. Of streamed jets, each process reads its own, and makes its own part of a batch of them.

    See `StepDataset` for the other attributes.

    Attributes:
        loader: gives the batches of one epoch.
    """

    loader: Loader

    def endless(self) -> Iterator[TensorBatch]:
        """All batches from `first` on."""
        epoch, skip = divmod(self.first, steps_of_an_epoch(self.loader, self.batch, self.machine.world))
        while True:
            batches = self._epoch(epoch, skip)
            # A stream runs ahead by itself.
            in_background = self.prefetch and shares_batches(self.loader)
            yield from run_ahead(batches, self.prefetch) if in_background else batches
            epoch, skip = epoch + 1, 0

    def _epoch(self, epoch: int, skip: int) -> Generator[TensorBatch, None, None]:
        batches = partial(self.loader.batches, seed=self.seed, epoch=epoch, shuffle=True, skip=skip)
        rank, world = self.machine.rank, self.machine.world
        if shares_batches(self.loader):
            for encoded in batches(self.batch):
                yield labelled(*share(encoded, rank, world))
        else:
            yield from map(labelled, batches(self.batch // world, rank=rank, world=world))


def shares_batches(loader: Loader) -> bool:
    """Whether the processes share each batch; else each makes its own part."""
    return isinstance(loader, InMemory)


def steps_of_an_epoch(loader: Loader, batch: int, world: int) -> int:
    """How many steps an epoch has with `batch` jets over `world` processes."""
    return loader.steps(batch) if shares_batches(loader) else loader.steps(batch // world, world)


def share(encoded: Encoded, rank: int, world: int) -> tuple[Encoded, float]:
    """The jets of a batch that one process takes, and the divisor of the sum of their losses.

    Divided so, the mean over processes is the mean over jets, also where the shares are not equal.
    """
    jets = len(encoded)
    if world == 1 or jets < world:  # too few to share: all processes do the same
        return encoded, weight_of(encoded)
    own = np.arange(rank * jets // world, (rank + 1) * jets // world)
    return encoded.take(own), weight_of(encoded) / world


def weight_of(encoded: Encoded) -> float:
    """The sum of the jets' weights."""
    return float(len(encoded) if encoded.weights is None else encoded.weights.sum(dtype=np.float64))


def labelled(encoded: Encoded, divisor: float | None = None) -> TensorBatch:
    """The tensors of a batch with `labels` (B,), `weights` (B,) where jets do not count alike, and `divisor`.

    Raises:
        InputError: a jet has no label.
    """
    unknown = int((encoded.labels < 0).sum())
    if unknown:
        raise InputError(
            f"{unknown} of {len(encoded)} jets in a batch are of none of the classes that are trained",
            hint="exclude them by the selection of the data config",
        )
    divisor = weight_of(encoded) if divisor is None else divisor
    batch: TensorBatch = tensors(encoded) | {
        LABELS: torch.from_numpy(encoded.labels),
        DIVISOR: torch.tensor(max(divisor, 1e-6)),
    }
    if encoded.weights is not None:
        batch[WEIGHTS] = torch.from_numpy(encoded.weights)
    return batch


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
        args: made by `arguments`.
        validation: gives the validation batches of this process, each time anew.
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
        """See `loss`."""
        loss, outputs = self.loss(model, inputs)
        return (loss, outputs) if return_outputs else loss

    def loss(self, model: nn.Module, inputs: TensorBatch) -> tuple[Tensor, Tensor]:
        """The cross entropy, a batch's mean of weight times -ln(probability of the true class), and the logits (B, classes)."""
        tensors = {name: value for name, value in inputs.items() if name not in (LABELS, WEIGHTS, DIVISOR)}
        logits = model(**tensors).float()
        if WEIGHTS not in inputs:
            loss = functional.cross_entropy(logits, inputs[LABELS], reduction="sum")
        else:
            loss = functional.cross_entropy(logits, inputs[LABELS], reduction="none") @ inputs[WEIGHTS]
        return loss / inputs[DIVISOR], logits

    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """Loss and accuracy on the validation jets of all processes."""
        loss, weight, right, jets = self.validation_sums(self.validation(), self._measure, (4,))
        return self.report({"validation_loss": loss / weight, "validation_accuracy": right / jets})

    def _measure(self, model: nn.Module, inputs: TensorBatch) -> Tensor:
        """Of a validation batch: the sums of losses and weights, the right answers, the jets."""
        loss, logits = self.loss(model, inputs)
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
            save_file = require("safetensors.torch", "writing a checkpoint", "jets").save_file
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
