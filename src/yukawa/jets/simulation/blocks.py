"""A block of a data set: a fair mixture of all samples of a process, which depends on its number alone."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.columns import label_column
from yukawa.jets.io.manifest import SPLITS
from yukawa.jets.simulation.cards import Card
from yukawa.jets.simulation.events import simulate_events
from yukawa.jets.simulation.processes import Process, ProcessSample
from yukawa.jets.table import Array, Jets, concatenate

# Jets of each class in a block. Pythia's start for each sample (0.1 s) is then a seventh of the work, and a
# block of eleven classes takes some seconds and 0.2 GB.
BLOCK = 2000
_MARGIN = 1.1  # more events than the least that may do, when some jets are still missing
_ENOUGH = 100  # promised jets, of which at least one must come


def block_sizes(jets_per_class: int) -> tuple[int, ...]:
    """Jets of each class in each block of a data set; all but the last have `BLOCK`."""
    whole, rest = divmod(jets_per_class, BLOCK)
    return (BLOCK,) * whole + ((rest,) if rest else ())


def make_block(
    process: Process, card: Card, seed: int, sizes: Sequence[int], number: int, report: Callable[[int], None]
) -> dict[str, Jets]:
    """Simulate block `number` of a data set: by split, `sizes[number]` jets of each class in all.

    They are in random order. Of each sample, 60, 20 and 20 % of the events go to train, validation and test;
    two jets of one event never part. Among all blocks, each event has its own `jet_event`.

    Args:
        process: a class that several of its samples yield is taken from each in equal shares.
        card: the detector.
        seed: seed of the data set.
        sizes: jets of each class in each block, all but the last alike.
        number: number of the block, from 0.
        report: called with the number of jets as they are made.

    Raises:
        InputError: a sample gives hardly any jet of a class that it should; as for `simulate_events`.
        MissingPackage: pythia8mc, awkward or fastjet is not installed.
    """
    rng = np.random.default_rng([seed, number])
    first = number * sizes[0] * len(process.classes)  # there are no more events than jets
    parts: dict[str, list[Jets]] = {split: [] for split in SPLITS}
    for index, sample in enumerate(process.samples):
        wanted = _share(process, sample, sizes[number])
        if not wanted:
            continue
        jets = _simulate(process, sample, card, wanted, (seed, number, index))
        events, event = np.unique(jets.scalars["jet_event"], return_inverse=True)
        jets = Jets(jets.offsets, jets.particles, {**jets.scalars, "jet_event": first + event})
        first += len(events)
        split = _splits(len(events), rng)[event]
        for place, name in enumerate(SPLITS):
            parts[name].append(jets[split == place])
        report(len(jets))
    return {name: _shuffled(concatenate(jets), rng) for name, jets in parts.items()}


def _share(process: Process, sample: ProcessSample, size: int) -> dict[str, int]:
    """How many of `size` jets of each class come from `sample`; classes without jets are omitted."""
    wanted = {}
    for name in sample.classes:
        givers = [other.name for other in process.samples if name in other.yields]
        place = givers.index(sample.name)
        wanted[name] = size * (place + 1) // len(givers) - size * place // len(givers)
    return {name: jets for name, jets in wanted.items() if jets}


def _simulate(
    process: Process, sample: ProcessSample, card: Card, wanted: Mapping[str, int], seed: tuple[int, ...]
) -> Jets:
    """Jets of one sample, the first that are `wanted` of each class; no two events have one `jet_event`."""
    parts: list[Jets] = []
    events = 0
    found = dict.fromkeys(wanted, 0)
    ask = math.ceil(max(jets / sample.yields[name] for name, jets in wanted.items()))
    while True:
        words = np.random.SeedSequence((*seed, len(parts))).generate_state(1, np.uint64)
        jets = simulate_events(process, sample, card, ask, int(words[0]))
        scalars = {**jets.scalars, "jet_event": jets.scalars["jet_event"] + events}
        parts.append(Jets(jets.offsets, jets.particles, scalars))
        events += ask
        for name in found:
            found[name] += int(np.count_nonzero(scalars[label_column(name)]))
        short = [name for name in wanted if found[name] < wanted[name]]
        if not short:
            return _first_of_each(concatenate(parts), wanted)
        for name in short:
            _check_yield(sample, name, events, found[name])
        # A class not seen yet may be just rare: at most as many events again as there were.
        needed = max(events * (wanted[name] - found[name]) / max(found[name], 0.5) for name in short)
        ask = min(math.ceil(_MARGIN * needed) + 10, events + 10)


def _check_yield(sample: ProcessSample, name: str, events: int, found: int) -> None:
    """Refuse a class that is not just rarer than its yield promises, but practically missing."""
    promised = events * sample.yields[name]
    if promised >= _ENOUGH and found < promised / _ENOUGH:
        raise InputError(
            f"{events} events of the sample {sample.name} gave {found} jets of the class {name}, "
            f"its yields promise {promised:.0f}",
            hint="check the settings, the cuts and the label rule of the process",
        )


def _first_of_each(jets: Jets, wanted: Mapping[str, int]) -> Jets:
    """The first jets of each class, as many as `wanted`."""
    where = [np.flatnonzero(jets.scalars[label_column(name)])[:number] for name, number in wanted.items()]
    return jets[np.sort(np.concatenate(where))]


def _splits(events: int, rng: np.random.Generator) -> Array:
    """The position in `SPLITS` of each event, at random, in numbers as close to 60, 20 and 20 % as possible."""
    bounds = (6 * events + 5) // 10, (8 * events + 5) // 10
    return np.searchsorted(bounds, rng.permutation(events), side="right")


def _shuffled(jets: Jets, rng: np.random.Generator) -> Jets:
    return jets[rng.permutation(len(jets))]
