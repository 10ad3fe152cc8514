from __future__ import annotations

import numpy as np
import pytest

from yukawa.bytelm.vocabulary import Mark
from yukawa.core.errors import InputError
from yukawa.jets.bytes.answers import answer_patches


def test_an_answer_is_the_name_of_a_class_and_its_end() -> None:
    patches = answer_patches(("b", "bbar"), 6)
    assert patches.dtype == np.int16
    pad, text, end = (int(mark) for mark in (Mark.PAD, Mark.TEXT, Mark.EOS))
    assert patches.tolist() == [[text, 98, end, pad, pad, pad], [text, 98, 98, 97, 114, end]]


def test_a_name_that_does_not_fit_is_named() -> None:
    with pytest.raises(
        InputError, match=r"the answer 'bbar' needs 6 ids, a patch has 5 \(give a larger patch"
    ):
        answer_patches(("b", "bbar"), 5)
    with pytest.raises(InputError, match="the answer 'tä' needs 5 ids"):
        answer_patches(("tä",), 4)
