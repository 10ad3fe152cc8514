"""Passages are cut into statements that can be quoted whole."""

from __future__ import annotations

from yukawa.knowledge.documents.statements import statements


def test_sentences_know_the_one_before() -> None:
    found = statements("The ring is cold. It was built in 1988.")
    assert [(s.text, s.kind, s.before) for s in found] == [
        ("The ring is cold.", "text", ""), ("It was built in 1988.", "text", "The ring is cold."),
    ]  # fmt: skip


def test_items_and_code_come_with_what_leads_to_them() -> None:
    found = statements(
        "Run this:\n```\nmake all\nmake test\n```\nThere are two:\n- one\n- two\nmode: a; fraction: 3 %"
    )
    assert [(s.text, s.kind) for s in found] == [
        ("Run this:\nmake all\nmake test", "code"),
        ("There are two:\n- one", "item"), ("There are two:\n- two", "item"), ("mode: a; fraction: 3 %", "row"),
    ]  # fmt: skip


def test_no_word_is_lost() -> None:
    body = "One sentence. Another one, e.g. this.\n- item\n```\ncode\n```\na: b; c: d"
    joined = " ".join(s.text for s in statements(body))
    assert all(word in joined for word in body.replace("```", " ").split())


def test_a_table_that_somebody_taught_is_read_by_rows() -> None:
    found = statements(
        "The magnets:\n\n| magnet | field |\n|---|---|\n| solenoid | 1.0 T |\n| dipole | 0.5 T |"
    )
    assert [s.text for s in found if s.kind == "row"] == [
        "magnet: solenoid; field: 1.0 T",
        "magnet: dipole; field: 0.5 T",
    ]
    assert [s.kind for s in statements("a | b --- c")] == ["text"]
