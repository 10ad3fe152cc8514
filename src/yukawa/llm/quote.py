"""An answer without a model: the best supported sentences of the passages in the prompt, each cited."""

import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Self

from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings
from yukawa.llm.base import GREEDY, Capabilities, GenerationOptions, Message, Reply, need_messages

Support = Callable[[str, str], float]

NOTHING_FOUND = "The passages do not answer this question."

_PASSAGE = re.compile(
    r'^<passage id="(\d+)"[^>\n]*>[ \t]*\n((?:(?!<passage id="|</passage>[ \t]*$).*\n)*+)</passage>[ \t]*$',
    re.MULTILINE,
)
_QUESTION = re.compile(r"^Question: (.*\S)[ \t]*$", re.MULTILINE)

# A line by itself: after a blank line, or a bullet, heading or table row of Markdown.
_BLOCK = re.compile(r"\n(?=[ \t]*(?:\n|[-*+•|#] ?|\d+[.)] ))")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[$\\]*[A-Z0-9Α-Ω])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:[A-Z]|e\.g|i\.e|cf|vs|ca|approx|resp|et al|no|nos|fig|figs|eq|eqs|ref|refs|sec|vol|pp?"
    r"|phys|rev|lett|nucl|instrum|meth|proc|conf|dr|prof|st)\.$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION = 10  # characters, with what precedes it and the full stop
_WORD = re.compile(r"\w+")
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and any are as at be by can could did do does for from give given had has have how i in into"
        " is it its many me much of on or please tell that the their there these this to value was were what"
        " when where which who why will with would you"
    )
)


def shared_words(question: str, sentence: str) -> float:
    """Share of the question's content words that the sentence holds, from 0 to 1."""
    wanted = _content_words(question)
    return len(wanted & _content_words(sentence)) / len(wanted) if wanted else 0.0


def _content_words(text: str) -> set[str]:
    return set(_WORD.findall(unicodedata.normalize("NFKC", text).casefold())) - _STOP_WORDS


@dataclass(eq=False, repr=False)
class QuoteModel:
    """Answers only in the words of numbered passages.

    The last user message carries each passage between the lines `<passage id="1">` and `</passage>`, best
    first, and ends with a line that starts with `Question: `. Schema and log-probabilities are refused; a
    temperature and a token limit change nothing, since half a sentence would be a wrong quotation.

    Args:
        name: the model's name.
        support: how well a sentence answers a question, `support(question, sentence)`; more is better, 0 is
            not at all. By default `shared_words`.
        sentences: most sentences quoted.
        share: a further sentence needs at least this share of the best one's support.
    """

    name: str = "quote"
    _: KW_ONLY
    support: Support = shared_words
    sentences: int = 2
    share: float = 0.9

    @classmethod
    def from_settings(cls, settings: ModelSettings) -> Self:
        """The quoting model under the name of its row."""
        return cls(settings.name)

    async def chat(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> Reply:
        """One quoted sentence a line, best supported first; `NOTHING_FOUND` where none is supported.

        Raises:
            InputError: the prompt has no question, or asks for something a quotation cannot give.
        """
        if options.schema is not None or options.logprobs:
            wish = "fill a schema" if options.schema is not None else "give log-probabilities"
            raise InputError(
                f"model {self.name!r} quotes passages and cannot {wish}",
                hint="choose a language model with --model; `yukawa models` lists them",
            )
        return Reply("\n".join(self._quotes(messages)), model=self.name, finish_reason="stop", usage=None)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = GREEDY
    ) -> AsyncIterator[str]:
        """The text of `chat`, one sentence at a time."""
        for position, quote in enumerate(self._quotes(messages)):
            yield f"\n{quote}" if position else quote

    async def capabilities(self) -> Capabilities:
        """Streams, and reads a prompt of any length."""
        return Capabilities(streaming=True, json_schema=False, logprobs=False, context_length=None)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""

    def _quotes(self, messages: Sequence[Message]) -> list[str]:
        question, passages = read_prompt(messages, self.name)
        found = [
            (self.support(question, sentence), number, sentence)
            for number, text in passages
            for sentence in split_sentences(text)
        ]
        # The sort is stable: of equals, the one in the earlier and so better passage comes first.
        found.sort(key=lambda item: -item[0])
        if not found or found[0][0] <= 0:
            return [NOTHING_FOUND]
        enough = self.share * found[0][0]
        quotes = [f"{sentence} [{number}]" for support, number, sentence in found if support >= enough]
        return quotes[: self.sentences]


def read_prompt(messages: Sequence[Message], name: str = "quote") -> tuple[str, list[tuple[int, str]]]:
    """The question of the last user message and its passages as (number, text), in the order given.

    Raises:
        InputError: there is no user message, or no question in it.
    """
    need_messages(messages, name)
    prompt = next((message.content for message in reversed(messages) if message.role == "user"), "")
    prompt = prompt.replace("\r\n", "\n")
    passages = [(int(number), text.strip()) for number, text in _PASSAGE.findall(prompt)]
    # A passage may hold the word "Question:" too; only the one outside of them counts.
    questions = _QUESTION.findall(_PASSAGE.sub("", prompt))
    if not questions:
        raise InputError(
            f"model {name!r} only quotes: it answers a line 'Question: ...' from numbered passages, and the"
            " prompt has no such line",
            hint='use `yukawa ask "..."`, or choose a language model with --model',
        )
    return questions[-1], passages


def split_sentences(text: str) -> list[str]:
    """The sentences of a passage; bullets, headings and table rows count as sentences of their own.

    A full stop inside a number, after an initial or after a common abbreviation ends nothing.
    """
    sentences: list[str] = []
    for block in _BLOCK.split(text):
        line = " ".join(block.split())
        start = 0
        for gap in _SENTENCE_END.finditer(line):
            near = max(start - 1, gap.start() - _LONGEST_ABBREVIATION, 0)
            if not _ABBREVIATION.search(line, near, gap.start()):
                sentences.append(line[start : gap.end()].strip())
                start = gap.end()
        if line[start:].strip():
            sentences.append(line[start:].strip())
    return sentences
