"""Asks Yukawa the question sets and reports how many answers are right and how many guesses it refused.

Run `python benchmarks/answers.py --set dev --kind both`; see benchmarks/questions/README.md for what is right.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

QUESTIONS = Path(__file__).parent / "questions"


@dataclass(frozen=True)
class Reply:
    """What the benchmark needs of an answer: its text, whether it abstained, and ids or labels of its sources."""

    text: str
    abstained: bool
    sources: list[str]


@dataclass(frozen=True)
class Outcome:
    """One question asked."""

    id: str
    question: str
    groups: dict[str, str]
    good: bool
    abstained: bool
    answer: str
    sources: list[str]
    wanted: str
    milliseconds: float


def open_assistant() -> Callable[[str], Reply]:
    """A function from a question to a Reply, on the PDG knowledge base of YUKAWA_HOME, made if there is none."""
    from yukawa.assistant import Assistant
    from yukawa.core.settings import load_settings
    from yukawa.knowledge import open_base

    settings = load_settings()
    assistant = Assistant(open_base(settings), settings)

    def ask(question: str) -> Reply:
        answer = assistant.ask(question, model="quote", keep=False)
        return Reply(answer.text, answer.abstained, [source.id for source in answer.sources])

    return ask


def load_score() -> ModuleType:
    """questions/score.py, which is a script folder and not a package."""
    spec = importlib.util.spec_from_file_location("yukawa_question_score", QUESTIONS / "score.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{QUESTIONS / 'score.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def read_rows(name: str, kind: str) -> list[dict[str, Any]]:
    """The rows of one set."""
    lines = (QUESTIONS / f"{name}_{kind}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def wilson(good: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction (E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209)."""
    if total == 0:
        return 0.0, 1.0
    z = 1.959964
    fraction, spread = good / total, z * z / total
    centre = (fraction + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(fraction * (1 - fraction) / total + spread / (4 * total))
    return max(0.0, centre - half), min(1.0, centre + half)


def run(rows: Sequence[dict[str, Any]], ask: Callable[[str], Reply]) -> list[Outcome]:
    """Asks every row; an answerable one is good when right, an unanswerable one when abstained."""
    right = load_score().right
    outcomes = []
    for row in rows:
        started = time.perf_counter()
        reply = ask(row["question"])
        milliseconds = 1000 * (time.perf_counter() - started)
        if "accept" in row:
            good = not reply.abstained and right(row, reply.text, reply.sources)
            groups = {key: row[key] for key in ("property", "style", "template")}
            wanted = json.dumps(row["accept"], ensure_ascii=False)
        else:
            good, groups, wanted = reply.abstained, {"kind": row["kind"]}, row["why"]
        said = (reply.abstained, reply.text, reply.sources)
        outcomes.append(Outcome(row["id"], row["question"], groups, good, *said, wanted, milliseconds))
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts, the fraction with its interval, the good ones per group, and the median time."""
    total, good = len(outcomes), sum(outcome.good for outcome in outcomes)
    low, high = wilson(good, total)
    groups: dict[str, dict[str, list[int]]] = {}
    for key in outcomes[0].groups if outcomes else ():
        of, ok = Counter(o.groups[key] for o in outcomes), Counter(o.groups[key] for o in outcomes if o.good)
        groups[key] = {name: [ok[name], of[name]] for name in sorted(of)}
    return {
        "asked": total,
        "good": good,
        "fraction": good / total if total else 0.0,
        "interval_95": [low, high],
        "abstained": sum(outcome.abstained for outcome in outcomes),
        "groups": groups,
        "p50_ms": statistics.median(o.milliseconds for o in outcomes) if outcomes else 0.0,
    }


def report(title: str, outcomes: Sequence[Outcome]) -> str:
    """The summary and every failure as text."""
    facts = summary(outcomes)
    low, high = facts["interval_95"]
    lines = [
        f"{title}: {facts['good']}/{facts['asked']} = {facts['fraction']:.1%} (95 %: {low:.1%} to {high:.1%}), "
        f"abstained {facts['abstained']}, p50 {facts['p50_ms']:.1f} ms"
    ]
    for key, group in facts["groups"].items():
        shown = {n: c for n, c in group.items() if key != "template" or c[0] < c[1]}
        lines.append(f"  by {key}: " + ", ".join(f"{name} {ok}/{of}" for name, (ok, of) in shown.items()))
    for outcome in outcomes:
        if not outcome.good:
            answer = "(abstained)" if outcome.abstained else " ".join(outcome.answer.split())[:300]
            lines += [
                f"  - {outcome.id} {outcome.question}",
                f"      answer: {answer}",
                f"      sources: {', '.join(outcome.sources)[:200]}",
                f"      wanted: {outcome.wanted}",
            ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=["dev", "train", "test"], default="dev", dest="name")
    parser.add_argument("--kind", choices=["answerable", "unanswerable", "both"], default="both")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args(arguments)
    kinds = ["answerable", "unanswerable"] if options.kind == "both" else [options.kind]
    ask = open_assistant()
    results = {kind: run(read_rows(options.name, kind), ask) for kind in kinds}
    if options.json:
        whole = {
            kind: summary(found) | {"failures": [asdict(o) for o in found if not o.good]}
            for kind, found in results.items()
        }
        print(json.dumps(whole, ensure_ascii=False))
        return
    for kind, found in results.items():
        verb = "right" if kind == "answerable" else "abstained"
        print(report(f"{options.name} {kind}, {verb}", found))


if __name__ == "__main__":
    main()
