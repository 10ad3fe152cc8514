"""Tokens: they cover the text, are where they say, and lead back to the question."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.tokens import Token, source, tokenise

QUESTIONS = [
    "What is the mass of the K+? And the lifetime of the K_S?", r"$\mathcal{B}(B^0_s\to\mu^+\mu^-)$", "τ轻子的寿命是多少",
    "BR(Z → l+ l-) above 10 %",
    "mass of the Z in 2018, please", "Γ(φ(1020) → η γ)/Γ", "m(Σ⁻) - m(Σ⁰) in MeV", "out of 1000 K+ how many decay to mu nu?",
]  # fmt: skip


def kinds(text: str, language: str = "en") -> list[tuple[str, str]]:
    return [
        (t.kind, t.text)
        for t in tokenise(source(text).plain, language)
        if t.kind not in ("function", "mark", "stop")
    ]


@pytest.mark.parametrize("question", QUESTIONS)
def test_tokens_stand_in_order_and_cover_all_but_blanks(question: str) -> None:
    plain = source(question).plain
    tokens = tokenise(plain)
    covered = set()
    end = 0
    for token in tokens:
        assert end <= token.start < token.end <= len(plain)
        assert token.text == plain[token.start : token.end]
        covered |= set(range(token.start, token.end))
        end = token.end
    assert all(c in covered or plain[c].isspace() for c in range(len(plain)))


@pytest.mark.parametrize("question", QUESTIONS)
def test_spans_lead_back_to_the_question(question: str) -> None:
    read = source(question)
    for token in tokenise(read.plain):
        start, end = read.span(token.start, token.end)
        assert 0 <= start <= end <= len(question)


@given(st.text("the massof K+ mu0123→()% ", max_size=60))
def test_any_text_is_cut(text: str) -> None:
    plain = source(text).plain
    assert all(isinstance(t, Token) for t in tokenise(plain))


def test_replacements_keep_their_places() -> None:
    read = source("mass of the protn now", [(12, 17, "proton")])
    assert read.plain == "mass of the proton now"
    assert read.span(12, 18) == (12, 17)
    assert read.span(19, 22) == (18, 21)


def test_the_longest_phrase_is_read() -> None:
    assert kinds("magnetic moment anomaly of the muon") == [
        ("property", "magnetic moment anomaly"),
        ("thing", "muon"),
    ]
    assert kinds("charmed mesons") == [("class", "charmed mesons")]
    assert kinds("charm quark") == [("thing", "charm quark")]


def test_amounts_have_their_units() -> None:
    def amounts(text: str) -> list[tuple[float, str]]:
        return [
            (t.value.value, t.value.unit) for t in tokenise(source(text).plain) if isinstance(t.value, Amount)
        ]

    assert amounts("longer than 2e-10 seconds") == [(2e-10, "seconds")]
    assert amounts("5.18×10⁻⁸ s") == [(5.18e-8, "s")]
    assert amounts("above 10%") == [(10.0, "%")]
    assert amounts("spin 3/2") == [(1.5, "")]
    assert amounts("out of 1000 K+") == [(1000.0, "")]
    assert amounts("80.4 GeV/c^2") == [(80.4, "GeV/c^2")]


def test_a_year_is_a_qualifier() -> None:
    (year,) = [t for t in tokenise("mass of the Z in 2018") if t.kind == "qualifier"]
    assert year.value == ("year", "2018")


@pytest.mark.parametrize(
    ("text", "products"),
    [
        ("Z → mu+ mu-", 2), ("how often does the Z decay into two muons", 2), ("fraction of Higgs bosons that go to b bbar", 2),
        ("BR of the tau to pi- nu_tau", 2), ("Higgs to invisible", 1),
    ],
)  # fmt: skip
def test_final_states(text: str, products: int) -> None:
    (channel,) = [t for t in tokenise(source(text).plain) if t.kind == "channel"]
    assert len(channel.value.products) == products


def test_no_final_state_without_a_decay() -> None:
    assert not [t for t in tokenise("ratio of the tau mass to the muon mass") if t.kind == "channel"]


def test_a_branching_fraction_by_which_the_source_multiplies_belongs_to_the_decay() -> None:
    text = source("branching fraction of B⁺ → K⁺ f_0(980) × B(f_0(980) → π⁺ π⁻)").plain
    (channel,) = [t.value for t in tokenise(text) if t.kind == "channel"]
    assert (len(channel.products), len(channel.conditions)) == (2, 1)
    text = "B(J/psi → e+ e-) x B(J/psi → mu+ mu-)"  # two decays, each with its own
    assert len([t for t in tokenise(text) if t.kind == "channel"]) == 2


@pytest.mark.parametrize(
    "pump",
    [
        "a ",
        "K+ ",
        "→ ",
        "( ",
        "1 ",
        "mass of the ",
        "B(",
        "Gamma(",
        "10^",
        "in ",
        "mu+ mu- → ",
        "質量",
        "\\mu ",
    ],
)
def test_a_long_text_takes_no_time(pump: str) -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        tokenise(text)
        return time.process_time() - began

    text = source((pump * 2000)[:4000]).plain
    assert seconds(text) < 40 * min(seconds(text[:400]) for _ in range(3)) + 0.2  # not a hundredfold


def test_the_digits_wanted_are_an_aside() -> None:
    assert [t.text for t in tokenise("mass of the Z to 3 significant figures") if t.kind == "aside"] == [
        "to 3 significant figures"
    ]


def test_uncounted_neutrinos_beside_a_lepton_are_two() -> None:
    (channel,) = [
        t.value
        for t in tokenise("how often does a tau decay to an electron plus neutrinos")
        if t.kind == "channel"
    ]
    assert len(channel.products) == 3
    (channel,) = [
        t.value
        for t in tokenise("how often does a pi+ decay to a muon and a neutrino")
        if t.kind == "channel"
    ]
    assert len(channel.products) == 2
