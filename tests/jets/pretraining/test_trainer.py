from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from yukawa.bytelm.segments import Mark
from yukawa.core.processes import Interruption
from yukawa.jets.features.config import load_data_config
from yukawa.jets.models.byte_model import ByteLanguageModel, until_end
from yukawa.jets.models.tagger import build
from yukawa.jets.pretraining.recipe import PretrainingRecipe
from yukawa.jets.pretraining.trainer import SOURCE, PretrainingTrainer
from yukawa.jets.training.batches import DIVISOR, LABELS
from yukawa.jets.training.trainer import arguments
from yukawa.runs.batches import StepDataset, TensorBatch
from yukawa.runs.callback import Plan, TrainingCallback
from yukawa.runs.distributed import Machine


class Nothing(StepDataset):
    def endless(self) -> Iterator[TensorBatch]:
        return iter(())


def sequences(lengths: list[int], seed: int, predicted: Callable[[int], list[bool]]) -> TensorBatch:
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 256, (sum(lengths), 8), generator=random).short()
    ends = torch.tensor(lengths).cumsum(0) - 1
    ids[ends, 3], ids[ends, 4:] = int(Mark.EOS), int(Mark.PAD)
    marks = torch.tensor([mark for length in lengths for mark in predicted(length)])
    batch = {"patches_NP": ids, "predicted_N": marks, "counts_B": torch.tensor(lengths)}
    return batch | {DIVISOR: torch.tensor(float(len(lengths)))}


@pytest.fixture
def made(
    place: Path, recipe: Callable[..., PretrainingRecipe], tmp_path: Path
) -> tuple[PretrainingTrainer, ByteLanguageModel, list[TensorBatch]]:
    config = load_data_config(str(place / "config.yaml"))
    torch.manual_seed(0)
    sizes: dict[str, Any] = recipe().model.model_dump(exclude={"start"})
    network = build(sizes | {"features": len(config.features), "classes": config.classes})
    assert isinstance(network, ByteLanguageModel)
    text = sequences([4, 2, 9], 1, lambda length: [False] + [True] * (length - 1)) | {SOURCE: torch.tensor(0)}
    questions = sequences([5, 6], 2, lambda length: [False] * (length - 1) + [True]) | {
        SOURCE: torch.tensor(1)
    }
    questions["patches_NP"][questions["counts_B"].cumsum(0) - 1] = network.answers.short()
    batches = [text, questions | {LABELS: torch.tensor([0, 1])}]
    how = recipe().training
    plan = Plan(6, None, 3, 3, 1, 16, "sequences", "loss")
    callback = TrainingCallback(plan, None, None, Interruption(), folder=tmp_path / "c")
    settings = arguments(how, tmp_path / "c", 6, Machine())
    trainer = PretrainingTrainer(network, how, settings, Nothing(16, 6), lambda: iter(batches), callback)
    trainer.weights = {"text": 1.0, "questions": 3.0}
    return trainer, network, batches


def alone(network: ByteLanguageModel, batch: TensorBatch) -> list[tuple[Tensor, int]]:
    """The mean cross entropy of each sequence by itself, and of how many ids."""
    found = []
    lengths = batch["counts_B"].tolist()
    for ids, marks in zip(
        batch["patches_NP"].split(lengths), batch["predicted_N"].split(lengths), strict=True
    ):
        labels = until_end(ids.long()).masked_fill(~marks[:, None], -100)
        loss = network.model(ids.reshape(1, -1).long(), labels=labels.reshape(1, -1)).loss
        found.append((loss, int((labels != -100).sum())))
    return found


def test_all_sequences_count_alike_in_the_loss(
    made: tuple[PretrainingTrainer, ByteLanguageModel, list[TensorBatch]],
) -> None:
    trainer, network, (text, _) = made
    loss = trainer.compute_loss(trainer.model, {k: v for k, v in text.items() if k != SOURCE})
    expected = torch.stack([mean for mean, _ in alone(network, text)]).mean()
    assert isinstance(loss, Tensor)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)


def test_the_figures_are_those_of_each_source(
    made: tuple[PretrainingTrainer, ByteLanguageModel, list[TensorBatch]],
) -> None:
    trainer, network, (text, questions) = made
    figures = trainer.evaluate()
    losses = []
    with torch.no_grad():
        for name, batch in (("text", text), ("questions", questions)):
            each = alone(network, batch)
            losses.append(float(sum(mean for mean, _ in each) / len(each)))
            assert figures[f"validation_loss_{name}"] == pytest.approx(losses[-1], rel=1e-5)
            nats = float(sum(mean * ids for mean, ids in each))
            real = int((batch["patches_NP"][batch["predicted_N"]] != int(Mark.PAD)).sum())
            assert figures[f"validation_bits_per_byte_{name}"] == pytest.approx(
                nats / real / math.log(2), rel=1e-5
            )
        right = 0
        for ids, label in zip(
            questions["patches_NP"].split(questions["counts_B"].tolist()), (0, 1), strict=True
        ):
            asked = network(ids[:-1], torch.tensor([len(ids) - 1]))
            right += int(asked.argmax()) == label
    assert figures["validation_accuracy_questions"] == right / 2
    assert "validation_accuracy_text" not in figures
    assert figures["validation_loss"] == pytest.approx((losses[0] + 3 * losses[1]) / 4, rel=1e-5)
