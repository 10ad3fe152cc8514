"""How faithful and how fast the two heads of a byte model make bytes, trained alike on real text.

Type `python benchmarks/bytelm_generation.py TEXT`, TEXT being lines of JSON with an `abstract` (.jsonl, .jsonl.gz)
or plain text (.txt). One head predicts the bytes of a patch independently, the other is a decoder within the patch.
Both are trained for the same steps on the same bytes, and measured on text held out: bits a byte, most probable
bytes that are right, and words of three letters and more that occur in the training text, among those that the
model writes. Times are of the processor, on one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM
from yukawa.bytelm.patches import as_patches
from yukawa.core.files import read_jsonl

SIZE, BATCH, BLOCK = 8, 16, 512
HELD, PROMPTS, PROMPT, NEW = 64, 32, 128, 256
HEADS = {"independent": 0, "in the patch": 1}


def read_text(path: Path) -> bytes:
    """The text of a file, one document after another."""
    if ".json" not in path.name:
        return path.read_bytes()
    return "\n\n".join(row["abstract"] for row in read_jsonl(path)).encode()


def blocks(text: bytes) -> Tensor:
    """The text cut into blocks of ids, in an order of chance that is always the same."""
    ids = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    ids = ids[: len(ids) // BLOCK * BLOCK].reshape(-1, BLOCK)
    return ids[torch.randperm(len(ids), generator=torch.Generator().manual_seed(0))]


def model(inner: int) -> ByteLMForCausalLM:
    """A model of laptop width, four blocks deep."""
    torch.manual_seed(0)
    return ByteLMForCausalLM(
        ByteLMConfig.named("laptop", num_hidden_layers=4, patch_size=SIZE, inner_layers=inner, inner_size=64)
    )


def train(network: ByteLMForCausalLM, rows: Tensor, steps: int) -> float:
    """Milliseconds a step; AdamW, a tenth of the steps to warm up, then a cosine."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, betas=(0.9, 0.95), weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    began = time.process_time()
    for step in range(steps):
        ids = rows[torch.arange(step * BATCH, (step + 1) * BATCH) % len(rows)].long()
        loss = network(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        rate.step()
    return 1000 * (time.process_time() - began) / steps


@torch.no_grad()
def predict(network: ByteLMForCausalLM, rows: Tensor) -> dict[str, float]:
    """Bits a byte and bytes whose most probable value is right, where all bytes before are known."""
    ids = rows.long()
    output = network(ids, labels=ids)
    right = output.logits[:, :-1].argmax(-1) == as_patches(ids, SIZE)[:, 1:]
    return {"bits": output.loss.item() / math.log(2), "right": right.float().mean().item()}


def words(text: bytes) -> list[bytes]:
    """Words of three letters and more; the first and the last may be cut and are omitted."""
    return re.findall(rb"[a-z]{3,}", text.lower())[1:-1]


def write(network: ByteLMForCausalLM, rows: Tensor, known: set[bytes], **options: Any) -> dict[str, Any]:
    """Known words among those written after prompts, and bytes a second: of a batch, and of one sequence."""
    prompts = rows[:PROMPTS, :PROMPT].long()
    times = []
    for batch in (prompts, prompts[:1]):
        began = time.process_time()
        made = network.generate(
            batch, max_new_bytes=NEW, generator=torch.Generator().manual_seed(0), **options
        )
        times.append(NEW * len(batch) / (time.process_time() - began))
        if len(batch) > 1:
            written = [bytes(row.clamp(max=255).tolist()) for row in made[:, PROMPT:]]
    found = [word for text in written for word in words(text)]
    return {
        "known": sum(word in known for word in found) / max(len(found), 1),
        "batch_bytes": times[0],
        "bytes": times[1],
        "sample": written[0][:100].decode("utf-8", "replace"),
    }


def measure(inner: int, train_rows: Tensor, held: Tensor, known: set[bytes], steps: int) -> dict[str, Any]:
    """All figures of one head."""
    network = model(inner)
    figures: dict[str, Any] = {"parameters": sum(weight.numel() for weight in network.parameters())}
    figures["step_ms"] = train(network, train_rows, steps)
    network.eval()
    figures |= predict(network, held)
    figures["greedy"] = write(network, held, known)
    figures["drawn"] = write(network, held, known, do_sample=True)
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="a .jsonl, .jsonl.gz or .txt file")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = blocks(read_text(options.text))
    held, train_rows = rows[:HELD], rows[HELD:]
    known = set(words(bytes(train_rows.flatten().tolist())))
    figures = {name: measure(inner, train_rows, held, known, options.steps) for name, inner in HEADS.items()}
    text = words(bytes(held.flatten().tolist()))
    figures["real text"] = {"known": sum(word in known for word in text) / len(text)}
    print("| head | parameters | a step, ms | bits a byte | bytes right | known words, greedy | drawn | bytes/s, 1 "
          f"| bytes/s, {PROMPTS} |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in HEADS:
        row = figures[name]
        print(
            f"| {name} | {row['parameters']} | {row['step_ms']:.0f} | {row['bits']:.3f} | {row['right']:.1%} "
            f"| {row['greedy']['known']:.1%} | {row['drawn']['known']:.1%} | {row['greedy']['bytes']:.0f} "
            f"| {row['greedy']['batch_bytes']:.0f} |"
        )
    print(f"\nOf the words of the text held out, {figures['real text']['known']:.1%} are known.")
    for name in HEADS:
        print(f"{name}, drawn: {figures[name]['drawn']['sample']!r}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
