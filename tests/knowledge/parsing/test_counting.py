"""What numbers say: amounts in words, ranges, standard deviations, multiples of another quantity."""

from tests.knowledge.parsing.test_settling import clauses, parts

from yukawa.knowledge.parsing.grammar import plan


def test_a_number_of_standard_deviations_is_no_number_of_particles() -> None:
    assert parts("mass of the Higgs at 5 sigma", "word") == ["5 sigma"]
    assert parts("mass of the sigma", "thing") == ["sigma"]


def test_ranges_are_two_conditions_in_one_unit() -> None:
    (clause,) = clauses("mesons between 1 and 1.1 GeV")
    assert [t.value for t in clause.tokens if t.kind == "relation"] == [">=", "<="]
    assert [(t.value.value, t.value.unit) for t in clause.tokens if t.kind == "amount"] == [
        (1.0, "GeV"),
        (1.1, "GeV"),
    ]


def test_numbers_in_words_have_their_units() -> None:
    (clause,) = clauses("decays of the tau above ten percent")
    assert [(t.value.value, t.value.unit) for t in clause.tokens if t.kind == "amount"] == [(10.0, "%")]


def test_a_plural_quantity_behind_in_is_what_is_counted_in() -> None:
    assert parts("tau mass in muon masses", "per") == ["in"]
    assert parts("errors in muon masses", "per") == []
    assert parts("tau mass in GeV", "per") == []


def test_a_unit_that_is_a_sentence_of_its_own_is_the_one_wanted() -> None:
    (goal,) = plan("what is ctau for a K short? cm please").goals
    assert goal.unit == "cm"
    assert not plan("what is ctau for a K short? no cm").complete
