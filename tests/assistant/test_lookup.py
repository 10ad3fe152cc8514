"""Lookups: preference, families, taught values and what is derived where no source states it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from yukawa.assistant.algebra import Unanswerable
from yukawa.assistant.lookup import Lookup
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.plan import Thing, Wanted


def want(*names: str, property_name: str = "mass", **more: Any) -> Wanted:
    return Wanted(Thing(names, names[0] if names else "", (0, 0), len(names) == 1), property_name, **more)


def identifiers(facts: Any, wanted: Wanted, unit: str = "") -> tuple[list[str], list[str]]:
    looked = Lookup(facts, None, unit).rows(wanted)
    return (
        [r.facts[0].fact.identifier for r in looked.rows],
        [r.facts[0].fact.identifier for r in looked.others],
    )


def test_the_preferred_value_of_each_state_and_what_differs_in_method(facts: Any) -> None:
    family = want("K^*(892)+", "K^*(892)-", "K^*(892)0", "Kbar^*(892)0")
    assert identifiers(facts, family) == (["M018M1", "M018M2"], ["M018MCT"])
    assert identifiers(facts, want("t")) == (["Q007TP"], ["Q007TP2", "Q007TP4"])
    assert identifiers(facts, want("t", qualifiers={"scheme": "pole"})) == (["Q007TP4"], [])


def test_one_value_of_several_states_is_one_row_however_often_it_is_read(facts: Any) -> None:
    find = facts.find_facts
    facts.find_facts = lambda **arguments: copy.deepcopy(
        find(**arguments)
    )  # as a store makes new rows each time
    assert identifiers(facts, want("N(1440)+", "N(1440)0")) == (["B061M"], [])
    assert len(Lookup(facts).rows(want("tau-", "tau+", property_name="charge")).rows) == 2


def test_a_second_value_of_the_same_kind_is_no_other_value(facts: Any) -> None:
    facts.found.append(type(facts.found[0])(
        Fact("S035M", ("tau-",), "mass", "tau mass", 1776.9, unit="MeV", edition="2026"), "pdg:S035M#2", "", "data",
        facts.found[0].provenance, 1,
    ))  # fmt: skip
    assert identifiers(facts, want("tau-")) == (["S035M"], [])


def test_a_value_that_the_source_gives_in_the_wanted_unit_goes_first(facts: Any) -> None:
    facts.found.append(type(facts.found[0])(
        Fact("S003AMU", ("e-",), "mass", "e mass in u", 5.485799090441e-4, unit="u", edition="2026"), "pdg:S003AMU", "", "data",
        facts.found[0].provenance, 1,
    ))  # fmt: skip
    assert identifiers(facts, want("e-"))[0] == ["S003M"]
    assert identifiers(facts, want("e-"), "u")[0] == ["S003AMU"]


def test_lifetimes_come_from_widths_and_widths_from_lifetimes_only_where_none_is_listed(facts: Any) -> None:
    lookup = Lookup(facts)
    assert lookup.rows(want("H", property_name="lifetime")).rows[0].derived
    assert not lookup.rows(want("tau-", property_name="lifetime")).rows[0].derived
    assert lookup.rows(want("tau-", property_name="width")).rows[0].derived
    assert lookup.rows(want("H", property_name="half-life")).rows[0].inputs[0].derived
    with pytest.raises(Unanswerable):
        lookup.rows(want("e-", property_name="width", qualifiers={"edition": "1990"}))


def test_what_is_missing_is_named_with_what_there_is(facts: Any) -> None:
    with pytest.raises(
        Unanswerable,
        match=r"no mean lifetime of the proton \(p\); of it the base has: mass, mass difference, electric charge",
    ):
        Lookup(facts).rows(want("p", property_name="lifetime"))
    with pytest.raises(Unanswerable, match="no quantity 'X999'"):
        Lookup(facts).rows(Wanted(Thing((), "", (0, 0)), "other", name="X999"))


def test_the_past_is_asked_as_it_was(facts: Any) -> None:
    seen = []
    facts.find_facts = lambda **arguments: seen.append(arguments["as_of"]) or []
    with pytest.raises(Unanswerable):
        Lookup(facts, "2026-01-01").rows(want("tau-"))
    assert set(seen) == {"2026-01-01"}
