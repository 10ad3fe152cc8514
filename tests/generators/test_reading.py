"""Every command is read; after a mistake the next statement is read again; bad input is one line."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.generators.checking import check
from yukawa.generators.mending import mended_fully
from yukawa.generators.reading import COMMANDS, decoded, foreign_bytes, is_number, read_card, read_file

GOOD = "Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\n"
WORDS = [
    "Decay",
    "Enddecay",
    "End",
    "CDecay",
    "Alias",
    "ModelAlias",
    "RemoveDecay",
    ";",
    "B0",
    "1.0",
    "-1",
    "0,5",
    "VSS",
    "PHOTOS",
    "x",
]


def found(text: str) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in read_card(text).found]


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_stream_of_words_is_read_to_its_end(words):
    check("\n".join(words), name="card.dec")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw):
    with contextlib.suppress(InputError):
        check(decoded(raw, "x"), name="card.dec")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_read_between_others(name):
    words = ["B0", "B0", "1", "2"][: COMMANDS[name]]
    card = read_card(f"yesPhotos {name} {' '.join(words)} noPhotos End")
    assert [each.name for each in card.statements] == ["yesPhotos", name, "noPhotos"]
    assert not card.found


def test_a_command_with_too_few_words():
    assert found("Alias MyB0\n" + GOOD + "End") == [("E-ARGS", 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, ("E-NOEND", 3)),
        (GOOD.replace(";", "") + "End", ("E-NOSEMI", 2)),
        (GOOD.replace("Enddecay", "") + "CDecay anti-B0\nEnd", ("E-NOENDDECAY", 2)),
        (GOOD.replace("Enddecay", "EndDecay") + "End", ("E-KEY", 3)),
        ("Dekay" + GOOD[5:] + "End", ("E-KEY", 1)),
        (GOOD.replace("1.0", "1,0") + "End", ("E-FRAC", 2)),
        (GOOD.replace("PHSP", "PHOTOS PHOTOS PHSP") + "End", ("W-FLAG2", 2)),
    ],
)  # fmt: skip
def test_a_mistake_of_grammar_is_found_at_its_line_and_mended(text, expected):
    assert found(text) == [expected]
    better, left = mended_fully(text, lambda text: check(text, name="card.dec"))
    assert not [each for each in left if each.level != "note"]
    assert read_card(better).decays().keys() == {"B0"}


def test_a_mode_without_its_semicolon_does_not_swallow_the_next():
    card = read_card("Decay B0\n0.5 K+ pi- PHSP\n0.5 pi+ pi- PHSP;\nEnddecay\nEnd")
    assert [(mode.fraction, mode.daughters, mode.sound) for mode in card.decays()["B0"]] == [
        (0.5, ["K+", "pi-"], False), (0.5, ["pi+", "pi-"], True)
    ]  # fmt: skip


FRACTIONS, MODELS, ENDS = ("0.5", "0,5"), ("PHSP", "PHPS"), (";", "")


@pytest.mark.parametrize("first", [(fraction, end) for fraction in FRACTIONS for end in ENDS])
@pytest.mark.parametrize("second", [(fraction, model) for fraction in FRACTIONS for model in MODELS])
def test_no_mistake_swallows_those_of_the_next_line(first, second):
    """Law: a comma or a missing semicolon in one mode leaves each finding of the next as it is."""
    lines = f"0.5 K+ pi- {first[1]}", f"{second[0]} pi+ pi- {second[1]};"
    alone = {
        each
        for each in found_by_check(f"Decay B0\n0.5 K+ pi- PHSP;\n{lines[1]}\nEnddecay\nEnd")
        if each[1] == 3
    }
    both = found_by_check(f"Decay B0\n{first[0]} K+ pi- PHSP{first[1]}\n{lines[1]}\nEnddecay\nEnd")
    assert {each for each in both if each[1] == 3} == alone
    assert (("E-FRAC", 2) in both) == ("," in first[0])
    assert (("E-NOSEMI", 2) in both) == (not first[1])


def found_by_check(text: str) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in check(text, name="card.dec") if each.level == "error"]


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "Infinity", "1e999", "-1e400"])
def test_a_fraction_that_is_not_finite(word):
    assert found(GOOD.replace("1.0", word) + "End") == [("E-FRAC", 2)]
    assert found_by_check(GOOD.replace("1.0", word) + "End") == [("E-FRAC", 2)]


def test_all_mistakes_are_reported_at_once():
    assert found("Alias x\nDecay B0\n-1 K+ pi- PHSP;\nx K+ PHSP;\nCDecay anti-B0\n") == [
        ("E-ARGS", 1), ("E-NEG", 3), ("E-FRAC", 4), ("E-NOENDDECAY", 4), ("E-NOEND", 5)
    ]  # fmt: skip


def test_statements_behind_end_are_reported():
    assert found(GOOD + "End\n" + GOOD) == [("W-AFTEREND", 5)]


@pytest.mark.parametrize(
    ("word", "number"),
    [("1.", True), (".5e-3", True), ("+2", True), ("1,0", False), ("nan", False), ("1_0", False)],
)
def test_numbers(word, number):
    assert is_number(word) == number


def test_a_model_alias_may_span_lines_and_needs_its_semicolon():
    assert not found("ModelAlias SL HQET2\n 1.2 1.0 ;\nEnd")
    assert found("ModelAlias SL HQET2 1.2\nEnd") == [("E-NOSEMI", 1)]
    assert found("ModelAlias SL HQET9 1.2 ;\nEnd") == [("E-MODEL", 1)]


class TestBadInput:
    def test_binary_and_utf16(self, tmp_path):
        for raw in (b"Decay\0B0", "Decay B0".encode("utf-16")):
            (tmp_path / "x.dec").write_bytes(raw)
            with pytest.raises(InputError, match=r"x\.dec is"):
                read_file(tmp_path / "x.dec")

    def test_latin_1_and_a_byte_order_mark(self):
        assert "é" in decoded("# Béatrice\nEnd".encode("latin-1"), "x")
        card = read_card(decoded(b"\xef\xbb\xbfEnd", "x"))
        assert (card.text.words, [each.code for each in card.found]) == (["End"], ["E-LINE"])

    def test_a_missing_file_and_a_folder(self, tmp_path):
        for path in (tmp_path / "none.dec", tmp_path):
            with pytest.raises(InputError):
                read_file(path)

    def test_more_than_a_card_is_refused_at_once(self, tmp_path):
        (tmp_path / "x.dec").write_bytes(b"# comment\n" * 1_000_000)
        began = time.process_time()
        with pytest.raises(InputError, match=r"x\.dec has 10\.0 MB, and files of up to 4 MB are read"):
            read_file(tmp_path / "x.dec")
        assert time.process_time() - began < 0.5

    @pytest.mark.parametrize(
        "statement",
        ["0.1 K+ pi- PHSP;\n", "0.1 K+ pi- PHSP\n", "0.1 K+ pi- PHSP; ", "0.1 K+ pio- PHSP\n", "CDecay x{}\n", "Alias x{} x{}1\n",
         "Alias x{} B0\nDecay x{}\n1 K+ pi- PHSP;\nEnddecay\n"],
    )  # fmt: skip
    def test_the_time_grows_as_the_card_does(self, statement):
        """Law: eight times the statements take at most sixteen times as long."""
        seconds = []
        for count in (500, 4000):
            text = (
                "Decay B0\n"
                + "".join(statement.replace("{}", str(each)) for each in range(count))
                + "Enddecay\nEnd\n"
            )
            began = time.process_time()
            assert len(check(text, name="card.dec")) <= 1000
            seconds.append(time.process_time() - began)
        assert seconds[1] < 16 * max(seconds[0], 0.02)

    @pytest.mark.parametrize("parent", ["B0", "J/psi"])
    @pytest.mark.parametrize(("between", "code"), [(" ", "E-LINE"), ("\n", "E-MASS")])
    def test_a_thousand_daughters_are_one_finding(self, parent, between, code):
        text = f"Decay {parent}\n1.0 {f'pi0{between}' * 1000} PHSP;\nEnddecay\nEnd"
        assert [each.code for each in check(text, name="card.dec")] == [code]

    def test_bytes_that_are_not_utf_8_are_a_remark(self):
        assert foreign_bytes("# é\nEnd".encode()) is None
        found = foreign_bytes("Décay\n# é".encode("latin-1"))
        assert (found.code, found.line, found.column) == ("I-BYTES", 1, 2)
        assert foreign_bytes("a\nbé".encode("latin-1")).line == 2
