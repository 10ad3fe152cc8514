"""Criteria files: those shipped, their scales, and files that are none."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.criteria import read_criteria


def test_the_shipped_lists():
    xiwu, feyntune = read_criteria("xiwu"), read_criteria("feyntune")
    assert list(xiwu.criteria) == ["accuracy", "clarity", "fluency"]
    assert (xiwu.scale, xiwu.value("excellent")) == (["fail", "pass", "excellent"], 2)
    assert len(feyntune.criteria) == 5
    assert (feyntune.scale[0], feyntune.scale[-1], feyntune.value("7")) == ("1", "10", 7)


def test_a_file_of_your_own(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "title: Mine\ncriteria:\n  units: Are the units right?\nwords: [wrong, right]\n"
    )
    assert read_criteria(str(tmp_path / "mine.yaml")).scale == ["wrong", "right"]


@pytest.mark.parametrize(
    "text",
    [
        "title: x\ncriteria: {}\nwords: [a, b]", "title: x\ncriteria: {a: b}", "title: x\ncriteria: {a: b}\nwords: [one]",
        "title: x\ncriteria: {a: b}\nwords: [a, a]", "title: x\ncriteria: {a: b}\nlowest: 5\nhighest: 1",
        "title: x\ncriteria: {a: b}\nwords: [a, b]\nlowest: 1\nhighest: 5", "title: x\ncriteria: {a: b}\nwords: [a, b]\ncolour: red",
    ],
)  # fmt: skip
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError, match=r"c\.yaml"):
        read_criteria(str(tmp_path / "c.yaml"))


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="feyntune, xiwu"):
        read_criteria("xiwoo")
