"""Mends: what is mended is clean, what is right keeps its bytes, and a second mend finds nothing to do."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generators.conftest import OWN

from yukawa.generators.checking import check
from yukawa.generators.diagnostics import Diagnostic, Edit
from yukawa.generators.mending import difference, mended, mended_fully
from yukawa.generators.words import BY_CASE, FLAGS, MARK, with_ends

WRONG = "Decay psi(2S)\r\n0,5 J/psi pi- pi+ JPIPI;\r\n0.5 J/psi pi+ pi+ VVPIPI;\r\nEnddecay\r\n"
ENDS = {
    "LF": ("\n",),
    "CRLF": ("\r\n",),
    "CR": ("\r",),
    "mixed": ("\n", "\r\n", "\r", "\r\n", "\n"),
}
# Each turns a clean card into a wrong one; what a card lacks stays.
MISTAKES = {
    "command in lower case": lambda text: text.replace("Enddecay", "enddecay").replace("Alias", "alias"),
    "END": lambda text: text.replace("\nEnd\n", "\nEND\n"),
    "flag in lower case": lambda text: text.replace(" PHOTOS ", " photos "),
    "no End": lambda text: text.replace("\nEnd\n", "\n"),
    "no Enddecay": lambda text: text.replace("\nEnddecay", "", 1),
    "Enddecay behind a semicolon": lambda text: text.replace(";\nEnddecay", ";Enddecay"),
    "a mode behind a semicolon": lambda text: text.replace(";\n", ";"),
    "a decimal comma": lambda text: text.replace("\n1.0", "\n1,0"),
    "no semicolon": lambda text: text.replace(";", "", 1),
    "a flag twice": lambda text: text.replace(" PHOTOS ", " PHOTOS PHOTOS "),
    "a space of a text program": lambda text: text.replace("1.0 ", "1.0\u00a0", 1),
    "a byte order mark": lambda text: MARK + text,
    "a model in lower case": lambda text: text.replace(" PHSP;", " phsp;"),
    "a semicolon of another keyboard": lambda text: text.replace(" PHSP;", " PHSP\uff1b"),
    "a percentage": lambda text: text.replace("\n1.0 ", "\n100% "),
    "a comment of another language": lambda text: text.replace(";\n", "; // a mode\n"),
    "an exclamation mark": lambda text: f"! a comment\n{text}",
    "a flag behind its model": lambda text: text.replace(" PHOTOS VLL", " VLL PHOTOS"),
    "raised signs": lambda text: text.replace(" K+ ", " K\u207a ").replace(" pi- ", " \u03c0\u207b "),
    "a semicolon behind a command": lambda text: text.replace("yesPhotos", "yesPhotos;"),
}  # fmt: skip


def checker(text: str):
    return check(text, name="card.dec")


def with_line_ends(text: str, ends: Iterable[str]) -> str:
    """A text in which line feeds became these ends, in turn."""
    *parts, last = text.split("\n")
    return "".join(map("".join, zip(parts, itertools.cycle(ends), strict=False))) + last


def keeps_the_rest(text: str, found: list[Diagnostic]) -> bool:
    """Whether one round of mends leaves the lines that no edit names as they are, in their order, byte by byte."""
    named = {edit.line for each in found if not each.physics for edit in each.edits}
    rest = [pair for number, pair in enumerate(with_ends(text), 1) if number not in named]
    after = iter(with_ends(mended(text, found)))
    return all(pair in after for pair in rest)


def laws(text: str, name: str = "card.dec") -> str:
    """The mended text, for which all laws hold."""

    def checked(text: str) -> list[Diagnostic]:
        return check(text, name=name)

    better, left = mended_fully(text, checked)
    assert mended_fully(better, checked)[0] == better
    assert not [each for each in left if each.edits and not each.physics]
    assert keeps_the_rest(text, checked(text))
    return better


@pytest.mark.parametrize("ends", ENDS)
def test_a_clean_card_keeps_its_bytes(own_card, ends):
    text = with_line_ends(own_card, ENDS[ends])
    better = laws(text)
    assert [line for line, _ in with_ends(better)] == own_card.split("\n")
    if "\r" not in ENDS[ends]:  # which ends no line for the generator
        assert better == text


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("ends", ENDS)
def test_a_card_with_a_mistake_is_mended_alike_whatever_its_line_ends(mistake, ends):
    hit = 0
    for card in list(OWN.values())[::7]:
        wrong = MISTAKES[mistake](card)
        hit += wrong != card
        text = with_line_ends(wrong, ENDS[ends])
        better = laws(text)
        assert [line for line, _ in with_ends(better)] == [line for line, _ in with_ends(laws(wrong))]
        if ends in ("LF", "CRLF"):
            assert {end for _, end in with_ends(better)[:-1]} == set(ENDS[ends])
    assert hit or mistake == "a semicolon behind a command"


def test_the_public_cards_obey_the_laws(real_cards):
    for text in real_cards.values():
        laws(text)


@given(
    st.lists(
        st.sampled_from(["decay", "End", "end", "Enddecay", ";", ";Enddecay", "B0", "1,0", "PHOTOS", "K+", "PHSP", "Alias", MARK]),
        max_size=25,
    ),
    st.sampled_from([" ", "\n", "\r\n", "\r"]),
)  # fmt: skip
def test_any_stream_of_words_obeys_the_laws(words, between):
    text = between.join(words)
    better, left = mended_fully(text, checker)
    assert mended_fully(better, checker)[0] == better
    assert not [each for each in left if each.edits and not each.physics]


@given(st.text(alphabet="a\r\n", max_size=30))
def test_lines_and_their_ends_are_the_text(text):
    pairs = with_ends(text)
    assert "".join(line + end for line, end in pairs) == text
    assert not any(set(line) & set("\r\n") for line, _ in pairs)


@pytest.mark.parametrize("word", sorted(BY_CASE.values()))
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_command_in_another_case_is_one_finding_and_one_mend(word, case):
    if case(word) == word:
        return
    clean = {
        "PHOTOS": "Decay B0\n1.0 K+ pi- PHOTOS PHSP;\nEnddecay\nEnd\n",
        "VERBOSE": "Decay B0\n1.0 K+ pi- VERBOSE PHSP;\nEnddecay\nEnd\n",
        "SUMMARY": "Decay B0\n1.0 K+ pi- SUMMARY PHSP;\nEnddecay\nEnd\n",
        "ModelAlias": "ModelAlias FLAT PHSP;\nDecay B0\n1.0 K+ pi- FLAT;\nEnddecay\nEnd\n",
        "RemoveDecay": "RemoveDecay B0\nK+ pi- PHSP;\nEnddecay\nEnd\n",
    }.get(
        word,
        f"{_COMMANDS.get(word, word)}\nDecay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n"
        if word not in ("Decay", "Enddecay", "End")
        else "Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n",
    )
    before = checker(clean)
    assert not [each for each in before if each.level == "error"]
    wrong = clean.replace(word, case(word), 1)
    if word == "End":
        wrong = clean[:-4] + case(word) + "\n"
    found = [each for each in checker(wrong) if each not in before]
    kind = "flag" if word in FLAGS else "command"
    assert [(each.code, each.text, each.write) for each in found] == [
        ("E-KEY", f'unknown {kind} "{case(word)}"', f'"{word}"')
    ]
    assert laws(wrong) == clean


_COMMANDS = {
    "Alias": "Alias MyB0 B0", "ChargeConj": "ChargeConj B0 anti-B0", "CDecay": "CDecay B_s0", "CopyDecay": "CopyDecay B0 B0",
    "Define": "Define x 1", "Particle": "Particle B0 5.28", "ChangeMassMin": "ChangeMassMin rho0 0.3",
    "ChangeMassMax": "ChangeMassMax rho0 1.5", "IncludeBirthFactor": "IncludeBirthFactor rho0 no",
    "IncludeDecayFactor": "IncludeDecayFactor rho0 no", "LSNONRELBW": "LSNONRELBW rho0", "LSFLAT": "LSFLAT rho0",
    "LSMANYDELTAFUNC": "LSMANYDELTAFUNC rho0", "BlattWeisskopf": "BlattWeisskopf rho0 1",
    "BlattWeisskopfBirth": "BlattWeisskopfBirth rho0 1", "SetLineshapePW": "SetLineshapePW D_1+ D*+ pi0 2",
    "JetSetPar": "JetSetPar MSTJ(26)=0", "PythiaGenericParam": "PythiaGenericParam a:b=1",
    "PythiaAliasParam": "PythiaAliasParam a:b=1", "PythiaBothParam": "PythiaBothParam a:b=1",
    "yesIncoherentB0Mixing": "yesIncoherentB0Mixing 0.5 1", "yesIncoherentBsMixing": "yesIncoherentBsMixing 17 0.1",
}  # fmt: skip


def test_a_name_that_a_card_defines_is_no_command():
    assert not checker("Define end 1\nDecay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n")
    assert not checker("Decay B+\n1.0 pi+ pi+ pi- PTO3P BLATTWEISSKOPF 1.0;\nEnddecay\nEnd\n")


def test_a_misspelt_end_cuts_nothing_off():
    text = "Ennd\nDecay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n"
    assert [(each.line, each.edits) for each in checker(text)] == [(1, ())]
    assert laws("Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEdn\n").endswith("\nEnd\n")


@pytest.mark.parametrize("tail", ["Enddecay", "enddecay"])
def test_enddecay_behind_a_semicolon_is_one_mistake(tail):
    text = f"Decay B0\n1.0 K+ pi- PHSP;{tail}\nEnd\n"
    assert "E-NOENDDECAY" not in [each.code for each in checker(text)]
    assert laws(text) == "Decay B0\n1.0 K+ pi- PHSP; Enddecay\nEnd\n"
    assert not checker(laws(text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.dec", "Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n"),
        ("a.cmnd", "Beams:eCM = 91.2\nHardQCD:all = on\n"),
        ("jobOptions.txt", "KKMC.CMSEnergy = 3.097;\nKKMC.GenerateJPsi = true;\n"),
    ],
)
def test_marks_and_lone_carriage_returns_are_found_in_every_kind_of_file(name, text):
    assert not check(text, name=name)
    for wrong in (MARK + text, text.replace("\n", "\r"), text.replace("\n", "\r", 1)):
        found = check(wrong, name=name)
        assert [(each.code, each.line) for each in found] == [("E-LINE", 1)]
        assert laws(wrong, name) == text
    assert not check(text.replace("\n", "\r\n"), name=name)


def test_columns_do_not_count_the_mark():
    found = checker(f"{MARK}Decay B0 1,0 K+ pi- PHSP; Enddecay\nEnd\n")
    assert [(each.code, each.column) for each in found] == [("E-LINE", 1), ("E-FRAC", 10)]


def test_physics_is_left_to_its_author_unless_it_is_wanted():
    better, left = mended_fully(WRONG, checker)
    assert (
        better
        == "Decay psi(2S)\r\n0.5 J/psi pi+ pi- JPIPI;\r\n0.5 J/psi pi+ pi+ VVPIPI;\r\nEnddecay\r\nEnd\r\n"
    )
    assert [each.code for each in left] == ["E-CHARGE"]
    better, left = mended_fully(WRONG, checker, physics=True)
    assert "0.5 J/psi pi+ pi- VVPIPI;" in better
    assert not left


def test_an_edit_that_does_not_fit_its_line_is_not_applied():
    assert mended("End\n", checker(WRONG)) == "End\n"
    assert mended("End\n", [Diagnostic("E-KEY", 9, 1, "", "", (Edit(9, 1, "x", "y"),))]) == "End\n"


def test_the_difference_is_one_that_patch_reads():
    text = difference("a\nb", "a\nc", "/x/card.dec")
    assert text.startswith("--- a/x/card.dec\n+++ b/x/card.dec\n")
    assert text.endswith("+c\n\\ No newline at end of file\n")
    assert difference("a", "a", "x") == ""


def test_the_difference_shows_what_nobody_sees():
    assert difference("a\rb\r\n", "a\nb\r\n", "x").endswith("-a<U+000D>\n+a\n b\n")
    assert "-<U+FEFF>End\n+End\n" in difference("\ufeffEnd\n", "End\n", "x")
    assert "-a<U+00A0>b\n+a b\n" in difference("a\u00a0b\r\n", "a b\r\n", "x")
