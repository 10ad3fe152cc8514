"""What a trained Particle Transformer's probabilities owe to rounding: by turning jets, by last digits, by how they are computed.

    python benchmarks/jets_stability.py --json FILE

The laptop's network is trained on simulated e+e- jets, once with each kind of pair features. A thousand other jets are then
classified as they are, turned about the beam, with each number of theirs moved by one unit in its last place, in other
batches, with more padding, and on other numbers of threads. A flip is a jet whose first class changes though the first two
differed by more than `CLEAR`.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.io.loader import tensors
from yukawa.jets.models.tagger import ParticleTagger, unpack
from yukawa.jets.simulation.cards import load_card, load_process
from yukawa.jets.simulation.events import simulate_events
from yukawa.jets.table import Array, Jets, concatenate
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build

CLEAR = 2e-4
BATCH = 128


def simulate(jets: int, seed: int) -> tuple[Jets, Tensor]:
    """Jets of all flavours, as many of each, in random order, and the numbers of their classes."""
    process, card = load_process("jet-origin"), load_card()
    each = -(-jets // len(process.samples))
    parts = [
        simulate_events(process, sample, card, each + 8, seed)[:each] for sample in process.samples
    ]  # an event has two jets
    classes = torch.arange(len(parts)).repeat_interleave(each)
    order = np.random.default_rng(seed).permutation(len(classes))[:jets]
    return concatenate(parts)[order], classes[order]


def trained(kind: str, jets: Jets, labels: Tensor, steps: int) -> ParticleTagger:
    """The laptop's network after so many steps of AdamW, its rate falling as a cosine."""
    recipe = JetRecipe.load("particle-transformer-laptop", ["data.path=jets", f"model.pair_features={kind}"])
    encoder, network = build(recipe)
    assert isinstance(network, ParticleTagger)
    rows = [
        tensors(encoder.encode(jets[begin : begin + BATCH])) for begin in range(0, len(jets) - BATCH, BATCH)
    ]
    answers = labels.split(BATCH)
    optimiser = torch.optim.AdamW(network.train().parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        number = step % len(rows)
        loss = F.cross_entropy(network(**rows[number]), answers[number])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    network.eval()
    return network


def probabilities(network: ParticleTagger, jets: Jets, batch: int = 256) -> Array:
    """Of the classes, shape (J, C), from packed particles."""
    encoder = FeatureEncoder(load_data_config("jet-origin"), prediction=True)
    with torch.inference_mode():
        found = [
            network(**tensors(encoder.encode(jets[begin : begin + batch])))
            for begin in range(0, len(jets), batch)
        ]
    array: Array = torch.softmax(torch.cat(found).double(), dim=1).numpy()
    return array


def padded(network: ParticleTagger, jets: Jets, length: int) -> Array:
    """The same from particles padded to `length`."""
    rows = tensors(FeatureEncoder(load_data_config("jet-origin"), prediction=True).encode(jets))
    counts = rows.pop("counts_B")
    given = {name.replace("_N", "_BP"): unpack(packed, counts, length)[0] for name, packed in rows.items()}
    mask = torch.arange(length) < counts[:, None]
    with torch.inference_mode():
        logits = network.forward_padded(**given, mask_BP=mask)
    array: Array = torch.softmax(logits.double(), dim=1).numpy()
    return array


def turned(jets: Jets, angle: float) -> Jets:
    """The jets turned about the beam, in single precision."""
    cos, sin = math.cos(angle), math.sin(angle)
    px, py = (jets.particles[name].astype(np.float64) for name in ("part_px", "part_py"))
    changed = {"part_px": cos * px - sin * py, "part_py": sin * px + cos * py}
    particles = dict(jets.particles) | {name: x.astype(np.float32) for name, x in changed.items()}
    return Jets(jets.offsets, particles, dict(jets.scalars))


def shaken(jets: Jets, seed: int) -> Jets:
    """Each number that is not 0 moved by one unit in its last place, up or down."""
    draw = np.random.default_rng(seed)

    def moved(values: Array) -> Array:
        if values.dtype != np.float32:
            return values
        to = np.where(draw.random(values.shape) < 0.5, np.inf, -np.inf).astype(np.float32)
        return np.where(values == 0, values, np.nextafter(values, to))

    particles = {name: moved(values) for name, values in jets.particles.items()}
    return Jets(jets.offsets, particles, {name: moved(values) for name, values in jets.scalars.items()})


def ways(network: ParticleTagger, jets: Jets) -> Iterator[tuple[str, Array]]:
    """Each way to compute the same probabilities."""
    yield "turned", np.stack([probabilities(network, turned(jets, angle)) for angle in (0.7, 2.0, 3.1)])
    yield "last place", np.stack([probabilities(network, shaken(jets, seed)) for seed in range(3)])
    yield "batch", np.stack([probabilities(network, jets, batch) for batch in (1, 7, 1000)])
    yield "padding", np.stack([padded(network, jets, length) for length in (50, 80)])
    threads = torch.get_num_threads()
    found = []
    for number in (1, 2, 4):
        torch.set_num_threads(number)
        found.append(probabilities(network, jets))
    torch.set_num_threads(threads)
    yield "threads", np.stack(found)


def study(kind: str, training: int, test: int, steps: int) -> dict[str, Any]:
    """The accuracy of a network with these pair features, and what each way changes."""
    torch.manual_seed(21)
    network = trained(kind, *simulate(training, 1), steps)
    jets, labels = simulate(test, 2)
    before = probabilities(network, jets)
    first_two = np.sort(before, axis=1)[:, -2:]
    clear = first_two[:, 1] - first_two[:, 0] > CLEAR
    figures: dict[str, Any] = {"accuracy": float((before.argmax(1) == labels.numpy()).mean())}
    for name, after in ways(network, jets):
        flips = (after.argmax(-1) != before.argmax(-1)) & clear
        figures[name] = {"largest": float(np.abs(after - before).max()), "flips": int(flips.any(0).sum())}
    return figures


def main() -> None:
    """Trains with each kind of pair features and prints what changes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", default=["lepton", "ee"])
    parser.add_argument("--training", type=int, default=10_000, help="jets")
    parser.add_argument("--test", type=int, default=1000, help="jets")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = {kind: study(kind, given.training, given.test, given.steps) for kind in given.kinds}
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
