"""Units that questions of five languages ask for."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.unit_words import find_units, known_unit, unit_at
from yukawa.knowledge.parsing.units import find_unit


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("mass of the muon in kg", "kg"), ("Masse des Top-Quarks in kg um", "kg"), ("durée de vie du tau en femtosecondes", "fs"),
        ("c'est combien de secondes ?", "s"), ("Wie viele Sekunden lebt das Myon?", "s"), ("质子的磁矩是多少核磁子", "μ_N"),
        ("τ轻子的cτ是多少微米", "μm"), ("质子寿命的下限是多少年", "yr"), ("陽子の寿命の下限は何年ですか", "yr"),
        ("B0のcτは何マイクロメートルですか", "μm"), ("陽子の電荷半径は何fmですか", "fm"), ("プランク定数をeV·sでお願いします", "eV s"),
        ("普朗克常数用eV·s表示是多少", "eV s"), ("质子的电荷半径是多少飞米", "fm"), ("π0の質量は原子質量単位でいくつ", "u"),
        ("magnetisches Moment in Kernmagnetonen", "μ_N"), ("moment en magnétons nucléaires", "μ_N"),
    ],
)  # fmt: skip
def test_the_unit_asked_for(question: str, unit: str) -> None:
    plain = plain_ascii(question)
    found = [find_unit(text) for _, _, text in find_units(plain)]
    assert unit in [one.text for one in found if one]


def test_places_are_those_of_the_words() -> None:
    plain = plain_ascii("陽子の寿命は何年ですか")
    assert [plain[start:end] for start, end, _ in find_units(plain)] == ["年"]


@pytest.mark.parametrize("text", ["a", "as", "12", "widget"])
def test_words_that_name_no_unit(text: str) -> None:
    assert known_unit(text) is None


def test_the_longest_unit_is_read() -> None:
    assert unit_at("5 mega electronvolt more", 2) == ("mega electronvolt", 19)
    assert unit_at("5 apples", 2) == (None, 2)
    assert unit_at("2 マイクロ秒なのは", 2) == ("マイクロ秒", 7)
