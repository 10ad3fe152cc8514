"""What is written for a new item: ids, postings, and lists short enough for one statement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.store.writer import chunks, new_id, posting_rows_of


def test_ids_are_short_and_all_different() -> None:
    ids = {new_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(i.isalnum() and i.islower() and i[0] == "k" and len(i) == 9 for i in ids)


@given(st.lists(st.text(max_size=3), max_size=1600))
def test_chunks_hold_everything_in_order(values: list[str]) -> None:
    pieces = list(chunks(values))
    assert [v for piece in pieces for v in piece] == values
    assert all(0 < len(piece) <= 500 for piece in pieces)


@given(st.lists(st.sampled_from(["a", "b", "@S035", "#mass", "=k"]), max_size=30))
def test_postings_count_every_term(terms: list[str]) -> None:
    rows = posting_rows_of(7, " ".join(terms))
    assert {r["term"]: r["frequency"] for r in rows} == {t: terms.count(t) for t in terms}
    assert {(r["passage_id"], r["length"]) for r in rows} <= {(7, len(terms))}
