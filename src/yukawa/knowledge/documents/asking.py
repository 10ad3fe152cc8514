"""What a question about documents wants: which of its words say what it is about, which only how it asks, and what answers it."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from yukawa.knowledge.documents.words import named, stem, stems
from yukawa.knowledge.parsing.question import STOPWORDS
from yukawa.knowledge.parsing.typos import meanings

_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|should|must|has|have|will|would|may|might)"
_WORDS = rf"((?:(?!{_AUXILIARY}\b)[\w.+/-]+\s+){{1,5}}?)"
# 'which python version does', 'what problem lets': the noun before the verb names the kind of answer.
_CLASS = tuple(
    re.compile(rf"(?:(?<!\w)\w+ )?(?:which|what)\s+{_WORDS}(?=({verb})\b)")
    for verb in (_AUXILIARY, "[a-z]+s")
)
_DONE = re.compile(rf"\b{_AUXILIARY} (?:i|we|you|one|people) (\w+)|\bto (\w+)")
_WORD = re.compile(r"[^\s,;:?]+")
_INFLECTED = re.compile(r"\b[a-z]{3,}(?:ed|ly)\b")  # mostly verbs and adverbs, which have many synonyms
_IDENTIFIER = re.compile(r"(?:/[\w.-]+){2,}|\b[A-Za-z]\w*[._]\w+(?:[._]\w+)*|\b[a-z]+[A-Z]\w*")
_TOKEN = re.compile(r"[^\W_]\w*(?:[-+.'’]\w+)*")
_HOW = re.compile(r"\bhow (\w+)")
_MOST = re.compile(r"\bat (?:most|least)\b")
_COUNTED = re.compile(rf"\bhow many (?:\w+[ -]){{0,3}}?(\w+)(?= (?:{_AUXILIARY}|per|in|of)\b|$)")
# Verbs and nouns with which anything can be asked; a statement answers without them.
_LIGHT = (
    "mean describe description hold contain use put call stand need work help want know look like go come try ask say tell "
    "value number type kind sort way name command thing meaning"
).split()
_ASKING, _DOING, _CLOSING = 0.35, 0.6, 0.5
# Verbs of questions; answers often say the same with another one.
_VERBS = frozenset(map(stem, """
    accept achieve act add advise aim allow appear apply arise ask assign assume attain avoid become begin behave belong bring build
    call carry cause change choose collect come compare compile comprise compute configure connect consist contain control convert
    correspond cost cover create define deliver denote deploy depend describe design determine develop differ discover display
    distribute divide do download employ enable end ensure enter establish examine execute exist expect explain express extend fail find
    finish follow form found generate get give go grant grow handle happen help hold house identify implement import include increase
    indicate install invent invoke involve keep know launch lead learn let lie list load locate look lose maintain make manage map match
    mean measure meet name need obtain occupy occur offer operate organise originate own perform post precede prefer prepare present
    prevent print proceed process produce propose protect prove provide publish put quote reach read receive recommend record reduce
    refer rely remain remove rename repair replace report represent require reserve reside resubmit retire return reveal run satisfy
    save say see select send separate serve set share ship show sign simulate solve span specify spend split stand start stay stop store
    submit suggest supply support suppose switch take tell tolerate train transfer translate treat try turn type understand unpack
    update upload use vary verify view visualise wait want weigh work write yield
""".split()))  # fmt: skip
_BEFORE_NOUNS = frozenset(
    "a an the of for in on at by with from to per which what whose no this that each every my your its and or".split()
)

_FIGURE = r"(?:(?<![\w.])(?<![\d.,],)\d[\d.,]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|few|several|an?)\b)"
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
# What is measured, so that a number is wanted.
_QUANTITY = (
    "accuracy|angle|bandwidth|cross[- ]section|density|depth|distance|efficiency|energ(?:y|ies)|extent|factor|magnetic field|frequency|"
    "height|latency|length|lifetime|limit|luminosity|mass|momentum|population|power|pressure|quota|radius|resolution|size|speed-?up|speed|"
    "strength|temperature|term|thickness|threshold|voltage|volume|width"
)
_MEASURE = re.compile(rf"\b(?:{_QUANTITY})s?\s*$")
# What a question wants, by its words, and how a statement that gives it looks.
_WANTS: tuple[tuple[str, str], ...] = (
    ("frequency", r"\bhow often\b"),
    ("duration", r"\bhow long\b"),
    (
        "number",
        rf"\bhow (?!{_AUXILIARY}\b|to\b|come\b|long\b|often\b|well\b)\w+|\b(?:what|which) (?:fraction|percentage|number|port|rate)"
        rf"|\bport\b|\b(?:what|which) (?:(?:is|are|was) (?:the |an? )?)?(?:[\w-]+ ){{0,3}}?(?:{_QUANTITY})\b",
    ),
    ("version", r"\b(?:what|which) (?:\w+ ){0,3}(?:versions?|releases?)\b"),
    ("date", r"\bwhen (?:\w+ )?(?:was|were|did|will)\b|\b(?:what|which) (?:year|day|month|date)\b"),
    ("person", r"\bwho(?:se)?\b"),
    ("reason", r"\bwhy\b"),
    ("place", r"\bwhere\b|\b(?:which|what) (?:file|directory|folder|address|page|site|location|path)\b"),
    ("way", r"\bhow (?:do|can|could|should|to)\b|\b(?:which|what) commands?\b"),
)  # fmt: skip
_ANSWERS = {
    "frequency": r"\b(?:times|once|twice|weekly|daily|monthly|yearly|hourly|every|each|per|bi-?weekly|[kMG]?Hz)\b|=\s?\d",
    "duration": rf"{_FIGURE}[\s-]?(?:{_DURATION}|{_LENGTH})\b",
    "version": r"\bv?\d+(?:[.r]\d+)+\w*|\b\d{4}\b|\b[A-Za-z]+\d\b|\bv\d",
    "date": r"\b(?:1[89]|20)\d\d\b|\b(?:Jan|Febr|Septem|Octo|Novem|Decem)\w+\b|\b(?:March|April|May|June|July|August)\b|\b[A-Z]\w+day\b",
    "person": r"(?:^|\b[a-z]\w* |[^\w\s] ?)[A-Z][a-z]+(?: [A-Z]\.)? [A-Z][a-z]\w+\b(?! [A-Z])",
    "reason": r"(?i)\b(?:because|since|due to|so that|in order to|therefore|as (?:it|this|they|the)|to (?:avoid|ensure|make|prevent)|tells"
              r"|means|necessary|reason|otherwise|hence|thus)\b",
    "place": r"https?://|localhost|[\w.-]/[\w./-]|\b\w+\.(?:py|root|md|yml|yaml|txt|xml|sh|json|cfg|C|cpp|h|hh|hpp|dec|dst)\b|"
             r"\b(?:in|at|on|under|directory|folder|located|page|section|site|forum|tracker|bugtracker)\b",
    "way": r"`|\$|--?\w|(?<!\w)[^\WA-Za-z]*[A-Za-z]\w*[._(]\w|\b(?:command|run|type|typing|use|using|calling|call)\b|\w-\w",
}  # fmt: skip
_SEEN = {kind: re.compile(pattern) for kind, pattern in _ANSWERS.items()} | {
    "number": _NUMBER,
}
# A statement without any of these cannot answer; the others have no form of their own.
EXACT = frozenset({"frequency", "duration", "number", "version", "date", "person"})


@dataclass(frozen=True)
class Asked:
    """A question about documents.

    Args:
        words: the stems of what it names, in order, with the words as written.
        shares: how much a word counts: 1 for what the question is about, less for how it asks.
        wants: a kind of answer, such as 'number', 'date' or 'person', or '' where any statement may answer.
        figures: words with digits, which a number that answers must not be.
        identifiers: stems of names of code (`Electron_dxy`, `filesPerJob`), which mean one thing.
        names: stems of words written as names ('KEKB', 'Beijing', 'log_01'): another name is another thing.
        counted: the stem of what is to be counted ('how many nodes'), or ''.
    """

    words: Mapping[str, str]
    shares: Mapping[str, float]
    wants: str
    figures: tuple[str, ...]
    identifiers: frozenset[str]
    names: frozenset[str] = field(default=frozenset())
    counted: str = ""

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
        """`text` without what the question itself says in figures or, where a person is wanted, in names."""
        said = self.figures
        if self.wants == "person":
            said = (*said, *(self.words[name] for name in self.names))
        for figure in said:
            text = re.sub(rf"(?<![\w.]){re.escape(figure)}(?!\.?\w)", " ", text)
        return text


_UNSEARCHED = frozenset(map(stem, STOPWORDS)) | {"maximum"}

_QUESTION_WORD = re.compile(r"\b([a-z]{3,5}?)(['’]?s)?\b", re.I)
_QUESTION_WORDS = frozenset({"what", "which", "how", "where", "when", "who"})


def _written_right(match: re.Match[str]) -> str:
    """'what is' for 'whats', 'what' for 'wat'; any other word as it is."""
    word = next(iter(meanings(match[1].lower())), match[1].lower())
    if word not in _QUESTION_WORDS or match[0].lower() == word:
        return match[0]
    return f"{word} is" if match[2] else word


def asked(question: str) -> Asked:
    """Read a question in words."""
    plain = _QUESTION_WORD.sub(_written_right, " ".join(question.split())[:1000].strip().rstrip("?.! "))
    lowered = plain.lower()
    words = named(plain)
    if _MOST.search(lowered) and "maximum" not in words:
        words["maximum"] = _MOST.findall(lowered)[0]
    wants = next((kind for kind, pattern in _WANTS if re.search(pattern, lowered)), "")
    figures = sorted(re.findall(r"\b\w*\d\w*", plain), key=len, reverse=True)
    counted = _COUNTED.search(lowered)
    names = frozenset(map(stem, _names(plain))) & words.keys()
    shares = {word: share for word, share in _shares(lowered).items() if word not in names}
    return Asked(
        words, shares, wants, tuple(figures), frozenset(s for m in _IDENTIFIER.finditer(plain) for s in named(m[0])), names,
        stem(counted[1]) if counted else "",
    )  # fmt: skip


def _shares(lowered: str) -> dict[str, float]:
    """The shares of words that say more how a question asks than what it is about."""
    shares = dict.fromkeys(map(stem, _LIGHT), _ASKING)
    if found := next((m for pattern in _CLASS if (m := pattern.match(lowered))), None):
        noun = found[1].split()
        kind = noun[noun.index("of") - 1] if "of" in noun[1:] else noun[-1]
        if not _MEASURE.search(found[1]):
            shares[stem(kind)] = _ASKING
        shares.setdefault(stem(found[2]), _CLOSING)
    for match in _DONE.finditer(lowered):
        shares.setdefault(stem(match[1] or match[2]), _DOING)
    for before, word in itertools.pairwise(_WORD.findall(lowered)):
        if stem(word) in _VERBS and before not in _BEFORE_NOUNS:
            shares.setdefault(stem(word), _CLOSING)
    for match in _INFLECTED.finditer(lowered):
        shares.setdefault(stem(match[0]), _CLOSING)
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
