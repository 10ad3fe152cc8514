"""One plain spelling of a text: reached in one step, and the same from every notation."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing import particle_table, plain_ascii
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.sources.pdg.text import plain, pretty

DECAYS = [
    "B_s⁰ → μ⁺ μ⁻", "B_s^0 -> mu^+ mu^-", r"$B_s^0 \to \mu^+ \mu^-$", r"$B_s^{0}\rightarrow\mu^{+}\mu^{-}$",
    r"\(B_s^0\to\mu^+\mu^-\)", "B_s⁰ ⟶ μ⁺ μ⁻", "B_s^0 --> mu+ mu-", "B_s0 => mu+ mu-",
]  # fmt: skip


@pytest.mark.slow
def test_plain_texts_of_the_pdg_stay_as_they_are(pdg_statements: list[Statement]) -> None:
    texts = [fact.text for fact in pdg_statements]
    texts += [form(name) for name in particle_table().particles for form in (str, plain, pretty)]
    once = [plain_ascii(text) for text in texts]
    assert [text for text in once if plain_ascii(text) != text] == []


@given(
    st.text(alphabet=st.characters(blacklist_characters="_", blacklist_categories=("Cs", "Mn")), max_size=60)
)
def test_any_text_has_one_line_without_braces(text: str) -> None:
    once = plain_ascii(text)
    assert once == " ".join(once.split())
    assert not set(once) & set("{}")


@pytest.mark.parametrize("text", DECAYS)
def test_decays_in_every_notation_have_the_same_names(text: str) -> None:
    squeezed = [part.replace("_", "").replace("^", "").strip("()") for part in plain_ascii(text).split(" ")]
    names = "".join(squeezed)
    assert names == "Bs0→mu+mu-"


@pytest.mark.parametrize(("text", "expected"), [
    ("", ""), ("  a \n\t b ", "a b"), ("J/ψ", "J/psi"), (r"$J/\psi$", "J/psi"), ("ν̄_μ", "nubar_mu"), (r"$\bar{\nu}_\mu$", "nubar_mu"),
    (r"\bar\nu_\mu", "nubar_mu"), ("B̄⁰", "Bbar0"), ("K⁺", "K+"), ("π±", "pi+-"), ("η′", "eta'"), ("D*", "D*"), ("3 × 10⁻⁵", "3 x 10-5"),
    ("the K-meson", "the K meson"), ("eta prime", "eta'"), ("pi \n plus", "pi+"), ("pi plus or minus", "pi plus or minus"),
    ("café", "cafe"), ("μ µ", "mu mu"), ("a − b – c", "a - b - c"), (r"$m_{\tau}$", "mass tau"),
])  # fmt: skip
def test_examples(text: str, expected: str) -> None:
    assert plain_ascii(text) == expected


@pytest.mark.parametrize(
    "unit",
    ["a", "τ", "ν̄", "\\bar ", "\\", "$", "-> ", "m_", "K_S^0 ", "{", "-", " ", "Gamma sub ", "c-meson "],
)
def test_time_is_in_proportion_to_the_length(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    plain_ascii(text)
    assert time.process_time() - start < 2
