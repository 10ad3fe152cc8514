"""Blind sheets for people: pairs of answers as a table without names, and what comes back filled in."""

import csv
import io
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from yukawa.core.errors import InputError
from yukawa.core.files import read_object, read_text
from yukawa.evaluation.judging.blinding import anonymous
from yukawa.evaluation.judging.layouts import PAIR_WORDS
from yukawa.evaluation.judging.questions import AskedQuestion, ModelAnswer, by_question
from yukawa.evaluation.judging.verdicts import OVERALL, Verdict

KIND = "key of a blind sheet"
_HEAD = ("item", "question", "left", "right")
_FORMULA = re.compile(r"^[=+\-@\t\r]")  # what a spreadsheet would execute


class Sheet(NamedTuple):
    """A table to be filled in, and the key by which it is read back.

    Attributes:
        text: the CSV; no model is named in it.
        key: by item, the question and the models left and right; it must not be given to the person who judges.
    """

    text: str
    key: dict[str, list[str]]


def make_sheet(
    questions: Sequence[AskedQuestion], answers: Iterable[ModelAnswer], criteria: Sequence[str] = (), *, against: str | None = None,
    seed: int = 0,
) -> Sheet:  # fmt: skip
    """Every two answers to each question, in an order and on sides drawn by the seed; give each person another seed.

    Raises:
        InputError: no question has two different answers.
    """
    found = by_question(questions, answers)
    models = sorted({name for given in found.values() for name in given})
    dice = random.Random(seed)  # noqa: S311 -- no secret
    rows = []
    for question in questions:
        given = found[question.id]
        for pair in combinations(sorted(given), 2):
            if given[pair[0]].text.strip() != given[pair[1]].text.strip() and (
                against is None or against in pair
            ):
                left, right = dice.sample(pair, 2)
                rows.append((question, left, right, given[left].text, given[right].text))
    if not rows:
        raise InputError(
            "no question has two different answers", hint="name the files with the answers of two models"
        )
    dice.shuffle(rows)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([*_HEAD, *criteria, "verdict", "remark"])
    key = {}
    for number, (question, left, right, one, two) in enumerate(rows, start=1):
        key[str(number)] = [question.id, left, right]
        texts = (question.text, anonymous(one, models), anonymous(two, models))
        table.writerow([number, *map(_shown, texts), *([""] * len(criteria)), "", ""])
    return Sheet(out.getvalue(), key)


def _is_item(item: object) -> bool:
    return isinstance(item, list) and len(item) == 3 and all(isinstance(name, str) for name in item)


@contextmanager
def _without_csv_errors(rows: "csv.DictReader[str]", path: Path) -> Iterator[None]:
    """Name the line that is not a row of CSV.

    Raises:
        InputError: one is not.
    """
    try:
        yield
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num} is not a row of CSV: {error}") from None


def _without_damage(rows: "csv.DictReader[str]", path: Path) -> Iterator[dict[str, str | None]]:
    with _without_csv_errors(rows, path):
        yield from rows


def _shown(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def read_sheet(path: Path, key_path: Path, judge: str) -> list[Verdict]:
    """The verdicts of a sheet that was filled in: left, right, tie or both bad in the columns of criteria and verdict.

    Rows without any verdict are passed over.

    Raises:
        InputError: a file cannot be read or is another one, a row is not CSV, an item is unknown or twice, or a verdict is none.
    """
    key = read_object(key_path)
    if key.get("kind") != KIND or not isinstance(key.get("items"), dict):
        raise InputError(
            f"{key_path} is not the key of a sheet", hint="name the file that was written beside the sheet"
        )
    if not all(_is_item(item) for item in key["items"].values()):
        raise InputError(f"{key_path} is damaged: each of its items is a list of a question and two models")
    rows = csv.DictReader(io.StringIO(read_text(path)))
    with _without_csv_errors(rows, path):
        rows.fieldnames  # noqa: B018 -- reads the first line
    names = [name for name in rows.fieldnames or () if name not in (*_HEAD, "remark")]
    if "item" not in (rows.fieldnames or ()) or "verdict" not in names:
        raise InputError(
            f"{path} has no columns 'item' and 'verdict'", hint="keep the first line of the sheet"
        )
    found, seen = [], set()
    for row in _without_damage(rows, path):
        place, item = f"{path}:{rows.line_num}", (row["item"] or "").strip()
        if item not in key["items"] or item in seen:
            raise InputError(
                f"{place}: item {item!r} is {'there twice' if item in seen else 'not in the key'}"
            )
        seen.add(item)
        question, left, right = key["items"][item]
        for name in names:
            said = (row[name] or "").strip().casefold()
            if said and said not in PAIR_WORDS:
                raise InputError(
                    f"{place}: {row[name]!r} is not a verdict", hint="write left, right, tie or both bad"
                )
            if said:
                found.append(Verdict(
                    question=question, first=left, second=right, verdict=PAIR_WORDS[said], judge=judge,
                    criterion=OVERALL if name == "verdict" else name, reason=(row.get("remark") or "").strip(),
                ))  # fmt: skip
    if not found:
        raise InputError(
            f"{path} holds no verdicts yet", hint="write left, right, tie or both bad in the column verdict"
        )
    return found
