"""Questions as they are read: slips mended, plus and minus told from charges, goals placed."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.plan import Goal, Thing, Wanted
from yukawa.knowledge.parsing.reading import placeless, read_question


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("mass of the tau minus the mass of the muon", "mass of the tau reduced by the mass of the muon"),
        ("BR of tau minus to pi minus nu", "BR of tau- to pi- nu"), ("sigma minus lifetime", "Sigma- lifetime"),
        ("what decays to Lambda plus photon", "what decays to Lambda and photon"), ("mass of a B0 plus a K+", "mass of a B0 added to a K+"),
        ("tau → pi plus nu", "tau → pi+ nu"), ("widht of the Z", "width of the Z"),
    ],
)  # fmt: skip
def test_what_is_read(question: str, plain: str) -> None:
    assert read_question(question).read.plain == plain


def test_places_lead_back_over_mended_words() -> None:
    read = read_question("widht of the protn")
    (clause,) = read.clauses
    spans = [read.read.span(t.start, t.end) for t in clause.tokens]
    assert [read.question[start:end] for start, end in spans] == ["widht", "of", "the", "protn"]
    assert read.suggestions == (("widht", "width"), ("protn", "proton"))


def test_a_plan_without_goals_names_what_is_strange() -> None:
    found = read_question("mass of the zorblon").plan([])
    assert [text for text, _ in found.unread] == ["zorblon"]
    assert not found.complete


def test_placeless() -> None:
    wanted = Wanted(Thing(("Z0",), "Z", (3, 4)), "mass", spans=((0, 2),))
    (operand,) = placeless(Goal("value", (wanted,), spans=((0, 2),))).operands
    assert operand.thing.span == (0, 0)
    assert operand.spans == ((0, 0),)
