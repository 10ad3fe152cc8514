"""One sentence of a question: its tokens, what goals have used of them, and what was wanted before."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yukawa.knowledge.parsing.asides import set_aside
from yukawa.knowledge.parsing.excuses import ASSUMING
from yukawa.knowledge.parsing.labels import with_initials
from yukawa.knowledge.parsing.lexicon import question_words
from yukawa.knowledge.parsing.plan import Amount, Goal, Span, Wanted
from yukawa.knowledge.parsing.settling import settled
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import Token
from yukawa.knowledge.parsing.told import without_teller

# Tokens without a part of their own in a goal; of these only 'word' and 'mark' can change an answer.
BACKGROUND = frozenset(
    {"function", "neutral", "join", "pronoun", "mark", "stop", "word", "into", "weighing", "list", "aside"}
)

MEANINGFUL = frozenset(  # kinds that mean something wherever they occur
    {"thing", "class", "constant", "property", "difference-of", "channel", "amount", "qualifier", "measured", "ratio", "sum", "difference",
     "minus", "plus", "factor", "relation", "negation", "explain", "identifier", "fraction", "arrow", "jpc",
     "self-conjugate", "sign", "unit", "code", "out-of", "count", "times", "product", "average", "power", "per", "ordinal",
     "state", "appended", "divided", "agreement"}
)  # fmt: skip


@dataclass
class Clause:
    """A sentence under reading.

    Args:
        plain: the text that all places refer to.
        tokens: those of this sentence.
        used: places in `tokens` that a goal has used.
        language: of the question.
        asks: whether it is a question joined to the one before: '… and how does it decay?'.
        states: whether it is a statement beside a question: 'The top is the heaviest quark. How wide is it?'.
        claims: whether what it states is to be judged: 'True or false: the tau outlives the muon.'.
        told: places of what a statement says of a quantity and nobody asks: 'I have 2.2 microseconds for the muon lifetime.'.
        tale: whether it is what the asker did, beside a question for what the sources list, which that cannot change.
        asked: whether a question mark ends it.
    """

    plain: str
    tokens: list[Token]
    used: set[int] = field(default_factory=set)
    language: str = "en"
    asks: bool = False
    states: bool = False
    claims: bool = False
    told: set[int] = field(default_factory=set)
    tale: bool = False
    asked: bool = False

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
        """The words of a token in lower case."""
        return self.tokens[place].text.lower()

    @property
    def has_question_word(self) -> bool:
        """Whether the sentence has a question word, so that more than yes or no is asked."""
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

    def words(self, places: Iterable[int]) -> list[str]:
        """The single words of the tokens at some places, in lower case."""
        return [word for i in places for word in self.text(i).split()]

    def contains(self, words: Iterable[str]) -> bool:
        """Whether the sentence has one of these words."""
        allowed = set(words)
        return any(word in allowed for t in self.tokens for word in t.text.lower().split())


def sentences(plain: str, tokens: Sequence[Token], language: str = "en") -> Iterator[Clause]:
    """The sentences of a question with their tokens settled."""
    found: list[_Sentence] = [_Sentence()]
    tokens = with_initials(tokens)
    for place, token in enumerate(tokens):
        last = found[-1]
        joined = _asks_further(last.tokens, tokens, place, language)
        apart = _ASKS_APART.get(language, _never)(last.tokens, tokens, place)
        if token.kind == "stop" or joined or apart:
            last.asked |= token.text in _ASKED
            last.ahead = apart
            found.append(_Sentence(joined=joined))
        else:
            german = (
                language == "de" and token.text.lower() == "im"
            )  # in English it is 'I'm', and speaks of the asker
            last.tokens.append(replace(token, text="in dem") if german else token)
    found = _with_premises(plain, found, language)
    for number, sentence in enumerate(found):
        rest = [other for i, other in enumerate(found) if i != number]
        others = [token for other in rest for token in other.tokens]
        judged, said = (
            _judged(sentence.tokens, asked=sentence.asked) if language == "en" else (False, sentence.tokens)
        )
        others_ask = any(other.asked or _opens_question(other.tokens) for other in rest)
        if judged or others_ask or sentence.ahead or language != "en":
            said = without_teller(said, asked=sentence.asked and language == "en" and not judged)
        if kept := set_aside(
            said, others=() if sentence.joined else others, language=language, asked=sentence.asked
        ):
            told = not sentence.asked and others_ask and language != "en"
            told &= any(t.kind == "amount" for t in kept)
            asks = ("list", "count", *(("neutral",) if language in ("zh", "ja") else ()))
            told &= not any(_is_open(t) or t.kind in asks for t in kept)
            declares = _declares(kept) if language == "en" else sentence.ahead or told
            states = (
                declares and not sentence.asked and not sentence.joined and (sentence.ahead or others_ask)
            )
            listed = any(_asks_listed(other.tokens) for other in found[number + 1 :])
            tale = language == "en" and not sentence.asked and listed and _is_tale(said)
            states |= tale
            kept = [t for t in kept if not tale or (t.kind != "amount" and t.text not in _ERROR)]
            clause = Clause(
                plain,
                settled(kept),
                language=language,
                asks=sentence.joined,
                states=states,
                tale=tale,
                asked=sentence.asked,
            )
            clause.claims = judged or (states and clause.has(*_CLAIMING))
            yield clause


def _is_tale(tokens: Sequence[Token]) -> bool:
    """Whether a sentence only tells what the asker did: 'we stop muons in a scintillator and got 2.1 microseconds'."""
    said = {word for t in tokens for word in t.text.lower().split()}
    return (
        bool(said & _SPEAKERS) and not said & (ASSUMING | _WANTING | {"only"}) and not _opens_question(tokens)
    )


_SPEAKERS = frozenset("i we i've we've".split())


def _asks_listed(tokens: Sequence[Token]) -> bool:
    """Whether a sentence asks for what the sources list: 'what is the accepted mean life?'."""
    said = [word for t in tokens for word in t.text.lower().split()]
    asks = bool(said) and said[0] in ("what", "what's", "which")
    return asks and bool(_LISTED & set(said)) and not _APART & set(said)


_ERROR = ("+", "-", "±", "=")
_APART = frozenset(
    "far sigma sigmas difference deviation deviations off agree consistent compatible percent changed".split()
)
_LISTED = frozenset(
    "accepted reference listed listings quoted quote pdg review literature official tabulated textbook".split()
)


@dataclass
class _Sentence:
    """The tokens between two stops, or before another question.

    Args:
        tokens: those of the sentence.
        joined: whether it is a question joined to the one before.
        asked: whether a question mark ends it.
        ahead: whether a question follows behind a comma or a dash.
    """

    tokens: list[Token] = field(default_factory=list)
    joined: bool = False
    asked: bool = False
    ahead: bool = False


_ASKED = frozenset("?？")
_CLAIMING = ("compare", "most", "class", "amount", "state", "number", "factor")
_TRUE_OR_FALSE = ("true or false", "true/false", "t/f", "t or f", "right or wrong", "fact or fiction")


_EQUATION = 3  # words, at least


def _judged(tokens: list[Token], *, asked: bool) -> tuple[bool, list[Token]]:
    """Whether a sentence wants a verdict, 'true or false: …', and what it states."""
    texts = [t.text.lower() for t in tokens]
    if asked and len(tokens) > _EQUATION and texts[-2] == "=" and tokens[-1].kind == "amount":
        return True, [t for t in tokens if t.text != "="]  # 'm(Xi-) = 1321.71 MeV?'
    if asked and len(tokens) > 1 and texts[-1] == "zero" and texts[-2] in ("still", "really", ",", "-"):
        return True, tokens
    for phrase in _TRUE_OR_FALSE:
        size = next((n for n in range(1, 4) if "".join(texts[:n]) == phrase.replace(" ", "")), 0)
        if size and len(tokens) > size:
            return True, tokens[size + (texts[size] in (":", ",", "-")) :]
    return False, tokens


_OPENING = frozenset("is are was were do does did has have had can could will would should may might".split())
_LINKING = frozenset(
    "is are was were has have had does can contain contains carry carries form forms"
    " give gives list lists quote quotes show shows live lives lived last lasts lasted survives weigh weighs weighed".split()
)
_STATED = frozenset("since because as although though while whereas given the that".split())
_VERBS = ("word", "into", "compare", "explain", "measured")


def _opens_question(tokens: Sequence[Token]) -> bool:
    """Whether a sentence begins as a question or a request."""
    first = next((t for t in tokens if t.kind != "mark" and t.text.lower() not in _LEADING), None)
    if first is None:
        return False
    words = first.text.lower().split()
    asks_for = first.kind in ("list", "count", "explain") or words[0] in _OPENING | _REQUESTS
    return asks_for or words[0] in question_words("en")


_REQUESTS = frozenset("find calculate compute determine estimate give state tell name show".split())
_LEADING = frozenset("and so but then now ok okay well please".split())
_OBJECTS = frozenset("the this that these it me us a an".split())


def _declares(tokens: Sequence[Token]) -> bool:
    """Whether a sentence states something: a subject ahead of a finite verb, neither a question nor a request."""
    first = tokens[0]
    if first.text.lower() in ("i", "we", "my", "our") and len(tokens) > 3:
        return True
    if tokens[-1].text.lower() == "aside":
        return True  # 'The proton radius puzzle aside'
    presented = any(
        a.text == ":" and b.value == "wh" for a, b in itertools.pairwise(tokens)
    )  # 'N(1440): where is'
    valued = any(a.text.lower() == "is" and b.kind == "amount" for a, b in itertools.pairwise(tokens))
    if presented or _opens_question(tokens) or (first.kind == "property" and not valued):
        return False
    if first.kind in ("word", "neutral") and len(tokens) > 1 and tokens[1].text.lower() in _OBJECTS:
        return False  # 'Find the energy'
    for before, token in itertools.pairwise(tokens):
        words = token.text.lower().split()
        if (token.kind in ("function", "property", "list", "neutral") and set(words) & _LINKING) or (
            token.kind == "channel" and before.kind in ("thing", "neutral")
        ):
            return True
        several = before.kind in ("thing", "class") and before.text.endswith("s")
        decays = token.kind == "property" and words[0] in ("decays", "decay") and before.kind == "thing"
        if decays and (token is not tokens[-1] or (several and words[0] == "decay")):
            return True  # 'the Sigma0 decays electromagnetically'
        if before.kind in ("word", "qualifier") and token.text.lower() in _REPORTED:
            return True  # 'the CMS collaboration published a mass'
        if several and token.kind in _VERBS and words[0].isalpha():
            return True  # 'muons reach sea level'
        if (
            token.kind in _VERBS
            and words[0].isalpha()
            and words[0].endswith(("ed", "s"))
            and len(words[0]) > _SHORTEST_VERB
        ):
            return True
    return False


_REPORTED = frozenset("published reported announced measured presented released".split())
_SHORTEST_VERB = 3  # letters; 'was', 'has' are known


def _asks_apart(before: Sequence[Token], tokens: Sequence[Token], place: int) -> bool:
    """Whether a question of its own begins behind the comma or dash at `place`, after a whole statement."""
    wants = tokens[place].text.lower() == "but" and bool(
        {t.text.lower() for t in tokens[place + 1 : place + 4]} & _WANTING
    )
    if not (wants or tokens[place].text in (",", "-", ":")) or place + 1 >= len(tokens) or not before:
        return False
    after = tokens[place + 1 :]
    after = after[1:] if after[0].text.lower() in _LEADING and len(after) > 1 else after
    rest = itertools.takewhile(lambda t: t.kind != "stop", after)
    if all(t.kind in ("neutral", "mark") for t in rest):
        return False  # '…, at which CL?' asks of nothing by itself
    opens = (
        bool({*after[0].text.lower().split()[:2]} & {*question_words("en"), *_OPENING})
        and after[0].kind != "thing"
    )
    opens |= wants
    opens |= tokens[place + 1].text.lower() == "so" and bool({t.text.lower() for t in after[:3]} & _WANTING)
    first = before[0].text.lower()
    things = any(t.kind in ("thing", "class") for t in before) or (first in ("my", "our") and len(before) > 3)
    things |= before[-1].text.lower() == "aside"
    return opens and things and not (first.startswith(_SUPPOSING) or first in _AHEAD) and _declares(before)


def _asks_apart_in_other_words(before: Sequence[Token], tokens: Sequence[Token], place: int) -> bool:
    """'电子的寿命是 …,现在的数值是多少?', '…と書いてあるけど、下限は何年ですか': a statement, a comma, another question."""
    if tokens[place].text not in (",", "、") or not before:
        return False
    stop = next((i for i in range(place, len(tokens)) if tokens[i].kind == "stop"), len(tokens))
    after = tokens[place + 1 : stop]
    whole = any(t.kind in ("thing", "class") for t in before) and any(t.kind in _PREDICATES for t in before)
    told = any(
        t.kind in ("word", "amount", "compare", "channel", "explain", "difference") or t.text in _CLOSING
        for t in before
    )
    topic = stop < len(tokens) and bool(after) and after[-1].text == _TOPIC
    judged = "".join(t.text for t in after) in _RIGHT
    asks = topic or judged or any(_is_open(t) for t in after)
    told &= before[-1].kind not in ("property", "thing", "ratio", "difference-of")
    value = any(t.kind == "amount" for t in before) and not any(t.kind == "thing" for t in after)
    own = any(
        t.kind in ("property", "ratio", "qualifier", "difference-of")
        or t.text in _VALUES
        or (value and _is_open(t))
        for t in after
    )
    return (
        whole
        and told
        and asks
        and (own or judged)
        and not any(_is_open(t) for t in before if t.kind != "explain")
    )


def _never(before: Sequence[Token], tokens: Sequence[Token], place: int) -> bool:
    return False


def _asks_apart_in_european(before: Sequence[Token], tokens: Sequence[Token], place: int) -> bool:
    """'… le neutron vit environ 15 minutes, quelle est la valeur exacte ?'."""
    begins = (
        bool(before)
        and before[0].text.lower() in _ARTICLES
        and not {t.text.lower() for t in before} & {"il", "elle", "est-ce"}
    )
    return begins and _asks_apart_in_other_words(before, tokens, place)


_ARTICLES = frozenset(
    "le la l les un une der die das ein eine dans selon laut im in on man mon ma mein meine".split()
)
_ASKS_APART = {
    "en": _asks_apart, "zh": _asks_apart_in_other_words, "ja": _asks_apart_in_other_words,
    "fr": _asks_apart_in_european, "de": _asks_apart_in_european,
}  # fmt: skip
_PREDICATES = ("property", "channel", "compare", "difference", "amount")
_CLOSING = frozenset(plain_ascii(word) for word in ("ですが", "けど", "が", "けれど", "ので"))
_TOPIC = plain_ascii("は")
_RIGHT = frozenset(
    plain_ascii(word) for word in ("对吗", "对不对", "正确吗", "是真的吗", "正しいですか", "stimmtdas")
)
_VALUES = frozenset(plain_ascii(word) for word in ("数值", "値", "值", "比值", "wert", "valeur"))
_OPEN = tuple(
    plain_ascii(word)
    for word in ("何", "多少", "几", "幾", "哪", "いく", "どれ", "教えて", "ください", "多大")
)


def _is_open(token: Token) -> bool:
    """Whether a word asks: 'combien', '何年', '多少', '教えてください'."""
    return token.value == "wh" or any(word in token.text for word in _OPEN)


_WANTING = frozenset("want wants wanted need needs needed".split())
_SUPPOSING = ("if", "when", "suppos", "assum", "imagin", "let", "say", "consider")
_AHEAD = frozenset("in of from with without for at on during after before".split())


def _asks_further(before: Sequence[Token], tokens: Sequence[Token], place: int, language: str) -> bool:
    """Whether 'and' at `place` joins another question to one that is whole: '… of the tau and how does it decay'."""
    if tokens[place].text.lower() not in _AND or place + 1 >= len(tokens):
        return False
    after, comma = tokens[place + 1], place > 0 and tokens[place - 1].text == ","
    open_word = bool(set(after.text.lower().split()[:2]) & {*question_words(language), "comment"})
    question = after.kind == "explain" or (
        open_word and (after.kind == "function" or after.value == "decays" or (comma and language != "en"))
    )
    verb = after.kind == "function" and after.text.lower() in ("is", "are", "does", "do", "can", "has")
    question |= verb and place + 2 < len(tokens) and tokens[place + 2].text.lower() in ("it", "they")
    if any(t.kind == "property" and t.value == "quark-content" for t in before):
        return False  # 'which baryon is made of …, and what is its charge?' asks of what is found
    kinds = {token.kind for token in before}
    whole = bool(kinds & {"thing", "class", "constant"}) and bool(
        kinds & {"property", "channel", "compare", "most"}
    )
    whole |= {"thing", "class"} <= kinds and before[0].kind == "function"  # 'is the eta a boson'
    return question and whole


def _with_premises(plain: str, found: Sequence[_Sentence], language: str) -> list[_Sentence]:
    """'A muon has a momentum of 10 GeV. How far does it go?': a sentence that only says how something moves belongs to the next."""
    kept: list[_Sentence] = []
    for sentence in found:
        before = kept[-1].tokens if kept else []
        told = before and _MOVES.search(plain, before[0].start, before[-1].end)
        refers = any(t.text.lower() in _PRONOUNS for t in sentence.tokens) and not any(
            t.kind == "thing" for t in sentence.tokens
        )
        asked = any(t.text.lower().split()[0] in question_words(language) for t in before)
        if any(t.kind == "amount" for t in before) and _holds_against(sentence.tokens):
            mark = Token("mark", before[-1].end, before[-1].end, ",")
            kept[-1] = replace(sentence, tokens=[*before, mark, *sentence.tokens], joined=kept[-1].joined)
            continue
        if told and refers and not sentence.joined and not asked and any(t.kind == "amount" for t in before):
            kept[-1] = replace(sentence, tokens=[*before, *sentence.tokens], joined=kept[-1].joined)
        else:
            kept.append(sentence)
    return kept


def _holds_against(tokens: Sequence[Token]) -> bool:
    """'Is that compatible with the accepted value?': whether a value said before is asked about."""
    return any(t.kind == "agreement" for t in tokens) and not any(
        t.kind in ("amount", "thing") for t in tokens
    )


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
    replaced: bool = False  # whether the goals found take the place of the last one

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
