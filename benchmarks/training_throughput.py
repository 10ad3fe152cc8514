"""How fast text is learned by `yukawa train`, beside FeynTune's padded setting and TRL's SFTTrainer, same model and data.

Type `python benchmarks/training_throughput.py` (some minutes on two cores). The abstracts are read from
`arxiv/hep_1991_2019.jsonl.gz` under YUKAWA_TEST_DATA; a Llama of random weights and its tokenizer are generated.
FeynTune's way: transformers' Trainer, 16 abstracts a step, EOS appended, padded to the longest. TRL's way: SFTTrainer
called plainly on the texts, with the packing that is fastest for it in a first round. Ours: `train` with all that belongs
to a run. All train one epoch with AdamW; about as many tokens are in a step; the ways take turns. See README.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, get_peft_model

from yukawa.data.rows import Document, write_rows
from yukawa.training import train
from yukawa.training.prepare import quiet
from yukawa.training.recipe import TextRecipe
from yukawa.training.tiny_model import make_llama
from yukawa.training.tokenization import specials

ABSTRACTS = 16  # in a step of FeynTune's
RATE, BETAS, EPS, DECAY = 3e-4, (0.9, 0.95), 1e-5, 0.1
PACKINGS: dict[str, dict[str, Any]] = {
    "bfd_split": {"packing": True, "packing_strategy": "bfd_split"},
    "bfd": {"packing": True, "packing_strategy": "bfd"},
    "wrapped": {"packing": True, "packing_strategy": "wrapped"},
    "padding_free": {"padding_free": True, "max_length": None},
}
KINDS: dict[str, dict[str, Any]] = {
    "full": {"kind": "full"},
    "lora qkv": {"kind": "lora", "targets": "qkv", "rank": 8, "alpha": 32, "dropout": 0.05},
    "lora all": {"kind": "lora", "targets": "all", "rank": 8, "alpha": 32, "dropout": 0.05},
}
_TARGETS = {
    "qkv": ["q_proj", "k_proj", "v_proj"],
    "all": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}  # fmt: skip
Way = Callable[[str, Path], None]


class Job:
    """The model, the text, and how to learn it in each way."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.folder, self.arguments = folder, arguments
        data = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "arxiv" / "hep_1991_2019.jsonl.gz"
        with gzip.open(data, "rt", encoding="utf-8") as lines:
            rows = (json.loads(line) for line in lines)
            every = [" ".join(row["abstract"].split()) for row in rows if row["primary"] == "hep-th"]
        self.texts = every[:: len(every) // arguments.abstracts][: arguments.abstracts]
        self.base = make_llama(
            folder / "base", every, vocabulary=arguments.vocabulary, hidden_size=arguments.width,
            intermediate_size=3 * arguments.width, num_hidden_layers=arguments.layers,
            num_attention_heads=arguments.width // 64, num_key_value_heads=arguments.width // 64,
        )  # fmt: skip
        self.rows = folder / "abstracts.jsonl"
        documents = (Document(id=str(n), text=text, source="arXiv") for n, text in enumerate(self.texts))
        write_rows(self.rows, documents, Document)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(self.base)
        before, after = specials(self.tokenizer)
        plain = self.tokenizer(self.texts, add_special_tokens=False)["input_ids"]
        self.ids = [[*before, *ids, *after] for ids in plain]
        mean = sum(map(len, self.ids)) / len(self.ids)
        # So that a step holds the tokens of about sixteen abstracts in every way.
        self.batch = arguments.batch or max(1, round(ABSTRACTS * mean / arguments.length))

    def model(self) -> Any:
        """The base, anew."""
        """The base, loaded anew."""
        return transformers.AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32)

    def settings(self) -> dict[str, Any]:
        """Of the optimiser and the run, the same for all."""
        return {
            "num_train_epochs": 1, "learning_rate": RATE, "adam_beta1": BETAS[0], "adam_beta2": BETAS[1],
            "adam_epsilon": EPS, "weight_decay": DECAY, "max_grad_norm": 1.0, "lr_scheduler_type": "cosine",
            "warmup_steps": 0.1, "bf16": False, "use_cpu": True, "seed": 1, "report_to": "none", "disable_tqdm": True,
            "gradient_checkpointing": False, "logging_steps": 10, "log_level": "error",
        }  # fmt: skip

    def yukawa(self, kind: str, out: Path) -> None:
        """A run, with checkpoint, figures, card and model."""
        recipe = {
            "model": {"base": str(self.base), "dtype": "fp32"},
            "data": {"path": str(self.rows)},
            "adapter": KINDS[kind],
            "training": {
                "epochs": 1, "batch": self.batch, "length": self.arguments.length, "learning_rate": RATE,
                "warmup": 0.1, "betas": list(BETAS), "eps": EPS, "weight_decay": DECAY, "precision": "fp32",
                "device": "cpu", "seed": 1,
            },
        }  # fmt: skip
        train(TextRecipe.parse(recipe), out)

    def feyntune(self, kind: str, out: Path) -> None:
        """Transformers' Trainer on padded abstracts; its text is tokenised already."""
        self.tokenizer.pad_token = self.tokenizer.eos_token
        model = self.model()
        if (adapter := _lora(kind)) is not None:
            model = get_peft_model(model, adapter)
        trainer = transformers.Trainer(
            model=model,
            args=transformers.TrainingArguments(
                output_dir=str(out), per_device_train_batch_size=ABSTRACTS, **self.settings()
            ),
            train_dataset=Dataset.from_dict({"input_ids": self.ids}),
            data_collator=transformers.DataCollatorForLanguageModeling(tokenizer=self.tokenizer, mlm=False),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()

    def trl(self, packing: str) -> Way:
        """SFTTrainer on plain texts."""

        def way(kind: str, out: Path) -> None:
            options = {"max_length": self.arguments.length, **PACKINGS[packing]}
            packed = options.get("packing", False)
            trainer = trl.SFTTrainer(
                model=self.model(),
                args=trl.SFTConfig(
                    output_dir=str(out), per_device_train_batch_size=self.batch if packed else ABSTRACTS,
                    **options, **self.settings(),
                ),
                train_dataset=Dataset.from_dict({"text": self.texts}),
                processing_class=self.tokenizer,
                peft_config=_lora(kind),
            )  # fmt: skip
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()

        return way


def _lora(kind: str) -> LoraConfig | None:
    how = KINDS[kind]
    if how["kind"] == "full":
        return None
    return LoraConfig(
        task_type="CAUSAL_LM", r=how["rank"], lora_alpha=how["alpha"], lora_dropout=how["dropout"],
        target_modules=_TARGETS[how["targets"]],
    )  # fmt: skip


class Watch:
    """Seconds, of the clock and of the processor, that the trainer's loop takes, and the targets it learns from."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0
        self.steps = self.targets = self.places = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts, loops are timed and targets counted."""
        loop, step = transformers.Trainer.train, transformers.Trainer.training_step
        watch = self

        def timed(trainer: Any, *args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter(), time.process_time()
            try:
                return loop(trainer, *args, **kwargs)
            finally:
                watch.wall += time.perf_counter() - begin[0]
                watch.processor += time.process_time() - begin[1]
                watch.steps = trainer.state.global_step

        def counted(trainer: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            watch.targets += useful(inputs)
            watch.places += inputs["input_ids"].numel()
            return step(trainer, model, inputs, *args, **kwargs)

        transformers.Trainer.train, transformers.Trainer.training_step = timed, counted
        try:
            yield
        finally:
            transformers.Trainer.train, transformers.Trainer.training_step = loop, step


def useful(inputs: Any) -> int:
    """Tokens of a batch, padding aside, that are predicted from some before them of the same row or piece."""
    ids = inputs["input_ids"]
    there = inputs["attention_mask"].bool() if "attention_mask" in inputs else torch.ones_like(ids).bool()
    positions = inputs.get("position_ids")
    first = positions == 0 if positions is not None else torch.arange(ids.shape[1]).expand_as(ids) == 0
    return int((there & ~first).sum())


def once(way: Way, kind: str, folder: Path) -> dict[str, float]:
    """One training from nothing."""
    watch = Watch()
    with tempfile.TemporaryDirectory(dir=folder) as scratch, watch.watching():
        begin = time.perf_counter(), time.process_time()
        way(kind, Path(scratch) / "run")
        wall, processor = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return {
        "targets": watch.targets, "share": watch.targets / watch.places, "steps": watch.steps,
        "wall": watch.wall, "processor": watch.processor, "all_wall": wall, "all_processor": processor,
    }  # fmt: skip


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Each kind of training in each way, in turn."""
    with tempfile.TemporaryDirectory() as name:
        job = Job(arguments, Path(name))
        found: dict[str, Any] = {
            "abstracts": len(job.texts), "tokens": sum(map(len, job.ids)), "batch": job.batch,
            "parameters": job.model().num_parameters(), "threads": torch.get_num_threads(),
        }  # fmt: skip
        kinds = {}
        for kind in arguments.kinds:
            tried = {packing: once(job.trl(packing), kind, job.folder) for packing in arguments.packings}
            best = min(tried, key=lambda packing: tried[packing]["processor"] / tried[packing]["targets"])
            ways: dict[str, Way] = {
                "yukawa": job.yukawa, "feyntune": job.feyntune, f"trl {best}": job.trl(best),
            }  # fmt: skip
            turns: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
            for _ in range(arguments.rounds):  # TRL's first round has warmed up
                for way, run in ways.items():
                    turns[way].append(once(run, kind, job.folder))
            kinds[kind] = {"tried": {p: _speed([one]) for p, one in tried.items()},
                           "ways": {way: _speed(some) for way, some in turns.items()}}  # fmt: skip
            ours = kinds[kind]["ways"]["yukawa"]
            kinds[kind]["times"] = {
                way: {unit: ours[unit] / speed[unit] for unit in _UNITS}
                for way, speed in kinds[kind]["ways"].items()
            }
    return found | {"kinds": kinds, "arguments": vars(arguments)}


_UNITS = ("wall", "processor", "all_wall", "all_processor")


def _speed(turns: list[dict[str, float]]) -> dict[str, float]:
    """Useful tokens a second, medians over the turns."""
    speeds = {unit: statistics.median(one["targets"] / one[unit] for one in turns) for unit in _UNITS}
    return speeds | {"share": turns[0]["share"], "steps": turns[0]["steps"], "targets": turns[0]["targets"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--abstracts", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--length", type=int, default=1024, help="tokens of a packed sequence")
    parser.add_argument(
        "--batch", type=int, help="packed sequences per step; by default as many as sixteen abstracts fill"
    )
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["full", "lora all"])
    parser.add_argument("--packings", nargs="+", choices=PACKINGS, default=list(PACKINGS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    quiet()
    disable_progress_bars()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    found = measured(arguments)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['abstracts']} abstracts, {found['tokens']:,} tokens, {found['parameters']:,} parameters, "
          f"{found['threads']} threads; packed: {found['batch']} x {arguments.length} tokens a step\n")  # fmt: skip
    print("| | useful tokens/s | a processor second | times: clock | times: processor | times: whole command, processor "
          "| useful share |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for kind, one in found["kinds"].items():
        for way, speed in one["ways"].items():
            times = one["times"][way]
            print(f"| {kind}: {way} | {speed['wall']:,.0f} | {speed['processor']:,.0f} | {times['wall']:.2f} | "
                  f"{times['processor']:.2f} | {times['all_processor']:.2f} | {speed['share']:.2f} |")  # fmt: skip
        tried = ", ".join(f"{name} {speed['processor']:,.0f}" for name, speed in one["tried"].items())
        print(f"\nTRL's packings, {kind}, useful tokens a processor second, first round: {tried}\n")


if __name__ == "__main__":
    main()
