from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, distributed, nn

from yukawa.core.errors import InputError, ModelError
from yukawa.core.processes import Interruption
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.io.loader import InMemory
from yukawa.jets.io.source import open_source
from yukawa.jets.training.batches import JetBatches, labelled
from yukawa.jets.training.recipe import JetSettings
from yukawa.jets.training.train import plan_of
from yukawa.jets.training.trainer import JetTrainer, Supervised, arguments
from yukawa.runs.batches import TensorBatch
from yukawa.runs.callback import TrainingCallback
from yukawa.runs.checkpoints import checkpoints
from yukawa.runs.distributed import Machine, check_machine, this_machine
from yukawa.runs.run import Run


class Sums(nn.Module):
    """The sum over a jet's particles of a small network: no batch norm, no dropout, nothing but features."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.each = nn.Sequential(nn.Linear(4, 16), nn.Tanh())
        self.last = nn.Linear(16, 2)

    def forward(self, features_NF: Tensor, counts_B: Tensor, **others: Tensor) -> Tensor:
        of_jet = torch.repeat_interleave(torch.arange(len(counts_B)), counts_B)
        sums = torch.zeros(len(counts_B), 16).index_add(0, of_jet, self.each(features_NF))
        return self.last(sums)


def jets(data: Path, split: str = "train") -> InMemory:
    return InMemory(open_source(data, split), FeatureEncoder(load_data_config(str(data / "config.yaml"))))


def make(data: Path, out: Path, **changes: object) -> JetTrainer:
    values = {"steps": 8, "batch": 48, "evaluate_every": 4, "log_every": 2, "learning_rate": 0.01}
    recipe = JetSettings.model_validate(values | changes)
    machine = this_machine(recipe)
    rank, world = machine.rank, machine.world
    loader, validation = jets(data), jets(data, "validation")

    def validate() -> Iterator[TensorBatch]:
        batches = validation.batches(30, seed=0, epoch=0, shuffle=False, rank=rank, world=world)
        return map(labelled, batches)

    plan = plan_of(recipe, loader.steps(recipe.batch))
    run = Run.create(out, {}, []) if rank == 0 else None
    callback = TrainingCallback(plan, run, None, Interruption(), folder=out / "checkpoints")
    settings = arguments(recipe, out / "checkpoints", plan.steps, machine)
    feed = JetBatches(loader, plan.batch, plan.steps, recipe.seed, rank=rank, world=world)
    return JetTrainer(Sums(), recipe, settings, feed, validate, callback)


def test_two_processes_give_the_weights_and_figures_of_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The seventh batch has 12 jets; batches of 48 are shared 24 and 24.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What torchrun sets; this process is the first of the two.
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    second = subprocess.Popen(
        [sys.executable, __file__, str(data), str(tmp_path / "two")],
        env=os.environ | place | {"RANK": "1", "LOCAL_RANK": "1"},
        stdout=subprocess.PIPE,
    )
    make(data, tmp_path / "one").begin(None, {})
    assert second.stdout is not None
    assert second.stdout.readline(), "the second process did not begin"
    for name, value in (place | {"RANK": "0", "LOCAL_RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    make(data, tmp_path / "two").begin(None, {})
    distributed.destroy_process_group()
    assert second.wait(timeout=60) == 0

    single, shared = (
        load_file(checkpoints(tmp_path / name / "checkpoints")[-1] / "model.safetensors")
        for name in ("one", "two")
    )
    for name, weights in single.items():
        torch.testing.assert_close(shared[name], weights, rtol=0, atol=1e-5)
    rows = [
        [
            {k: v for k, v in row.items() if k != "jets_per_second"}
            for row in Run.open(tmp_path / name).metrics()
        ]
        for name in ("one", "two")
    ]
    for mine, theirs in zip(*rows, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


def test_the_loss_is_the_weighted_mean_of_the_cross_entropies(data: Path, tmp_path: Path) -> None:
    trainer = make(data, tmp_path / "run")
    batch = next(iter(trainer.batches))
    network = Supervised(Sums())
    logits = network(**{name: batch[name] for name in ("features_NF", "counts_B")})
    plain = nn.functional.cross_entropy(logits, batch["labels"])
    torch.testing.assert_close(trainer.compute_loss(network, batch), plain)

    weights = torch.linspace(0.1, 0.9, len(logits))
    each = nn.functional.cross_entropy(logits, batch["labels"], reduction="none")
    weighted = batch | {"weights": weights, "divisor": weights.sum()}
    loss, found = trainer.compute_loss(network, weighted, return_outputs=True)
    torch.testing.assert_close(loss, (each * weights).sum() / weights.sum())
    torch.testing.assert_close(found, logits)


def test_validation_is_over_all_jets_and_changes_no_weight(data: Path, tmp_path: Path) -> None:
    trainer = make(data, tmp_path / "run")
    network = trainer.model.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    figures = trainer.evaluate()
    (whole,) = jets(data, "validation").batches(100, seed=0, epoch=0, shuffle=False)
    batch = labelled(whole)
    logits = network(**batch).detach()
    right = (logits.argmax(dim=1) == batch["labels"]).float().mean().item()
    assert figures["validation_accuracy"] == pytest.approx(right)
    loss = nn.functional.cross_entropy(logits, batch["labels"]).item()
    assert figures["validation_loss"] == pytest.approx(loss, rel=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_it_trains_as_a_plain_loop_does(data: Path, tmp_path: Path) -> None:
    trainer = make(data, tmp_path / "run", optimiser="adamw", schedule="constant", clip=0.5, weight_decay=0.1)
    trainer.begin(None, {})
    network = Sums()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.1)
    for batch in trainer.batches:
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(**batch), batch["labels"]).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimiser.step()
    for mine, plain in zip(trainer.model.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_holds_nothing_that_must_be_unpickled_freely(data: Path, tmp_path: Path) -> None:
    make(data, tmp_path / "run", checkpoints_kept=1).begin(None, {})
    (checkpoint,) = checkpoints(tmp_path / "run/checkpoints")
    assert {path.name for path in checkpoint.iterdir()} == {
        "model.safetensors",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "trainer_state.json",
        "progress.json",
    }
    torch.load(checkpoint / "optimizer.pt", weights_only=True)
    torch.load(checkpoint / "scheduler.pt", weights_only=True)


def test_a_bad_batch_names_what_is_not_finite(data: Path, tmp_path: Path) -> None:
    trainer = make(data, tmp_path / "run")
    batch = {"features_NF": torch.tensor([[1.0], [float("inf")]]), "labels": torch.tensor([0, 1])}
    with pytest.raises(
        ModelError, match=r"nan at step 2; its batch is in .*batch\.npz \(look at features_NF,"
    ):
        trainer.losses.look(2, torch.tensor(float("nan")), batch)
    assert np.load(tmp_path / "run/bad-batch.npz")["labels"].tolist() == [0, 1]


def test_fp16_without_a_gpu_is_refused() -> None:
    recipe = JetSettings(steps=1, precision="fp16")
    with pytest.raises(InputError, match=r"fp16 needs a GPU.*bf16"):
        check_machine(recipe, Machine(gpu=False))


if __name__ == "__main__":  # one process of two
    torch.set_num_threads(1)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    make(Path(sys.argv[1]), Path(sys.argv[2])).begin(None, {})
