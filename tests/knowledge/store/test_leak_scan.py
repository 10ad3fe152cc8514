"""A text is found in bytes however a database cuts it up, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.store.leak_scan import LENGTH, SHORTEST, Fragments, file_blocks, text_blocks

TEXT = 'The τ lepton\'s lifetime is 290.3 ± 0.5 fs, as measured by "four" groups\nin 1989 and in 2014 again.'


@given(st.integers(0, len(TEXT.encode()) - 2 * LENGTH + 1), st.binary(max_size=40), st.binary(max_size=40))
def test_any_63_bytes_in_a_row_give_a_text_away(start: int, before: bytes, after: bytes) -> None:
    part = TEXT.encode()[start : start + 2 * LENGTH - 1]
    assert Fragments([TEXT]).found_in([before + part + after])


@given(st.text(min_size=SHORTEST), st.binary(max_size=30))
def test_a_whole_text_is_found_raw_and_as_json(text: str, before: bytes) -> None:
    fragments = Fragments([text])
    for form in (text, json.dumps(text), json.dumps(text, ensure_ascii=False)):
        assert fragments.found_in([before + form.encode("utf-8", "surrogatepass")])


@given(st.binary(max_size=500), st.lists(st.text("abc ", min_size=SHORTEST, max_size=50)))
def test_what_is_found_is_there_and_what_is_there_is_found(block: bytes, texts: list[str]) -> None:
    block += b"".join(text.encode() for text in texts[::2])
    fragments = Fragments(texts)
    found = fragments.found_in([block])
    assert all(fragment in block for fragment in found)
    for text in texts[::2]:
        assert text.encode()[:LENGTH] in found


def test_nothing_is_found_where_nothing_is() -> None:
    assert not Fragments([TEXT]).found_in([b"", b"The", TEXT.upper().encode(), bytes(10_000)])
    assert not Fragments([]).found_in([TEXT.encode()])


def test_short_texts_are_not_looked_for() -> None:
    assert not Fragments(["x" * (SHORTEST - 1)]).found_in([b"x" * 100])
    assert Fragments(["x" * SHORTEST]).found_in([b"x" * 100])


def test_a_text_across_two_blocks_of_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yukawa.knowledge.store.leak_scan._BLOCK", 64)
    file = tmp_path / "file"
    for offset in range(64):
        file.write_bytes(bytes(offset) + TEXT.encode()[:LENGTH] + bytes(100))
        assert Fragments([TEXT]).found_in(file_blocks(file)), offset


def test_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert list(file_blocks(tmp_path / "none")) == []


def test_texts_in_blocks_do_not_run_together() -> None:
    assert not Fragments(["one two three four"]).found_in(text_blocks(["one two ", None, "", "three four"]))
    assert Fragments(["one two three four"]).found_in(text_blocks(["x", "one two three four"]))
