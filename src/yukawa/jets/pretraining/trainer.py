"""The trainer of a byte language model: it predicts the next patch, and each source is validated by itself."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from yukawa.bytelm.segments import Mark
from yukawa.jets.pretraining.sources import PATCHES, PREDICTED
from yukawa.jets.training.batches import DIVISOR, LABELS
from yukawa.jets.training.trainer import JetTrainer, Supervised
from yukawa.runs.batches import TensorBatch
from yukawa.runs.callback import Metrics

SOURCE = "source"  # of a validation batch: the number of its source


class Predicting(Supervised):
    """A language model as the trainer sees it: tensors by name in; nats and numbers of predicted ids out, (B,)."""

    def forward(self, **tensors: Tensor) -> Any:
        """See `ByteLanguageModel.language_loss`."""
        return self.network.language_loss(**tensors)


class PretrainingTrainer(JetTrainer):
    """Trains a language model on a mixture.

    Attributes:
        weights: of the sources, by their names.
    """

    supervised: ClassVar[type[Supervised]] = Predicting
    weights: Mapping[str, float]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: TensorBatch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The mean over a batch's sequences of the cross entropy of a predicted id; all sequences count alike.

        So the weights of a mixture are those of its loss. In a mean over all ids, the three of an answer would count
        for nothing beside the thousand of an abstract.
        """
        each_B = _per_id(*model(**_tensors(inputs)))
        loss = each_B.sum() / inputs[DIVISOR]
        return (loss, each_B) if return_outputs else loss

    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """The loss of each source and of the mixture, bits per byte, and how often answers are right."""
        rows = self.validation_sums(self.validation(), self._measure, (len(self.weights), 6))
        metrics = {"validation_loss": 0.0}
        for (name, weight), row in zip(self.weights.items(), rows, strict=True):
            losses, sequences, nats, ids, right, asked = row
            metrics["validation_loss"] += weight / sum(self.weights.values()) * losses / sequences
            metrics[f"validation_loss_{name}"] = losses / sequences
            metrics[f"validation_bits_per_byte_{name}"] = nats / ids / math.log(2)
            if asked:
                metrics[f"validation_accuracy_{name}"] = right / asked
        return self.report(metrics)

    def _measure(self, model: nn.Module, inputs: TensorBatch) -> Tensor:
        """A row for each source, all zero but that of this validation batch.

        It holds the sums of losses, sequences, nats, ids that are not padding, right answers and questions.
        """
        tensors = _tensors(inputs)
        nats_B, ids_B = model(**tensors)
        ids = (tensors[PATCHES][tensors[PREDICTED]] != int(Mark.PAD)).sum()
        sums = [_per_id(nats_B, ids_B).sum(), torch.tensor(len(nats_B)), nats_B.sum(), ids]
        sums += [torch.tensor(0), torch.tensor(0)]
        if LABELS in inputs:
            asked = ~tensors[PREDICTED]  # all but the answers
            logits_BC = model.network(tensors[PATCHES][asked], tensors["counts_B"] - 1)
            sums[4:] = [(logits_BC.argmax(1) == inputs[LABELS]).sum(), torch.tensor(len(logits_BC))]
        rows = torch.zeros(len(self.weights), 6, dtype=torch.float64, device=self.args.device)
        rows[int(inputs[SOURCE])] = torch.stack([number.double().to(rows.device) for number in sums])
        return rows


def _tensors(inputs: TensorBatch) -> TensorBatch:
    """The tensors that the network takes."""
    return {name: value for name, value in inputs.items() if name not in (DIVISOR, LABELS, SOURCE)}


def _per_id(nats_B: Tensor, ids_B: Tensor) -> Tensor:
    return nats_B / ids_B.clamp(min=1)
