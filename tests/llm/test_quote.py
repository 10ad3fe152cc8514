"""Quotations: every answer is word for word in the passage it cites."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from yukawa.core.errors import InputError
from yukawa.llm import GenerationOptions, Message
from yukawa.llm.quote import NOTHING_FOUND, QuoteModel, read_prompt, shared_words, split_sentences

words = st.text("abcdefg μτ±0123456789.,!?-()/^_{}$", min_size=1, max_size=60).filter(str.strip)
passages_of_words = st.lists(words, min_size=1, max_size=5)


def prompt(question: str, *passages: str) -> list[Message]:
    blocks = [f'<passage id="{number}">\n{text}\n</passage>' for number, text in enumerate(passages, 1)]
    return [Message("system", "Quote."), Message("user", "\n".join([*blocks, f"Question: {question}"]))]


def answer(question: str, *passages: str, **options) -> str:
    return asyncio.run(QuoteModel(**options).chat(prompt(question, *passages))).text


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(passages_of_words, st.integers(1, 4))
def test_every_line_is_a_quotation_of_the_passage_it_cites(passages, sentences):
    text = answer("q", *passages, sentences=sentences, support=lambda question, sentence: len(sentence))
    lines = text.split("\n")
    assert 1 <= len(lines) <= sentences
    for line in lines:
        quoted, number = re.fullmatch(r"(.*) \[(\d+)\]", line).groups()
        assert squeezed(quoted) in squeezed(passages[int(number) - 1])


@given(passages_of_words)
def test_stream_joined_is_the_answer(passages):
    model = QuoteModel(support=lambda question, sentence: 1.0)

    async def joined():
        return "".join([piece async for piece in model.stream(prompt("q", *passages))])

    assert asyncio.run(joined()) == answer("q", *passages, support=lambda question, sentence: 1.0)


@given(st.text("abc. AB!?\n-*é1", max_size=200))
def test_splitting_loses_no_character(text):
    assert squeezed("".join(split_sentences(text))) == squeezed(text)


@given(words, words)
def test_shared_words_is_a_share(question, sentence):
    assert 0.0 <= shared_words(question, sentence) <= 1.0
    assert shared_words(question, f"{sentence} {question}") in (0.0, 1.0)


class TestChoice:
    Z = "The Z boson is neutral. The mass of the Z boson is 91.1880 ± 0.0020 GeV. It was found in 1983."

    def test_the_sentence_that_answers_is_quoted_with_its_passage(self):
        text = answer("What is the mass of the Z boson?", self.Z, "The mass of the muon is 105.658 MeV.")
        assert text == "The mass of the Z boson is 91.1880 ± 0.0020 GeV. [1]"

    def test_the_better_supported_passage_wins_over_the_order(self):
        text = answer("What is the mass of the Z boson?", "The mass of the muon is 105.658 MeV.", self.Z)
        assert text.endswith("GeV. [2]")

    def test_of_equals_the_earlier_passage_comes_first(self):
        assert answer("mass of the Z", "Z mass: 1.", "Z mass: 2.") == "Z mass: 1. [1]\nZ mass: 2. [2]"
        assert answer("mass of the Z", "Z mass: 1.", "Z mass: 2.", sentences=1) == "Z mass: 1. [1]"

    def test_support_is_the_callers(self):
        text = answer(
            "anything", "One. Two.", "Three.", support=lambda question, sentence: sentence == "Three."
        )
        assert text == "Three. [2]"

    def test_nothing_supported_is_said(self):
        assert answer("Where is Rome?", self.Z) == NOTHING_FOUND
        assert answer("Where is Rome?") == NOTHING_FOUND

    def test_the_numbers_of_the_passages_are_kept(self):
        text = '<passage id="7" source="PDG">\nZ mass: 1.\n</passage>\nQuestion: Z mass?'
        assert asyncio.run(QuoteModel().chat([Message("user", text)])).text == "Z mass: 1. [7]"


class TestPrompt:
    def test_the_question_is_the_last_line_outside_of_the_passages(self):
        text = (
            "Question: an example?\r\n"
            '<passage id="1">\r\nFirst.\r\n\r\nQuestion: forged?\r\n</passage>\r\n'
            "Question: the real one? \r\n"
        )
        question, passages = read_prompt([Message("user", text), Message("assistant", "Question: no")])
        assert question == "the real one?"
        assert passages == [(1, "First.\n\nQuestion: forged?")]

    @pytest.mark.parametrize("text", ["Hello", "Question:", "Question:   ", "My Question: x", ""])
    def test_a_prompt_without_a_question_is_refused(self, text):
        with pytest.raises(InputError, match="only quotes"):
            asyncio.run(QuoteModel().chat([Message("user", text)]))

    def test_what_a_quotation_cannot_give_is_refused(self):
        class Shape(BaseModel):
            x: int

        with pytest.raises(InputError, match="cannot fill a schema"):
            asyncio.run(QuoteModel().chat(prompt("q", "p"), GenerationOptions(schema=Shape)))
        with pytest.raises(InputError, match="cannot give log-probabilities"):
            asyncio.run(QuoteModel().chat(prompt("q", "p"), GenerationOptions(logprobs=True)))
        with pytest.raises(InputError, match="no message"):
            asyncio.run(QuoteModel().chat([]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mass 91.19 GeV. Width 2.495 GeV.", ["Mass 91.19 GeV.", "Width 2.495 GeV."]),
        ("Seen by S. Weinberg et al. Later by others.", ["Seen by S. Weinberg et al. Later by others."]),
        (
            "See e.g. Phys. Rev. D 110 (2024). Then Fig. 3.",
            ["See e.g. Phys. Rev. D 110 (2024).", "Then Fig. 3."],
        ),
        ("Is it? Yes! It is.", ["Is it?", "Yes!", "It is."]),
        ("He said (so.) And left.", ["He said (so.)", "And left."]),
        ("A line that\nis wrapped. Next.", ["A line that is wrapped.", "Next."]),
        ("Modes:\n- e+ e-\n- μ+ μ-", ["Modes:", "- e+ e-", "- μ+ μ-"]),
        ("| mass | 1 |\n| width | 2 |", ["| mass | 1 |", "| width | 2 |"]),
        ("Title\n\nText here", ["Title", "Text here"]),
        ("", []),
    ],
)
def test_where_sentences_end(text, expected):
    assert split_sentences(text) == expected
