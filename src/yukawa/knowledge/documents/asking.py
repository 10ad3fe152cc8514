"""What a question about documents wants: which of its words say what it is about, which only how it asks, and what answers it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from yukawa.knowledge.documents.words import CLOSED, named, stem

_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|should|must|has|have|will|would|may|might)"
_WORDS = rf"((?:(?!{_AUXILIARY}\b)[\w.+/-]+\s+){{1,5}}?)"
# 'which python version does', 'what problem lets': the noun before the verb names the kind of answer.
_CLASS = tuple(
    re.compile(rf"(?:\w+ )?(?:which|what)\s+{_WORDS}(?={verb}\b)") for verb in (_AUXILIARY, "[a-z]+s")
)
_DONE = re.compile(rf"\b{_AUXILIARY} (?:i|we|you|one|people) (\w+)|\bto (\w+)")
_LAST = re.compile(r"\b(?:does|do|did|can|should|must)\b.* (\w+) (\w+)$")
_IDENTIFIER = re.compile(r"\b[A-Za-z]\w*[._]\w+(?:[._]\w+)*|\b[a-z]+[A-Z]\w*")
_HOW = re.compile(r"\bhow (\w+)")
# Verbs and nouns with which anything can be asked; a statement answers without them.
_LIGHT = (
    "mean describe description hold contain use put call stand need work help want know look like go come try ask say tell "
    "value number type kind sort way name command thing meaning"
).split()
_ASKING, _DOING, _CLOSING = 0.35, 0.6, 0.5

_NUMBER = re.compile(
    r"(?<![\w.])\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|once|twice|half|daily|weekly|monthly)\b", re.I
)  # fmt: skip
_DATE = re.compile(
    r"\b(?:1[89]|20)\d\d\b|\b(?:Jan|Febr|Septem|Octo|Novem|Decem)\w+\b|\b(?:March|April|May|June|July|August)\b|\b[A-Z]\w+day\b"
)
_PERSON = re.compile(r"[A-Z]\w+ [A-Z]\w+")
_WANTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("date", re.compile(r"\bwhen (?:was|were|did|will)\b|\b(?:what|which) (?:year|day|month|date)\b")),
    ("number", re.compile(
        r"\bhow (?:many|much|long|often|large|big|far|old|thick|wide|tall|heavy)|"
        r"\b(?:what|which) (?:fraction|percentage|number|size|port|version|rate)|^bi-?weekly"
    )),
    ("person", re.compile(r"\bwho(?:se)?\b")),
    ("definition", re.compile(r"^what (?:is|are) (?:the |an? )?\S+(?: \S+)?$|\bwhat does .*\b(?:mean|stand for|do)$")),
)  # fmt: skip
_ANSWERS = {"date": _DATE, "number": _NUMBER, "person": _PERSON}


@dataclass(frozen=True)
class Asked:
    """A question about documents.

    Args:
        words: the stems of what it names, in order.
        shares: how much a word counts: 1 for what the question is about, less for how it asks.
        wants: 'number', 'date', 'person', 'definition', or '' where any statement may answer.
        figures: words with digits, which a number that answers must not be.
        identifiers: stems of names of code (`Electron_dxy`, `filesPerJob`), which mean one thing.
    """

    words: tuple[str, ...]
    shares: Mapping[str, float]
    wants: str
    figures: tuple[str, ...]
    identifiers: frozenset[str]

    def is_answered_by(self, text: str) -> bool:
        """Whether `text` holds something of the kind wanted that the question itself does not hold."""
        pattern = _ANSWERS.get(self.wants)
        if pattern is None:
            return True
        for figure in self.figures:
            text = re.sub(rf"(?<![\w.]){re.escape(figure)}(?!\.?\w)", " ", text)
        return pattern.search(text) is not None

    def weights(self, rarity: Callable[[str], float]) -> dict[str, float]:
        """The weight of each word: its rarity, at least 2.5 for what the question is about."""
        return {
            word: share * rarity(word)
            if (share := self.shares.get(word, 1.0)) < 1
            else max(2.5, rarity(word))
            for word in self.words
        }


def asked(question: str) -> Asked:
    """Read a question in words."""
    plain = " ".join(question.split())[:1000].strip().rstrip("?.! ")
    lowered = plain.lower()
    shares = dict.fromkeys(map(stem, _LIGHT), _ASKING)
    if found := next((m for pattern in _CLASS if (m := pattern.match(lowered))), None):
        noun = found[1].split()
        shares[stem(noun[noun.index("of") - 1] if "of" in noun[1:] else noun[-1])] = _ASKING
    for match in _DONE.finditer(lowered):
        shares.setdefault(stem(match[1] or match[2]), _DOING)
    if (last := _LAST.search(lowered)) and last[1] not in CLOSED:
        shares.setdefault(stem(last[2]), _CLOSING)
    for match in _HOW.finditer(lowered):
        shares.setdefault(stem(match[1]), _ASKING)
    wants = next((kind for kind, pattern in _WANTS if pattern.search(lowered)), "")
    figures = sorted(re.findall(r"\w*\d\w*", plain), key=len, reverse=True)
    identifiers = frozenset(stem(match[0]) for match in _IDENTIFIER.finditer(plain))
    return Asked(tuple(named(plain)), shares, wants, tuple(figures), identifiers)
