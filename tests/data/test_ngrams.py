"""Words do not depend on case, spacing, punctuation or composition; hashes of sequences equal exactly where words do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.data.ngrams import digest, hash_sequences, hash_words, mix, normalise, split_words

LISTS = st.lists(
    st.lists(st.sampled_from("up down charm strange top bottom".split()), max_size=9), max_size=6
)


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str):
    assert normalise(normalise(text)) == normalise(text)
    assert split_words(" ".join(split_words(text))) == split_words(text)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_the_quick_way_for_ascii_is_the_general_one(text: str):
    assert split_words(text) == split_words(f"{text} é")[:-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The $W$ boson's mass,", "the w boson s   MASS"),
        ("x_1", "$x_{1}$"),
        ("Straße", "STRASSE"),
        ("Erdős", "Erdo\u030bs"),
        ("ﬁeld", "field"),
        ("a\u00a0b\n\tc", "a b c"),
    ],
)
def test_the_same_words(one: str, other: str):
    assert normalise(one) == normalise(other)
    assert digest(normalise(one)) == digest(normalise(other))


def test_marks_belong_to_words_and_a_text_without_words_stays_itself():
    assert normalise("कि") != normalise("का")
    assert normalise(" ?! ") == "?!"
    assert normalise("") == ""


def test_digests_are_128_bits_and_the_same_in_every_process():
    code = "from yukawa.data.ngrams import *; print(digest('tau').hex(), hash_words([['tau']])[0][0])"
    told = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert told == [digest("tau").hex(), str(hash_words([["tau"]])[0][0])]
    assert len(digest("tau")) == 16


@given(LISTS, st.integers(1, 4))
def test_sequences_have_equal_hashes_exactly_where_their_words_are_equal(texts: list[list[str]], length: int):
    hashes, counts = hash_sequences(*hash_words(texts), length)
    written = [tuple(words[i : i + length]) for words in texts for i in range(len(words) - length + 1)]
    assert counts.tolist() == [max(len(words) - length + 1, 0) for words in texts]
    assert len(hashes) == len(written)
    assert (
        len(set(zip(hashes.tolist(), written, strict=True))) == len(set(written)) == len(set(hashes.tolist()))
    )


def test_mixing_is_one_to_one_and_spreads():
    mixed = mix(np.arange(1 << 16, dtype=np.uint64))
    assert len(np.unique(mixed)) == 1 << 16
    # Each of the 64 bits is set in half of them, to five standard deviations.
    set_bits = np.unpackbits(mixed.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert np.abs(set_bits - 0.5).max() < 5 * 0.5 / 2**8
