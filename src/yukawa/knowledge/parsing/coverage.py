"""Decides which words that no goal uses could still change the answer: those are unread, and the question is refused."""

import difflib
from collections.abc import Sequence

from yukawa.knowledge.parsing.asides import ASSUMING, FIRST_PERSON, KNOWING
from yukawa.knowledge.parsing.clauses import Clause
from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.names import GENUS
from yukawa.knowledge.parsing.tokens import Token

# Kinds that mean something wherever they stand.
_MEANINGFUL = frozenset(
    {"thing", "class", "constant", "property", "difference-of", "channel", "amount", "qualifier", "measured", "ratio", "sum", "difference",
     "minus", "plus", "factor", "relation", "negation", "explain", "identifier", "fraction", "arrow", "jpc",
     "self-conjugate", "sign", "unit", "code", "out-of", "count", "times", "product", "average", "power", "per", "ordinal",
     "state", "appended"}
)  # fmt: skip
_WANTING = ASSUMING | {"want", "need", "only"}
_QUESTION_WORDS = frozenset("how what which who whose wie welche quel quelle combien".split())
_BEFORE_VERBS = frozenset("i we you am are was were i'm we're have had can could will would to".split())
_BACKGROUND = frozenset({"function", "neutral", "join", "pronoun", "aside", "into", "weighing", "list"})
_STATING = frozenset({"when", "as", "if", "once", "while"})
_ADVERBS = frozenset("possible usual always measured accurately precisely exactly".split())
_LOOSE = frozenset(
    "for on before after during until till because so since while as if and but tonight tomorrow today later otherwise please"
    " thanks für fur vor nach während wegen bitte danke pour avant après apres pendant car merci".split()
)


def unread(clauses: Sequence[Clause]) -> list[Token]:
    """The tokens of all sentences that no goal uses and that are not provably neutral."""
    if not any(clause.used for clause in clauses):
        strange = [t for clause in clauses for t in clause.tokens if t.kind == "word"]
        return strange or [t for clause in clauses for t in clause.tokens if t.kind in _MEANINGFUL]
    return [token for clause in clauses for token in _unread(clause)]


def _unread(clause: Clause) -> list[Token]:
    if not clause.used:
        return _outside(clause)
    first, last = min(clause.used), max(clause.used)
    found = []
    title = _title(clause, first)
    for place, token in enumerate(clause.tokens):
        if place < title and token.kind in ("word", "neutral", "explain", "amount", "unit"):
            continue
        if place > last and _participle(clause, place):
            found += [clause.tokens[place - 1], token]
            continue
        if place in clause.used or token.kind in _BACKGROUND:
            continue
        if token.kind == "negation" and _of_asker_alone(clause, place):
            continue
        if token.kind in _MEANINGFUL or (token.kind in ("compare", "most") and token.value[0]):
            found.append(token)
        elif token.kind == "mark":
            if (
                token.text in "'*^"
                and place
                and place - 1 in clause.used
                and token.start == clause.tokens[place - 1].end
            ):
                found += [clause.tokens[place - 1], token]  # 'Z\''
        elif _dangerous(clause, place, first, last):
            found.append(token)
    return found


def _title(clause: Clause, first: int) -> int:
    """Where 'For an estimate of the range of the strong force:' ends, a purpose ahead of the question; 0 where none is."""
    colon = max((i for i in range(first) if clause.tokens[i].text == ":"), default=0)
    said = [clause.text(i) for i in range(colon)]
    return colon if said and said[0] in _PURPOSES and not _WANTING & set(said) else 0


_PURPOSES = frozenset("for about regarding concerning fur pour".split())


def _participle(clause: Clause, place: int) -> bool:
    """'… when bound', '… as given by Chen': a state or a source without a subject of its own belongs to what stands before it."""
    return (
        place > 0
        and clause.tokens[place].kind in ("neutral", "word")
        and clause.text(place - 1) in _STATING
        and clause.text(place) not in _ADVERBS
    )


# What people say of themselves beside their question; a threshold or a final state is more than that.
_MILD = ("property", "qualifier", "thing", "amount", "unit", "factor")


def _outside(clause: Clause) -> list[Token]:
    """A sentence that takes no part in any goal."""
    words = [t for t in clause.tokens if t.kind == "word"]
    asker = (clause.contains(FIRST_PERSON) or _at_work(clause)) and not clause.contains(_WANTING)
    mild = ("class", "explain", *(_MILD if asker else ()))
    meaningful = [t for t in clause.tokens if t.kind in _MEANINGFUL and t.kind not in mild]
    if [t.text.lower() for t in meaningful] == ["no"] and clause.text(0) == "no":
        meaningful = []  # 'no hurry'
    if meaningful:
        return meaningful
    first = clause.text(0).split()[0]
    if not asker and (first in _FURTHER or (first in _ASKING and words)):
        return words  # 'Also the capital of France.', 'Who said so?'
    return [] if asker else [t for t in words if is_physics(t.text) or is_notation(t.text)]


def _at_work(clause: Clause) -> bool:
    """'Hi all, writing up a cosmic ray lab.': a participle without a subject speaks of the asker."""
    first = next((i for i, t in enumerate(clause.tokens) if t.kind in ("word", *_MEANINGFUL)), None)
    return first is not None and clause.tokens[first].kind == "word" and clause.text(first).endswith("ing")


_ASKING = frozenset("who whom whose where when why wer wo wann warum qui quand pourquoi".split())
_FURTHER = frozenset("also additionally furthermore moreover ausserdem aussi".split())


def _of_asker_alone(clause: Clause, place: int) -> bool:
    """'If you don't mind', 'I don't know': a negation that speaks of people and of no physics."""
    phrase = _phrase(clause, place)
    people = set(_words(clause, phrase)) & FIRST_PERSON
    if people and any(clause.text(i) in KNOWING for i in phrase if place < i <= place + 2):
        return True
    apart = (phrase.start == 0 or _is_mark(clause.tokens[phrase.start - 1])) and (
        phrase.stop == len(clause.tokens) or _is_mark(clause.tokens[phrase.stop])
    )
    others = [
        i
        for i in phrase
        if i != place and (clause.tokens[i].kind in _MEANINGFUL or is_physics(clause.tokens[i].text))
    ]
    return apart and not others and bool(people)


def _dangerous(clause: Clause, place: int, first: int, last: int) -> bool:
    """Whether a word that nothing knows can change what is asked."""
    token = clause.tokens[place]
    phrase = _phrase(clause, place)
    if _place_of_asker(clause, place, phrase, first) or _adverb(token.text):
        return False
    if _imperative(clause, place) or _telling(clause, place):
        return False
    if is_notation(token.text):
        return not (
            place < first and token.text.isalpha() and _asker(clause, phrase)
        )  # 'in a HepMC dump I see'
    if first < place < last:
        return not _parenthetical(clause, place, first, last)
    if place < first:
        return _before(clause, place, first, phrase)
    return _after(clause, place, last, phrase)


def _imperative(clause: Clause, place: int) -> bool:
    """'Express the mass …', 'convert it': a word that begins a sentence before an article or a pronoun is its verb."""
    ahead = clause.tokens[:place]
    if place + 1 >= len(clause.tokens) or any(t.kind not in ("function", "mark", "neutral") for t in ahead):
        return False
    begins = not ahead or all(t.kind == "mark" or t.text.lower() in _POLITE for t in ahead)
    word = clause.text(place)
    return (
        begins
        and clause.text(place + 1) in _OBJECTS
        and word.isalpha()
        and word not in _NO_ASKING
        and not is_physics(word)
    )


def _telling(clause: Clause, place: int) -> bool:
    """'Kann mir jemand die Masse des Protons nennen?': in German the verb of who is asked to tell 'mir' something stands last."""
    rest = clause.tokens[place + 1 :]
    word = clause.tokens[place].text
    told = (
        clause.language == "de" and clause.contains(("mir", "uns")) and word.islower() and word.endswith("en")
    )
    return told and not is_physics(word) and all(t.kind == "mark" for t in rest)


_NO_ASKING = _WANTING | {
    "ignore",
    "neglect",
    "drop",
    "remove",
    "change",
    "replace",
    "scale",
    "vary",
    "shift",
    "increase",
    "decrease",
}
_POLITE = frozenset("please kindly now then and could can would you bitte".split())
_OBJECTS = frozenset("the this that these it me us for die das den la le les".split())


def _adverb(text: str) -> bool:
    """'Practically', 'typically': an adverb of manner or degree names nothing; those of physics are known."""
    word = text.lower()
    return text.isalpha() and word.endswith("ly") and len(word) > _SHORT_WORD and not is_physics(word)


_SHORT_WORD = 5  # 'only', 'July', 'early'


def _place_of_asker(clause: Clause, place: int, phrase: range, first: int) -> bool:
    """'For a seminar at DESY, what is …': an acronym behind 'at', in a phrase of its own ahead of the question."""
    apart = phrase.stop <= first and phrase.stop < len(clause.tokens) and _is_mark(clause.tokens[phrase.stop])
    return apart and place > 0 and clause.text(place - 1) == "at" and clause.tokens[place].text.isalpha()


def _phrase(clause: Clause, place: int) -> range:
    """The places around `place` up to the next mark or part of a goal."""
    start = place
    while start > 0 and not _ends_phrase(clause, start - 1):
        start -= 1
    end = place + 1
    while end < len(clause.tokens) and not _ends_phrase(clause, end):
        end += 1
    return range(start, end)


def _ends_phrase(clause: Clause, place: int) -> bool:
    return place in clause.used or (_is_mark(clause.tokens[place]) and not _glued(clause, place))


def _glued(clause: Clause, place: int) -> bool:
    """Whether a hyphen joins a word that makes another thing of it, 'Xi-ccbar', and no slip of 'tau-lepton'."""
    token, plain = clause.tokens[place], clause.plain
    joined = not (plain[token.start - 1 : token.start] + plain[token.end : token.end + 1]).count(" ")
    if token.text != "-" or not joined or place + 1 == len(clause.tokens):
        return False
    return not difflib.get_close_matches(clause.text(place + 1), GENUS, n=1, cutoff=0.75)


def _is_mark(token: Token) -> bool:
    return token.kind == "mark" or token.text in (",", "/")


def _words(clause: Clause, phrase: range) -> list[str]:
    return [w for i in phrase for w in clause.text(i).split()]


def _asker(clause: Clause, phrase: range) -> bool:
    words = set(_words(clause, phrase))
    return bool(words & FIRST_PERSON) and not words & _WANTING


def _before(clause: Clause, place: int, first: int, phrase: range) -> bool:
    """A word ahead of the core: neutral unless it stands in the same noun phrase or speaks of physics."""
    if _asker(clause, phrase) and place > phrase.start and clause.text(place - 1) in _BEFORE_VERBS:
        return False  # 'I am normalising to …'
    asks = clause.text(first).split()[0] in _QUESTION_WORDS if first < len(clause.tokens) else False
    if (
        phrase.stop == first
        and not asks
        and not any(_boundary(clause.tokens[i], clause.text(i - 1)) for i in range(place + 1, first))
    ):
        return True  # 'dark photon mass', 'colour of the muon'
    return is_physics(clause.tokens[place].text) and not _asker(clause, phrase)


def _boundary(token: Token, before: str) -> bool:
    """Whether a new phrase begins with this word: a verb of asking, a pronoun, a question word; no article or preposition."""
    if isinstance(token.value, float) or (token.kind == "neutral" and token.text in _CLASSIFIERS):
        return False  # '第三代夸克'
    if token.text == "た" and before in _PASSIVE:  # '予想された中間子'
        return False
    return token.kind in ("pronoun", "list", "neutral", "join") or (
        token.kind == "function" and token.text.lower() not in _WITHIN
    )


_PASSIVE = frozenset("しされ")
_CLASSIFIERS = frozenset("代种態态版年方")
_WITHIN = frozenset(
    "a an the this that these those of in on at by for from with to about into onto over under between among per such its their own"
    " 的 中 里 裡 内 上 下 在 于 对 时 の 中で の中 の中で での における 内の し さ れ して した する された される".split()
)


def _after(clause: Clause, place: int, last: int, phrase: range) -> bool:
    """A word behind the core: neutral unless it modifies what stands before it."""
    text = clause.tokens[place].text
    ahead = [clause.tokens[i] for i in range(last + 1, place)]
    between = [t.text.lower() for t in ahead]
    attached = phrase.start == last + 1
    if attached and not [t for t in ahead if t.kind in ("function", "pronoun", "join", "neutral", "list")]:
        return True  # 'tau sneutrino'
    opening = clause.tokens[phrase.start].text.lower().split()[0]
    if attached and opening not in _LOOSE and not _asker(clause, phrase):
        return True  # 'of water', 'in iron', 'to nothing'
    if between and between[0] in ("its", "their"):
        return True
    return is_physics(text) and not _asker(clause, phrase)


def _parenthetical(clause: Clause, place: int, first: int, last: int) -> bool:
    """Whether a word inside the core stands between commas or dashes as an aside of the asker."""
    phrase = _phrase(clause, place)
    marks = [i for i in (phrase.start - 1, phrase.stop) if 0 <= i < len(clause.tokens)]
    enclosed = len(marks) == 2 and all(_is_mark(clause.tokens[i]) for i in marks)
    return enclosed and _asker(clause, phrase) and not any(is_physics(w) for w in _words(clause, phrase))
