"""Thoughts are removed from whole replies and from streamed ones alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.llm.thoughts import visible, without_thoughts


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("The W has spin 1.", "The W has spin 1."),
        ("<think>spin 2? no</think>\n\nThe W has spin 1.", "The W has spin 1."),
        ("First. <think>hm</think>Second.", "First. Second."),
        ("<think>it was cut", ""),
        ("opened by the template</think>The W has spin 1.", "The W has spin 1."),
        ("a < b and <thin paper>", "a < b and <thin paper>"),
        ("", ""),
    ],
)
def test_the_answer_is_what_stands_outside(reply, answer):
    assert without_thoughts(reply) == answer


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "a", "\n", " < "]), max_size=8),
    st.integers(min_value=1, max_value=9),
)
def test_a_stream_shows_the_same_however_it_is_cut(parts, width):
    text = "".join(parts)
    pieces = [text[at : at + width] for at in range(0, len(text), width)]
    assert "".join(visible(pieces)) == "".join(visible([text]))
    assert "<think>" not in "".join(visible(pieces))
