"""The words of a final state: each notation gives the same tokens, and reading stops where sense stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.final_state import meaning, normal, read_tokens, states, title
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.spelling import plain_ascii


def kinds(text: str) -> list[str]:
    plain = plain_ascii(text)
    return [token.kind for token in read_tokens(plain, 0, len(plain))]


def names(text: str) -> list[str]:
    plain = plain_ascii(text)
    tokens = read_tokens(plain, 0, len(plain))
    return [title(meaning(t)) if t.names else meaning(t)[0] for t in tokens if t.kind == "name"]


# ---- laws -------------------------------------------------------------------------------------------


def test_a_title_means_the_states_it_was_made_of() -> None:
    table = particle_table()
    groups = {tuple(sorted(found)) for found in table.spellings.names.values()}
    assert [group for group in groups if states(title(group)) != group] == []


@given(st.lists(st.sampled_from(
    ["pi+", "K- ", "2", "(", ")", " and ", ",", "→", "X", "(S-wave)", "[", "]", "non-", "3(", ">=1 ", "or ", "/", " pair", "ex. ", "x B("]),
    max_size=9).map("".join))  # fmt: skip
def test_tokens_lie_in_the_text_in_order(text: str) -> None:
    end = 0
    for token in read_tokens(text, 0, len(text)):
        assert end <= token.start < token.end <= len(text)
        end = token.end


# ---- examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [
    ("mu+mu-", ["mu+", "mu-"]), ("μμ", ["mu+-", "mu+-"]), ("KK pi", ["K", "K", "pi"]), ("Kbar K", ["Kbar", "K"]),
    ("J/ψ π⁺π⁻", ["J/psi(1S)", "pi+", "pi-"]), ("D_sJ(2457)+ X", ["DsJ2457+", "anything"]), ("h- nu_tau", ["h-", "nu_tau"]),
    ("l+ nu", ["lepton+", "nu"]), ("a proton, an electron and an antineutrino", ["p", "e+-", "nubar"]),
    ("tau+ tau- pair", ["tau+", "tau-"]), ("D_s^(*)- K+", ["Ds(*)-", "K+"]),
])  # fmt: skip
def test_names(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(("text", "read"), [
    ("mu+ mu- branching fraction", "mu+ mu-"), ("e+ e- and its width", "e+ e-"), ("K+ K- above 10 %", "K+ K-"),
    ("two photons in percent", "two photons"), ("pi+ pi-, which is", "pi+ pi-"), ("K pi (in percent)", "K pi"),
    ("pi+ pi0 (ex. K0) at", "pi+ pi0 (ex. K0)"), ("branching", ""),
    ("K+ K- / K- pi+", "K+ K-"), ("e nu / mu nu", "e nu"), ("e+ / mu+ nu D-", "e+ / mu+ nu D-"),
])  # fmt: skip
def test_reading_stops_where_sense_stops(text: str, read: str) -> None:
    tokens = read_tokens(text, 0, len(text))
    assert text[: tokens[-1].end if tokens else 0] == read


def test_conditions_and_groups() -> None:
    assert kinds("(K- pi+)(S-wave) e+ nu_e") == ["group", "condition", "name", "name"]
    assert kinds("K+ pi- nonresonant + c.c.") == ["name", "name", "condition", "condition"]
    assert kinds("D0 pi-, m(D0 pi-)>2.05 GeV") == ["name", "name", "comma", "condition"]
    assert normal("m(K+ K_S^0) < 1.1 GeV") == normal("m(K⁺ K_S⁰)<1.1GeV".replace("⁺", "+").replace("⁰", "0"))
