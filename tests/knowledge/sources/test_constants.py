"""The table of constants is the one that scipy gives, and each sentence states what its fact holds."""

from __future__ import annotations

import pytest

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.parsing import find_quantities
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.sources.constants import SYMBOLS, constants, edition, printed, subject, unit_text
from yukawa.knowledge.sources.loader import build_constants


def test_values_and_errors_are_those_of_scipy() -> None:
    scipy = pytest.importorskip("scipy.constants")
    facts = {s.facts[0].identifier.removeprefix("CODATA:"): s.facts[0] for s in constants()}
    assert facts.keys() == set(scipy.find(None))
    for name, fact in facts.items():
        value, unit, error = scipy.physical_constants[name]
        assert (fact.value, fact.error_plus or 0.0, fact.unit) == (value, error, unit_text(unit))


def test_numbers_in_sentences_are_those_of_the_facts() -> None:
    for statement in constants():
        (fact,) = statement.facts
        assert statement.text.isprintable()
        assert fact.value is not None
        shown = find_quantities(f"is {fact.printed.replace('…', '').removesuffix(fact.unit).strip()}")[0]
        assert shown.value == pytest.approx(fact.value, rel=1e-11)
        assert (shown.error_plus or 0.0) == pytest.approx(fact.error_plus or 0.0, rel=1e-6)


def test_units_are_known_but_for_those_of_no_quantity() -> None:
    unknown = {s.facts[0].unit for s in constants() if find_unit(s.facts[0].unit) is None}
    assert unknown <= {"lm W⁻¹", "W m² sr⁻¹", "(GeV/c²)⁻²", "H", "F m⁻¹"}


def test_constants_with_symbols_are_in_the_table() -> None:
    assert SYMBOLS.keys() <= {s.facts[0].identifier.removeprefix("CODATA:") for s in constants()}


@pytest.mark.parametrize(
    ("value", "error", "unit", "text"),
    [
        (9.1093837139e-31, 2.8e-40, "kg", "(9.1093837139 ± 0.0000000028) × 10⁻³¹ kg"),
        (6.6743e-11, 1.5e-15, "m³", "(6.67430 ± 0.00015) × 10⁻¹¹ m³"),
        (0.22305, 0.00023, "", "0.22305 ± 0.00023"),
        (299792458.0, 0.0, "m s⁻¹", "2.99792458 × 10⁸ m s⁻¹"),
        (1.0545718176461565e-34, 0.0, "J s", "1.05457181765… × 10⁻³⁴ J s"),
        (-2.5, 0.1, "", "−2.5 ± 0.1"),
    ],
)
def test_printing(value: float, error: float, unit: str, text: str) -> None:
    assert printed(value, error, unit) == text


def test_they_are_found_in_a_base(base: KnowledgeBase) -> None:
    count = build_constants(base)
    assert build_constants(base) == count
    assert base.get_meta("codata") == edition()
    (found,) = base.find_facts(subjects=[subject("Planck constant")], property="constant")
    assert (found.fact.value, found.item_id) == (6.62607015e-34, "codata:Planck constant")
    assert base.verify().clean
