"""How fast the byte model learns jets, native form against the setting of BBT-Neutron's code, of the same width.

Type `python benchmarks/bytelm_training.py` (some minutes; it simulates its jets, or takes them from --data). Both
networks have the same decoder and see the same jets with the same optimiser. The paper's setting: text, patches of
16 bytes, every jet a whole block (`--block` bytes; what is longer is cut, and counted), the last position for the
class, unrelated first embeddings. Ours: one particle per patch, no block. Speeds are measured in turn; then both train
on the same jets and are compared on others. See README.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from yukawa.bytelm.segments import Mark
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import Encoded
from yukawa.jets.io.loader import InMemory, tensors
from yukawa.jets.io.source import open_source
from yukawa.jets.models.byte_model import ByteModel
from yukawa.jets.models.tagger import build
from yukawa.jets.training.setup import subset

PAPER = {"form": "text", "patch": 16, "longer": "cut", "pooling": "last", "smooth_bytes": False}


class Blocks(nn.Module):
    """The byte model as the paper runs it: every jet is a block of one length, filled with padding."""

    def __init__(self, tagger: ByteModel, patches: int) -> None:
        super().__init__()
        self.tagger, self.patches = tagger, patches

    def forward(self, patches_NP: Tensor, counts_B: Tensor) -> Tensor:
        """Logits (B, C)."""
        there_BT = torch.arange(self.patches) < counts_B[:, None]
        ids = patches_NP.new_full((len(counts_B), self.patches, patches_NP.shape[1]), int(Mark.PAD))
        ids[there_BT] = patches_NP
        logits: Tensor = self.tagger.model(ids.flatten(1).long(), there_BT).logits
        return logits


def networks(arguments: argparse.Namespace) -> dict[str, tuple[nn.Module, ByteModel]]:
    """Each network, and the tagger that encodes its jets."""
    config = load_data_config("jet-origin")
    sizes = {
        "architecture": "byte-model", "features": len(config.features), "classes": config.classes,
        "width": arguments.width, "layers": arguments.layers, "heads": 4, "feedforward": 2 * arguments.width,
        "patch_width": arguments.width,
    }  # fmt: skip
    patches = arguments.block // 16
    torch.manual_seed(1)
    ours = build(sizes)
    torch.manual_seed(1)
    paper = build(sizes | PAPER | {"context": patches})
    return {"native": (ours, ours), "paper": (Blocks(paper, patches), paper)}


def epochs(loader: InMemory, batch: int, number: int) -> Iterator[Encoded]:
    """The batches of this many epochs."""
    for epoch in range(number):
        yield from loader.batches(batch, seed=1, epoch=epoch, shuffle=True)


def stepper(network: nn.Module, rate: float, steps: int) -> Callable[[Encoded], float]:
    """What makes one step of training and gives the loss."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def step(batch: Encoded) -> float:
        loss = F.cross_entropy(network(**tensors(batch)), torch.from_numpy(batch.labels))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        return float(loss.item())

    return step


@torch.inference_mode()
def measured(network: nn.Module, loader: InMemory) -> dict[str, float]:
    """Cross entropy and mean diagonal of the confusion matrix."""
    network.eval()
    loss, matrix = 0.0, np.zeros((11, 11))
    for batch in loader.batches(500, seed=0, epoch=0, shuffle=False):
        logits = network(**tensors(batch))
        loss += float(F.cross_entropy(logits, torch.from_numpy(batch.labels), reduction="sum"))
        np.add.at(matrix, (batch.labels, logits.argmax(1).numpy()), 1)
    network.train()
    return {"loss": loss / len(loader), "mean_diagonal": float((np.diag(matrix) / matrix.sum(1)).mean())}


def compare(arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Speed and accuracy of both."""
    train = subset(open_source(data, "train"), arguments.jets, 1)
    test = subset(open_source(data, "test"), arguments.test_jets, 1)
    found: dict[str, Any] = {}
    loaders = {}
    for name, (_, tagger) in networks(arguments).items():
        config = load_data_config("jet-origin")
        loaders[name] = [InMemory(part, tagger.encoder(config)) for part in (train, test)]
        encoded = next(loaders[name][0].batches(len(train), seed=0, epoch=0, shuffle=False))
        found[name] = {
            "patches": arguments.block // 16 if name == "paper" else float(encoded.counts.mean()),
            "cut": loaders[name][0].truncated / len(train),
        }
        if name == "paper":
            found[name]["really"] = float(encoded.counts.mean())
    found["speed"] = speeds({name: both[0] for name, both in loaders.items()}, arguments)
    for name, (network, _) in networks(arguments).items():
        step = stepper(
            network, arguments.learning_rate, arguments.epochs * loaders[name][0].steps(arguments.batch)
        )
        start = time.perf_counter()
        for number, batch in enumerate(epochs(loaders[name][0], arguments.batch, arguments.epochs), 1):
            loss = step(batch)
            if number % 50 == 0:
                print(f"{name}: step {number}, loss {loss:.3f}", flush=True)
        found[name] |= {"seconds": time.perf_counter() - start, **measured(network, loaders[name][1])}
    return found


def speeds(loaders: dict[str, InMemory], arguments: argparse.Namespace) -> dict[str, float]:
    """Median jets a second of a training step of each, in turn."""
    steps = {name: stepper(network, 1e-4, 10**6) for name, (network, _) in networks(arguments).items()}
    batches = {name: epochs(loaders[name], arguments.batch, 10**6) for name in steps}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.rounds + 1):
        for name, step in steps.items():
            batch = next(batches[name])
            start = time.perf_counter()
            step(batch)
            times[name].append(time.perf_counter() - start)
    return {name: arguments.batch / statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a simulated data set of jet origin; else one is made")
    parser.add_argument("--jets", type=int, default=6000, help="to train on")
    parser.add_argument("--test-jets", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--block", type=int, default=4096, help="bytes of the paper's blocks")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.data:
        found = compare(arguments, arguments.data)
    else:
        from yukawa.jets import load_card, load_process, produce

        with tempfile.TemporaryDirectory() as folder:
            jets = -(-(arguments.jets + arguments.test_jets) // 5)
            produce(Path(folder) / "jets", load_process("jet-origin"), load_card(), jets, seed=1)
            found = compare(arguments, Path(folder) / "jets")
    speed = found["speed"]
    print(f"\n| | native | paper's setting, blocks of {arguments.block} bytes |\n|---|---|---|")
    print(f"| patches a jet | {found['native']['patches']:.1f} | {found['paper']['patches']} |")
    print(f"| jets cut | {found['native']['cut']:.1%} | {found['paper']['cut']:.1%} |")
    print(f"| training, jets/s | {speed['native']:.0f} | {speed['paper']:.0f} |")
    for figure in ("loss", "mean_diagonal", "seconds"):
        print(
            f"| {figure.replace('_', ' ')} | {found['native'][figure]:.4g} | {found['paper'][figure]:.4g} |"
        )
    print(f"\nnative trains {speed['native'] / speed['paper']:.1f} times as many jets a second")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
