"""What a sentence states is read alike from sources, people and models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.quantities import find_quantities
from yukawa.knowledge.parsing.statements import Assertion, sentences, statements

Z, W, TAU = ("Z0",), ("W+", "W-"), ("tau+", "tau-")


def short(s: Assertion) -> tuple[object, ...]:
    value = None if s.quantity is None else float(f"{s.quantity.value:.9g}")
    return (s.things, *sorted(s.properties), value)


@pytest.mark.parametrize(("text", "found"), [
    ("The Z has a mass of 91.19 GeV and a width of 2.4955 GeV.", [((Z,), "mass", 91.19e9), ((Z,), "width", 2.4955e9)]),
    ("The mass and width of the Z are 91.19 GeV and 2.4955 GeV.", [((Z,), "mass", 91.19e9), ((Z,), "width", 2.4955e9)]),
    ("The masses of the W and the Z are 80.4 and 91.2 GeV, respectively.", [((W,), "mass", 80.4e9), ((Z,), "mass", 91.2e9)]),
    ("The W has a mass of 80.4 GeV and the Z 91.2 GeV.", [((W,), "mass", 80.4e9), ((Z,), "mass", 91.2e9)]),
    ("91.19 GeV is the mass of the Z.", [((Z,), "mass", 91.19e9)]), ("m_Z = 91.19 GeV", [((Z,), "mass", 91.19e9)]),
    ("The Z weighs 91.19 GeV. Its width is 2.4955 GeV.", [((Z,), "mass", 91.19e9), ((Z,), "width", 2.4955e9)]),
    ("What is the mass of the Z?\n91.19 GeV.", [((Z,), "mass", None), ((Z,), "mass", 91.19e9)]),
    ("- **Mass** of the Z: 91.19 GeV\n- Width of the Z: 2.4955 GeV", [((Z,), "mass", 91.19e9), ((Z,), "width", 2.4955e9)]),
    ("The tau lives for 290.3 fs.", [((TAU,), "lifetime", 2.903e-13)]), ("The Z, with a spin of 1, is a boson.", [((Z,), "spin", 1.0)]),
    ("Quantum numbers of the Z: charge 0, spin J = 1.", [((Z,), "charge", 0.0), ((Z,), "spin", 1.0)]),
])  # fmt: skip
def test_things_properties_and_values(text: str, found: list[tuple[object, ...]]) -> None:
    assert [short(s) for s in statements(text)] == found


@pytest.mark.parametrize(("text", "bounds"), [
    ("The width of the Z is less than 3 GeV.", ["upper"]), ("The width of the Z is at least 3 GeV.", ["lower"]), ("about 3 GeV", ["about"]),
    ("The mass of the Z is between 90 and 92 GeV.", ["from", "to"]),
    ("from 2050 MeV to 2130 MeV (about 2090 MeV)", ["from", "to", "about"]),
    ("The width of the Z does not exceed 3 GeV.", ["upper"]), ("The mass of the Z is 90–92 GeV.", ["from", "to"]), ("3 GeV", [None]),
])  # fmt: skip
def test_bounds(text: str, bounds: list[str | None]) -> None:
    assert [s.bound for s in statements(text)] == bounds
    assert {s.quantity.unit for s in statements(text) if s.quantity} == {"eV"}


@pytest.mark.parametrize(("text", "denied"), [
    ("The mass of the tau is not 1776.93 MeV.", [True]), ("The tau has no mass.", [True]),
    ("The decay Z → e+ mu- has not been seen.", [True]),
    ("The decay Z → e+ e- has been seen.", [False]), ("1776.93 MeV is not the mass of the tau.", [True]), ("The tau isn't stable.", [True]),
    ("The mass of the tau is 1777 MeV and not 1800 MeV.", [False, True]), ("charge of the tau −1 e, spin J not known", [False, True]),
])  # fmt: skip
def test_denials(text: str, denied: list[bool]) -> None:
    assert [s.negated for s in statements(text)] == denied


def test_decays_with_their_fractions() -> None:
    start = "Main decay modes of the Σ(1670) baryon (Sigma(1670)) and their branching fractions"
    text = f"{start}: Σ π: between 30 % and 60 %; N K̄: (7.0 ± 3.0) %."
    found = statements(text)
    assert [s.transitions[0][1] for s in found] == [("Sigma", "pi"), ("Sigma", "pi"), ("Kbar", "N")]
    assert [s.bound for s in found] == ["from", "to", None]
    assert {p for s in found for p in s.properties} == {"branching-fraction"}
    (one,) = statements("About 17.39 % of tau decays go to mu nu nu.")
    assert (one.transitions[0][0], one.properties, one.bound) == (TAU, {"branching-fraction"}, "about")


@given(st.text(max_size=80) | st.lists(st.sampled_from(
    ["\ue000", "\ue001", "tau ", "mass ", "is ", "5 MeV", " ± ", "(", ")", "[", "→", "not ", ". ", "\n", "decay modes of the ", ": ",
    "; ", "90 % CL",
     " and ", "between "]), max_size=12).map("".join))  # fmt: skip
def test_whatever_is_read_has_its_sentence(text: str) -> None:
    found = statements(text)
    assert all(0 <= s.sentence < len(sentences(text)) for s in found)
    assert sum(s.quantity is not None for s in found) <= len(find_quantities(text))


def test_words_tell_quantities_apart() -> None:
    (one,) = statements(
        "The pole mass of the top quark is 172.1 ± 0.6 GeV (PDG average; from cross sections)."
    )
    assert one.words == {"pole"}
    assert {"cross", "section"} <= one.others


@pytest.mark.parametrize(("text", "parts"), [
    ("One. Two [1]. Three. [2][3] Four", ["One.", "Two [1].", "Three. [2][3]", "Four"]),
    ("It is 5.2 GeV, e.g. here. Yes", ["It is 5.2 GeV, e.g. here.", "Yes"]),
    ("B → X + c.c. is 5 %. Next", ["B → X + c.c. is 5 %.", "Next"]),
    ("质量是5。寿命是3。", ["质量是5。", "寿命是3。"]), ("a\nb", ["a", "b"]), ("", []),
])  # fmt: skip
def test_sentences(text: str, parts: list[str]) -> None:
    assert [text[a:b].strip() for a, b in sentences(text)] == parts
