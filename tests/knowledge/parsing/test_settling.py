"""Words get the kind that fits their neighbours."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.clauses import Clause, sentences
from yukawa.knowledge.parsing.tokens import source, tokenise


def clauses(text: str, language: str = "en") -> list[Clause]:
    read = source(text)
    return list(sentences(read.plain, tokenise(read.plain, language), language))


def parts(text: str, *kinds: str, language: str = "en") -> list[str]:
    return [t.text for c in clauses(text, language) for t in c.tokens if t.kind in kinds]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("decays above 10 %", "relation"), ("is the D0 heavier than the D+", "compare"),
        ("the mass of the tau over the mass of the muon", "divided"),
        ("a width over 2 GeV", "relation"),
    ],
)  # fmt: skip
def test_above_and_over_stand_for_what_follows(text: str, kind: str) -> None:
    assert parts(text, kind)


def test_what_is_not_meant_is_set_aside() -> None:
    assert parts("the pole mass, not the Breit-Wigner mass, of the Delta(1232)", "aside") == [
        "not",
        "Breit-Wigner",
        "mass",
    ]
    assert parts("mass of the muon but not the tau", "thing") == ["muon"]
    assert parts("all leptons except the tau", "negation") == ["except"]


def test_even_or_odd_is_a_question_of_parity() -> None:
    assert parts("does the pi0 have even or odd parity", "property") == ["parity"]
    assert parts("is the eta a scalar or a vector", "property") == ["scalar"]


def test_a_sign_between_quantities_subtracts() -> None:
    assert parts("m(Sigma-) - m(Sigma0)", "minus") == ["-"]
    assert parts("the Sigma- - Lambda mass splitting", "minus") == []


@pytest.mark.parametrize(
    "text", ["invariant mass of mu+ mu-", "mass of K+ K-", "invariant mass of the K+ and the pi-"]
)
def test_the_mass_of_a_pair_is_not_that_of_its_parts(text: str) -> None:
    assert parts(text, "word")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mass of the electron and a unicorn", ["unicorn"]), ("mass of the muon and its history", ["history"]),
        ("mass of the Z and thank you", []), ("mass of the Z and my boss is waiting", []),
        ("mass of the muon and of the zorblon", ["zorblon"]), ("mass of the muon and the lifetime of the tau", []),
    ],
)  # fmt: skip
def test_what_is_appended_and_unknown_is_marked(text: str, named: list[str]) -> None:
    assert parts(text, "appended") == named


def test_words_of_charge_and_stability_are_predicates() -> None:
    assert parts("is the neutron charged", "state") == ["charged"]
    assert parts("is the tau stable", "state") == ["stable"]
    assert parts("mass of the charged pion", "state") == []
    assert parts("what is the second question, the mass of the Z", "ordinal") == []
    assert parts("the second heaviest quark", "ordinal") == ["second"]


def test_how_much_one_thing_weighs_is_no_difference() -> None:
    assert parts("How much does a muon weigh?", "difference") == []
    assert parts("How much does the tau exceed the muon in mass?", "difference") == ["How much does"]


def test_how_long_in_a_unit_of_time() -> None:
    assert parts("How many minutes does a free neutron last on average?", "property", "unit") == [
        "How many",
        "minutes",
    ]
    assert parts("How many minutes is the lifetime of the neutron?", "property") == ["lifetime"]
