"""What is particular to the training of language models: its figures, and the check that weights were divided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.distributed.tensor import DTensor
from transformers import TrainerControl, TrainerState, TrainingArguments

from yukawa.core.errors import ModelError
from yukawa.core.signals import Interruption
from yukawa.runs import callback
from yukawa.runs.callback import Figures, Plan, Progress
from yukawa.runs.run import Run

_LOGGED = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "gradient"}


class Conductor(callback.Conductor):
    """Steers one training.

    Args:
        plan, run, progress, interruption: see `yukawa.runs.callback.Conductor`.
        sharded: whether the weights must be divided among the processes.
    """

    def __init__(
        self,
        plan: Plan,
        run: Run | None,
        progress: Progress | None,
        interruption: Interruption,
        sharded: bool = False,
    ) -> None:
        super().__init__(plan, run, progress, interruption)
        self.sharded, self._tokens = sharded, 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """As all trainings.

        Raises:
            ModelError: the weights should be divided and are not.
        """
        super().on_train_begin(args, state, control, **kwargs)
        model = kwargs.get("model")
        # The trainer passes over what it cannot divide without a word.
        if self.sharded and model is not None and not any(isinstance(p, DTensor) for p in model.parameters()):
            raise ModelError(
                "training.distributed=fsdp2, but the weights were not divided among the processes"
            )

    def figures_of(self, logs: Mapping[str, float], steps: int, seconds: float) -> Figures:
        """Loss, learning rate, length of the gradient, rewards of preferences, and tokens."""
        figures = {ours: logs[theirs] for theirs, ours in _LOGGED.items() if theirs in logs}
        figures |= {name.replace("/", "_"): value for name, value in logs.items() if "rewards/" in name}
        if "tokens" in logs:
            tokens = logs["tokens"]
            figures |= {"tokens": tokens, "tokens_per_second": (tokens - self._tokens) / seconds}
            self._tokens = tokens
        return figures

    def go_on(self, figures: Mapping[str, float]) -> None:
        """Begin where these were the latest figures."""
        self.figures |= figures
        self._tokens = self.figures.get("tokens", 0.0)
