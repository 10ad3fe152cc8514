"""One sentence of a question: its tokens, what goals have used of them, and what was wanted before."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yukawa.knowledge.parsing.asides import set_aside
from yukawa.knowledge.parsing.labels import with_initials
from yukawa.knowledge.parsing.lexicon import question_words
from yukawa.knowledge.parsing.plan import Amount, Goal, Span, Wanted
from yukawa.knowledge.parsing.settling import settled
from yukawa.knowledge.parsing.tokens import Token

# Tokens without a part of their own in a goal; of these only 'word' and 'mark' can change an answer.
BACKGROUND = frozenset(
    {"function", "neutral", "join", "pronoun", "mark", "stop", "word", "into", "weighing", "list", "aside"}
)


@dataclass
class Clause:
    """A sentence under reading.

    Args:
        plain: the text that all places refer to.
        tokens: those of this sentence.
        used: places in `tokens` that a goal has used.
        language: of the question.
        asks: whether it is a question joined to the one before: '… and how does it decay?'.
    """

    plain: str
    tokens: list[Token]
    used: set[int] = field(default_factory=set)
    language: str = "en"
    asks: bool = False

    def places(self, *kinds: str) -> list[int]:
        """Places of unused tokens of these kinds, in order."""
        return [i for i, t in enumerate(self.tokens) if t.kind in kinds and i not in self.used]

    def has(self, *kinds: str) -> bool:
        """Whether an unused token of one of these kinds is there."""
        return any(t.kind in kinds and i not in self.used for i, t in enumerate(self.tokens))

    def use(self, *places: int) -> tuple[Span, ...]:
        """Mark tokens as used; their spans."""
        self.used.update(places)
        return tuple((self.tokens[i].start, self.tokens[i].end) for i in sorted(places))

    def text(self, place: int) -> str:
        """The words of a token in small letters."""
        return self.tokens[place].text.lower()

    @property
    def has_question_word(self) -> bool:
        """Whether a question word stands in the sentence, so that more than yes or no is asked."""
        opening = question_words(self.language)
        return any(
            "wh" in (t.value, *(v for _, v in t.otherwise)) or t.text.lower().split()[0] in opening
            for t in self.tokens
            if t.kind in ("function", "neutral", "list")
        )

    @property
    def essential(self) -> list[int]:
        """Places of unused tokens that have a part in a goal."""
        return [i for i, t in enumerate(self.tokens) if t.kind not in BACKGROUND and i not in self.used]

    def between(self, first: int, second: int) -> list[Token]:
        """The tokens between two places."""
        return self.tokens[first + 1 : second]

    def contains(self, words: Iterable[str]) -> bool:
        """Whether one of these words stands in the sentence."""
        allowed = set(words)
        return any(word in allowed for t in self.tokens for word in t.text.lower().split())


def sentences(plain: str, tokens: Sequence[Token], language: str = "en") -> Iterator[Clause]:
    """The sentences of a question with their tokens settled."""
    found: list[tuple[list[Token], bool]] = [([], False)]
    tokens = with_initials(tokens)
    for place, token in enumerate(tokens):
        joined = _asks_further(found[-1][0], tokens, place, language)
        if token.kind == "stop" or joined:
            found.append(([], joined))
        else:
            german = (
                language == "de" and token.text.lower() == "im"
            )  # in English it is 'I'm', and speaks of the asker
            found[-1][0].append(replace(token, text="in dem") if german else token)
    found = _with_premises(plain, found, language)
    for number, (sentence, joined) in enumerate(found):
        others = [t for i, (other, _) in enumerate(found) if i != number for t in other]
        if kept := set_aside(sentence, others=() if joined else others):
            yield Clause(plain, settled(kept), language=language, asks=joined)


def _asks_further(before: Sequence[Token], tokens: Sequence[Token], place: int, language: str) -> bool:
    """Whether 'and' at `place` joins another question to one that is whole: '… of the tau and how does it decay'."""
    if tokens[place].text.lower() not in _AND or place + 1 >= len(tokens):
        return False
    after, comma = tokens[place + 1], place > 0 and tokens[place - 1].text == ","
    open_word = after.text.lower().split()[0] in question_words(language)
    question = after.kind == "explain" or (
        open_word and (after.kind == "function" or (comma and language != "en"))
    )
    if any(t.kind == "property" and t.value == "quark-content" for t in before):
        return False  # 'which baryon is made of …, and what is its charge?' asks of what is found
    kinds = {token.kind for token in before}
    whole = bool(kinds & {"thing", "class", "constant"}) and bool(
        kinds & {"property", "channel", "compare", "most"}
    )
    whole |= {"thing", "class"} <= kinds and before[0].kind == "function"  # 'is the eta a boson'
    return question and whole


def _with_premises(
    plain: str, found: list[tuple[list[Token], bool]], language: str
) -> list[tuple[list[Token], bool]]:
    """'A muon has a momentum of 10 GeV. How far does it go?': a sentence that only says how something moves belongs to the next."""
    kept: list[tuple[list[Token], bool]] = []
    for sentence, joined in found:
        before = kept[-1][0] if kept else []
        told = before and _MOVES.search(plain, before[0].start, before[-1].end)
        refers = any(t.text.lower() in _PRONOUNS for t in sentence) and not any(
            t.kind == "thing" for t in sentence
        )
        asked = any(t.text.lower().split()[0] in question_words(language) for t in before)
        if told and refers and not joined and not asked and any(t.kind == "amount" for t in before):
            kept[-1] = ([*before, *sentence], kept[-1][1])
        else:
            kept.append((sentence, joined))
    return kept


_PRONOUNS = frozenset("it its they their".split())
_MOVES = re.compile(
    r"\b(?:momentum|energy|gamma|Lorentz|travels?|travell?ing|mov(?:es|ing)|fl(?:ies|ying)|speed|velocity|produced|beam"
    r"|(?:particle|resonance) has)\b"
)
_AND = frozenset({"and", "und", "et"})


def amount_of(token: Token) -> Amount:
    """The amount that a token states."""
    value: Any = token.value
    return value if isinstance(value, Amount) else Amount(float(value), "", (token.start, token.end))


@dataclass
class Context:
    """What the sentences and questions before wanted.

    Args:
        goals: of the question so far or, at its beginning, of the one before.
        same_question: whether they belong to this question, so that a condition said later changes them.
        replaced: whether the last rule changed the last goal instead of adding one.
    """

    goals: list[Goal] = field(default_factory=list)
    same_question: bool = False
    named: Sequence[Wanted] = ()  # things that a sentence before only named
    replaced: bool = False  # whether the goals found stand in the place of the last one

    @property
    def last(self) -> tuple[Wanted, ...]:
        """The operands of the last goal that has any, and of its like before it."""
        for goal in reversed(self.goals):
            if goal.operands:
                return goal.operands
        return tuple(self.named)

    @property
    def operands(self) -> tuple[Wanted, ...]:
        """All quantities of the question, or of the one before: those of 'the mass of the W and the Z' are two goals."""
        found = tuple(w for goal in self.goals for w in goal.operands)
        return found if len(self.goals) > 1 and all(g.operation == "value" for g in self.goals) else self.last
