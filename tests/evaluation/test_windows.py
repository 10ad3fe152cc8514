from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.evaluation.completion_metrics import Entropies
from yukawa.evaluation.completions import Completion
from yukawa.evaluation.recipe import Statistics
from yukawa.evaluation.windows import text_windows, windows_json, windows_of, windows_section

NEW = " ".join(f"word{n}" for n in range(40))


def completion(name, text, prompt="We study"):
    return Completion(id=name, prompt=prompt, reference="the rest", completion=text)


@given(st.lists(st.sampled_from("a b c d e".split()), max_size=60), st.integers(4, 12))
def test_windows_are_the_text_in_its_order(words, size):
    found = text_windows("", " ".join(words), size)
    assert len(found) == len(words) // size
    assert [word for one in found for word in one.words] == words[: len(found) * size]
    assert all(one.text.split() == list(one.words) and 0 <= one.repeated <= 1 for one in found)


def test_what_is_new_is_not_repeated_and_what_was_there_is():
    first, second = text_windows("", f"{NEW} {NEW}", 40)
    assert (first.repeated, second.repeated) == (0, 1)
    (asked_before,) = text_windows(NEW, NEW, 40)
    assert asked_before.repeated == 1
    loop = text_windows("", "of the mass " * 40, 40)
    assert loop[0].repeated > 0.9
    assert loop[-1].repeated == 1


def test_each_window_is_measured_over_the_texts_that_fill_it():
    long, short = completion("1", f"{NEW} {NEW} rest"), completion("2", f"{NEW} arXiv:2101.00001")
    bits = Entropies(
        ("1", "2"), (np.r_[np.ones(40), np.zeros(40)], np.full(45, 3.0)), (np.zeros(80), np.zeros(45))
    )
    first, second = windows_of([long, short], 40, bits)
    assert len(first["repeated"].clusters) == 2
    assert list(second["repeated"].clusters) == ["1"]
    found = windows_json([first, second], 40, Statistics())
    assert [(row["from"], row["to"], row["texts"]) for row in found] == [(1, 40, 2), (41, 80, 1)]
    assert (found[0]["bits_per_token"]["value"], found[1]["bits_per_token"]["value"]) == (2, 0)
    assert (found[0]["repeated"]["value"], found[1]["repeated"]["value"]) == (0, 1)
    *_, table = windows_section({"base": found})
    assert [row[0] for row in table.rows] == ["1-40", "41-80"]


def test_an_artefact_counts_in_its_own_window():
    late = completion("1", f"{NEW} " + "Keywords: " + " ".join(f"other{n}" for n in range(38)))
    assert [row["artefacts"].numerators.sum() for row in windows_of([late], 40)] == [0, 1]


def test_texts_shorter_than_a_window_say_what_to_type():
    with pytest.raises(InputError, match=r"no completion has 256 words.*--least-tokens"):
        windows_of([completion("1", "short")])
    with pytest.raises(InputError, match="windows of 3 words are too small"):
        text_windows("", NEW, 3)
