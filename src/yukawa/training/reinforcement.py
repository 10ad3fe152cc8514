"""Reinforcement learning with verifiable rewards (GRPO): the model answers, and a judge by rules says what that is worth."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yukawa.core.errors import require
from yukawa.core.files import atomic_write
from yukawa.runs.batches import EpochSampler
from yukawa.runs.callback import Metrics
from yukawa.training.rewards import rewards
from yukawa.training.trainer import TextTrainer

trl: Any = require("trl", "training")
GRPOTrainer = trl.GRPOTrainer


class RewardTrainer(TextTrainer, GRPOTrainer):  # type: ignore[misc, valid-type]  # untyped there
    """Writes several replies to a prompt and learns from how they differ in reward."""

    def __init__(self, **options: Any) -> None:
        self.reward: str = options["settings"].reward

        def judge(
            completions: Sequence[str], question: Sequence[str], answer: Sequence[str], **more: Any
        ) -> list[float]:
            return rewards(self.reward, question, answer, completions)

        judge.__name__ = self.reward  # by which the metrics are called
        super().__init__(reward_funcs=judge, **options)

    def learned_tokens(self, inputs: Any) -> int:
        """The tokens of the replies that were learned from in the pass before."""
        return self._learned

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """TRL's loss; notes how many tokens of replies it is of."""
        self._learned = int(inputs["completion_mask"].sum())
        loss: Tensor = super()._compute_loss(model, inputs)
        return loss

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Prompts are tokens already."""
        return prompts, None, {}

    def _get_dataloader(
        self, dataset: Any, *, batch_size: int, is_training: bool = False, **options: Any
    ) -> Any:
        """Give each prompt as often as it has replies, in an order that seed and epoch alone decide."""
        args = self.args
        options["sampler_fn"] = lambda shared: GroupSampler(
            len(dataset), args.generation_batch_size // args.num_generations, args.num_generations,
            args.steps_per_generation, args.seed,
        )  # fmt: skip
        return super(TextTrainer, self)._get_dataloader(
            dataset, batch_size=batch_size, is_training=is_training, **options
        )

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """The mean reward of one reply to each validation prompt."""
        rows, world, size = self.eval_dataset, self.args.world_size, self.args.per_device_eval_batch_size
        self.losses.check()
        self.model.eval()
        places = range(
            self.args.process_index, -(-len(rows) // world) * world, world
        )  # as many in each process
        total = 0.0
        for start in range(0, len(places), size):
            some = [(rows[place % len(rows)], place < len(rows)) for place in places[start : start + size]]
            texts = self._generate([row["prompt"] for row, _ in some])[3]
            questions, answers = ([row[name] for row, _ in some] for name in ("question", "answer"))
            found = rewards(self.reward, questions, answers, texts)
            total += sum(value for value, (_, counts) in zip(found, some, strict=True) if counts)
        self.model.train()
        self._metrics["eval"].clear()
        everywhere = self.accelerator.gather(
            torch.tensor([total], dtype=torch.float64, device=self.args.device)
        )
        return self.report({"validation_reward": float(everywhere.sum()) / len(rows)})

    def keep_bad_batch(self, folder: Path, step: int, batch: Any) -> tuple[Path, str]:
        """Write the questions whose replies gave a loss that is not finite to `bad-batch.json`."""
        path = folder / "bad-batch.json"
        content = {"step": step, "questions": [row["question"] for row in batch]}
        atomic_write(path, json.dumps(content, ensure_ascii=False) + "\n")
        return path, "begin a new run with a lower training.learning_rate"


class GroupSampler(EpochSampler):
    """Steps of whole groups: so many prompts, each as often as it has replies, and all that once for each pass of a step.

    Prompts behind the last whole step of an epoch wait for the next one, which has another order.

    Args:
        rows: number of prompts.
        prompts: of a step.
        group: replies to a prompt.
        passes: of a step.
        seed: of the order.
    """

    def __init__(self, rows: int, prompts: int, group: int, passes: int, seed: int) -> None:
        super().__init__(rows, rows, seed)
        self.prompts, self.group, self.passes = prompts, group, passes

    def __iter__(self) -> Iterator[int]:
        order = list(super().__iter__())
        for start in range(0, self.rows - self.prompts + 1, self.prompts):
            step = [row for row in order[start : start + self.prompts] for _ in range(self.group)]
            for _ in range(self.passes):
                yield from step

    def __len__(self) -> int:
        return self.rows // self.prompts * self.prompts * self.group * self.passes
