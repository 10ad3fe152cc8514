"""Parts of `gpu.sh`: trainings of the shipped recipes' sizes on a GPU, with random weights, beside what a dry run says.

Each part runs in a process of its own, so that its peak of memory is its own:

    python benchmarks/gpu.py prepare --work DIR           weights of 8B, 3B and 1B shapes, texts, 20,000 jets
    python benchmarks/gpu.py run PART --work DIR          one of the parts; torchrun for fsdp2
    python benchmarks/gpu.py report --work DIR --json FILE

`--tiny` makes the same of small shapes, for a machine without a GPU.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from yukawa import jets
from yukawa.core.reports import write_json
from yukawa.data import Conversation, Document, Preference, Turn, write_rows
from yukawa.jets.training.train import describe as describe_jets
from yukawa.runs.run import Run, is_run
from yukawa.training import TextRecipe, describe, train
from yukawa.training.dry_run import KNOWN_BASES
from yukawa.training.tiny_model import make_llama

ONE_BILLION = {
    **KNOWN_BASES["meta-llama/Llama-3.1-8B"],
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
}
SHAPES = {
    "8b": KNOWN_BASES["meta-llama/Llama-3.1-8B"],
    "3b": KNOWN_BASES["meta-llama/Llama-3.2-3B-Instruct"],
    "1b": ONE_BILLION,
}
SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
WORDS = (
    "quark gluon lepton muon mass width decays into with a branching fraction of about MeV the of and".split()
)
STEPS, JETS = 3, 20_000
# Of each part its recipe and what differs; {work} is the folder.
TEXT = {
    "feyntune": ["feyntune", "model.base={work}/8b", "data.path={work}/documents.jsonl", "mixture=null"],
    "physics-3b": ["physics-3b", "model.base={work}/3b", "data.path={work}/chats.jsonl", "data.template=plain"],
    "preference": [
        "feyntune", "model.base={work}/1b", "data.path={work}/pairs.jsonl", "mixture=null", "adapter.kind=lora",
        "training.kind=preference", "data.template=plain",
    ],
    "fsdp2": [
        "xiwu-7b", "model.base={work}/1b", "data.path={work}/chats.jsonl", "training.batch=16", "training.accumulation=2",
        "training.offload=false",
    ],
    "sdpa": ["feyntune", "model.base={work}/1b", "data.path={work}/documents.jsonl", "mixture=null", "adapter.kind=lora",
             "training.batch=16", "training.length=4096", "model.attention=sdpa"],
    "flash": ["feyntune", "model.base={work}/1b", "data.path={work}/documents.jsonl", "mixture=null", "adapter.kind=lora",
              "training.batch=16", "training.length=4096", "model.attention=flash"],
}  # fmt: skip
TAGGERS = {
    "particle-transformer": ["training.jets_per_epoch=null"],
    "byte-model-text": ["training.precision=bf16"],
}
PARTS = (*TEXT, *TAGGERS)
# What a processor can do of a recipe for a GPU.
ON_CPU = ["training.device=cpu", "training.tf32=false", "training.optimiser=adamw", "training.distributed=none",
          "training.precision=bf16", "training.length=512"]  # fmt: skip


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words)) + "."


def prepare(work: Path, *, tiny: bool) -> None:
    """Weights, texts and jets; what is there is not made again."""
    rng, count = random.Random(1), 40 if tiny else 400
    texts = [sentence(rng, 40 if tiny else 600) for _ in range(count)]
    for name, shape in SHAPES.items():
        if not (work / name).is_dir():
            make_weights(work / name, {**shape, **(SMALL if tiny else {})}, texts)
    documents = [Document(id=str(n), text=text, source="made") for n, text in enumerate(texts)]
    write_rows(work / "documents.jsonl", documents, Document)
    asked = [Turn(role="user", content=f"What is known of number {n}?") for n in range(count)]
    answered = [Turn(role="assistant", content=text) for text in texts]
    chats = [
        Conversation(id=str(n), messages=pair, source="made")
        for n, pair in enumerate(zip(asked, answered, strict=True))
    ]
    write_rows(work / "chats.jsonl", chats, Conversation)
    pairs = [
        Preference(id=str(n), prompt=(turn,), chosen=text, rejected="I do not know.", source="made")
        for n, (turn, text) in enumerate(zip(asked, texts, strict=True))
    ]
    write_rows(work / "pairs.jsonl", pairs, Preference)
    if not (work / "jets").is_dir():
        process = jets.load_process("jet-origin")
        share = max(4, (110 if tiny else JETS * 4 // 3) // len(process.classes))
        jets.produce(work / "jets", process, jets.load_card("cepc"), share, 1, None, None)


def make_weights(folder: Path, shape: dict[str, Any], texts: list[str]) -> None:
    """A Llama of a shape with random weights, in bf16, drawn on the GPU where there is one."""
    small: dict[str, Any] = {**SMALL, "hidden_size": 16, "intermediate_size": 16}
    make_llama(folder, texts, vocabulary=400, **small)
    config = LlamaConfig(**shape, eos_token_id=1, bos_token_id=0, pad_token_id=2, dtype="bfloat16")
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="4GB")


def run_text(part: str, work: Path, *, tiny: bool) -> dict[str, Any]:
    """Some steps of a training on text: tokens a second, the peak of memory, and the dry run's estimate of it."""
    recipe, *changes = [word.format(work=work) for word in TEXT[part]]
    changes += [
        "training.epochs=null",
        f"training.steps={STEPS}",
        "training.log_every=1",
        "training.warmup=1",
    ]
    chosen = TextRecipe.load(
        recipe, [*changes, *(ON_CPU if tiny else []), *(["training.offload=false"] if tiny else [])]
    )
    estimate = describe(chosen).memory
    run = work / "runs" / part
    train(chosen, run, resume=is_run(run))
    rows = [row for row in Run.open(run).metrics() if "tokens_per_second" in row]
    return {
        "tokens per second": max(row["tokens_per_second"] for row in rows),  # the first step warms up
        "loss": rows[-1]["loss"],
        "estimate": estimate.total if estimate else None,
    }


def run_jets(part: str, work: Path, *, tiny: bool) -> dict[str, Any]:
    """An epoch of a tagger: jets a second, the peak of memory, and the dry run's estimate of it."""
    changes = [f"data.path={work / 'jets'}", "training.epochs=1", "training.log_every=1", *TAGGERS[part]]
    recipe = f"{part}-laptop" if tiny else part
    chosen = jets.JetRecipe.load(recipe, [*changes, *(["training.batch=16"] if tiny else [])])
    found = describe_jets(chosen)
    run = work / "runs" / part
    jets.train(chosen, run, is_run(run), None)
    rates = sorted(row["jets_per_second"] for row in Run.open(run).metrics() if "jets_per_second" in row)
    memory = (found.weights_memory or 0) + (found.batch_memory or 0)
    return {"jets per second": rates[len(rates) // 2], "parameters": found.parameters, "estimate": memory}


def run(part: str, work: Path, *, tiny: bool) -> None:
    """One part; its figures, or why there are none, go to `PART.json`."""
    start, work_of = time.monotonic(), run_text if part in TEXT else run_jets
    try:
        found = work_of(part, work, tiny=tiny)
    except Exception as error:  # noqa: BLE001 -- the other parts are run all the same
        found = {"failed": " ".join(str(error).split())[:300]}
    if torch.cuda.is_available():
        found["peak"] = torch.cuda.max_memory_allocated()
    found["seconds"] = round(time.monotonic() - start, 1)
    write_json(work / f"{part}.json", found)
    print(part, found, flush=True)


def report(work: Path, path: Path | None) -> None:
    """All parts in one file."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    parts = {
        part: json.loads((work / f"{part}.json").read_text(encoding="utf-8"))
        for part in PARTS
        if (work / f"{part}.json").is_file()
    }
    figures = {"gpu": gpu, "torch": torch.__version__, "python": platform.python_version(), "parts": parts}
    text = json.dumps(figures, indent=1)
    print(text)
    if path is not None:
        path.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["all", "prepare", "run", "report", "parts"])
    parser.add_argument("part", nargs="?", choices=PARTS)
    parser.add_argument("--work", type=Path, default=Path("gpu"))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    work = given.work.resolve()
    steps: dict[str, Callable[[], object]] = {
        "all": lambda: subprocess.run(
            ["sh", str(Path(__file__).with_suffix(".sh")), str(given.json)], check=True
        ),
        "prepare": lambda: prepare(work, tiny=given.tiny),
        "run": lambda: run(given.part, work, tiny=given.tiny),
        "report": lambda: report(work, given.json),
        "parts": lambda: print(*PARTS),
    }
    steps[given.what]()


if __name__ == "__main__":
    main()
