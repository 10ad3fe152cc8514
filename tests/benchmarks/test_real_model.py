"""The marker of public questions by numbers, and the figures of a real model's replies."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def real_model(script):
    script("answers")  # which it imports
    return script("real_model")


@pytest.fixture(scope="module")
def score(real_model):
    return real_model.answers.load_score()


def row(*values: dict) -> dict:
    return {"expected": {"values": list(values)}}


TAU = {"value": 1.77693, "error": [0.00009, 0.00009], "unit": "GeV"}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("It is 1.77693 GeV [1].", True),
        ("It is 1776.93 +- 0.09 MeV.", True),
        ("It is 1.777 GeV.", True),
        ("It is 1.77693 MeV.", False),
        ("It is 1.79 GeV.", False),
        ("It is heavy.", False),
    ],
)
def test_a_value_is_right_in_any_unit_within_its_error_or_a_thousandth(real_model, score, text, right):
    assert real_model.stated(row(TAU), text, score) is right


def test_every_value_must_be_there(real_model, score):
    share = {"value": 0.1071, "error": [0.0016, 0.0016], "unit": ""}
    assert real_model.stated(row(TAU, share), "10.7 % of them, at 1.777 GeV", score)
    assert not real_model.stated(row(TAU, share), "at 1.777 GeV", score)


def test_every_question_of_the_sample_is_right_in_the_words_of_its_expectation(real_model, score):
    rows = real_model.sample(200, 14)
    assert len(rows) > 60
    stated = [
        real_model.stated(
            one, "; ".join(f"{v['value']!r} {v['unit']}" for v in real_model.expected(one)), score
        )
        for one in rows
    ]
    assert sum(stated) >= 0.95 * len(stated)


def test_the_figures_count_what_was_served_and_what_became_worse(real_model):
    def one(name, way, right, served=False):
        return real_model.Answered(
            name, way, "", "", right is None, ("a draft",) * served, served, right, 1.0
        )

    found = [
        one("a", "quote", True), one("a", "model", True, served=True), one("b", "quote", None), one("b", "model", False, served=True),
    ]  # fmt: skip
    figures = real_model.summary(found)
    assert (figures["model"]["own_served"], figures["model"]["own_right"], figures["quote"]["answered"]) == (
        2,
        1,
        1,
    )
    assert figures["worse_than_quote"] == ["b"]
