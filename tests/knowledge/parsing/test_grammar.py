"""Questions to plans: laws first, then tables of questions with what is read in them."""

from __future__ import annotations

import csv
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.checks import LONGEST
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Amount, Goal, Plan
from yukawa.knowledge.parsing.spelling import plain_ascii

ROOT = Path(__file__).parents[3]
TABLE = Path(__file__).with_name("readings.tsv")
with TABLE.open(encoding="utf-8") as rows:
    READINGS = [(row[0], row[1]) for row in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]


def wanted(found: Plan) -> Any:
    def amount(value: object) -> object:
        return (value.value, value.unit) if isinstance(value, Amount) else value

    return [
        (g.operation, g.order, g.most, g.unit, amount(g.asserted), g.relation,
         [(f.property, f.relation, amount(f.amount)) for f in g.filters],
         [(w.thing.names, w.property, w.channel and w.channel.products, w.other and w.other.names, dict(w.qualifiers), w.factor)
          for w in g.operands])
        for g in found.goals
    ]  # fmt: skip


def spans(goal: Goal) -> Iterator[tuple[int, int]]:
    yield from goal.spans
    for operand in goal.operands:
        yield from operand.spans
        yield operand.thing.span
        if operand.channel:
            yield operand.channel.span
    if isinstance(goal.asserted, Amount):
        yield goal.asserted.span
    yield from (f.span for f in goal.filters)


# ---- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "_"), READINGS)
def test_spans_lie_within_the_question(question: str, _: str) -> None:
    found = plan(question)
    everything = [span for goal in found.goals for span in spans(goal)] + [span for _, span in found.unread]
    assert all(0 <= start <= end <= len(question) for start, end in everything)
    assert all(question[start:end] == text for text, (start, end) in found.unread)


@pytest.mark.parametrize(
    "question", [q for q, _ in READINGS if q.isascii() and not re.search("plus|minus", q)]
)
def test_the_plain_spelling_is_read_alike(question: str) -> None:
    assert wanted(plan(plain_ascii(question))) == wanted(plan(question))


NAMES = ("tau", "muon", "K+", "J/psi", "B_s0", "Lambda_c+", "proton")


@given(st.permutations(NAMES), st.sampled_from(["mass", "lifetime", "spin", "charge"]))
def test_things_that_change_places_change_the_goals_likewise(names: tuple[str, ...], name: str) -> None:
    one, other, *_ = names
    found = plan(f"{name} of the {one} and the {other}")
    assert found.complete
    assert wanted(found) == wanted(plan(f"{name} of the {other} and the {one}"))[::-1]


@given(st.text(max_size=120))
def test_any_text_has_a_plan(text: str) -> None:
    found = plan(text)
    assert all(text[start:end] == words for words, (start, end) in found.unread)


@given(
    st.lists(
        st.sampled_from(
            "mass of the Z and → K+ ( ) 10 GeV not which heavier than pole 2018 is how many of B to list ? , . its".split()
        ),
        max_size=14,
    )
)
def test_any_order_of_words_has_a_plan(words: list[str]) -> None:
    plan(" ".join(words), [plan("mass of the tau")])


# ---- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "expected"), READINGS)
def test_readings(question: str, expected: str) -> None:
    assert reading(plan(question)) == expected


def test_every_probe_is_in_the_table() -> None:
    folder = os.environ.get("YUKAWA_TEST_DATA")
    if not folder:
        pytest.skip("YUKAWA_TEST_DATA is not set")
    lines = (Path(folder) / "questions/probes.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert {line.split("\t")[1] for line in lines} <= {question for question, _ in READINGS}


def _rows(name: str) -> list[dict[str, Any]]:
    lines = (ROOT / "benchmarks/questions" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


KINDS = {
    "mass": {"mass", "rest-energy"}, "width": {"width"}, "lifetime": {"lifetime"}, "branching fraction": {"branching-fraction"},
    "branching limit": {"branching-fraction"}, "mass difference": {"mass-difference"},
    "magnetic moment": {"magnetic-moment", "magnetic-moment-anomaly"},
}  # fmt: skip


@pytest.mark.parametrize("name", ["dev_answerable.jsonl", "train_answerable.jsonl"])
def test_the_benchmarks_questions_are_read(name: str) -> None:
    rows = _rows(name)
    found = [(row, plan(row["question"])) for row in rows]
    complete = [(row, p) for row, p in found if p.complete]
    assert len(complete) >= 0.96 * len(rows)
    wrong = [
        row["question"] for row, p in complete
        if row["property"] in KINDS and {w.property for g in p.goals for w in g.operands} - KINDS[row["property"]]
    ]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("name", ["dev_unanswerable.jsonl", "train_unanswerable.jsonl"])
def test_what_has_no_answer_is_not_read(name: str) -> None:
    elsewhere = {"missing property", "missing decay"}  # well-formed questions, whose answer is not there
    read = [r["question"] for r in _rows(name) if r["kind"] not in elsewhere and plan(r["question"]).complete]
    assert not read


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("mass of the Z", "facts"), ("thanks!", "small-talk"), ("Hi, how are you?", "small-talk"), ("/help", "command"),
        ("/mass of the Z", "command"),
        ("why is the sky blue", "explanation"), ("who discovered the muon?", "explanation"),
        ("trigger threshold of the telescope", "document"),
        ("mass of the zorblon", "facts"), ("hi, mass of the Z?", "facts"),
    ],
)  # fmt: skip
def test_kinds_of_questions(question: str, kind: str) -> None:
    assert plan(question).kind == kind


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("mass of the Z", "en"),
        ("Masse des Myons", "de"),
        ("masse du boson Z", "fr"),
        ("质子的质量", "zh"),
        ("陽子の質量", "ja"),
    ],
)
def test_languages(question: str, language: str) -> None:
    found = plan(question)
    assert found.language == language
    assert found.complete


def test_slips_are_said() -> None:
    found = plan("widht of the upislon(1S)")
    assert reading(found) == "value width(Upsilon(1S))"
    assert found.suggestions == (("widht", "width"), ("upislon", "upsilon"))
    assert plan("waht is the mass of teh Z").suggestions == ()


# ---- history -------------------------------------------------------------------------------------


def test_history_carries_thing_property_and_unit() -> None:
    first = plan("mass of the tau in MeV")
    width = plan("and its width?", [first])
    assert reading(width) == "value width(tau-|tau+)"
    assert reading(plan("what about the muon?", [first])) == "value mass(mu-|mu+) in MeV"
    assert reading(plan("in GeV?", [first])) == "value mass(tau-|tau+) in GeV"
    assert reading(plan("in GeV?", [first, width])) == "value width(tau-|tau+) in GeV"
    assert not plan("in GeV?").complete
    assert not plan("and its width?").complete


# ---- descriptions of the source ------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        "pi0 electromagnetic form factor slope",
        "What is the pi0 electromagnetic form factor slope?",
        "value of pi0 electromagnetic form factor slope",
    ],
)
def test_a_sources_own_description_asks_for_its_quantity(question: str) -> None:
    assert not plan(question).complete
    found = plan(question, described=lambda words, *_: words == "pi0 electromagnetic form factor slope")
    assert found.complete
    assert found.goals[0].operands[0].name == "pi0 electromagnetic form factor slope"
    assert not plan(
        "pi0 electromagnetic form factor slope in water", described=lambda words, *_: words == "pi0 slope"
    ).complete


@pytest.mark.parametrize("question", ["width of the eta+", "What is the width of the eta-?", "eta+ width"])
def test_a_charge_is_part_of_a_description(question: str) -> None:
    assert plan(question.replace("+", "").replace("-?", "?"), described=lambda *_: True).complete
    assert not plan(question, described=lambda words, *_: words == "eta width").complete


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        ("", "empty"), ("mass of the Z " * 300, "characters"), ("mass of the Z \u202eVeG", "U+202E"),
        ("mass of the W in GеV", "two alphabets"),
        ("MS-bar pole mass of the top quark", "two kinds"),
        ("masses of e, mu, tau, u, d, s, c, b, t, W, Z, H, p and n", "at most"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(question: str, problem: str) -> None:
    found = plan(question)
    assert problem in found.problem
    assert not found.complete


def test_a_question_is_read_in_no_time() -> None:
    questions = [question for question, _ in READINGS]
    for question in questions:
        plan(question)
    began = time.process_time()
    for question in questions:
        plan(question)
    assert (time.process_time() - began) / len(questions) < 0.005


@pytest.mark.parametrize(
    "pump", ["mass of the ", "K+ → ", "not ", "and ", "Z, ", "2018 ", "its ", "is the ", "質量の", "lepton "]
)
def test_the_longest_question_takes_no_time(pump: str) -> None:
    began = time.process_time()
    plan((pump * LONGEST)[:LONGEST])
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("question", "name"),
    [("p -> e+ pi0 in years", "partial-lifetime"), ("H -> gamma gamma in keV", "partial-width"), ("H -> gamma gamma", "branching-fraction"),
     ("branching fraction of H -> gamma gamma in percent", "branching-fraction")],
)  # fmt: skip
def test_of_a_decay_alone_the_unit_says_which_quantity_is_wanted(question: str, name: str) -> None:
    assert [w.property for g in plan(question).goals for w in g.operands] == [name]


def test_what_is_asked_of_a_second_thing_is_not_all_of_it() -> None:
    found = plan("I know that the charged pion lives 26 ns. How about the charged kaon?")
    assert not found.complete
    assert [g.operation for g in plan("I read a book. What about the tau?").goals] == ["overview"]
