"""The training loop of a language model: the next patch is predicted, and each source is validated by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, distributed, nn

from yukawa.bytelm.segments import Mark
from yukawa.jets.pretraining.sources import PATCHES, PREDICTED
from yukawa.jets.training.batches import DIVISOR, LABELS, Batch
from yukawa.jets.training.trainer import JetTrainer, Supervised
from yukawa.runs.callback import Figures

SOURCE = "source"  # of a validation batch: the number of its source


class Predicting(Supervised):
    """A language model as the trainer sees it: tensors by name in; nats and numbers of predicted ids out, (B,)."""

    def forward(self, **tensors: Tensor) -> Any:
        """See `ByteLanguageModel.language_loss`."""
        return self.network.language_loss(**tensors)


class LanguageTrainer(JetTrainer):
    """Trains a language model on a mixture.

    Attributes:
        weights: of the sources, by their names.
    """

    supervised: ClassVar[type[Supervised]] = Predicting
    weights: Mapping[str, float]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
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

    @torch.no_grad()
    def evaluate(self, *arguments: Any, **options: Any) -> Figures:
        """The loss of each source and of the mixture, bits a byte, and how often answers are right."""
        self._watch.check()
        self.model.eval()
        sums = torch.zeros(len(self.weights), 6, dtype=torch.float64, device=self.args.device)
        for batch in self.validation():
            inputs = self._prepare_inputs(batch)
            sums[int(inputs[SOURCE])] += self._measure(inputs)
        if distributed.is_initialized():
            distributed.all_reduce(sums)
        figures = {"validation_loss": 0.0}
        for (name, weight), row in zip(self.weights.items(), sums.tolist(), strict=True):
            losses, sequences, nats, ids, right, asked = row
            figures["validation_loss"] += weight / sum(self.weights.values()) * losses / sequences
            figures[f"validation_loss_{name}"] = losses / sequences
            figures[f"validation_bits_per_byte_{name}"] = nats / ids / math.log(2)
            if asked:
                figures[f"validation_accuracy_{name}"] = right / asked
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures

    def _measure(self, inputs: Batch) -> Tensor:
        """Of a validation batch: losses, sequences, nats, ids that are no padding, right answers, questions."""
        tensors = _tensors(inputs)
        nats_B, ids_B = self.model(**tensors)
        ids = (tensors[PATCHES][tensors[PREDICTED]] != int(Mark.PAD)).sum()
        sums = [_per_id(nats_B, ids_B).sum(), torch.tensor(len(nats_B)), nats_B.sum(), ids]
        sums += [torch.tensor(0), torch.tensor(0)]
        if LABELS in inputs:
            asked = ~tensors[PREDICTED]  # all but the answers
            logits_BC = self.model.network(tensors[PATCHES][asked], tensors["counts_B"] - 1)
            sums[4:] = [(logits_BC.argmax(1) == inputs[LABELS]).sum(), torch.tensor(len(logits_BC))]
        return torch.stack([figure.double().to(self.args.device) for figure in sums])


def _tensors(inputs: Batch) -> Batch:
    """What the network takes."""
    return {name: value for name, value in inputs.items() if name not in (DIVISOR, LABELS, SOURCE)}


def _per_id(nats_B: Tensor, ids_B: Tensor) -> Tensor:
    return nats_B / ids_B.clamp(min=1)
