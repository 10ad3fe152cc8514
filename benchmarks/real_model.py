"""A real language model, SmolLM2-135M in llama.cpp, answers public questions through `ask` with its checks.

Run `python benchmarks/real_model.py --questions 50`. Each question is answered three ways: as the default does (`quote`), with the
model in its place (`model`), and by the model from the nearest sentences of the Review (`passages`), which are facts that code
answers from otherwise. What the model wrote, what of it the checks let through and how much of that is right is counted; `--out`
keeps every text for marking by people.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import answers

QUESTIONS = Path(__file__).parent / "questions" / "public.jsonl"
MODEL = "smollm2"
NEAREST = 6  # sentences that the model reads
_TOLERANCE = 1e-3  # relative, of a value that is rounded or stated without error


@dataclass(frozen=True)
class Answered:
    """One question, as one way of asking answered it.

    Attributes:
        way: `quote`, `model` or `passages`.
        drafts: what the model wrote, one text for each time it was asked.
        served: whether the text is the model's own and passed its checks.
        right: whether it contains every expected value; None where it abstained.
    """

    id: str
    way: str
    text: str
    by: str
    abstained: bool
    drafts: tuple[str, ...]
    served: bool
    right: bool | None
    seconds: float


class Heard:
    """Reads along and keeps every draft."""

    def __init__(self) -> None:
        self.drafts: list[str] = []
        self._new = True

    def piece(self, text: str) -> None:
        """The next words."""
        if self._new:
            self.drafts.append("")
        self._new = False
        self.drafts[-1] += text

    def again(self, reason: str) -> None:
        """Another draft follows."""
        self._new = True


Ask = Callable[[str, Heard], Any]


def sample(count: int, seed: int) -> list[dict[str, Any]]:
    """Answerable questions in English whose values are numbers."""
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    fit = [row for row in rows if row["answerable"] and row["language"] == "en" and expected(row)]
    return random.Random(seed).sample(fit, min(count, len(fit)))


def expected(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The values that an answer must state."""
    return [value for value in row["expected"].get("values", ()) if "value" in value]


def stated(row: dict[str, Any], text: str, score: Any) -> bool:
    """Whether every expected value occurs in a text, within its error or a thousandth, in any unit of its dimension."""
    return all(_holds(value, text, score) for value in expected(row))


def _holds(value: dict[str, Any], text: str, score: Any) -> bool:
    unit = (
        value["unit"] if value["unit"] in score._UNITS else ""
    )  # of another one the number alone is compared
    (wanted,) = score.measurements(f"{value['value']:.15g} {unit}", unit)
    goal = float(wanted.value)
    error = max(map(abs, value.get("error") or [0.0])) * (goal / value["value"] if value["value"] else 1.0)
    margin = max(_TOLERANCE * abs(goal), abs(error))
    return any(
        _dimension(one, score) == _dimension(wanted, score) and abs(float(one.value) - goal) <= margin
        for one in score.measurements(score.plain(text), unit)
    )


def _dimension(found: Any, score: Any) -> str:
    return score._UNITS[found.unit][0] if found.unit else ""


def ways(model: str) -> dict[str, Ask]:
    """The three ways of asking, on the knowledge base of YUKAWA_HOME."""
    from yukawa.assistant import Assistant
    from yukawa.assistant.passages import Passages
    from yukawa.core.settings import ModelSettings, load_settings
    from yukawa.knowledge import open_base
    from yukawa.knowledge.documents.spans import Span

    row = ModelSettings(name=MODEL, backend="llamacpp", model=model, max_tokens=100)
    settings = load_settings()
    settings = settings.model_copy(update={"models": {**settings.models, MODEL: row}})
    base = open_base(settings)
    assistant = Assistant(base, settings)
    passages = Passages(base)

    def nearest(question: str, heard: Heard) -> Any:
        spans = [Span(hit.text, (), 1.0, hit) for hit in base.search(question, k=NEAREST)]
        return passages._write(question, row, spans, heard)

    return {
        "quote": lambda question, heard: assistant.ask(question, model="quote", keep=False, reader=heard),
        "model": lambda question, heard: assistant.ask(question, model=MODEL, keep=False, reader=heard),
        "passages": nearest,
    }


def run(rows: Sequence[dict[str, Any]], asked: dict[str, Ask]) -> list[Answered]:
    """Every question, every way."""
    score = answers.load_score()
    found = []
    for row in rows:
        for way, ask in asked.items():
            begun, heard = time.perf_counter(), Heard()
            answer = ask(row["question"], heard)
            seconds = time.perf_counter() - begun
            right = None if answer.abstained else stated(row, answer.text, score)
            served = answer.model == MODEL and not answer.abstained
            one = Answered(
                row["id"],
                way,
                answer.text,
                answer.model,
                answer.abstained,
                tuple(heard.drafts),
                served,
                right,
                seconds,
            )
            found.append(one)
            print(f"{row['id']} {way}: {mark(one)} in {seconds:.1f} s", flush=True)
    return found


def mark(one: Answered) -> str:
    """How a question went, in words."""
    own = ", the model's own words" if one.served else ""
    return "no answer" if one.abstained else f"{'right' if one.right else 'not right'}{own}"


def summary(found: Sequence[Answered]) -> dict[str, Any]:
    """The figures: each way's answers, and the model's own replies that were served."""
    figures: dict[str, Any] = {}
    for way in dict.fromkeys(one.way for one in found):
        of = [one for one in found if one.way == way]
        own = [one for one in of if one.served]
        figures[way] = {
            "questions": len(of),
            "answered": sum(not one.abstained for one in of),
            "right": sum(one.right is True for one in of),
            "not_right": sum(one.right is False for one in of),
            "own_written": sum(bool(one.drafts) for one in of),
            "own_served": len(own),
            "own_right": sum(one.right is True for one in own),
            "own_right_interval": answers.wilson(sum(one.right is True for one in own), len(own)),
            "seconds": sum(one.seconds for one in of),
        }
    kept = {way: {one.id: one for one in found if one.way == way} for way in figures}
    figures["worse_than_quote"] = sorted(
        name
        for name, one in kept["model"].items()
        if (one.right is False and kept["quote"][name].right is not False)
        or (kept["quote"][name].right is True and one.right is not True)
    )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=50, help="How many, drawn by --seed.")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--model", default=MODEL, help="A GGUF file, or smollm2.")
    parser.add_argument("--out", type=Path, help="A JSON file for the figures and every text.")
    parser.add_argument("--json", type=Path, help="A JSON file for the figures.")
    options = parser.parse_args()
    found = run(sample(options.questions, options.seed), ways(options.model))
    figures = summary(found)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if options.out:
        whole = figures | {"answers": [asdict(one) for one in found]}
        options.out.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
