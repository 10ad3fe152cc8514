"""transformers' Trainer as every run uses it: our schedule, checked losses, checkpoints whole or not there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from transformers import PrinterCallback, Trainer, TrainerControl, TrainingArguments

from yukawa.core.errors import ModelError
from yukawa.runs.callback import Metrics, TrainingCallback, trackers
from yukawa.runs.checkpoints import step_of, tidy, write_progress, written_whole
from yukawa.runs.distributed import Machine
from yukawa.runs.recipe import RunSettings
from yukawa.runs.schedule import factor

_LOWER = "begin a new run with a lower training.learning_rate"


class RunTrainer(Trainer):  # type: ignore[misc]  # untyped there
    """Takes the decisions that are the same whatever is trained; a subclass gives its losses and metrics.

    Args:
        settings: how to train.
        callback: decides what happens when.
        args: made by `training_arguments`.
        more: arguments of the trainer.
    """

    control: TrainerControl

    def __init__(self, *, settings: RunSettings, callback: TrainingCallback, args: Any, **more: Any) -> None:
        self.settings, self.callback = settings, callback
        run_folder = Path(args.output_dir).parent
        sent = trackers(settings.report_to, run_folder)
        super().__init__(args=args, callbacks=[callback, *sent], **more)
        self.remove_callback(PrinterCallback)
        self.losses = LossWatch(lambda *bad: self.keep_bad_batch(run_folder, *bad))

    def begin(self, checkpoint: Path | None, progress: Mapping[str, Any]) -> int:
        """Train from a checkpoint and its progress, or from the beginning, to the end.

        Returns:
            The steps made, those before the checkpoint too.
        """
        if checkpoint is not None:
            self.restore(progress)
            if step_of(checkpoint) >= self.args.max_steps or self.callback.stopped_early:
                self._load_from_checkpoint(str(checkpoint))  # the trainer would make one step too many
                return step_of(checkpoint)
        self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        steps: int = self.state.global_step
        return steps

    def progress(self) -> dict[str, Any]:
        """What a checkpoint holds beside the trainer's own state; all processes call it."""
        return asdict(self.callback.best)

    def restore(self, progress: Mapping[str, Any]) -> None:
        """Take up what `progress` gave."""

    def keep_bad_batch(self, folder: Path, step: int, batch: Any) -> tuple[Path, str]:
        """Write the batch whose loss is not finite into the run's folder; return the file, and what to do next."""
        raise NotImplementedError

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the settings' learning rate."""
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, factor(self.settings, num_training_steps)
        )
        return self.lr_scheduler

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Go forward and backward; stop where the loss is NaN or infinite."""
        self.losses.check()
        loss: Tensor = super().training_step(model, inputs, *args, **kwargs)
        self.losses.look(self.state.global_step + 1, loss, inputs)
        return loss

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def validation_sums(
        self, batches: Iterable[Any], measure: Callable[[Any, Any], Tensor], size: tuple[int, ...]
    ) -> Any:
        """Add up what `measure` gives of the model and each validation batch, over all processes.

        Args:
            batches: of this process.
            measure: gives numbers of shape `size`, in float64.
            size: their shape.
        """
        self.losses.check()
        model = self._wrap_model(self.model, training=False)
        model.eval()
        sums = torch.zeros(size, dtype=torch.float64, device=self.args.device)
        for batch in batches:
            inputs = self._prepare_inputs(batch)
            with self.compute_loss_context_manager():
                sums += measure(model, inputs)
        if distributed.is_initialized():
            distributed.all_reduce(sums)
        model.train()
        return sums.tolist()

    def report(self, metrics: Metrics) -> Metrics:
        """Hand the metrics of a validation to the callback, and to the trackers under names that they know."""
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        named = {name.replace("validation_", "eval_", 1): value for name, value in metrics.items()}
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, named)
        return metrics

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write none: the run has its own."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write beside, then rename: a checkpoint is whole or not there."""
        self.losses.check()
        step, folder, first = self.state.global_step, Path(self.args.output_dir), bool(self.args.should_save)
        if not all(bool(torch.isfinite(p).all()) for p in self.model.parameters() if p.requires_grad):
            raise ModelError(
                f"the weights contain NaN or infinity after step {step}; the previous checkpoint is intact",
                hint=_LOWER,
            )
        with written_whole(folder, first=first) as partial:
            self.accelerator.wait_for_everyone()
            self.args.output_dir = str(partial)
            try:
                super()._save_checkpoint(model, trial)
                progress = self.progress()
                if first:
                    write_progress(partial / f"checkpoint-{step}", progress)
                self.accelerator.wait_for_everyone()
            finally:
                self.args.output_dir = str(folder)
        if first:
            tidy(folder, self.settings.checkpoints_kept, self.callback.best.best_step)


class LossWatch:
    """Looks at each loss without making a GPU wait, and stops the training at one that is NaN or infinite.

    On a GPU the answer comes one step late; nothing is saved or validated before it is there.

    Args:
        keep: writes the batch of a step, and gives its file and what to do next.
    """

    def __init__(self, keep: Callable[[int, Any], tuple[Path, str]]) -> None:
        self.keep = keep
        self._last: tuple[int, Tensor, Any] | None = None
        self._arrived: Any = None

    def look(self, step: int, loss: Tensor, batch: Any) -> None:
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
            ModelError: it is not finite; the batch is in a file that the message names.
        """
        if self._last is None:
            return
        if self._arrived is not None:
            self._arrived.synchronize()
        (step, loss, batch), self._last = self._last, None
        if not torch.isfinite(loss):
            path, hint = self.keep(step, batch)
            raise ModelError(f"the loss is {loss.item()} at step {step}; its batch is in {path}", hint=hint)


def training_arguments(
    settings: RunSettings,
    folder: Path,
    steps: int,
    machine: Machine,
    kind: type[Any] = TrainingArguments,
    **more: Any,
) -> Any:
    """The trainer's own settings: everything that this package does itself is turned off.

    Args:
        settings: how to train.
        folder: for checkpoints.
        steps: length of the training.
        machine: where it runs.
        kind: the class of the arguments.
        more: arguments of one kind of training.
    """
    made = kind(
        output_dir=str(folder),
        run_name=folder.parent.name,
        max_steps=steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip or 0.0,
        bf16=settings.precision == "bf16",
        fp16=settings.precision == "fp16",
        seed=settings.seed,
        use_cpu=not machine.gpu,
        ddp_backend="gloo" if machine.world > 1 and not machine.gpu else None,
        ddp_find_unused_parameters=False,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,  # it would wait for the GPU at every step
        disable_tqdm=True,
        report_to="none",  # trackers are given as callbacks, so that a missing one has its own message
        log_level="error",
        **more,
    )
    # Without torchrun one process takes one GPU: the trainer would cut packed batches in pieces to share them out.
    if made.n_gpu > 1:
        made._n_gpu = 1
    return made
