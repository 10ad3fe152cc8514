"""Odd conversations are repaired only as declared, every repaired row is counted, and good ones stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.conversations import read_conversations
from yukawa.data.repairs import REPAIRS, Repairs

H, G = ("human", "What is the mass of the Z?"), ("gpt", "91.19 GeV.")
# As published files have them: each with the repairs that it needs, and the sides that are left.
ODD = {
    "chatgpt": ([H, ("chatgpt", "91 GeV")], ["alias"], "ua"),
    "bing": ([H, ("bing", "91 GeV")], ["alias"], "ua"),
    "model": ([("prompter", "Why?"), ("Model", "So.")], ["alias"], "ua"),
    "function_call": ([H, ("function_call", "{}"), ("observation", "91"), G], ["tools"], "ua"),
    "tool": ([H, G, ("human", "And?"), ("tool", "1"), G], ["tools"], "uaua"),
    "leading gpt": ([G, H, G], ["trim"], "ua"),
    "leading gpt after system": ([("system", "Be brief."), G, H, G], ["trim"], "sua"),
    "trailing user": ([H, G, H], ["trim"], "ua"),
    "two users": ([H, H, G], ["merge"], "ua"),
    "two answers": ([H, G, G], ["merge"], "ua"),
    "empty answer": ([H, ("gpt", " "), G], ["empty"], "ua"),
    "no text": ([H, ("gpt", None), G], ["empty"], "ua"),
    "everything": ([("bard", "Hi"), H, ("prompter", "?"), ("observation", "x"), ("gpt", ""), G, H], list(REPAIRS), "ua"),
}  # fmt: skip


def file_of(folder: Path, talks: list) -> Path:
    rows = [{"conversations": [{"from": role, "value": text} for role, text in talk]} for talk in talks]
    path = folder / "talks.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", ODD)
def test_each_odd_row_is_refused_undeclared_and_good_when_declared(tmp_path: Path, name: str) -> None:
    talk, needed, sides = ODD[name]
    path = file_of(tmp_path, [talk, [H, G]])
    with pytest.raises(InputError, match="1 bad of 2 rows"):
        read_conversations(path)
    for some in (needed, ["all"]):
        reading = read_conversations(path, repairs=some)
        assert ["".join(turn.role[0] for turn in row.messages) for row in reading.rows] == [sides, "ua"]
    assert dict(read_conversations(path, repairs=needed).repaired) == dict.fromkeys(needed, 1)


@given(
    turns=st.lists(
        st.tuples(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip)),
        min_size=1,
        max_size=3,
    )
)
def test_a_good_conversation_stays_as_it_is(turns: list[tuple[str, str]]) -> None:
    messages = [one for question, answer in turns for one in (("human", question), ("gpt", answer))]
    repairs = Repairs(["all"])
    assert repairs(messages) == messages
    assert not +repairs.counts


@given(
    messages=st.lists(
        st.tuples(st.sampled_from(["human", "gpt", "bing", "tool", "x"]), st.sampled_from(["a", "b", " "]))
    )
)
def test_repaired_twice_is_repaired_once(messages: list[tuple[str, str]]) -> None:
    once = Repairs(["all"])(messages)
    assert Repairs(["all"])(once) == once


def test_what_no_repair_helps_is_still_bad(tmp_path: Path) -> None:
    for talk in ([("human", "a")], [("gpt", "a")], [H, ("x", "y")], [H, ("gpt", 7)], []):
        with pytest.raises(InputError, match="1 bad of 1 rows"):
            read_conversations(file_of(tmp_path, [talk]), repairs=["all"])
    with pytest.raises(InputError, match="did you mean 'merge'"):
        Repairs(["merg"])
