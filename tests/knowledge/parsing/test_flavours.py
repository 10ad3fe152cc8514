"""Quarks by their flavour: in rows, in classes that hold them, and as what a thing is made of."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.flavours import is_quark
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import tokenise


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which quarks are inside a Lambda_c?", "value quark-content(Lambda_c()+)"),
        ("charm to strange quark mass ratio", "ratio mass(c), mass(s)"),
        ("lightest meson with a b and a c quark", "list mass(class:meson) where quark-content >= b c by mass ascending first 1"),
        ("mass of the up, down and strange quarks", "value mass(u); value mass(d); value mass(s)"),
    ],
)  # fmt: skip
def test_words_of_flavour(question: str, said: str) -> None:
    assert reading(plan(question)) == said


def test_a_quark_is_no_baryon() -> None:
    assert [is_quark(t) for t in tokenise("top quark, Lambda")] == [True, False, False]
