"""Sentences: where they end, what is used of them."""

from __future__ import annotations

from yukawa.knowledge.parsing.clauses import Clause, Context, sentences
from yukawa.knowledge.parsing.plan import Goal, Thing, Wanted
from yukawa.knowledge.parsing.tokens import source, tokenise


def clauses(text: str) -> list[Clause]:
    read = source(text)
    return list(sentences(read.plain, tokenise(read.plain)))


def test_a_question_is_cut_into_sentences() -> None:
    assert len(clauses("What is the mass of the K+? And the lifetime of the K_S?")) == 2
    assert len(clauses("half-life (not the mean life!) of the neutron")) == 1
    assert len(clauses("mass of 1.5 kaons")) == 1


def test_another_question_behind_and_is_a_sentence() -> None:
    first, second = clauses("what is the mass of the tau and how does it decay")
    assert (first.asks, second.asks) == (False, True)
    assert len(clauses("which is heavier and by how much: the W or the Z")) == 1
    assert len(clauses("what is the mass and what is the width of the Z")) == 1


def test_what_is_used_is_not_found_again() -> None:
    (clause,) = clauses("mass of the Z and the W")
    first, second = clause.places("thing")
    assert clause.use(first) == ((12, 13),)
    assert clause.places("thing") == [second]
    assert first not in clause.essential
    assert clause.contains(["and"])
    assert not clause.contains(["or"])


def test_the_last_operands_are_what_was_said_before() -> None:
    one = Wanted(Thing(("Z0",), "Z", (0, 0)), "mass")
    other = Wanted(Thing(("H",), "H", (0, 0)), "mass")
    assert Context([Goal("value", (one,)), Goal("value", (other,))]).last == (other,)
    assert Context(named=[one]).last == (one,)
    assert Context().last == ()
