"""How fast the perplexity of abstracts is measured, beside FeynTune's way on the same model and abstracts.

Type `python benchmarks/evaluation_perplexity.py` (a few minutes on two cores). The abstracts are read from
`arxiv/hep_1991_2019.jsonl.gz` under YUKAWA_TEST_DATA; a Llama of random weights and a tokenizer of 32,000 tokens are
generated. FeynTune's way: batches of 12 in file order, padded to the longest (right or left), logits of the
whole batch, CrossEntropyLoss. The ways take turns; ratios are of medians. `--base local:smollm2` compares the values of a model
that has really been pre-trained with those of a plain loop, in fp32 and one text at a time. See README.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from yukawa.data.rows import Document
from yukawa.evaluation.perplexity import document_losses, encoded
from yukawa.llm.loading import LanguageModel, open_language_model

BATCH = 12


def abstracts(path: Path, number: int) -> list[Document]:
    """The first abstracts of a file, one every ten rows, cleaned as FeynTune cleans them."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in islice(lines, 0, 10 * number, 10))
        return [
            Document(id=row["id"], text=" ".join(row["abstract"].split()), source="arXiv") for row in rows
        ]


def made_model(texts: list[str], arguments: argparse.Namespace) -> LanguageModel:
    """A Llama and a tokenizer trained on the texts."""
    core = ByteLevelBPETokenizer()
    core.train_from_iterator(texts, vocab_size=arguments.vocabulary - 2, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core._tokenizer, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=arguments.vocabulary, hidden_size=arguments.width, intermediate_size=3 * arguments.width,
        num_hidden_layers=arguments.layers, num_attention_heads=arguments.width // 64,
        max_position_embeddings=2048, initializer_range=0.05,
    )  # fmt: skip
    model = LlamaForCausalLM(config).to(arguments.device, getattr(torch, arguments.dtype)).eval()
    return LanguageModel("llama", model, tokenizer, {"dtype": arguments.dtype})


@torch.inference_mode()
def feyntune(model: LanguageModel, sequences: list[list[int]], side: str) -> np.ndarray:
    """Perplexity of each text, twelve at a time in file order, from the logits of the whole batch."""
    found: list[float] = []
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    for start in range(0, len(sequences), BATCH):
        rows = sequences[start : start + BATCH]
        width = max(map(len, rows))
        ids, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width).long()
        for k, row in enumerate(rows):
            where = slice(0, len(row)) if side == "right" else slice(width - len(row), width)
            ids[k, where], mask[k, where] = torch.tensor(row), 1
        ids, mask = ids.to(model.model.device), mask.to(model.model.device)
        logits = model.model(ids, attention_mask=mask).logits
        seen = mask[:, 1:] * mask[:, :-1]
        losses = criterion(logits[:, :-1].float().transpose(1, 2), ids[:, 1:])
        found += torch.exp((losses * seen).sum(1) / seen.sum(1)).tolist()
    return np.array(found)


@torch.inference_mode()
def plain_loop(model: LanguageModel, documents: list[Document]) -> tuple[np.ndarray, np.ndarray]:
    """Losses and scored tokens of texts that end with EOS, one at a time, as transformers itself computes them."""
    losses, tokens = [], []
    for document in documents:
        ids = model.tokenizer(document.text, add_special_tokens=False)["input_ids"]
        row = torch.tensor([[*ids, model.tokenizer.eos_token_id]])
        losses.append(float(model.model(input_ids=row, labels=row).loss) * (row.shape[1] - 1))
        tokens.append(row.shape[1] - 1)
    return np.array(losses), np.array(tokens)


def beside_a_plain_loop(arguments: argparse.Namespace) -> dict[str, Any]:
    """Perplexities of a model by our way and by a plain loop, and how far they lie apart."""
    folder = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))
    documents = abstracts(folder / "arxiv" / "hep_1991_2019.jsonl.gz", arguments.documents)
    model = open_language_model(arguments.base, dtype="float32")
    found = document_losses(model, documents)
    losses, tokens = plain_loop(model, documents)
    assert tokens.tolist() == found.tokens.tolist()
    ours, theirs = np.exp(found.losses / found.tokens), np.exp(losses / tokens)
    return {
        "base": arguments.base, "documents": len(documents), "tokens": int(tokens.sum()), "dtype": "float32",
        "corpus_perplexity": {"yukawa": float(np.exp(found.losses.sum() / tokens.sum())),
                              "plain loop": float(np.exp(losses.sum() / tokens.sum()))},
        "mean_perplexity": {"yukawa": float(ours.mean()), "plain loop": float(theirs.mean())},
        "largest_relative_difference": float(np.max(np.abs(ours / theirs - 1))),
    }  # fmt: skip


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each way, in turn, and how far their values lie apart."""
    folder = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))
    documents = abstracts(folder / "arxiv" / "hep_1991_2019.jsonl.gz", 3000)
    model = made_model([document.text for document in documents], arguments)
    documents = documents[: arguments.documents]
    texts = [document.text for document in documents]
    sequences, _ = encoded(model, texts, bos=True, eos=False)

    def ours() -> np.ndarray:
        found = document_losses(model, documents, bos=True, eos=False)
        return np.exp(found.losses / found.tokens)

    ways: dict[str, Callable[[], np.ndarray]] = {
        "yukawa": ours,
        "feyntune, right padding": lambda: feyntune(
            model, encoded(model, texts, bos=True, eos=False)[0], "right"
        ),
        "feyntune, left padding": lambda: feyntune(
            model, encoded(model, texts, bos=True, eos=False)[0], "left"
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    values: dict[str, np.ndarray] = {}
    for turn in range(arguments.rounds + 1):
        for name, way in ways.items():
            begin = time.perf_counter(), time.process_time()
            values[name] = way()
            wall, processor = time.perf_counter() - begin[0], time.process_time() - begin[1]
            if turn:  # the first warms up
                seconds[name].append(wall if arguments.device != "cpu" else processor)
    medians = {name: statistics.median(some) for name, some in seconds.items()}
    return {
        "documents": len(documents), "tokens": sum(map(len, sequences)), "vocabulary": arguments.vocabulary,
        "width": arguments.width, "layers": arguments.layers, "device": arguments.device, "dtype": arguments.dtype,
        "threads": torch.get_num_threads(), "seconds": seconds, "median_s": medians,
        "times_faster": {name: medians[name] / medians["yukawa"] for name in ways},
        "mean_perplexity": {name: float(some.mean()) for name, some in values.items()},
        "largest_relative_difference": {
            name: float(np.max(np.abs(some / values["yukawa"] - 1))) for name, some in values.items()
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", help="compare this model with a plain loop")
    parser.add_argument("--documents", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.base:
        print(json.dumps(beside_a_plain_loop(arguments), indent=2))
        return
    found = measured(arguments)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    unit = "processor s" if arguments.device == "cpu" else "s"
    print(f"{found['documents']} abstracts, {found['tokens']:,} tokens, on {found['device']}\n")
    print(
        f"| | {unit} | times ours | mean perplexity | largest relative difference |\n| --- | --- | --- | --- | --- |"
    )
    for name in found["median_s"]:
        print(
            f"| {name} | {found['median_s'][name]:.2f} | {found['times_faster'][name]:.2f} |"
            f" {found['mean_perplexity'][name]:.3f} | {found['largest_relative_difference'][name]:.1e} |"
        )


if __name__ == "__main__":
    main()
