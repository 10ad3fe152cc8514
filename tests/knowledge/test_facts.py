"""A fact survives being stored; descriptions are looked up without regard to their spacing."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.facts import PROPERTIES, Fact, plain_name

_FLOATS = st.none() | st.floats(allow_nan=False)
_FACTS = st.builds(
    Fact,
    identifier=st.text(),
    subjects=st.lists(st.text()).map(tuple),
    property=st.sampled_from(sorted(PROPERTIES)),
    name=st.text(),
    value=_FLOATS,
    error_plus=_FLOATS,
    errors=st.lists(st.tuples(st.text(), st.floats(0, 1), st.floats(0, 1))).map(tuple),
    channel=st.lists(st.text()).map(tuple),
    qualifiers=st.dictionaries(st.text(), st.text(min_size=1)),
    bound=st.sampled_from([None, "upper", "lower", "range", "about"]),
)


@given(_FACTS)
def test_a_fact_survives_json(fact: Fact) -> None:
    assert Fact.from_json(json.loads(json.dumps(fact.as_json()))) == fact


def test_fields_with_their_default_are_not_stored() -> None:
    assert set(Fact("S044M", ("Z0",), "mass", "Z MASS", value=91.2, unit="GeV").as_json()) == {
        "identifier", "subjects", "property", "name", "value", "unit",
    }  # fmt: skip


def test_a_zero_is_a_value() -> None:
    assert Fact.from_json(Fact("S000Q", ("gamma",), "charge", "", value=0.0).as_json()).value == 0.0


def test_spacing_and_brackets_of_a_description_do_not_count() -> None:
    assert plain_name("G( Z --> e+ e-)") == plain_name("g(z-->e+e-)")
    assert plain_name("B+ --> K+ nu nubar") != plain_name("B- --> K- nu nubar")
