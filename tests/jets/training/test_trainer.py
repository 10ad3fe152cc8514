from __future__ import annotations

import copy
import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, distributed, nn
from weaver.utils.nn.optimizer.ranger import Ranger as Published

from yukawa.core.errors import InputError, ModelError
from yukawa.core.processes import Interruption
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import Encoded, FeatureEncoder
from yukawa.jets.io.loader import InMemory, Loader, Streaming
from yukawa.jets.io.source import open_source
from yukawa.jets.training.recipe import JetSettings
from yukawa.jets.training.train import plan_of
from yukawa.jets.training.trainer import (
    JetBatches,
    JetTrainer,
    Ranger,
    Supervised,
    arguments,
    labelled,
    share,
    steps_of_an_epoch,
    weight_of,
)
from yukawa.runs.batches import TensorBatch
from yukawa.runs.callback import TrainingCallback
from yukawa.runs.checkpoints import checkpoints
from yukawa.runs.distributed import Machine, check_machine, this_machine
from yukawa.runs.run import Run


def problem() -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))
    inputs = torch.randn(64, 5, generator=generator)
    return network, inputs, torch.randint(3, (64,), generator=generator)


def run(network: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> list[Tensor]:
    _, inputs, labels = problem()
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    return [weight.detach().clone() for weight in network.parameters()]


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("rate", [1e-3, 1e-2])
def test_it_equals_the_published_ranger(rate: float, weight_decay: float) -> None:
    network, _, _ = problem()
    twin = copy.deepcopy(network)
    ours = run(network, Ranger(network.parameters(), lr=rate, weight_decay=weight_decay), 50)
    theirs = run(twin, Published(twin.parameters(), lr=rate, weight_decay=weight_decay), 50)
    for mine, published in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, published, rtol=0, atol=1e-6)


@pytest.mark.parametrize("stop", [1, 3, 6, 8])  # before and after the slow weights have moved, and in between
def test_a_resumed_training_is_the_unbroken_one(stop: int) -> None:
    network, _, _ = problem()
    unbroken = run(copy.deepcopy(network), Ranger(network.parameters()), 0)  # the first weights
    whole = copy.deepcopy(network)
    unbroken = run(whole, Ranger(whole.parameters(), lr=1e-2), 20)

    first = Ranger(network.parameters(), lr=1e-2)
    run(network, first, stop)
    stored = io.BytesIO()
    torch.save({"network": network.state_dict(), "optimiser": first.state_dict()}, stored)
    stored.seek(0)
    loaded = torch.load(stored, weights_only=True)
    fresh, _, _ = problem()
    fresh.load_state_dict(loaded["network"])
    second = Ranger(fresh.parameters(), lr=1e-2)
    second.load_state_dict(loaded["optimiser"])
    for mine, expected in zip(run(fresh, second, 20 - stop), unbroken, strict=True):
        assert torch.equal(mine, expected)


def test_the_weights_are_the_slow_ones_after_every_k_steps() -> None:
    network, _, _ = problem()
    optimiser = Ranger(network.parameters(), lr=1e-2, k=3)
    for step in range(1, 7):
        run(network, optimiser, 1)
        same = [torch.equal(weight, optimiser.state[weight]["slow"]) for weight in network.parameters()]
        assert all(same) if step % 3 == 0 else not any(same)


def test_a_weight_without_a_gradient_stays_where_it_is() -> None:
    used, idle = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimiser = Ranger([used, idle], lr=0.1)
    for _ in range(12):
        used.grad = torch.ones(3)
        optimiser.step()
    assert torch.equal(idle, torch.ones(3))
    assert (used < 1).all()


def test_it_calls_a_closure() -> None:
    weight = nn.Parameter(torch.ones(1))

    def loss() -> Tensor:
        value = (weight**2).sum()
        value.backward()
        return value

    assert Ranger([weight]).step(loss).item() == 1


@pytest.fixture(scope="module", params=["in-memory", "streaming"])
def loader(request: pytest.FixtureRequest, data: Path) -> Loader:
    encoder = FeatureEncoder(load_data_config(str(data / "config.yaml")))
    source = open_source(data, "train")
    return InMemory(source, encoder) if request.param == "in-memory" else Streaming(source, encoder, 64)


def encoded(jets: int, weighted: bool = False) -> Encoded:
    random = np.random.default_rng(jets)
    counts = random.integers(0, 4, jets)
    rows = {"features_NF": random.normal(size=(counts.sum(), 2)).astype(np.float32)}
    weights = random.uniform(0.1, 0.9, jets).astype(np.float32) if weighted else None
    return Encoded(rows, counts, random.integers(0, 2, jets), weights)


def numbers(batch: dict[str, torch.Tensor]) -> list[float]:
    """What tells the jets of a batch apart: the first number of each."""
    starts = batch["counts_B"].cumsum(0) - batch["counts_B"]
    return sorted(batch["features_NF"][starts, 0].tolist())


def test_every_epoch_has_each_jet_once_in_another_order(loader: Loader) -> None:
    batches = list(JetBatches(loader=loader, batch=50, steps=12, seed=3))
    epochs = [[number for batch in part for number in numbers(batch)] for part in (batches[:6], batches[6:])]
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert len(epochs[0]) == len(set(epochs[0])) == 300
    assert numbers(batches[0]) != numbers(batches[6])


@pytest.mark.parametrize("first", [0, 1, 5, 6, 10, 13])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_resumed_feed_goes_on_where_the_unbroken_one_was(loader: Loader, first: int, prefetch: int) -> None:
    whole = list(JetBatches(loader=loader, batch=50, steps=13, seed=3))
    resumed = list(JetBatches(loader=loader, batch=50, steps=13, seed=3, first=first, prefetch=prefetch))
    assert len(resumed) == 13
    assert resumed[:first] == [None] * first
    for batch, expected in zip(resumed[first:], whole[first:], strict=True):
        assert batch.keys() == expected.keys()
        assert all(torch.equal(batch[name], expected[name]) for name in batch)


def test_processes_share_the_jets_and_do_equally_many_steps(loader: Loader) -> None:
    steps = steps_of_an_epoch(loader, 50, 2)
    feeds = [
        list(JetBatches(loader=loader, batch=50, steps=steps, seed=3, machine=Machine(rank=rank, world=2)))
        for rank in (0, 1)
    ]
    everything = [number for feed in feeds for batch in feed for number in numbers(batch)]
    assert len(everything) == len(set(everything)) == 300
    if isinstance(loader, InMemory):  # then the batches are those of one process
        for whole, one, two in zip(
            JetBatches(loader=loader, batch=50, steps=steps, seed=3), *feeds, strict=True
        ):
            assert numbers(whole) == sorted(numbers(one) + numbers(two))


@given(jets=st.integers(1, 40), world=st.integers(1, 5), weighted=st.booleans())
def test_the_mean_over_processes_is_the_mean_over_jets(jets: int, world: int, weighted: bool) -> None:
    batch = encoded(jets, weighted)
    losses = torch.arange(1.0, jets + 1)
    weights = torch.ones(jets) if batch.weights is None else torch.from_numpy(batch.weights)
    means, seen = [], 0
    for rank in range(world):
        part, divisor = share(batch, rank, world)
        own = slice(seen, seen + len(part)) if jets >= world else slice(None)
        means.append((losses[own] @ weights[own]) / divisor)
        seen += len(part)
    assert sum(means) / world == pytest.approx((losses @ weights / weights.sum()).item(), rel=1e-5)


def test_a_batch_holds_what_the_loss_needs() -> None:
    batch = labelled(encoded(7, weighted=True))
    assert set(batch) == {"features_NF", "counts_B", "labels", "weights", "divisor"}
    assert batch["divisor"].item() == pytest.approx(batch["weights"].sum().item())
    assert weight_of(encoded(7)) == 7
    assert "weights" not in labelled(encoded(7))


def test_weights_that_are_all_zero_give_no_division_by_zero() -> None:
    some = encoded(3)
    none = Encoded(some.rows, some.counts, some.labels, np.zeros(3, np.float32))
    assert labelled(none)["divisor"] > 0


def test_the_trainer_gets_the_batches_as_they_are_and_no_random_number_is_used(loader: Loader) -> None:
    feed = JetBatches(loader=loader, batch=50, steps=4, seed=0)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    passed = list(feed.data_loader())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert len(feed.data_loader()) == 4
    for batch, expected in zip(passed, feed, strict=True):
        assert all(torch.equal(batch[name], expected[name]) for name in expected)


def test_a_feed_may_be_left_before_its_end(loader: Loader) -> None:
    batches = iter(JetBatches(loader=loader, batch=50, steps=6, seed=0, prefetch=2))
    assert len(list(islice(batches, 2))) == 2
    batches.close()


def test_jets_without_a_class_are_refused() -> None:
    some = encoded(4)
    unknown = Encoded(some.rows, some.counts, np.array([0, -1, 1, -1]))
    with pytest.raises(InputError, match="2 of 4 jets in a batch are of none of the classes"):
        labelled(unknown)


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
    feed = JetBatches(loader=loader, batch=plan.batch, steps=plan.steps, seed=recipe.seed, machine=machine)
    return JetTrainer(Sums(), recipe, settings, feed, validate, callback)


@pytest.mark.slow
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
