"""Planted pieces of an evaluation set are found, with item and document, and nothing else."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.decontamination import (
    ContaminationCounts,
    Decontamination,
    EvaluationText,
    Leak,
    evaluation_items,
)
from yukawa.data.ngrams import split_words
from yukawa.data.rows import Conversation, Document, Preference, Turn

QUESTION = "What is the mass of the tau lepton?"


def document(name: str, text: str) -> Document:
    return Document(id=name, text=text, source="test")


def hits(items: list[EvaluationText], *texts: str, **settings: int) -> list[tuple[str, str]]:
    check = Decontamination(items, **settings)
    for _ in check.check(document(f"d{i}", text) for i, text in enumerate(texts)):
        pass
    return [(hit.document, hit.item) for hit in check.hits]


def pieces(text: str, length: int) -> set[tuple[str, ...]]:
    words = split_words(text)
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


TEXTS = st.lists(st.sampled_from("u d c s".split()), min_size=1, max_size=12).map(" ".join)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, max_size=6), st.integers(1, 5), st.booleans())
@settings(max_examples=80)
def test_found_is_what_a_search_of_words_finds(items: list[str], texts: list[str], n: int, question: bool):
    right = []
    for i, text in enumerate(texts):
        for j, item in enumerate(items):
            short = len(item.split()) < n
            length = len(item.split()) if short else n
            judged = (question and length >= 2) if short else True
            if judged and pieces(text, length) & pieces(item, length):
                right.append((f"d{i}", f"i{j}"))
    wanted = [EvaluationText(f"i{j}", item, question) for j, item in enumerate(items)]
    assert hits(wanted, *texts, words=n, shortest=2) == right


def test_planted_pieces_are_found_in_real_abstracts_and_nothing_else(real_data: Path):
    with gzip.open(real_data / "arxiv" / "hep_1991_2019.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 900)]
    usable = [row for row in rows if len(row["abstract"].split()) > 60]
    items = [EvaluationText(row["id"], row["abstract"]) for row in usable[:100]]
    texts = {row["id"]: row["abstract"] for row in usable[100:]}
    items.append(EvaluationText("short", QUESTION))
    chance = random.Random(0)
    planted = set()
    for i, (item, name) in enumerate(zip(items, sorted(texts), strict=False)):
        words = split_words(item.text)
        length = 13 + i % 7 if i % 2 else 12  # every other one a word too short
        start = chance.randrange(max(1, len(words) - length))
        texts[name] = f"{texts[name]} XX {' '.join(words[start : start + length]).upper()} XX"
        if i % 2 or item.id == "short":
            planted.add((name, item.id))
    check = Decontamination(items)
    rows = (document(name, text) for name, text in texts.items())
    kept = {row.id for row, hits in check.check(rows) if not hits}
    # Other papers may share a sentence: by comparing words themselves one sees which.
    holders: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for item in items:
        for piece in pieces(item.text, 13):
            holders[piece].add(item.id)
    right = {
        (name, item)
        for name, text in texts.items()
        for piece in pieces(text, 13)
        for item in holders.get(piece, ())
    } | {(name, item) for name, item in planted if item == "short"}
    assert planted <= right
    assert len(right) < len(planted) + 10
    assert {(hit.document, hit.item) for hit in check.hits} == right
    assert kept == set(texts) - {name for name, _ in right}
    assert check.dropped == {"with a piece of an evaluation set": len(texts) - len(kept)}


def test_the_report_says_what_and_how_much():
    words = [f"w{i}" for i in range(40)]
    check = Decontamination(
        [
            EvaluationText("a", " ".join(words)),
            EvaluationText("b", " ".join(words[20:])),
            EvaluationText("c", "what is QCD"),
        ]
    )
    first = document("d1", f"so {' '.join(words[:15])} and {' '.join(words[22:36]).title()}, yes")
    rows = [first, document("d2", "nothing"), document("d3", "What is QCD?")]
    told = dict(zip("123", (found for _, found in check.check(rows)), strict=True))
    assert told["1"] == [
        Leak("d1", "a", 29, " ".join(words[:15])),
        Leak("d1", "b", 14, " ".join(words[22:36])),
    ]
    assert told["2"] == told["3"] == []
    assert check.counts == ContaminationCounts(
        documents=3, documents_hit=1, items=3, items_hit=2, items_too_short=1
    )


def test_case_spacing_and_punctuation_do_not_hide_a_piece():
    assert hits([EvaluationText("q", QUESTION)], "What is the Mass,\nof the\ttau-lepton") == [("d0", "q")]
    assert hits([EvaluationText("q", QUESTION)], "What is the mass of the muon lepton") == []
    assert hits([EvaluationText("q", QUESTION)], "what is the mass of the taulepton") == []


def test_rows_of_every_kind():
    talk = Conversation(
        id="t",
        source="s",
        messages=(
            Turn(role="system", content=QUESTION),
            Turn(role="user", content="And what do we know of its mean life?"),
            Turn(role="assistant", content="the Higgs boson is heavy"),
        ),
    )
    choice = Preference(
        id="p",
        source="s",
        prompt=(Turn(role="user", content=QUESTION),),
        chosen="1776.93 MeV",
        rejected="No idea",
    )
    items = list(evaluation_items([talk, choice, document("d", "a whole text")]))
    assert [(item.id, item.question) for item in items] == [
        ("t", True), ("t", False), ("p", True), ("p", False), ("d", True),
    ]  # fmt: skip
    # A short answer occurs everywhere and does not count; a short question does, in any turn of a row.
    assert hits(items, "the Higgs boson is heavy", QUESTION) == [("d1", "p")]
    check = Decontamination(items)
    assert list(check([choice])) == []
    assert list(check([talk])) == []
    rejected = choice.model_copy(update={"prompt": (), "rejected": QUESTION})
    assert list(check([rejected])) == []
    assert check.counts.documents_hit == 3


def test_no_pieces_at_all_and_wrong_lengths():
    assert hits([EvaluationText("q", "mass?")], "the mass") == []
    assert hits([EvaluationText("q", QUESTION)]) == []
    with pytest.raises(InputError, match="is empty"):
        Decontamination([])
    for wrong in ({"words": 0}, {"shortest": 0}):
        with pytest.raises(InputError, match="choose one or more"):
            Decontamination([EvaluationText("q", QUESTION)], **wrong)
