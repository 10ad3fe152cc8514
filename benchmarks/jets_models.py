"""How many jets a second the taggers classify and train on, against weaver-core's networks of the same weights.

Type `python benchmarks/jets_models.py --model particle-transformer` (or `particle-net`). Both networks get the
same simulated jets in the same run: weaver's as its own loader feeds it, padded to the data config's length,
and once more padded only to the longest jet of the batch; ours packed. See README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from yukawa.core.processes import keep_freed_memory
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.models.tagger import Tagger, unpack
from yukawa.jets.simulation.cards import load_card, load_process
from yukawa.jets.simulation.events import simulate_events
from yukawa.jets.table import concatenate

# Which process is simulated, by whose data config the jets are encoded, and which pair features belong to it.
JETS = {
    "e+e-": ("jet-origin", "jet-origin", "pp"),
    "e+e-, ee pairs": ("jet-origin", "jet-origin", "ee"),
    "pp": ("hadron-jets", "jetclass-full", "pp"),
}
WARM_UP = 7  # weaver's networks shorten no batch before their sixth


@dataclass(frozen=True)
class Case:
    """One batch of jets, as ours and as weaver's network get it, and both networks with the same weights."""

    name: str
    packed: Mapping[str, Tensor]
    loaded: tuple[Tensor, ...]
    tight: tuple[Tensor, ...]
    labels: Tensor
    ours: Tagger
    peer: nn.Module


def particle_transformer(features: int, classes: int, pairs: str) -> tuple[Tagger, nn.Module]:
    """Our network and weaver's, full size, the same weights."""
    from weaver.nn.model.ParticleTransformer import ParticleTransformer as Peer

    from yukawa.jets.models.particle_transformer import ParticleTransformer

    peer = Peer(features, classes, pair_input_type=pairs, fc_params=[])
    return ParticleTransformer.from_weaver(peer.state_dict()), peer


def particle_net(features: int, classes: int, pairs: str) -> tuple[Tagger, nn.Module]:
    """Our network and weaver's, full size, the same weights."""
    from weaver.nn.model.ParticleNet import ParticleNet as Peer

    from yukawa.jets.models.particle_net import ParticleNet

    layers = [(16, (64, 64, 64)), (16, (128, 128, 128)), (16, (256, 256, 256))]
    peer = Peer(features, classes, conv_params=layers, fc_params=[(256, 0.1)], use_fusion=False)
    return ParticleNet.from_weaver(peer.state_dict()), peer


# Each model: how both networks are built, and what weaver's takes, in its order.
MODELS: dict[str, tuple[Callable[[int, int, str], tuple[Tagger, nn.Module]], tuple[str, ...]]] = {
    "particle-transformer": (particle_transformer, ("features_NF", "momenta_N4")),
    "particle-net": (particle_net, ("points_N2", "features_NF")),
}


def simulate(
    process_name: str, config_name: str, jets: int, seed: int
) -> tuple[dict[str, Tensor], Tensor, int]:
    """A batch of jets of all samples of a process: packed inputs, labels, and the data config's length."""
    process, card, config = load_process(process_name), load_card(), load_data_config(config_name)
    samples = process.samples
    parts = [simulate_events(process, sample, card, 2 * jets // len(samples) + 8, seed) for sample in samples]
    encoder = FeatureEncoder(config, prediction=True)
    found = concatenate([part[: -(-jets // len(samples))] for part in parts])[:jets]
    encoded = encoder.encode(found)
    packed = {name: torch.from_numpy(rows) for name, rows in encoded.rows.items()}
    packed["counts_B"] = torch.from_numpy(encoded.counts)
    return packed, torch.arange(len(encoded)), config.length or 0


def case(model: str, kind: str, jets: int, seed: int) -> Case:
    """Jets of one kind, and the networks of one model."""
    process, config, pairs = JETS[kind]
    packed, labels, length = simulate(process, config, jets, seed)
    build, wanted = MODELS[model]
    torch.manual_seed(seed)
    classes = len(load_data_config(config).classes)
    ours, peer = build(packed["features_NF"].shape[1], classes, pairs)

    def padded(to: int | None) -> tuple[Tensor, ...]:
        together = [unpack(packed[name], packed["counts_B"], to) for name in wanted]
        return (*(values.mT.contiguous() for values, _ in together), together[0][1][:, None].float())

    name = f"{kind}, mean {packed['counts_B'].float().mean():.1f}, padded to {length}"
    return Case(name, packed, padded(length), padded(None), labels % classes, ours, peer)


def median_seconds(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The median time of each call, all of them in turn; of the processor on one thread, else by the clock."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            start = clock()
            call()
            if repeat:
                times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def inference(case: Case, repeats: int) -> dict[str, Any]:
    """Jets a second in inference, and how far the logits lie apart."""
    ours, peer = case.ours.eval(), case.peer.eval()
    with torch.inference_mode():
        for _ in range(WARM_UP):
            peer(*(x[:2] for x in case.loaded))
        calls = {
            "ours": lambda: ours(**case.packed),
            "peer": lambda: peer(*case.loaded),
            "peer_tight": lambda: peer(*case.tight),
        }
        difference = float((calls["ours"]() - calls["peer"]()).abs().max())
        return {**rates(median_seconds(calls, repeats), case), "max_difference": difference}


def training(case: Case, repeats: int) -> dict[str, Any]:
    """Jets a second of forward, backward and an Adam step."""

    def step(network: nn.Module, call: Callable[[], Tensor]) -> Callable[[], None]:
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)

        def run() -> None:
            optimiser.zero_grad()
            F.cross_entropy(call(), case.labels).backward()
            optimiser.step()

        return run

    ours, peer = case.ours.train(), case.peer.train()
    calls = {
        "ours": step(ours, lambda: ours(**case.packed)),
        "peer": step(peer, lambda: peer(*case.loaded)),
        "peer_tight": step(peer, lambda: peer(*case.tight)),
    }
    return rates(median_seconds(calls, repeats), case)


def rates(seconds: Mapping[str, float], case: Case) -> dict[str, Any]:
    """Jets a second, and ratios to the peer's."""
    rate = {name: round(len(case.labels) / value, 1) for name, value in seconds.items()}
    return {
        **rate,
        "ratio": round(seconds["peer"] / seconds["ours"], 2),
        "ratio_tight": round(seconds["peer_tight"] / seconds["ours"], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="particle-transformer")
    parser.add_argument("--kinds", nargs="+", choices=JETS, default=list(JETS))
    parser.add_argument("--jets", type=int, default=256, help="jets of a batch")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep-freed-memory", action="store_true", help="as our trainer does, for both networks"
    )
    parser.add_argument("--json", type=Path, help="also write the results there")
    arguments = parser.parse_args()
    if arguments.keep_freed_memory:
        keep_freed_memory()
    rows = []
    print(f"{arguments.model}, batches of {arguments.jets} jets; jets/s; torch {torch.__version__}")
    print(f"{'jets':38} {'':9} threads    ours  weaver  ratio  weaver, tight  ratio  max difference")
    for kind in arguments.kinds:
        if arguments.model == "particle-net" and "pairs" in kind:
            continue
        prepared = case(arguments.model, kind, arguments.jets, arguments.seed)
        for measure in (inference, training):  # training parts the two networks' weights, so it comes last
            for threads in arguments.threads:
                torch.set_num_threads(threads)
                row = measure(prepared, arguments.repeats)
                row |= {"jets": prepared.name, "what": measure.__name__, "threads": threads}
                rows.append(row)
                difference = f"{row['max_difference']:.1e}" if "max_difference" in row else ""
                print(
                    f"{row['jets']:38} {row['what']:9} {threads:7} {row['ours']:7.1f} {row['peer']:7.1f}"
                    f" {row['ratio']:6.2f} {row['peer_tight']:14.1f} {row['ratio_tight']:6.2f}  {difference}",
                    flush=True,
                )
    if arguments.json:
        about = {
            "model": arguments.model,
            "batch": arguments.jets,
            "machine": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "weaver-core": version("weaver-core"),
        }
        arguments.json.write_text(json.dumps(about | {"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
