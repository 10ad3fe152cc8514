from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.core.validation import Count, Natural, Positive, Section, StrictModel, checked


class Inner(StrictModel):
    length: float


class Outer(StrictModel):
    name: str
    inner: Inner
    rows: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "n", "iner": {}, "inner": {"length": 1}}, "unknown key iner (did you mean inner?)"),
        ({"name": "n", "inner": {"lenght": 1}}, "unknown key inner.lenght (did you mean inner.length?)"),
        (
            {"name": "n", "inner": {"length": 1}, "rows": [{"length": 1}, {"lengh": 1}]},
            "unknown key rows.1.lengh (did you mean rows.1.length?)",
        ),
        ({"name": "n", "inner": {"zzzzz": 1, "length": 1}}, "unknown key inner.zzzzz (allowed: length)"),
        ({"name": "n", "length": 1}, "unknown key length (did you mean inner.length?)"),
        ({"name": "n"}, "inner is missing"),
        ({"name": "n", "inner": {"length": float("nan")}}, "inner.length = nan: expected a finite"),
        ({"name": "n", "inner": {"length": "far"}}, "inner.length = 'far': expected a number"),
    ],
)
def test_what_is_wrong_becomes_one_line(table, message):
    with pytest.raises(InputError) as caught:
        checked(Outer, table, "card.yaml")
    assert str(caught.value).startswith("card.yaml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Numbers(Section):
    steps: Count = 1
    seed: Natural = 0
    rate: Positive = 1.0


def test_a_number_of_a_section_may_be_written_as_1e6_but_not_as_text():
    assert checked(Numbers, {"steps": 1e6, "rate": 1}, "here") == Numbers(steps=1_000_000, rate=1.0)
    for wrong in (
        {"steps": "1"},
        {"steps": 0},
        {"steps": 1.5},
        {"seed": -1},
        {"rate": 0},
        {"rate": float("nan")},
    ):
        with pytest.raises(InputError, match=f"here: {next(iter(wrong))} = "):
            checked(Numbers, wrong, "here")
