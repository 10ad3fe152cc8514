"""How many jets a second come from files into batches, against weaver-core's loader of the same features.

Type `python benchmarks/jets_reading.py`. The same simulated jets are written as our Parquet and in the ROOT
layout of JetClass. Each loader shuffles, computes the 17 features, momenta, points and labels of batches of 512 as
tensors in one process with a thread of its own, in turn, several times; first it is checked that both give the
same values. Before, memory is followed while a set ten times larger than the buffer is streamed, as features and as
the bytes of the byte model; `--rounds 0` does this alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from yukawa.jets.bytes import ByteEncoder, ByteForm
from yukawa.jets.features import DataConfig, FeatureEncoder, load_data_config
from yukawa.jets.features.encoder import Encoder
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.jetclass import jetclass_writer
from yukawa.jets.io.loader import Streaming, tensors
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import open_source
from yukawa.jets.simulation.cards import load_card, load_process
from yukawa.jets.simulation.events import simulate_events
from yukawa.jets.table import Jets, concatenate

BATCH = 512
SIMULATED = 12_000
FETCH = (
    10_000  # jets weaver reads at once: what its recipe for JetClass does with ten files and a step of 0.01
)


@dataclass(frozen=True)
class Files:
    """The same jets as Parquet and ROOT, and the config as weaver reads it."""

    parquet: Path
    root: Path
    config: Path


def simulated(jets: int, seed: int) -> Jets:
    """Jets of all eleven classes, mixed; a few thousand are made and repeated, which no loader notices."""
    process, card = load_process("jet-origin"), load_card()
    events = -(-min(jets, SIMULATED) // (2 * len(process.samples)))
    made = concatenate([simulate_events(process, sample, card, events, seed) for sample in process.samples])
    made = made[np.random.default_rng(seed).permutation(len(made))]
    return concatenate([made] * -(-jets // len(made)))[:jets]


def write_jetclass(path: Path, jets: Jets) -> None:
    with jetclass_writer(path) as append:
        append(jets)


def write(folder: Path, made: Jets, config: DataConfig) -> Files:
    files = Files(folder / "jets.parquet", folder / "jets.root", folder / "config.yaml")
    write_parquet(files.parquet, made)
    write_jetclass(files.root, made)
    text = config.to_dict()
    del text["sort_by"], text["preprocess"]["nonfinite"]  # the jets are sorted, and finite
    files.config.write_text(yaml.safe_dump(text, sort_keys=False))
    return files


def ours(
    path: Path, config: DataConfig, buffer: int, shuffle: bool, seed: int = 1
) -> Iterator[dict[str, Any]]:
    stream = Streaming(open_source(path), FeatureEncoder(config), buffer)
    for encoded in stream.batches(BATCH, seed=seed, epoch=0, shuffle=shuffle):
        yield tensors(encoded) | {"labels": torch.from_numpy(encoded.labels)}


def weaver(path: Path, config: Path, fetch: float, shuffle: bool) -> Iterator[tuple[Any, Any, Any]]:
    import logging

    from torch.utils.data import DataLoader
    from weaver.utils.dataset import SimpleIterDataset

    logging.disable(logging.INFO)
    files = {"_": [str(path)]}
    data = SimpleIterDataset(
        files, str(config), for_training=shuffle, fetch_step=fetch, name="train", async_load=True
    )
    yield from DataLoader(data, batch_size=BATCH, num_workers=0, drop_last=False)


def check(files: Files, config: DataConfig, fetch: float) -> None:
    """Both loaders give the same values for the same jets, in the order of the file."""
    pairs = zip(
        ours(files.parquet, config, 1, shuffle=False),
        weaver(files.root, files.config, fetch, False),
        strict=True,
    )
    groups = {"features_NF": "pf_features", "momenta_N4": "pf_vectors", "points_N2": "pf_points"}
    for mine, (inputs, labels, _) in pairs:
        mask = inputs["pf_mask"][:, 0] > 0
        assert torch.equal(mask.sum(dim=1), mine["counts_B"])
        assert torch.equal(labels["_label_"], mine["labels"])
        for name, group in groups.items():
            torch.testing.assert_close(mine[name], inputs[group].transpose(1, 2)[mask], rtol=1e-5, atol=1e-5)


def rate(batches: Callable[[], Iterator[Any]], jets: int) -> dict[str, float]:
    """Jets a second through one epoch, by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    for _ in batches():
        pass
    return {
        "clock": jets / (time.perf_counter() - clock),
        "processor": jets / (time.process_time() - processor),
    }


def resident() -> float:
    """This process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def follow_memory(source: JetSource, encoder: Encoder, buffer: int) -> list[tuple[int, float]]:
    """Memory at intervals of this many jets, in two epochs."""
    stream = Streaming(source, encoder, buffer)
    found = [(0, resident())]
    jets, step = 0, len(source) // 10
    for epoch in range(2):
        for encoded in stream.batches(BATCH, seed=1, epoch=epoch, shuffle=True):
            tensors(encoded)
            jets += len(encoded)
            if jets >= found[-1][0] + step:
                found.append((jets, resident()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jets", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = load_data_config("jet-origin")
    with tempfile.TemporaryDirectory() as folder:
        files = write(Path(folder), simulated(options.jets, options.seed), config)
        encoders = {
            "features": FeatureEncoder(config),
            "bytes, native": ByteEncoder(config, ByteForm()),
            "bytes, text": ByteEncoder(config, ByteForm(form="text")),
        }
        source, buffer = open_source(files.parquet), options.jets // 10
        memory = {name: follow_memory(source, encoder, buffer) for name, encoder in encoders.items()}
        fetch = min(1.0, FETCH / options.jets)
        if options.rounds:
            check(files, config, fetch)
        readers: dict[str, Callable[[], Iterator[Any]]] = {
            "yukawa, Parquet": lambda: ours(files.parquet, config, 2 * FETCH, shuffle=True),
            "yukawa, ROOT": lambda: ours(files.root, config, 2 * FETCH, shuffle=True),
            "weaver-core, ROOT": lambda: weaver(files.root, files.config, fetch, True),
            # A part of a Parquet file breaks weaver 0.5.3 (it pads by offsets of the whole), so it reads all at once.
            "weaver-core, Parquet": lambda: weaver(files.parquet, files.config, 1.0, True),
        }
        rates: Rates = {name: [] for name in readers}
        for _ in range(options.rounds):
            for name, reader in readers.items():
                rates[name].append(rate(reader, options.jets))
    report(rates, memory, options)


Memory = dict[str, list[tuple[int, float]]]
Rates = dict[str, list[dict[str, float]]]


def report(rates: Rates, memory: Memory, options: argparse.Namespace) -> None:
    medians = {
        name: {kind: statistics.median(one[kind] for one in found) for kind in ("clock", "processor")}
        for name, found in rates.items()
        if found
    }
    if medians:
        print(f"{options.jets:,} jets, batches of {BATCH}, {options.rounds} rounds in turn, median\n")
        print(f"{'loader':<28}{'jets/s':>10}{'ratio':>8}{'a processor second':>20}{'ratio':>8}")
    for name, median in medians.items():
        first = next(iter(medians.values()))
        print(
            f"{name:<28}{median['clock']:>10,.0f}{first['clock'] / median['clock']:>8.1f}"
            f"{median['processor']:>20,.0f}{first['processor'] / median['processor']:>8.1f}"
        )
    print(f"\nmemory while streaming two epochs, with a buffer of {options.jets // 10:,} jets, in MB")
    print(f"{'jets':>10}" + "".join(f"{name:>16}" for name in memory))
    for row in zip(*memory.values(), strict=True):
        print(f"{row[0][0]:>10,}" + "".join(f"{megabytes:>16.0f}" for _, megabytes in row))
    for name, found in memory.items():
        early = max(mb for jets, mb in found if jets <= options.jets)
        late = max(mb for jets, mb in found if jets > options.jets)
        print(f"{name}: highest in the first epoch {early:.0f} MB, in the second {late:.0f} MB")
    if options.json:
        figures = {
            "jets": options.jets,
            "rates": rates,
            "medians": medians,
            "memory": memory,
            "weaver-core": version("weaver-core"),
            "python": sys.version,
        }
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
