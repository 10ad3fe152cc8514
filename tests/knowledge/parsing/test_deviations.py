"""A value of the asker beside the known one: the two are one goal, wherever the story puts them."""

import pytest

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.units import conversion, find_unit

OWN = Amount(80.36e9, "eV", (0, 0), (1e7, 1e7))
TOLD = [
    "I measured 80.36 ± 0.01 GeV for the W mass",
    "In an exercise with open data we got 80.36(1) GeV for the W mass",
    "My fit gives m(W) = 80.36 +- 0.01 GeV",
    "Our W mass is (80.36 ± 0.01) GeV",
]
ASKED = {
    "is that compatible with the accepted value?": "=", "does this agree with the world average?": "=",
    "is it consistent with the PDG?": "=",
    "how far is it from the accepted value?": None, "how many standard deviations is that from the PDG value?": None,
}  # fmt: skip


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize(("asked", "relation"), ASKED.items())
def test_a_value_told_is_held_against_the_known_one(told: str, asked: str, relation: str | None) -> None:
    for question in (f"{told}. {asked.capitalize()}", f"{told}, {asked}"):
        found = plan(question)
        assert found.complete, (question, found.unread)
        (goal,) = found.goals
        assert (goal.operation, goal.relation) == ("deviation", relation)
        assert [w.property for w in goal.operands] == ["mass"]
        assert goal.operands[0].thing.names == ("W+", "W-")
        assert isinstance(goal.asserted, Amount)
        assert (goal.asserted.value, goal.asserted.unit) == (pytest.approx(OWN.value), OWN.unit)
        assert goal.asserted.error == pytest.approx(OWN.error)


def test_a_value_without_an_error_gets_a_verdict_to_its_own_rounding() -> None:
    (goal,) = plan(
        "A student claims the lifetime of the B0 is 1.5 ps. Is that consistent with the PDG?"
    ).goals
    assert (goal.operation, goal.relation) == ("is", "=")


def test_a_claim_with_an_error_is_compatible_or_not() -> None:
    (goal,) = plan("Is the W mass 80.4 ± 0.1 GeV?").goals
    assert (goal.operation, goal.relation) == ("deviation", "=")


def test_a_german_tale_has_decimal_commas() -> None:
    (goal,) = plan(
        "Wir haben im Praktikum 2,15 ± 0,05 µs für die Lebensdauer des Myons gemessen. Ist das mit dem Literaturwert verträglich?"
    ).goals
    assert isinstance(goal.asserted, Amount)
    assert goal.asserted.value == pytest.approx(2.15e-6)


@pytest.mark.parametrize(
    "question",
    [
        "I measured the mass of an excited muon as 110 ± 1 MeV. Is that compatible with the accepted value?",
        "If I measured 80.36 ± 0.01 GeV for the W mass, would that be compatible?",
        "I measured 80.36 ± 0.01 GeV for the W mass, is that not compatible with the accepted value?",
        "Is the W mass above 80.3 ± 0.1 GeV?",
        "Which mesons are heavier than 5.0 ± 0.1 GeV?",
        "I measured 80.36 ± 0.01 s for the W mass, is that compatible?",
        "I measured 80.36 ± 0.01 GeV and 91.2 ± 0.1 GeV for the W mass. Are they compatible with the accepted value?",
    ],
)
def test_what_makes_another_question_of_it_is_refused(question: str) -> None:
    assert not plan(question).complete


@pytest.mark.parametrize(("told", "asked", "amount"), [
    ("I remember 1.78 GeV.", "What is the tau mass?", (1.78e9, "eV")),
    ("My notes say 2.2 microseconds.", "How long does the muon live?", (2.2e-6, "s")),
    ("I keep finding 2.2 microseconds everywhere.", "What is the mean life of the muon?", (2.2e-6, "s")),
    ("In meinem Buch steht 125 GeV.", "Wie groß ist die Masse des Higgs?", (125e9, "eV")),
])  # fmt: skip
def test_a_remembered_value_gets_a_verdict_before_or_behind_the_question(
    told: str, asked: str, amount: tuple[float, str]
) -> None:
    for question in (f"{told} {asked}", f"{asked} {told}"):
        found = plan(question)
        assert found.complete, (question, found.unread)
        assert [goal.operation for goal in found.goals] == ["is", "value"]
        asserted = found.goals[0].asserted
        assert isinstance(asserted, Amount)
        unit = find_unit(asserted.unit)
        base = find_unit(amount[1])
        assert unit is not None
        assert base is not None
        factor = conversion(unit, base)
        assert factor is not None
        assert asserted.value * factor == pytest.approx(amount[0])


@pytest.mark.parametrize("told", [
    "I remember 1.2 GeV.", "I remember that my neighbour weighs 80 kg.", "The beam pipe has 25 ns.",
    "I have seen 2.2 microseconds with a magnet of steel.",
])  # fmt: skip
def test_an_amount_of_something_else_is_not_asserted(told: str) -> None:
    assert not plan(f"How long does the muon live? {told}").complete
