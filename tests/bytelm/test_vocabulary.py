"""The ids of a byte model: bytes first, marks beyond them, room for all."""

from __future__ import annotations

from yukawa.bytelm.vocabulary import BYTES, VOCABULARY, Mark


def test_marks_follow_the_bytes_without_a_gap() -> None:
    assert [int(mark) for mark in Mark] == list(range(BYTES, BYTES + len(Mark)))
    assert max(Mark) < VOCABULARY
    assert VOCABULARY % 16 == 0


def test_the_ids_of_trained_models_stay() -> None:
    assert {mark.name: int(mark) for mark in Mark} == {
        "PAD": 256, "BOS": 257, "EOS": 258, "TEXT": 259, "FORMULA": 260, "DECIMALS": 261, "INTEGERS": 262,
        "FLOATS": 263, "ORDERED": 264, "GREY": 265, "RGB": 266, "RECORDS": 267,
    }  # fmt: skip
