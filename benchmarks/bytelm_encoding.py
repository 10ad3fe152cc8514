"""How many jets a second become bytes, how long they are, and how many a block of bytes would cut.

Type `python benchmarks/bytelm_encoding.py DATA`, DATA being a data set that `yukawa jets simulate` made, or nothing,
for one that is generated. Jets lie in memory and are encoded as a loader encodes them, 4,096 at a time, on
one core; the forms take turns. The features that ParT takes of the same jets are the measure. Then the text form is
cut at the blocks of the reference, and at longer ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.bytelm.segments import BYTES, Mark
from yukawa.jets import load_card, load_process, produce
from yukawa.jets.bytes import ByteEncoder, ByteForm
from yukawa.jets.features import FeatureEncoder, load_data_config
from yukawa.jets.features.encoder import Encoder
from yukawa.jets.io.source import open_source
from yukawa.jets.table import Jets

AT_ONCE = 4096
BLOCKS = (2048, 4096, 8192, 16384)
FORMS = {
    "native, fixed16": ByteForm(),
    "native, ordered16": ByteForm(code="ordered16"),
    "native, ordered32": ByteForm(code="ordered32"),
    "native, float32": ByteForm(code="float32"),
    "text, patch 16": ByteForm(form="text"),
}
COLON = ord(":")  # there is one in the sentence of each particle


def read(path: Path | None, jets: int) -> Jets:
    """Test jets of a data set, mixed; of 2,000 of each class, simulated now, where none is named."""
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            produce(Path(folder) / "jets", load_process("jet-origin"), load_card(), 2000, seed=0)
            return read(Path(folder) / "jets", jets)
    found = open_source(path, "test").read()
    return found[np.random.default_rng(0).permutation(len(found))[:jets]]


def rate(encoder: Encoder, jets: Jets) -> float:
    """Jets a second."""
    mine = jets.pick(encoder.columns)
    start = time.perf_counter()
    for first in range(0, len(mine), AT_ONCE):
        encoder.encode(mine[first : first + AT_ONCE])
    return len(mine) / (time.perf_counter() - start)


def sizes(encoder: ByteEncoder, jets: Jets) -> dict[str, float]:
    """Patches, ids and bytes of a jet, and how much of the ids is padding."""
    encoded = encoder.encode(jets)
    ids = encoded.rows["patches_NP"]
    return {
        "patches": float(encoded.counts.mean()),
        "longest": int(encoded.counts.max()),
        "ids": ids.size / len(jets),
        "bytes": float(np.sum(ids < BYTES)) / len(jets),
        "padding": float(np.mean(ids == Mark.PAD)),
    }


def cut(jets: Jets, block: int) -> dict[str, float]:
    """The share of jets and of particles that blocks of this many bytes of text lose."""
    config = load_data_config("jet-origin")
    form = ByteForm(form="text", context=block // 16, longer="cut")
    encoded = ByteEncoder(config, form).encode(jets)
    kept = int(np.sum(encoded.rows["patches_NP"] == COLON))
    return {
        "block": block,
        "jets": encoded.truncated / len(jets),
        "particles": 1 - kept / int(jets.offsets[-1]),
    }


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", help="a simulated data set")
    parser.add_argument("--jets", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    config = load_data_config("jet-origin")
    jets = read(options.data, options.jets)
    byte_encoders = {name: ByteEncoder(config, form) for name, form in FORMS.items()}
    encoders: dict[str, Encoder] = {"features of ParT": FeatureEncoder(config), **byte_encoders}
    rates: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(options.rounds):
        for name, encoder in encoders.items():
            rates[name].append(rate(encoder, jets))
    found = {
        "jets": len(jets),
        "particles": float(jets.counts.mean()),
        "rates": rates,
        "sizes": {name: sizes(encoder, jets) for name, encoder in byte_encoders.items()},
        "cut": [cut(jets, block) for block in BLOCKS],
    }
    report(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def report(found: dict[str, Any]) -> None:
    print(
        f"{found['jets']:,} jets of {found['particles']:.1f} particles; medians of rounds in turn, one core\n"
    )
    print(
        f"{'form':<20}{'jets/s':>10}{'best':>10}{'patches':>9}{'longest':>9}{'ids':>8}{'bytes':>8}{'padding':>9}"
    )
    for name, values in found["rates"].items():
        line = f"{name:<20}{statistics.median(values):>10,.0f}{max(values):>10,.0f}"
        if size := found["sizes"].get(name):
            line += f"{size['patches']:>9.1f}{size['longest']:>9}{size['ids']:>8,.0f}{size['bytes']:>8,.0f}"
            line += f"{size['padding']:>9.1%}"
        print(line)
    print(f"\n{'text cut at':<20}{'jets that lose particles':>26}{'particles lost':>16}")
    for row in found["cut"]:
        print(f"{row['block']:>9,} bytes     {row['jets']:>26.1%}{row['particles']:>16.1%}")


if __name__ == "__main__":
    main()
