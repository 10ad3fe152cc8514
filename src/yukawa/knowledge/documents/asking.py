"""What a question about documents wants: which of its words say what it is about, which only how it asks, and what answers it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from yukawa.knowledge.documents.words import CLOSED, named, stem, stems
from yukawa.knowledge.parsing.question import STOPWORDS

_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|should|must|has|have|will|would|may|might)"
_WORDS = rf"((?:(?!{_AUXILIARY}\b)[\w.+/-]+\s+){{1,5}}?)"
# 'which python version does', 'what problem lets': the noun before the verb names the kind of answer.
_CLASS = tuple(
    re.compile(rf"(?:\w+ )?(?:which|what)\s+{_WORDS}(?={verb}\b)") for verb in (_AUXILIARY, "[a-z]+s")
)
_DONE = re.compile(rf"\b{_AUXILIARY} (?:i|we|you|one|people) (\w+)|\bto (\w+)")
_LAST = re.compile(r"\b(?:does|do|did|can|should|must)\b.* (\w+) (\w+)$")
_IDENTIFIER = re.compile(r"\b[A-Za-z]\w*[._]\w+(?:[._]\w+)*|\b[a-z]+[A-Z]\w*")
_TOKEN = re.compile(r"[^\W_]\w*(?:[-+.'’]\w+)*")
_HOW = re.compile(r"\bhow (\w+)")
_MOST = re.compile(r"\bat (?:most|least)\b")
_VERB = re.compile(r"\bhow (?:do|does|can|could|should|did) \w+ (\w+)")
_COUNTED = re.compile(rf"\bhow many (?:\w+[ -]){{0,3}}?(\w+)(?= (?:{_AUXILIARY}|per|in|of)\b|$)")
# 'what is the default job flavour of': the last word names what is asked of the thing.
_ATTRIBUTE = re.compile(
    r"\b(?:what|which) (?:is|are|was|were) (?:the |an? )?(?:[\w-]+ ){0,3}?([\w-]+) (?:of|for|in|on|at|between)\b"
)
# Verbs and nouns with which anything can be asked; a statement answers without them.
_LIGHT = (
    "mean describe description hold contain use put call stand need work help want know look like go come try ask say tell "
    "value number type kind sort way name command thing meaning"
).split()
_ASKING, _DOING, _CLOSING = 0.35, 0.6, 0.5

_FIGURE = r"(?:(?<![\w.])\d[\d.,]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|few|several|an?)\b)"
_DURATION = (
    "ms|ns|us|microseconds?|milliseconds?|seconds?|sec|s|minutes?|min|hours?|h|days?|weeks?|months?|years?"
)
_LENGTH = "mm|cm|km|m|nm|[kc]?metres?|[kc]?meters?|kilomet\\w+|characters?|words?|lines?|pages?"
_LARGE = r"(?:\s?(?:million|billion|thousand))?"
_NUMBER = re.compile(
    r"(?<![\w.])\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|once|twice|half|daily|weekly|monthly)\b", re.I
)  # fmt: skip
_COUNT = re.compile(
    rf"(?:(?<![\w.])\d[\d.,]*{_LARGE}|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve))(?=\W(.{{0,60}}))",
    re.I | re.S,
)
_NUMBER_OF = re.compile(r"\bnumber of\b", re.I)
_TIMES = frozenset(map(stem, ("once", "twice")))
# What a question wants, by its words, and how a statement that gives it looks.
_WANTS: tuple[tuple[str, str], ...] = (
    ("frequency", r"\bhow often\b"),
    ("duration", r"\bhow long\b"),
    (
        "number",
        r"\bhow (?:many|much|large|big|far|old|thick|wide|tall|heavy|high|deep)|\b(?:what|which) (?:fraction|percentage|number|port|rate)"
        r"|\bport\b",
    ),
    ("version", r"\b(?:what|which) (?:\w+ ){0,3}versions?\b"),
    ("date", r"\bwhen (?:was|were|did|will)\b|\b(?:what|which) (?:year|day|month|date)\b"),
    ("person", r"\bwho(?:se)?\b"),
    ("reason", r"\bwhy\b"),
    ("place", r"\bwhere\b|\b(?:which|what) (?:file|directory|folder|address|page|site|location|path)\b"),
    ("way", r"\bhow (?:do|can|could|should|to)\b|\b(?:which|what) commands?\b"),
    ("definition", r"^what (?:is|are) (?:the |an? )?(?P<is>\S+(?: \S+)?)$|^what (?:is|are) (?P<in>\S+(?: \S+)?) (?:in|(?:\w+ )?for)\b|"
                   r"\bwhat does (?P<does>.*?) (?:mean|stand for|do|refer to)\b|\bmeaning of (?P<of>.*)"),
)  # fmt: skip
_ANSWERS = {
    "frequency": r"\b(?:times|once|twice|weekly|daily|monthly|yearly|hourly|every|each|per|bi-?weekly|[kMG]?Hz)\b|=\s?\d",
    "duration": rf"{_FIGURE}[\s-]?(?:{_DURATION}|{_LENGTH})\b",
    "version": r"\bv?\d+(?:[.r]\d+)+\w*|\b\d{4}\b|\b[A-Za-z]+\d\b|\bv\d",
    "date": r"\b(?:1[89]|20)\d\d\b|\b(?:Jan|Febr|Septem|Octo|Novem|Decem)\w+\b|\b(?:March|April|May|June|July|August)\b|\b[A-Z]\w+day\b",
    "person": r"[A-Z]\w+ [A-Z]\w+",
    "reason": r"(?i)\b(?:because|since|due to|so that|in order to|therefore|as (?:it|this|they|the)|to (?:avoid|ensure|make|prevent)|tells"
              r"|means|necessary|reason|otherwise|hence|thus)\b",
    "place": r"https?://|localhost|[\w.-]+/[\w./-]+|\b\w+\.(?:py|root|md|yml|yaml|txt|xml|sh|json|cfg|C|cpp|h|hh|hpp|dec|dst)\b|"
             r"\b(?:in|at|on|under|directory|folder|located|page|section|site|forum|tracker|bugtracker)\b",
    "way": r"`|\$|--?\w|[A-Za-z]\w*[._(]\w|\b(?:command|run|type|typing|use|using|calling|call)\b|\w+-\w+",
}  # fmt: skip
_SEEN = {kind: re.compile(pattern) for kind, pattern in _ANSWERS.items()} | {"number": _NUMBER}
# A statement without any of these cannot answer; the others have no form of their own.
EXACT = frozenset({"frequency", "duration", "number", "version", "date", "person"})


@dataclass(frozen=True)
class Asked:
    """A question about documents.

    Args:
        words: the stems of what it names, in order, with the words as written.
        shares: how much a word counts: 1 for what the question is about, less for how it asks.
        wants: a kind of answer, such as 'number', 'date' or 'definition', or '' where any statement may answer.
        figures: words with digits, which a number that answers must not be.
        identifiers: stems of names of code (`Electron_dxy`, `filesPerJob`), which mean one thing.
        names: stems of words written as names ('KEKB', 'Beijing', 'log_01'): another name is another thing.
        verb: the stem of what one wants to do ('How do I encrypt'), or ''.
        counted: the stem of what is to be counted ('how many nodes'), or ''.
        attribute: the stem of what is asked of a thing ('what is the temperature of'), or ''.
        defined: stems of what is to be defined.
    """

    words: Mapping[str, str]
    shares: Mapping[str, float]
    wants: str
    figures: tuple[str, ...]
    identifiers: frozenset[str]
    names: frozenset[str] = field(default=frozenset())
    verb: str = ""
    counted: str = ""
    attribute: str = ""
    defined: frozenset[str] = field(default=frozenset())

    def is_about(self, word: str) -> bool:
        """Whether a word says what the question is about, not how it asks."""
        return self.shares.get(word, 1.0) > 0.4

    def seen_in(self, text: str) -> bool | None:
        """Whether `text` holds something of the kind wanted that the question itself does not hold; None if all kinds may do."""
        pattern = _SEEN.get(self.wants)
        return None if pattern is None else pattern.search(self._without_figures(text)) is not None

    def is_counted_in(self, text: str) -> bool:
        """Whether `text` gives a number of what is to be counted: '12 layers', 'number of layers: 12'."""
        text = self._without_figures(text)
        wanted = {self.counted, *(_TIMES if self.counted == stem("times") else ())}
        found = stems(text)
        if not _TIMES.isdisjoint(wanted.intersection(found)):
            return True
        if _NUMBER_OF.search(text) and _NUMBER.search(text):
            return not wanted.isdisjoint(found)
        return any(not wanted.isdisjoint(stems(m[1])[:4]) for m in _COUNT.finditer(text))

    def weights(self, rarity: Callable[[str], float]) -> list[float]:
        """The weight of each word: its rarity, at least 2.5 for what the question is about."""
        return [
            share * rarity(word) if (share := self.shares.get(word, 1.0)) < 1 else max(2.5, rarity(word))
            for word in self.words
        ]

    def nowhere(self, vocabulary: Callable[[str], bool]) -> list[str]:
        """The words it is about that no document holds, apart from those a search does not look for."""
        return [
            word
            for word in self.words
            if self.is_about(word) and word not in _UNSEARCHED and not vocabulary(word)
        ]

    def _without_figures(self, text: str) -> str:
        for figure in self.figures:
            text = re.sub(rf"(?<![\w.]){re.escape(figure)}(?!\.?\w)", " ", text)
        return text


_UNSEARCHED = frozenset(map(stem, STOPWORDS)) | {"maximum"}


def asked(question: str) -> Asked:
    """Read a question in words."""
    plain = " ".join(question.split())[:1000].strip().rstrip("?.! ")
    lowered = plain.lower()
    words = named(plain)
    if _MOST.search(lowered) and "maximum" not in words:
        words["maximum"] = _MOST.findall(lowered)[0]
    wants, found = next(
        ((kind, m) for kind, pattern in _WANTS if (m := re.search(pattern, lowered))), ("", None)
    )
    defined = next(filter(None, found.groups()), "") if found and wants == "definition" else ""
    figures = sorted(re.findall(r"\w*\d\w*", plain), key=len, reverse=True)
    verb, counted, attribute = (p.search(lowered) for p in (_VERB, _COUNTED, _ATTRIBUTE))
    return Asked(
        words, _shares(lowered), wants, tuple(figures), frozenset(stem(m[0]) for m in _IDENTIFIER.finditer(plain)),
        frozenset(map(stem, _names(plain))) & words.keys(), stem(verb[1]) if verb else "", stem(counted[1]) if counted else "",
        stem(attribute[1]) if attribute else "", frozenset(named(defined)),
    )  # fmt: skip


def _shares(lowered: str) -> dict[str, float]:
    """The shares of words that say more how a question asks than what it is about."""
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
    return shares


def _names(plain: str) -> Iterator[str]:
    """Words with a capital or an underscore inside, and words with a capital that do not begin the question."""
    for place, match in enumerate(_TOKEN.finditer(plain)):
        word = match[0]
        inside = any(c.isupper() for c in word[1:]) or "_" in word
        if inside or (place and word[0].isupper()):
            yield word
