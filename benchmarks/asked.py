"""Asks what people ask in public: the share answered, and of which answers the number expected agrees.

Run `python benchmarks/asked.py --json FILE`. Whether an answer is right is for a reader to decide: the script only compares the
first number of what is right with the numbers of the answer, to .6 %, and prints every answer where they differ, every question
that is answered although it has no answer, and with `--refused` what is refused.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from answers import QUESTIONS, open_assistant, wilson

_SMALL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−", "0123456789-+-")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)?")


def mantissas(text: str) -> Iterator[float]:
    """The numbers of a text without sign and power of ten: units and notations differ."""
    for match in _NUMBER.finditer(text.translate(_SMALL)):
        value = float(match[0].replace(",", "."))
        yield value / 10 ** math.floor(math.log10(value)) if value else 0.0


def agrees(right: str, answer: str) -> bool | None:
    """Whether the answer contains the first number of what is right; None where that has none."""
    wanted = next(mantissas(right), None)
    if wanted is None:
        return None
    return any(abs(found - wanted) <= 0.006 * max(wanted, 1e-9) for found in mantissas(answer))


def measured(rows: list[dict[str, Any]], show: bool) -> dict[str, Any]:
    """Asks every question and counts."""
    ask = open_assistant()
    count = {
        "answerable": 0,
        "answered": 0,
        "number_agrees": 0,
        "number_differs": 0,
        "unanswerable": 0,
        "refused": 0,
    }
    for row in rows:
        reply = ask(row["question"])
        if not row["answerable"]:
            count["unanswerable"] += 1
            count["refused"] += reply.abstained
            if not reply.abstained:
                print(f"{row['id']} has no answer: {row['question']}\n    {reply.text[:200]}")
            continue
        if reply.abstained and row["refusal_ok"]:
            continue
        count["answerable"] += 1
        count["answered"] += not reply.abstained
        same = None if reply.abstained else agrees(row["right"], reply.text)
        count["number_agrees"] += same is True
        count["number_differs"] += same is False
        if same is False or (show and reply.abstained):
            print(f"{row['id']} {row['question']}\n    right: {row['right'][:120]}\n    {reply.text[:200]}")
    return count


def main() -> None:
    """Prints the shares with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--questions", type=Path, default=QUESTIONS / "asked.jsonl")
    parser.add_argument("--refused", action="store_true", help="print what is refused too")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.questions.read_text(encoding="utf-8").splitlines()]
    found = measured(rows, given.refused)
    for what, whole in (
        ("answered", "answerable"),
        ("number_agrees", "answered"),
        ("refused", "unanswerable"),
    ):
        low, high = wilson(found[what], found[whole])
        print(f"{what}: {found[what]} of {found[whole]} ({low:.1%} to {high:.1%})")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
