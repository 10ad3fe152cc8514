"""Trainers that learn from pairs of replies, of which one is better: DPO, IPO, KTO, ORPO; TRL's losses on our rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from yukawa.core.errors import require
from yukawa.runs.callback import Metrics
from yukawa.training.recipe import TextSettings
from yukawa.training.trainer import TextTrainer

trl: Any = require("trl", "training")
DPOTrainer, KTOTrainer = trl.DPOTrainer, trl.KTOTrainer
UnpairedCollator = require("trl.trainer.kto_trainer", "training").DataCollatorForUnpairedPreference
_LARGEST = -1e-6  # mean log-probability of a token whose odds are still finite


class PairTrainer(TextTrainer):
    """What all losses of pairs have in common: whole pairs are counted, whoever computes their mean.

    Attributes:
        judged: TRL's metric of how well the replies are distinguished, and the name of its mean over the validation pairs.
    """

    loss_is_scaled_for_ga = True  # passes weigh by their pairs
    judged: ClassVar[tuple[str, str]] = ("rewards/accuracies", "validation_preferred")

    @property
    def neutral(self) -> float:
        """The loss of a pair of two empty replies, as a padding row is."""
        beta = self.settings.beta
        return {"dpo": math.log(2), "ipo": (1 / (2 * beta)) ** 2, "kto": 0.5, "orpo": 0.0}[
            self.settings.preference_loss
        ]

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """Leave our rows alone: they are tokens already."""
        return dataset

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Tensor:
        """The pairs of a step, over all its passes and processes."""
        pairs = sum((_pairs(batch) for batch in batch_samples), torch.tensor(0))
        count: Tensor = self.accelerator.gather(pairs.to(device)[None]).sum()
        return count

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """The mean loss of a pair, over all passes and processes that make up a step."""
        mean = super().compute_loss(model, inputs)
        size, pairs = len(inputs["completion_mask"]) // 2, _pairs(inputs)
        total = mean * size - self.neutral * (size - pairs)
        if num_items_in_batch is None:
            return total / pairs.clamp(min=1)
        processes, passes = self.accelerator.num_processes, self.current_gradient_accumulation_steps
        for name, values in self._metrics["train"].items():  # of a pass, over its rows and the padding rows
            if name.startswith(("rewards/", "logps/")):
                values[-1] *= size * processes * passes / int(num_items_in_batch)
        return total / num_items_in_batch * processes  # the gradients of the processes are averaged

    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """The mean loss of a validation pair, and how well its replies are distinguished."""
        total, told, pairs = self.validation_sums(self.get_eval_dataloader(), self._distinguished, (3,))
        self._metrics["eval"].clear()
        number = max(pairs, 1)
        return self.report({"validation_loss": total / number, self.judged[1]: told / number})

    def _distinguished(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Of a batch: the loss and TRL's metric summed over its pairs, and how many there are."""
        mean = self.compute_loss(model, inputs).double()
        pairs, size = _pairs(inputs), len(inputs["completion_mask"]) // 2
        # TRL's mean is that of all rows of all processes; a padding row adds nothing.
        told = self._metrics["eval"][self.judged[0]][-1] * size
        return torch.stack([mean * pairs, told * torch.ones_like(mean), pairs])


class PreferenceTrainer(PairTrainer, DPOTrainer):  # type: ignore[misc, valid-type]  # untyped there
    """Learns to prefer one reply to another, compared with the untrained base (DPO, IPO)."""


class KtoTrainer(PairTrainer, KTOTrainer):  # type: ignore[misc, valid-type]  # untyped there
    """Learns that one reply is desirable and another is not, each by itself (KTO, arXiv:2402.01306)."""

    judged = ("rewards/margins", "validation_margin")

    def __init__(self, **options: Any) -> None:
        super().__init__(data_collator=UnpairedReplies(options["processing_class"].pad_token_id), **options)

    def _set_signature_columns_if_needed(self) -> None:
        """Keep the columns of pairs, of which the batches are made."""
        self._signature_columns = ["prompt_ids", "chosen_ids", "rejected_ids"]


@dataclass(frozen=True)
class UnpairedReplies:
    """Batches of KTO: all better replies, then all worse ones, and each prompt with the reply to the one before.

    The latter stand for what the model would say otherwise, from which its distance from the base is estimated.

    Attributes:
        pad: id of the token behind shorter rows.
    """

    pad: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Rows have `prompt_ids`, `chosen_ids` and `rejected_ids`."""
        said = [
            {"prompt_ids": row["prompt_ids"], "completion_ids": row[name], "label": name == "chosen_ids"}
            for name in ("chosen_ids", "rejected_ids")
            for row in rows
        ]
        others = [said[k - 1]["completion_ids"] for k in range(len(said))]
        rotated = [one | {"KL_completion_ids": other} for one, other in zip(said, others, strict=True)]
        batch: dict[str, Tensor] = UnpairedCollator(self.pad)(rotated)
        return batch


class OrpoTrainer(PreferenceTrainer):
    """Learns the better reply and how much likelier it is than the worse one, without the untrained base (arXiv:2403.07691)."""

    def _precompute_ref_logps(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute nothing of an untrained base: none is needed."""
        return dataset

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Tensor:
        """The mean over pairs of the loss of a token of the better reply, and beta times that of the odds."""
        mask = inputs["completion_mask"][:, 1:]
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        taken = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
        found = model(**taken, labels=labels, fused_lm_head=True, use_cache=False).log_probs
        means = found[:, -mask.size(1) :].sum(1) / mask.sum(1).clamp(min=1)
        loss, rewards = orpo_losses(means, self.settings.beta)
        there = mask.any(1).chunk(2)[0]
        self._note(rewards * there.repeat(2))
        return (loss * there).mean()

    def _note(self, rewards: Tensor) -> None:
        """Keep the metrics that TRL has of DPO; a reply's reward is beta times the mean log-probability of its tokens."""
        chosen, rejected = self.accelerator.gather(rewards.detach()).view(-1, 2, len(rewards) // 2).unbind(1)
        mode = "train" if self.model.training else "eval"
        told = {
            "chosen": chosen,
            "rejected": rejected,
            "margins": chosen - rejected,
            "accuracies": (chosen > rejected).float(),
        }
        for name, values in told.items():
            self._metrics[mode][f"rewards/{name}"].append(values.mean().item())


def orpo_losses(means: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """The loss of each of B pairs, and the rewards of the 2 B replies, the better ones first.

    Args:
        means: mean log-probability of a token of each reply, shape (2 B,), the better ones first.
        beta: the weight of the odds.
    """
    chosen, rejected = means.clamp(max=_LARGEST).chunk(2)
    odds = chosen - rejected - (torch.log1p(-chosen.exp()) - torch.log1p(-rejected.exp()))
    return -chosen - beta * torch.nn.functional.logsigmoid(odds), beta * means


def pair_trainer(settings: TextSettings) -> type[PairTrainer]:
    """The trainer of a loss of pairs."""
    return {"kto": KtoTrainer, "orpo": OrpoTrainer}.get(settings.preference_loss, PreferenceTrainer)


def _pairs(batch: Mapping[str, Any]) -> Tensor:
    """How many pairs of a batch are not padding."""
    chosen, _ = batch["completion_mask"].chunk(2)
    return chosen.any(1).sum()
