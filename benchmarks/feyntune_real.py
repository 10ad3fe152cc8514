"""FeynTune's question on a base that has really been pre-trained: SmolLM2-135M, texts of 10^5 tokens, two processor cores.

Type `python benchmarks/feyntune_real.py all --data YUKAWA_TEST_DATA/arxiv --work DIR`. It takes hours and may be stopped at any
moment: the same command goes on at the last checkpoint. `prepare` makes the texts, `run` trains one cell after the other, `measure`
compares those that are finished, `status` says how far it is. What was done lies in DIR/progress.jsonl.

The texts are abstracts of arXiv, deduplicated over all archives and split by their ids; a mixture is the first 10^5 tokens, in
shuffled order, of what there is of its archives. At equal size s9 would be s2, so it is a second draw. The learning rate is the
best of three for each placement, by the validation on hep-th after 2x10^4 tokens of s1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from yukawa.core.files import read_jsonl, write_jsonl
from yukawa.core.reports import write_json
from yukawa.data import Document, read_rows
from yukawa.evaluation.runner import archive

BASE = "local:smollm2"
ARCHIVES = {"s1": ["hep-th"], "s2": ["hep-ph", "gr-qc"], "s3": ["hep-th", "hep-ph", "gr-qc"], "s9": ["hep-ph", "gr-qc"],
            "s10": ["hep-th", "q-bio", "cs"]}  # fmt: skip
ALL = "hep-th, hep-ph, gr-qc, math, q-bio, cs"
TOKENS, RATE_TOKENS, EPOCH_TOKENS = 100_000, 20_000, 30_000
RATES = (3e-4, 1e-3, 3e-3)
WIDE = 30  # rank at which qkv has as many parameters as all at rank 8
VALIDATION, TESTED, OTHERS = (
    24,
    160,
    32,
)  # abstracts: to validate on, to test on of hep-th, and of each other archive


@dataclass(frozen=True)
class Cell:
    """One training: its name, its text, where its adapter lies, and what else differs from the recipe."""

    name: str
    text: str
    targets: str
    changes: tuple[str, ...] = ()

    def command(self, rate: float) -> list[str]:
        """What is typed, without the folder of the run."""
        return ["train", "feyntune-smollm2", f"mixture={self.text}", f"lora.targets={self.targets}",
                f"training.learning_rate={rate:g}", f"training.final_learning_rate={rate / 100:g}", *self.changes]  # fmt: skip


def cells() -> list[Cell]:
    """The trainings in the order in which they tell most."""
    placed = [
        Cell(f"{mixture}-{kind}", mixture, kind)
        for mixture in ("s1", "s3", "s10", "s2", "s9")
        for kind in ("qkv", "all")
    ]
    epochs = [Cell(f"s1-{kind}-e3", "s1-30k", kind, ("training.epochs=3",)) for kind in ("qkv", "all")]
    wide = Cell(f"s1-qkv{WIDE}", "s1", "qkv", (f"lora.rank={WIDE}", f"lora.alpha={4 * WIDE}"))
    return [*placed[:2], *epochs, wide, *placed[2:], Cell("s1-all-2", "s1", "all", ("training.seed=2",))]


def rate_cells() -> list[tuple[Cell, float]]:
    """The short trainings by which the rate is chosen."""
    return [
        (Cell(f"rate-{kind}-{rate:g}", "s1-20k", kind), rate) for kind in ("qkv", "all") for rate in RATES
    ]


class Experiment:
    """Its folder and what has been done in it."""

    def __init__(self, work: Path, data: Path | None) -> None:
        self.work, self.data = work.resolve(), data

    def note(self, **facts: object) -> None:
        """Add a line to the progress."""
        line = json.dumps({"at": time.strftime("%Y-%m-%d %H:%M:%S"), **facts})
        with (self.work / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def yukawa(self, *words: str) -> int:
        """Run a command in the folder, its output in a log; says how it ended."""
        start = time.monotonic()
        with (self.work / "log.txt").open("a", encoding="utf-8") as log:
            print("$ yukawa", *words, file=log, flush=True)
            run = [sys.executable, "-c", "from yukawa.cli.main import run; run()", *words]
            code = subprocess.run(
                run, cwd=self.work, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"}
            ).returncode
        self.note(command=" ".join(words[:5]), code=code, seconds=round(time.monotonic() - start))
        return code

    def prepare(self) -> None:
        """The texts, if they are not there."""
        done = self.work / "data" / "prepared.json"
        if done.is_file():
            return
        if self.data is None:
            raise SystemExit("--data FOLDER with hep_1991_2019, qbio, cs and other as .jsonl.gz is needed")
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "six.yaml").write_text(f"six: {{parts: [{ALL}]}}\n", encoding="utf-8")
        files = [str(self.data / f"{name}.jsonl.gz") for name in ("hep_1991_2019", "qbio", "cs", "other")]
        if not (self.work / "six").is_dir() and self.yukawa(
            "data", "abstracts", *files, "--mixture", "six", "--table", "six.yaml", "--out", "six"
        ):
            raise SystemExit(f"the texts cannot be made: see {self.work / 'log.txt'}")
        write_json(done, self._write_texts())

    def _write_texts(self) -> dict[str, object]:
        rows = {
            split: list(read_rows(self.work / "six" / f"{split}.parquet", Document))
            for split in ("train", "validation", "test")
        }
        ids = {split: {row.id for row in found} for split, found in rows.items()}
        if ids["train"] & (ids["validation"] | ids["test"]) or ids["validation"] & ids["test"]:
            raise SystemExit("a text is in two splits")
        count = token_counter()
        written: dict[str, object] = {}

        def keep(name: str, chosen: Iterable[Document]) -> None:
            chosen = list(chosen)
            write_jsonl(
                self.work / "data" / f"{name}.jsonl",
                (row.model_dump(mode="json", exclude_none=True) for row in chosen),
            )
            archives = [archive(row) for row in chosen]
            shares = {one: archives.count(one) for one in dict.fromkeys(archives)}
            written[name] = {"abstracts": len(chosen), "tokens": sum(map(count, chosen)), "archives": shares}

        (self.work / "data").mkdir(exist_ok=True)
        for mixture, parts in ARCHIVES.items():
            pool = iter([row for row in rows["train"] if archive(row) in parts])
            if mixture == "s9":
                list(first(pool, TOKENS, count))  # these are s2
            keep(mixture, first(pool, TOKENS, count))
        one = list(read_rows(self.work / "data" / "s1.jsonl", Document))
        keep("s1-20k", first(iter(one), RATE_TOKENS, count))
        keep("s1-30k", first(iter(one), EPOCH_TOKENS, count))
        keep("dry", first(iter(one), 2000, count))
        keep("validation", [row for row in rows["validation"] if archive(row) == "hep-th"][:VALIDATION])
        for part in ALL.split(", "):
            number = TESTED if part == "hep-th" else OTHERS
            keep(f"test-{part}", [row for row in rows["test"] if archive(row) == part][:number])
        return written

    def train(self, cell: Cell, rate: float) -> bool:
        """Train a cell, or finish its training; whether it is finished now."""
        folder = f"runs/{cell.name}"
        if (self.work / folder / "model").is_dir():
            return True
        begun = ["--resume"] if (self.work / folder).is_dir() else []
        return self.yukawa(*cell.command(rate), "--out", folder, *begun) == 0

    def rates(self) -> dict[str, float]:
        """The best rate of each placement, from the short trainings."""
        found: dict[str, dict[float, float]] = {"qkv": {}, "all": {}}
        for cell, rate in rate_cells():
            if not self.train(cell, rate):
                raise SystemExit(f"{cell.name} failed: see {self.work / 'log.txt'}")
            lines = list(read_jsonl(self.work / "runs" / cell.name / "metrics.jsonl"))
            found[cell.targets][rate] = [
                line["validation_loss"] for line in lines if "validation_loss" in line
            ][-1]
        write_json(
            self.work / "rates.json",
            {kind: {f"{r:g}": loss for r, loss in by.items()} for kind, by in found.items()},
        )
        return {kind: min(losses, key=losses.__getitem__) for kind, losses in found.items()}

    def run(self) -> None:
        """Train every cell that is not finished."""
        rates = self.rates()
        failed = [cell.name for cell in cells() if not self.train(cell, rates[cell.targets])]
        if failed:
            raise SystemExit(f"these failed: {', '.join(failed)}; see {self.work / 'log.txt'}")

    def finished(self) -> list[str]:
        """Names of the cells that are trained."""
        return [cell.name for cell in cells() if (self.work / "runs" / cell.name / "model").is_dir()]

    def measure(self) -> None:
        """Perplexities with paired intervals, and completions with their entropies, of what is finished."""
        models = [word for name in self.finished() for word in ("--model", f"{name}=runs/{name}")]
        tests = [f"{part}=data/test-{part}.jsonl" for part in ALL.split(", ")]
        self.yukawa(
            "evaluate",
            "report",
            *tests,
            "--out",
            "report",
            "--dtype",
            "bfloat16",
            "--model",
            f"base={BASE}",
            *models,
        )
        writers = [
            f"base={BASE}",
            *(f"{name}=runs/{name}" for name in ("s1-qkv", "s1-all") if name in self.finished()),
        ]
        options = ["--limit", "40", "--new-tokens", "128", "--temperature", "1", "--out", "completions"]
        self.yukawa(
            "evaluate",
            "completions",
            "data/test-hep-th.jsonl",
            *options,
            *(w for one in writers for w in ("--model", one)),
        )
        texts = [
            str(path.relative_to(self.work)) for path in sorted((self.work / "completions").glob("*.jsonl"))
        ]
        if texts:
            self.yukawa("evaluate", "entropy", *texts, *(w for one in writers for w in ("--model", one)))

    def status(self) -> None:
        """Print what is finished, and the steps of what is not."""
        for name in [cell.name for cell, _ in rate_cells()] + [cell.name for cell in cells()]:
            folder = self.work / "runs" / name
            metrics = folder / "metrics.jsonl"
            steps = [line.get("step") for line in read_jsonl(metrics)] if metrics.is_file() else []
            print(
                f"{name:16} {'finished' if (folder / 'model').is_dir() else f'step {steps[-1]}' if steps else '-'}"
            )


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
    parser.add_argument("what", choices=["prepare", "dry", "run", "measure", "status", "all"])
    parser.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="texts, runs, reports and progress"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="holds the metadata of arXiv; needed once")
    options = parser.parse_args()
    experiment = Experiment(options.work, options.data)
    if options.what == "status":
        experiment.status()
        return
    experiment.prepare()
    if options.what == "dry":
        experiment.train(Cell("dry", "dry", "all", ("training.epochs=2", "training.evaluate_every=2")), 1e-3)
    if options.what in ("run", "all"):
        experiment.run()
    if options.what in ("measure", "all"):
        experiment.measure()


if __name__ == "__main__":
    main()
