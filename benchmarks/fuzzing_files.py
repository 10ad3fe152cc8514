"""Opens damaged files: PDF, Parquet, ROOT, HDF5, safetensors and GGUF, each mutated by seed, through the program's own readers.

Run `python benchmarks/fuzzing_files.py --json FILE`: for each format 2,000 inputs are made from small real files (bits flipped, cut off,
blocks exchanged, numbers set to their extremes, headers edited so that they stay valid, the magic kept) and opened in a child
process with 2 GiB of memory and 10 s of processor time for each. A reader may read the file or refuse it in a line of its own; any
other exception, a signal, more time or more memory is a fault, and is shown with the seed that makes the input again.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

EACH = 2_000
SECONDS, WALL_SECONDS = 10, 200  # of the processor, and of a clock where nothing happens
MEMORY = 2 << 30
_MEMORY_WORDS = (
    "MemoryError",
    "malloc of size",
    "Unable to allocate",
    "bad_alloc",
    "Cannot allocate",
    "realloc of size",
)
DATA = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))


# ---- real files -----------------------------------------------------------------------------------


def _jets(count: int = 300) -> Any:
    import numpy as np

    from yukawa.jets.table import Jets

    random = np.random.default_rng(1)
    counts = random.integers(1, 30, count)
    total = int(counts.sum())
    particles = {
        name: random.normal(size=total).astype(np.float32)
        for name in ("part_px", "part_py", "part_pz", "part_energy", "part_deta", "part_dphi")
    }
    particles["part_charge"] = random.integers(-1, 2, total).astype(np.int8)
    scalars: dict[str, Any] = {
        name: random.normal(size=count).astype(np.float32)
        for name in ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_mass")
    }
    labels = random.integers(0, 2, count)
    scalars |= {"label_b": labels == 0, "label_c": labels == 1}
    return Jets.from_counts(counts, particles, scalars)


def _pdf(folder: Path) -> list[Path]:
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    for name, compression in (("packed", 6), ("plain", 0)):
        import matplotlib

        with (
            matplotlib.rc_context({"pdf.compression": compression}),
            PdfPages(folder / f"{name}.pdf") as pages,
        ):
            for page in range(3):
                figure = Figure(figsize=(4, 3))
                for line in range(8):
                    size = 20 if line == 0 else 9
                    figure.text(
                        0.1, 0.9 - line / 10, f"Page {page}, line {line}: m(Z) = 91.19 GeV", fontsize=size
                    )
                pages.savefig(figure)
    return sorted(folder.iterdir())


def _parquet_jets(folder: Path) -> list[Path]:
    from yukawa.jets.io.parquet import write_parquet

    write_parquet(folder / "a.parquet", _jets())
    _write_otherwise(folder, folder / "a.parquet")
    return sorted(folder.iterdir())


def _parquet_rows(folder: Path) -> list[Path]:
    from yukawa.data.rows import Document, write_rows

    rows = [
        Document(
            id=f"hep-th/{n:07d}",
            text=f"Strings vibrate, {n} times. " * 9,
            source="arxiv",
            categories=("hep-th",),
        )
        for n in range(300)
    ]
    write_rows(folder / "a.parquet", rows, Document)
    _write_otherwise(folder, folder / "a.parquet")
    return sorted(folder.iterdir())


def _write_otherwise(folder: Path, file: Path) -> None:
    """The rows of a file as others write them: without checksums, which would show most damage at once."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(file)
    parquet.write_table(
        table.slice(0, 40), folder / "plain.parquet", compression="none", use_dictionary=False
    )
    parquet.write_table(
        table, folder / "packed.parquet", compression="snappy", data_page_version="2.0", row_group_size=70
    )


def _root(folder: Path) -> list[Path]:
    import uproot

    from yukawa.jets.io.jetclass import jetclass_writer

    jets = _jets(60)
    with jetclass_writer(folder / "tree.root") as append:
        append(jets)
    with uproot.recreate(folder / "ntuple.root") as file:
        rows = {name: column for name, column in jets.scalars.items() if not name.startswith("label")}
        file.mkrntuple("tree", rows)
    if (DATA / "jets" / "p8_ee_WW_ecm240_edm4hep.root").exists():
        shutil.copy(DATA / "jets" / "p8_ee_WW_ecm240_edm4hep.root", folder / "events.root")
    return sorted(folder.iterdir())


def _hdf5(folder: Path) -> list[Path]:
    from yukawa.jets.io.hdf5 import hdf5_writer

    for count in (20, 200):
        with hdf5_writer(folder / f"{count}.h5") as append:
            append(_jets(count))
    return sorted(folder.iterdir())


def _safetensors(folder: Path) -> list[Path]:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    weights = {f"layers.{n}.{part}.weight": torch.randn(8, 8) for n in range(3) for part in ("query", "key")}
    save_file(weights | {"embedding.weight": torch.randn(16, 8).bfloat16()}, folder / "model.safetensors")
    return [folder / "model.safetensors"]


def _gguf(folder: Path) -> list[Path]:
    path = folder / "model.gguf"
    path.write_bytes(tiny_gguf())
    return [path]


def tiny_gguf(width: int = 32, feed: int = 64, heads: int = 4) -> bytes:
    """A model of one layer over bytes as llama.cpp reads it; see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581the", "\u2581mass"]
    kinds = [2, 3, 3, *[6] * 256, 1, 1]

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def listed(kind: int, values: list[Any]) -> bytes:
        form = {4: "I", 5: "i", 6: "f"}
        packed = [text(v) if kind == 8 else struct.pack(f"<{form[kind]}", v) for v in values]
        return struct.pack("<IIQ", 9, kind, len(values)) + b"".join(packed)

    values = {
        "general.architecture": struct.pack("<I", 8) + text("llama"),
        "llama.vocab_size": struct.pack("<II", 4, len(tokens)),
        "llama.context_length": struct.pack("<II", 4, 64),
        "llama.embedding_length": struct.pack("<II", 4, width),
        "llama.block_count": struct.pack("<II", 4, 1),
        "llama.feed_forward_length": struct.pack("<II", 4, feed),
        "llama.attention.head_count": struct.pack("<II", 4, heads),
        "llama.rope.dimension_count": struct.pack("<II", 4, width // heads),
        "llama.attention.layer_norm_rms_epsilon": struct.pack("<If", 6, 1e-5),
        "tokenizer.ggml.model": struct.pack("<I", 8) + text("llama"),
        "tokenizer.ggml.tokens": listed(8, tokens),
        "tokenizer.ggml.scores": listed(6, [0.0] * len(tokens)),
        "tokenizer.ggml.token_type": listed(5, kinds),
        "tokenizer.ggml.bos_token_id": struct.pack("<II", 4, 1),
        "tokenizer.ggml.eos_token_id": struct.pack("<II", 4, 2),
    }
    shapes = {
        "token_embd.weight": (width, len(tokens)), "output_norm.weight": (width,), "output.weight": (width, len(tokens)),
        "blk.0.attn_norm.weight": (width,), "blk.0.ffn_norm.weight": (width,),
        **{f"blk.0.attn_{name}.weight": (width, width) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_gate.weight": (width, feed), "blk.0.ffn_up.weight": (width, feed), "blk.0.ffn_down.weight": (feed, width),
    }  # fmt: skip
    chance, data, about = random.Random(1), b"", b""
    for name, shape in shapes.items():
        about += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        size = 1
        for length in shape:
            size *= length
        data += b"".join(struct.pack("<f", chance.gauss(0, 0.1)) for _ in range(size))
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(values))
    head += b"".join(text(name) + value for name, value in values.items()) + about
    return head + bytes(-len(head) % 32) + data


# ---- the program's readers --------------------------------------------------------------------------


def _read_pdf(path: Path) -> None:
    from yukawa.knowledge import read_document

    read_document(path)


def _read_jets(path: Path) -> None:
    from yukawa.jets import open_source

    for _ in open_source(path).read_chunks():
        pass


def _read_rows(path: Path) -> None:
    from yukawa.data.rows import Document, read_rows

    for _ in read_rows(path, Document):
        pass


def _read_safetensors(path: Path) -> None:
    """As weights of a tagger, of a checkpoint and of a language model; each may refuse them."""
    from yukawa.core.errors import YukawaError
    from yukawa.jets.models.tagger import read_weights
    from yukawa.llm.folders import check_finite, saved_tensors, tensor_types
    from yukawa.runs.checkpoints import check_shapes

    readers: list[Callable[[], object]] = [
        lambda: read_weights(path),
        lambda: tensor_types(path.parent),
        lambda: check_finite(saved_tensors(path.parent), path.parent),
        lambda: check_shapes(path.parent, {}),
    ]
    refused: YukawaError | None = None
    for reader in readers:
        try:
            reader()
        except YukawaError as error:
            refused = refused or error
    if refused is not None and "of another network" not in refused.message:
        raise refused


def _read_gguf(path: Path) -> None:
    import asyncio

    from yukawa.llm.llamacpp import LlamaCppModel

    model = LlamaCppModel(str(path), name="fuzzed", context_length=64, threads=1)
    model._start()
    asyncio.run(model.aclose())


Maker = Callable[[Path], list[Path]]
Reader = Callable[[Path], None]
FORMATS: dict[str, tuple[Maker, Reader]] = {
    "pdf": (_pdf, _read_pdf),
    "parquet_jets": (_parquet_jets, _read_jets),
    "parquet_abstracts": (_parquet_rows, _read_rows),
    "root": (_root, _read_jets),
    "hdf5": (_hdf5, _read_jets),
    "safetensors": (_safetensors, _read_safetensors),
    "gguf": (_gguf, _read_gguf),
}


# ---- mutations --------------------------------------------------------------------------------------

_EXTREMES = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
)


def mutated(data: bytes, form: str, chance: random.Random) -> bytes:
    """One to four changes of `data`, whose first bytes stay."""
    changes = [_flip, _extreme, _extreme, _swap, _cut, _repeat, _zeros]
    if form == "safetensors":
        changes += [_edit_header] * 5
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        chance.choice(changes)(found, chance)
    magic = 5 if form == "pdf" else 8 if form == "hdf5" else 0 if form == "safetensors" else 4
    if len(found) >= 2 * magic:
        found[:magic] = data[:magic]
        if form.startswith("parquet") and chance.random() < 0.8:
            found[-4:] = data[-4:]
    return bytes(found)


def _place(data: bytearray, chance: random.Random) -> int:
    """Anywhere, more often near the begin or the end, where headers and footers lie."""
    size = max(1, len(data))
    near = min(size, 1500)
    return chance.choice((chance.randrange(size), chance.randrange(near), size - 1 - chance.randrange(near)))


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 1, 4, 16))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _extreme(data: bytearray, chance: random.Random) -> None:
    size, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
    value = chance.choice((*_EXTREMES, len(data), len(data) - 1, len(data) + 1)) % (1 << 8 * size)
    at = min(_place(data, chance), max(0, len(data) - size))
    data[at : at + size] = value.to_bytes(size, order)  # type: ignore[arg-type]


def _swap(data: bytearray, chance: random.Random) -> None:
    size = min(chance.choice((4, 16, 64, 512)), len(data) // 2)
    one, other = (min(_place(data, chance), len(data) - size) for _ in range(2))
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def _cut(data: bytearray, chance: random.Random) -> None:
    if chance.random() < 0.4:
        del data[_place(data, chance) :]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at, size = _place(data, chance), chance.choice((1, 8, 100, 3000))
    data[at:at] = data[at : at + size] * chance.choice((1, 2, 50))


def _zeros(data: bytearray, chance: random.Random) -> None:
    at = _place(data, chance)
    size = min(chance.choice((1, 8, 64, 1000)), len(data) - at)
    data[at : at + size] = bytes(size)


def _edit_header(data: bytearray, chance: random.Random) -> None:
    """Change the JSON of safetensors so that it stays JSON, its length right."""
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(bytes(data[8 : 8 + size]))
        name = chance.choice(sorted(header))
        entry = header[name]
        number: object = chance.choice((*_EXTREMES, -1, 1.5, 1e308, None, "8", [], 10**30))
        kind = chance.randrange(8)
        if kind == 0:
            entry["shape"][chance.randrange(len(entry["shape"]))] = number
        elif kind == 1:
            entry["data_offsets"][chance.randrange(2)] = number
        elif kind == 2:
            entry["dtype"] = chance.choice(("F64", "I8", "F8_E4M3", "BOOL", "X", 7, "C64", "F4"))
        elif kind == 3:
            entry["shape"] = [1] * chance.choice((0, 1, 100, 5000))
        elif kind == 4:
            header[chance.choice(("", "\0", "__metadata__", "x" * 9999, "\u202e"))] = entry
        elif kind == 5:
            del header[name]
        elif kind == 6:
            entry["data_offsets"] = entry["data_offsets"][::-1]
        else:
            header["__metadata__"] = chance.choice(
                ({"format": "pt"}, {"format": 1}, {"format": "tf"}, [], {"a": {"b": "c"}})
            )
        text = json.dumps(header).encode()
    except (ValueError, KeyError, TypeError, IndexError):
        return
    data[: 8 + size] = len(text).to_bytes(8, "little") + text


def made(form: str, seeds: list[bytes], number: int) -> bytes:
    """Input `number` of a format."""
    chance = random.Random(f"{form} {number}")
    return mutated(chance.choice(seeds), form, chance)


# ---- the child and its parent -----------------------------------------------------------------------


def work(form: str, folder: Path) -> None:
    """Open the inputs whose numbers come on stdin, and say of each what came of it in a line of JSON."""
    maker, reader = FORMATS[form]
    (folder / "seeds").mkdir(exist_ok=True)
    paths = sorted((folder / "seeds").iterdir()) or maker(folder / "seeds")
    seeds = [path.read_bytes() for path in paths]
    place = folder / ("model.safetensors" if form == "safetensors" else f"input{paths[0].suffix}")
    for path in paths:  # loads everything that is loaded once, and shows that the files are good
        shutil.copy(path, place)
        reader(place)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    faulthandler.register(signal.SIGUSR1)
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries write there
    print(json.dumps({"ready": True}), file=said, flush=True)
    for line in sys.stdin:
        number = int(line)
        place.write_bytes(made(form, seeds, number))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        outcome, why = opened(reader, place)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > MEMORY >> 11:  # half of it, in kB
            outcome, why = "memory", f"half of the memory was taken; then: {outcome} {why}"
        print(json.dumps({"number": number, "outcome": outcome, "why": why}), file=said, flush=True)


def opened(reader: Reader, path: Path) -> tuple[str, str]:
    """What came of reading a file: read, refused, memory or fault; and what was said."""
    from yukawa.core.errors import YukawaError

    try:
        reader(path)
    except YukawaError as error:
        text = str(error)
        memory = any(word in text for word in _MEMORY_WORDS)
        return ("memory" if memory else "refused" if "\n" not in text else "fault"), text
    except Exception as error:  # noqa: BLE001 -- what is looked for
        place = [line.strip() for line in traceback.format_tb(error.__traceback__)][-3:]
        return (
            "memory" if isinstance(error, MemoryError) else "fault"
        ), f"{type(error).__name__}: {error} {place}"
    return "read", ""


class Child:
    """A process that opens files until one of them ends it."""

    def __init__(self, form: str, folder: Path) -> None:
        words = [sys.executable, __file__, "--work", form, "--folder", str(folder)]
        self._log = (folder / "log").open("w+b")
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
        )
        if not self._line():
            self._log.seek(0)
            raise RuntimeError(self._log.read().decode(errors="replace")[-3000:])

    def open(self, number: int) -> tuple[str, str]:
        """The outcome of one input; the child is gone after a crash or a hang."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n".encode())
        self._process.stdin.flush()
        line = self._line()
        if line:
            found = json.loads(line)
            return found["outcome"], found["why"]
        waiting = self._process.poll() is None
        if waiting:  # where does it wait?
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(1)
        self._log.seek(0)
        said = self._log.read().decode(errors="replace")[-500:]
        self.end()
        code = self._process.returncode
        if waiting or code == -signal.SIGPROF:
            return "hang", f"more than {SECONDS} s of the processor, or {WALL_SECONDS} s in all: {said}"
        return "crash", f"ended by {-code}: {said}"

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], WALL_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if ready and not line:
            self._process.wait()
        return line

    def end(self) -> None:
        """Stop it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()


def measure(form: str, numbers: range, show: Callable[[str], None] = print) -> dict[str, Any]:
    """Outcomes by kind, and the faults: number, outcome and what was said."""
    counts: Counter[str] = Counter()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        child: Child | None = None
        for number in numbers:
            child = child or Child(form, Path(folder))
            outcome, why = child.open(number)
            counts[outcome] += 1
            if outcome not in ("read", "refused"):
                faults.append([number, outcome, why[:600]])
                show(f"{form} {number}: {outcome}: {why[:600]}")
            if outcome in ("crash", "hang"):
                child = None
        if child:
            child.end()
    return {"inputs": len(numbers), "outcomes": dict(counts), "faults": faults}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=EACH, help="inputs of each format")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument(
        "--json", type=Path, help="write the figures here; formats that are there are not opened again"
    )
    parser.add_argument("--work", choices=list(FORMATS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.folder)
        return
    found = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    for form in options.formats:
        if form not in found:
            found[form] = measure(form, range(options.first, options.first + options.each))
        print(f"{form}: {found[form]['inputs']} inputs: {found[form]['outcomes']}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
