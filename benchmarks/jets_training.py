"""What the training loop costs beside the network, and Ranger against weaver-core's.

Type `python benchmarks/jets_training.py RECIPE ...` (default: the three laptop recipes). For each recipe the
trainer and a plain loop with the same network and optimiser run in turn on a few jets, where the trainer's own
time shows; it is then compared with a step of the plain loop on a whole batch. Times are of the processor, on one
thread. See README.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise, repeat
from pathlib import Path

import torch
from torch import nn

from yukawa.core.processes import Interruption
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.models.tagger import build
from yukawa.jets.simulation.cards import load_card, load_process
from yukawa.jets.simulation.events import simulate_events
from yukawa.jets.table import concatenate
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build as make
from yukawa.jets.training.trainer import JetBatches, JetTrainer, Ranger, arguments, labelled
from yukawa.runs.batches import TensorBatch
from yukawa.runs.callback import TrainingCallback
from yukawa.runs.distributed import Machine
from yukawa.runs.run import Run
from yukawa.runs.schedule import TrainingPlan

MODELS = ("particle-net", "particle-transformer", "transformer")


class Same(JetBatches):
    """One batch, again and again."""

    def __init__(self, batch: TensorBatch, size: int, steps: int) -> None:
        self.same, self.batch, self.steps = batch, size, steps

    def __iter__(self) -> Iterator[TensorBatch | None]:
        return repeat(self.same, self.steps)


def jets(size: int, config: str) -> TensorBatch:
    """A batch of simulated jets of all classes."""
    process, card = load_process("jet-origin"), load_card()
    parts = [simulate_events(process, sample, card, size // 2, 1) for sample in process.samples]
    share = -(-size // len(parts))
    together = concatenate([part[:share] for part in parts])[:size]
    return labelled(FeatureEncoder(load_data_config(config)).encode(together))


def loop(recipe: JetRecipe, batch: TensorBatch, steps: int) -> list[float]:
    """Seconds of each step as one would write it without a trainer."""
    _, network = make(recipe)
    network.train()
    optimiser = Ranger(network.parameters(), lr=recipe.training.learning_rate)
    inputs = {name: value for name, value in batch.items() if name not in ("labels", "divisor")}
    times = [time.process_time()]
    for _ in range(steps):
        loss = nn.functional.cross_entropy(network(**inputs), batch["labels"])
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.process_time())
    return [after - before for before, after in pairwise(times)]


def trainer(recipe: JetRecipe, batch: TensorBatch, steps: int, folder: Path) -> list[float]:
    """Seconds of each step of the trainer with all its figures, but neither validation nor checkpoints."""
    _, network = make(recipe)
    never = 10**9
    plan = TrainingPlan(never, steps, never, never, 50, recipe.training.batch, "jets", "accuracy")
    times: list[float] = []
    run, progress = Run.create(folder, {}, []), lambda *news: times.append(time.process_time())
    callback = TrainingCallback(plan, run, progress, Interruption(), folder=folder)
    settings = arguments(recipe.training, folder / "checkpoints", steps, Machine())
    feed = Same(batch, recipe.training.batch, steps)
    JetTrainer(network, recipe.training, settings, feed, lambda: iter(()), callback).begin(None, {})
    return [after - before for before, after in pairwise(times)]


def overhead(recipe: JetRecipe, few: TensorBatch, whole: TensorBatch, rounds: int) -> dict[str, float]:
    """The trainer's own milliseconds a step, and those of a whole step; medians over the steps of all rounds."""
    times: dict[str, list[float]] = {"loop": [], "trainer": [], "whole": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            place = Path(folder) / str(number)
            found = {
                "loop": loop(recipe, few, 50),
                "trainer": trainer(recipe, few, 50, place),
                "whole": loop(recipe, whole, 3),
            }
            for name in times:
                times[name] += found[name] if number else []  # the first round is to warm up
    middle = {name: 1000 * statistics.median(values) for name, values in times.items()}
    own = middle["trainer"] - middle["loop"]
    return {
        "jets_per_second": 1000 * recipe.training.batch / (middle["whole"] + own),
        "step_ms": middle["whole"],
        "own_ms": own,
        "overhead": own / middle["whole"],
    }


def optimisers(rounds: int, steps: int = 30) -> dict[str, float]:
    """Milliseconds a step of Ranger over the weights of a full-size Particle Transformer."""
    from weaver.utils.nn.optimizer.ranger import Ranger as Peer

    network = build({"architecture": "particle-transformer", "features": 17, "classes": list("abcdefghijk")})
    for weight in network.parameters():
        weight.grad = torch.randn_like(weight)
    both = {"ours": Ranger(network.parameters()), "weaver": Peer(network.parameters())}
    times: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(rounds + 1):
        for name, optimiser in both.items():
            began = time.process_time()
            for _ in range(steps):
                optimiser.step()
            times[name].append(1000 * (time.process_time() - began) / steps)
    return {f"{name}_ms": statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", help="recipes (default: the laptop ones)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, dict[str, float]] = {}
    print("| recipe | jets/s on one core | a step, ms | the trainer's own time, ms | overhead |")
    print("|---|---|---|---|---|")
    for name in options.recipes or [f"{model}-laptop" for model in MODELS]:
        recipe = JetRecipe.load(name, ["data.path=none"])
        few, whole = (jets(size, recipe.data.config) for size in (8, recipe.training.batch))
        row = figures[name] = overhead(recipe, few, whole, options.rounds)
        print(
            f"| {name} | {row['jets_per_second']:.0f} | {row['step_ms']:.1f} | {row['own_ms']:.2f} "
            f"| {row['overhead']:.1%} |",
            flush=True,
        )
    row = figures["ranger"] = optimisers(options.rounds)
    print(
        f"\nRanger, a step over 2.1 million weights: ours {row['ours_ms']:.2f} ms, "
        f"weaver-core's {row['weaver_ms']:.2f} ms, {row['weaver_ms'] / row['ours_ms']:.1f}x"
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
