"""Reasoning never counts as answer, and a passage cannot speak with the voice of the prompt."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.citing import harmless, untrusted, without_reasoning

TOKENS = [
    "<|im_start|>", "<|im_end|>", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<|eot_id|>",
    "<|start_header_id|>", "<bos>", "</passage>", "< passage id=1>", "<tool_call>", "<|endoftext|>", "[SYSTEM_PROMPT]",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("disguise", [
    str, lambda t: "\u200b".join(t), lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
    lambda t: t.replace("<", "＜").replace("|", "｜"), lambda t: t.replace("<", "\u202e<\u202c"), lambda t: t.replace("<",
    "⟨").replace(">", "⟩"),
    lambda t: t.upper(),
])  # fmt: skip
def test_control_tokens_are_neutralised_however_they_are_disguised(token: str, disguise) -> None:  # type: ignore[no-untyped-def]
    found = harmless(f"The mass is {disguise(token)} 5 GeV.")
    plain = "".join(c for c in found if c.isprintable())
    assert token.lower() not in plain.lower()
    assert found.startswith("The mass is ")
    assert found.endswith(" 5 GeV.")


@pytest.mark.parametrize("text", [
    "m < 5 GeV", "⟨r²⟩ = 0.7 fm²", "B(D⁰ → K⁻ π⁺) = (3.945 ± 0.030) %", "0.1 < q² < 2", "[1] |V_cb|", "π⁰ → γγ (98.823 %)", "a|b", "τ轻子",
    "ψ(2S) → [π π]", "<M(X)²>",
])  # fmt: skip
def test_physics_is_left_alone(text: str) -> None:
    assert harmless(text) == text


@given(st.text() | st.lists(st.sampled_from([*TOKENS, "<", ">", "|", "\u200b", "s", " "])).map("".join))
def test_what_is_harmless_stays_so(text: str) -> None:
    found = harmless(text)
    assert harmless(found) == found
    assert not any(token in found for token in TOKENS)


@pytest.mark.parametrize(("reply", "answer"), [
    ("<think>It is 5.</think>It is 6 [1].", "It is 6 [1]."), ("<thinking>a</thinking> b <think>c</think> d", "b  d"),
    ("so 5?</think>It is 6.", "It is 6."),
    ("It is 6.<think>or 7", "It is 6."), ("<think>all of it", ""), ("[THINK]x[/THINK]It is 6.", "It is 6."), ("It is 6.", "It is 6."),
    ("<THINK>\nx\n</THINK>\nIt is 6.", "It is 6."), ("<|channel|>analysis<|message|>x<|end|>It is 6.", "It is 6."),
    ("I think it is 6.", "I think it is 6."),
])  # fmt: skip
def test_reasoning_is_taken_out(reply: str, answer: str) -> None:
    assert without_reasoning(reply) == answer


@pytest.mark.parametrize("unit", ["<", "<|", "<think>", "</think>", "[", "< ", "<s", "\u200b", "＜｜", "<|a"])
def test_time_is_in_proportion_to_the_length(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    harmless(text)
    without_reasoning(text)
    for pattern in vars(untrusted).values():
        if isinstance(pattern, re.Pattern):
            pattern.findall(text)
    assert time.process_time() - start < 2
