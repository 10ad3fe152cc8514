"""Makes the second development set from the pairs of the first: other phrasings, seeds and spellings.

Run `python benchmarks/questions/make_train.py` in an environment with the `pdg` package; the seed is
fixed, so the same PDG edition gives the same files.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections import Counter
from typing import Any

import make_questions as maker
import templates
import unanswerable
from pairs import Accept, Pair, all_pairs, connect
from train_templates import TRAIN, TRAIN_UNANSWERABLE

NAME = "train"
SEED = 63
# Rows per property; a pair comes up several times where the first set has fewer.
SIZES = {
    "mass": 87, "width": 62, "lifetime": 46, "branching": 146, "limit": 36, "quantum": 76, "difference": 28,
    "moment": 14, "anomaly": 5,
}  # fmt: skip


class TrainWriter(maker.Writer):
    """Writes with the phrasings of this set; asks more often for single quantum numbers, and for G-parity."""

    def __init__(self) -> None:
        maker.SEEDS[NAME] = SEED
        super().__init__(NAME, TRAIN)

    def _quantum_kind(self, numbers: dict[str, str]) -> tuple[str, dict[str, str]]:
        single = {f"quantum:{key}": {key: numbers[key]} for key in "IGPC" if key in numbers}
        if numbers.get("charge", "0") != "0":
            single["quantum:charge"] = {"charge": numbers["charge"]}
        if numbers.get("J") in ("0", "1") and "P" in numbers:
            single["quantum:scalar"] = {key: numbers[key] for key in "JP"}
        if single and self.rng.random() < 0.5:
            return self.rng.choice(list(single.items()))
        return super()._quantum_kind(numbers)

    def _fill(self, text: str, pair: Pair, style: str, accept: list[Accept]) -> str:
        return super()._fill(text, pair, style, accept).replace("$$", "")


def dev_pairs(db: sqlite3.Connection) -> dict[str, list[Pair]]:
    """The pairs dealt to dev, drawn as `make_questions.main` draws them, each once."""
    pairs = all_pairs(db)
    rng = random.Random(maker.SEEDS["pairs"])
    dealt: dict[str, list[Pair]] = {}
    for what, sizes in maker.SIZES.items():
        of_kind = [pair for pair in pairs if pair.property == what]
        _, dev = maker.split(of_kind, sizes, rng, what in maker.TWICE)
        dealt[what] = list({id(pair): pair for pair in dev}.values())
    return dealt


def check_pairs(pairs: list[Pair]) -> None:
    """Raises ValueError unless these are the pairs of `dev_answerable.jsonl`, all differences positive."""
    lines = (maker.FOLDER / "dev_answerable.jsonl").read_text("utf-8").splitlines()
    known = {json.loads(line)["accept"][0]["pdgid"] for line in lines}
    if {pair.accept[0]["pdgid"] for pair in pairs} != known:
        raise ValueError("the dev pairs are not those of dev_answerable.jsonl; make that file again first")
    if falling := [pair for pair in pairs if pair.other and not pair.rises]:
        raise ValueError(f"'heavier' would be wrong for {falling}")


def check_phrasings() -> None:
    """Refuse a phrasing or an unanswerable question that is in another set.

    Raises:
        ValueError: there is one.
    """
    for others in (templates.DEV, templates.TEST):
        taken = {(kind, _loose(text)) for kind, found in others.items() for _, text in found}
        mine = {(kind, _loose(text)): text for kind, found in TRAIN.items() for _, text in found}
        if shared := [mine[key] for key in mine.keys() & taken]:
            raise ValueError(f"phrasings of another set: {shared}")
    asked = {_loose(question) for found in TRAIN_UNANSWERABLE.values() for question, _ in found}
    for entries in (unanswerable.DEV, unanswerable.TEST):
        if shared_questions := asked & {_loose(text) for found in entries.values() for text, _ in found}:
            raise ValueError(f"questions of another set: {shared_questions}")


def _loose(text: str) -> str:
    """A phrasing without case, article and punctuation at its end."""
    text = re.sub(r"(?:an? |the )?\{(?:the|p|sym)\}", "{p}", text)
    return text.lower().rstrip("?.! ")


def unanswerable_rows(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """The unanswerable rows, each checked against the data.

    Raises:
        ValueError: the PDG data do have something that could answer a question.
    """
    rows: list[dict[str, Any]] = []
    for kind, entries in TRAIN_UNANSWERABLE.items():
        for question, check in entries:
            what, _, rest = check.partition(":")
            if what and (found := unanswerable._CHECKS[what](db, rest)):
                raise ValueError(f"{question!r} may have an answer: {found}")
            why = unanswerable._WHY[kind] + (f"; checked: {check}" if check else "")
            rows.append(
                {"id": f"{NAME}-u{len(rows) + 1:03d}", "question": question, "kind": kind, "why": why}
            )
    return rows


def main() -> None:
    """Writes both files next to this one."""
    check_phrasings()
    db = connect()
    dealt = dev_pairs(db)
    check_pairs([pair for pairs in dealt.values() for pair in pairs])
    rng = random.Random(SEED)
    chosen: list[Pair] = []
    for what, size in SIZES.items():
        pairs = dealt[what]
        rng.shuffle(pairs)
        chosen += (pairs * -(-size // len(pairs)))[:size]
    rng.shuffle(chosen)
    writer = TrainWriter()
    rows = [writer.row(number, pair) for number, pair in enumerate(chosen, 1)]
    maker.write_lines(maker.FOLDER / f"{NAME}_answerable.jsonl", rows)
    refused = unanswerable_rows(db)
    maker.write_lines(maker.FOLDER / f"{NAME}_unanswerable.jsonl", refused)
    print(
        len(rows),
        "answerable",
        Counter(row["property"] for row in rows),
        Counter(row["style"] for row in rows),
    )
    print(
        len(writer.used),
        "phrasings used,",
        len(refused),
        "unanswerable",
        Counter(row["kind"] for row in refused),
    )


if __name__ == "__main__":
    main()
