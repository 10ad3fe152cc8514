"""FeynTune's question on a base that has really been pre-trained: SmolLM2-135M, texts of 10^5 tokens, one processor core.

Type `python benchmarks/feyntune_real.py run --data YUKAWA_TEST_DATA/arxiv --work DIR`. One cell after the other is trained and
measured, about a quarter of an hour each. What was measured of a cell is one small file in benchmarks/results/feyntune_real, from
which feyntune_real_page.py makes docs/results/feyntune-real.md: models are not needed for it, and a cell whose file is there is
not done again. The same command resumes, within a cell at the last checkpoint in DIR;
`touch DIR/stop` stops it after the next step. `status` says how far it is, as do the lines of DIR/progress.jsonl.

The texts are abstracts of arXiv, deduplicated over all archives and split by their ids; a mixture is the first 10^5 tokens, in
shuffled order, of what there is of its archives. At equal size s9 would be s2, so it is a second draw.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import hashlib
import json
import os
import shlex
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measure import commit, machine

from yukawa.core.files import atomic_write, read_jsonl, write_jsonl
from yukawa.data import Document, read_rows
from yukawa.evaluation.runner import archive
from yukawa.runs.run import MODEL, RECIPE

BASE = "local:smollm2"
RESULTS = Path(__file__).parent / "results" / "feyntune_real"
TEXTS = "texts.json"
ARCHIVES = {"s1": ["hep-th"], "s2": ["hep-ph", "gr-qc"], "s3": ["hep-th", "hep-ph", "gr-qc"], "s9": ["hep-ph", "gr-qc"],
            "s10": ["hep-th", "q-bio", "cs"]}  # fmt: skip
ALL = ("hep-th", "hep-ph", "gr-qc", "math", "q-bio", "cs")
TOKENS, EPOCH_TOKENS = 100_000, 30_000
WIDE = 30  # rank at which qkv has as many parameters as all at rank 8
VALIDATION, TESTED, OTHERS = (
    12,
    80,
    20,
)  # abstracts: to validate on; to test on of hep-th, of each other archive
COMPLETED, NEW_TOKENS, PLACES = (
    24,
    128,
    16,
)  # completions, their tokens, and tokens to a place of the entropy's curve
CHOICES = 64  # questions on values of the PDG


@dataclass(frozen=True)
class Cell:
    """A model to be measured: its name, and unless it is the base its text, where its adapter lies, and what else differs."""

    name: str
    text: str = ""
    targets: str = ""
    changes: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """What is typed to train it, without the folder of the run: the recipe, and what differs."""
        own = [f"mixture={self.text}", f"lora.targets={self.targets}", "training.evaluate_every=20"]
        return ["feyntune-smollm2", *own, *self.changes]

    @property
    def command(self) -> str:
        """The whole command; the base has none."""
        return shlex.join(["yukawa", "train", *self.words, "--out", f"runs/{self.name}"]) if self.text else ""


def cells() -> list[Cell]:
    """The base and the trainings, in the order in which they tell most."""
    return [
        Cell("base"),
        Cell("s1-qkv", "s1", "qkv"),
        Cell("s1-all", "s1", "all"),
        *(Cell(f"{mixture}-qkv", mixture, "qkv") for mixture in ("s3", "s10", "s2", "s9")),
        Cell(f"s1-qkv{WIDE}", "s1", "qkv", (f"lora.rank={WIDE}", f"lora.alpha={4 * WIDE}")),
        Cell("s1-qkv-2", "s1", "qkv", ("training.seed=2",)),
        Cell("s1-all-e3", "s1-30k", "all", ("training.epochs=3",)),
        Cell("s1-qkv-e3", "s1-30k", "qkv", ("training.epochs=3",)),
    ]


class Asked(Exception):
    """Somebody asked to stop."""


class Experiment:
    """The folder with texts, runs and progress, and the one with what was measured."""

    def __init__(self, work: Path, results: Path = RESULTS) -> None:
        self.work, self.results = work.resolve(), results.resolve()

    @property
    def stop(self) -> Path:
        """A file that asks for a stop."""
        return self.work / "stop"

    def note(self, **facts: object) -> None:
        """Add a line to the progress."""
        line = json.dumps({"at": time.strftime("%Y-%m-%d %H:%M:%S"), **facts})
        with (self.work / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def result(self, cell: Cell) -> Path:
        """The file of a cell."""
        return self.results / f"{cell.name}.json"

    # ---- texts

    def prepare(self, data: Path | None) -> None:
        """Make the texts, if they are not there, and see that they are those of the cells that are measured already."""
        if not (self.work / TEXTS).is_file():
            if data is None:
                raise SystemExit(
                    "--data FOLDER with hep_1991_2019, qbio, cs and other as .jsonl.gz is needed"
                )
            self.work.mkdir(parents=True, exist_ok=True)
            self._make(data.resolve())
        text, kept = (self.work / TEXTS).read_text(encoding="utf-8"), self.results / TEXTS
        if kept.is_file() and kept.read_text(encoding="utf-8") != text:
            raise SystemExit(
                f"the texts are not those of {kept}: cells on different texts cannot be compared"
            )
        self.results.mkdir(parents=True, exist_ok=True)
        atomic_write(kept, text)

    def _make(self, data: Path) -> None:
        from yukawa.cli.main import app

        six = self.work / "six"
        if not six.is_dir():
            (self.work / "six.yaml").write_text(f"six: {{parts: [{', '.join(ALL)}]}}\n", encoding="utf-8")
            files = [str(data / f"{name}.jsonl.gz") for name in ("hep_1991_2019", "qbio", "cs", "other")]
            how = ["--mixture", "six", "--table", str(self.work / "six.yaml"), "--out", str(six)]
            app(["data", "abstracts", *files, *how], standalone_mode=False)
        rows = {
            split: list(read_rows(six / f"{split}.parquet", Document))
            for split in ("train", "validation", "test")
        }
        ids = [{row.id for row in found} for found in rows.values()]
        if len(set().union(*ids)) < sum(map(len, ids)):
            raise SystemExit("a text is in two splits")
        count, written = token_counter(), dict[str, Any]()

        def keep(name: str, chosen: Iterable[Document]) -> None:
            chosen = list(chosen)
            write_jsonl(
                self.work / "data" / f"{name}.jsonl",
                (row.model_dump(mode="json", exclude_none=True) for row in chosen),
            )
            archives = [archive(row) for row in chosen]
            shares = {one: archives.count(one) for one in sorted(set(archives))}
            names = "\n".join(row.id for row in chosen)
            written[name] = {"abstracts": len(chosen), "tokens": sum(map(count, chosen)), "archives": shares,
                             "ids": hashlib.sha256(names.encode()).hexdigest()[:16]}  # fmt: skip

        (self.work / "data").mkdir(exist_ok=True)
        for mixture, parts in ARCHIVES.items():
            pool = iter([row for row in rows["train"] if archive(row) in parts])
            if mixture == "s9":
                list(first(pool, TOKENS, count))  # these are s2
            keep(mixture, first(pool, TOKENS, count))
        one = read_rows(self.work / "data" / "s1.jsonl", Document)
        keep("s1-30k", first(iter(one), EPOCH_TOKENS, count))
        keep("validation", [row for row in rows["validation"] if archive(row) == "hep-th"][:VALIDATION])
        for part in ALL:
            number = TESTED if part == "hep-th" else OTHERS
            keep(f"test-{part}", [row for row in rows["test"] if archive(row) == part][:number])
        atomic_write(self.work / TEXTS, json.dumps(written, indent=1) + "\n")

    # ---- one cell after the other

    def run(self, only: Sequence[str] = ()) -> None:
        """Train and measure the cells that are not measured yet, or those that are named."""
        os.chdir(self.work)
        for cell in cells():
            if not self.result(cell).is_file() and (not only or cell.name in only):
                self._do(cell)

    def _do(self, cell: Cell) -> None:
        self.note(cell=cell.name, begins=True)
        load, facts = [round(os.getloadavg()[0], 1)], dict[str, Any]()
        if cell.text:
            facts = self._train(cell)
        self._check_stop()
        start = time.perf_counter(), time.process_time()
        figures = self._measure(cell)
        spent = {
            "wall": round(time.perf_counter() - start[0]),
            "processor": round(time.process_time() - start[1]),
        }
        texts = hashlib.sha256((self.work / TEXTS).read_bytes()).hexdigest()[:16]
        found = {
            "cell": cell.name, "command": cell.command, "commit": commit(), "date": datetime.date.today().isoformat(),
            "machine": machine(), "load": [*load, round(os.getloadavg()[0], 1)], "texts": texts,
            **facts, "measured_in": spent, **figures,
        }  # fmt: skip
        lines = [
            f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in found.items()
        ]
        atomic_write(self.result(cell), "{\n" + ",\n".join(lines) + "\n}\n")
        self.note(cell=cell.name, measured=spent)

    def _train(self, cell: Cell) -> dict[str, Any]:
        """Train a cell, or finish its training."""
        from yukawa.training import TextRecipe, train

        recipe, *changes = cell.words
        folder, seconds = Path("runs") / cell.name, Path("runs") / f"{cell.name}.seconds"
        if not (folder / MODEL).is_dir():
            start = time.process_time()
            before = float(seconds.read_text()) if seconds.is_file() and (folder / RECIPE).is_file() else 0.0
            result = train(
                TextRecipe.load(recipe, changes), folder, (folder / RECIPE).is_file(), self._watcher(cell)
            )
            seconds.write_text(str(before + time.process_time() - start), encoding="utf-8")
            if result.interrupted:
                raise Asked
            counts = {"trained_parameters": result.trained_parameters, "tokens": result.tokens}
            atomic_write(folder / "counts-of-result.json", json.dumps(counts))
            gc.collect()
        lines = list(read_jsonl(folder / "metrics.jsonl"))
        return {
            **json.loads((folder / "counts-of-result.json").read_text(encoding="utf-8")),
            "trained_in": {"processor": round(float(seconds.read_text(encoding="utf-8")))},
            "loss": [[line["step"], round(line["loss"], 4)] for line in lines if "loss" in line],
            "validation_loss": [
                [line["step"], round(line["validation_loss"], 4)]
                for line in lines
                if "validation_loss" in line
            ],
        }

    def _watcher(self, cell: Cell) -> Callable[[int, int, Mapping[str, float]], None]:
        """Writes the progress of a training, and turns the file that asks for a stop into Ctrl-C, which leaves a checkpoint."""
        asked = False

        def watch(step: int, steps: int, metrics: Mapping[str, float]) -> None:
            nonlocal asked
            if step % 10 == 0 or step == steps:
                loss = metrics.get("loss")
                self.note(cell=cell.name, step=step, of=steps, loss=loss and round(loss, 3))
            if self.stop.is_file() and not asked:  # a second Ctrl-C would end it at once
                asked = True
                signal.raise_signal(signal.SIGINT)

        return watch

    def _check_stop(self) -> None:
        if self.stop.is_file():
            raise Asked

    # ---- what is measured

    def _measure(self, cell: Cell) -> dict[str, Any]:
        """Losses of documents, right answers, and what the model writes."""
        import torch

        from yukawa.evaluation.perplexity import document_losses
        from yukawa.evaluation.question_sets import GENERAL, PDG, question_set
        from yukawa.evaluation.questions import ask
        from yukawa.llm.loading import open_language_model

        torch.set_num_threads(1)
        model = open_language_model(
            Path("runs") / cell.name if cell.text else BASE, dtype="float32", name=cell.name
        )
        losses = dict[str, Any]()
        for part in ALL:
            found = document_losses(model, self._tested(part))
            losses[part] = {
                "losses": [round(loss, 3) for loss in found.losses.tolist()], "tokens": found.tokens.tolist(),
            }  # fmt: skip
            self._check_stop()
        values = [one for one in question_set(PDG, count=2 * CHOICES) if one.judged == "choice"][:CHOICES]
        right = {
            name: "".join("01"[one] for one in ask(model, asked).right)
            for name, asked in ((PDG, values), (GENERAL, question_set(GENERAL)))
        }
        self._check_stop()
        return {"perplexity": losses, "right": right, "completions": self._completions(model, cell)}

    def _completions(self, model: Any, cell: Cell) -> dict[str, Any]:
        """How much the model repeats in what it writes, and how sure it is of it and of the true continuation, by place."""
        from yukawa.evaluation.completion_metrics import completion_entropies, diversity
        from yukawa.evaluation.completions import complete
        from yukawa.evaluation.perplexity import encoded
        from yukawa.evaluation.windows import text_windows

        place = Path("completions") / f"{cell.name}.jsonl"
        place.parent.mkdir(exist_ok=True)
        rows = complete(
            model, self._tested("hep-th")[:COMPLETED], place,
            new_tokens=NEW_TOKENS, temperature=1.0, seed=1, batch=COMPLETED,
        )  # fmt: skip
        ids, _ = encoded(model, [f" {row.reference}" for row in rows], bos=False, eos=False)
        truth = [
            row.model_copy(update={"tokens": tuple(tokens[:NEW_TOKENS])})
            for row, tokens in zip(rows, ids, strict=True)
        ]
        texts = diversity([row.id for row in rows], [row.completion for row in rows])
        whole = [text_windows(row.prompt, row.completion, 64) for row in rows]
        found = {"written": completion_entropies(model, rows), "truth": completion_entropies(model, truth)}
        return {
            "ended": sum(row.finish == "stop" for row in rows),
            "artefacts": int(np.any(list(texts.artefacts.values()), axis=0).sum()),
            "distinct_3": [round(value, 4) for value in texts.values["distinct_3"].tolist()],
            "repeated": [round(float(np.mean([one.repeated for one in some])), 4) for some in whole if some],
            "entropy": {
                name: [_by_place(row, bits.entropies is not None) for row in (bits.entropies or bits.surprisals)]
                for name, bits in found.items()
            },
        }  # fmt: skip

    def _tested(self, part: str) -> list[Document]:
        return list(read_rows(Path("data") / f"test-{part}.jsonl", Document))

    def status(self) -> None:
        """Print what is measured, and the steps of what is not."""
        for cell in cells():
            metrics = self.work / "runs" / cell.name / "metrics.jsonl"
            steps = [line.get("step") for line in read_jsonl(metrics)] if metrics.is_file() else []
            done = "measured" if self.result(cell).is_file() else f"step {steps[-1]}" if steps else "-"
            print(f"{cell.name:12} {done}")


def _by_place(bits: Any, known: bool) -> list[float]:
    """Mean bits of the tokens of each place that a text fills."""
    if not known:
        raise SystemExit("the model gives no entropies")
    whole = len(bits) // PLACES
    means: list[float] = bits[: whole * PLACES].reshape(whole, PLACES).mean(1).round(3).tolist()
    return means


def token_counter() -> Callable[[Document], int]:
    """Counts the tokens of a text, with the token that ends it."""
    from yukawa.llm.folders import fetch_tokenizer
    from yukawa.llm.loading import load_tokenizer

    tokenizer = load_tokenizer(fetch_tokenizer(BASE))
    return lambda row: (
        len(tokenizer(row.text, add_special_tokens=False, split_special_tokens=True)["input_ids"]) + 1
    )


def first(rows: Iterator[Document], tokens: int, count: Callable[[Document], int]) -> Iterator[Document]:
    """The next rows, until they have so many tokens."""
    while tokens > 0:
        row = next(rows)
        tokens -= count(row)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["prepare", "run", "status"])
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="texts, runs and progress")
    parser.add_argument("--data", type=Path, metavar="DIR", help="holds the metadata of arXiv; needed once")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help="a small file for each cell"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], choices=[cell.name for cell in cells()], metavar="CELL"
    )
    options = parser.parse_args()
    experiment = Experiment(options.work, options.results)
    if options.what == "status":
        experiment.status()
        return
    experiment.prepare(options.data)
    if options.what == "run":
        try:
            experiment.run(options.only)
        except Asked:
            experiment.stop.unlink(missing_ok=True)
            experiment.note(stopped=True)


if __name__ == "__main__":
    main()
